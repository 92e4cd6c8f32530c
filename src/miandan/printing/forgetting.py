"""Forgetting print jobs: one whose sheets have all ended goes whole, with its sheets and their steps, once it is as old
as the retention table says (vault/retention.toml). What was printed stays counted at the waybills."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.printing import job_queries, sheet_queries
from miandan.vault.shelves import retention_rules
from miandan.waybills import queries as waybill_queries

_AT_ONCE: Final = 1_000
"""Jobs that are looked for in one go."""


async def forget_old_jobs(db: Database, at: datetime | None = None) -> int:
    """The job: how many print jobs went. May be stopped anywhere and run twice at once."""
    at, forgotten = at or now(), 0
    days = [rule.days for rule in retention_rules() if rule.table == "print_job" and rule.holds_on(trade_day(at))]
    while days:
        before = at - timedelta(days=max(days))
        found = await job_queries.ended_before(db, before, _AT_ONCE)
        for merchant_id, job_id in found:
            forgotten += await _forget(db, merchant_id, job_id, before)
        if len(found) < _AT_ONCE:
            break
    return forgotten


async def _forget(db: Database, merchant_id: int, job_id: UUID, before: datetime) -> bool:
    """Sheets are held before waybills, as everywhere: a late word about one of them comes first and keeps the job."""
    async with db.transaction() as tx:
        job = await job_queries.job_for_update(tx, merchant_id, job_id)
        if job is None:
            return False
        sheets = await sheet_queries.all_of_job_for_update(tx, job)
        if not all(sheet.ended_at is not None and sheet.ended_at < before for sheet in sheets):
            return False
        refs = sorted((sheet.ref for sheet in sheets), key=lambda ref: (ref.carrier, ref.number))
        await waybill_queries.waybills_for_update(tx, refs)
        await job_queries.forget(tx, job)
    return True
