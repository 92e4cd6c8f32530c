"""Ship statements: which goods of which order went out in which parcel."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from miandan.api.models.fields import Answer, Asked, CarrierCode, Flag, Id, MaybeId, Number
from miandan.api.models.orders import Quantity
from miandan.outbound.model import MOST_IN_ONE_STATEMENT, LineAsk, Parcel, Shipment


class _StatedParcel(Asked):
    carrier: CarrierCode
    number: Number

    @property
    def parcel(self) -> Parcel:
        return Parcel(self.carrier, self.number)


class _Statement(Asked):
    reject_refund: Annotated[
        Flag, Field(description="拒绝退款并照常发货 / refuse the open refund and ship all the same")
    ] = False
    store_id: Annotated[MaybeId, Field(description="从哪个门店发出 / the store that it leaves from")] = ""


class ShipmentIn(_StatedParcel, _Statement):
    """All that is left of an order goes out in one parcel. The same again is answered with the same statement."""

    order_id: Id


class ShipLine(Asked):
    """A line that goes into a pack: all that is left of it, or `quantity` pieces."""

    line_id: Id
    quantity: Quantity | None = None
    order_id: Annotated[
        MaybeId, Field(description="两个订单的行号相同时才要 / only where two orders share a line id")
    ] = ""

    def ask(self) -> LineAsk:
        return LineAsk(self.line_id, self.quantity, self.order_id)


class PackIn(_StatedParcel):
    """One parcel of an order that goes out in several."""

    lines: Annotated[list[ShipLine], Field(min_length=1, max_length=MOST_IN_ONE_STATEMENT)]


class PacksIn(_Statement):
    """One order in many parcels, all or nothing."""

    order_id: Id
    packs: Annotated[list[PackIn], Field(min_length=1, max_length=MOST_IN_ONE_STATEMENT)]


class TogetherIn(_StatedParcel, _Statement):
    """Many orders in one parcel: the lines named, or all that is left of each."""

    order_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_IN_ONE_STATEMENT)]
    lines: Annotated[list[ShipLine], Field(max_length=MOST_IN_ONE_STATEMENT, default_factory=list)]


class NumberChangeIn(_StatedParcel):
    """The number that the parcel really bears; `pack_id` where the order went out in several packs."""

    pack_id: MaybeId = ""


class ShippedLineOut(Answer):
    """Pieces of one line in the pack, of those ordered."""

    line_id: str
    quantity: int
    ordered: int


class ShipmentOut(Answer):
    """One order's share of one pack; `withdrawn_at` is null while the statement stands."""

    order_id: str
    pack_id: str
    carrier: str
    number: str
    taken_here: bool
    lines: list[ShippedLineOut]
    shipped_at: datetime
    stated_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, shipment: Shipment) -> "ShipmentOut":
        same = {name: getattr(shipment, name) for name in cls.model_fields if name != "lines"}
        lines = [
            ShippedLineOut(line_id=one.line_id, quantity=one.quantity, ordered=one.ordered) for one in shipment.lines
        ]
        return cls(lines=lines, **same)


class ShipmentList(Answer):
    """Statements, oldest first or in the order asked."""

    shipments: list[ShipmentOut]
