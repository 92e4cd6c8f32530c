"""The interpreters themselves, on programs as the manuals print them and on ones that a printer would not take."""

import pytest

from tests.labels.interpreters import cpcl, escpos, tspl
from tests.labels.interpreters.sheet import WrongCommand
from tests.labels.judges import Picture

TSPL_HEAD = b"SIZE 3 mm,2 mm\r\nGAP 2 mm,0\r\nCLS\r\n"
CPCL_HEAD = b"! 0 200 200 16 1\r\nPAGE-WIDTH 24\r\n"


def shown(picture: Picture) -> list[str]:
    """Rows of dots, # for black."""
    return ["".join("#" if level == 0 else "." for level in picture.row(y)) for y in range(picture.height)]


def in_lines(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


# TSPL


def test_tspl_prints_a_program_of_the_manual() -> None:
    data = in_lines(
        *(b"SIZE 76 mm,130 mm", b"GAP 3 mm,0 mm", b"OFFSET 0 mm", b"SPEED 4", b"DENSITY 10", b"DIRECTION 1,0"),
        *(b"REFERENCE 0,0", b"SET TEAR ON", b"SET CUTTER OFF", b"SET PEEL OFF", b"COUNTRY 001", b"CODEPAGE UTF-8"),
        *(b"SHIFT 0", b"CLS", b"BAR 0,0,8,1", 'TEXT 10,20,"0",0,12,12,"张三"'.encode()),
        *(b'BARCODE 10,100,"128",80,1,0,2,2,"SF1234"', b'QRCODE 300,10,M,4,A,0,"say \\["]hi\\["]"', b"PRINT 2,3"),
    )
    (sheet,) = tspl.interpret(data)
    assert (sheet.picture.width, sheet.picture.height, sheet.copies) == (608, 1040, 6)
    assert sheet.texts == ["张三", "SF1234", 'say "hi"']
    assert sheet.settings["DENSITY"] == "10"
    assert sheet.settings["SET TEAR"] == "ON"
    assert shown(sheet.picture)[0] == "#" * 8 + "." * 600


def test_a_zero_bit_of_a_tspl_bitmap_is_black_and_line_ends_among_its_bytes_are_dots() -> None:
    (sheet,) = tspl.interpret(TSPL_HEAD + b"BITMAP 8,1,2,3,0,\x7f\xfe\r\n\x0d\x0a\r\nPRINT 1\r\n")
    assert shown(sheet.picture)[:5] == [
        "." * 24,
        "........#..............#",
        "........####..#.####.#.#",
        "........####..#.####.#.#",
        "." * 24,
    ]


def test_tspl_bitmaps_overwrite_add_and_swap() -> None:
    def top(mode: bytes) -> str:
        program = b"BAR 0,0,8,1\r\nBITMAP 4,0,1,1," + mode + b",\x33\r\nPRINT 1\r\n"
        return shown(tspl.interpret(TSPL_HEAD + program)[0].picture)[0][:12]

    assert top(b"0") == "######..##.."
    assert top(b"1") == "##########.."
    assert top(b"2") == "####..####.."


def test_a_tspl_reference_moves_what_is_drawn() -> None:
    data = b"SIZE 1 mm,1 mm\r\nREFERENCE 2,1\r\nCLS\r\nBOX 0,0,3,3,1\r\nPRINT 1\r\n"
    assert shown(tspl.interpret(data)[0].picture)[:6] == [
        *("........", "..####..", "..#..#..", "..#..#..", "..####..", "........"),
    ]


def test_tspl_sizes_are_read_in_inches_millimetres_and_dots() -> None:
    def size(line: bytes, dots_per_mm: int) -> tuple[int, int]:
        picture = tspl.interpret(in_lines(line, b"CLS", b"PRINT 1"), dots_per_mm)[0].picture
        return picture.width, picture.height

    assert size(b"SIZE 3,5.12", 8) == (610, 1040)
    assert size(b"SIZE 76 mm,130 mm", 12) == (912, 1560)
    assert size(b"SIZE 608 dot,1040 dot", 8) == (608, 1040)


def test_a_tspl_bitmap_may_pad_its_rows_beyond_the_label_with_white_only() -> None:
    head = b"SIZE 20 dot,16 dot\r\nCLS\r\nBITMAP 0,0,3,1,0,"
    assert shown(tspl.interpret(head + b"\x00\x00\x0f\r\nPRINT 1\r\n")[0].picture)[0] == "#" * 20
    with pytest.raises(WrongCommand, match="beyond the label"):
        tspl.interpret(head + b"\x00\x00\x00\r\nPRINT 1\r\n")


def test_a_name_that_breaks_out_of_a_tspl_text_is_a_second_sheet_or_an_error() -> None:
    leaked = b'TEXT 0,0,"1",0,1,1,"Zhang"\r\nPRINT 9\r\n'
    sheets = tspl.interpret(TSPL_HEAD + leaked + b"CLS\r\nPRINT 1\r\n")
    assert [sheet.copies for sheet in sheets] == [9, 1]
    with pytest.raises(WrongCommand):
        tspl.interpret(TSPL_HEAD + leaked + b'"\r\nPRINT 1\r\n')


def test_a_tspl_status_query_prints_nothing() -> None:
    assert tspl.interpret(b"\x1b!?") == []


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (b"PRINT 1\r\nPRINT 1\r\n", "CLS of its own"),
        (b"PRINT 1\n", "without CR LF"),
        (b"BAR 0,0,1,1\nPRINT 1\r\n", "alone"),
        (b"PRINT 0\r\n", "between"),
        (b"PRINT 1 \r\n", "no whole number"),
        (b"PRINT\r\n", "0 parameters"),
        (b"BAR 0,0,1,1\r\n", "no PRINT prints"),
        (b"BAR 0,0,1,1\r\nCLS\r\nPRINT 1\r\n", "no PRINT prints"),
        (b"BAR 20,0,5,1\r\nPRINT 1\r\n", "leaves the label"),
        (b"BAR 0,0,1\r\nPRINT 1\r\n", "3 parameters"),
        (b"FEED 100\r\nPRINT 1\r\n", "no command"),
        (b"print 1\r\n", "no command"),
        (b"\r\nPRINT 1\r\n", "no command"),
        (b"DENSITY 16\r\nPRINT 1\r\n", "between 0 and 15"),
        (b"GAP 26 mm,0\r\nPRINT 1\r\n", "between"),
        (b"BLINE 2 mm,0 mm\r\nPRINT 1\r\n", "between"),
        (b"GAP 2 mm,1\r\nPRINT 1\r\n", "two units"),
        (b"GAP 2mm,0\r\nPRINT 1\r\n", "no length"),
        (b"SHIFT 204\r\nPRINT 1\r\n", "between"),
        (b"SET HEAD ON\r\nPRINT 1\r\n", "SET HEAD"),
        (b"BITMAP 0,0,1,2,0,\xff\r\nPRINT 1\r\n", "no CR LF after"),
        (b"BITMAP 0,0,1,1,0,\xff\xff\r\nPRINT 1\r\n", "no CR LF after"),
        (b"BITMAP 0,0,1,99,0,\xff\r\nPRINT 1\r\n", "leaves the label"),
        (b"BITMAP 0,0,1,1,3,\xff\r\nPRINT 1\r\n", "mode"),
        (b"BITMAP 0,0,4,1,0,\xff\xff\xff\xff\r\nPRINT 1\r\n", "wider than the label"),
        (b'TEXT 0,0,"1",45,1,1,"x"\r\nPRINT 1\r\n', "rotation"),
        (b'TEXT 0,0,"1",0,1,1,x\r\nPRINT 1\r\n', "without quotes"),
        (b'TEXT 0,0,"1",0,1,1,"x"y"\r\nPRINT 1\r\n', "parameters"),
        (b'TEXT 0,0,"TSS24.BF2",0,1,1,"\xff\xff"\r\nPRINT 1\r\n', "gb18030"),
    ],
)
def test_tspl_refuses(program: bytes, reason: str) -> None:
    with pytest.raises(WrongCommand, match=reason):
        tspl.interpret(TSPL_HEAD + program)


