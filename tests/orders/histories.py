"""Histories of one order as a marketplace tells them: puts and events, each with a version of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from msgspec import structs

from miandan.kernel.database import Database
from miandan.orders import intake
from miandan.orders.arrival import Heard
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, OrderState
from miandan.orders.standing import OrderEvent
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient

REF = OrderRef("shop-1", "A1")
WEI = Recipient("魏小满", "19000004411", "", "浙江省", "杭州市", "西湖区", "", "虚构路 7 号", "330106")
PUT_STATES = tuple(map(OrderState, ("to_ship", "awaiting_payment", "refunding", "held", "cancelled")))


@dataclass(frozen=True, slots=True)
class Said:
    """One message: an event, or a put in `state`. Goods and house number tell by which version they came."""

    version: int
    event: OrderEvent | None = None
    state: OrderState = OrderState.TO_SHIP

    @property
    def recipient(self) -> Recipient:
        return living_at(self.version)


def living_at(house: int) -> Recipient:
    return structs.replace(WEI, detail=f"虚构路 {house} 号")


def draft(house: int = 7, quantity: int = 1, state: OrderState = OrderState.TO_SHIP, ref: OrderRef = REF) -> OrderDraft:
    lines = (OrderLine("L1", "垫子", "粉", "DZ", quantity, 1999),)
    return OrderDraft(ref.order_id, ref.shop_id, living_at(house), lines, state)


async def tell(db: Database, keys: MerchantKeys, said: Said, ref: OrderRef = REF) -> Heard:
    if said.event is None:
        return await intake.put_order(db, keys, draft(said.version, said.version, said.state, ref), said.version)
    recipient = said.recipient if said.event is OrderEvent.ADDRESS_CHANGED else None
    return await intake.hear(db, keys, ref, said.event, said.version, recipient=recipient)


@st.composite
def histories(draw: st.DrawFn, longest: int = 9) -> list[Said]:
    """A put, and whatever else a marketplace may say of an order, in the order in which it happened."""
    more = draw(st.lists(st.sampled_from([*OrderEvent, *PUT_STATES]), max_size=longest))
    words = [*more, OrderState.TO_SHIP] if draw(st.booleans()) else [OrderState.AWAITING_PAYMENT, *more]
    return [
        Said(version, word) if isinstance(word, OrderEvent) else Said(version, None, word)
        for version, word in enumerate(words, 1)
    ]


def told_twice(history: Sequence[Said], again: Sequence[int]) -> list[Said]:
    return [*history, *(history[place % len(history)] for place in again)]
