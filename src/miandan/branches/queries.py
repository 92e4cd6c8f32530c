"""Every statement about offices, pools, the directory and stock. `..._for_update` holds until the transaction ends."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from miandan.branches.model import Branch, DirectoryRow, PoolLevel, Segment, Slice, Stock, Whose
from miandan.kernel.database import Transaction

# Loads of one carrier go one after another, whatever is loaded. Two-part keys never meet the workers' one-part keys.
_LOCK_POOLS = "SELECT pg_advisory_xact_lock(1701604463, hashtext($1))"
_LOCK_POOLS_SHARED = "SELECT pg_advisory_xact_lock_shared(1701604463, hashtext($1))"

_INSERT_BRANCH = """
    INSERT INTO branch (carrier, branch_code, name, opened_at, province, city, district, address, phone)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT DO NOTHING
 RETURNING branch_code
"""

_BRANCH = """
    SELECT carrier, branch_code, name, opened_at, province, city, district, address, phone, closed_at
      FROM branch
     WHERE carrier = $1 AND branch_code = $2
"""

_BRANCHES = """
    SELECT carrier, branch_code, name, opened_at, province, city, district, address, phone, closed_at
      FROM branch
     WHERE carrier = $1 AND closed_at IS NULL
     ORDER BY branch_code
"""

_CLOSE_BRANCH = """
    UPDATE branch SET closed_at = $3 WHERE carrier = $1 AND branch_code = $2 AND closed_at IS NULL
 RETURNING branch_code
"""

_OVERLAPPING = """
    SELECT carrier, segment_id, branch_code, kind, first, last, next, loaded_at
      FROM pool_segment
     WHERE carrier = $1 AND kind = $2 AND first <= $4 AND last >= $3
     ORDER BY first
     LIMIT 1
"""

_INSERT_SEGMENT = """
    INSERT INTO pool_segment (carrier, segment_id, branch_code, kind, first, last, next, loaded_at)
    VALUES ($1, $2, $3, $4, $5, $6, $5, $7)
"""

_POOL_LEVELS = """
    SELECT kind, sum(last - first + 1)::bigint AS loaded, sum(last - next + 1)::bigint AS "left"
      FROM pool_segment
     WHERE carrier = $1 AND branch_code = $2
     GROUP BY kind
     ORDER BY kind
"""

_LIST_LEVEL = """
    SELECT 'list' AS kind, count(*) AS loaded, count(*) FILTER (WHERE taken_at IS NULL) AS "left"
      FROM pool_list_number
     WHERE carrier = $1 AND branch_code = $2
    HAVING count(*) > 0
"""

# A segment of the branch itself goes before one of the head office; older ones first.
_CLAIM_SLICE = """
    WITH segment AS (
        SELECT carrier, segment_id, next AS first, least(next + $6 - 1, last) AS last
          FROM pool_segment
         WHERE carrier = $1 AND kind = $3 AND branch_code IN ($2, '') AND next <= last
         ORDER BY branch_code = '' AND $2 <> '', loaded_at, first
         LIMIT 1
           FOR UPDATE {wait}
    ), advanced AS (
        UPDATE pool_segment
           SET next = segment.last + 1
          FROM segment
         WHERE pool_segment.carrier = segment.carrier AND pool_segment.segment_id = segment.segment_id
    )
    INSERT INTO pool_slice (carrier, kind, first, last, segment_id, merchant_id, account_id, claimed_at)
    SELECT carrier, $3, first, last, segment_id, $4, $5, $7 FROM segment
 RETURNING carrier, kind, first, last
"""
_CLAIM_SLICE_OF_A_FREE_SEGMENT = _CLAIM_SLICE.format(wait="SKIP LOCKED")
_CLAIM_SLICE_WAITING = _CLAIM_SLICE.format(wait="")

_SERIALS_LEFT = """
    SELECT EXISTS (
        SELECT FROM pool_segment
         WHERE carrier = $1 AND kind = $3 AND branch_code IN ($2, '') AND next <= last)
