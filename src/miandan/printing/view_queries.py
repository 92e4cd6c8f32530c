"""Statements of lists about sheets: by job, by state, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from miandan.kernel.database import Reads
from miandan.printing.job_model import PrintSheet, SheetState
from miandan.printing.model import Asked
from miandan.printing.sheet_queries import read_sheet

_OF_JOB = """
    SELECT * FROM print_sheet WHERE merchant_id = $1 AND job_id = $2 AND place > $3 ORDER BY place LIMIT $4
"""
_TO_CHECK = """
    SELECT *
      FROM print_sheet
     WHERE merchant_id = $1 AND state IN ('failed', 'doubtful')
     ORDER BY queued_at DESC, job_id, place
     LIMIT $2
"""
_DOUBTFUL_OF_JOB = """
    SELECT sheet_id FROM print_sheet WHERE merchant_id = $1 AND job_id = $2 AND state = 'doubtful' ORDER BY place
"""
# A number that was queued again after it had failed is not failed any more, unless that has come to nothing too.
_FAILED_OF_JOB = """
    SELECT carrier, number
      FROM print_sheet s
     WHERE merchant_id = $1 AND job_id = $2 AND state = 'failed'
       AND NOT EXISTS (SELECT
                         FROM print_sheet later
                        WHERE later.merchant_id = s.merchant_id AND later.carrier = s.carrier
                          AND later.number = s.number AND later.sheet_id <> s.sheet_id
                          AND later.queued_at >= s.queued_at
                          AND later.state NOT IN ('failed', 'stopped', 'cancelled'))
     ORDER BY place
"""
_STEPS = """
    SELECT sheet_id, step, at, said, by, state, lease, agent_id, printer, copy, evidence, reason, agent_at
      FROM print_sheet_step
     WHERE merchant_id = $1 AND sheet_id = ANY($2)
     ORDER BY sheet_id, step
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sheet: what was said by whom, and the state after it."""

    step: int
    at: datetime
    said: str
    by: str
    state: SheetState
    lease: int
    agent_id: UUID | None
    printer: str
    copy: int
    evidence: str
    reason: str
    agent_at: datetime | None


async def sheets_of_job(db: Reads, merchant_id: int, job_id: UUID, after: int, most: int) -> list[PrintSheet]:
    """Sheets of a job by place."""
    return [read_sheet(row) for row in await db.fetch(_OF_JOB, merchant_id, job_id, after, most)]


async def sheets_to_check(db: Reads, merchant_id: int, most: int) -> list[PrintSheet]:
    """Failed and doubtful sheets, the latest first."""
    return [read_sheet(row) for row in await db.fetch(_TO_CHECK, merchant_id, most)]


async def doubtful_of_job(db: Reads, merchant_id: int, job_id: UUID) -> list[UUID]:
    """The sheets of a job that are in doubt, by place."""
    return [row["sheet_id"] for row in await db.fetch(_DOUBTFUL_OF_JOB, merchant_id, job_id)]


async def failed_of_job(db: Reads, merchant_id: int, job_id: UUID) -> list[Asked]:
    """The numbers of a job that failed and were not printed since, by place."""
    return [Asked(*row) for row in await db.fetch(_FAILED_OF_JOB, merchant_id, job_id)]


async def steps_of(db: Reads, merchant_id: int, sheets: Sequence[UUID]) -> dict[UUID, list[Step]]:
    """The steps of each sheet in their order."""
    found: dict[UUID, list[Step]] = {}
    for row in await db.fetch(_STEPS, merchant_id, list(sheets)):
        values = dict(row)
        sheet_id = values.pop("sheet_id")
        found.setdefault(sheet_id, []).append(Step(**values | {"state": SheetState(values["state"])}))
    return found
