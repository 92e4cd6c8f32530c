"""Statements that read parcel keys and waybills and end keys; `..._for_update` holds its rows. Writing: writing.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from miandan.connectors.model import Sender
from miandan.kernel.database import Reads, Record, Transaction
from miandan.orders.model import OrderRef
from miandan.vault.model import Sealed
from miandan.waybills.model import NumberRef, NumberState, Route, Waybill, order_of_key
from miandan.waybills.writing import KeptAnswer

_LIVE_KEYS = """
    SELECT parcel_key, carrier, number, seat, month
      FROM parcel_key
     WHERE merchant_id = $1 AND parcel_key = ANY($2) AND ended_at = 'infinity'
"""

_KEYS_OF = """
    SELECT number, parcel_key
      FROM parcel_key
     WHERE merchant_id = $1 AND carrier = $2 AND number = ANY($3) AND ended_at = 'infinity'
     ORDER BY number, seat
"""

# A child's orders are its parent's. From each number to its waybill, from that to its keys: without statistics, on a
# database that was just filled, the planner would go through all live keys of the merchant for every number (OFFSET 0
# keeps it from turning the joins round).
_KEYS_BEHIND = """
    SELECT w.carrier, w.number, k.parcel_key
      FROM unnest($2::text[], $3::text[], $4::date[]) AS asked (carrier, number, month)
     CROSS JOIN LATERAL (
           SELECT carrier, number, parent_number
             FROM waybill
            WHERE merchant_id = $1 AND carrier = asked.carrier AND number = asked.number AND month = asked.month
           OFFSET 0) w
     CROSS JOIN LATERAL (
           SELECT parcel_key, seat
             FROM parcel_key
            WHERE merchant_id = $1 AND carrier = w.carrier AND number = coalesce(w.parent_number, w.number)
              AND ended_at = 'infinity'
           OFFSET 0) k
     ORDER BY k.seat
"""

_WAYBILLS = """
    SELECT w.*
      FROM unnest($2::text[], $3::text[], $4::date[]) WITH ORDINALITY AS asked (carrier, number, month, place)
      JOIN waybill w ON w.merchant_id = $1 AND w.carrier = asked.carrier
                    AND w.number = asked.number AND w.month = asked.month
     ORDER BY asked.place
"""

_SET_STATE = """
    UPDATE waybill
       SET number_state = $5, state_at = $6
     WHERE merchant_id = $1 AND carrier = $2 AND number = ANY($3) AND month = $4
 RETURNING number
"""

_NAME_SUCCESSOR = """
    UPDATE waybill
       SET superseded_by = $5
     WHERE merchant_id = $1 AND carrier = $2 AND month = $4 AND (number = $3 OR parent_number = $3)
"""

_INTENT_OF = "SELECT intent_id FROM number_directory WHERE carrier = $1 AND number = $2"

_SENDER = """
    SELECT contact, phone, province, city, district, detail
      FROM ship_from
     WHERE merchant_id = $1 AND ship_from_id = $2
"""

_FIND = """
    SELECT DISTINCT merchant_id, carrier, number, month
      FROM parcel_key
     WHERE merchant_id = $1 AND carrier = $2 AND number = $3 AND seat = 0
"""

_FIND_ALL = """
    SELECT DISTINCT seat.merchant_id, seat.carrier, seat.number, seat.month
      FROM unnest($2::bigint[], $3::text[]) AS asked (merchant_id, number)
      JOIN parcel_key seat ON seat.merchant_id = asked.merchant_id AND seat.carrier = $1
                          AND seat.number = asked.number AND seat.seat = 0
"""

# Children are found by an index of their own, since a month holds millions of waybills.
_CHILDREN = """
    SELECT number, parent_number
      FROM waybill
     WHERE merchant_id = $1 AND carrier = $2 AND month = $4 AND parent_number = ANY($3)
     ORDER BY parent_number, piece
"""

_ANSWER = """
    SELECT fingerprint, numbers FROM take_answer WHERE merchant_id = $1 AND idempotency_key = $2
