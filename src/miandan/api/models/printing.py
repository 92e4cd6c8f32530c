"""Print jobs and their sheets, and printers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from miandan.api.errors import problem_of
from miandan.api.models.fields import Answer, Asked, Problem, Word
from miandan.api.models.waybills import NumberIn, TemplateName
from miandan.kernel.errors import Refusal
from miandan.printing.job_model import (
    LONGEST_WORDS,
    MOST_SHEETS,
    JobKind,
    JobMade,
    JobState,
    PrinterRef,
    PrintSheet,
    Proof,
    SheetState,
)
from miandan.printing.job_views import JobCard, NumberStory, SheetStory
from miandan.printing.printer_queries import PrinterCard
from miandan.printing.printers import Bench
from miandan.printing.view_queries import Step

MOST_SETTLED: Final = 1_000
"""Sheets of one call."""


class AtPrinter(Asked):
    """Whatever names a printer."""

    agent_id: Annotated[UUID, Field(description="打印端，见 GET /printers / a print agent of GET /printers")]
    printer: Annotated[
        Word, Field(min_length=1, description="打印端里打印机的名称 / the name that the agent gives the printer")
    ]

    @property
    def target(self) -> PrinterRef:
        return PrinterRef(self.agent_id, self.printer)


class PrintJobIn(AtPrinter):
    """First labels, printed in this order, each parent followed by its children."""

    numbers: Annotated[list[NumberIn], Field(min_length=1, max_length=MOST_SHEETS)]
    template: TemplateName = ""


class ReprintIn(PrintJobIn):
    """Labels once more, each as its next copy; children only where they are named."""

    reason: Annotated[
        Word,
        Field(
            description="原因 damaged、unreadable、jammed、lost、doubtful、changed、repacked、other / why",
            examples=["damaged"],
        ),
    ]
    words: Annotated[
        str,
        Field(
            max_length=LONGEST_WORDS,
            pattern=r"^[^\x00-\x1f\x7f]*$",
            description="说明，other 必填；其中的电话不保存 / words, needed for other; phones in them are not kept",
        ),
    ] = ""


class MoveIn(AtPrinter):
    """The printer that the rest of the job goes to."""


class Settled(StrEnum):
    """What a person has found."""

    PRINTED = "printed"
    FAILED = "failed"


class SettleIn(Asked):
    """What became of a sheet that was in doubt."""

    outcome: Settled
    reason: Word = ""


class SettleManyIn(SettleIn):
    """What became of sheets that were in doubt: all of them came out, or none."""

    sheet_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_SETTLED)]


class CountsOut(Answer):
    """Sheets of a job by state; they add up to `sheets` of the job."""

    queued: int = Field(description="排队")
    leased: int = Field(description="已派给打印端")
    sent: int = Field(description="发送中")
    printed: int = Field(description="已打印")
    failed: int = Field(description="失败")
    doubtful: int = Field(description="存疑")
    stopped: int = Field(description="已拦下")
    cancelled: int = Field(description="已取消")


class EvidenceOut(Answer):
    """The printed sheets of a job by what the word rests on; they add up to `printed`."""

    device: int = Field(description="设备回报 / the printer itself has said so")
    spooler: int = Field(description="队列回报 / the queue of the computer has said so")
    sent_only: int = Field(description="仅发送 / everything was sent, and nobody has confirmed it")
    person: int = Field(description="人工确认 / a person has looked")


class PrintJobOut(Answer):
    """A job and how it stands."""

    job_id: str
    state: JobState
    kind: JobKind
    agent_id: str
    printer: str
    template: str
    reason: str
    words: str
    sheets: int
    counts: CountsOut
    evidence: EvidenceOut
    made_by: str
    made_at: datetime
    paused_at: datetime | None

    @classmethod
    def of(cls, card: JobCard) -> "PrintJobOut":
        job, counts = card.job, card.counts
        same = ("kind", "printer", "template", "reason", "words", "sheets", "made_by", "made_at", "paused_at")
        return cls(
            job_id=str(job.job_id),
            state=card.state,
            agent_id=str(job.agent_id),
            counts=CountsOut(**{state.value: counts.of(state) for state in SheetState}),
            evidence=EvidenceOut(**{proof.value: counts.by_proof.get(proof, 0) for proof in Proof}),
            **{name: getattr(job, name) for name in same},
        )


class PrintJobPage(Answer):
    """Jobs, newest first; `next` is the cursor of the next page."""

    jobs: list[PrintJobOut]
    next: str | None


class TurnedOut(Answer):
    """A number that is not printed, and why."""

    carrier: str
    number: str
    problem: Problem


class PrintJobMade(Answer):
    """The job, null where no number could be printed, and the numbers that were turned away."""

    job: PrintJobOut | None
    turned_away: list[TurnedOut]

    @classmethod
    def of(cls, made: JobMade, card: JobCard | None) -> "PrintJobMade":
        turned = [
            TurnedOut(carrier=one.asked.carrier, number=one.asked.number, problem=problem_of(one.refusal))
            for one in made.turned
        ]
        return cls(job=None if card is None else PrintJobOut.of(card), turned_away=turned)


class SheetsMoved(Answer):
    """How many sheets were cancelled, moved or declared, and how the job stands now."""

    sheets: int
    job: PrintJobOut


class SheetOut(Answer):
    """One label of a job. `copy` is 0 until it is given to its agent; `recalled_to`: where it goes once the agent has
    given it back."""

    sheet_id: str
    job_id: str
    place: int
    carrier: str
    number: str
    state: SheetState
    copy_number: int = Field(alias="copy")
    evidence: str = Field(description="device、spooler、sent_only、person；没打印则为空 / empty unless printed")
    reason: str
    decided_by: str
    recalled_to: SheetState | None
    agent_id: str | None
    printer: str
    queued_at: datetime
    leased_at: datetime | None
    begun_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, sheet: PrintSheet) -> "SheetOut":
        return cls(**_sheet(sheet))


def _sheet(sheet: PrintSheet) -> dict[str, Any]:
    same = ("place", "carrier", "number", "state", "copy", "evidence", "reason", "decided_by", "recalled_to", "printer")
    times = ("queued_at", "leased_at", "begun_at", "ended_at")
    return {name: getattr(sheet, name) for name in (*same, *times)} | {
        "sheet_id": str(sheet.sheet_id),
        "job_id": str(sheet.job_id),
        "agent_id": None if sheet.agent_id is None else str(sheet.agent_id),
    }


class SettledOut(Answer):
    """One of many sheets: as it stands now, or why it was not settled."""

    sheet_id: str
    sheet: SheetOut | None
    problem: Problem | None

    @classmethod
    def of(cls, sheet_id: UUID, found: PrintSheet | Refusal) -> "SettledOut":
        if isinstance(found, Refusal):
            return cls(sheet_id=str(sheet_id), sheet=None, problem=problem_of(found))
        return cls(sheet_id=str(sheet_id), sheet=SheetOut.of(found), problem=None)


class SettledList(Answer):
    """What became of each sheet."""

    sheets: list[SettledOut]

    @classmethod
    def of(cls, settled: Mapping[UUID, PrintSheet | Refusal]) -> "SettledList":
        return cls(sheets=[SettledOut.of(sheet_id, found) for sheet_id, found in settled.items()])


class SheetList(Answer):
    """Sheets in their order; `next` is the place to go on behind."""

    sheets: list[SheetOut]
    next: int | None

    @classmethod
    def of(cls, sheets: Sequence[PrintSheet], most: int) -> "SheetList":
        more = sheets[-1].place if len(sheets) == most else None
        return cls(sheets=[SheetOut.of(one) for one in sheets], next=more)


class StepOut(Answer):
    """One step of a sheet: what was said by whom, and the state after it. `agent_at` is by the agent's clock."""

    step: int
    at: datetime
    said: str
    by: str
    state: SheetState
    copy_number: int = Field(alias="copy")
    evidence: str
    reason: str
    agent_at: datetime | None

    @classmethod
    def of(cls, step: Step) -> "StepOut":
        same = ("step", "at", "said", "by", "state", "copy", "evidence", "reason", "agent_at")
        return cls(**{name: getattr(step, name) for name in same})


