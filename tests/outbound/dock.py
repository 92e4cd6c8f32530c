"""The loading dock of one test's merchant: orders kept, numbers taken, ship statements made, everything looked at."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.orders import service as orders
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, OrderState, TradeOrder
from miandan.outbound import service as outbound
from miandan.outbound.desk import ShipDesk
from miandan.outbound.model import (
    LineAsk,
    NumberChange,
    PackAsk,
    Parcel,
    ShipInPacks,
    Shipment,
    ShipOrder,
    ShipTogether,
    Withdrawal,
)
from miandan.vault.model import Recipient
from miandan.waybills.model import ParcelAsk, Taken
from tests.waybills.stall import Stall
from tests.waybills.world import SHOP, SOMEBODY, parcel

SOMEBODY_ELSE = structs.replace(SOMEBODY, name="测试乙", phone="19000000002", detail="测试路 9 号")

_hand_serials = count(1)


def typed(carrier: str = "yto") -> Parcel:
    """A number that looks like the carrier's own and comes from no pool of the sandbox; each call another one."""
    return Parcel(carrier, {"yto": "YT9", "jt": "JT9"}[carrier] + f"{next(_hand_serials):012d}")


def of(taken: Taken) -> Parcel:
    return Parcel(taken.ref.carrier, taken.number)


@dataclass(slots=True)
class Dock:
    """What tests say: `await dock.ship("1", of(taken))`."""

    stall: Stall
    desk: ShipDesk

    @property
    def merchant_id(self) -> int:
        return self.stall.merchant_id

    @property
    def said(self) -> dict[str, Any]:
        return {"merchant_id": self.merchant_id, "shop_id": SHOP, "stated_by": "test"}

    async def keep(
        self,
        order_id: str,
        *lines: OrderLine,
        recipient: Recipient = SOMEBODY,
        state: OrderState = OrderState.TO_SHIP,
        held: Refusal | None = None,
        paid_at: datetime | None = None,
        shop_id: str = SHOP,
    ) -> OrderRef:
        """An order as a file brings it: two cups unless the test says otherwise."""
        keys = await self.desk.vault.keys_of(self.merchant_id)
        what = lines or (OrderLine(f"{order_id}-a", "杯子", quantity=2),)
        draft = OrderDraft(order_id, shop_id, recipient, what, state, held, paid_at)
        await orders.keep(self.desk.db, keys, [draft])
        return OrderRef(shop_id, order_id)

    async def order(self, order_id: str) -> TradeOrder:
        ref = OrderRef(SHOP, order_id)
        return (await orders.find_orders(self.desk.db, self.merchant_id, [ref]))[ref]

    async def state(self, order_id: str) -> tuple[str, int]:
        """Its state and the pieces that are out."""
        order = await self.order(order_id)
        return order.state.value, order.shipped_pieces

    async def taken(self, *order_ids: str, carrier: str = "yto", recipient: Recipient = SOMEBODY) -> Taken:
        """A number for these orders, kept now where a test has not kept them."""
        for order_id in order_ids:
            await self.keep(order_id, recipient=recipient)
        return await self.number(parcel(*order_ids, recipient=recipient), carrier)

    async def number(self, ask: ParcelAsk, carrier: str = "yto") -> Taken:
        return await self.stall.one(carrier, ask)

    async def ship(self, order_id: str, said: Parcel, **more: Any) -> Shipment:
        return await outbound.ship_order(self.desk, ShipOrder(**self.said | more, order_id=order_id, parcel=said))

    async def in_packs(
        self, order_id: str, *packs: tuple[Parcel, dict[str, int | None]], request: str = "r1", **more: Any
    ) -> tuple[Shipment, ...]:
        """Packs as pairs of a number and its lines."""
        asked = tuple(
            PackAsk(said, tuple(LineAsk(line, quantity) for line, quantity in lines.items())) for said, lines in packs
        )
        ask = ShipInPacks(**self.said | more, order_id=order_id, packs=asked, request_id=request)
        return await outbound.ship_in_packs(self.desk, ask)

    async def together(
        self, order_ids: str, said: Parcel, *lines: LineAsk, request: str = "r1", **more: Any
    ) -> tuple[Shipment, ...]:
        """One parcel of orders that are named by one letter each."""
        ask = ShipTogether(**self.said | more, order_ids=tuple(order_ids), parcel=said, request_id=request, lines=lines)
        return await outbound.ship_together(self.desk, ask)

    async def change(self, order_id: str, said: Parcel, pack_id: str | None = None) -> Shipment:
        change = NumberChange(**self.said, order_id=order_id, parcel=said)
        if pack_id is None:
            return await outbound.change_number(self.desk, change)
        return await outbound.change_pack_number(self.desk, pack_id, change)

    async def withdraw(self, order_id: str, pack_id: str | None = None) -> tuple[Shipment, ...]:
        return await outbound.withdraw(self.desk, Withdrawal(**self.said, order_id=order_id, pack_id=pack_id))

    async def standing(self, order_id: str) -> tuple[Shipment, ...]:
        ref = OrderRef(SHOP, order_id)
        return (await outbound.shipments_of(self.desk.db, self.merchant_id, [ref]))[ref]

    async def is_shipped(self, taken: Taken) -> bool:
        return (await self.stall.waybill(taken.ref)).shipped_at is not None

    async def messages(self, topic: str) -> list[dict[str, Any]]:
        rows = await self.desk.db.fetch(
            "SELECT body FROM outbox WHERE source = $1 AND topic = $2 ORDER BY created_at, id",
            f"merchant:{self.merchant_id}",
            topic,
        )
        return [row["body"] for row in rows]


def refuses(code: str) -> Any:
    """A block that must be refused with this code."""
    return pytest.raises(Refusal, match=f"outbound\\.{code}\\b")
