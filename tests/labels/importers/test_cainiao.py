"""Cainiao's language: elements, styles, paths, conditions and what is listed because our model has no word for it."""

import pytest

from miandan.labels.importers import import_template
from miandan.labels.template import Barcode, Box, Field, Group, Image, Line, Literally, Rect, Text
from tests.labels.importers.known_to_both import PNG
from tests.labels.importers.pages import layout, nodes, noted, one, read, text_of
from tests.labels.importers.papers import AREA, places, sample, standards

# --- elements ---------------------------------------------------------------------------------------------------------


def test_a_text_fills_its_layout() -> None:
    node = text_of("文字", "fontSize:10;fontWeight:bold;align:center;valign:middle;")
    assert node == Text(
        Box(1_000, 2_000, 40_000, 10_000), (Literally("文字"),), 3_528, lines=2, bold=True, align="centre"
    )


def test_a_text_that_asks_for_nothing_is_of_eight_points_flush_left_at_the_top() -> None:
    node = text_of("x")
    assert (node.size, node.bold, node.align, node.valign) == (2_822, False, "left", "top")


def test_lengths_are_millimetres_or_points() -> None:
    node = one('<layout left="72pt" top="1.5mm" width="20" height="36pt"><rect/></layout>')
    assert node == Rect(Box(25_400, 1_500, 20_000, 12_700), 353)


def test_layouts_within_layouts_count_from_the_corner_around_them_and_become_a_group() -> None:
    node = one(layout('<layout left="2" top="3" width="10" height="5"><text>x</text></layout>', 'id="block"'))
    assert isinstance(node, Group)
    assert (node.box, node.name) == (Box(1_000, 2_000, 40_000, 10_000), "block")
    assert node.nodes[0].box == Box(2_000, 3_000, 10_000, 5_000)


def test_what_leaves_its_layout_is_not_cut_but_counts_from_the_page() -> None:
    node = one(layout('<layout left="30" top="3" width="30" height="5"><text>x</text></layout>'))
    assert isinstance(node, Text)
    assert node.box == Box(31_000, 5_000, 30_000, 5_000)


def test_a_layout_without_a_size_reaches_as_far_as_what_is_around_it() -> None:
    assert one('<layout left="6" top="30"><rect/></layout>').box == Box(6_000, 30_000, 70_000, 100_000)


def test_what_lies_further_in_front_is_drawn_later() -> None:
    texts = [layout(f"<text>{name}</text>", f'style="zIndex:{z}"') for name, z in (("a", 3), ("b", 1), ("c", 2))]
    found = [node.value for node in nodes("".join(texts)) if isinstance(node, Text)]
    assert found == [(Literally("b"),), (Literally("c"),), (Literally("a"),)]


def test_white_on_black_is_inverse() -> None:
    assert text_of("x", "fontColor:#fff;backgroundColor:#000;").inverse


@pytest.mark.parametrize(
    ("degrees", "turn", "box"),
    [
        (90, 90, Box(16_000, -13_000, 10_000, 40_000)),
        (270, 270, Box(16_000, -13_000, 10_000, 40_000)),
        (-90, 270, Box(16_000, -13_000, 10_000, 40_000)),
        (180, 180, Box(1_000, 2_000, 40_000, 10_000)),
        (360, 0, Box(1_000, 2_000, 40_000, 10_000)),
    ],
)
def test_a_turn_is_about_the_middle_of_the_layout(degrees: int, turn: int, box: Box) -> None:
    inside = f'<layout left="1" top="32" width="40" height="10"><text style="rotation:{degrees}">x</text></layout>'
    node = one(inside)
    assert isinstance(node, Text)
    assert node.rotate == turn
    assert node.box == Box(box.x, box.y + 30_000, box.w, box.h)


def test_text_written_downward_has_one_character_a_line() -> None:
    imported = read(
        '<layout left="1" top="2" width="20" height="30"><text style="orientation:vertical">小心</text></layout>'
    )
    (node,) = imported.template.nodes
    assert isinstance(node, Text)
    assert node.box.w < 2 * node.size
    assert node.lines > 5
    assert [note.what for note in imported.unsupported] == ["<text> style orientation:vertical"]


@pytest.mark.parametrize(
    ("kind", "symbology"), [("qrcode", "qr"), ("code128", "code128"), ("c25inter", "itf"), ("ean13", "ean13")]
)
def test_barcodes_are_stretched_to_their_layout(kind: str, symbology: str) -> None:
    node = one(layout(f'<barcode type="{kind}" ratioMode="keepRatio" value="123"/>'))
    assert isinstance(node, Barcode)
    assert (node.symbology, node.value, node.module) == (symbology, (Literally("123"),), 3_000)