class SheetStoryOut(SheetOut):
    """One label with all that became of it."""

    kind: JobKind
    reprint_reason: str
    made_by: str
    steps: list[StepOut]

    @classmethod
    def of_story(cls, story: SheetStory) -> "SheetStoryOut":
        job = story.job
        return cls(
            kind=job.kind,
            reprint_reason=job.reason,
            made_by=job.made_by,
            steps=[StepOut.of(one) for one in story.steps],
            **_sheet(story.sheet),
        )


class NumberHistory(Answer):
    """Did it come out: every label of a number. `came_out` is null while nobody knows; `last_copy` is the one that
    counts at the packing table, 0 where no paper may exist."""

    carrier: str
    number: str
    came_out: bool | None
    copies: int
    last_copy: int
    sheets: list[SheetStoryOut]
    stopped_because: str
    packed_at: datetime | None
    packed_by: str

    @classmethod
    def of(cls, story: NumberStory) -> "NumberHistory":
        stop, packed = story.stop, story.packed
        return cls(
            carrier=story.asked.carrier,
            number=story.asked.number,
            came_out=story.came_out,
            copies=story.copies,
            last_copy=story.last_copy,
            sheets=[SheetStoryOut.of_story(one) for one in story.sheets],
            stopped_because="" if stop is None else stop.reason,
            packed_at=None if packed is None else packed.packed_at,
            packed_by="" if packed is None else packed.packed_by,
        )


class PrinterOut(Answer):
    """A printer as its agent described it last; sizes of its paper in micrometres, 0 where it has none."""

    agent_id: str
    agent: str = Field(description="打印端的名称 / the agent's name")
    online: bool = Field(description="打印端在线 / whether its agent was heard lately")
    cloud: bool = Field(description="云打印：网点的打印机 / cloud printing, at a branch")
    printer: str
    driver: str
    profile: str
    dpi: int
    width_um: int
    height_um: int
    state: str
    detail: str

    @classmethod
    def of(cls, bench: Bench, card: PrinterCard) -> "PrinterOut":
        same = ("driver", "profile", "dpi", "width_um", "height_um", "state", "detail")
        return cls(
            agent_id=str(bench.agent.agent_id),
            agent=bench.agent.name,
            online=bench.is_online,
            cloud=bench.is_cloud,
            printer=card.name,
            **{name: getattr(card, name) for name in same},
        )


class PrinterList(Answer):
    """Where the merchant may print: its own agents first, then those of branches."""

    printers: list[PrinterOut]
