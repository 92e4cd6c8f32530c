"""Every statement about print jobs. `..._for_update` holds its rows."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Final
from uuid import UUID

from miandan.kernel.database import Reads, Record, Transaction
from miandan.printing.job_model import Counts, JobKind, PrinterRef, PrintJob, Proof, SheetState

_NAMES: Final = tuple(field.name for field in fields(PrintJob))
_COLUMNS = ", ".join(_NAMES)
_J_COLUMNS = ", ".join(f"j.{name}" for name in _NAMES)

_INSERT = f"""
    INSERT INTO print_job ({_COLUMNS})
    VALUES ({", ".join(f"${place}" for place in range(1, len(_NAMES) + 1))})
        ON CONFLICT DO NOTHING
 RETURNING job_id
"""
_JOB = f"SELECT {_COLUMNS} FROM print_job WHERE merchant_id = $1 AND job_id = $2"
_BY_REQUEST = f"SELECT {_COLUMNS} FROM print_job WHERE merchant_id = $1 AND request_id = $2 AND request_id <> ''"

# The oldest job for a printer that has sheets in its queue and whose merchant the agent may print for. While sheets of
# it are being called back from this very agent it waits, so that they come out before those behind them.
_NEXT_FOR_UPDATE = f"""
    SELECT {_J_COLUMNS}
      FROM print_job j
     WHERE j.agent_id = $1 AND j.printer = $2 AND NOT j.drained AND j.paused_at IS NULL
       AND (j.made_at, j.job_id) > ($3, $4)
       AND (j.merchant_id = $5
            OR EXISTS (SELECT
                         FROM print_grant g
                        WHERE g.merchant_id = j.merchant_id AND g.agent_id = j.agent_id AND g.revoked_at IS NULL))
       AND NOT EXISTS (SELECT
                         FROM print_sheet s
                        WHERE s.merchant_id = j.merchant_id AND s.job_id = j.job_id AND s.state = 'leased'
                          AND s.agent_id = j.agent_id AND s.recalled_to = 'queued')
     ORDER BY j.made_at, j.job_id
     LIMIT 1
       FOR UPDATE OF j
"""
_DRAIN = """
    UPDATE print_job j
       SET drained = true
     WHERE merchant_id = $1 AND job_id = $2
       AND NOT EXISTS (SELECT
                         FROM print_sheet s
                        WHERE s.merchant_id = j.merchant_id AND s.job_id = j.job_id AND s.state = 'queued')
"""
_OPEN = """
    SELECT 1 FROM print_job WHERE merchant_id = $1 AND job_id = ANY($2) ORDER BY job_id FOR UPDATE
"""
_OPENED = "UPDATE print_job SET drained = false WHERE merchant_id = $1 AND job_id = ANY($2) AND drained"
_PAUSE = "UPDATE print_job SET paused_at = $3, paused_by = $4 WHERE merchant_id = $1 AND job_id = $2"
_MOVE = "UPDATE print_job SET agent_id = $3, printer = $4, drained = false WHERE merchant_id = $1 AND job_id = $2"
_WAITING_PRINTERS = """
    SELECT DISTINCT printer
      FROM print_job
     WHERE agent_id = $1 AND NOT drained AND paused_at IS NULL
     ORDER BY printer
"""
_WAITING_MERCHANTS = """
    SELECT DISTINCT merchant_id
      FROM print_job
     WHERE agent_id = $1 AND printer = $2 AND NOT drained AND paused_at IS NULL
     ORDER BY merchant_id
"""

_ENDED_BEFORE = """
    SELECT merchant_id, job_id
      FROM print_job j
     WHERE made_at < $1
       AND NOT EXISTS (SELECT
                         FROM print_sheet s
                        WHERE s.merchant_id = j.merchant_id AND s.job_id = j.job_id
                          AND (s.ended_at IS NULL OR s.ended_at >= $1))
     ORDER BY made_at, job_id
     LIMIT $2
"""
# The waybills keep all copies; those of the sheets that go count like the ones of files and commands from then on.
_FORGET = """
    WITH sheets AS (
        DELETE FROM print_sheet
         WHERE merchant_id = $1 AND job_id = $2
     RETURNING sheet_id, carrier, number, month, drawn
    ), steps AS (
        DELETE FROM print_sheet_step t USING sheets s WHERE t.merchant_id = $1 AND t.sheet_id = s.sheet_id
    ), uncounted AS (
        UPDATE waybill w
           SET sheet_copies = w.sheet_copies - s.drawn
          FROM (SELECT carrier, number, month, sum(drawn) AS drawn FROM sheets GROUP BY carrier, number, month) s
         WHERE s.drawn > 0
           AND w.merchant_id = $1 AND w.carrier = s.carrier AND w.number = s.number AND w.month = s.month
    )
    DELETE FROM print_job WHERE merchant_id = $1 AND job_id = $2
"""

_RECENT = f"""
    SELECT {_COLUMNS}
      FROM print_job
     WHERE merchant_id = $1 AND (made_at, job_id) < ($2, $3) AND ($5::text IS NULL OR shop_id = $5)
     ORDER BY made_at DESC, job_id DESC
     LIMIT $4
