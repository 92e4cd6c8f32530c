"""Numbers that must not be printed or shipped now, because of what was heard of their orders since they were taken.

What is guaranteed: an event that was answered before a print or ship statement looks is seen by it. `orders_behind`
holds the orders (shared) until its transaction ends, so an event that comes meanwhile is answered after it, and whoever
handles the event's message finds the copies counted. Orders are held before waybills, as everywhere.
"""

from collections.abc import Mapping, Sequence

from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderRef, OrderState, TradeOrder
from miandan.orders.shippable import obstacle, standings, standings_for_share
from miandan.vault.keys import MerchantKeys
from miandan.waybills import queries
from miandan.waybills.counter import Counter
from miandan.waybills.model import NumberRef, Waybill, order_of_key

Behind = Mapping[tuple[str, str], Sequence[TradeOrder]]
"""The orders in the parcel of each carrier and number; orders that are not ours are left out."""


async def orders_behind(tx: Transaction, refs: Sequence[NumberRef]) -> Behind:
    """The orders behind one merchant's numbers; nothing changes about them until the transaction ends."""
    numbers = await _orders_of(tx, refs)
    if not numbers:
        return {}
    known = await standings_for_share(tx, refs[0].merchant_id, _all(numbers))
    return _by_number(numbers, known)


async def obstacles(counter: Counter, refs: Sequence[NumberRef]) -> dict[NumberRef, Refusal]:
    """Those of one merchant's numbers that may not be printed or shipped now, and why; a look that holds nothing."""
    numbers = await _orders_of(counter.db, refs)
    if not numbers:
        return {}
    behind = _by_number(numbers, await standings(counter.db, refs[0].merchant_id, _all(numbers)))
    waybills = await queries.waybills(counter.db, refs) if behind else []
    return await obstructed(counter, waybills, behind)


async def obstructed(counter: Counter, waybills: Sequence[Waybill], behind: Behind) -> dict[NumberRef, Refusal]:
    """Those of the waybills that something stands in the way of: waybill.order_in_the_way with the code of the order's
    own refusal in the field `reason`, or waybill.recipient_changed."""
    found = {}
    with_orders = [waybill for waybill in waybills if _carrier_and_number(waybill) in behind]
    if not with_orders:
        return {}
    merchant_id = with_orders[0].ref.merchant_id
    sealed = [order.recipient for orders in behind.values() for order in orders]
    keys = await counter.vault.keys_for(merchant_id, [*sealed, *(waybill.sealed for waybill in with_orders)])
    for waybill in with_orders:
        refusal = _refusal(keys, waybill, behind[_carrier_and_number(waybill)])
        if refusal is not None:
            found[waybill.ref] = refusal
    return found


def _refusal(keys: MerchantKeys, waybill: Waybill, orders: Sequence[TradeOrder]) -> Refusal | None:
    number = waybill.ref.number
    for order in orders:
        reason = obstacle(order.ref.order_id, order.state, order.held_reason)
        if reason is not None and order.state is not OrderState.SHIPPED:  # a shipped parcel's label may be lost
            words = {"zh": reason.zh, "en": reason.en, "next_zh": reason.next_zh, "next_en": reason.next_en}
            return Refusal(
                "waybill.order_in_the_way", number=number, order_id=order.ref.order_id, reason=reason.code, **words
            )
    for order in orders:
        if goes_elsewhere(keys, waybill, order):
            return Refusal("waybill.recipient_changed", number=number, order_id=order.ref.order_id)
    return None


def goes_elsewhere(keys: MerchantKeys, waybill: Waybill, order: TradeOrder) -> bool:
    """Whether the waybill names another recipient than the order does now; False where either was shredded."""
    ours, its = waybill.sealed, order.recipient
    if ours.token == its.token or ours.digest == its.digest or None in (ours.key, its.key):
        return False
    return not keys.same((waybill.order_ref, ours), (order.ref.bound_to, its))


def _carrier_and_number(waybill: Waybill) -> tuple[str, str]:
    return waybill.ref.carrier, waybill.ref.number


async def _orders_of(db: Reads, refs: Sequence[NumberRef]) -> dict[tuple[str, str], list[OrderRef]]:
    keys = await queries.keys_behind(db, refs)
    return {number: [order_of_key(key) for key in own] for number, own in keys.items()}


def _all(numbers: Mapping[tuple[str, str], Sequence[OrderRef]]) -> list[OrderRef]:
    return list({ref for refs in numbers.values() for ref in refs})


def _by_number(
    numbers: Mapping[tuple[str, str], Sequence[OrderRef]], known: Mapping[OrderRef, TradeOrder]
) -> dict[tuple[str, str], list[TradeOrder]]:
    found = {number: [known[ref] for ref in refs if ref in known] for number, refs in numbers.items()}
    return {number: orders for number, orders in found.items() if orders}
