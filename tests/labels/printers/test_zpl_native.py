"""Labels that a ZPL printer sets itself: no record leaves its field, and a public renderer's codes can be read."""

import re
from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels import code128, fonts, qr
from miandan.labels.model import GoodsLine, LabelData, WarningKind
from miandan.labels.printers import profiles
from miandan.labels.printers.zpl_native import NativeSheet, documents
from miandan.labels.raster import rasterise
from miandan.labels.template import Barcode, Box, Node, Rect, Table, Template, Text
from tests.labels.judges import Picture
from tests.labels.printers.sheets import EVERYTHING, shown, value
from tests.labels.printers.zpl_scanner import ZplSheet, scan
from tests.labels.public_judges import zpl_pictures
from tests.labels.sheets import CROWDED, ORDINARY, sheet

NATIVE = profiles.shipped()["zpl-native-203"]
GOODS = (GoodsLine("纯棉四件套", quantity=2), GoodsLine("Towel", quantity=3))
HOSTILE = (
    "^XZ",
    "^XA^PQ9999^XZ",
    "~JA",
    "~DGR:A.GRF,1,1,FF",
    "_5EXZ",
    "\r\n^XZ\r\n",
    "^FS^FO0,0^GFA,8,8,1,FFFFFFFFFFFFFFFF^FS",
    "\x00\x1b@\x10\x04",
    ">:>5>8",
    "\u202e^XZ\u2066",
    "^CC~",
    "\ud800^",
)
TEXT_FIELDS = [one.name for one in fields(LabelData) if one.type is str]


def native(label: LabelData, template: Template = EVERYTHING) -> NativeSheet:
    (found,) = documents([label], NATIVE, template)
    return found


def scanned(label: LabelData, template: Template = EVERYTHING) -> ZplSheet:
    (found,) = scan(native(label, template).data)
    return found


def a_text(rotate: Any = 0, **changes: Any) -> Template:
    """A template of one text."""
    node = Text(Box(10_000, 10_000, 50_000, 10_000), value("remark"), 4_000, rotate=rotate, **changes)
    return Template("text", 1, 76_000, 130_000, (node,))


def a_code(symbology: Any, box: Box, module: int, rotate: Any = 0) -> Template:
    return Template("code", 1, 76_000, 130_000, (Barcode(box, symbology, value("remark"), module, rotate=rotate),))


def read(picture: Picture) -> list[tuple[str, bytes, int]]:
    """Every symbol: its kind, what it says and how it is turned."""
    dots: Any = memoryview(picture.pixels).cast("B", (picture.height, picture.width))
    return sorted((found.format.name, found.bytes, found.orientation) for found in zxingcpp.read_barcodes(dots))


def drawn(*sheets: NativeSheet) -> list[Picture]:
    return zpl_pictures(b"".join(one.data for one in sheets), 76, 130, 8)


def black(picture: Picture) -> tuple[int, int, int, int]:
    rows = [y for y in range(picture.height) if 0 in picture.row(y)]
    columns = [x for x in range(picture.width) if 0 in picture.column(x)]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


# Texts


def test_texts_are_those_of_the_label_in_the_printers_own_fonts() -> None:
    ordinary = replace(ORDINARY, goods_lines=GOODS, remark="")
    found = scanned(ordinary)
    assert {"中通快递", "标准快递", "纯棉四件套", "Towel", "商品"} <= set(found.texts)
    assert "".join(found.texts).count(ORDINARY.recipient_address) == 1
    assert b"^A@N,39,39,E:NOTOSCB.TTF" in native(ordinary).data
    assert found.settings["CI"] == "28"


def test_a_text_is_broken_and_shortened_as_in_every_other_output() -> None:
    found = native(CROWDED)
    assert (WarningKind.TEXT_SHORTENED, "recipient_address") in {(one.kind, one.detail) for one in found.warnings}
    assert "…" in "".join(scan(found.data)[0].texts)
    assert all(one.number == CROWDED.number for one in found.warnings)


@pytest.mark.parametrize(("rotate", "turn"), [(0, "N"), (90, "R"), (180, "I"), (270, "B")])
def test_a_turned_text_begins_where_it_is_read_from(rotate: int, turn: str) -> None:
    box = black(drawn(native(sheet(remark="HHHH"), a_text(rotate)))[0])
    # The box in dots: 80, 80 to 480, 160, the text 4 mm high in the middle of it, or along it when turned.
    near = {0: box[0] - 80, 90: box[1] - 80, 180: 480 - box[2], 270: 160 - box[3]}[rotate]
    assert 0 <= near < 6
    assert 80 <= box[0] < box[2] <= 480
    assert re.search(rb"\^A@%b,31,31," % turn.encode(), native(sheet(remark="HHHH"), a_text(rotate)).data)


