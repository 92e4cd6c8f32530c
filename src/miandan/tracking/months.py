"""Monthly partitions of the inbox: made before their month begins, dropped whole once nothing in them may be kept."""

import re
from datetime import date, datetime, timedelta

from miandan.kernel.clock import BEIJING, now, trade_day
from miandan.kernel.database import Database
from miandan.tracking.model import MOST_AGE
from miandan.vault.shelves import retention_rules
from miandan.waybills.months import MONTHS_AHEAD, following

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('scan months'))"
_EXISTS = "SELECT to_regclass($1) IS NOT NULL"
_CREATE = "CREATE TABLE IF NOT EXISTS {name} PARTITION OF scan FOR VALUES FROM ('{first}') TO ('{next}')"
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'scan'::regclass ORDER BY 1"
_DROP = "DROP TABLE IF EXISTS {name}"

_NAME = re.compile(r"scan_(\d{4})_(\d{2})")


async def prepare(db: Database, at: datetime | None = None) -> None:
    """Have partitions for every month from which a scan may come at `at`, and the next ones."""
    at = at or now()
    first = trade_day(at - MOST_AGE).replace(day=1)
    last = trade_day(at).replace(day=1)
    for _ in range(MONTHS_AHEAD):
        last = following(last)
    while first <= last:
        await _create_if_missing(db, first)
        first = following(first)


async def drop_past(db: Database, at: datetime | None = None) -> int:
    """Drop the months whose every scan is older than its retention; how many months. Deleting rows would take hours."""
    at = at or now()
    days = [rule.days for rule in retention_rules() if rule.table == "scan" and rule.holds_on(trade_day(at))]
    if not days:
        return 0
    kept_from, dropped = trade_day(at - timedelta(days=max(days))), 0
    for (name,) in await db.fetch(_PARTITIONS):
        found = _NAME.fullmatch(name)
        if found and following(date(int(found[1]), int(found[2]), 1)) <= kept_from:
            async with db.transaction() as tx:
                await tx.execute(_LOCK)
                await tx.execute(_DROP.format(name=name))
            dropped += 1
    return dropped


async def _create_if_missing(db: Database, first: date) -> None:
    name = f"scan_{first:%Y_%m}"
    if await db.fetchval(_EXISTS, name):
        return
    async with db.transaction() as tx:
        await tx.execute(_LOCK)
        await tx.execute(_CREATE.format(name=name, first=_midnight(first), next=_midnight(following(first))))


def _midnight(day: date) -> str:
    """The moment at which a Beijing day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING).isoformat()