"""

_CLAIM_LISTED = """
    WITH free AS (
        SELECT carrier, number
          FROM pool_list_number
         WHERE carrier = $1 AND branch_code = $2 AND taken_at IS NULL
         ORDER BY number
         LIMIT $3
           FOR UPDATE SKIP LOCKED
    )
    UPDATE pool_list_number
       SET taken_at = $4
      FROM free
     WHERE pool_list_number.carrier = free.carrier AND pool_list_number.number = free.number
 RETURNING pool_list_number.number
"""

_LOAD_LISTED = """
    INSERT INTO pool_list_number (carrier, number, branch_code, loaded_at)
    SELECT $1, number, $2, $4 FROM unnest($3::text[]) AS number
        ON CONFLICT DO NOTHING
 RETURNING number
"""

_NOTE_NUMBERS = """
    INSERT INTO number_directory (carrier, number, merchant_id, month, source, intent_id, noted_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::date[], $5::text[], $6::uuid[], $7::timestamptz[])
        ON CONFLICT DO NOTHING
 RETURNING carrier, number
"""

_IN_DIRECTORY = "SELECT merchant_id, month FROM number_directory WHERE carrier = $1 AND number = $2"

_KNOWN_NUMBERS = "SELECT number FROM number_directory WHERE carrier = $1 AND number = ANY($2::text[])"

_LISTED_NUMBERS = "SELECT number FROM pool_list_number WHERE carrier = $1 AND number = ANY($2::text[])"

# The slice that starts last at or before the serial is the only one that can hold it.
_IN_SLICE = """
    SELECT merchant_id, account_id
      FROM (SELECT merchant_id, account_id, last
              FROM pool_slice
             WHERE carrier = $1 AND kind = $2 AND first <= $3
             ORDER BY first DESC
             LIMIT 1) AS nearest
     WHERE last >= $3
"""

_IN_SEGMENTS = """
    SELECT asked.number
      FROM unnest($3::text[], $4::bigint[]) AS asked (number, serial)
     WHERE EXISTS (SELECT FROM pool_segment
                    WHERE carrier = $1 AND kind = $2 AND asked.serial BETWEEN first AND last)
"""

# Numbers of one rule have one length and sort like their serials; suffixed ones are longer and do not count.
_NUMBER_BETWEEN = """
    SELECT number
      FROM pool_list_number
     WHERE carrier = $1 AND number BETWEEN $2 AND $3 AND length(number) = length($2)
     UNION ALL
    SELECT number
      FROM number_directory
     WHERE carrier = $1 AND number BETWEEN $2 AND $3 AND length(number) = length($2)
     LIMIT 1
"""

_RECEIVE = """
    INSERT INTO stock AS held (carrier, branch_code, received) VALUES ($1, $2, $3)
        ON CONFLICT (carrier, branch_code) DO UPDATE SET received = held.received + $3
 RETURNING carrier, branch_code, received, returned, sold
"""

_GIVE_BACK = """
    UPDATE stock
       SET returned = returned + $3
     WHERE carrier = $1 AND branch_code = $2 AND received - returned - sold >= $3
 RETURNING carrier, branch_code, received, returned, sold
"""

_SELL = """
    UPDATE stock
       SET sold = sold + $3
     WHERE carrier = $1 AND branch_code = $2 AND received - returned - sold >= $3
 RETURNING carrier, branch_code, received, returned, sold
