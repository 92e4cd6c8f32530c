"""The standard templates: one for every carrier, product and paper, and each of them a label that works."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from miandan.carriers import offers
from miandan.carriers.catalogue import catalogue
from miandan.kernel.errors import Refusal
from miandan.labels import symbols
from miandan.labels.checking import problems
from miandan.labels.compiled import BarcodeSlot, TextSlot, compile_template
from miandan.labels.model import LabelData
from miandan.labels.pdf import write_pdf
from miandan.labels.setting import Setter
from miandan.labels.standards import NEUTRAL, standard, standard_for, standard_names
from miandan.labels.symbols import Encoder
from miandan.labels.template import Barcode, Box, Line, Node, Rect, Template, Text, written
from tests.labels import gallery, judges, leaves, pictures
from tests.labels.judges import Picture
from tests.labels.sheets import EVERYDAY, hostile, laden, overlong

NAMES = standard_names()
GOLDEN = Path(__file__).parent / "golden" / "standards"
ROWS = gallery.rows()

Make = Callable[[LabelData], LabelData]


def everyday(label: LabelData) -> LabelData:
    return label


@cache
def named(name: str) -> Template:
    found = standard(name)
    assert found is not None
    return found


def label_for(name: str, make: Make = everyday) -> LabelData:
    """The carrier's parcel; it remembers the template that it is to be printed on."""
    return replace(make(EVERYDAY[named(name).carrier]), custom={"template": name})


def template_of(label: LabelData) -> Template:
    return named(label.custom["template"])


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_paper_of_every_carrier_has_its_template_with_the_same_source() -> None:
    papers = {}
    for size in offers.label_sizes():
        papers[f"{size.carrier}-{size.width // 1000}x{size.height // 1000}"] = (size.source, size.confidence.value)
    ours = {}
    for name in NAMES:
        template = named(name)
        assert template.paper is not None
        if template.carrier != NEUTRAL:
            ours[name] = (template.paper.source, template.paper.confidence)
            assert name == f"{template.carrier}-{template.width // 1000}x{template.height // 1000}"
    assert ours == papers


def test_the_usual_paper_is_the_same_in_both_tables() -> None:
    for carrier in catalogue():
        usual = offers.label_sizes_of(carrier.code)[0]
        found = standard_for(carrier.code)
        assert (found.width, found.height) == (usual.width, usual.height)


def test_every_product_is_named_on_every_paper_of_its_carrier() -> None:
    for product in offers.products():
        papers = [name for name in NAMES if named(name).carrier == product.carrier]
        assert papers, product
        for name in papers:
            said = [leaves.text_of(node, replace(label_for(name), product=product.zh)) for node in texts(name)]
            assert product.zh in said, (name, product.code)


def test_a_carrier_without_a_template_on_a_paper_gets_the_neutral_one() -> None:
    assert standard_for("fengwang", "100x180").name == "neutral-100x180"
    assert standard_for("somebody").name == "neutral-76x130"
    assert standard_for("sf", "100x210").name == "sf-100x210"


def test_a_paper_that_nobody_has_is_refused_with_those_that_exist() -> None:
    with pytest.raises(Refusal) as refused:
        standard_for("sf", "80x80")
    assert refused.value.code == "labels.template_unknown"
    assert "sf-76x130" in refused.value.next_zh
    assert standard("sf-80x80") is None


@pytest.mark.parametrize("name", NAMES)
def test_the_template_as_it_is_shown_can_be_read_again(name: str) -> None:
    assert problems(written(named(name))) == []


def test_the_gallery_shows_every_template_as_it_is() -> None:
    assert gallery.PAGE.read_text("utf-8") == gallery.page(), "python -m tests.labels.gallery --write"


# --- what a label has to show -----------------------------------------------------------------------------------------


def texts(name: str) -> list[Text]:
    return [node for node in leaves.leaves(named(name)) if isinstance(node, Text)]


def barcodes(name: str, label: LabelData) -> list[Barcode]:
    return [node for node in leaves.shown(named(name), label) if isinstance(node, Barcode)]


OF_ALL = {
    *("carrier_zh", "carrier_en", "product", "number", "barcode_text", "qr_text", "copy", "copy_code", "position"),
    *("recipient_name", "recipient_phone", "recipient_address", "sender_name", "sender_phone", "sender_address"),
    *("services", "cod_fen", "insured_fen", "return_number", "parent_number", "piece", "pieces"),
    *("goods", "remark", "printed_at"),
}
OF_FAMILY = {
    "neutral": {"sort_code", "bag_centre", "big_mark", "site"},
    "express": {"sort_code", "bag_centre", "big_mark", "site"},
    "post": {"sort_code", "bag_centre", "big_mark", "site"},
    "deppon": {"sort_code", "big_mark", "site"},
    "sf": {"sort_code", "product_mark", "coding_map", "print_icons", "origin_code", "site"},
    "jd": {
        "source_cross",
        "source_tabletrolley",
        "target_cross",
        "target_tabletrolley",
        "road_code",
        "site",
        "sort_code",
    },
}


