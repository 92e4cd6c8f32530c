"""The printer's dots: what decoders read, whether text keeps to its place, and how it compares with the PDF."""

import base64
import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.labels import fonts
from miandan.labels.model import LabelData, LabelWarning, WarningKind
from miandan.labels.pdf import write_pdf
from miandan.labels.pictures import Bits, write_png
from miandan.labels.raster import RasterSheet, rasterise, render_png
from miandan.labels.raster.glyphs import glyphs
from miandan.labels.standards import standard_for
from miandan.labels.symbols import Encoder, whole_dots
from miandan.labels.template import Barcode, Box, Field, Image, Line, Literally, Node, Rect, Template, Text
from tests.labels import judges, pictures
from tests.labels.judges import Picture
from tests.labels.printers.sheets import shown
from tests.labels.sheets import CROWDED, EVERYDAY, ORDINARY, hostile, overlong, sheet

GOLDEN = Path(__file__).parent / "golden"
PAPER = (60_000, 40_000)
Rotate = Literal[0, 90, 180, 270]
TURNS: tuple[Rotate, ...] = (0, 90, 180, 270)
TEXTS = {
    "code128": "SF1234567890123",
    "qr": "https://waybill.example/q/7312",
    "code39": "DPK-36234",
    "itf": "12345678901231",
    "ean13": "6901234567892",
    "pdf417": "7312345678901",
    "datamatrix": "7312345678901",
}
NAMES = {
    "code128": "Code128",
    "qr": "QRCode",
    "code39": "Code39",
    "itf": "ITF",
    "ean13": "EAN13",
    "pdf417": "PDF417",
    "datamatrix": "DataMatrix",
}


def of(*nodes: Node, paper: tuple[int, int] = PAPER) -> Template:
    return Template("test", 1, *paper, nodes)


def text(box: Box, path: str = "remark", size: int = 3_000, **how: Any) -> Text:
    return Text(box, (Field(path),), size, **how)


def drawn(template: Template, label: LabelData = ORDINARY, dpi: int = 203) -> RasterSheet:
    [only] = rasterise([label], template, dpi=dpi)
    return only


def ink(picture: RasterSheet) -> set[tuple[int, int]]:
    """The black dots: x, y."""
    return {
        (x, y)
        for y, row in enumerate(picture.bits.rows())
        if row
        for x, dot in enumerate(f"{row:0{8 * picture.bits.stride}b}")
        if dot == "1"
    }


def inside(dots: Iterable[tuple[int, int]], box: Box, dpi: int = 203) -> bool:
    left, top, width, height = whole_dots(box, dpi)
    return all(left <= x < left + width and top <= y < top + height for x, y in dots)


# --- barcodes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("rotate", TURNS)
@pytest.mark.parametrize("symbology", TEXTS)
def test_every_symbol_is_read_in_every_direction(symbology: Any, rotate: Rotate, dpi: int) -> None:
    box = Box(2_100, 3_300, 54_000, 34_000) if rotate in (0, 180) else Box(11_000, 1_050, 34_000, 56_000)
    node = Barcode(box, symbology, (Field("remark"),), 500, rotate)
    page = drawn(of(node, paper=(60_000, 60_000)), sheet(remark=TEXTS[symbology]), dpi)
    assert page.warnings == ()
    assert judges.zxing(shown(page.bits)) == [(NAMES[symbology], TEXTS[symbology])]
    assert inside(ink(page), box, dpi)


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("rotate", TURNS)
@pytest.mark.parametrize("x", range(4_000, 5_000, 125))
def test_bars_are_exactly_the_modules_of_the_symbol(x: int, rotate: Rotate, dpi: int) -> None:
    """Wherever the symbol begins within a byte of the page, and whichever way it is read."""
    box = Box(x, 2_000, 50_000, 36_000) if rotate in (0, 180) else Box(x, 2_000, 36_000, 50_000)
    page = drawn(of(Barcode(box, "code128", (Field("number"),), 400, rotate), paper=(60_000, 60_000)), dpi=dpi)
    symbol = Encoder().encode("code128", ORDINARY.number)
    module = round(0.4 * dpi / 25.4 - 0.45)
    bars = f"{symbol.bits >> -symbol.columns % 8:0{symbol.columns}b}"
    widened = "".join(bar * module for bar in bars).strip("0")
    dots = ink(page)
    middle = (min(y for _, y in dots) + max(y for _, y in dots)) // 2, (min(x for x, _ in dots) + max(dots)[0]) // 2
    along = {x for x, y in dots if y == middle[0]} if rotate in (0, 180) else {y for x, y in dots if x == middle[1]}
    line = "".join("1" if at in along else "0" for at in range(min(along), max(along) + 1))
    assert line == (widened if rotate in (0, 90) else widened[::-1])