"""

_STOCK = "SELECT carrier, branch_code, received, returned, sold FROM stock WHERE carrier = $1 AND branch_code = $2"

_INSERT_STOCK_ENTRY = """
    INSERT INTO stock_entry (carrier, entry_id, branch_code, kind, units, merchant_id, account_id, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING
 RETURNING entry_id
"""

_STOCK_ENTRY = """
    SELECT branch_code, kind, units, merchant_id, account_id FROM stock_entry WHERE carrier = $1 AND entry_id = $2
"""


async def lock_pools_for_update(tx: Transaction, carrier: str) -> None:
    """Hold every load of this carrier back until the transaction ends."""
    await tx.execute(_LOCK_POOLS, carrier)


async def lock_pools_against_loads(tx: Transaction, carrier: str) -> None:
    """Like the above, but many may hold it at once."""
    await tx.execute(_LOCK_POOLS_SHARED, carrier)


async def insert_branch(tx: Transaction, branch: Branch) -> bool:
    inserted = await tx.fetchval(
        _INSERT_BRANCH,
        branch.carrier,
        branch.branch_code,
        branch.name,
        branch.opened_at,
        branch.province,
        branch.city,
        branch.district,
        branch.address,
        branch.phone,
    )
    return inserted is not None


async def branch(tx: Transaction, carrier: str, branch_code: str) -> Branch | None:
    row = await tx.fetchrow(_BRANCH, carrier, branch_code)
    return None if row is None else Branch(**row)


async def open_branches(tx: Transaction, carrier: str) -> tuple[Branch, ...]:
    return tuple(Branch(**row) for row in await tx.fetch(_BRANCHES, carrier))


async def close_branch(tx: Transaction, carrier: str, branch_code: str, at: datetime) -> bool:
    return await tx.fetchval(_CLOSE_BRANCH, carrier, branch_code, at) is not None


async def overlapping_segment(tx: Transaction, carrier: str, kind: str, first: int, last: int) -> Segment | None:
    row = await tx.fetchrow(_OVERLAPPING, carrier, kind, first, last)
    return None if row is None else Segment(**row)


async def insert_segment(tx: Transaction, segment: Segment) -> None:
    await tx.execute(
        _INSERT_SEGMENT,
        segment.carrier,
        segment.segment_id,
        segment.branch_code,
        segment.kind,
        segment.first,
        segment.last,
        segment.loaded_at,
    )


async def pool_levels(tx: Transaction, carrier: str, branch_code: str) -> tuple[PoolLevel, ...]:
    """Segments by kind, then the list where one was loaded."""
    levels = [PoolLevel(**row) for row in await tx.fetch(_POOL_LEVELS, carrier, branch_code)]
    listed = [PoolLevel(**row) for row in await tx.fetch(_LIST_LEVEL, carrier, branch_code)]
    return (*levels, *listed)


async def claim_slice_of_a_free_segment(
    tx: Transaction, carrier: str, branch_code: str, kind: str, merchant_id: int, account_id: UUID, wanted: int,
    at: datetime,
) -> Slice | None:  # fmt: skip
    """Like the waiting form, but passes over segments that somebody else is claiming from at this moment."""
    row = await tx.fetchrow(
        _CLAIM_SLICE_OF_A_FREE_SEGMENT, carrier, branch_code, kind, merchant_id, account_id, wanted, at
    )
    return None if row is None else Slice(**row)


async def claim_slice_waiting(
    tx: Transaction, carrier: str, branch_code: str, kind: str, merchant_id: int, account_id: UUID, wanted: int,
    at: datetime,
) -> Slice | None:  # fmt: skip
    """Claim the next serials of a segment, at most `wanted`. None also where the segment ran out while we waited."""
    row = await tx.fetchrow(_CLAIM_SLICE_WAITING, carrier, branch_code, kind, merchant_id, account_id, wanted, at)
    return None if row is None else Slice(**row)


async def serials_left(tx: Transaction, carrier: str, branch_code: str, kind: str) -> bool:
    return bool(await tx.fetchval(_SERIALS_LEFT, carrier, branch_code, kind))


async def claim_listed(tx: Transaction, carrier: str, branch_code: str, count: int, at: datetime) -> list[str]:
    rows = await tx.fetch(_CLAIM_LISTED, carrier, branch_code, count, at)
    return sorted(row["number"] for row in rows)


async def load_listed(tx: Transaction, carrier: str, branch_code: str, numbers: Sequence[str], at: datetime) -> int:
    """How many of the numbers were new."""
    return len(await tx.fetch(_LOAD_LISTED, carrier, branch_code, numbers, at))


async def note_numbers(tx: Transaction, rows: Sequence[DirectoryRow]) -> set[tuple[str, str]]:
    """The (carrier, number) pairs that are in the directory now because of this statement."""
    columns = (
        [row.carrier for row in rows],
        [row.number for row in rows],
        [row.merchant_id for row in rows],
        [row.month for row in rows],
        [row.source for row in rows],
        [row.intent_id for row in rows],
        [row.noted_at for row in rows],
    )
    return {(row["carrier"], row["number"]) for row in await tx.fetch(_NOTE_NUMBERS, *columns)}


async def in_directory(tx: Transaction, carrier: str, number: str) -> Whose | None:
    row = await tx.fetchrow(_IN_DIRECTORY, carrier, number)
    return None if row is None else Whose(row["merchant_id"], row["month"])


async def in_directory_for_update(tx: Transaction, carrier: str, number: str) -> Whose | None:
    row = await tx.fetchrow(_IN_DIRECTORY + " FOR UPDATE", carrier, number)
    return None if row is None else Whose(row["merchant_id"], row["month"])


async def known_numbers(tx: Transaction, carrier: str, numbers: Sequence[str]) -> set[str]:
    """Those of the numbers that stand in the directory."""
    return {row["number"] for row in await tx.fetch(_KNOWN_NUMBERS, carrier, numbers)}


async def listed_numbers(tx: Transaction, carrier: str, numbers: Sequence[str]) -> set[str]:
    """Those of the numbers that were loaded as a list, taken or not."""
    return {row["number"] for row in await tx.fetch(_LISTED_NUMBERS, carrier, numbers)}


async def in_slice(tx: Transaction, carrier: str, kind: str, serial: int) -> Whose | None:
    row = await tx.fetchrow(_IN_SLICE, carrier, kind, serial)
    return None if row is None else Whose(row["merchant_id"], None, row["account_id"])


async def in_segments(tx: Transaction, carrier: str, kind: str, serials: dict[str, int]) -> set[str]:
    """Those of the numbers (with their serials) that lie in a segment, claimed or not."""
    rows = await tx.fetch(_IN_SEGMENTS, carrier, kind, list(serials), list(serials.values()))
    return {row["number"] for row in rows}


async def number_between(tx: Transaction, carrier: str, first: str, last: str) -> str | None:
    """A listed or noted number between two numbers as texts, both included."""
    number: str | None = await tx.fetchval(_NUMBER_BETWEEN, carrier, first, last)
    return number


async def receive(tx: Transaction, carrier: str, branch_code: str, units: int) -> Stock:
    return _stock(await tx.fetchrow(_RECEIVE, carrier, branch_code, units))


async def give_back(tx: Transaction, carrier: str, branch_code: str, units: int) -> Stock | None:
    """None when the branch holds fewer."""
    row = await tx.fetchrow(_GIVE_BACK, carrier, branch_code, units)
    return None if row is None else _stock(row)


async def sell(tx: Transaction, carrier: str, branch_code: str, units: int) -> Stock | None:
    """Move units from stock to an account, or back with a negative count; None when the branch holds fewer."""
    row = await tx.fetchrow(_SELL, carrier, branch_code, units)
    return None if row is None else _stock(row)


async def stock(tx: Transaction, carrier: str, branch_code: str) -> Stock:
    row = await tx.fetchrow(_STOCK, carrier, branch_code)
    return Stock(carrier, branch_code, 0, 0, 0) if row is None else _stock(row)


async def insert_stock_entry(
    tx: Transaction, carrier: str, entry_id: UUID, branch_code: str, kind: str, units: int, at: datetime,
    merchant_id: int | None = None, account_id: UUID | None = None,
) -> bool:  # fmt: skip
    """Whether the entry is new; waits for another transaction that writes the same id."""
    return (
        await tx.fetchval(_INSERT_STOCK_ENTRY, carrier, entry_id, branch_code, kind, units, merchant_id, account_id, at)
        is not None
    )


async def stock_entry(tx: Transaction, carrier: str, entry_id: UUID) -> tuple[object, ...]:
    """Branch, kind, units, merchant and account of an entry that exists."""
    (row,) = await tx.fetch(_STOCK_ENTRY, carrier, entry_id)
    return tuple(row)


def _stock(row: Record) -> Stock:
    return Stock(**row)