"""

# A number that stands under the key already is never replaced: the first answer wins, place by place.
_KEEP_ANSWER = """
    INSERT INTO take_answer AS kept (merchant_id, idempotency_key, fingerprint, numbers, answered_at)
    VALUES ($1, $2, $3, $4::text::jsonb, $5)
    ON CONFLICT (merchant_id, idempotency_key) DO UPDATE
       SET numbers = (SELECT jsonb_agg(CASE WHEN old.entry = 'null' THEN new.entry ELSE old.entry END ORDER BY place)
                        FROM jsonb_array_elements(kept.numbers) WITH ORDINALITY AS old (entry, place)
                        JOIN jsonb_array_elements(EXCLUDED.numbers) WITH ORDINALITY AS new (entry, place)
                       USING (place))
     WHERE kept.fingerprint = EXCLUDED.fingerprint
"""

_END_KEYS = """
    UPDATE parcel_key SET ended_at = $4
     WHERE merchant_id = $1 AND carrier = $2 AND number = ANY($3) AND ended_at = 'infinity'
 RETURNING parcel_key
"""


async def live_keys(tx: Reads, merchant_id: int, keys: Sequence[str]) -> list[Record]:
    """Who occupies these keys now: parcel_key, carrier, number (or the intent), seat, month."""
    return list(await tx.fetch(_LIVE_KEYS, merchant_id, list(keys)))


async def keys_of(tx: Reads, merchant_id: int, carrier: str, numbers: Sequence[str]) -> dict[str, list[str]]:
    """The live keys of each number, in the order of their seats."""
    found: dict[str, list[str]] = {}
    for row in await tx.fetch(_KEYS_OF, merchant_id, carrier, list(numbers)):
        found.setdefault(row["number"], []).append(row["parcel_key"])
    return found


async def orders_of(db: Reads, ref: NumberRef) -> list[OrderRef]:
    """The orders that a parent number is for; none once it is cancelled."""
    held = await keys_of(db, ref.merchant_id, ref.carrier, [ref.number])
    return [order_of_key(key) for key in held.get(ref.number, ())]


async def waybills(db: Reads, refs: Sequence[NumberRef]) -> list[Waybill]:
    """The waybills of one merchant in the order asked; unknown ones are left out."""
    return await _waybills(db, _WAYBILLS, refs)


async def keys_behind(db: Reads, refs: Sequence[NumberRef]) -> dict[tuple[str, str], list[str]]:
    """The live keys of the parcels that numbers are on, children's too, by carrier and number, as they are seated."""
    if not refs:
        return {}
    arrays = [ref.carrier for ref in refs], [ref.number for ref in refs], [ref.month for ref in refs]
    found: dict[tuple[str, str], list[str]] = {}
    for row in await db.fetch(_KEYS_BEHIND, refs[0].merchant_id, *arrays):
        found.setdefault((row["carrier"], row["number"]), []).append(row["parcel_key"])
    return found


async def waybills_for_update(tx: Transaction, refs: Sequence[NumberRef]) -> list[Waybill]:
    """The same, held until the transaction ends."""
    return await _waybills(tx, _WAYBILLS + " FOR UPDATE OF w", refs)


async def _waybills(db: Reads, statement: str, refs: Sequence[NumberRef]) -> list[Waybill]:
    if not refs:
        return []
    arrays = [ref.carrier for ref in refs], [ref.number for ref in refs], [ref.month for ref in refs]
    return [read_waybill(row) for row in await db.fetch(statement, refs[0].merchant_id, *arrays)]


def sibling(ref: NumberRef, number: str) -> NumberRef:
    """Another number of the same take: a child, or the parent."""
    return NumberRef(ref.merchant_id, ref.carrier, number, ref.month)


async def set_state(
    tx: Transaction,
    ref: NumberRef,
    numbers: Sequence[str],
    state: NumberState,
    at: datetime,
) -> int:
    """Move numbers of one take to `state`; how many moved."""
    rows = await tx.fetch(_SET_STATE, ref.merchant_id, ref.carrier, list(numbers), ref.month, state.value, at)
    return len(rows)