@pytest.mark.parametrize("row", ROWS, ids=gallery.name_of)
def test_every_field_of_the_trade_has_its_place(row: dict[str, str]) -> None:
    assert (OF_ALL | OF_FAMILY[row["family"]]) - gallery.fields_of(named(gallery.name_of(row))) == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_marks_stand_there_when_they_apply_and_only_then(name: str) -> None:
    marked, plain = label_for(name, laden), label_for(name)
    for mark in ("示例", "送货上门", "代收货款 ￥1280.00", "5000.00", "2/3", "补打 第2份", marked.parent_number):
        assert any(said.endswith(mark) for said in words(name, marked)), mark
        assert not any(said.endswith(mark) for said in words(name, plain)), mark
    assert "已验视" in words(name, plain)


def words(name: str, label: LabelData) -> list[str]:
    """What the texts say, without the services in words."""
    found = [node for node in leaves.shown(named(name), label) if isinstance(node, Text)]
    return [leaves.text_of(node, label) for node in found if "services" not in str(node.value)]


@pytest.mark.parametrize("code", ["to_door", "platform_home_delivery"])
def test_either_service_of_home_delivery_prints_the_mark_once(code: str) -> None:
    label = replace(label_for("zto-76x130"), service_codes=(code, "insured"))
    assert words("zto-76x130", label).count("送货上门") == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_number_is_there_twice_as_bars_and_a_copy_says_which_it_is(name: str) -> None:
    for label, copies in ((label_for(name), []), (label_for(name, laden), ["datamatrix"])):
        kinds = Counter(node.symbology for node in barcodes(name, label))
        assert kinds["code128"] >= 2
        assert kinds["qr"] == (1 if label.qr_text else 0)
        assert kinds["datamatrix"] == len(copies)


@pytest.mark.parametrize("name", NAMES)
def test_the_sort_code_is_the_largest_text_and_stays_readable(name: str) -> None:
    found = {node.value[0].path: node for node in texts(name) if hasattr(node.value[0], "path")}
    largest = max(texts(name), key=lambda node: node.size)
    if named(name).carrier == "jd":  # where the road and the trolley lead the parcel
        assert largest in (found["road_code"], found["target_cross"], found["target_tabletrolley"])
        assert found["road_code"].size >= 4_500
        return
    assert largest == found["sort_code"]
    assert found["sort_code"].size >= 9_500
    assert found["sort_code"].min_size >= 5_000


@pytest.mark.parametrize("name", NAMES)
def test_the_recipient_of_an_ordinary_parcel_is_legible(name: str) -> None:
    label = label_for(name)
    for slot in compile_template(named(name)).first.slots:
        if isinstance(slot, TextSlot) and slot.name.startswith("recipient") and slot.box.y < 90_000:
            done = Setter(slot).set(label, refuse_warnings)
            assert done is not None
            assert slot.ladder.steps[done[0]].size >= 2_600, (slot.name, slot.box)


def refuse_warnings(kind: object, detail: str) -> None:
    raise AssertionError((kind, detail))


@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_thinner_than_a_printer_draws_and_no_text_larger_than_its_place(name: str) -> None:
    for node in leaves.leaves(named(name)):
        if isinstance(node, Line):
            assert min(node.box.w, node.box.h) >= 250
        elif isinstance(node, Rect) and node.stroke:
            assert node.stroke >= 250
        elif isinstance(node, Text):
            across = node.box.w if node.rotate in (90, 270) else node.box.h
            assert node.size <= across - 2 * node.pad
            assert (node.min_size or node.size) >= 1_700


@pytest.mark.parametrize("name", NAMES)
def test_a_module_of_every_barcode_is_two_dots_and_more(name: str) -> None:
    """Of the carrier's own numbers: one dot of a 203 dpi printer is too fine for a scanner."""
    label = label_for(name, laden)
    encoder = Encoder()
    for slot in compile_template(named(name)).first.slots:
        if isinstance(slot, BarcodeSlot) and (text := slot.read(label)):
            symbol = encoder.encode(slot.symbology, text)
            place = symbols.place(slot, symbol.columns, symbol.rows, 203)
            assert place is not None
            assert place.module >= 2, (slot.name, slot.box)


# --- pictures ---------------------------------------------------------------------------------------------------------

_BITS = bytes(ord("1") if level < 128 else ord("0") for level in range(256))
_DOT = 25_400 / 203  # micrometres


def ink(picture: Picture) -> int:
    """The dark dots as the bits of one number, the first one the highest."""
    return int(picture.pixels.translate(_BITS), 2)


