"""Ship statements: which goods of which order went out in which parcel. A statement is dated and can be withdrawn."""

import os
from base64 import b32encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from miandan.carriers.model import Carrier
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderRef, OrderState, TradeOrder

MOST_IN_ONE_STATEMENT = 100
"""Packs, orders or lines that one call may name; the public interfaces name 100 at most."""

LONGEST_REQUEST_ID = 128

_PACK_ID_LENGTH = 15


def new_pack_id() -> str:
    """A delivery id that others' clients can carry: 15 capital letters and digits, 75 random bits."""
    return b32encode(os.urandom(10)).decode()[:_PACK_ID_LENGTH]


@dataclass(frozen=True, slots=True)
class ShippedLine:
    """`quantity` pieces of one sub-order, of which `ordered` stood in the order when it was stated."""

    line_id: str
    quantity: int
    ordered: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """One order's share of one pack. `taken_here` is false for a number that was typed in.

    `withdrawn_at` is None while the statement stands; another number is a new statement about the same pack.
    """

    merchant_id: int
    shipment_id: UUID
    shop_id: str
    order_id: str
    pack_id: str
    carrier: str
    number: str
    taken_here: bool
    lines: tuple[ShippedLine, ...]
    shipped_at: datetime
    stated_at: datetime
    stated_by: str
    withdrawn_at: datetime | None = None

    @property
    def ref(self) -> OrderRef:
        return OrderRef(self.shop_id, self.order_id)

    @property
    def pieces(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A number as the merchant says it; `carrier` is our own code, the door has translated it."""

    carrier: str
    number: str


@dataclass(frozen=True, slots=True)
class LineAsk:
    """A sub-order that goes into a pack: all that is left of it, or `quantity` pieces.

    `order_id` is needed only where two orders of one pack have a sub-order of the same id.
    """

    line_id: str
    quantity: int | None = None
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class PackAsk:
    """One parcel of an order that goes out in several."""

    parcel: Parcel
    lines: tuple[LineAsk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Who says something about which shop's orders. `reject_refund` refuses an open refund and ships all the same;
    `store_id` is the store the parcel leaves from, where the caller says so."""

    merchant_id: int
    shop_id: str
    stated_by: str
    reject_refund: bool = False
    store_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipOrder(Statement):
    """All that is left of an order goes out in one parcel."""

    order_id: str
    parcel: Parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipInPacks(Statement):
    """One order goes out in many parcels, all or nothing."""

    order_id: str
    packs: tuple[PackAsk, ...]
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipTogether(Statement):
    """Many orders go out in one parcel: the lines named, or all that is left of each order when none is."""

    order_ids: tuple[str, ...]
    parcel: Parcel
    request_id: str
    lines: tuple[LineAsk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange(Statement):
    """What went out of an order bears another number than was stated."""

    order_id: str
    parcel: Parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal(Statement):
    """What was stated of an order is not so: nothing went out, or nothing in that pack."""

    order_id: str
    pack_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderAtHand:
    """An order with the statements about it that stand, held until the transaction ends."""

    order: TradeOrder
    standing: tuple[Shipment, ...]

    @property
    def ref(self) -> OrderRef:
        return self.order.ref

    @property
    def ordered(self) -> dict[str, int]:
        """Pieces by sub-order, in the order of the lines."""
        pieces: Counter[str] = Counter()
        for line in self.order.lines:
            pieces[line.line_id] += line.quantity
        return dict(pieces)

    @property
    def left(self) -> dict[str, int]:
        """Pieces by sub-order that no standing statement names; only what is above 0."""
        left = self.ordered
        for shipment in self.standing:
            for line in shipment.lines:
                left[line.line_id] = left.get(line.line_id, 0) - line.quantity
        return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}

    @property
    def refund_is_open(self) -> bool:
        return self.order.state is OrderState.REFUNDING

    @property
    def shipped_pieces(self) -> int:
        return sum(shipment.pieces for shipment in self.standing)

    def lines_of(self, quantities: Mapping[str, int]) -> tuple[ShippedLine, ...]:
        ordered = self.ordered
        return tuple(ShippedLine(line_id, quantity, ordered[line_id]) for line_id, quantity in quantities.items())


@dataclass(frozen=True, slots=True)
class Offered:
    """Carriers that a shop may ship with, the orders that may use them, and those that cannot be asked about."""

    carriers: tuple[Carrier, ...]
    order_ids: tuple[str, ...]
    failed: Mapping[str, Refusal]
