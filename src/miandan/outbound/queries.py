"""Every statement about shipments. Their orders are held by whoever writes them, so none of these locks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec

from miandan.kernel.database import Reads, Record, Transaction
from miandan.orders.model import OrderRef
from miandan.outbound.model import Shipment, ShippedLine

_COLUMNS = """merchant_id, shipment_id, shop_id, order_id, pack_id, carrier, number, taken_here, lines, shipped_at,
           stated_at, stated_by, withdrawn_at"""

_INSERT = """
    INSERT INTO shipment (merchant_id, shipment_id, shop_id, order_id, pack_id, carrier, number, taken_here, lines,
                          pieces, shipped_at, stated_at, stated_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

_WITHDRAW = """
    UPDATE shipment
       SET withdrawn_at = $3
     WHERE merchant_id = $1 AND shipment_id = ANY($2) AND withdrawn_at IS NULL
"""

_OF_ORDERS = f"""
    SELECT {_COLUMNS}
      FROM shipment
      JOIN unnest($2::text[], $3::text[]) AS wanted (shop_id, order_id) USING (shop_id, order_id)
     WHERE merchant_id = $1
     ORDER BY stated_at, shipment_id
"""

_OF_PACK = f"""
    SELECT {_COLUMNS}
      FROM shipment
     WHERE merchant_id = $1 AND pack_id = $2 AND withdrawn_at IS NULL
     ORDER BY shop_id, order_id
"""

_OF_NUMBERS = f"""
    SELECT {_COLUMNS}
      FROM shipment
     WHERE merchant_id = $1 AND carrier = ANY($2) AND number = ANY($3) AND withdrawn_at IS NULL
     ORDER BY stated_at, shipment_id
"""

# Waits for another transaction that answers the same request.
_KEEP_ANSWER = """
    INSERT INTO ship_answer (merchant_id, shop_id, request_id, fingerprint, pack_ids, answered_at)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
 RETURNING request_id
"""

_ANSWER = """
    SELECT fingerprint, pack_ids FROM ship_answer WHERE merchant_id = $1 AND shop_id = $2 AND request_id = $3
"""


async def insert(tx: Transaction, shipments: Sequence[Shipment]) -> None:
    """Write statements down; a pack of many orders brings as many."""
    await tx.executemany(_INSERT, [_row(one) for one in shipments])


def _row(one: Shipment) -> tuple[object, ...]:
    return (
        one.merchant_id,
        one.shipment_id,
        one.shop_id,
        one.order_id,
        one.pack_id,
        one.carrier,
        one.number,
        one.taken_here,
        msgspec.to_builtins(one.lines),
        one.pieces,
        one.shipped_at,
        one.stated_at,
        one.stated_by,
    )


async def withdraw(tx: Transaction, shipments: Sequence[Shipment], at: datetime) -> list[Shipment]:
    """The same statements of one merchant, withdrawn."""
    await tx.execute(_WITHDRAW, shipments[0].merchant_id, [one.shipment_id for one in shipments], at)
    return [replace(one, withdrawn_at=at) for one in shipments]


async def of_orders(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> list[Shipment]:
    """Everything that was ever stated of these orders, withdrawn or not, oldest first."""
    wanted = [ref.shop_id for ref in refs], [ref.order_id for ref in refs]
    return [_shipment(row) for row in await db.fetch(_OF_ORDERS, merchant_id, *wanted)]


async def standing_of(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> dict[OrderRef, tuple[Shipment, ...]]:
    """What stands of these orders, oldest first; an order of which nothing stands has an empty entry."""
    found: dict[OrderRef, list[Shipment]] = {ref: [] for ref in refs}
    for shipment in await of_orders(db, merchant_id, refs):
        if shipment.withdrawn_at is None:
            found[shipment.ref].append(shipment)
    return {ref: tuple(shipments) for ref, shipments in found.items()}


async def of_pack(db: Reads, merchant_id: int, pack_id: str) -> list[Shipment]:
    """What stands of a pack, one row per order in it."""
    return [_shipment(row) for row in await db.fetch(_OF_PACK, merchant_id, pack_id)]


async def of_numbers(db: Reads, merchant_id: int, carrier: str, numbers: Sequence[str]) -> list[Shipment]:
    """What stands of these numbers of one carrier."""
    return [_shipment(row) for row in await db.fetch(_OF_NUMBERS, merchant_id, [carrier], list(numbers))]


async def of_number(db: Reads, merchant_id: int, carriers: Sequence[str], number: str) -> list[Shipment]:
    """What stands of a number whose carrier is one of these."""
    return [_shipment(row) for row in await db.fetch(_OF_NUMBERS, merchant_id, list(carriers), [number])]


async def keep_answer(
    tx: Transaction,
    merchant_id: int,
    shop_id: str,
    request_id: str,
    fingerprint: bytes,
    pack_ids: Sequence[str],
    at: datetime,
) -> bool:
    """Whether the request is new; False when it was answered before, by whichever body."""
    asked = merchant_id, shop_id, request_id, fingerprint, list(pack_ids), at
    return await tx.fetchval(_KEEP_ANSWER, *asked) is not None


async def kept_answer(db: Reads, merchant_id: int, shop_id: str, request_id: str) -> tuple[bytes, list[str]]:
    """Fingerprint and packs of a request that was answered before."""
    row: Record = await db.fetchrow(_ANSWER, merchant_id, shop_id, request_id)
    return row["fingerprint"], row["pack_ids"]


def _shipment(row: Record) -> Shipment:
    lines = tuple(msgspec.convert(row["lines"], list[ShippedLine]))
    return Shipment(**dict(row) | {"lines": lines})