def test_a_barcode_that_shows_its_text_gives_it_the_lower_part() -> None:
    bars, text = nodes(layout('<barcode type="code128" style="hideText:false" value="<%=_data.waybillCode%>"/>'))
    assert isinstance(bars, Barcode)
    assert isinstance(text, Text)
    assert bars.value == text.value == (Field("barcode_text"),)
    assert bars.box.y + bars.box.h == text.box.y
    assert text.box.y + text.box.h == 12_000


def test_a_picture_within_the_template_is_taken() -> None:
    node = one(layout(f'<image src="data:image/png;base64,{PNG}" allowFailure="true"/>'))
    assert node == Image(Box(1_000, 2_000, 40_000, 10_000), PNG)


def test_lines_are_as_thick_as_their_points_and_dashed_ones_dashed() -> None:
    across, down = nodes(
        '<line startX="5" startY="20" endX="2" endY="20" style="lineWidth:2"/>'
        '<line startX="5" startY="20" endX="5" endY="60" style="lineType:dashed"/>'
    )
    assert across == Line(Box(2_000, 20_000, 3_000, 706))
    assert down == Line(Box(5_000, 20_000, 353, 40_000), 1_000)


def test_a_box_is_a_frame_or_filled() -> None:
    frame, black = nodes(layout('<rect style="borderWidth:2"/>') + layout('<rect style="fillColor:#000"/>'))
    assert frame == Rect(Box(1_000, 2_000, 40_000, 10_000), 706)
    assert black == Rect(Box(1_000, 2_000, 40_000, 10_000), 0)


def test_a_layout_copies_another_one_and_changes_what_it_says_itself() -> None:
    first, copy = nodes(layout("<text>x</text>", 'id="a"') + '<layout ref="a" left="30"/>')
    assert isinstance(copy, Text)
    assert copy.value == (Literally("x"),)
    assert copy.box == Box(30_000, first.box.y, first.box.w, first.box.h)


@pytest.mark.parametrize("ref", ['<layout ref="nobody"/>', '<layout id="a" ref="a"/>'])
def test_a_copy_of_nothing_or_of_itself_is_listed(ref: str) -> None:
    (note,) = noted(ref)
    assert note.what.startswith("ref=")


def test_layouts_that_follow_each_other_are_placed_one_behind_the_other() -> None:
    inside = "".join(f'<layout top="1" width="20" height="{h}"><text>x</text></layout>' for h in (5, 6))
    imported = read(f'<layout top="10" width="40" height="30" orientation="vertical">{inside}</layout>')
    (group,) = imported.template.nodes
    assert isinstance(group, Group)
    assert [node.box.y for node in group.nodes] == [1_000, 7_000]
    assert [note.what for note in imported.unsupported] == ["orientation=vertical"]


def test_header_and_footer_stand_at_the_ends_of_every_sheet() -> None:
    header, footer = nodes(
        '<header height="10"><layout width="20" height="5"><text>h</text></layout></header>'
        '<footer height="8"><layout width="20" height="5"><pageIndex format="currentPageNumber of totalPageNumber"/>'
        "</layout></footer>",
        'width="76" height="130" splitable="true"',
    )
    assert isinstance(header, Group)
    assert isinstance(footer, Group)
    assert (header.box, header.sheets) == (Box(0, 0, 76_000, 10_000), "all")
    assert (footer.box, footer.sheets) == (Box(0, 122_000, 76_000, 8_000), "all")
    (number,) = footer.nodes
    assert isinstance(number, Text)
    assert number.value == (Field("sheet"), Literally(" of "), Field("sheets"))


def test_a_line_that_is_too_low_for_its_font_grows_where_it_was_not_cut() -> None:
    node = one('<layout left="1" top="2" width="40" height="2"><text style="fontSize:10">x</text></layout>')
    assert isinstance(node, Text)
    assert (node.size, node.box.h) == (3_528, 3_528)


def test_a_line_that_was_cut_at_its_box_becomes_smaller() -> None:
    cut = '<layout left="1" top="2" width="40" height="2" style="overflow:hidden">'
    imported = read(f'{cut}<text style="fontSize:10">x</text></layout>')
    (node,) = imported.template.nodes
    assert isinstance(node, Text)
    assert (node.size, node.box.h) == (2_000, 2_000)
    assert len(imported.unsupported) == 1


