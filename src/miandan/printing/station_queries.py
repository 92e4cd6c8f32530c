"""Every statement about parcels at the packing table: stops, packed marks, weights, and what a scan has to know."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from miandan.kernel.database import Reads, Record, Transaction
from miandan.printing.job_model import PrintSheet
from miandan.printing.sheet_queries import read_sheet
from miandan.waybills.model import NumberRef

FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)

_STOP_COLUMNS = "merchant_id, carrier, number, raised_at, raised_by, reason, order_id, cleared_at, cleared_by"

# A stop that stands already says the latest reason and keeps the moment from which on no new copy lifts it.
_RAISE = """
    INSERT INTO pack_stop (merchant_id, carrier, number, raised_at, raised_by, reason, order_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (merchant_id, carrier, number, cleared_at) DO UPDATE
       SET raised_at = $4, raised_by = $5, reason = $6, order_id = $7
"""
_CLEAR = """
    UPDATE pack_stop
       SET cleared_at = $4, cleared_by = $5
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND cleared_at = 'infinity' AND raised_at < $6
 RETURNING number
"""
_STOP = f"""
    SELECT {_STOP_COLUMNS}
      FROM pack_stop
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND cleared_at = 'infinity'
"""
_STOPS = f"""
    SELECT {_STOP_COLUMNS}
      FROM pack_stop
     WHERE merchant_id = $1 AND cleared_at = 'infinity'
       AND ($2::text IS NULL
            OR EXISTS (SELECT
                         FROM waybill w
                        WHERE w.merchant_id = $1 AND w.carrier = pack_stop.carrier AND w.number = pack_stop.number
                          AND w.shop_id = $2))
     ORDER BY raised_at DESC
     LIMIT $3
"""
_SHEETS = """
    SELECT * FROM print_sheet WHERE merchant_id = $1 AND carrier = $2 AND number = $3 ORDER BY queued_at, sheet_id
"""
_PACK = """
    INSERT INTO parcel_packed (merchant_id, carrier, number, copy, packed_at, packed_by)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
"""
_PACKED = """
    SELECT copy, packed_at, packed_by FROM parcel_packed WHERE merchant_id = $1 AND carrier = $2 AND number = $3
"""
_UNPACK = "DELETE FROM parcel_packed WHERE merchant_id = $1 AND carrier = $2 AND number = $3 RETURNING number"
_WEIGHT = """
    SELECT turn, grams, source, weighed_at, weighed_by
      FROM parcel_weight
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3
     ORDER BY turn DESC
     LIMIT 1
"""
_WEIGH = """
    INSERT INTO parcel_weight (merchant_id, carrier, number, turn, grams, source, weighed_at, weighed_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING
 RETURNING turn
"""


@dataclass(frozen=True, slots=True)
class PackStop:
    """A parcel that must not go out. `reason` is the code of what stands in the way of its order."""

    merchant_id: int
    carrier: str
    number: str
    raised_at: datetime
    raised_by: str
    reason: str
    order_id: str
    cleared_at: datetime
    cleared_by: str


@dataclass(frozen=True, slots=True)
class Packed:
    """A parcel that was packed, by which copy of its label."""

    copy: int
    packed_at: datetime
    packed_by: str


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight as it was taken; `turn` counts from 1."""

    turn: int
    grams: int
    source: str
    weighed_at: datetime
    weighed_by: str


async def raise_stop(tx: Transaction, ref: NumberRef, reason: str, order_id: str, by: str, at: datetime) -> None:
    """Let a parcel not go out; one that is stopped already says the new reason."""
    await tx.execute(_RAISE, *_name(ref), at, by, reason, order_id)


async def clear_stop(
    tx: Transaction, ref: NumberRef, by: str, at: datetime, *, raised_before: datetime = FOR_EVER
) -> bool:
    """Lift a stop, whenever or before a moment it was raised; whether there was one."""
    return await tx.fetchval(_CLEAR, *_name(ref), at, by, raised_before) is not None


async def stop_of(db: Reads, ref: NumberRef) -> PackStop | None:
    """The stop that stands for a number."""
    row = await db.fetchrow(_STOP, *_name(ref))
    return None if row is None else _stop(row)


async def stops(db: Reads, merchant_id: int, shop_id: str | None, most: int) -> list[PackStop]:
    """The stops that stand, the latest first; of one shop's parcels, or all."""
    return [_stop(row) for row in await db.fetch(_STOPS, merchant_id, shop_id, most)]


async def sheets_of(db: Reads, ref: NumberRef) -> list[PrintSheet]:
    """Every sheet of a number, oldest first."""
    return [read_sheet(row) for row in await db.fetch(_SHEETS, *_name(ref))]


async def pack(tx: Transaction, ref: NumberRef, copy: int, by: str, at: datetime) -> None:
    """Mark a parcel as packed; the first mark stays."""
    await tx.execute(_PACK, *_name(ref), copy, at, by)


async def packed(db: Reads, ref: NumberRef) -> Packed | None:
    """The mark of a parcel."""
    row = await db.fetchrow(_PACKED, *_name(ref))
    return None if row is None else Packed(**dict(row))


async def unpack(tx: Transaction, ref: NumberRef) -> bool:
    """Take the mark back; whether there was one."""
    return await tx.fetchval(_UNPACK, *_name(ref)) is not None


async def last_weight(db: Reads, ref: NumberRef) -> Weight | None:
    """The weight that counts."""
    row = await db.fetchrow(_WEIGHT, *_name(ref))
    return None if row is None else Weight(**dict(row))


async def weigh(tx: Transaction, ref: NumberRef, weight: Weight) -> bool:
    """Write a weight; False when another one has taken its turn."""
    row = weight.turn, weight.grams, weight.source, weight.weighed_at, weight.weighed_by
    return await tx.fetchval(_WEIGH, *_name(ref), *row) is not None


def _name(ref: NumberRef) -> tuple[int, str, str]:
    return ref.merchant_id, ref.carrier, ref.number


def _stop(row: Record) -> PackStop:
    return PackStop(**dict(row))