def test_zbar_reads_the_labels_too(tmp_path: Path) -> None:
    sheets = [EVERYDAY["zto"], overlong(EVERYDAY["sf"])]
    for page in rasterise(sheets):
        picture = shown(page.bits)
        half = picture.height // 3
        assert judges.zbar(tmp_path, picture.part(0, 0, picture.width, half)) == [page.label.barcode_text]


# --- places -----------------------------------------------------------------------------------------------------------

ANYTHING = st.text(max_size=60) | st.sampled_from(
    [
        "^XZ",
        '"\r\nPRINT 1',
        "\u202e反",
        "👨‍👩‍👧",
        "gjpqy(ÂẪǙ)ÅÉ",
        "e\u0301\u0300" * 20,
        "囍龘" * 30,
        "W" * 50,
        "i" * 90,
        "〱〲" * 8,
    ]
)


@given(ANYTHING, st.sampled_from(TURNS), st.sampled_from([203, 300]), st.booleans(), st.data())
@settings(deadline=None, max_examples=150)
def test_no_text_leaves_its_box(written: str, rotate: Rotate, dpi: int, bold: bool, data: st.DataObject) -> None:
    side = st.integers(3_000, 25_000)
    box = Box(data.draw(st.integers(0, 30_000)), data.draw(st.integers(0, 14_000)), data.draw(side), data.draw(side))
    size = data.draw(st.integers(1_500, 3_000))
    align, valign = (
        data.draw(st.sampled_from(["left", "centre", "right"])),
        data.draw(st.sampled_from(["top", "middle", "bottom"])),
    )
    node = text(box, size=size, min_size=1_500, lines=4, rotate=rotate, bold=bold, align=align, valign=valign)
    assert inside(ink(drawn(of(node), sheet(remark=written), dpi)), box, dpi)


@given(st.lists(ANYTHING, min_size=4, max_size=4), st.integers(1_700, 6_100))
@settings(deadline=None, max_examples=60)
def test_neighbours_never_touch_each_others_dots(written: list[str], edge: int) -> None:
    """Boxes that share edges in the middle of a byte of the page: together they look as each alone does."""
    middle, floor = 20_000 + edge, 10_000 + edge
    boxes = [
        Box(0, 0, middle, floor),
        Box(middle, 0, PAPER[0] - middle, floor),
        Box(0, floor, middle, PAPER[1] - floor),
        Box(middle, floor, PAPER[0] - middle, PAPER[1] - floor),
    ]
    fields = ["remark", "goods", "recipient_name", "sender_name"]
    nodes = [text(box, path, 5_000, min_size=1_500, lines=9) for box, path in zip(boxes, fields, strict=True)]
    label = replace(ORDINARY, **dict(zip(fields, written, strict=True)))  # type: ignore[arg-type]
    alone = [ink(drawn(of(node), label)) for node in nodes]
    assert ink(drawn(of(*nodes), label)) == set().union(*alone)
    assert all(one.isdisjoint(other) for one, other in itertools.combinations(alone, 2))


def test_text_over_ink_leaves_the_ink() -> None:
    box = Box(3_100, 3_100, 40_000, 10_000)
    rule, words = Line(Box(3_000, 8_000, 41_000, 250)), text(box, lines=2)
    assert ink(drawn(of(rule, words))) == ink(drawn(of(rule))) | ink(drawn(of(words)))


