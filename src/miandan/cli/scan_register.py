"""`miandan scans`: risk signals and gaps in the status tables, as the operator sees them. Nobody's data."""

from dataclasses import asdict
from typing import Any

from miandan.carriers.catalogue import catalogue
from miandan.cli.session import open_session, say
from miandan.cli.tables import Column, write_list
from miandan.cli.words import carrier_words
from miandan.tracking import service as tracking
from miandan.tracking.model import Untaken

MOST_READ = 10_000
"""Codes that are looked through for one carrier's."""

_UNTAKEN = (
    Column("carrier", "快递公司 carrier", carrier_words),
    Column("number", "单号 number"),
    Column("merchant", "号段所属商家 whose unused number"),
    Column("last_action", "最后状态 last action"),
    Column("last_scan_at", "最后轨迹 last scan"),
    Column("last_site", "网点 site"),
    Column("scans", "轨迹数 scans"),
)
_UNREAD = (
    Column("carrier", "快递公司 carrier", carrier_words),
    Column("namespace", "编码体系 namespace"),
    Column("code", "状态码 code"),
    Column("times", "次数 times"),
    Column("last_at", "最后一次 last"),
)


async def untaken(carrier: str | None, limit: int, as_json: bool) -> int:
    """Numbers that are under way although nobody took them. Raises carrier.unknown."""
    code = None if carrier is None else catalogue().find(carrier).code
    async with open_session() as session:
        found = await tracking.untaken_numbers(session.db, code, limit=limit)
    write_list(_UNTAKEN, [_row(one) for one in found], as_json=as_json)
    say(f"! 未取号却有轨迹 {len(found)} 个 numbers" if found else "✓ 没有这样的单号 no such number")
    return 0


async def unread(carrier: str | None, limit: int, as_json: bool) -> int:
    """Codes that nobody here can read. Raises carrier.unknown."""
    code = None if carrier is None else catalogue().find(carrier).code
    async with open_session() as session:
        known = await tracking.unread_codes(session.db, limit=MOST_READ)
    found = [one for one in known if code in (None, one.carrier)][:limit]
    write_list(_UNREAD, [asdict(one) for one in found], as_json=as_json)
    say(f"! 读不懂的状态码 {len(found)} 个 codes" if found else "✓ 每个状态码都读得懂 every code is read")
    return 0


def _row(one: Untaken) -> dict[str, Any]:
    stand = one.stand
    return {
        "carrier": stand.carrier,
        "number": stand.number,
        "merchant": "" if one.merchant_id is None else str(one.merchant_id),
        "last_action": stand.last_action.value,
        "last_scan_at": stand.last_scan_at,
        "last_site": stand.last_site,
        "scans": stand.scans,
        "heard_at": one.heard_at,
    }