async def name_successor(tx: Transaction, old: NumberRef, number: str) -> None:
    """Write down which number replaces the old parent and its children."""
    await tx.execute(_NAME_SUCCESSOR, old.merchant_id, old.carrier, old.number, old.month, number)


async def sender(db: Reads, merchant_id: int, ship_from_id: UUID) -> Sender:
    """The approved ship-from address of a document, also when it has been withdrawn since."""
    row: Record = await db.fetchrow(_SENDER, merchant_id, ship_from_id)
    return Sender(**dict(row))


async def intent_of(db: Reads, ref: NumberRef) -> UUID | None:
    """The live call that a number came from; None for numbers from a segment or a list."""
    found: UUID | None = await db.fetchval(_INTENT_OF, ref.carrier, ref.number)
    return found


async def find(tx: Reads, merchant_id: int, carrier: str, number: str) -> NumberRef | None:
    """Where the waybill of a number lies."""
    row = await tx.fetchrow(_FIND, merchant_id, carrier, number)
    return None if row is None else NumberRef(row["merchant_id"], row["carrier"], row["number"], row["month"])


async def find_all(tx: Reads, carrier: str, owned: Mapping[str, int]) -> dict[str, NumberRef]:
    """Where the waybills of numbers (each with its merchant) lie; numbers that nobody took are left out."""
    rows = await tx.fetch(_FIND_ALL, carrier, list(owned.values()), list(owned))
    return {row["number"]: NumberRef(**dict(row)) for row in rows}


async def children(tx: Reads, parent: NumberRef) -> list[str]:
    """The child numbers of a parent, in the order of the pieces."""
    rows = await tx.fetch(_CHILDREN, parent.merchant_id, parent.carrier, [parent.number], parent.month)
    return [row["number"] for row in rows]


async def kept_answer(tx: Reads, merchant_id: int, idempotency_key: str) -> tuple[bytes, Any] | None:
    """Fingerprint and numbers of the first answer under this Idempotency-Key."""
    row = await tx.fetchrow(_ANSWER, merchant_id, idempotency_key)
    return None if row is None else (row["fingerprint"], row["numbers"])


async def keep_answer(tx: Transaction, answer: KeptAnswer, at: datetime) -> None:
    """Keep the numbers of an answer; those kept before stay, and so does the answer to a different request."""
    await tx.execute(_KEEP_ANSWER, answer.merchant_id, answer.idempotency_key, answer.fingerprint, answer.numbers, at)


async def end_keys(tx: Transaction, ref: NumberRef, numbers: Sequence[str], at: datetime) -> list[str]:
    """Free the keys of these numbers; the keys that were freed."""
    rows = await tx.fetch(_END_KEYS, ref.merchant_id, ref.carrier, list(numbers), at)
    return [row["parcel_key"] for row in rows]


def read_waybill(row: Record | Mapping[str, Any]) -> Waybill:
    """A row of `waybill` as the noun."""
    return Waybill(
        ref=NumberRef(row["merchant_id"], row["carrier"], row["number"], row["month"]),
        account_id=row["account_id"],
        state=NumberState(row["number_state"]),
        superseded_by=row["superseded_by"],
        copies=row["copies"],
        shipped_at=row["shipped_at"],
        first_scan_at=row["first_scan_at"],
        taken_at=row["taken_at"],
        taken_by=row["taken_by"],
        units=row["units"],
        version=row["version"],
        shop_id=row["shop_id"],
        order_ref=row["order_ref"],
        parent_number=row["parent_number"],
        piece=row["piece"],
        pieces=row["pieces"],
        ship_from_id=row["ship_from_id"],
        product=row["product"],
        goods=tuple(row["goods"]),
        services=row["services"],
        division_code=row["division_code"],
        route=Route(row["sort_code"], row["big_mark"], row["bag_centre"], row["route_version"]),
        barcode_text=row["barcode_text"],
        qr_text=row["qr_text"],
        sealed=Sealed(
            row["recipient_token"],
            row["recipient_key"],
            row["recipient"],
            row["recipient_digest"],
            row["recipient_index"] or b"",
        ),
        signed_at=row["signed_at"],
        returned_at=row["returned_at"],
    )