@pytest.mark.parametrize("align", ["left", "centre", "right"])
def test_lines_are_aligned_in_their_box(align: Any) -> None:
    box = Box(5_000, 5_000, 50_000, 30_000)
    dots = ink(drawn(of(text(box, "number", align=align))))
    left, _, width, _ = whole_dots(box, 203)
    before, behind = min(x for x, _ in dots) - left, left + width - 1 - max(x for x, _ in dots)
    assert {"left": before < 4, "centre": abs(before - behind) < 4, "right": behind < 4}[align]


def test_a_line_that_rounding_makes_too_wide_is_set_smaller_and_not_cut() -> None:
    """The box is as wide as the text is measured, to a hair."""
    written = "8" * 20
    width = 20 * fonts.face(fonts.REGULAR).advance["8"] * 2_700 // fonts.UNITS + 10
    page = drawn(of(text(Box(2_000, 2_000, width, 5_000), size=2_700)), sheet(remark=written))
    columns = {x for x, _ in ink(page)}
    gaps = [x for x in range(min(columns), max(columns)) if x in columns and x + 1 not in columns]
    assert len(gaps) == 19
    assert page.warnings == ()


# --- what is drawn ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("align", ["left", "centre", "right"])
@pytest.mark.parametrize("rotate", TURNS[1:])
def test_turned_text_is_the_upright_one_turned(rotate: Rotate, align: Any) -> None:
    inch = 25_400
    box = Box(inch, inch, inch, inch)  # edges on whole dots, so that nothing is rounded
    upright, turned = (
        ink(drawn(of(text(box, "goods", lines=4, valign="top", align=align, rotate=way), paper=(3 * inch, 3 * inch))))
        for way in (0, rotate)
    )
    left, top, width, _ = whole_dots(box, 203)
    end = width - 1
    turns: dict[Rotate, Callable[[int, int], tuple[int, int]]] = {
        90: lambda x, y: (end - y, x),
        180: lambda x, y: (end - x, end - y),
        270: lambda x, y: (y, end - x),
    }
    turned_by_hand = {turns[rotate](x - left, y - top) for x, y in upright}
    assert turned_by_hand == {(x - left, y - top) for x, y in turned}


def test_white_text_is_the_black_one_taken_out_of_a_black_box() -> None:
    box = Box(5_000, 5_000, 40_000, 8_000)
    black, white = (drawn(of(text(box, "number", 5_000, bold=True, inverse=inverse))) for inverse in (False, True))
    filled = ink(drawn(of(Rect(box))))
    assert ink(black) <= filled
    assert ink(white) == filled - ink(black)


@pytest.mark.parametrize("dpi", [203, 300])
def test_a_fill_is_a_dot_thick_at_least(dpi: int) -> None:
    dots = ink(drawn(of(Line(Box(10_000, 10_000, 20_000, 1)), Line(Box(10_000, 12_000, 1, 20_000))), dpi=dpi))
    assert {sum(y == row for _, y in dots) for row in {y for _, y in dots}} == {1, round(20_000 * dpi / 25_400)}


def test_a_frame_has_four_sides_that_meet() -> None:
    frame = ink(drawn(of(Rect(Box(10_000, 10_000, 20_000, 15_000), stroke=500))))
    solid = ink(drawn(of(Rect(Box(10_000, 10_000, 20_000, 15_000)))))
    hole = ink(drawn(of(Rect(Box(10_500, 10_500, 19_000, 14_000)))))
    assert frame == solid - hole


CHESS = Bits(16, 8, b"\xaa\xaa\x55\x55" * 4)


def test_a_picture_is_drawn_as_large_as_its_box_allows() -> None:
    box = Box(5_000, 5_000, 16_100, 30_000)
    page = drawn(of(Image(box, base64.b64encode(write_png(CHESS)).decode())))
    dots = ink(page)
    left, _, width, _ = whole_dots(box, 203)
    assert width == 8 * 16
    assert inside(dots, box)
    assert len(dots) == 64 * 64
    assert min(dots) == (left, min(y for _, y in dots))