def test_tspl_draws_nothing_without_size_and_cls() -> None:
    for program in (b"CLS\r\n", b"SIZE 3 mm,2 mm\r\nBAR 0,0,1,1\r\n", b"SIZE 3 mm,2 mm\r\nPRINT 1\r\n", b"GAP 0,0\r\n"):
        with pytest.raises(WrongCommand):
            tspl.interpret(program)


# CPCL


def test_cpcl_prints_a_program_of_the_manual() -> None:
    data = in_lines(
        *(b"! 0 200 200 210 2", b"PAGE-WIDTH 608", b"CONTRAST 2", b"TONE 50", b"SPEED 3", b"GAP-SENSE", b"SETFF 200 5"),
        *(b"COUNTRY CHINA", b"LEFT", "TEXT 4 0 200 100 张三 88".encode("gb18030"), b"LINE 0 0 0 9 2", b"PREFEED 0"),
        *(b"BARCODE 128 1 1 50 150 10 HORIZ.", b"B QR 10 100 M 2 U 10", b"MA,QR code ABC123", b"ENDQR"),
        *(b"EG 2 16 90 45 F0F0F0F0F0F0F0F00F0F0F0F0F0F0F0F", b"F0F0F0F0F0F0F0F00F0F0F0F0F0F0F0F", b"FORM", b"PRINT"),
    )
    (sheet,) = cpcl.interpret(data)
    assert (sheet.picture.width, sheet.picture.height, sheet.copies) == (608, 210, 2)
    assert sheet.texts == ["张三 88", "HORIZ.", "MA,QR code ABC123"]
    assert sheet.settings["CONTRAST"] == "2"
    assert sheet.settings["GAP-SENSE"] == ""
    rows = shown(sheet.picture)
    assert rows[0].startswith("##..")
    assert rows[45][90:106] == "####....####...."
    assert rows[49][90:106] == "....####....####"


