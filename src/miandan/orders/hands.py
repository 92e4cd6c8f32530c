"""What a person or a ship statement puts on an order, and takes off again, beside what its marketplace says of it."""

from dataclasses import replace

from miandan.orders.model import HELD_BY_HAND, OrderState
from miandan.orders.standing import state_of
from miandan.orders.standing_queries import KeptOrder, Learnt


def put_on(kept: KeptOrder, hand: OrderState | None) -> Learnt:
    """What is to be written of an arrived order: `hand` is put on it; None takes off what was.

    Where the marketplace speaks for the order too, its own holds and refunds stand beside.
    """
    if kept.source_version is None:
        reason = HELD_BY_HAND if hand is OrderState.HELD else None
        return Learnt(hand or OrderState.TO_SHIP, reason, None, None, arrived=True)
    standing = replace(kept.standing, hand=hand)
    return Learnt(*state_of(standing), kept.source_version, standing, arrived=True)
