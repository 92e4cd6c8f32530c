"""Orders and their events, as a marketplace sends them and as they are shown: recipients masked."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from miandan.api.models.fields import Answer, Asked, Fen, Flag, Id, MaybeId, Problem, Text, Time, Version, Word
from miandan.orders.cells import MOST_PIECES
from miandan.orders.model import OrderLine, OrderState, TradeOrder
from miandan.orders.standing import Hearing, OrderEvent
from miandan.vault.model import Recipient

MOST_LINES = 500
Quantity = Annotated[int, Field(strict=True, ge=1, le=MOST_PIECES)]


class RecipientIn(Asked):
    """Who receives the order, in plain or as ciphertext. It is sealed at once and shown masked from then on."""

    name: Word
    phone: Word
    extension: Annotated[Word, Field(description="虚拟号的分机 / the extension of a virtual number")] = ""
    province: Word = ""
    city: Word = ""
    district: Word = ""
    town: Word = ""
    detail: Text = ""
    division_code: Annotated[
        str, Field(pattern=r"^(\d{6})?$", description="区县代码，不填则按地址算 / told from the address where left out")
    ] = ""
    buyer_remark: Text = ""
    seller_remark: Text = ""

    def plain(self) -> Recipient:
        """As the vault takes it."""
        return Recipient(**self.model_dump())


class RecipientOut(Answer):
    """A recipient as a screen may show it; in plain only where the operation says so."""

    name: str
    phone: str
    extension: str
    province: str
    city: str
    district: str
    town: str
    detail: str
    division_code: str
    buyer_remark: str = ""
    seller_remark: str = ""

    @classmethod
    def of(cls, recipient: Recipient) -> "RecipientOut":
        return cls(**{name: getattr(recipient, name) for name in cls.model_fields})


class LineIn(Asked):
    """One line of an order: so many pieces of one article."""

    line_id: MaybeId = ""
    title: Annotated[Text, Field(min_length=1)]
    spec: Text = ""
    sku: Word = ""
    quantity: Quantity = 1
    paid_fen: Fen | None = None

    def line(self) -> OrderLine:
        return OrderLine(**self.model_dump())


class LineOut(Answer):
    """A line as it is kept."""

    line_id: str
    title: str
    spec: str
    sku: str
    quantity: int
    paid_fen: int | None = None


class OrderPut(Asked):
    """An order as its marketplace has it at `version`. A recipient is needed unless the order is finished."""

    version: Version
    state: OrderState = OrderState.TO_SHIP
    recipient: RecipientIn | None = None
    lines: Annotated[list[LineIn], Field(max_length=MOST_LINES, default_factory=list)]
    paid_at: Time | None = None
    created_at: Annotated[Time | None, Field(description="买家下单时间 / when the buyer ordered")] = None


class _Event(Asked):
    version: Version


class Paid(_Event):
    """已付款。"""

    event: Literal["paid"]
    happened_at: Time | None = None


class Plain(_Event):
    """`held` 风控审核扣住，`released` 放行，`refund_opened` 申请退款，`cancelled` 取消，`shipped` 已用别的方式发出。"""

    event: Literal["held", "released", "refund_opened", "cancelled", "shipped"]


class AddressChanged(_Event):
    """改地址：带上完整的新收件人。"""

    event: Literal["address_changed"]
    recipient: RecipientIn


class RefundClosed(_Event):
    """退款结束：`refunded` 为真是已退款，为假是撤销退款、订单照常。"""

    event: Literal["refund_closed"]
    refunded: Flag


EventIn = Annotated[Paid | Plain | AddressChanged | RefundClosed, Field(discriminator="event")]


def event_of(said: Paid | Plain | AddressChanged | RefundClosed) -> OrderEvent:
    """The event in the words of the trade."""
    if isinstance(said, RefundClosed):
        return OrderEvent.REFUNDED if said.refunded else OrderEvent.REFUND_WITHDRAWN
    return OrderEvent(said.event)


class Heard(Answer):
    """What became of an order or an event. Late and repeated ones change nothing and do no harm."""

    order_id: str
    applied: bool
    hearing: Hearing
    state: OrderState
    held_reason: str | None
    revision: int = Field(description="本平台的修订号 / counts the changes kept here")
    arrived: bool = Field(description="订单本身是否已到；先到的事件会等它 / events that come first wait for the order")


class OrderNumber(Answer):
    """A live number of the order."""

    carrier: str
    number: str
    pack_id: str


class OrderOut(Answer):
    """An order as it stands."""

    order_id: str
    state: OrderState
    held_reason: str | None
    version: int | None = Field(description="听到过的最高版本 / the highest version heard")
    revision: int
    lines: list[LineOut]
    paid_fen: int
    paid_at: datetime | None
    created_at: datetime
    changed_at: datetime
    shipped_pieces: int
    recipient: RecipientOut | None = Field(description="脱敏；已销毁则为 null / masked; null when shredded")
    numbers: list[OrderNumber]
    obstacle: Problem | None = Field(description="现在不能发货的原因 / why it cannot ship now")

    @classmethod
    def of(
        cls,
        order: TradeOrder,
        recipient: Recipient | None,
        numbers: list[OrderNumber],
        obstacle: Problem | None,
    ) -> "OrderOut":
        return cls(
            order_id=order.ref.order_id,
            state=order.state,
            held_reason=order.held_reason,
            version=order.source_version,
            revision=order.version,
            lines=[LineOut(**{name: getattr(line, name) for name in LineOut.model_fields}) for line in order.lines],
            paid_fen=order.paid_fen,
            paid_at=order.paid_at,
            created_at=order.created_at,
            changed_at=order.changed_at,
            shipped_pieces=order.shipped_pieces,
            recipient=None if recipient is None else RecipientOut.of(recipient),
            numbers=numbers,
            obstacle=obstacle,
        )


class OrderPage(Answer):
    """Orders, and the cursor to what comes behind them: null at the end."""

    orders: list[OrderOut]
    next: str | None


class RevealIn(Asked):
    """Which fields of which orders are to be read in plain, and why."""

    purpose: Annotated[Word, Field(min_length=1, examples=["contact"])]
    order_ids: Annotated[list[Id], Field(min_length=1, max_length=50)]
    fields: Annotated[list[Literal["name", "phone", "address", "remarks"]], Field(min_length=1, max_length=4)]


class Revealed(Answer):
    """One order: each field in plain, or why not. `address` is the detail; divisions are never hidden."""

    order_id: str
    name: str | None = None
    phone: str | None = None
    extension: str | None = None
    address: str | None = None
    remarks: str | None = None
    problem: Problem | None = None


class RevealedList(Answer):
    """Every order asked for, in that order."""

    orders: list[Revealed]
