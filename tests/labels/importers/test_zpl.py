"""ZPL: fields at their origins in dots, blocks, barcodes, boxes, graphics, numbered fields, and what is listed."""

import base64
import zlib

import pytest

from miandan.labels.compiled import ASCENT
from miandan.labels.importers import import_template
from miandan.labels.importers.imported import Imported
from miandan.labels.pictures import read_png
from miandan.labels.template import Barcode, Box, Field, Image, Line, Literally, Node, Rect, Template, Text
from tests.labels.importers.papers import places, sample

DOT = 25_400 / 203  # micrometres


def read(commands: str | bytes, dpi: int | None = 203, head: bytes = b"^PW608^LL1040") -> Imported:
    data = commands if isinstance(commands, bytes) else commands.encode()
    return import_template(b"^XA" + head + data + b"^XZ", "zpl", "own", dpi=dpi)


def nodes(commands: str | bytes, but: tuple[str, ...] = ("^A0", "^AA")) -> tuple[Node, ...]:
    """The nodes of a label of which nothing is listed but the printer's fonts."""
    imported = read(commands)
    assert [note.what for note in imported.unsupported if note.what not in but] == []
    return imported.template.nodes


def text(commands: str) -> Text:
    (node,) = nodes(commands)
    assert isinstance(node, Text)
    return node


def code(commands: str) -> Barcode:
    (node,) = nodes(commands)
    assert isinstance(node, Barcode)
    return node


def noted(commands: str | bytes) -> list[str]:
    return [note.what for note in read(commands).unsupported]