# --- what is listed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "what"),
    [
        ("<circle/>", "<circle>"),
        ("<video/>", "<video>"),
        (layout('<text style="letterSpacing:2">x</text>'), "<text> style letterspacing:2"),
        (layout('<text style="fontItalic:true">x</text>'), "<text> style fontitalic:true"),
        (layout('<text style="fontColor:#ddd">x</text>'), "<text> style fontColor:#ddd"),
        (layout('<text style="rotation:45">x</text>'), "<text> style rotation:45"),
        (layout('<text style="fontSize:big">x</text>'), "<text> fontSize"),
        (layout('<text style="fontFamily:SimHei">x</text>'), "fontFamily:SimHei"),
        (layout('<text weird="1">x</text>'), '<text> weird="1"'),
        (layout("<text><![CDATA[<%=format(_data.time)%>]]></text>"), "format(_data.time)"),
        (layout("<text><![CDATA[<%=_data.price * 2%>]]></text>"), "_data.price * 2"),
        (layout("<text>x<b>y</b></text>"), "<b>"),
        (layout('<barcode type="code93" value="1"/>'), '<barcode> type="code93"'),
        (layout('<image src="http://images.example/a.png"/>'), "<image> src"),
        (layout('<image src="<%=_data.logo%>"/>'), "<image> src"),
        (layout('<image src="data:image/jpeg;base64,AAAA"/>'), "<image> src"),
        (layout('<image src="data:image/png;base64,AAAA"/>'), "<image>"),
        ('<line startX="0" startY="0" endX="10" endY="10"/>', "<line> line"),
        ('<layout left="<%=_data.x%>" width="9" height="9"><rect/></layout>', "<layout> @left"),
        ("<layout <%=_data.attributes%> />", "_data.attributes"),
        ("words", "words"),
        ('<%@ include "http://example.invalid/print.js" %>', 'include "http://example.invalid/print.js"'),
        ("<% function f(a) { return a; } %>", "function f(a) { return a; }"),
        ("<% var n = 3 * 4; %>", "var n = 3 * 4;"),
        ("<% for (var i = 0; i < 3; i++) { %><layout/><% } %>", "for (var i = 0; i < 3; i++) {"),
        ("<% while (go()) { %><layout/><% } %>", "while (go()) {"),
        ("<% } %>", "}"),
        ("<% if (_data.a) { %>", "if (_data.a) {"),
        ("<%=_data.markup%>", "_data.markup"),
        ('<layout left="90" width="10" height="10"><rect/></layout>', "<rect>"),
        ('<layout left="70" width="20" height="10"><rect/></layout>', "<rect>"),
        ('<layout left="70" width="20" height="10"><barcode value="1"/></layout>', "<barcode>"),
        ('<layout left="1" width="0" height="10"><rect/></layout>', "<rect>"),
        ('<layout left="1" width="10" height="0.5" style="overflow:hidden"><text>x</text></layout>', "<text>"),
    ],
)  # fmt: skip
def test_what_has_no_place_in_our_model_is_listed(inside: str, what: str) -> None:
    assert what in [note.what for note in noted(inside)]


def test_scripts_that_are_not_understood_are_never_run() -> None:
    imported = read(layout("<text><![CDATA[<%=(function () { throw new Error() })()%>]]></text>"))
    assert imported.template.nodes == ()
    assert len(imported.unsupported) == 1


def test_the_place_is_line_and_column_of_the_original_file() -> None:
    inside = """
  <% if (_data.a) { %><circle/><% } %>
  <layout width="9" height="9"><text
 weird="1"><![CDATA[中文<%=f()
%>文<%=g()%>]]></text></layout>"""
    assert places(read(inside).unsupported) == [
        ("2:23", "<circle>"),
        ("3:32", '<text> weird="1"'),
        ("4:23", "f()"),
        ("5:4", "g()"),
    ]


def test_the_sample_lists_what_it_cannot_hold() -> None:
    assert places(sample("parcel-76x130.xml").unsupported) == [
        ("8:7", "fontFamily:SimHei"),
        ("62:5", "<circle>"),
        ("65:5", "<image> src"),
        ("68:40", "new Date(_data.time).toLocaleString()"),
    ]


# --- custom areas -----------------------------------------------------------------------------------------------------


def test_a_custom_area_counts_from_the_corner_of_the_area_of_its_standard_template() -> None:
    imported = sample("area-custom.xml")
    assert imported.template.nodes[-1].box == Box(3_000, 2_000, 94_000, 5_000)
    assert places(imported.unsupported) == [("6:5", "fontFamily:Microsoft YaHei")]


def test_an_area_that_is_larger_than_that_of_the_standard_template_says_so() -> None:
    below = b'<layout top="45" width="9" height="9"><rect/></layout>'
    area = b'<layout id="CUSTOM_AREA" width="100" height="60">%b</layout>' % below
    imported = import_template(area, None, "own", base=AREA, standards=standards)
    assert imported.template.nodes == ()
    assert [note.what for note in imported.unsupported] == ["<layout>", "<rect>"]
