"""Verbs of print jobs (打印任务): make one, pause it, go on, cancel the rest, move it to another printer.

A job ends: each of its sheets comes out, fails, is in doubt until somebody looks, is stopped or cancelled. What is with
an agent already is asked back; where the agent has begun, the sheet comes out.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from miandan.kernel.clock import now
from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.labels.template import Template
from miandan.printing import job_queries, queries, sheet_queries, transitions
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import (
    MOST_SHEETS,
    JobAsk,
    JobKind,
    JobMade,
    PrinterRef,
    PrintJob,
    PrintSheet,
    SheetState,
    Turned,
)
from miandan.printing.model import Asked, Sheet
from miandan.printing.payloads import pinned, refuse_other_carrier
from miandan.printing.printers import refuse_unless_printable
from miandan.printing.sheet_queries import NewSheet
from miandan.printing.sheets import sheets_of, unknown
from miandan.printing.sheets_life import save, save_and_uncount

CANCELLED: Final = "printing.cancelled_by_hand"
MOVED: Final = "printing.moved"
PAUSED: Final = "printing.paused"

Rule = Callable[[Reads, int, Sequence[Sheet]], Awaitable[list[Turned]]]
"""Why a kind of job does not print some of the sheets that may be printed."""

Told = Callable[[Transaction, PrintJob], Awaitable[None]]
"""What else belongs into the transaction that queues a job."""

_AT_ONCE: Final = 500
"""Numbers whose gates are looked at in one go."""


async def create_job(desk: PrintDesk, ask: JobAsk, at: datetime | None = None) -> JobMade:
    """Queue the first labels of these numbers, children behind their parents, for one printer.

    Numbers that may not be printed are turned away one by one and the rest goes on: waybill.unknown, waybill.not_live,
    waybill.order_in_the_way, waybill.recipient_changed, vault.shredded, labels.template_of_other_carrier,
    printing.printed_before (see `reprint`), printing.sheet_waiting for a number that is on its way to paper already.
    Raises printing.too_many, printing.agent_unknown, printing.agent_unpaired, printing.printer_unknown,
    printing.template_gone, printing.request_reused.
    """
    at = at or now()
    job = new_job(ask, JobKind.FIRST, "", "", at)
    return await make(desk, ask, job, _refuse_printed_before)


async def make(desk: PrintDesk, ask: JobAsk, job: PrintJob, rule: Rule, told: Told | None = None) -> JobMade:
    """`create_job` and `reprint` from here on; `rule` says of each sheet why its kind of job cannot print it."""
    known = await job_queries.job_of_request(desk.db, ask.merchant_id, ask.request_id)
    if known is not None:
        return _made_before(known, job)
    if len(ask.numbers) > MOST_SHEETS:
        raise Refusal("printing.too_many", limit=MOST_SHEETS, given=len(ask.numbers))
    await refuse_unless_printable(desk.db, ask.merchant_id, ask.printer)
    name, template = await pinned(desk.db, ask.merchant_id, ask.template)
    sheets, turned = await _printable(desk, ask, job.kind, template)
    refused = {one.asked: one.refusal for one in await rule(desk.db, ask.merchant_id, sheets)}
    turned += [Turned(asked, refusal) for asked, refusal in refused.items()]
    going = [sheet for sheet in sheets if sheet.asked not in refused]
    if not going:  # perhaps because the same request has made its job while this one looked
        known = await job_queries.job_of_request(desk.db, ask.merchant_id, ask.request_id)
        return JobMade(None, tuple(turned)) if known is None else _made_before(known, job)
    made = await _write(desk, replace(job, template=name), going, turned, told)
    desk.bells.ring(ask.printer.agent_id)
    return made


async def _write(
    desk: PrintDesk, job: PrintJob, going: Sequence[Sheet], turned: list[Turned], told: Told | None
) -> JobMade:
    """Queue the sheets; numbers that another job has queued in this moment are turned away like those before."""
    while going:
        try:
            async with desk.db.transaction() as tx:
                return await _written(tx, job, going, turned, told)
        except _SomeWait as some:
            names = {one.asked for one in some.waiting}
            going, turned = [one for one in going if one.asked not in names], turned + some.waiting
    return JobMade(None, tuple(turned))


class _SomeWait(Exception):
    """Ends a transaction that could not queue everything."""

    def __init__(self, waiting: list[Turned]) -> None:
        super().__init__()
        self.waiting = waiting


async def _written(
    tx: Transaction, job: PrintJob, going: Sequence[Sheet], turned: Sequence[Turned], told: Told | None
) -> JobMade:
    job = replace(job, sheets=len(going), refused=tuple(map(_refused, turned)))
    if not await job_queries.insert(tx, job):
        known = await job_queries.job_of_request(tx, job.merchant_id, job.request_id)
        return _made_before(known or job, job)
    rows = [NewSheet(new_id(), place, sheet.waybill.ref, sheet.waybill.version) for place, sheet in enumerate(going, 1)]
    queued = await sheet_queries.insert(tx, job, rows)
    lost = [sheet for place, sheet in enumerate(going, 1) if place not in queued]
    if lost:
        waiting = await already_waiting(tx, job.merchant_id, lost)
        names = {one.asked for one in waiting}
        waiting += [_in_the_moment(sheet) for sheet in lost if sheet.asked not in names]
        raise _SomeWait(waiting)
    if told is not None:
        await told(tx, job)
    return JobMade(job, tuple(turned))


def _in_the_moment(sheet: Sheet) -> Turned:
    """Queued by somebody else and out again before we could look."""
    return Turned(sheet.asked, Refusal("printing.sheet_waiting", number=sheet.asked.number, job="-", place="-"))


def _refused(turned: Turned) -> dict[str, str]:
    return {"carrier": turned.asked.carrier, "number": turned.asked.number, "code": turned.refusal.code}


def new_job(ask: JobAsk, kind: JobKind, reason: str, words: str, at: datetime) -> PrintJob:
    return PrintJob(
        merchant_id=ask.merchant_id,
        job_id=new_id(),
        request_id=ask.request_id,
        shop_id=ask.shop_id,
        agent_id=ask.printer.agent_id,
        printer=ask.printer.name,
        template=ask.template,
        kind=kind,
        reason=reason,
        words=words,
        sheets=1,
        refused=(),
        made_by=ask.by,
        made_at=at,
        fingerprint=_fingerprint(ask, kind, reason, words) if ask.request_id else None,
    )


def _fingerprint(ask: JobAsk, kind: JobKind, reason: str, words: str) -> bytes:
    """Over what is printed, where and why, not over who asks."""
    said = msgspec.json.encode([kind, reason, words, ask.shop_id, ask.printer, ask.template, ask.numbers])
    return hashlib.blake2b(said, digest_size=16).digest()


def _made_before(job: PrintJob, asked: PrintJob) -> JobMade:
    """The first answer to a request. Raises printing.request_reused when it asked for something else."""
    if job.fingerprint is not None and job.fingerprint != asked.fingerprint:
        raise Refusal("printing.request_reused", key=asked.request_id)
    turned = (
        Turned(Asked(one["carrier"], one["number"]), Refusal("printing.turned_away_before", reason=one["code"]))
        for one in job.refused
    )
    return JobMade(job, tuple(turned))


async def _printable(
    desk: PrintDesk, ask: JobAsk, kind: JobKind, template: Template | None
) -> tuple[list[Sheet], list[Turned]]:
    """The sheets in their order, each once; of a first print children behind their parent. A parent that is printed
    again takes no children along: theirs are on their pieces."""
    asked = list(dict.fromkeys(ask.numbers))
    children = _children if kind is JobKind.FIRST else _no_children
    found: dict[Asked, Sheet | Refusal] = {}
    for start in range(0, len(asked), _AT_ONCE):
        some = await _looked_up(desk, ask, asked[start : start + _AT_ONCE], template)
        found |= some
        theirs = [child for one in some.values() for child in children(one)]
        found |= await _looked_up(desk, ask, [child for child in theirs if child not in found], template)
    order = dict.fromkeys(one for number in asked for one in (number, *children(found[number])))
    kept = [(one, found[one]) for one in order]
    return (
        [sheet for _, sheet in kept if isinstance(sheet, Sheet)],
        [Turned(one, refusal) for one, refusal in kept if isinstance(refusal, Refusal)],
    )


def _children(found: Sheet | Refusal) -> list[Asked]:
    if isinstance(found, Refusal):
        return []
    return [Asked(found.asked.carrier, number) for number in found.children]


def _no_children(_: Sheet | Refusal) -> list[Asked]:
    return []


async def _looked_up(
    desk: PrintDesk, ask: JobAsk, asked: Sequence[Asked], template: Template | None
) -> dict[Asked, Sheet | Refusal]:
    if not asked:
        return {}
    waybills = await queries.waybills_of(desk.db, ask.merchant_id, asked)
    mine = [one for one in waybills.values() if ask.shop_id in (None, one.shop_id)]
    found = await sheets_of(desk, ask.merchant_id, mine)
    answer: dict[Asked, Sheet | Refusal] = {}
    for one in asked:
        sheet = found.get(one) or unknown(one)
        if not isinstance(sheet, Sheet):
            answer[one] = sheet.refusal
        else:
            answer[one] = refuse_other_carrier(template, one.carrier) or sheet
    return answer


async def _refuse_printed_before(db: Reads, merchant_id: int, sheets: Sequence[Sheet]) -> list[Turned]:
    waiting = await already_waiting(db, merchant_id, sheets)
    names = {one.asked for one in waiting}
    return waiting + [
        Turned(
            sheet.asked,
            Refusal("printing.printed_before", number=sheet.asked.number, copies=sheet.waybill.copies),
        )
        for sheet in sheets
        if sheet.waybill.copies and sheet.asked not in names
    ]


async def already_waiting(db: Reads, merchant_id: int, sheets: Sequence[Sheet]) -> list[Turned]:
    """Numbers that are on their way to paper in some job."""
    live = await sheet_queries.live_of(db, merchant_id, [sheet.waybill.ref for sheet in sheets])
    return [_waiting(one) for one in live]


def _waiting(sheet: PrintSheet) -> Turned:
    return Turned(
        sheet.asked, Refusal("printing.sheet_waiting", number=sheet.number, job=str(sheet.job_id), place=sheet.place)
    )


# --- what becomes of a job --------------------------------------------------------------------------------------------


async def pause(desk: PrintDesk, merchant_id: int, job_id: UUID, by: str, at: datetime | None = None) -> None:
    """Give out no more of a job until `resume`; sheets that no agent has begun are asked back. Again changes nothing.

    Raises printing.job_unknown.
    """
    at = at or now()
    async with desk.db.transaction() as tx:
        job = await _held(tx, merchant_id, job_id)
        if job.paused_at is None:
            await job_queries.set_pause(tx, job, at, by)
            await _recall(tx, job, _is_leased, SheetState.QUEUED, PAUSED, by, at)
    desk.bells.ring(job.agent_id)


async def resume(desk: PrintDesk, merchant_id: int, job_id: UUID, by: str, at: datetime | None = None) -> None:
    """Go on with a paused job. Again changes nothing. Raises printing.job_unknown."""
    async with desk.db.transaction() as tx:
        job = await _held(tx, merchant_id, job_id)
        if job.paused_at is not None:
            await job_queries.set_pause(tx, job, None, "")
    desk.bells.ring(job.agent_id)


async def cancel_rest(desk: PrintDesk, merchant_id: int, job_id: UUID, by: str, at: datetime | None = None) -> int:
    """Cancel what has not begun: queued sheets at once, leased ones when their agent gives them back; how many of
    both. Raises printing.job_unknown."""
    at = at or now()
    async with desk.db.transaction() as tx:
        job = await _held(tx, merchant_id, job_id)
        count, agents = await _recall(tx, job, _is_any, SheetState.CANCELLED, CANCELLED, by, at)
        await job_queries.drain(tx, job)
    desk.bells.ring(*agents)
    return count


async def move(
    desk: PrintDesk, merchant_id: int, job_id: UUID, target: PrinterRef, by: str, at: datetime | None = None
) -> int:
    """Print the rest of a job on another printer: queued sheets go there, leased ones follow when their agent gives
    them back, what has begun comes out where it is; how many of the first two.

    Raises printing.job_unknown, and what `create_job` raises about printers.
    """
    at = at or now()
    await refuse_unless_printable(desk.db, merchant_id, target)
    async with desk.db.transaction() as tx:
        job = await _held(tx, merchant_id, job_id)
        if job.target == target:
            return 0
        await job_queries.set_target(tx, job, target)
        sheets = await sheet_queries.live_of_job_for_update(tx, job)
        queued = sum(one.state is SheetState.QUEUED for one in sheets)
        count, agents = await _recall_these(tx, filter(_is_leased, sheets), SheetState.QUEUED, MOVED, by, at)
    desk.bells.ring(target.agent_id, *agents)
    return queued + count


async def _held(tx: Transaction, merchant_id: int, job_id: UUID) -> PrintJob:
    job = await job_queries.job_for_update(tx, merchant_id, job_id)
    if job is None:
        raise Refusal("printing.job_unknown")
    return job


def _is_leased(sheet: PrintSheet) -> bool:
    return sheet.state is SheetState.LEASED


def _is_any(_: PrintSheet) -> bool:
    return True


async def _recall(
    tx: Transaction,
    job: PrintJob,
    which: Callable[[PrintSheet], bool],
    to: SheetState,
    reason: str,
    by: str,
    at: datetime,
) -> tuple[int, set[UUID]]:
    sheets = await sheet_queries.live_of_job_for_update(tx, job)
    return await _recall_these(tx, filter(which, sheets), to, reason, by, at)


async def _recall_these(
    tx: Transaction, sheets: Iterable[PrintSheet], to: SheetState, reason: str, by: str, at: datetime
) -> tuple[int, set[UUID]]:
    """Send sheets where they are called; how many, and the agents that have to hear of it."""
    pairs = [(one, transitions.recalled(one, to, reason, at)) for one in sheets]
    moved = [(before, after) for before, after in pairs if after is not None]
    ended = [(before, after) for before, after in moved if after.state is not before.state]
    asked = [(before, after) for before, after in moved if after.state is before.state]
    await save_and_uncount(tx, [one for one, _ in ended], [one for _, one in ended], to.value, by, at)
    await save(tx, [one for one, _ in asked], [one for _, one in asked], "recalled", by, at)
    return len(moved), {before.agent_id for before, _ in asked if before.agent_id is not None}