def dots(box: Box) -> tuple[int, int, int, int]:
    """The dots that lie wholly in the box: from and to."""
    left, top = -int(-box.x / DOT // 1), -int(-box.y / DOT // 1)
    return left, top, int((box.x + box.w) / DOT), int((box.y + box.h) / DOT)


# --- text -------------------------------------------------------------------------------------------------------------


def test_a_text_begins_at_its_origin_and_goes_on_to_the_edge() -> None:
    node = text("^FO40,60^A0N,30,30^FDHello^FS")
    assert node.value == (Literally("Hello"),)
    assert dots(node.box) == (40, 60, 607, 90)
    assert node.size == pytest.approx(30 * DOT, abs=1)
    assert (node.valign, node.align, node.lines) == ("top", "left", 1)


def test_origins_count_from_the_label_home() -> None:
    assert dots(text("^LH10,20^FO40,60^A0N,30^FDx^FS").box)[:2] == (50, 80)


def test_the_default_font_holds_until_another_one_is_named() -> None:
    big, own = nodes("^CF0,50^FO1,1^FDa^FS^FO1,99^A0N,20^FDb^FS")
    assert isinstance(big, Text)
    assert isinstance(own, Text)
    assert [round(node.size / DOT) for node in (big, own)] == [50, 20]


def test_a_typeset_text_stands_on_its_base_line() -> None:
    node = text("^FT40,160^A0N,50^FDx^FS")
    assert node.box.y + ASCENT * node.size == pytest.approx(160 * DOT, abs=2 * DOT)


@pytest.mark.parametrize(
    ("turn", "rotate", "align", "place"),
    [
        ("R", 90, "left", (100, 200, 130, 1039)),
        ("I", 180, "right", (100, 200, 607, 230)),
        ("B", 270, "right", (100, 200, 130, 1039)),
    ],
)
def test_a_turned_field_has_its_origin_at_its_upper_left_corner(
    turn: str, rotate: int, align: str, place: tuple[int, int, int, int]
) -> None:
    node = text(f"^FO100,200^A0{turn},30^FDx^FS")
    assert (node.rotate, node.align, dots(node.box)) == (rotate, align, place)


def test_the_turn_of_all_fields_can_be_set() -> None:
    assert text("^FWR^FO100,200^CF0,30^FDx^FS").rotate == 90


def test_a_block_has_a_width_lines_and_an_alignment() -> None:
    node = text(r"^FO10,10^A0N,20^FB300,3,0,C^FDx^FS")
    assert (dots(node.box)[2], node.lines, node.align) == (310, 3, "centre")
    assert node.box.h >= 2.2 * node.size


def test_a_numbered_field_is_custom_data_and_its_text_the_default() -> None:
    assert text('^FO10,10^A0N,20^FN7"your name"^FS').value == (Field("custom.fn7"),)
    assert text("^FO10,10^A0N,20^FN7^FDnobody^FS").value == (Field("custom.fn7", default="nobody"),)


@pytest.mark.parametrize(
    ("commands", "shown"),
    [
        ("^CI28^FO1,1^A0N,20^FD中文^FS".encode(), "中文"),
        ("^FO1,1^A0N,20^FD中文^FS".encode(), "中文"),
        (b"^CI28^FO1,1^A0N,20^FH^FD_E4_B8_AD^FS", "中"),
        (b"^CI28^FO1,1^A0N,20^FH\\^FD\\41_5E^FS", "A_5E"),
        (b"^CI0^FO1,1^A0N,20^FD\x81^FS", "ü"),
        (b"^CI27^FO1,1^A0N,20^FD\xe4^FS", "ä"),
        (b"^FO1,1^A0N,20^FDone\r\ntwo^FS", "onetwo"),
    ],
)
def test_letters_are_read_as_the_file_says(commands: bytes, shown: str) -> None:
    (node,) = nodes(commands)
    assert isinstance(node, Text)
    assert node.value == (Literally(shown),)


def test_chinese_without_a_word_about_its_encoding_is_taken_for_gb_18030() -> None:
    imported = read("^FO1,1^A0N,20^FD中文^FS".encode("gb18030"))
    (node,) = imported.template.nodes
    assert isinstance(node, Text)
    assert node.value == (Literally("中文"),)
    assert "^FD" in [note.what for note in imported.unsupported]


def test_reversed_text_on_a_black_box_is_inverse_and_stays_within_it() -> None:
    box, node = nodes("^FO40,40^GB200,60,60^FS^FO50,50^FR^A0N,40^FDx^FS")
    assert isinstance(box, Rect)
    assert isinstance(node, Text)
    assert node.inverse
    assert dots(node.box) == (50, 50, 240, 90)


def test_reversed_text_on_white_is_plain() -> None:
    assert not text("^FO50,50^FR^A0N,40^FDx^FS").inverse


# --- barcodes ---------------------------------------------------------------------------------------------------------


def test_bars_stand_where_they_were_with_the_white_around_them() -> None:
    node = code("^FO80,200^BY3^BCN,96,N,N,N^FD>;73123456789012^FS")
    assert (node.symbology, node.value) == ("code128", (Literally("73123456789012"),))
    # 14 digits are seven pairs: start, seven, check, stop are 112 modules; ten white ones on each side.
    assert dots(node.box) == (80 - 30, 200, 80 + 3 * 112 + 30, 296)
    assert node.module == pytest.approx(3 * DOT, abs=1)


def test_typeset_bars_stand_on_their_base_line() -> None:
    node = code("^FT80,200^BY2^BCN,60,N,N,N^FD>;123456^FS")
    assert dots(node.box)[1::2] == (140, 200)


def test_bars_that_show_their_text_have_it_below_or_above() -> None:
    bars, below = nodes("^FO80,200^BY2^BCN,60^FD123456^FS")
    _, above = nodes("^FO80,200^BY2^BCN,60,Y,Y^FD123456^FS")
    assert isinstance(below, Text)
    assert isinstance(above, Text)
    assert below.value == (Literally("123456"),)
    assert below.box.y > bars.box.y + bars.box.h
    assert above.box.y + above.box.h < bars.box.y


def test_control_codes_within_bars_are_not_content() -> None:
    assert code("^FO80,200^BCN,60,N^FD>:AB>512>6C>0^FS").value == (Literally("AB12C>"),)
    assert "^BC" in noted("^FO80,200^BCN,60,N^FD>;>80012345^FS")


def test_a_qr_code_has_its_content_behind_level_and_mode_and_stands_ten_dots_lower() -> None:
    node = code("^FO100,200^BQN,2,5^FDQA,https://waybill.example/q/7^FS")
    assert (node.symbology, node.value) == ("qr", (Literally("https://waybill.example/q/7"),))
    assert dots(node.box)[:2] == (100 - 4 * 5, 200 + 10 - 4 * 5)
    assert node.module == pytest.approx(5 * DOT, abs=1)
    assert code("^FO100,200^BQN,2,5^FDMM,AAC-42^FS").value == (Literally("AC-42"),)


@pytest.mark.parametrize(
    ("commands", "symbology"),
    [("^B2N,60,N^FD123456", "itf"), ("^BEN,60,N^FD690123456789", "ean13"), ("^BXN,5,200^FDabc", "datamatrix")],
)
def test_other_symbols_are_read_too(commands: str, symbology: str) -> None:
    assert code(f"^FO100,200{commands}^FS").symbology == symbology


def test_bars_of_unknown_content_stand_in_the_middle_of_the_rest_of_the_label() -> None:
    imported = read("^FO80,200^BY2^BCN,60,N^FN1^FS")
    (node,) = imported.template.nodes
    assert isinstance(node, Barcode)
    assert node.value == (Field("custom.fn1"),)
    assert dots(node.box) == (60, 200, 607, 260)
    assert [note.what for note in imported.unsupported] == ["^BC"]


# --- boxes and graphics -----------------------------------------------------------------------------------------------


def test_a_box_is_a_frame_a_rule_or_filled() -> None:
    rules = "^FO10,90^GB100,2,2^FS^FO10,99^GB0,50,4^FS"
    frame, across, down, black = nodes(f"^FO10,10^GB100,60,3^FS{rules}^FO200,10^GB90,60,60^FS")
    assert isinstance(frame, Rect)
    assert isinstance(across, Line)
    assert isinstance(down, Line)
    assert black == Rect(black.box, 0)
    assert frame.stroke == pytest.approx(3 * DOT, abs=1)
    assert [dots(node.box) for node in (frame, across, down, black)] == [
        (10, 10, 110, 70),
        (10, 90, 110, 92),
        (10, 99, 14, 149),
        (200, 10, 290, 70),
    ]


def picture(data: str | bytes, total: int = 8, row: int = 2) -> list[str]:
    """Rows of the one graphic of a label."""
    data = data if isinstance(data, bytes) else data.encode()
    (node,) = nodes(b"^FO10,10^GFA,%d,%d,%d,%b^FS" % (total, total, row, data))
    assert isinstance(node, Image)
    bits = read_png(node.png)
    return [f"{line:0{8 * bits.stride}b}"[: bits.width] for line in bits.rows()]


BLOCK = ["1111111111111111", "1000000000000001", "1000000000000001", "1111111111111111"]


@pytest.mark.parametrize(
    "data",
    [
        "FFFF80018001FFFF",
        "FFFF\r\n8001\r\n8001\r\nFFFF",
        "JF8H01:!",
        "!8H01:JF",
        ":B64:" + base64.b64encode(bytes.fromhex("FFFF80018001FFFF")).decode() + ":0000",
        ":Z64:" + base64.b64encode(zlib.compress(bytes.fromhex("FFFF80018001FFFF"))).decode() + ":ABCD",
    ],
)
def test_graphics_are_read_in_every_form(data: str) -> None:
    assert picture(data) == BLOCK


def test_binary_graphics_may_hold_the_signs_of_commands() -> None:
    (node,) = nodes(b"^FO10,10^GFB,4,4,2,^~\x00\xff^FS")
    assert isinstance(node, Image)
    assert read_png(node.png).data == b"^~\x00\xff"


def test_run_lengths_add_up_and_a_comma_fills_the_row_with_white() -> None:
    assert picture("gHF" + "," * 3, total=96, row=24)[0] == "1" * 88
    assert picture("F,0F", total=4, row=2) == ["1111" + "0" * 4, "00001111"]


def test_white_around_a_graphic_takes_no_room() -> None:
    (node,) = nodes("^FO590,10^GFA,8,8,4,F0000000F0000000^FS")
    assert dots(node.box) == (590, 10, 594, 12)


def test_a_graphic_of_nothing_but_white_is_listed() -> None:
    assert noted("^FO10,10^GFA,4,4,2,00000000^FS") == ["^GF"]


FAULTY = ["A,0,0,0,", "A,8,8,2", "C,8,8,2,xx", "A,8,8,2,:Z64:!!!!:0", "A,8,8,2,:Z64:AAAA:0", "A,9999999,9999999,2,FF"]


@pytest.mark.parametrize("graphic", FAULTY)
def test_a_faulty_graphic_is_listed(graphic: str) -> None:
    assert noted(f"^FO10,10^GF{graphic}^FS") == ["^GF"]


# --- paper and printer ------------------------------------------------------------------------------------------------


def test_the_paper_is_what_the_label_says_in_dots() -> None:
    template = read("").template
    assert isinstance(template, Template)
    assert (template.width, template.height) == (int(608 * DOT), int(1_040 * DOT))


@pytest.mark.parametrize(("width", "dpi"), [(608, 203), (1_181, 300)])
def test_the_resolution_is_guessed_by_the_width_and_said(width: int, dpi: int) -> None:
    imported = read("^FO0,0^GB300,300,3^FS", dpi=None, head=b"^PW%d^LL900" % width)
    assert imported.template.nodes[0].box.w == pytest.approx(300 * 25_400 / dpi, abs=1)
    assert [note.what for note in imported.unsupported] == ["dpi"]


def test_a_label_without_a_size_gets_a_paper_that_holds_it() -> None:
    imported = read("^FO10,10^GB500,900,3^FS", head=b"")
    template = imported.template
    assert isinstance(template, Template)
    assert (template.width, template.height) == (76_000, 130_000)
    assert [note.what for note in imported.unsupported] == ["^PW ^LL"]


def test_settings_of_an_earlier_label_hold_and_a_second_one_is_listed() -> None:
    data = b"^XA^LH8,8^CI28^XZ^XA^PW608^LL1040^FO0,0^GB9,9,1^FS^XZ^XA^FO0,0^GB99,99,1^FS^XZ"
    imported = import_template(data, "zpl", "own", dpi=203)
    assert [dots(node.box) for node in imported.template.nodes] == [(8, 8, 17, 17)]
    assert places(imported.unsupported) == [(str(data.rindex(b"^XA")), "^XA")]


def test_a_stored_format_is_the_template_and_the_data_for_it_are_listed() -> None:
    data = b"^XA^DFR:A.ZPL^FS^PW608^LL1040^FO9,9^A0N,20^FN1^FS^XZ^XA^XFR:A.ZPL^FS^FN1^FDx^FS^XZ"
    imported = import_template(data, "zpl", "own", dpi=203)
    (node,) = imported.template.nodes
    assert isinstance(node, Text)
    assert node.value == (Field("custom.fn1"),)
    assert "^XF" in [note.what for note in imported.unsupported]


def test_other_signs_for_commands_are_heeded() -> None:
    data = b"CT~~CD,~CC^~CT~^XA^PW608^LL1040^CC+^FO1,1+FO9;9+CD;+FO9;9+GB20;20;20+FS+XZ"
    imported = import_template(data, "zpl", "own", dpi=203)
    assert [dots(node.box) for node in imported.template.nodes] == [(9, 9, 29, 29)]


@pytest.mark.parametrize(
    ("commands", "what"),
    [
        ("^PR4", "^PR"),
        ("^MD10", "^MD"),
        ("~SD15", "~SD"),
        ("^POI", "^PO"),
        ("^GC50,3", "^GC"),
        ("^FO1,1^GD50,50^FS", "^GD"),
        ("^FO1,1^B7N,5^FDx^FS", "^B7"),
        ("^FO1,1^XGR:LOGO.GRF^FS", "^XG"),
        ("^ZZ", "^ZZ"),
        ("^FO9,9^GB20,20,20,W^FS", "^GB"),
        ("^FO9,9^GB20,20,2,B,8^FS", "^GB"),
        ("^FO9,9^FR^GB20,20,20^FS", "^GB"),
        ("^FO9,9^A0N,20,40^FDx^FS", "^A w"),
        ("^FO9,9^ADN,36,20^FDx^FS", "^AD"),
        ("^FO9,9^A0N,20^FB90,1,0,J^FDx^FS", "^FB"),
        ("^FO9,9^A0N,20^FB90,1,9,L^FDx^FS", "^FB"),
        (r"^FO9,9^A0N,20^FB90,2,0,L^FDa\&b^FS", "^FD"),
        ("^FO9,9^A0N,20^SN001,1,Y^FS", "^SN"),
        ("^FO9,9^BCN,50^FS", "^BC"),
        ("^FO9,9^BCR,50,Y^FD12^FS", "^BC"),
        ("^FO99,9^B3N,N,50,N^FD12^FS", "^B3"),
        ("^FO9,9^A0N,20^FD ^FS", "^FD"),
        ("^FO700,9^A0N,20^FDx^FS", "^FD"),
        ("^FO0,9^BY3^BCN,50,N^FD123456^FS", "^BC"),
    ],
)
def test_what_has_no_place_in_our_model_is_listed(commands: str, what: str) -> None:
    assert what in noted(commands)


def test_the_place_is_the_byte_where_the_command_begins() -> None:
    data = "^XA^PW608^LL1040^FX 中文 ^FS^ZZ1^XZ".encode()
    imported = import_template(data, "zpl", "own", dpi=203)
    assert places(imported.unsupported) == [(str(data.index(b"^ZZ")), "^ZZ")]


def test_the_sample_lists_what_it_cannot_hold() -> None:
    assert [note.what for note in sample("parcel-203.zpl").unsupported] == [
        "dpi",
        "^PR",
        "^A0",
        "^BC",
        "^BQ",
        "^BC",
        "^GB",
        "^A w",
        "^XA",
    ]