def test_a_picture_that_is_made_smaller_keeps_its_thin_lines() -> None:
    """Each eighth column is black: an eighth of the ink is left, in as many lines, not whatever column is hit."""
    comb = Bits(512, 512, b"\xf0" * 64 * 512)
    page = drawn(of(Image(Box(2_000, 2_000, 16_100, 16_100), base64.b64encode(write_png(comb)).decode())))
    rows = {y for _, y in ink(page)}
    assert len({x for x, _ in ink(page)}) * len(rows) == len(ink(page)) == 128 * 128 // 2


PRIVATE = "\U0010fffd"  # a private character: no font may be trusted with it


def named(name: str) -> tuple[set[tuple[int, int]], tuple[LabelWarning, ...]]:
    page = drawn(of(text(Box(2_000, 2_000, 56_000, 8_000), "recipient_name", 5_000)), sheet(recipient_name=name))
    return ink(page), page.warnings


def kinds(warnings: tuple[LabelWarning, ...]) -> list[WarningKind]:
    return [warning.kind for warning in warnings]


def test_a_rare_name_is_drawn_by_our_own_face_or_an_installed_one() -> None:
    for rare in ("𬒈", "𠮷"):
        if fonts.drawn_by(rare, fonts.REGULAR) is None:
            pytest.skip("no font of fonts.toml that has U+20BB7 is installed (for example fonts-hanazono)")
        dots, warnings = named(rare)
        assert len(dots) > 150
        assert dots != named(PRIVATE)[0]
        assert warnings == ()


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        (PRIVATE, WarningKind.RARE_CHARACTER),
        ("\ufffe", WarningKind.RARE_CHARACTER),
        ("😀", WarningKind.EMOJI),
        ("\u202e", WarningKind.CONTROL_CHARACTER),
    ],
)
def test_what_nobody_can_draw_leaves_a_box_and_a_warning(character: str, kind: WarningKind) -> None:
    plain, box = named("王明")[0], named(f"王{character}明")
    assert len(box[0]) > len(plain) + 150
    assert kinds(box[1]) == [kind]


def test_an_accent_without_width_stands_over_its_letter() -> None:
    """It takes no room of its own: the same letters follow at the same place."""
    with_accent, without = named("e\u0301王")[0], named("e王")[0]
    assert without < with_accent
    assert max(with_accent)[0] == max(without)[0]


@pytest.mark.parametrize("name", ["^XZ", "~JA^XA", '"\r\nPRINT', "\x1b@", "<b>"])
def test_commands_of_printers_print_as_text(name: str) -> None:
    assert len(named(name)[0]) > 60


@given(st.text(max_size=120), st.text(max_size=40), st.lists(st.text(max_size=8), max_size=4))
@settings(deadline=None, max_examples=100)
def test_no_text_stops_a_label(anything: str, short: str, services: list[str]) -> None:
    label = sheet(
        recipient_name=short,
        recipient_address=anything,
        sort_code=short,
        product=short,
        goods=anything,
        services=tuple(services),
        barcode_text=short,
        qr_text=anything,
        number=short,
    )
    assert len(list(rasterise([label]))) == 1


# --- sheets -----------------------------------------------------------------------------------------------------------


def far(ours: Bits, theirs: Picture, distance: int) -> int:
    """Dots of either picture that have no dark dot of the other one within `distance`."""
    golden = [int("".join("1" if level < 128 else "0" for level in theirs.row(y)), 2) for y in range(theirs.height)]
    mine = [row >> (8 * ours.stride - ours.width) for row in ours.rows()]
    rows = min(len(mine), len(golden))
    return _lonely(mine[:rows], golden[:rows], distance) + _lonely(golden[:rows], mine[:rows], distance)


def _lonely(rows: list[int], others: list[int], distance: int) -> int:
    for _ in range(distance):
        wide = [row | row << 1 | row >> 1 for row in others]
        others = [a | b | c for a, b, c in zip([0, *wide[:-1]], wide, [*wide[1:], 0], strict=True)]
    return sum((row & ~around).bit_count() for row, around in zip(rows, others, strict=True))


