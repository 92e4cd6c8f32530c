"""What an office was given already: whoever loads a file or a delivery asks here first, so that twice is once."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from miandan.branches import loaded_queries
from miandan.branches.model import Segment
from miandan.branches.routes import RouteRow
from miandan.kernel.database import Reads


async def segments_of(db: Reads, carrier: str, branch_code: str) -> tuple[Segment, ...]:
    """The office's own segments, by kind and serial."""
    return tuple(await loaded_queries.segments(db, carrier, branch_code))


async def has_segment(db: Reads, carrier: str, branch_code: str, kind: str, first: int, last: int) -> bool:
    """Whether exactly this range was loaded for this office."""
    loaded = await segments_of(db, carrier, branch_code)
    return any((one.kind, one.first, one.last) == (kind, first, last) for one in loaded)


async def has_list(db: Reads, carrier: str, branch_code: str, numbers: Sequence[str]) -> bool:
    """Whether every one of these numbers was loaded as a list of this office."""
    wanted = set(numbers)
    return bool(wanted) and await loaded_queries.listed_at(db, carrier, branch_code, list(wanted)) == len(wanted)


async def is_booked(db: Reads, carrier: str, entry_id: UUID) -> bool:
    """Whether an entry of this id stands in the carrier's stock books, whatever it says."""
    return await loaded_queries.booked(db, carrier, entry_id)


async def route_version_with(
    db: Reads, carrier: str, rows: Sequence[RouteRow], since: date, *, sandbox: bool = False
) -> int | None:
    """The version that holds on a Beijing day, where it has these very rows; None where loading would change it."""
    version = await loaded_queries.route_version(db, carrier, since, sandbox)
    if version is None:
        return None
    wanted = {(row.prefix, row.sort_code, row.big_mark, row.bag_centre) for row in rows}
    return version if await loaded_queries.route_rows(db, carrier, version) == wanted else None
