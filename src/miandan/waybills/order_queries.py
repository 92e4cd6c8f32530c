"""Statements that lead from orders to their numbers, whatever packs they went into."""

from collections.abc import Sequence

from miandan.kernel.database import Reads
from miandan.orders.model import OrderRef
from miandan.waybills.model import NumberRef, parcel_key
from miandan.waybills.same_key import INTENT

# An order's own key is looked up; the keys of its packs lie between "#" and "$" behind it, in the order of C as of
# natural languages, so the primary key leads to them. Children ("|") are their parent's matter.
_LIVE_NUMBERS = """
    SELECT asked.place, k.parcel_key, k.carrier, k.number, k.month
      FROM unnest($2::text[]) WITH ORDINALITY AS asked (own, place)
     CROSS JOIN LATERAL (
           SELECT parcel_key, carrier, number, month
             FROM parcel_key
            WHERE merchant_id = $1 AND parcel_key = asked.own AND ended_at = 'infinity'
            UNION ALL
           SELECT parcel_key, carrier, number, month
             FROM parcel_key
            WHERE merchant_id = $1 AND parcel_key >= asked.own || '#' AND parcel_key < asked.own || '$'
              AND starts_with(parcel_key, asked.own || '#') AND ended_at = 'infinity') k
     ORDER BY asked.place, k.parcel_key
"""


async def live_numbers_of(
    db: Reads, merchant_id: int, orders: Sequence[OrderRef]
) -> dict[OrderRef, list[tuple[str, NumberRef]]]:
    """The live numbers of each order with the pack that each is for; calls under way are left out."""
    found: dict[OrderRef, list[tuple[str, NumberRef]]] = {order: [] for order in orders}
    for row in await db.fetch(_LIVE_NUMBERS, merchant_id, [parcel_key(*order) for order in orders]):
        key, number = row["parcel_key"], row["number"]
        if not number.startswith(INTENT) and "|" not in key:
            pack_id = key.partition("#")[2]
            ref = NumberRef(merchant_id, row["carrier"], number, row["month"])
            found[orders[row["place"] - 1]].append((pack_id, ref))
    return found
