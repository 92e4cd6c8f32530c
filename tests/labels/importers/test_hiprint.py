"""hiprint's JSON: elements in points, titles and fields, goods tables, and options that have no place here."""

import json
from typing import Any

import pytest

from miandan.labels.importers import import_template
from miandan.labels.importers.imported import Imported
from miandan.labels.template import (
    Barcode,
    Box,
    Column,
    Field,
    Image,
    Line,
    Literally,
    Node,
    Rect,
    Table,
    Template,
    Text,
)
from tests.labels.importers.known_to_both import PNG
from tests.labels.importers.papers import places, sample

PLACE = {"left": 72, "top": 36, "width": 144, "height": 36}
BOX = Box(25_400, 12_700, 50_800, 12_700)


def read(*elements: Any, **panel: Any) -> Imported:
    plain = {"width": 100, "height": 150, "printElements": list(elements)} | panel
    return import_template(json.dumps({"panels": [plain]}).encode(), "hiprint", "own")


def element(kind: str, **options: Any) -> dict[str, Any]:
    return {"options": PLACE | options, "printElementType": {"type": kind}}


def nodes(*elements: Any, **panel: Any) -> tuple[Node, ...]:
    """The nodes of a panel of which everything is taken over."""
    imported = read(*elements, **panel)
    assert imported.unsupported == ()
    return imported.template.nodes


def one(kind: str, **options: Any) -> Node:
    (node,) = nodes(element(kind, **options))
    return node


def text(**options: Any) -> Text:
    node = one("text", **options)
    assert isinstance(node, Text)
    return node


def noted(kind: str, **options: Any) -> list[str]:
    return [note.what for note in read(element(kind, **options)).unsupported]


def test_the_panel_is_the_paper() -> None:
    template = read().template
    assert isinstance(template, Template)
    assert (template.width, template.height) == (100_000, 150_000)


def test_a_text_stands_at_its_points() -> None:
    node = text(title="示例", fontSize=10, fontWeight="bold", textAlign="center", textContentVerticalAlign="middle")
    assert node == Text(BOX, (Literally("示例"),), 3_528, lines=3, bold=True, align="centre")


def test_a_text_that_asks_for_nothing_is_of_nine_points_at_the_top() -> None:
    node = text(title="x")
    assert (node.size, node.bold, node.align, node.valign) == (3_175, False, "left", "top")


@pytest.mark.parametrize(("weight", "bold"), [("400", False), (600, True), ("bolder", True), ("lighter", False)])
def test_a_weight_is_bold_or_not(weight: object, bold: bool) -> None:
    assert text(title="x", fontWeight=weight).bold is bold


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"title": "x"}, (Literally("x"),)),
        ({"title": "收件人", "field": "receiverName"}, (Literally("收件人："), Field("recipient_name"))),
        ({"title": "收件人", "field": "receiverName", "hideTitle": True}, (Field("recipient_name"),)),
        ({"field": "recipient.mobile", "testData": "138"}, (Field("recipient_phone"),)),
        ({"field": "gift"}, (Field("custom.gift"),)),
        (
            {"field": "orderTime", "dataType": "datetime", "format": "yyyy-MM-dd HH:mm:ss"},
            (Field("ordered_at", date="YYYY-MM-DD hh:mm:ss"),),
        ),
    ],
)
def test_a_text_shows_its_title_and_its_field(options: dict[str, Any], value: tuple[Field | Literally, ...]) -> None:
    assert text(**options).value == value


def test_the_title_of_the_kind_stands_in_where_the_options_have_none() -> None:
    plain = {"options": PLACE, "printElementType": {"type": "text", "title": "备注"}}
    (node,) = nodes(plain)
    assert isinstance(node, Text)
    assert node.value == (Literally("备注"),)


def test_a_kind_may_stand_behind_the_name_of_its_module() -> None:
    (node,) = nodes({"options": PLACE, "tid": "defaultModule.rect"})
    assert isinstance(node, Rect)


