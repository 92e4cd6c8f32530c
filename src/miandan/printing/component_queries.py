"""Every statement about sheets of print components."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from miandan.kernel.database import Reads, Transaction
from miandan.printing.job_model import JobKind, PrintJob, PrintSheet
from miandan.waybills.model import NumberRef

_NAMES: Final = tuple(field.name for field in fields(PrintSheet))

_KIND = """
    SELECT j.kind
      FROM print_sheet s
      JOIN print_job j ON j.merchant_id = s.merchant_id AND j.job_id = s.job_id
     WHERE s.merchant_id = $1 AND s.sheet_id = $2
"""
_NEXT_PLACE = """
    UPDATE print_job SET sheets = sheets + 1 WHERE merchant_id = $1 AND job_id = $2 RETURNING sheets
"""
# Whether a copy lies among those that a later one was counted with, and no sheet has it.
_IS_OPEN = """
    SELECT EXISTS (SELECT
                     FROM print_sheet
                    WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND above < $4 AND copy > $4)
       AND NOT EXISTS (SELECT
                         FROM print_sheet
                        WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND copy = $4)
"""
_COUNT = """
    UPDATE waybill
       SET copies = greatest(copies, $5), sheet_copies = sheet_copies + 1
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND month = $4
"""
_INSERT = f"""
    WITH made AS (
        INSERT INTO print_sheet ({", ".join(_NAMES)}, above)
        VALUES ({", ".join(f"${place}" for place in range(1, len(_NAMES) + 2))})
     RETURNING *
    )
    INSERT INTO print_sheet_step (merchant_id, sheet_id, step, at, said, by, state, lease, agent_id, printer, copy,
                                  evidence, reason, agent_at)
    SELECT merchant_id, sheet_id, steps, ended_at, ${len(_NAMES) + 2}, ${len(_NAMES) + 3}, state, lease, agent_id,
           printer, copy, evidence, reason, ${len(_NAMES) + 4}
      FROM made
"""


async def kind_of(db: Reads, merchant_id: int, sheet_id: UUID) -> JobKind | None:
    """Of the job that a sheet lies in; None for a sheet that is not there."""
    found = await db.fetchval(_KIND, merchant_id, sheet_id)
    return None if found is None else JobKind(found)


async def next_place(tx: Transaction, job: PrintJob) -> int:
    """The place of one more sheet in a held job."""
    return int(await tx.fetchval(_NEXT_PLACE, job.merchant_id, job.job_id))


async def is_open(tx: Transaction, ref: NumberRef, copy: int) -> bool:
    """Whether a copy was left out when a later one of a held waybill was counted, and nobody has it."""
    return bool(await tx.fetchval(_IS_OPEN, ref.merchant_id, ref.carrier, ref.number, copy))


async def count(tx: Transaction, ref: NumberRef, copy: int) -> None:
    """One more copy of a held waybill, and no fewer altogether than this one says."""
    await tx.execute(_COUNT, ref.merchant_id, ref.carrier, ref.number, ref.month, copy)


async def insert(
    tx: Transaction, sheet: PrintSheet, above: int | None, said: str, by: str, agent_at: datetime | None
) -> None:
    """Write a sheet that has ended, and the one step that is known of it."""
    values: Mapping[str, Any] = {name: getattr(sheet, name) for name in _NAMES}
    await tx.execute(_INSERT, *values.values(), above, said, by, agent_at)
