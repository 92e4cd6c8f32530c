"""Every statement about sheets of print jobs. `..._for_update` holds its rows, in the order of job and place."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from miandan.kernel.database import Reads, Record, Transaction
from miandan.printing.job_model import PrintJob, PrintSheet, SheetState, SheetTag
from miandan.waybills.model import NumberRef

_NAMES: Final = tuple(field.name for field in fields(PrintSheet))
_COLUMNS = ", ".join(_NAMES)
_LIVE = "('queued', 'leased', 'sent')"

# Numbers that are on their way to paper already are left out. In one order, so that two jobs with the same numbers wait
# for each other instead of blocking each other for good.
_INSERT = """
    WITH made AS (
        INSERT INTO print_sheet (merchant_id, sheet_id, job_id, place, carrier, number, month, version, queued_at)
        SELECT $1, sheet_id, $2, place, carrier, number, month, version, $3
          FROM unnest($4::uuid[], $5::int[], $6::text[], $7::text[], $8::date[], $9::int[])
               AS given (sheet_id, place, carrier, number, month, version)
         ORDER BY carrier, number
            ON CONFLICT DO NOTHING
     RETURNING sheet_id, place
    ), noted AS (
        INSERT INTO print_sheet_step (merchant_id, sheet_id, step, at, said, by, state, lease, printer, copy, evidence,
                                      reason)
        SELECT $1, sheet_id, 1, $3, 'queued', $10, 'queued', 0, '', 0, '', ''
          FROM made
    )
    SELECT place FROM made
"""

_LIVE_OF = f"""
    SELECT {_COLUMNS}
      FROM print_sheet
     WHERE merchant_id = $1 AND carrier = ANY($2) AND number = ANY($3) AND state IN {_LIVE}
"""

_QUEUED_FOR_UPDATE = f"""
    SELECT {_COLUMNS}
      FROM print_sheet
     WHERE merchant_id = $1 AND job_id = $2 AND state = 'queued'
     ORDER BY place
     LIMIT $3
       FOR UPDATE SKIP LOCKED
"""

_OF_JOB_FOR_UPDATE = f"""
    SELECT {_COLUMNS}
      FROM print_sheet
     WHERE merchant_id = $1 AND job_id = $2 AND state IN {_LIVE}
     ORDER BY place
       FOR UPDATE
"""

_ALL_OF_JOB_FOR_UPDATE = f"""
    SELECT {_COLUMNS} FROM print_sheet WHERE merchant_id = $1 AND job_id = $2 ORDER BY place FOR UPDATE
"""

_OF_NUMBERS_FOR_UPDATE = f"""
    SELECT {_COLUMNS}
      FROM print_sheet
     WHERE merchant_id = $1 AND carrier = ANY($2) AND number = ANY($3) AND state IN ('queued', 'leased')
     ORDER BY job_id, place
       FOR UPDATE
"""

_NAMED = f"SELECT {_COLUMNS} FROM print_sheet WHERE merchant_id = $1 AND sheet_id = ANY($2) ORDER BY job_id, place"

_HELD_BY = f"SELECT {_COLUMNS} FROM print_sheet WHERE agent_id = $1 AND state IN ('leased', 'sent')"

_LEASED_TO = """
    SELECT agent_id
      FROM print_sheet_step
     WHERE merchant_id = $1 AND sheet_id = $2 AND lease = $3 AND said = 'leased'
"""

_WAS_SAID = """
    SELECT EXISTS (SELECT
                     FROM print_sheet_step
                    WHERE merchant_id = $1 AND sheet_id = $2 AND lease = $3
                      AND said IN ('reported ' || $4, 'late ' || $4))
"""

_RECALLED = """
    SELECT merchant_id, sheet_id, lease, recall_reason
      FROM print_sheet
     WHERE agent_id = $1 AND state = 'leased' AND recalled_to IS NOT NULL
     ORDER BY merchant_id, job_id, place