@pytest.mark.parametrize("align", ["left", "centre", "right"])
def test_a_text_stands_at_its_side_of_the_box(align: str) -> None:
    data = native(sheet(remark="四个汉字"), a_text(align=align)).data
    found = re.search(rb"\^FT(\d+),(\d+)\^A@N,(\d+)", data)
    assert found
    x, size = int(found[1]), int(found[3])
    width = 4 * size
    assert abs(x - {"left": 80, "centre": 280 - width / 2, "right": 480 - width}[align]) < 2


def test_white_text_reverses_the_black_box_that_was_drawn_before_it() -> None:
    data = native(sheet(remark="白"), a_text(inverse=True)).data
    assert data.index(b"^GB") < data.index(b"^FR^FH_^FD")
    (picture,) = drawn(native(sheet(remark="HH"), a_text(inverse=True)))
    assert black(picture) == (80, 80, 480, 160)
    assert picture.part(80, 80, 480, 160).pixels.count(255) > 100


def test_a_character_that_the_printers_font_lacks_is_a_box_and_is_told() -> None:
    assert fonts.face(fonts.REGULAR).glyph("𠮷") is None
    found = native(sheet(remark="𠮷a\U0001f600"), a_text())
    assert scan(found.data)[0].texts == ["□a□"]
    assert {one.kind for one in found.warnings} == {WarningKind.RARE_CHARACTER, WarningKind.EMOJI}


def test_a_rare_character_of_our_own_font_is_printed() -> None:
    assert scanned(sheet(remark="𬒈㐂"), a_text()).texts == ["𬒈㐂"]


# Hostile records


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_printed_as_text(text: str) -> None:
    found = scanned(sheet(remark=text), a_text(min_size=2_000))
    assert [name for name in found.commands if name in ("FD", "GF")] == ["FD"]
    visible = "".join(character for character in text if character.isascii() and character.isprintable())
    printed = "".join(found.texts).replace(" ", "").replace("□", "")
    assert printed == visible.replace(" ", "")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.dictionaries(
        st.sampled_from(TEXT_FIELDS),
        st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40)),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)), max_size=2),
)
def test_no_record_adds_a_command_a_sheet_or_an_unescaped_byte(changes: dict[str, str], titles: list[str]) -> None:
    label = replace(ORDINARY, **changes, goods_lines=tuple(GoodsLine(title) for title in titles))  # type: ignore[arg-type]
    (found,) = scan(native(label).data)  # every command that it knows is one of ours, and its parameters have our form
    assert found.commands.count("FD") == len(found.texts) + len(found.codes)
    assert found.commands[-1] == "XZ"


# Codes


def test_every_code_of_a_label_is_read_back_from_the_public_renderer() -> None:
    # The renderer has no Chinese letters and draws others wider than ours, so the texts stay short.
    label = replace(ORDINARY, recipient_name="Li", goods="", remark="", recipient_address="Road", sort_code="1")
    (picture,) = drawn(native(label))
    bars, square = ("Code128", label.barcode_text.encode()), label.qr_text.encode()
    assert read(picture) == sorted(
        [
            *[(*bars, turned) for turned in (0, 90, -90)],
            ("DataMatrix", label.number.encode(), 0),
            ("PDF417", label.number.encode(), 0),
            ("QRCode", square, 0),
            ("QRCode", square, 180),
        ]
    )


BARS = ["73123456789012", "7312345678901", "SF1234567890123", "JD0012345678901", "YT12", "A", "1", "99-1 B/2", "75#2"]


@pytest.mark.parametrize("rotate", [0, 90])
def test_bars_of_the_printer_are_as_long_and_as_high_as_the_ones_that_were_placed(rotate: int) -> None:
    box = Box(3_000, 3_000, 10_000, 120_000) if rotate else Box(3_000, 3_000, 70_000, 10_000)
    template = a_code("code128", box, 250, rotate)
    sheets = [native(sheet(remark=text), template) for text in BARS]
    assert all(scan(one.data)[0].codes for one in sheets)
    for text, picture in zip(BARS, drawn(*sheets), strict=True):
        left, top, right, bottom = black(picture)
        along, across = (bottom - top, right - left) if rotate else (right - left, bottom - top)
        assert along == 2 * code128.encode(text).width, text
        assert across == 79
        assert [said for _, said, _ in read(picture)] == [text.encode()]