def drawn(
    folder: Path, labels: list[LabelData], choice: Callable[[LabelData], Template], dpi: int = 203
) -> list[Picture]:
    path = folder / "labels.pdf"
    write_pdf(labels, path, choice, dpi=dpi)
    found = judges.pictures(path, dpi)
    for file in folder.glob("labels-*.pgm"):
        file.unlink()
    return found


def cut(picture: Picture, box: Box, dpi: int = 203) -> Picture:
    """The part of a picture that lies in a box."""
    edges = (box.x, box.y, box.x + box.w, box.y + box.h)
    left, top, right, bottom = (round(edge * dpi / symbols.MICROMETRES) for edge in edges)
    return picture.part(left, top, min(right, picture.width), min(bottom, picture.height))


@pytest.mark.parametrize("make", [everyday, laden, overlong])
def test_the_custom_area_is_empty(tmp_path: Path, make: Make) -> None:
    sheets = [sheet for name in NAMES for sheet in compile_template(named(name)).sheets(label_for(name, make))]
    pages = drawn(tmp_path, [label_for(name, make) for name in NAMES], template_of)
    for sheet, page in zip(sheets, pages, strict=True):
        template = template_of(sheet)
        if sheet.sheet > 1:
            continue
        assert template.custom is not None
        assert template.custom.w >= 70_000
        assert template.custom.h >= 6_900
        assert ink(cut(page, template.custom)) == 0, template.name


def apart(nodes: list[Node]) -> Iterator[list[Node]]:
    """The nodes in groups whose boxes keep away from each other; lines and frames are the first group."""
    fills: list[Node] = [node for node in nodes if isinstance(node, Line | Rect)]
    groups: list[list[Node]] = []
    for node in nodes:
        if not isinstance(node, Line | Rect):
            room = next((group for group in groups if all(_far(node.box, other.box) for other in group)), None)
            groups.append([node]) if room is None else room.append(node)
    yield fills
    yield from groups


def _far(one: Box, other: Box, gap: int = 2_000) -> bool:
    return (
        one.x + one.w + gap <= other.x
        or other.x + other.w + gap <= one.x
        or one.y + one.h + gap <= other.y
        or other.y + other.h + gap <= one.y
    )


def inside(picture: Picture, boxes: list[Box]) -> int:
    """The dots of the picture that lie in one of the boxes or touch it."""
    rows = [0] * picture.height
    for box in boxes:
        left, right = int(box.x / _DOT) - 1, int((box.x + box.w) / _DOT) + 2
        left, right = max(left, 0), min(right, picture.width)
        line = ((1 << (right - left)) - 1) << (picture.width - right)
        for y in range(max(int(box.y / _DOT) - 1, 0), min(int((box.y + box.h) / _DOT) + 2, picture.height)):
            rows[y] |= line
    return int("".join(f"{row:0{picture.width}b}" for row in rows), 2)


def assert_everything_keeps_its_place(folder: Path, labels: list[LabelData]) -> None:
    """Drawn in groups: no node leaves its box, no two nodes blacken the same dot."""
    sheets = [sheet for label in labels for sheet in compile_template(template_of(label)).sheets(label)]
    groups = [(sheet, group) for sheet in sheets for group in apart(leaves.shown(template_of(sheet), sheet)) if group]
    parts = [leaves.alone(template_of(sheet), group) for sheet, group in groups]
    asked = [replace(sheet, sheet=1, custom={"part": str(index)}) for index, (sheet, _) in enumerate(groups)]
    pages = drawn(folder, asked, lambda sheet: parts[int(sheet.custom["part"])])
    seen: dict[tuple[str, int], int] = Counter()
    for (sheet, group), page in zip(groups, pages, strict=True):
        key = sheet.custom["template"], sheet.sheet
        dots = ink(page)
        outside = (dots & ~inside(page, [node.box for node in group])).bit_count()
        twice = (dots & seen[key]).bit_count()
        assert (outside, twice) == (0, 0), (key, group)
        seen[key] |= dots


@pytest.mark.parametrize("make", [everyday, laden, overlong, hostile])
def test_everything_keeps_its_place_on_every_label(tmp_path: Path, make: Make) -> None:
    assert_everything_keeps_its_place(tmp_path, [label_for(name, make) for name in NAMES])


@pytest.mark.prove
@pytest.mark.parametrize("name", NAMES)
def test_everything_keeps_its_place_whatever_the_texts(tmp_path: Path, name: str) -> None:
    """Texts of all lengths, each record another mixture."""
    rng = random.Random(name)
    longest, marked = overlong(label_for(name)), laden(label_for(name))
    lengths = {field.name: getattr(longest, field.name) for field in fields(LabelData)}
    written = {key: text for key, text in lengths.items() if isinstance(text, str) and key not in UNTOUCHED and text}
    for _ in range(8):
        cut_short: dict[str, Any] = {key: text[: rng.randint(0, len(text))] for key, text in written.items()}
        record = replace(marked, **cut_short, goods_lines=longest.goods_lines[: rng.randint(0, 9)])
        assert_everything_keeps_its_place(tmp_path, [record])


