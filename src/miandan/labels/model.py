"""What a label shows: `LabelData` is the finished text of one sheet, decided and masked by whoever asks for it.

The engine adds nothing and hides nothing: masks are the vault's rule, sort codes the route table's, barcode texts
the waybill's. What the engine reports back is a `RenderReport`.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class LabelData:
    """One sheet. Every string is printed as it stands; an empty one leaves its place empty."""

    carrier_zh: str
    carrier_en: str
    product: str
    number: str  # the waybill number for people to read
    barcode_text: str  # Code 128, ASCII; from the waybill document, never derived here
    qr_text: str
    sort_code: str  # 三段码; empty prints 未分拣
    big_mark: str  # 大头笔
    bag_centre: str  # 集包地
    recipient_name: str
    recipient_phone: str
    recipient_address: str
    sender_name: str
    sender_phone: str
    sender_address: str
    goods: str
    remark: str
    services: tuple[str, ...]
    printed_at: str  # text, in the merchant's own time zone
    position: str  # "3/120": the third sheet of 120
    copy: int = 1  # 1 is the first print; from 2 on the sheet carries a copy mark
    sandbox: bool = False  # marked 示例: not to be shipped


class WarningKind(StrEnum):
    """Why a sheet differs from its data."""

    RARE_CHARACTER = "rare_character"  # no installed font has it: a box stands in its place
    EMOJI = "emoji"  # pictures are not printed: a box stands in their place
    CONTROL_CHARACTER = "control_character"  # invisible or direction-changing: removed, or a box
    TEXT_SHORTENED = "text_shortened"  # ends in an ellipsis at the smallest size
    BARCODE_OMITTED = "barcode_omitted"  # too long for its place, or not encodable


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