def test_a_one_bit_of_a_cpcl_graphic_is_black_and_line_ends_among_its_bytes_are_dots() -> None:
    (sheet,) = cpcl.interpret(CPCL_HEAD + b"CG 2 2 8 1 \x80\x01\r\n\r\nPRINT\r\n")
    assert shown(sheet.picture)[:4] == ["." * 24, "........#..............#", "............##.#....#.#.", "." * 24]


def test_a_cpcl_inverse_line_turns_black_into_white() -> None:
    data = CPCL_HEAD + b"BOX 0 0 7 3 1\r\nINVERSE-LINE 0 1 7 1 2\r\nPRINT\r\n"
    assert [row[:8] for row in shown(cpcl.interpret(data)[0].picture)[:4]] == [
        *("########", ".######.", ".######.", "########"),
    ]


def test_every_cpcl_session_is_a_sheet_and_end_prints_none() -> None:
    assert len(cpcl.interpret(CPCL_HEAD + b"PRINT\r\n" + CPCL_HEAD + b"FORM\r\nPRINT\r\n")) == 2
    assert cpcl.interpret(b"! 0 200 200 16 1\r\nCONTRAST 1\r\nEND\r\n") == []


def test_a_name_that_breaks_out_of_a_cpcl_text_is_an_error() -> None:
    with pytest.raises(WrongCommand, match="no beginning of a session"):
        cpcl.interpret(CPCL_HEAD + b"T 4 0 0 0 Zhang\r\nPRINT\r\n9\r\nPRINT\r\n")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (b"FORM\r\n", "without PRINT"),
        (b"PRINT\n", "without CR LF"),
        (b"FORM\nPRINT\r\n", "alone"),
        (b"PRINT 9\r\n", "no command"),
        (b"CONTRAST 4\r\nPRINT\r\n", "between 0 and 3"),
        (b"CONTRAST\r\nPRINT\r\n", "0 parameters"),
        (b"CONTRAST  1\r\nPRINT\r\n", "2 parameters"),
        (b"TONE 201\r\nPRINT\r\n", "between"),
        (b"BEEP 1\r\nPRINT\r\n", "no command"),
        (b"CG 1 2 0 0 \xff\r\nPRINT\r\n", "no CR LF after"),
        (b"CG 1 1 0 0 \xff\xff\r\nPRINT\r\n", "no CR LF after"),
        (b"CG 4 1 0 0 \xff\xff\xff\xff\r\nPRINT\r\n", "wider than the label"),
        (b"CG 1 99 0 0 \xff\r\nPRINT\r\n", "leaves the label"),
        (b"CENTER\r\nCG 1 1 0 0 \xff\r\nPRINT\r\n", "not at the left"),
        (b"EG 1 1 0 0 FFFF\r\nPRINT\r\n", "2 bytes of graphics, 1 announced"),
        (b"EG 1 1 0 0 G0\r\nPRINT\r\n", "no hexadecimal"),
        (b"LINE 0 0 24 0 1\r\nPRINT\r\n", "leaves the label"),
        (b"T 4 0 0 0\r\nPRINT\r\n", "a text are wanted"),
        (b"T 4 0 0 0 \xe5\xbc\xa0\r\nPRINT\r\n", "no ascii"),
        (b"LINE 0 0 1 0 1\r\nEND\r\n", "throws a label away"),
    ],
)
def test_cpcl_refuses(program: bytes, reason: str) -> None:
    with pytest.raises(WrongCommand, match=reason):
        cpcl.interpret(CPCL_HEAD + program)


@pytest.mark.parametrize("header", [b"! 0 200 200 16", b"! 0 203 203 16 1", b"! 0 200 200 16 1025", b"FORM", b""])
def test_a_cpcl_session_begins_as_the_manual_says(header: bytes) -> None:
    with pytest.raises(WrongCommand):
        cpcl.interpret(header + b"\r\nPAGE-WIDTH 24\r\nPRINT\r\n")


# ESC/POS