@pytest.mark.parametrize("dpi", [203, 300])
def test_the_dots_agree_with_the_pdf(tmp_path: Path, dpi: int) -> None:
    """Advances are whole dots here and not there, so letters drift; nothing is where nothing is near."""
    labels = [label for parcel in EVERYDAY.values() for label in (parcel, overlong(parcel))]
    write_pdf(labels, tmp_path / "labels.pdf", dpi=dpi)
    for page, theirs in zip(rasterise(labels, dpi=dpi), judges.pictures(tmp_path / "labels.pdf", dpi), strict=True):
        assert far(page.bits, theirs, dpi // 25) <= 40, page.label.carrier


@pytest.mark.parametrize(("name", "label"), [("ordinary", ORDINARY), ("crowded", CROWDED)])
def test_the_sheet_is_the_one_that_was_looked_at(name: str, label: LabelData) -> None:
    """To accept a new look: look at it, then run with the golden file removed once."""
    page = drawn(standard_for("neutral"), label)
    golden = GOLDEN / f"raster-76x130-{name}.png"
    if not golden.exists():
        golden.write_bytes(write_png(page.bits))
        pytest.fail(f"{golden.name} was missing and has been drawn: look at it")
    # Another FreeType may set a dot of a letter elsewhere; nothing may be where nothing was near.
    assert pictures.astray(shown(page.bits), pictures.read_png(golden.read_bytes())) <= 20


def test_a_preview_is_the_dots_that_are_burnt(tmp_path: Path) -> None:
    pages = list(rasterise([ORDINARY, CROWDED]))
    for page, png in zip(pages, render_png([ORDINARY, CROWDED]), strict=True):
        assert pictures.read_png(png) == list(page.bits.rows())


def test_pages_are_drawn_one_by_one() -> None:
    def asked() -> Iterable[LabelData]:
        for index in itertools.count():
            counted.append(index)
            yield ORDINARY

    counted: list[int] = []
    sheets = rasterise(asked())
    next(sheets), next(sheets)
    assert counted == [0, 1]


def test_warnings_tell_the_page_and_the_field_but_no_content() -> None:
    found = [warning for page in rasterise([ORDINARY, hostile(EVERYDAY["zto"])]) for warning in page.warnings]
    assert {warning.page for warning in found} == {1}
    assert {warning.number for warning in found} == {EVERYDAY["zto"].number}
    assert "recipient_address" in {warning.detail for warning in found}


def test_what_is_wrong_with_a_text_of_the_template_is_told_once() -> None:
    own = Text(Box(2_000, 2_000, 10_000, 3_000), (Literally("永远放不下的一句话"),), 3_000)
    pages = list(rasterise([ORDINARY, ORDINARY], of(own)))
    assert [kinds(page.warnings) for page in pages] == [[WarningKind.TEXT_SHORTENED], []]


# --- nothing is kept --------------------------------------------------------------------------------------------------


def test_a_label_leaves_nothing_on_the_next_one() -> None:
    first, _, again = (page.bits for page in rasterise([ORDINARY, CROWDED, ORDINARY]))
    assert first == again


def test_what_is_kept_of_texts_is_single_characters() -> None:
    drawn(standard_for("neutral"), CROWDED)
    for own, ppem in itertools.product((fonts.REGULAR, fonts.BOLD), range(12, 60)):
        for strip in glyphs(own, ppem).strips:
            assert max((len(columns) // 8 for columns in strip if columns), default=0) <= 3 * ppem


def test_glyphs_that_were_forgotten_are_drawn_anew() -> None:
    before = drawn(standard_for("neutral"), CROWDED).bits
    for own, ppem in itertools.product((fonts.REGULAR, fonts.BOLD), range(12, 100)):
        glyphs(own, ppem).forget()
    assert drawn(standard_for("neutral"), CROWDED).bits == before


def test_threads_draw_what_one_draws() -> None:
    labels = [replace(ORDINARY, remark=chr(code) * 9) for code in range(0x5000, 0x5040)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda label: drawn(standard_for("neutral"), label).bits, labels))
    assert together == [drawn(standard_for("neutral"), label).bits for label in labels]
