"""What stands between an order and its going out: its state. Events from the marketplace move that state."""

from miandan.kernel.errors import Refusal
from miandan.orders.model import HELD_FOR_REVIEW, OrderState, TradeOrder


def refuse_unless_shippable(order: TradeOrder, *, reject_refund: bool) -> None:
    """Raises outbound.order_cancelled, order_refunded, order_finished, order_in_review, order_held, order_unpaid,
    already_shipped, and outbound.refund_open unless the caller refuses the refund."""
    order_id, state = order.ref.order_id, order.state
    refuse_if_over(order)
    if state is OrderState.REFUNDING and not reject_refund:
        raise Refusal("outbound.refund_open", order_id=order_id)
    if state is OrderState.HELD and order.held_reason == HELD_FOR_REVIEW:
        raise Refusal("outbound.order_in_review", order_id=order_id)
    if state is OrderState.HELD:
        raise Refusal("outbound.order_held", order_id=order_id, reason=order.held_reason)
    if state is OrderState.AWAITING_PAYMENT:
        raise Refusal("outbound.order_unpaid", order_id=order_id)
    if state is OrderState.SHIPPED:
        raise Refusal("outbound.already_shipped", order_id=order_id)


def refuse_if_over(order: TradeOrder) -> None:
    """What ended before the goods went out ships no more, and nothing of it is corrected.

    Raises outbound.order_cancelled, order_refunded, order_finished.
    """
    order_id, state = order.ref.order_id, order.state
    if state is OrderState.CANCELLED:
        raise Refusal("outbound.order_cancelled", order_id=order_id)
    if state is OrderState.REFUNDED:
        raise Refusal("outbound.order_refunded", order_id=order_id)
    if state is OrderState.CLOSED:
        raise Refusal("outbound.order_finished", order_id=order_id)
