"""Every statement that asks what an office was given already."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from miandan.branches.model import Segment
from miandan.kernel.database import Reads

_SEGMENTS = """
    SELECT carrier, segment_id, branch_code, kind, first, last, next, loaded_at
      FROM pool_segment
     WHERE carrier = $1 AND branch_code = $2
     ORDER BY kind, first
"""

_LISTED_AT = """
    SELECT count(*) FROM pool_list_number WHERE carrier = $1 AND branch_code = $2 AND number = ANY($3::text[])
"""

_BOOKED = "SELECT EXISTS (SELECT FROM stock_entry WHERE carrier = $1 AND entry_id = $2)"

_ROUTE_VERSION = """
    SELECT version
      FROM route_table
     WHERE carrier = $1 AND valid_from <= $2 AND sandbox = $3
     ORDER BY valid_from DESC, version DESC
     LIMIT 1
"""

_ROUTE_ROWS = "SELECT prefix, sort_code, big_mark, bag_centre FROM route_row WHERE carrier = $1 AND version = $2"


async def segments(db: Reads, carrier: str, branch_code: str) -> list[Segment]:
    return [Segment(**row) for row in await db.fetch(_SEGMENTS, carrier, branch_code)]


async def listed_at(db: Reads, carrier: str, branch_code: str, numbers: Sequence[str]) -> int:
    """How many of the numbers this office's list has, taken or not."""
    return int(await db.fetchval(_LISTED_AT, carrier, branch_code, list(numbers)))


async def booked(db: Reads, carrier: str, entry_id: UUID) -> bool:
    return bool(await db.fetchval(_BOOKED, carrier, entry_id))


async def route_version(db: Reads, carrier: str, on: date, sandbox: bool) -> int | None:
    """Which table of its kind holds on a Beijing day."""
    version: int | None = await db.fetchval(_ROUTE_VERSION, carrier, on, sandbox)
    return version


async def route_rows(db: Reads, carrier: str, version: int) -> set[tuple[str, str, str, str]]:
    return {tuple(row) for row in await db.fetch(_ROUTE_ROWS, carrier, version)}