UNTOUCHED = {"number", "barcode_text", "qr_text", "carrier", "parent_number", "return_number"}


# --- scanning ---------------------------------------------------------------------------------------------------------


FORMATS = {"code128": "Code128", "qr": "QRCode", "datamatrix": "DataMatrix"}


def assert_all_symbols_are_read(folder: Path, labels: list[LabelData], dpi: int = 203) -> None:
    """By zxing-cpp on the whole page, and by zbar each in its place (which reads no Data Matrix)."""
    crops, wanted = [], []
    for label, page in zip(labels, drawn(folder, labels, template_of, dpi), strict=True):
        nodes = barcodes(label.custom["template"], label)
        expected = sorted((FORMATS[node.symbology], leaves.text_of(node, label)) for node in nodes)
        assert judges.zxing(page) == expected, label.custom["template"]
        linear_and_square = [node for node in nodes if node.symbology != "datamatrix"]
        crops += [cut(page, node.box, dpi) for node in linear_and_square]
        wanted += [leaves.text_of(node, label) for node in linear_and_square]
    assert judges.zbar(folder, *crops) == wanted


def test_every_barcode_of_every_template_is_read_back(tmp_path: Path) -> None:
    assert_all_symbols_are_read(tmp_path, [label_for(name, laden) for name in NAMES])


@pytest.mark.prove
@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("name", NAMES)
def test_the_barcodes_of_many_records_are_read_back(tmp_path: Path, name: str, dpi: int) -> None:
    assert_all_symbols_are_read(tmp_path, list(records(name, 24)), dpi)


def records(name: str, count: int) -> Iterator[LabelData]:
    """Parcels of the carrier with different numbers of every kind that it issues."""
    rng = random.Random(name)
    label = label_for(name)
    rules = [] if label.carrier == NEUTRAL else catalogue().get(label.carrier).rules
    for index in range(count):
        marked = laden(label) if index % 2 else label
        number = rng.choice(rules).format(rng.randrange(10**6, 10**7)) if rules else f"{rng.randrange(10**14):014d}"
        package = f"-{rng.randint(1, 9)}-{rng.randint(9, 99)}-" if label.carrier == "jd" else ""
        route = f"MMM={{'k1':'{rng.randrange(10**4)}W','k5':'{number}','k7':'{rng.randbytes(4).hex()}'}}"
        square = route if label.carrier == "sf" else label.qr_text and f"https://waybill.example/q/{number}"
        yield replace(marked, number=number, barcode_text=number + package, qr_text=square, copy=1 + index % 12)


# --- more goods than rows ---------------------------------------------------------------------------------------------


def test_a_packing_slip_goes_on_upon_a_second_sheet_without_a_second_waybill() -> None:
    label = label_for("neutral-100x180-packing", overlong)
    template = template_of(label)
    first, second = compile_template(template).sheets(label)
    assert (second.sheet, second.sheets) == (2, 2)
    said = [leaves.text_of(node, second) for node in leaves.shown(template, second) if isinstance(node, Text)]
    assert "第 2/2 张" in said
    assert label.number in said
    assert [node for node in leaves.shown(template, second) if isinstance(node, Barcode)] == []
    held = compile_template(template).rows
    assert [row.index for row in (*first.goods_lines[:held], *second.goods_lines)] == list(range(1, 31))


# --- golden pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [everyday, laden])
def test_every_label_looks_as_it_was_looked_at(tmp_path: Path, make: Make) -> None:
    """To accept a new look: remove the golden files, run once, look at what was drawn."""
    names = NAMES if make is everyday else gallery.one_of_each_kind()
    missing = []
    for name, page in zip(names, drawn(tmp_path, [label_for(name, make) for name in names], template_of), strict=True):
        golden = GOLDEN / f"{name}.png" if make is everyday else GOLDEN / f"{name}-laden.png"
        if not golden.exists():
            golden.write_bytes(pictures.png(page))
            missing.append(golden.name)
            continue
        # Another version of poppler may draw an edge one dot further; nothing may be where nothing was near.
        assert pictures.astray(page, pictures.read_png(golden.read_bytes())) <= 20, name
    assert missing == [], "drawn now: look at them"


def test_no_golden_picture_is_left_of_a_template_that_is_gone() -> None:
    wanted = {f"{name}.png" for name in NAMES} | {f"{name}-laden.png" for name in gallery.one_of_each_kind()}
    assert {file.name for file in GOLDEN.glob("*.png")} == wanted
