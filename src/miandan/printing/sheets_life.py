"""The life of a sheet after it was given to an agent: what the agent says of it, what a person decides.

Every verb may come twice; the second time changes nothing. A word about a lease that is over is kept beside the sheet
and changes nothing either: the same number may be on its way to paper somewhere else by then.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from miandan.kernel.clock import now
from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.printing import (
    job_queries,
    printer_queries,
    printers,
    sheet_queries,
    station_queries,
    transitions,
    view_queries,
)
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import PrintSheet, Proof, SheetState, SheetTag, Word
from miandan.printing.model import Agent
from miandan.printing.transitions import MAY_BECOME, Copies
from miandan.waybills import queries as waybill_queries

AGENT_SILENT: Final = "printing.agent_silent"
"""Reason of a doubt that a person declares without another one."""

AGENT_FORGOT: Final = "printing.agent_forgot"
"""Reason of a doubt: the agent had begun and knows nothing of the sheet any more."""

AGENT_UNPAIRED: Final = "printing.agent_was_unpaired"
"""Reason of a doubt: the agent had begun when it was unpaired."""

_WORDS: Final = 100
"""Characters of a reason that are kept."""


# --- what an agent says -----------------------------------------------------------------------------------------------


async def begun(
    desk: PrintDesk, agent: Agent, tag: SheetTag, agent_at: datetime | None = None, at: datetime | None = None
) -> None:
    """The first byte is about to leave. Raises printing.sheet_unknown, printing.sheet_not_yours."""
    at, by = at or now(), _name(agent)
    if await sheet_queries.begin(desk.db, tag, agent.agent_id, at, by, agent_at):
        return
    async with desk.db.transaction() as tx:
        sheet = await _of_agent(tx, agent, tag)
        moved = transitions.begun(sheet, at) if sheet.tag == tag else None
        if moved is not None:
            await save(tx, [sheet], [moved], "begun", by, at, agent_at)


async def report(desk: PrintDesk, agent: Agent, tag: SheetTag, word: Word, at: datetime | None = None) -> Outcome:
    """How a sheet ended; committed when this returns, and the agent may forget the sheet: the answer is the outcome
    that it told. Raises printing.sheet_unknown, printing.sheet_not_yours."""
    at, by = at or now(), _name(agent)
    word = Word(word.outcome, word.evidence, word.reason[:_WORDS], word.at)
    if word.outcome is Outcome.PRINTED and await sheet_queries.end_printed(
        desk.db, tag, agent.agent_id, at, by, word.evidence or Proof.SENT_ONLY.value, word.at
    ):
        return word.outcome
    async with desk.db.transaction() as tx:
        if word.outcome is Outcome.GIVEN_BACK:
            await _hold_its_job(tx, tag)
        sheet = await _of_agent(tx, agent, tag)
        told = transitions.told(sheet, word, at) if sheet.tag == tag else None
        if told is None:
            await _keep_word(tx, agent, tag, word, at)
            return word.outcome
        moved, copies = told
        await _end(tx, sheet, moved, copies, by, word, at)
        queued = moved.state is SheetState.QUEUED
    if queued:
        await _ring(desk, [sheet])
    return word.outcome


async def _end(
    tx: Transaction, sheet: PrintSheet, moved: PrintSheet, copies: Copies, by: str, word: Word, at: datetime
) -> None:
    if copies is Copies.UNCOUNT:
        moved = await uncount(tx, moved)
    await save(tx, [sheet], [moved], f"reported {word.outcome.value}", by, at, word.at)
    if moved.state is SheetState.QUEUED:
        await job_queries.reopen(tx, sheet.merchant_id, [sheet.job_id])
    if moved.state is SheetState.PRINTED and sheet.leased_at is not None:
        # its gates were open when it was given out, so what was raised before is over
        await station_queries.clear_stop(tx, sheet.ref, f"copy {moved.copy}", at, raised_before=sheet.leased_at)


async def _keep_word(tx: Transaction, agent: Agent, tag: SheetTag, word: Word, at: datetime) -> None:
    """A repeat is silent; what says otherwise than the sheet stands beside it for whoever looks."""
    if not await sheet_queries.was_said(tx, tag, word.outcome.value):
        await sheet_queries.note(
            tx,
            tag,
            f"late {word.outcome.value}",
            _name(agent),
            at,
            agent_id=agent.agent_id,
            evidence=word.evidence,
            reason=word.reason,
            agent_at=word.at,
        )


async def holding(desk: PrintDesk, agent: Agent, tags: Collection[SheetTag], at: datetime | None = None) -> None:
    """What an agent says it has, once after it has come back; the rest of what it was given never arrived.

    A sheet that never arrived goes back into the queue; one that it had begun and knows nothing of is in doubt. Raises
    printing.agent_unpaired, printing.link_replaced.
    """
    at = at or now()
    async with desk.db.transaction() as tx:
        await printers.hold_link(tx, agent)
        # the jobs first, as everywhere; what is given out meanwhile is not looked at
        missing = [one for one in await sheet_queries.held_by(tx, agent.agent_id) if one.tag not in tags]
        back = await _let_go(tx, missing, lambda sheet: _never_arrived(sheet, at), _name(agent), at)
    await _ring(desk, back)


def _never_arrived(sheet: PrintSheet, at: datetime) -> tuple[PrintSheet, Copies] | None:
    if sheet.state is SheetState.LEASED:
        return transitions.handed_back(sheet, at)
    if sheet.state is SheetState.SENT:
        return transitions.told(sheet, Word(Outcome.DOUBTFUL, reason=AGENT_FORGOT), at)
    return None


# --- what a person decides --------------------------------------------------------------------------------------------


async def declare_doubtful(
    desk: PrintDesk,
    merchant_id: int,
    sheets: Sequence[UUID],
    by: str,
    reason: str = AGENT_SILENT,
    at: datetime | None = None,
) -> int:
    """Say of sheets whose agent is silent that nobody knows; how many were out. They can be settled then."""
    at = at or now()
    async with desk.db.transaction() as tx:
        found = await sheet_queries.named_for_update(tx, merchant_id, sheets)
        pairs = [(one, transitions.declared(one, reason, at)) for one in found]
        moved = [(before, after) for before, after in pairs if after is not None]
        await save(tx, [before for before, _ in moved], [after for _, after in moved], "declared", by, at)
    return len(moved)


async def settle_doubt(
    desk: PrintDesk,
    merchant_id: int,
    sheet_id: UUID,
    outcome: Outcome,
    by: str,
    reason: str = "",
    at: datetime | None = None,
) -> None:
    """A person has looked: `printed` or `failed`. The same again changes nothing.

    Raises printing.sheet_unknown, printing.not_doubtful.
    """
    settled = await settle_doubts(desk, merchant_id, [sheet_id], outcome, by, reason, at)
    refusal = settled[sheet_id]
    if isinstance(refusal, Refusal):
        raise refusal


async def settle_doubts(
    desk: PrintDesk,
    merchant_id: int,
    sheets: Sequence[UUID],
    outcome: Outcome,
    by: str,
    reason: str = "",
    at: datetime | None = None,
) -> dict[UUID, PrintSheet | Refusal]:
    """The same for many at once: each sheet as it stands then, or why it was not settled."""
    at = at or now()
    async with desk.db.transaction() as tx:
        found = {one.sheet_id: one for one in await sheet_queries.named_for_update(tx, merchant_id, sheets)}
        pairs = [(one, transitions.settled(one, outcome, reason[:_WORDS], at)) for one in found.values()]
        moved = [(before, after) for before, after in pairs if after is not None]
        await save(tx, [before for before, _ in moved], [after for _, after in moved], "settled", by, at)
    found |= {after.sheet_id: after for _, after in moved}
    return {sheet_id: _as_settled(found.get(sheet_id), outcome) for sheet_id in sheets}


def _as_settled(sheet: PrintSheet | None, outcome: Outcome) -> PrintSheet | Refusal:
    if sheet is None:
        return Refusal("printing.sheet_unknown")
    if sheet.state.value != outcome.value:
        return Refusal("printing.not_doubtful", number=sheet.number, state=sheet.state.value)
    return sheet


async def settle_job(
    desk: PrintDesk,
    merchant_id: int,
    job_id: UUID,
    outcome: Outcome,
    by: str,
    reason: str = "",
    at: datetime | None = None,
) -> dict[UUID, PrintSheet | Refusal]:
    """`settle_doubts` for every sheet of a job that is in doubt. Raises printing.job_unknown."""
    if await job_queries.job(desk.db, merchant_id, job_id) is None:
        raise Refusal("printing.job_unknown")
    doubtful = await view_queries.doubtful_of_job(desk.db, merchant_id, job_id)
    return await settle_doubts(desk, merchant_id, doubtful, outcome, by, reason, at)


async def take_back(
    desk: PrintDesk, merchant_id: int, sheets: Sequence[UUID], by: str, at: datetime | None = None
) -> int:
    """Queue sheets again whose agent is silent and has not begun; how many. They get the next copy, since the agent may
    print what it has. Those that were being stopped or cancelled end so."""
    at = at or now()
    async with desk.db.transaction() as tx:
        found = await sheet_queries.named(tx, merchant_id, sheets)
        back = await _let_go(tx, found, lambda sheet: _kept(transitions.taken_back(sheet, at)), by, at)
    await _ring(desk, back)
    return len(back)


async def release_agent(tx: Transaction, agent_id: UUID, by: str, at: datetime) -> None:
    """What an unpaired agent has: queued again where it has not begun, in doubt where it has."""

    def freed(sheet: PrintSheet) -> tuple[PrintSheet, Copies] | None:
        return _kept(transitions.taken_back(sheet, at) or transitions.declared(sheet, AGENT_UNPAIRED, at))

    await _let_go(tx, await sheet_queries.held_by(tx, agent_id), freed, by, at)


def _kept(moved: PrintSheet | None) -> tuple[PrintSheet, Copies] | None:
    return None if moved is None else (moved, Copies.KEEP)


async def _let_go(
    tx: Transaction,
    looked_at: Sequence[PrintSheet],
    rule: Callable[[PrintSheet], tuple[PrintSheet, Copies] | None],
    by: str,
    at: datetime,
) -> list[PrintSheet]:
    """Move sheets that may go back into their queues, jobs held first; those that did."""
    back = []
    for merchant_id in sorted({one.merchant_id for one in looked_at}):
        mine = [one for one in looked_at if one.merchant_id == merchant_id]
        tags = {one.tag for one in mine}
        await job_queries.hold_jobs_for_update(tx, merchant_id, [one.job_id for one in mine])
        held = await sheet_queries.named_for_update(tx, merchant_id, [one.sheet_id for one in mine])
        moves = [(sheet, moved) for sheet in held if sheet.tag in tags and (moved := rule(sheet)) is not None]
        await _hold_waybills(tx, [sheet for sheet, (_, copies) in moves if copies is Copies.UNCOUNT])
        afters = [await uncount(tx, after) if copies is Copies.UNCOUNT else after for _, (after, copies) in moves]
        await save(tx, [sheet for sheet, _ in moves], afters, "let go", by, at)
        queued = [one for one in afters if one.state is SheetState.QUEUED]
        await job_queries.reopen(tx, merchant_id, [one.job_id for one in queued])
        back += queued
    return back


# --- what all of them do ----------------------------------------------------------------------------------------------


async def save(
    tx: Transaction,
    before: Sequence[PrintSheet],
    after: Sequence[PrintSheet],
    said: str,
    by: str,
    at: datetime,
    agent_at: datetime | None = None,
) -> None:
    """Write sheets of one merchant as they are now. Raises ValueError for a step that no sheet makes."""
    for old, new in zip(before, after, strict=True):
        if new.state is not old.state and new.state not in MAY_BECOME[old.state]:
            raise ValueError(f"a sheet that is {old.state} does not become {new.state}")
    await sheet_queries.save(tx, after, said, by, at, agent_at)


async def save_and_uncount(
    tx: Transaction, held: Iterable[PrintSheet], ended: Sequence[PrintSheet], said: str, by: str, at: datetime
) -> None:
    """Write queued sheets that have ended; a copy that was nobody's paper is taken back."""
    before = {one.sheet_id: one for one in held}
    await _hold_waybills(tx, [one for one in ended if before[one.sheet_id].copy_free])
    after = [await uncount(tx, one) if before[one.sheet_id].copy_free else one for one in ended]
    await save(tx, [before[one.sheet_id] for one in ended], after, said, by, at)


