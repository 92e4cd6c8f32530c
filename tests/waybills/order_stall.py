"""A stall whose orders a marketplace pushes: puts them, tells events, takes numbers for them."""

from dataclasses import dataclass

from msgspec import structs

from miandan.orders import intake, service
from miandan.orders.arrival import Heard
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, OrderState, TradeOrder
from miandan.orders.standing import OrderEvent
from miandan.vault.model import Recipient
from miandan.waybills.for_orders import OrderParcel, OrdersTake, Served, take_for_orders
from miandan.waybills.model import Refused, Taken
from tests.waybills.stall import Stall
from tests.waybills.world import SHOP, SOMEBODY

MOVED = structs.replace(SOMEBODY, phone="19000000002", detail="测试路 9 号 1 幢 101 室")


@dataclass(slots=True)
class OrderStall:
    """`version` is the marketplace's and grows with every message."""

    stall: Stall
    version: int = 0

    async def put(self, *order_ids: str, recipient: Recipient = SOMEBODY, **more: object) -> None:
        keys = await self.stall.world.vault.keys_of(self.stall.merchant_id)
        for order_id in order_ids:
            self.version += 1
            lines = (OrderLine(f"{order_id}-1", "杯子"),)
            draft = OrderDraft(order_id, SHOP, recipient, lines, **more)  # type: ignore[arg-type]
            await intake.put_order(self.stall.world.db, keys, draft, self.version)

    async def tell(self, order_id: str, event: OrderEvent, recipient: Recipient | None = None) -> Heard:
        keys = await self.stall.world.vault.keys_of(self.stall.merchant_id)
        self.version += 1
        ref = OrderRef(SHOP, order_id)
        return await intake.hear(self.stall.world.db, keys, ref, event, self.version, recipient=recipient)

    async def order(self, order_id: str) -> TradeOrder:
        ref = OrderRef(SHOP, order_id)
        return (await service.find_orders(self.stall.world.db, self.stall.merchant_id, [ref]))[ref]

    async def take(self, *parcels: OrderParcel | str, carrier: str = "yto", **more: object) -> list[Served]:
        account = await self.stall.account(carrier)
        asked = OrdersTake(
            self.stall.merchant_id,
            account.account_id,
            await self.stall.sender(account),
            tuple(OrderParcel(SHOP, (one,)) if isinstance(one, str) else one for one in parcels),
            **more,  # type: ignore[arg-type]
        )
        return await take_for_orders(self.stall.world.counter, asked)

    async def taken(self, parcel: OrderParcel | str, **more: object) -> Taken:
        """Take one parcel that must get its number."""
        [served] = await self.take(parcel, **more)  # type: ignore[arg-type]
        assert isinstance(served.outcome, Taken), served.outcome
        return served.outcome


def answers(served: list[Served]) -> list[str]:
    """Per parcel the code of its refusal, "" where it got a number."""
    return [one.outcome.refusal.code if isinstance(one.outcome, Refused) else "" for one in served]


UNSHIPPABLE = {
    OrderState.AWAITING_PAYMENT: "orders.not_paid",
    OrderState.CLOSED: "orders.closed_for_good",
    OrderState.CANCELLED: "orders.taken_back",
    OrderState.REFUNDING: "orders.refund_open",
    OrderState.REFUNDED: "orders.refund_paid",
    OrderState.SHIPPED: "orders.shipped_already",
    OrderState.HELD: "orders.held_for_review",
}