def raster(stride: int, data: bytes, mode: int = 0) -> bytes:
    height = len(data) // stride
    return b"\x1dv0" + bytes([mode, stride % 256, stride // 256, height % 256, height // 256]) + data


def test_escpos_bands_append_below_one_another() -> None:
    data = b"\x1b@" + raster(1, b"\x80\x40") + raster(1, b"\x0c") + b"\x0c"
    (sheet,) = escpos.interpret(data)
    assert shown(sheet.picture) == ["#.......", ".#......", "....##.."]
    assert (sheet.copies, sheet.settings) == (1, {"end": "FF"})


def test_an_escpos_feed_leaves_white_paper_between_bands_and_none_below_the_last() -> None:
    data = raster(1, b"\xff") + b"\x1bJ\x02" + raster(1, b"\xff") + b"\x1bd\x03\n\x1d\x0c"
    assert shown(escpos.interpret(data)[0].picture) == ["########", "........", "........", "########"]


def test_escpos_modes_double_the_dots() -> None:
    assert shown(escpos.interpret(raster(1, b"\xa0", 1))[0].picture) == ["##..##.........."]
    assert shown(escpos.interpret(raster(1, b"\xa0", 50))[0].picture) == ["#.#.....", "#.#....."]
    assert shown(escpos.interpret(raster(1, b"\xa0", 3))[0].picture) == ["##..##.........."] * 2


def test_escpos_margin_area_and_justification_place_a_picture() -> None:
    data = b"\x1dL\x02\x00\x1dW\x10\x00\x1ba\x01" + raster(1, b"\xff")
    assert shown(escpos.interpret(data)[0].picture) == ["......########...."]


def test_escpos_settings_are_kept_until_the_printer_is_initialised() -> None:
    settings = b"\x1b@\x1b3\x18\x1d(K\x02\x00\x31\xff\x12#\x84\x1d(E\x03\x00\x01IN\x1d(E\x04\x00\x05\x05\xfa\xff"
    first, second = escpos.interpret(settings + raster(1, b"\xff") + b"\x0c\x1dV\x00\x1b@" + raster(1, b"\xff"))
    density = {"GS ( K 49": "255", "DC2 #": "132", "GS ( E 5": "-6"}
    assert first.settings == density | {"ESC 3": "24", "end": "FF", "GS V": "0"}
    assert second.settings == {"end": "end of data"}


def test_escpos_text_counts_in_chinese_mode_only() -> None:
    (sheet,) = escpos.interpret(b"\x1c&" + "张三 88\n".encode("gb18030") + b"\x1c.\x0c")
    assert sheet.texts == ["张三 88"]
    with pytest.raises(WrongCommand, match="no command"):
        escpos.interpret(b"Zhang\n")


def test_an_escpos_form_feed_without_a_picture_is_an_empty_sheet() -> None:
    first, second = escpos.interpret(raster(1, b"\xff") + b"\x0c\x0c")
    assert (first.picture.height, second.picture.height) == (1, 0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (raster(1, b"\xff") + b"\xff", "no command"),
        (raster(2, b"\xff\xff")[:-1], "2 bytes wanted, 1 left"),
        (b"\x1dv0\x04\x01\x00\x01\x00\xff", "mode"),
        (b"\x1dv0\x00\x00\x00\x01\x00", "0 bytes by 1 rows"),
        (b"\x1dv0\x00\x01\x00\x00\x09", "2304 rows"),
        (raster(105, bytes(105)), "840 dots in an area of 832"),
        (b"\x1dW\x08\x00" + raster(2, b"\xff\xff"), "16 dots in an area of 8"),
        (b"\x1bp\x00\x19\xfa", "no command"),
        (b"\x1b", "no command"),
        (b"\x1ba\x03", "ESC a"),
        (b"\x1dV\x02", "GS V"),
        (b"\x1dVB", "1 bytes wanted"),
        (b"\x1d(K\x02\x00\x31\x09", "GS ( K".replace("(", r"\(")),
        (b"\x1d(E\x03\x00\x01OK", "GS"),
        (b"\x1d(E\x04\x00\x05\x03\x01\x00", "sets 3"),
        (b"\x1c&\xd5\xc5", "no LF"),
        (b"\x1c&\xff\n", "GB 18030"),
    ],
)
def test_escpos_refuses(data: bytes, reason: str) -> None:
    with pytest.raises(WrongCommand, match=reason):
        escpos.interpret(data)


def test_what_is_wrong_is_named_with_its_place() -> None:
    with pytest.raises(WrongCommand) as wrong:
        tspl.interpret(TSPL_HEAD + b"FEED 100\r\n")
    assert wrong.value.offset == len(TSPL_HEAD)
    assert str(wrong.value).startswith(f"at byte {len(TSPL_HEAD)}: no command")