"""
_COUNTS = """
    SELECT job_id, state, evidence, count(*) AS sheets
      FROM print_sheet
     WHERE merchant_id = $1 AND job_id = ANY($2)
     GROUP BY job_id, state, evidence
"""


async def insert(tx: Transaction, job: PrintJob) -> bool:
    """Whether it was written; False when its request has made a job before."""
    return await tx.fetchval(_INSERT, *(getattr(job, name) for name in _NAMES)) is not None


async def job(db: Reads, merchant_id: int, job_id: UUID) -> PrintJob | None:
    """One job of a merchant."""
    return _read(await db.fetchrow(_JOB, merchant_id, job_id))


async def job_for_update(tx: Transaction, merchant_id: int, job_id: UUID) -> PrintJob | None:
    """The same, held; nobody queues or leases a sheet of it until the transaction ends."""
    return _read(await tx.fetchrow(_JOB + " FOR UPDATE", merchant_id, job_id))


async def job_of_request(db: Reads, merchant_id: int, request_id: str) -> PrintJob | None:
    """The job that a request of the caller has made."""
    return _read(await db.fetchrow(_BY_REQUEST, merchant_id, request_id))


async def next_for_update(
    tx: Transaction, agent_id: UUID, owner: int, printer: str, after: tuple[datetime, UUID]
) -> PrintJob | None:
    """The oldest job behind `after` that waits for this printer; `owner` is the agent's own merchant."""
    return _read(await tx.fetchrow(_NEXT_FOR_UPDATE, agent_id, printer, *after, owner))


async def drain(tx: Transaction, job: PrintJob) -> None:
    """Say that a held job has no queued sheet, unless it has."""
    await tx.execute(_DRAIN, job.merchant_id, job.job_id)


async def hold_jobs_for_update(tx: Transaction, merchant_id: int, jobs: Sequence[UUID]) -> None:
    """Hold jobs before their sheets are queued again."""
    await tx.fetch(_OPEN, merchant_id, sorted(set(jobs)))


async def reopen(tx: Transaction, merchant_id: int, jobs: Sequence[UUID]) -> None:
    """Say that held jobs have queued sheets again."""
    await tx.execute(_OPENED, merchant_id, list(set(jobs)))


async def set_pause(tx: Transaction, job: PrintJob, at: datetime | None, by: str) -> None:
    """Pause or go on."""
    await tx.execute(_PAUSE, job.merchant_id, job.job_id, at, by)


async def set_target(tx: Transaction, job: PrintJob, target: PrinterRef) -> None:
    """Where the queued sheets of a held job go from now on."""
    await tx.execute(_MOVE, job.merchant_id, job.job_id, target.agent_id, target.name)


async def printers_with_work(db: Reads, agent_id: UUID) -> list[str]:
    """The agent's printers that jobs wait for."""
    return [row["printer"] for row in await db.fetch(_WAITING_PRINTERS, agent_id)]


async def merchants_with_work(db: Reads, agent_id: UUID, printer: str) -> list[int]:
    """Whose jobs wait for a printer."""
    return [row["merchant_id"] for row in await db.fetch(_WAITING_MERCHANTS, agent_id, printer)]


async def ended_before(db: Reads, before: datetime, most: int) -> list[tuple[int, UUID]]:
    """Jobs of any merchant whose last sheet ended before a moment, the oldest first."""
    return [(row["merchant_id"], row["job_id"]) for row in await db.fetch(_ENDED_BEFORE, before, most)]


async def forget(tx: Transaction, job: PrintJob) -> None:
    """Remove a held job whose waybills are held, with its sheets and their steps."""
    await tx.execute(_FORGET, job.merchant_id, job.job_id)


async def recent(
    db: Reads, merchant_id: int, shop_id: str | None, before: tuple[datetime, UUID], most: int
) -> list[PrintJob]:
    """Jobs from the newest on; of one shop, or all."""
    return [_job(row) for row in await db.fetch(_RECENT, merchant_id, *before, most, shop_id)]


async def counts(db: Reads, merchant_id: int, jobs: Sequence[UUID]) -> dict[UUID, Counts]:
    """The sheets of each job by state, the printed ones by evidence too."""
    by_state: dict[UUID, dict[SheetState, int]] = {job_id: {} for job_id in jobs}
    by_proof: dict[UUID, dict[Proof, int]] = {job_id: {} for job_id in jobs}
    for row in await db.fetch(_COUNTS, merchant_id, list(jobs)):
        states, state = by_state[row["job_id"]], SheetState(row["state"])
        states[state] = states.get(state, 0) + row["sheets"]
        if row["evidence"]:
            by_proof[row["job_id"]][Proof(row["evidence"])] = row["sheets"]
    return {job_id: Counts(by_state[job_id], by_proof[job_id]) for job_id in jobs}


def _read(row: Record | None) -> PrintJob | None:
    return None if row is None else _job(row)


def _job(row: Record) -> PrintJob:
    values = dict(row)
    return PrintJob(**values | {"kind": JobKind(values["kind"]), "refused": tuple(values["refused"])})
