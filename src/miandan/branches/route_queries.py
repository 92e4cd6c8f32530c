"""Every statement about route tables."""

from collections.abc import Sequence
from datetime import date, datetime

from miandan.kernel.database import Transaction

_NEXT_VERSION = "SELECT coalesce(max(version), 0) + 1 FROM route_table WHERE carrier = $1"

_INSERT_TABLE = """
    INSERT INTO route_table (carrier, version, sandbox, valid_from, loaded_at) VALUES ($1, $2, $3, $4, $5)
"""

_INSERT_ROWS = """
    INSERT INTO route_row (carrier, version, prefix, sort_code, big_mark, bag_centre)
    SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[])
"""

# A real table goes before a sandbox one, then the one that holds since the later day.
_CURRENT = """
    SELECT version
      FROM route_table
     WHERE carrier = $1 AND valid_from <= $2
     ORDER BY sandbox, valid_from DESC, version DESC
     LIMIT 1
"""

_TABLE = "SELECT sandbox, valid_from FROM route_table WHERE carrier = $1 AND version = $2"

_ROWS = "SELECT prefix, sort_code, big_mark, bag_centre FROM route_row WHERE carrier = $1 AND version = $2"


async def next_version(tx: Transaction, carrier: str) -> int:
    """Only good under the carrier's load lock."""
    return int(await tx.fetchval(_NEXT_VERSION, carrier))


async def insert_table(
    tx: Transaction, carrier: str, version: int, sandbox: bool, valid_from: date, loaded_at: datetime
) -> None:
    await tx.execute(_INSERT_TABLE, carrier, version, sandbox, valid_from, loaded_at)


async def insert_rows(tx: Transaction, carrier: str, version: int, columns: Sequence[Sequence[str]]) -> None:
    """Columns prefix, sort code, big mark, bag centre, each with one text per row."""
    await tx.execute(_INSERT_ROWS, carrier, version, *columns)


async def current_version(tx: Transaction, carrier: str, on: date) -> int | None:
    version: int | None = await tx.fetchval(_CURRENT, carrier, on)
    return version


async def table(tx: Transaction, carrier: str, version: int) -> tuple[bool, date] | None:
    """Whether it is a sandbox table, and since when it holds."""
    row = await tx.fetchrow(_TABLE, carrier, version)
    return None if row is None else (row["sandbox"], row["valid_from"])


async def rows(tx: Transaction, carrier: str, version: int) -> list[tuple[str, str, str, str]]:
    """Prefix, sort code, big mark, bag centre."""
    return [tuple(row) for row in await tx.fetch(_ROWS, carrier, version)]