"""

# What changes in the life of a sheet, and what is kept of the step. The arrays stand in the order of _CHANGING.
_CHANGING: Final = {
    "sheet_id": "uuid",
    "state": "text",
    "agent_id": "uuid",
    "printer": "text",
    "lease": "int",
    "copy": "int",
    "copy_free": "boolean",
    "drawn": "int",
    "printed_version": "int",
    "evidence": "text",
    "reason": "text",
    "decided_by": "text",
    "recalled_to": "text",
    "recall_reason": "text",
    "leased_at": "timestamptz",
    "begun_at": "timestamptz",
    "ended_at": "timestamptz",
}
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_CHANGING.values(), 6))
_SET = ", ".join(f"{name} = given.{name}" for name in list(_CHANGING)[1:])

_SAVE = f"""
    WITH saved AS (
        UPDATE print_sheet s
           SET {_SET}, steps = s.steps + 1
          FROM unnest({_ARRAYS}) AS given ({", ".join(_CHANGING)})
         WHERE s.merchant_id = $1 AND s.sheet_id = given.sheet_id
     RETURNING s.*
    )
    INSERT INTO print_sheet_step (merchant_id, sheet_id, step, at, said, by, state, lease, agent_id, printer, copy,
                                  evidence, reason, agent_at)
    SELECT merchant_id, sheet_id, steps, $2, $3, $4, state, lease, agent_id, printer, copy, evidence,
           CASE WHEN recalled_to IS NULL THEN reason ELSE recall_reason END, $5
      FROM saved
 RETURNING sheet_id
"""

_NOTE = """
    WITH noted AS (
        UPDATE print_sheet SET steps = steps + 1 WHERE merchant_id = $1 AND sheet_id = $2 RETURNING *
    )
    INSERT INTO print_sheet_step (merchant_id, sheet_id, step, at, said, by, state, lease, agent_id, printer, copy,
                                  evidence, reason, agent_at)
    SELECT merchant_id, sheet_id, steps, $3, $4, $5, state, $6, $7, printer, copy, $8, $9, $10
      FROM noted
"""

# The usual way of a sheet in one statement each; whatever is not usual matches no row.
_BEGUN = """
    WITH moved AS (
        UPDATE print_sheet
           SET state = 'sent', begun_at = $5, steps = steps + 1
         WHERE merchant_id = $1 AND sheet_id = $2 AND lease = $3 AND agent_id = $4 AND state = 'leased'
     RETURNING *
    )
    INSERT INTO print_sheet_step (merchant_id, sheet_id, step, at, said, by, state, lease, agent_id, printer, copy,
                                  evidence, reason, agent_at)
    SELECT merchant_id, sheet_id, steps, $5, 'begun', $6, state, lease, agent_id, printer, copy, '', '', $7
      FROM moved
 RETURNING sheet_id
"""

_PRINTED = """
    WITH moved AS (
        UPDATE print_sheet s
           SET state = 'printed', evidence = $6, decided_by = 'agent', recalled_to = NULL, recall_reason = '',
               ended_at = $5, steps = steps + 1
         WHERE merchant_id = $1 AND sheet_id = $2 AND lease = $3 AND agent_id = $4 AND state IN ('leased', 'sent')
           AND NOT EXISTS (SELECT
                             FROM pack_stop p
                            WHERE p.merchant_id = s.merchant_id AND p.carrier = s.carrier AND p.number = s.number
                              AND p.cleared_at = 'infinity')
     RETURNING *
    )
    INSERT INTO print_sheet_step (merchant_id, sheet_id, step, at, said, by, state, lease, agent_id, printer, copy,
                                  evidence, reason, agent_at)
    SELECT merchant_id, sheet_id, steps, $5, 'reported printed', $7, state, lease, agent_id, printer, copy, evidence,
           '', $8
      FROM moved
 RETURNING sheet_id
"""

# Copies are drawn by the sheets that need a new one, while the waybills are held (`waybills_for_update`).
_DRAW_COPIES = """
    UPDATE waybill w
       SET copies = w.copies + 1, sheet_copies = w.sheet_copies + 1
      FROM unnest($2::text[], $3::text[], $4::date[]) AS asked (carrier, number, month)
     WHERE w.merchant_id = $1 AND w.carrier = asked.carrier AND w.number = asked.number AND w.month = asked.month
 RETURNING w.carrier, w.number, w.copies
"""

# Only the highest copy can be taken back: a later one is on paper as what it says.
_UNCOUNT_COPY = """
    UPDATE waybill
       SET copies = copies - 1, sheet_copies = sheet_copies - 1
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND month = $4 AND copies = $5
 RETURNING number
