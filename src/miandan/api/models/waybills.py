"""Numbers: what is asked when they are taken, changed, printed, and how a waybill is shown."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from miandan.api.models.fields import (
    Answer,
    Asked,
    CarrierCode,
    Fen,
    Flag,
    Id,
    MaybeId,
    Number,
    Problem,
    Text,
    Word,
)
from miandan.api.models.orders import MOST_LINES, Quantity, RecipientIn, RecipientOut
from miandan.waybills.model import MOST_PIECES, NumberState, Route, Waybill

MOST_PARCELS = 100
MOST_LABELS = 200
Pieces = Annotated[int, Field(strict=True, ge=1, le=MOST_PIECES)]


class GoodsIn(Asked):
    """What is in the parcel, for the label."""

    line_id: MaybeId = ""
    title: Annotated[Text, Field(min_length=1)]
    spec: Text = ""
    sku: Word = ""
    quantity: Quantity = 1


class GoodsOut(Answer):
    """What the waybill says is in the parcel."""

    line_id: str = ""
    title: str = ""
    spec: str = ""
    sku: str = ""
    quantity: int = 1
    paid_fen: int | None = None


ServiceValue = Flag | Fen | Word
Services = Annotated[
    dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")], ServiceValue],
    Field(
        max_length=20,
        description="增值服务代码见 GET /carriers；整数是分 / codes of GET /carriers; a whole number is fen",
        examples=[{"insured": 50000}],
    ),
]
Goods = Annotated[list[GoodsIn], Field(min_length=1, max_length=MOST_LINES)]


class ParcelIn(Asked):
    """One parcel of one order, or of several orders of one recipient.

    An order that was put here goes to its own recipient. `outside`: an order that was never put here; then `recipient`
    and `goods` say where it goes and what is in it. `pack_id` tells several parcels of one order apart.
    """

    order_ids: Annotated[list[Id], Field(min_length=1, max_length=50)]
    pack_id: MaybeId = ""
    outside: Flag = False
    recipient: RecipientIn | None = None
    goods: Goods | None = None
    product: Word = ""
    services: Annotated[Services, Field(default_factory=dict)]
    pieces: Pieces = 1


class TakeIn(Asked):
    """Parcels that want numbers of one account, sent from one of its approved addresses (GET /accounts)."""

    account_id: UUID
    ship_from_id: UUID
    parcels: Annotated[list[ParcelIn], Field(min_length=1, max_length=MOST_PARCELS)]
    accept_differences: Annotated[
        Flag,
        Field(
            description="收件人、商品或服务变了也返回原单号，differs 说哪里不同 / "
            "answer the number that the parcel has although recipient, goods or services have changed"
        ),
    ] = False
    retake: Annotated[
        Flag,
        Field(
            description="换单：已在别的账号取过号的，换成新单号，旧号作废 / "
            "replace a number that was taken on another account; the old one becomes void"
        ),
    ] = False


class RouteOut(Answer):
    """What the sorting line reads; an empty sort code prints as 未分拣."""

    sort_code: str
    big_mark: str
    bag_centre: str

    @classmethod
    def of(cls, route: Route) -> "RouteOut":
        return cls(sort_code=route.sort_code, big_mark=route.big_mark, bag_centre=route.bag_centre)


class ParcelOut(Answer):
    """What became of one parcel: a number, or a problem. `known`: it had the number before."""

    order_ids: list[str]
    pack_id: str
    carrier: str | None = None
    number: str | None = None
    children: list[str] = Field(default_factory=list)
    state: NumberState | None = None
    known: bool = False
    differs: list[str] = Field(default_factory=list)
    recipient_replaced: bool = Field(
        default=False, description="按订单的收件人，不按请求里的 / goes to the order's recipient, not to the one named"
    )
    route: RouteOut | None = None
    problem: Problem | None = None


class Taken(Answer):
    """One outcome per parcel, in the order asked."""

    parcels: list[ParcelOut]
    taken: int
    refused: int


class WaybillOut(Answer):
    """A number with its four lives (number, paper, shipped, carriage) and the current version of its document."""

    carrier: str
    number: str
    state: NumberState
    superseded_by: str | None
    parent_number: str | None
    children: list[str]
    piece: int
    pieces: int
    order_ids: list[str]
    account_id: str
    version: int
    copies: int
    taken_at: datetime
    shipped_at: datetime | None
    first_scan_at: datetime | None
    signed_at: datetime | None
    returned_at: datetime | None
    recipient: RecipientOut | None = Field(description="脱敏；已销毁则为 null / masked; null when shredded")
    goods: list[GoodsOut]
    product: str
    services: dict[str, Any]
    route: RouteOut
    barcode_text: str
    qr_text: str

    @classmethod
    def of(
        cls, waybill: Waybill, recipient: RecipientOut | None, children: list[str], order_ids: list[str]
    ) -> "WaybillOut":
        same = ("state", "superseded_by", "parent_number", "piece", "pieces", "version", "copies", "taken_at")
        lives = ("shipped_at", "first_scan_at", "signed_at", "returned_at", "product", "barcode_text", "qr_text")
        return cls(
            carrier=waybill.ref.carrier,
            number=waybill.ref.number,
            children=children,
            order_ids=order_ids,
            account_id=str(waybill.account_id),
            recipient=recipient,
            goods=[_goods(line) for line in waybill.goods],
            services=dict(waybill.services),
            route=RouteOut.of(waybill.route),
            **{name: getattr(waybill, name) for name in (*same, *lives)},
        )


def _goods(line: Mapping[str, Any]) -> GoodsOut:
    return GoodsOut(**{name: line[name] for name in GoodsOut.model_fields if name in line})


class UpdateIn(Asked):
    """What the document says from now on; what is left out stays. A recipient only of an order never put here."""

    recipient: RecipientIn | None = None
    goods: Goods | None = None
    services: Services | None = None

    @model_validator(mode="after")
    def something(self) -> "UpdateIn":
        """Raises nothing_to_change."""
        if self.recipient is None and self.goods is None and self.services is None:
            raise PydanticCustomError("nothing_to_change", "nothing to change")
        return self


class Updated(Answer):
    """The document's version now."""

    carrier: str
    number: str
    version: int


