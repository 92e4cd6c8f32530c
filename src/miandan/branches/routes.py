"""Route tables: which sort code, big mark and bag centre a carrier prints for a division. Dated, versioned, immutable.

A carrier loads a version from CSV or TOML rows (prefix of the division code -> route); the longest prefix wins. Tables
of a sandbox say 示例 in every big mark, so that nobody ships by them.
"""

import csv
import io
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from miandan.branches import queries, route_queries
from miandan.carriers.catalogue import catalogue
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal

SANDBOX_MARK = "示例"

_PREFIX = re.compile(r"[0-9]{2,12}")
_HEADERS = {
    "prefix": "prefix",
    "sort_code": "sort_code",
    "big_mark": "big_mark",
    "bag_centre": "bag_centre",
    "区划前缀": "prefix",
    "三段码": "sort_code",
    "大头笔": "big_mark",
    "集包地": "bag_centre",
}
_COLUMNS = ("prefix", "sort_code", "big_mark", "bag_centre")


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One line of a table: where parcels go whose division code begins with `prefix` (2 to 12 digits)."""

    prefix: str
    sort_code: str
    big_mark: str
    bag_centre: str


@dataclass(frozen=True, slots=True)
class Route:
    """What the label says about the way: sort code 三段码, big mark 大头笔, bag centre 集包地."""

    sort_code: str
    big_mark: str
    bag_centre: str


class RouteTable:
    """One version of a carrier's table, ready to ask. Build it once per (carrier, version); it never changes."""

    __slots__ = ("_lengths", "_routes", "carrier", "sandbox", "valid_from", "version")

    def __init__(self, carrier: str, version: int, sandbox: bool, valid_from: date, rows: Iterable[RouteRow]) -> None:
        self.carrier = carrier
        self.version = version
        self.sandbox = sandbox
        self.valid_from = valid_from
        mark = f"{SANDBOX_MARK} " if sandbox else ""
        self._routes = {row.prefix: Route(row.sort_code, mark + row.big_mark, row.bag_centre) for row in rows}
        self._lengths = sorted({len(prefix) for prefix in self._routes}, reverse=True)

    def __len__(self) -> int:
        return len(self._routes)

    def route(self, division_code: str) -> Route | None:
        """The route of the longest prefix that fits; None means 未分拣 on the label and a warning in the report."""
        for length in self._lengths:
            found = self._routes.get(division_code[:length])
            if found is not None:
                return found
        return None


async def load_route_table(
    db: Database,
    carrier: str,
    rows: Sequence[RouteRow],
    valid_from: date | None = None,
    *,
    sandbox: bool = False,
    at: datetime | None = None,
) -> RouteTable:
    """Store a new version that holds from a Beijing day on (today where none is given).

    Raises carrier.unknown, route.empty, route.prefix_malformed, route.prefix_twice.
    """
    catalogue().get(carrier)
    _check(rows)
    loaded_at = at or now()
    since = valid_from or trade_day(loaded_at)
    async with db.transaction() as tx:
        await queries.lock_pools_for_update(tx, carrier)
        version = await route_queries.next_version(tx, carrier)
        await route_queries.insert_table(tx, carrier, version, sandbox, since, loaded_at)
        columns = [[getattr(row, column) for row in rows] for column in _COLUMNS]
        await route_queries.insert_rows(tx, carrier, version, columns)
    return RouteTable(carrier, version, sandbox, since, rows)


async def current_version(db: Database, carrier: str, on: date | None = None) -> int | None:
    """Which version holds on a Beijing day: the key to cache a table by. None where nothing was loaded."""
    async with db.transaction() as tx:
        return await route_queries.current_version(tx, carrier, on or trade_day(now()))


async def route_table(db: Database, carrier: str, version: int) -> RouteTable:
    """Build the table of a version. Raises route.version_unknown."""
    async with db.transaction() as tx:
        head = await route_queries.table(tx, carrier, version)
        if head is None:
            raise Refusal("route.version_unknown", carrier=carrier, version=version)
        rows = [RouteRow(*row) for row in await route_queries.rows(tx, carrier, version)]
    return RouteTable(carrier, version, head[0], head[1], rows)


def read_csv(content: bytes) -> list[RouteRow]:
    """Rows of a CSV file (UTF-8 or GB18030) with the columns prefix, sort_code, big_mark, bag_centre, in any order.

    The Chinese headers 区划前缀, 三段码, 大头笔, 集包地 will do too. Raises route.unreadable, route.columns_missing.
    """
    reader = csv.DictReader(io.StringIO(_text(content), newline=""))
    names = {header: _HEADERS[header.strip()] for header in reader.fieldnames or () if header.strip() in _HEADERS}
    missing = [column for column in _COLUMNS if column not in names.values()]
    if missing:
        raise Refusal("route.columns_missing", missing=", ".join(missing))
    return [_row({names[key]: value or "" for key, value in row.items() if key in names}) for row in reader]


def read_toml(content: bytes) -> list[RouteRow]:
    """Rows of a TOML file of `[[route]]` tables. Raises route.unreadable, route.columns_missing."""
    try:
        tables = tomllib.loads(_text(content)).get("route", [])
    except tomllib.TOMLDecodeError as error:
        raise Refusal("route.unreadable") from error
    missing = sorted({column for table in tables for column in _COLUMNS if column not in table})
    if missing:
        raise Refusal("route.columns_missing", missing=", ".join(missing))
    return [_row(table) for table in tables]


def _row(values: Mapping[str, Any]) -> RouteRow:
    return RouteRow(*(str(values[column]).strip() for column in _COLUMNS))


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refusal("route.unreadable")


def _check(rows: Sequence[RouteRow]) -> None:
    if not rows:
        raise Refusal("route.empty")
    seen: set[str] = set()
    for line, row in enumerate(rows, start=1):
        if not _PREFIX.fullmatch(row.prefix):
            raise Refusal("route.prefix_malformed", row=line, prefix=row.prefix[:20])
        if row.prefix in seen:
            raise Refusal("route.prefix_twice", row=line, prefix=row.prefix)
        seen.add(row.prefix)
