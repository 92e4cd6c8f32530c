"""Monthly partitions of waybill bodies, made before the month begins so that a month's end never stops a take."""

from datetime import date

from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database

MONTHS_AHEAD = 2

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('waybill months'))"
_EXISTS = "SELECT to_regclass($1) IS NOT NULL"
_CREATE = "CREATE TABLE IF NOT EXISTS {name} PARTITION OF waybill FOR VALUES FROM ('{first}') TO ('{next}')"


async def prepare(db: Database) -> None:
    """Have partitions for this month and the next ones."""
    first = trade_day(now()).replace(day=1)
    for _ in range(1 + MONTHS_AHEAD):
        await _create_if_missing(db, first)
        first = following(first)


def following(first: date) -> date:
    """The first day of the next month."""
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


async def _create_if_missing(db: Database, first: date) -> None:
    name = f"waybill_{first:%Y_%m}"
    if await db.fetchval(_EXISTS, name):
        return
    async with db.transaction() as tx:
        await tx.execute(_LOCK)
        # Asking again here would be answered from this session's cache, which may not know yet what another one made.
        await tx.execute(_CREATE.format(name=name, first=first, next=following(first)))
