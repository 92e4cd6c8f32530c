"""Print jobs and their sheets: what each may become, and how a job stands by the states of its sheets. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.printing.model import Asked
from miandan.waybills.model import NumberRef

MOST_SHEETS: Final = 10_000
"""Numbers of one job, children not counted."""

LONGEST_WORDS: Final = 200
"""Characters of what a person may add to the reason of a reprint."""


class SheetState(StrEnum):
    """Where a sheet stands; it stands in exactly one."""

    QUEUED = "queued"  # 排队
    LEASED = "leased"  # 已派给打印端
    SENT = "sent"  # 发送中: its agent has begun
    PRINTED = "printed"  # 已打印
    FAILED = "failed"  # 失败: nothing of it is on paper
    DOUBTFUL = "doubtful"  # 存疑: only a person or a later word of the device knows
    STOPPED = "stopped"  # 已拦下
    CANCELLED = "cancelled"  # 已取消


class Proof(StrEnum):
    """What a printed sheet's word rests on."""

    DEVICE = "device"  # 设备回报
    SPOOLER = "spooler"  # 队列回报
    SENT_ONLY = "sent_only"  # 仅发送
    PERSON = "person"  # 人工确认, after a doubt


class Decider(StrEnum):
    """Who said how a sheet ended."""

    AGENT = "agent"
    PERSON = "person"


class JobState(StrEnum):
    """How a job stands, by its sheets."""

    WAITING = "waiting"  # 等待
    PRINTING = "printing"  # 打印中
    PAUSED = "paused"  # 已暂停
    TO_CHECK = "to_check"  # 待处理: nothing is under way, some sheets failed or are in doubt
    CANCELLED = "cancelled"  # 已取消: nothing of it came out
    DONE = "done"  # 已完成


class JobKind(StrEnum):
    """Whether its labels are the first of their parcels, or what a print component had from print data."""

    FIRST = "first"
    REPRINT = "reprint"
    COMPONENT = "component"  # 打印组件: told of when it has ended


class PrinterRef(NamedTuple):
    """A printer by its agent and the name that the agent gives it."""

    agent_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class JobAsk:
    """Labels to be printed in this order, each parent followed by its children.

    `shop_id` None: numbers of any shop of the merchant. `template`: a standard template or one that the merchant
    offers, `name` or `name@version`; "" prints each number on its carrier's own. The same `request_id` again answers
    the job that it made, and is refused with another content.
    """

    merchant_id: int
    printer: PrinterRef
    numbers: Sequence[Asked]
    by: str
    shop_id: str | None = None
    template: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A job as it lies. `drained`: none of its sheets is queued; `fingerprint`: of what its request asked for."""

    merchant_id: int
    job_id: UUID
    request_id: str
    shop_id: str | None
    agent_id: UUID
    printer: str
    template: str
    kind: JobKind
    reason: str
    words: str
    sheets: int
    refused: tuple[Mapping[str, str], ...]
    made_by: str
    made_at: datetime
    fingerprint: bytes | None = None
    paused_at: datetime | None = None
    paused_by: str = ""
    drained: bool = False

    @property
    def target(self) -> PrinterRef:
        return PrinterRef(self.agent_id, self.printer)


@dataclass(frozen=True, slots=True)
class PrintSheet:
    """One label of a job; the columns of `print_sheet`, where they are explained."""

    merchant_id: int
    sheet_id: UUID
    job_id: UUID
    place: int
    carrier: str
    number: str
    month: date
    version: int
    queued_at: datetime
    printed_version: int | None = None
    state: SheetState = SheetState.QUEUED
    agent_id: UUID | None = None
    printer: str = ""
    lease: int = 0
    copy: int = 0
    copy_free: bool = False
    drawn: int = 0
    evidence: str = ""
    reason: str = ""
    decided_by: str = ""
    recalled_to: SheetState | None = None
    recall_reason: str = ""
    leased_at: datetime | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    steps: int = 1

    @property
    def ref(self) -> NumberRef:
        return NumberRef(self.merchant_id, self.carrier, self.number, self.month)

    @property
    def asked(self) -> Asked:
        return Asked(self.carrier, self.number)

    @property
    def tag(self) -> "SheetTag":
        return SheetTag(self.merchant_id, self.sheet_id, self.lease)


class SheetTag(NamedTuple):
    """One lease of a sheet: what an agent knows it by. A sheet that is given out again gets another tag, so that a late
    word about the earlier lease is not taken for one about the later."""

    merchant_id: int
    sheet_id: UUID
    lease: int

    def __str__(self) -> str:
        return f"{self.merchant_id}.{self.sheet_id.hex}.{self.lease}"


def read_tag(text: str) -> SheetTag:
    """Raises Refusal printing.sheet_unknown for a text that names no sheet."""
    merchant, _, rest = text.partition(".")
    sheet, _, lease = rest.partition(".")
    try:
        if not (merchant + lease).isascii() or len(merchant) > 19 or len(lease) > 9:
            raise ValueError
        tag = SheetTag(int(merchant), UUID(sheet), int(lease))
    except ValueError:
        raise Refusal("printing.sheet_unknown") from None
    if str(tag) != text:
        raise Refusal("printing.sheet_unknown")
    return tag


@dataclass(frozen=True, slots=True)
class Leased:
    """A sheet on its way to its agent; `sealed` only that agent opens. `sheet_id` is the tag as text."""

    sheet_id: str
    job_id: str
    place: int
    printer: str
    number: str
    copy: int
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Word:
    """How a sheet ended, as its agent says it; `at` by the agent's clock."""

    outcome: Outcome
    evidence: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """A number that was asked for and is not printed, and why."""

    asked: Asked
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class JobMade:
    """What became of an ask: the job, None where no number could be printed, and the numbers that were turned away."""

    job: PrintJob | None
    turned: tuple[Turned, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """A job's sheets by state, and its printed ones by what their word rests on."""

    by_state: Mapping[SheetState, int]
    by_proof: Mapping[Proof, int]

    def of(self, *states: SheetState) -> int:
        return sum(self.by_state.get(state, 0) for state in states)


def job_state(job: PrintJob, counts: Counts) -> JobState:
    """How a job stands."""
    under_way = counts.of(SheetState.LEASED, SheetState.SENT)
    queued, printed = counts.of(SheetState.QUEUED), counts.of(SheetState.PRINTED)
    if queued and job.paused_at is not None:
        return JobState.PAUSED
    if under_way or queued:
        return JobState.PRINTING if under_way or queued < job.sheets else JobState.WAITING
    if counts.of(SheetState.FAILED, SheetState.DOUBTFUL):
        return JobState.TO_CHECK
    return JobState.DONE if printed else JobState.CANCELLED
