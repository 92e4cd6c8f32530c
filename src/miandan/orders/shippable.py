"""Whether an order may ship now, and the words for why not: one answer for whoever takes and prints, and for the other
orders in a parcel that goes out (of the order itself see `outbound.gates`)."""

from collections.abc import Sequence

from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.orders import queries
from miandan.orders.model import HELD_BY_HAND, HELD_FOR_REVIEW, OrderRef, OrderState, TradeOrder


async def standings(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> dict[OrderRef, TradeOrder]:
    """Where orders stand, those included of which only events were heard; unknown ones are left out."""
    return {order.ref: order for order in await queries.standing(db, merchant_id, refs)}


async def standings_for_share(
    tx: Transaction, merchant_id: int, refs: Sequence[OrderRef]
) -> dict[OrderRef, TradeOrder]:
    """The same, true until the transaction ends: an event that comes meanwhile waits."""
    return {order.ref: order for order in await queries.standing_for_share(tx, merchant_id, refs)}


def obstacle(order_id: str, state: OrderState, held_reason: str | None) -> Refusal | None:
    """What stands in the way of shipping the order, None where nothing does."""
    match state:
        case OrderState.TO_SHIP:
            return None
        case OrderState.HELD if held_reason == HELD_BY_HAND:
            return Refusal("orders.held_by_hand", order_id=order_id)
        case OrderState.HELD if held_reason == HELD_FOR_REVIEW:
            return Refusal("orders.held_for_review", order_id=order_id)
        case OrderState.HELD:
            return Refusal("orders.held_for_ciphertext", order_id=order_id)
        case OrderState.AWAITING_PAYMENT:
            return Refusal("orders.not_paid", order_id=order_id)
        case OrderState.REFUNDING:
            return Refusal("orders.refund_open", order_id=order_id)
        case OrderState.REFUNDED:
            return Refusal("orders.refund_paid", order_id=order_id)
        case OrderState.CANCELLED:
            return Refusal("orders.taken_back", order_id=order_id)
        case OrderState.CLOSED:
            return Refusal("orders.closed_for_good", order_id=order_id)
        case OrderState.SHIPPED:
            return Refusal("orders.shipped_already", order_id=order_id)
