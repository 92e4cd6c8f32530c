"""Sheets that an agent's print components had from print data (组件打印的面单): paper that nobody was given here.

The agent tells of each when it has ended, perhaps days later and more than once. It is kept as a sheet like the others,
whatever has become of its number meanwhile: paper does not go away. The copy that its label says is counted; where that
copy is another paper's already the next one is, which no paper says, so that the packing table takes neither.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID

from miandan.access.tokens import authorisations_of_app
from miandan.accounts.account_book import lent_account
from miandan.kernel.clock import now
from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.printing import component_queries, job_queries, printer_queries, stopping
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import (
    Decider,
    JobKind,
    PrintJob,
    PrintSheet,
    Proof,
    SheetState,
    Word,
)
from miandan.printing.model import Agent
from miandan.printing.transitions import NO_REASON
from miandan.waybills import queries as waybill_queries
from miandan.waybills.model import NumberRef
from miandan.waybills.obstacles import orders_behind

MOST_COPY: Final = 999_999
"""That a small code can say."""

_STATES: Final = {
    Outcome.PRINTED: SheetState.PRINTED,
    Outcome.DOUBTFUL: SheetState.DOUBTFUL,
    Outcome.FAILED: SheetState.FAILED,
}
_LONGEST: Final = 100  # characters of a reason
_MOST_MERCHANT: Final = 2**63


@dataclass(frozen=True, slots=True)
class ComponentSheet:
    """What an agent says. `name` and `task` are its own words for the sheet and for the page's task; merchant, number
    and document stood in the print data; `copy` is what the label says, `by` the app and the page."""

    name: str
    task: str
    merchant: str
    carrier: str
    number: str
    document: int
    copy: int
    printer: str
    by: str
    word: Word


async def count_component_sheet(
    desk: PrintDesk, agent: Agent, said: ComponentSheet, at: datetime | None = None
) -> None:
    """Keep a sheet that a component has printed, that failed after it had begun, or that is in doubt; committed when
    this returns. Again changes nothing.

    Raises printing.component_sheet_refused where there is no such number, or none that this agent had print data of: it
    prints for the merchant, or for the lender of the account that the number was taken on by the lender's app.
    """
    at = at or now()
    ref = await _believed(desk.db, agent, said)
    async with desk.db.transaction() as tx:
        job, is_new = await _job_for_update(tx, _job(agent, said, ref, at))
        sheet_id = _named(said.name)
        known = await component_queries.kind_of(tx, ref.merchant_id, sheet_id)
        if known is JobKind.COMPONENT and not is_new:
            return
        if known is not None:
            raise Refusal("printing.component_sheet_refused")
        place = job.sheets if is_new else await component_queries.next_place(tx, job)
        await _write(tx, agent, replace(_sheet(agent, said, ref, at), sheet_id=sheet_id, place=place), said)


# --- whom it is believed of -------------------------------------------------------------------------------------------


async def _believed(db: Reads, agent: Agent, said: ComponentSheet) -> NumberRef:
    """Where the number lies. Whether one that is refused is somebody else's is not told."""
    merchant_id = _merchant(said.merchant)
    if _is_sound(said) and merchant_id:
        ref = await waybill_queries.find(db, merchant_id, said.carrier, said.number)
        if ref is not None and await _may_print(db, agent, ref):
            return ref
    raise Refusal("printing.component_sheet_refused")


def _merchant(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if number < _MOST_MERCHANT else 0


def _is_sound(said: ComponentSheet) -> bool:
    texts = said.carrier, said.number, said.printer, said.by, said.word.reason
    return 0 < said.copy <= MOST_COPY and said.word.outcome in _STATES and all(text.isprintable() for text in texts)


async def _may_print(db: Reads, agent: Agent, ref: NumberRef) -> bool:
    """Keys of shops are given to agents of their own merchant: its own numbers can be opened there, and those that an
    app of its took for somebody else on an account that it lent; what has ended since does not unprint them."""
    if await printer_queries.may_print(db, ref.merchant_id, agent.agent_id):
        return True
    [waybill] = await waybill_queries.waybills(db, [ref])
    try:
        await lent_account(db, agent.merchant_id, ref.merchant_id, waybill.account_id)
        apps = await authorisations_of_app(db, waybill.taken_by)
    except Refusal:
        return False
    return any(one.subject.merchant_id == agent.merchant_id for one in apps)


# --- how it is kept ---------------------------------------------------------------------------------------------------


def _named(text: str) -> UUID:
    """An id of ours for a name of an agent's: the same again, also after it was paired anew."""
    return UUID(bytes=blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def _job(agent: Agent, said: ComponentSheet, ref: NumberRef, at: datetime) -> PrintJob:
    return PrintJob(
        merchant_id=ref.merchant_id,
        job_id=_named(f"task {said.task}"),
        request_id="",
        shop_id=None,
        agent_id=agent.agent_id,
        printer=said.printer,
        template="",
        kind=JobKind.COMPONENT,
        reason="",
        words="",
        sheets=1,
        refused=(),
        made_by=said.by,
        made_at=at,
        drained=True,
    )


async def _job_for_update(tx: Transaction, job: PrintJob) -> tuple[PrintJob, bool]:
    """The job of a page's task, held, and whether this sheet is its first."""
    while not await job_queries.insert(tx, job):
        found = await job_queries.job_for_update(tx, job.merchant_id, job.job_id)
        if found is not None:  # else it was forgotten in this moment
            return found, False
    return job, True


def _sheet(agent: Agent, said: ComponentSheet, ref: NumberRef, at: datetime) -> PrintSheet:
    word, state = said.word, _STATES[said.word.outcome]
    is_printed = state is SheetState.PRINTED
    return PrintSheet(
        merchant_id=ref.merchant_id,
        sheet_id=_named(said.name),
        job_id=_named(f"task {said.task}"),
        place=1,
        carrier=ref.carrier,
        number=ref.number,
        month=ref.month,
        version=said.document,
        queued_at=at,
        printed_version=said.document,
        state=state,
        agent_id=agent.agent_id,
        printer=said.printer,
        lease=1,
        evidence=(word.evidence or Proof.SENT_ONLY.value) if is_printed else "",
        reason="" if is_printed else word.reason[:_LONGEST] or NO_REASON,
        decided_by=Decider.AGENT.value,
        ended_at=at,
    )


async def _write(tx: Transaction, agent: Agent, sheet: PrintSheet, said: ComponentSheet) -> None:
    by, word = f"agent:{agent.agent_id}", said.word
    step = f"reported {word.outcome.value}"
    if sheet.state is SheetState.FAILED:  # no paper, no copy
        await component_queries.insert(tx, sheet, None, step, by, word.at)
        return
    behind = await orders_behind(tx, [sheet.ref])
    [waybill] = await waybill_queries.waybills_for_update(tx, [sheet.ref])
    copy, above = await _copy(tx, sheet.ref, waybill.copies, said.copy)
    await component_queries.count(tx, sheet.ref, copy)
    step += "" if copy == said.copy else f" as copy {said.copy}"
    await component_queries.insert(tx, replace(sheet, copy=copy, drawn=1), above, step, by, word.at)
    await stopping.stop_what_came_out(tx, waybill, behind, by, at=sheet.queued_at)


async def _copy(tx: Transaction, ref: NumberRef, counted: int, said: int) -> tuple[int, int | None]:
    """Which copy of a held waybill a paper is, and above which one it was counted where it leaves some out."""
    if said > counted:
        return said, counted if said > counted + 1 else None
    if await component_queries.is_open(tx, ref, said):
        return said, None
    return counted + 1, None
