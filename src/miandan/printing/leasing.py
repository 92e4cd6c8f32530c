"""Giving sheets to agents: which are next, whether they may still be printed, which copy each is, sealed for its agent.

A copy is counted here and nowhere else in the life of a sheet: under the lock of its waybill, in the transaction that
gives the sheet out, so no paper can exist that was not counted. A sheet that its agent gave back before a byte keeps
its copy and says the same the next time, unless a later copy was counted meanwhile; one that was taken back by hand may
be paper somewhere and gets the next copy. A copy whose sheet will never come out is taken back (sheets_life.uncount).

Locks come in one order everywhere: agent, job, sheets, orders (shared), waybills.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from miandan.kernel.clock import now
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import seal_sheet
from miandan.labels.model import LabelData
from miandan.printing import job_queries, payloads, printers, sheet_queries
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import Leased, PrintJob, PrintSheet, SheetState
from miandan.printing.model import Agent, Asked, OwnerKind, Sheet
from miandan.printing.sheets import labels, void
from miandan.printing.sheets_life import save_and_uncount
from miandan.waybills import queries as waybill_queries
from miandan.waybills.counter import Counter
from miandan.waybills.model import Waybill
from miandan.waybills.obstacles import obstructed, orders_behind

MOST_AT_ONCE: Final = 50
"""Sheets given out in one transaction."""

_START: Final = datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0)
_GATE: Final = "gate"
"""Who stops a sheet that may not be printed any more when its turn has come."""


@dataclass(slots=True)
class _Batch:
    """Sheets of one job about to be given out, and those among them that must not be."""

    job: PrintJob
    waybills: Mapping[Asked, Waybill]
    going: list[PrintSheet]
    stopped: list[PrintSheet]
    labels: Mapping[Asked, LabelData]


async def lease_next(
    desk: PrintDesk, agent: Agent, printer: str, room: int, at: datetime | None = None
) -> list[Leased]:
    """Up to `room` sheets for a printer (MOST_AT_ONCE at most), the oldest job first, its sheets in their order.

    Each is this agent's alone from then on. Whatever may not be printed any more is stopped here with its reason and
    the next one goes in its place. Raises printing.agent_unpaired, printing.link_replaced.
    """
    at, room, leased = at or now(), min(room, MOST_AT_ONCE), list[Leased]()
    await _have_keys(desk, agent, printer)
    # one connection for everything: a second one, asked for while locks are held, could be waited for for ever
    async with desk.db.all_or_nothing() as db, db.transaction() as tx:
        await printers.hold_link(tx, agent)
        place = _START
        while len(leased) < room:
            job = await job_queries.next_for_update(tx, agent.agent_id, agent.merchant_id, printer, place)
            if job is None:
                break
            wanted = room - len(leased)
            sheets = await sheet_queries.queued_for_update(tx, job, wanted)
            if sheets:
                leased += await _give_out(desk, db, tx, agent, printer, job, sheets, at)
            if len(sheets) < wanted:
                await job_queries.drain(tx, job)
                place = job.made_at, job.job_id
    return leased


async def _have_keys(desk: PrintDesk, agent: Agent, printer: str) -> None:
    """Have the vault read its keys now: it does so over a connection of its own."""
    cloud = agent.owner_kind is OwnerKind.BRANCH
    merchants = (
        await job_queries.merchants_with_work(desk.db, agent.agent_id, printer) if cloud else [agent.merchant_id]
    )
    for merchant_id in merchants:
        await desk.counter.vault.keys_of(merchant_id)


async def _give_out(
    desk: PrintDesk,
    db: Database,
    tx: Transaction,
    agent: Agent,
    printer: str,
    job: PrintJob,
    sheets: Sequence[PrintSheet],
    at: datetime,
) -> list[Leased]:
    try:
        template = await payloads.chosen(db, job)
    except Refusal as gone:  # withdrawn since the job was made: nothing of it can be drawn any more
        await save_and_uncount(tx, sheets, [_stopped(one, gone.code, at) for one in sheets], "stopped", _GATE, at)
        return []
    counter = replace(desk.counter, db=db)
    batch = await _through_the_gates(replace(desk, counter=counter), tx, job, sheets, at)
    given = await _with_copies(tx, batch, agent, printer, at)
    await sheet_queries.save(tx, given, "leased", f"agent:{agent.agent_id}", at)
    await save_and_uncount(tx, sheets, batch.stopped, "stopped", _GATE, at)
    return [_sealed(agent, job, sheet, batch.labels[sheet.asked], template) for sheet in given]


def _stopped(sheet: PrintSheet, reason: str, at: datetime) -> PrintSheet:
    return replace(sheet, state=SheetState.STOPPED, reason=reason, copy_free=False, ended_at=at)


def reason_of(refusal: Refusal) -> str:
    """The code that a sheet is stopped with: of what stands in the way of its order, where it is that."""
    return str(refusal.fields["reason"]) if refusal.code == "waybill.order_in_the_way" else refusal.code


async def _through_the_gates(
    desk: PrintDesk, tx: Transaction, job: PrintJob, sheets: Sequence[PrintSheet], at: datetime
) -> _Batch:
    """What may be printed now with its label, what may not with its reason. Orders and waybills are held."""
    waybills, refused = await _gates(desk.counter, tx, sheets)
    ready = [
        Sheet(replace(waybills[sheet.asked], copies=_copy(sheet, waybills[sheet.asked])))
        for sheet in sheets
        if sheet.asked not in refused
    ]
    said, unreadable = await labels(desk, ready, at, f"print:{job.made_by}")
    refused |= unreadable
    position = {sheet.asked: f"{sheet.place}/{job.sheets}" for sheet in sheets}
    stopped = [_stopped(sheet, reason_of(refused[sheet.asked]), at) for sheet in sheets if sheet.asked in refused]
    return _Batch(
        job,
        waybills,
        [sheet for sheet in sheets if sheet.asked not in refused],
        stopped,
        {asked: replace(label, position=position[asked]) for asked, label in said.items()},
    )


async def _gates(
    counter: Counter, tx: Transaction, sheets: Sequence[PrintSheet]
) -> tuple[dict[Asked, Waybill], dict[Asked, Refusal]]:
    refs = sorted((sheet.ref for sheet in sheets), key=lambda ref: (ref.carrier, ref.number))
    behind = await orders_behind(tx, refs)
    held = await waybill_queries.waybills_for_update(tx, refs)
    waybills = {Asked(one.ref.carrier, one.ref.number): one for one in held}
    in_the_way = await obstructed(counter, held, behind)
    refused = {}
    for asked, waybill in waybills.items():
        refusal = void(waybill) or in_the_way.get(waybill.ref)
        if refusal is not None:
            refused[asked] = refusal
    for sheet in sheets:
        if sheet.asked not in waybills:
            refused[sheet.asked] = Refusal("waybill.unknown", carrier=sheet.carrier, number=sheet.number)
    return waybills, refused


def _copy(sheet: PrintSheet, waybill: Waybill) -> int:
    """Which copy the label will say."""
    return sheet.copy if _keeps_its_copy(sheet, waybill) else waybill.copies + 1


def _keeps_its_copy(sheet: PrintSheet, waybill: Waybill) -> bool:
    return sheet.copy_free and sheet.copy == waybill.copies


async def _with_copies(tx: Transaction, batch: _Batch, agent: Agent, printer: str, at: datetime) -> list[PrintSheet]:
    drawing = [one for one in batch.going if not _keeps_its_copy(one, batch.waybills[one.asked])]
    drawn = await sheet_queries.draw_copies(tx, [one.ref for one in drawing])
    return [
        replace(
            sheet,
            state=SheetState.LEASED,
            agent_id=agent.agent_id,
            printer=printer,
            lease=sheet.lease + 1,
            copy=drawn.get((sheet.carrier, sheet.number), sheet.copy),
            copy_free=False,
            drawn=sheet.drawn + ((sheet.carrier, sheet.number) in drawn),
            printed_version=batch.waybills[sheet.asked].version,
            leased_at=at,
            begun_at=None,
        )
        for sheet in batch.going
    ]


def _sealed(agent: Agent, job: PrintJob, sheet: PrintSheet, label: LabelData, template: payloads.Chosen) -> Leased:
    tag = str(sheet.tag)
    plain = payloads.payload(job, label, template(sheet.carrier))
    sealed = seal_sheet(
        plain,
        agent.public_key,
        sheet_id=tag,
        agent_id=str(agent.agent_id),
        printer=sheet.printer,
        copy=sheet.copy,
    )
    return Leased(tag, str(job.job_id), sheet.place, sheet.printer, sheet.number, sheet.copy, sealed)