async def _hold_waybills(tx: Transaction, sheets: Sequence[PrintSheet]) -> None:
    """Hold the waybills of sheets of one merchant in the order of their numbers, as everywhere, not of the sheets."""
    refs = sorted((one.ref for one in sheets), key=lambda ref: (ref.carrier, ref.number))
    await waybill_queries.waybills_for_update(tx, refs)


async def uncount(tx: Transaction, sheet: PrintSheet) -> PrintSheet:
    """The sheet without the copy that was counted for it, where no later copy was counted; else as it is."""
    if not sheet.copy or not await sheet_queries.uncount_copy(tx, sheet.ref, sheet.copy):
        return sheet
    return sheet_queries.without_copy(sheet)


async def _of_agent(tx: Transaction, agent: Agent, tag: SheetTag) -> PrintSheet:
    """The sheet, held, if this lease of it was this agent's."""
    found = await sheet_queries.named_for_update(tx, tag.merchant_id, [tag.sheet_id])
    if not found or not 0 < tag.lease <= found[0].lease:
        raise Refusal("printing.sheet_unknown")
    [sheet] = found
    if await sheet_queries.leased_to(tx, tag) != agent.agent_id:
        raise Refusal("printing.sheet_not_yours", number=sheet.number)
    return sheet


async def _hold_its_job(tx: Transaction, tag: SheetTag) -> None:
    found = await sheet_queries.named(tx, tag.merchant_id, [tag.sheet_id])
    await job_queries.hold_jobs_for_update(tx, tag.merchant_id, [one.job_id for one in found])


async def _ring(desk: PrintDesk, sheets: Sequence[PrintSheet]) -> None:
    """Where queued sheets go now, whoever had them before."""
    for merchant_id in {one.merchant_id for one in sheets}:
        jobs = [one.job_id for one in sheets if one.merchant_id == merchant_id]
        desk.bells.ring(*await printer_queries.agents_of_jobs(desk.db, merchant_id, jobs))


def _name(agent: Agent) -> str:
    return f"agent:{agent.agent_id}"