"""

_REFS_OF_JOB = """
    SELECT merchant_id, carrier, number, month FROM print_sheet WHERE merchant_id = $1 AND job_id = $2 ORDER BY place
"""

_REPRINTS = """
    SELECT s.carrier, s.number, count(*)
      FROM print_sheet s
      JOIN print_job j ON j.merchant_id = s.merchant_id AND j.job_id = s.job_id AND j.kind = 'reprint'
     WHERE s.merchant_id = $1 AND s.carrier = ANY($2) AND s.number = ANY($3) AND s.queued_at >= $4 AND s.queued_at < $5
       AND NOT (s.state IN ('stopped', 'cancelled') AND s.drawn = 0)
     GROUP BY s.carrier, s.number
"""


class NewSheet(NamedTuple):
    """A sheet about to be queued."""

    sheet_id: UUID
    place: int
    ref: NumberRef
    version: int


async def insert(tx: Transaction, job: PrintJob, sheets: Sequence[NewSheet]) -> set[int]:
    """Queue the sheets of a job; the places of those that were. The others are on their way to paper already."""
    rows = await tx.fetch(
        _INSERT,
        job.merchant_id,
        job.job_id,
        job.made_at,
        [sheet.sheet_id for sheet in sheets],
        [sheet.place for sheet in sheets],
        [sheet.ref.carrier for sheet in sheets],
        [sheet.ref.number for sheet in sheets],
        [sheet.ref.month for sheet in sheets],
        [sheet.version for sheet in sheets],
        job.made_by,
    )
    return {row["place"] for row in rows}


async def live_of(db: Reads, merchant_id: int, refs: Sequence[NumberRef]) -> list[PrintSheet]:
    """The sheets of these numbers that may still come out."""
    return _sheets(await db.fetch(_LIVE_OF, merchant_id, *_names(refs)))


async def queued_for_update(tx: Transaction, job: PrintJob, most: int) -> list[PrintSheet]:
    """The next sheets of a job; those that somebody holds now are left out."""
    return _sheets(await tx.fetch(_QUEUED_FOR_UPDATE, job.merchant_id, job.job_id, most))


async def live_of_job_for_update(tx: Transaction, job: PrintJob) -> list[PrintSheet]:
    """The sheets of a job that may still come out."""
    return _sheets(await tx.fetch(_OF_JOB_FOR_UPDATE, job.merchant_id, job.job_id))


async def all_of_job_for_update(tx: Transaction, job: PrintJob) -> list[PrintSheet]:
    """Every sheet of a job, ended or not."""
    return _sheets(await tx.fetch(_ALL_OF_JOB_FOR_UPDATE, job.merchant_id, job.job_id))


async def of_numbers_for_update(tx: Transaction, merchant_id: int, refs: Sequence[NumberRef]) -> list[PrintSheet]:
    """The sheets of these numbers of which no agent has said that it began."""
    return _sheets(await tx.fetch(_OF_NUMBERS_FOR_UPDATE, merchant_id, *_names(refs)))


async def named_for_update(tx: Transaction, merchant_id: int, sheets: Sequence[UUID]) -> list[PrintSheet]:
    """Sheets by their ids; unknown ones are left out."""
    return _sheets(await tx.fetch(_NAMED + " FOR UPDATE", merchant_id, list(sheets)))


async def named(db: Reads, merchant_id: int, sheets: Sequence[UUID]) -> list[PrintSheet]:
    """The same, not held."""
    return _sheets(await db.fetch(_NAMED, merchant_id, list(sheets)))


async def held_by(db: Reads, agent_id: UUID) -> list[PrintSheet]:
    """What an agent has been given and has not ended, of all merchants."""
    return _sheets(await db.fetch(_HELD_BY, agent_id))


async def leased_to(db: Reads, tag: SheetTag) -> UUID | None:
    """The agent that a lease was given to."""
    found: UUID | None = await db.fetchval(_LEASED_TO, *tag)
    return found


async def was_said(db: Reads, tag: SheetTag, outcome: str) -> bool:
    """Whether the agent has told this outcome of this lease before."""
    return bool(await db.fetchval(_WAS_SAID, *tag, outcome))


async def recalled_from(db: Reads, agent_id: UUID) -> list[tuple[SheetTag, str]]:
    """The leases that an agent should give back, and why."""
    rows = await db.fetch(_RECALLED, agent_id)
    return [(SheetTag(row["merchant_id"], row["sheet_id"], row["lease"]), row["recall_reason"]) for row in rows]


async def save(
    tx: Transaction,
    sheets: Sequence[PrintSheet],
    said: str,
    by: str,
    at: datetime,
    agent_at: datetime | None = None,
) -> None:
    """Write back sheets of one merchant that are held, and the step that each has made."""
    if sheets:
        columns = [[getattr(sheet, name) for sheet in sheets] for name in _CHANGING]
        await tx.fetch(_SAVE, sheets[0].merchant_id, at, said, by, agent_at, *columns)


async def note(
    tx: Transaction,
    tag: SheetTag,
    said: str,
    by: str,
    at: datetime,
    *,
    agent_id: UUID,
    evidence: str = "",
    reason: str = "",
    agent_at: datetime | None = None,
) -> None:
    """Keep beside a sheet what was said of it and changes nothing."""
    await tx.execute(
        _NOTE, tag.merchant_id, tag.sheet_id, at, said, by, tag.lease, agent_id, evidence, reason, agent_at
    )


async def begin(db: Reads, tag: SheetTag, agent_id: UUID, at: datetime, by: str, agent_at: datetime | None) -> bool:
    """Leased to sent; False where the sheet is not leased to this agent under this tag."""
    return await db.fetchval(_BEGUN, *tag, agent_id, at, by, agent_at) is not None


async def end_printed(
    db: Reads, tag: SheetTag, agent_id: UUID, at: datetime, by: str, evidence: str, agent_at: datetime | None
) -> bool:
    """Out to printed; False where that is not all there is to do."""
    return await db.fetchval(_PRINTED, *tag, agent_id, at, evidence, by, agent_at) is not None


async def draw_copies(tx: Transaction, refs: Sequence[NumberRef]) -> dict[tuple[str, str], int]:
    """Count one more copy of each waybill of one merchant; which one it is, by carrier and number."""
    if not refs:
        return {}
    arrays = [ref.carrier for ref in refs], [ref.number for ref in refs], [ref.month for ref in refs]
    rows = await tx.fetch(_DRAW_COPIES, refs[0].merchant_id, *arrays)
    return {(row["carrier"], row["number"]): row["copies"] for row in rows}


async def uncount_copy(tx: Transaction, ref: NumberRef, copy: int) -> bool:
    """Take back a copy that no paper says; False when a later one was counted."""
    where = ref.merchant_id, ref.carrier, ref.number, ref.month
    return await tx.fetchval(_UNCOUNT_COPY, *where, copy) is not None


async def refs_of_job(db: Reads, job: PrintJob) -> list[NumberRef]:
    """The numbers of a job in their order."""
    return [NumberRef(*row) for row in await db.fetch(_REFS_OF_JOB, job.merchant_id, job.job_id)]


async def reprints(
    db: Reads, merchant_id: int, refs: Sequence[NumberRef], since: datetime, before: datetime
) -> dict[tuple[str, str], int]:
    """How often each number was queued again in a time, by carrier and number."""
    rows = await db.fetch(_REPRINTS, merchant_id, *_names(refs), since, before)
    return {(carrier, number): count for carrier, number, count in rows}


def without_copy(sheet: PrintSheet) -> PrintSheet:
    """The sheet once its copy was taken back."""
    return replace(sheet, copy=0, drawn=sheet.drawn - 1)


def _names(refs: Sequence[NumberRef]) -> tuple[list[str], list[str]]:
    return list({ref.carrier for ref in refs}), [ref.number for ref in refs]


def _sheets(rows: Sequence[Record]) -> list[PrintSheet]:
    return [read_sheet(row) for row in rows]


def read_sheet(row: Record | Mapping[str, Any]) -> PrintSheet:
    """A row of `print_sheet` as the noun."""
    values = {name: row[name] for name in _NAMES}
    recalled = values["recalled_to"]
    values["state"] = SheetState(values["state"])
    values["recalled_to"] = None if recalled is None else SheetState(recalled)
    return PrintSheet(**values)
