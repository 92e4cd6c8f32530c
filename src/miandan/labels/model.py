"""What a label shows: `LabelData` is the finished text of one sheet, decided and masked by whoever asks for it.

The engine adds nothing and hides nothing: masks are the vault's rule, sort codes the route table's, barcode texts
the waybill's. What the engine reports back is a `RenderReport`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class GoodsLine:
    """One row of a goods table."""

    title: str
    spec: str = ""
    code: str = ""  # the merchant's own code 商家编码
    quantity: int = 1
    note: str = ""
    index: int = 0  # its place among all goods of the parcel, from 1


@dataclass(frozen=True, slots=True)
class LabelData:
    """One parcel's label. Every string is printed as it stands; an empty one leaves its place empty."""

    number: str  # the waybill number for people to read
    barcode_text: str = ""  # of the bars, ASCII; from the waybill document, never derived here
    qr_text: str = ""  # of the square code; for SF its two-dimensional code (MMM=...)
    carrier: str = ""  # the carrier's code in the catalogue; chooses the standard template
    carrier_zh: str = ""
    carrier_en: str = ""
    product: str = ""
    sort_code: str = ""  # 三段码, for SF its route label 路由标签; empty prints 未分拣
    big_mark: str = ""  # 大头笔
    bag_centre: str = ""  # 集包地
    recipient_name: str = ""
    recipient_phone: str = ""
    recipient_address: str = ""
    sender_name: str = ""
    sender_phone: str = ""
    sender_address: str = ""
    goods: str = ""  # the goods in one text
    remark: str = ""
    services: tuple[str, ...] = ()  # what the courier has to know at a glance, in words
    service_codes: tuple[str, ...] = ()  # the same by the catalogue's codes, for conditions
    cod_fen: int = 0  # 代收货款
    insured_fen: int = 0  # 保价声明价值
    weight_g: int = 0
    parent_number: str = ""  # 母单号, on a child's label
    piece: int = 1  # 子母件: which one
    pieces: int = 1  # of how many
    return_number: str = ""  # 签单返还 number of the signed receipt
    product_mark: str = ""  # SF proCode, such as T6: the product in two large characters
    coding_map: str = ""  # SF codingMapping
    print_icons: str = ""  # SF printIcon and the like, in words
    origin_code: str = ""  # 始发地 code or sort centre
    source_cross: str = ""  # JD 始发道口号
    source_tabletrolley: str = ""  # JD 始发笼车号
    target_cross: str = ""  # JD 目的道口号
    target_tabletrolley: str = ""  # JD 目的笼车号
    road_code: str = ""  # JD 路区
    site: str = ""  # the delivering branch or station 末端网点
    shop: str = ""
    order_ids: tuple[str, ...] = ()
    ordered_at: str = ""
    printed_at: str = ""  # text, in the merchant's own time zone
    position: str = ""  # "3/120": the third sheet of 120
    copy: int = 1  # 1 is the first print; from 2 on the sheet carries a copy mark
    sandbox: bool = False  # marked 示例: not to be shipped
    goods_lines: tuple[GoodsLine, ...] = ()
    goods_count: int = 0  # pieces of all goods lines together
    custom: Mapping[str, str] = field(default_factory=dict)  # the merchant's own texts for the custom area
    sheet: int = 1  # counted by the engine: which sheet of this label, where its goods need several
    sheets: int = 1

    @property
    def copy_code(self) -> str:
        """Number and copy in one text, for the small code that tells copies of one number apart: "7312...#2"."""
        return f"{self.number}#{self.copy}"


PERSONS = frozenset(
    {"recipient_name", "recipient_phone", "recipient_address", "sender_name", "sender_phone", "sender_address"}
)
"""Fields that are about a person; a template may show them only as the purpose of the job allows."""


class Purpose(StrEnum):
    """Why a label is made, and so how much of a person it may show."""

    LABEL = "label"  # masked by the label rule of GB/T 41833, the default
    PRINT_FULL = "print_full"  # as the data says; the account chose the full label, on record


class WarningKind(StrEnum):
    """Why a sheet differs from its data."""

    RARE_CHARACTER = "rare_character"  # no installed font has it: a box stands in its place
    EMOJI = "emoji"  # pictures are not printed: a box stands in their place
    CONTROL_CHARACTER = "control_character"  # invisible or direction-changing: removed, or a box
    TEXT_SHORTENED = "text_shortened"  # ends in an ellipsis at the smallest size
    BARCODE_OMITTED = "barcode_omitted"  # too long for its place, or not encodable
    BARCODE_TOO_FINE = "barcode_too_fine"  # finer than what a scanner read on the printer's calibration sheet
    OFF_THE_PAPER = "off_the_paper"  # the printer's offset pushes black over the edge of the paper


@dataclass(frozen=True, slots=True)
class LabelWarning:
    """Something a clerk should look at. `page` counts from 0; `detail` is a field's name, never its content."""

    page: int
    number: str
    kind: WarningKind
    detail: str


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What came of a run: sheets written and what to look at."""

    pages: int
    warnings: tuple[LabelWarning, ...]