@pytest.mark.parametrize(
    ("element_", "symbology"),
    [
        (element("text", textType="barcode", field="waybillCode", hideTitle=True), "code128"),
        (element("text", textType="barcode", barcodeMode="EAN13", title="690", hideTitle=True), "ean13"),
        (element("text", textType="qrcode", field="waybillCode"), "qr"),
        (element("barcode", barcodeType="code39", field="waybillCode", hideTitle=True), "code39"),
        (element("qrcode", field="waybillCode"), "qr"),
    ],
)
def test_barcodes_are_texts_of_another_kind_or_elements_of_their_own(element_: dict[str, Any], symbology: str) -> None:
    (node,) = nodes(element_)
    assert isinstance(node, Barcode)
    assert (node.symbology, node.box) == (symbology, BOX)
    assert node.value in ((Field("barcode_text"),), (Literally("690"),))


def test_a_barcode_that_shows_its_title_shows_what_it_says() -> None:
    bars, below = nodes(element("text", textType="barcode", field="waybillCode"))
    assert isinstance(bars, Barcode)
    assert isinstance(below, Text)
    assert below.value == bars.value
    assert bars.box.h + below.box.h == BOX.h


def test_lines_are_as_long_as_their_element_and_as_thick_as_their_border() -> None:
    across, down = nodes(element("hline", borderWidth=1), element("vline", borderStyle="dashed"))
    assert across == Line(Box(25_400, 12_700, 50_800, 353))
    assert down == Line(Box(25_400, 12_700, 265, 12_700), 1_000)


def test_a_box_is_a_frame_or_filled() -> None:
    frame, black = nodes(element("rect", borderWidth=1), element("rect", backgroundColor="#000000"))
    assert (frame, black) == (Rect(BOX, 353), Rect(BOX, 0))


def test_a_picture_within_the_template_is_taken() -> None:
    assert one("image", src=f"data:image/png;base64,{PNG}", fit="contain") == Image(BOX, PNG)


def test_a_text_is_turned_about_its_middle() -> None:
    node = text(title="x", top=180, transform=270)
    assert (node.rotate, node.box) == (270, Box(44_450, 44_450, 12_700, 50_800))


def test_padding_and_borders_of_a_text_are_kept() -> None:
    found = nodes(element("text", title="x", contentPaddingLeft=7.2, borderBottom="solid", borderWidth=1))
    assert [type(node) for node in found] == [Text, Line]
    assert found[0].box == Box(27_940, 12_700, 48_260, 12_700)
    assert found[1].box == Box(25_400, 25_047, 50_800, 353)


def test_what_lies_further_in_front_is_drawn_later() -> None:
    found = nodes(element("text", title="a", zIndex=2), element("text", title="b"))
    assert [node.value for node in found if isinstance(node, Text)] == [(Literally("b"),), (Literally("a"),)]


def test_the_paper_number_is_sheet_of_sheets() -> None:
    (node,) = nodes(paperNumberLeft=200, paperNumberTop=390, paperNumberFormat="${paperNo}/${paperCount}")
    assert isinstance(node, Text)
    assert (node.value, node.sheets) == ((Field("sheet"), Literally("/"), Field("sheets")), "all")
    assert nodes(paperNumberLeft=200, paperNumberTop=390, paperNumberDisabled=True) == ()


COLUMNS = [
    {"title": "序", "tableTextType": "sequence", "width": 36},
    {"title": "商品", "field": "goodsName", "width": 72, "checked": True},
    {"title": "数量", "field": "num", "width": 36, "align": "right"},
    {"title": "隐藏", "field": "code", "width": 36, "checked": False},
]


def test_a_table_of_goods_goes_on_on_further_sheets_as_wide_as_its_element() -> None:
    node = one("table", field="goodsList", columns=[COLUMNS], tableBodyRowHeight=14.4, fontSize=8)
    assert isinstance(node, Table)
    assert node.columns == (
        Column((Field("index"),), 12_700, "序"),
        Column((Field("title"),), 25_400, "商品"),
        Column((Field("quantity"),), 12_700, "数量", "right"),
    )
    assert (node.box, node.row_height, node.head, node.overflow, node.sheets) == (BOX, 5_080, True, "sheet", "all")


def test_beside_a_table_what_stands_in_header_or_footer_is_on_every_sheet() -> None:
    above = element("text", title="above", top=10)
    below = element("text", title="below", top=380)
    within = element("text", title="within", top=100)
    table = element("table", field="goods", columns=[COLUMNS], top=200, tableBodyRowHeight=14.4)
    found = nodes(above, within, below, table, paperHeader=50, paperFooter=370)
    sheets = {node.value: node.sheets for node in found if isinstance(node, Text)}
    assert sheets == {
        (Literally("above"),): "all",
        (Literally("within"),): "first",
        (Literally("below"),): "all",
    }