@pytest.mark.parametrize("length", [1, 14, 15, 40, 62, 63, 120])
def test_a_qr_code_of_the_printer_is_as_large_as_the_one_that_was_placed(length: int) -> None:
    text = ("https://a.example/Q?n=" + "7" * 200)[:length]
    found = native(sheet(remark=text), a_code("qr", Box(3_000, 3_000, 60_000, 60_000), 500))
    assert scan(found.data)[0].codes == [f"MM,B{length:04d}{text}"]
    (picture,) = drawn(found)
    left, top, right, bottom = black(picture)
    size = 4 * qr.encode(text).size
    assert (right - left, bottom - top) == (size, size)
    assert (left, top) == (24 + (479 - size) // 2, 24 + (479 - size) // 2)
    assert [said for _, said, _ in read(picture)] == [text.encode()]


@pytest.mark.parametrize(
    ("symbology", "text", "rotate"),
    [
        ("code128", "A>B", 0),
        ("code128", "a^XZ~", 0),
        ("code128", "ab\r\n", 0),
        ("qr", "中文 waybill", 0),
        ("qr", "https://a.example", 90),
        ("qr", "^XZ~JA_5E", 0),
        ("pdf417", "7312345", 0),
        ("code39", "7312345", 90),
        ("itf", "73123456", 0),
        ("ean13", "6901234567892", 270),
        ("datamatrix", "7312345", 180),
    ],
)
def test_what_the_printer_is_not_trusted_with_is_sent_as_a_picture(symbology: str, text: str, rotate: int) -> None:
    box = Box(3_000, 10_000, 30_000, 100_000) if rotate in (90, 270) else Box(3_000, 10_000, 70_000, 30_000)
    found = native(sheet(remark=text), a_code(symbology, box, 500, rotate))
    (only,) = scan(found.data)
    assert (len(only.graphics), only.codes, only.texts) == (1, [], [])
    assert [said for _, said, _ in read(drawn(found)[0])] == [text.encode()]


def test_a_code_without_room_is_left_out_and_told() -> None:
    found = native(sheet(remark="73123456789012"), a_code("code128", Box(0, 0, 5_000, 5_000), 250))
    assert [(one.kind, one.detail) for one in found.warnings] == [(WarningKind.BARCODE_OMITTED, "remark")]
    assert scan(found.data)[0].commands == ["MN", "PR", "PO", "PW", "LL", "LH", "CI", "PQ", "XZ"]


def test_a_qr_code_at_the_upper_edge_is_a_picture_since_printers_set_theirs_lower() -> None:
    found = native(sheet(remark="https://a.example"), a_code("qr", Box(0, 0, 8_500, 8_500), 250))
    assert len(scan(found.data)[0].graphics) == 1


@pytest.mark.parametrize(("dpi", "per_mm"), [(203, 8), (300, 12)])
def test_everything_but_texts_and_square_codes_has_the_dots_of_the_raster(dpi: int, per_mm: int) -> None:
    def is_the_same(node: Node) -> bool:
        if isinstance(node, Barcode):
            return node.symbology != "qr" or node.rotate != 0
        return not isinstance(node, Text | Table)

    template = msgspec.structs.replace(EVERYTHING, nodes=tuple(filter(is_the_same, EVERYTHING.nodes)))
    (found,) = documents([ORDINARY], replace(NATIVE, dpi=dpi), template)
    (raster,) = rasterise([ORDINARY], template, dpi=dpi)
    width, height = raster.bits.width / per_mm, raster.bits.height / per_mm
    assert zpl_pictures(found.data, width, height, per_mm) == [shown(raster.bits)]


# Sheets


def test_each_sheet_is_one_document_and_what_never_changes_is_the_same_in_all() -> None:
    sheets = list(documents([ORDINARY, CROWDED, ORDINARY], NATIVE, EVERYTHING, copies=2))
    assert sheets[0].data == sheets[2].data
    found = scan(b"".join(one.data for one in sheets))
    assert [one.settings["PQ"] for one in found] == ["2", "2", "2"]
    assert {(one.settings["PW"], one.settings["LL"]) for one in found} == {("608", "1039")}


def test_an_offset_moves_every_field_and_what_leaves_the_paper_is_counted() -> None:
    moved = replace(NATIVE, offset_x_um=1_000, offset_y_um=-500)
    box = Template("box", 1, 76_000, 130_000, (Rect(Box(10_000, 10_000, 20_000, 5_000)),))
    (found,) = documents([ORDINARY], moved, box)
    assert (black(drawn(found)[0]), found.lost) == ((88, 76, 248, 116), 0)
    far = replace(NATIVE, offset_x_um=-12_000)
    (found,) = documents([ORDINARY], far, box)
    assert (black(drawn(found)[0])[0], found.lost) == (0, 1)


def test_a_profile_without_fonts_and_a_sheet_that_is_too_wide_are_refused() -> None:
    with pytest.raises(Refusal, match="profile_without_fonts"):
        list(documents([ORDINARY], profiles.shipped()["zpl-203"], EVERYTHING))
    with pytest.raises(Refusal, match="sheet_too_large"):
        list(documents([ORDINARY], replace(NATIVE, width_um=72_000), EVERYTHING))