class Cancelled(Answer):
    """Where the number is after the cancellation: `cancelled`, or `cancel_requested` for one that was superseded."""

    carrier: str
    number: str
    state: NumberState


class PiecesIn(Asked):
    """How many pieces the parcel has in all, so that a retry takes no further number."""

    pieces: Pieces


class PiecesOut(Answer):
    """The numbers of the whole parcel; `added` are new."""

    carrier: str
    number: str
    pieces: int
    children: list[str]
    added: list[str]


class NumberIn(Asked):
    """Which waybill."""

    carrier: CarrierCode
    number: Number


class LabelFormat(StrEnum):
    """What labels are made as: a document, a picture of one sheet, or a printer's language."""

    PDF = "pdf"
    PNG = "png"
    ZPL = "zpl"
    TSPL = "tspl"
    CPCL = "cpcl"
    ESCPOS = "escpos"


TemplateName = Annotated[
    Word, Field(description="GET /templates 里的 name；不填用快递公司的标准模板 / a name of GET /templates")
]


class LabelsIn(Asked):
    """Whose labels, as what, for which printer, on which template."""

    waybills: Annotated[list[NumberIn], Field(min_length=1, max_length=MOST_LABELS)]
    format: LabelFormat = LabelFormat.PDF
    profile: Annotated[
        Word,
        Field(description="打印机型号，例如 zpl-300；不填用该语言 203 dpi / a printer profile such as zpl-300"),
    ] = ""
    template: TemplateName = ""


class PrintDataIn(Asked):
    """Whose labels, for the print component of this shop."""

    waybills: Annotated[list[NumberIn], Field(min_length=1, max_length=MOST_LABELS)]


class PrintDataOut(Answer):
    """One sealed label, or why there is none."""

    carrier: str
    number: str
    order_id: str
    print_data: str | None = None
    sign: str | None = None
    good_until: datetime | None = None
    problem: Problem | None = None


class PrintDataList(Answer):
    """In the order asked."""

    waybills: list[PrintDataOut]