def test_a_table_without_titles_or_rules_has_none() -> None:
    none = {"tableHeaderRepeat": "none", "tableBorder": "noBorder", "tableBodyCellBorder": "noBorder"}
    node = one("table", field="goods", columns=[COLUMNS], **none)
    assert isinstance(node, Table)
    assert (node.head, node.rules) == (False, 0)


@pytest.mark.parametrize(
    ("kind", "options", "what"),
    [
        ("oval", {}, "oval"),
        ("html", {"formatter": "function(){}"}, "html"),
        ("video", {}, "video"),
        ("text", {"title": "x", "formatter": "function(t, v) { return v }"}, "formatter"),
        ("text", {"title": "x", "styler": "function() {}"}, "styler"),
        ("text", {"title": "x", "onRendered": "(a) => a"}, "onRendered"),
        ("text", {"title": "x", "letterSpacing": 3}, "letterSpacing"),
        ("text", {"title": "x", "lineHeight": 20}, "lineHeight"),
        ("text", {"title": "x", "color": "#dddddd"}, "color"),
        ("text", {"title": "x", "transform": 45}, "transform"),
        ("text", {"title": "x", "fontFamily": "SimHei"}, "fontFamily:SimHei"),
        ("text", {"title": "x", "textAlign": "justify"}, "textAlign"),
        ("text", {"title": "x", "showInPage": "none"}, "text"),
        ("text", {"title": "x", "showInPage": "odd"}, "showInPage"),
        ("text", {"title": "x", "left": "far"}, "left"),
        ("text", {}, "title"),
        ("longText", {"title": "x"}, "longText"),
        ("barcode", {"barcodeType": "pharmacode", "title": "1"}, "pharmacode"),
        ("barcode", {}, "field"),
        ("image", {"src": "/logo.png"}, "src"),
        ("image", {"field": "logo"}, "field"),
        ("image", {"src": "data:image/gif;base64,AAAA"}, "src"),
        ("rect", {"borderStyle": "dotted"}, "borderStyle"),
        ("rect", {"borderWidth": 0}, "borderWidth"),
        ("hline", {"transform": 90}, "transform"),
        ("table", {"columns": []}, "columns"),
        ("table", {"columns": [COLUMNS], "field": "rows"}, "field"),
        ("table", {"columns": [[{"title": "价", "field": "price", "width": 99}]]}, "field"),
        ("table", {"columns": [[{"field": "code", "tableTextType": "barcode", "width": 99}]]}, "tableTextType"),
        ("table", {"columns": [[{"field": "code", "formatter2": "function(){}", "width": 99}]]}, "formatter2"),
        ("table", {"columns": [COLUMNS, COLUMNS], "field": "goods"}, "columns"),
        ("table", {"columns": [COLUMNS], "footerFormatter": "function(){}"}, "footerFormatter"),
        ("table", {"columns": [COLUMNS], "content": "<table></table>"}, "content"),
    ],
)  # fmt: skip
def test_what_has_no_place_in_our_model_is_listed(kind: str, options: dict[str, Any], what: str) -> None:
    assert what in noted(kind, **options)


@pytest.mark.parametrize(
    ("panel", "what"),
    [
        ({"watermarkOptions": {"content": "x"}}, "watermarkOptions"),
        ({"orient": 2}, "orient"),
        ({"leftOffset": 5}, "leftOffset"),
    ],
)
def test_options_of_the_panel_are_listed_too(panel: dict[str, Any], what: str) -> None:
    assert [note.what for note in read(**panel).unsupported] == [what]


def test_the_place_is_the_path_in_the_json() -> None:
    imported = read(element("text", title="x"), element("text", title="x", styler="function(){}"))
    assert places(imported.unsupported) == [("$.panels[0].printElements[1].options.styler", "styler")]


def test_only_the_first_panel_is_taken_and_the_others_are_listed() -> None:
    assert ("$.panels[1]", "panel") in places(sample("parcel-76x130.hiprint.json").unsupported)


def test_json_kept_as_a_text_in_json_is_read() -> None:
    inner = json.dumps({"panels": [{"width": 50, "height": 30, "printElements": []}]})
    template = import_template(json.dumps(inner).encode(), "hiprint", "own").template
    assert isinstance(template, Template)
    assert template.width == 50_000
