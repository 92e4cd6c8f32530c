"""Pictures of the standard templates: nothing overlaps or leaves its place, every barcode scans, all were looked at."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from miandan.carriers.catalogue import catalogue
from miandan.labels.compiled import compile_template
from miandan.labels.model import LabelData
from miandan.labels.standards import NEUTRAL
from miandan.labels.template import Box, Line, Node, Rect
from tests.labels import gallery, judges, leaves, pictures
from tests.labels.judges import Picture
from tests.labels.sheets import hostile, laden, overlong
from tests.labels.standard_labels import NAMES, Make, barcodes, cut, drawn, everyday, ink, label_for, named, template_of

GOLDEN = Path(__file__).parent / "golden" / "standards"

_DOT = 25_400 / 203  # micrometres


# --- places -----------------------------------------------------------------------------------------------------------


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
    """By zxing-cpp on the page and each in its place, by zbar (which knows no Data Matrix) each in its place."""
    crops, wanted = [], []
    for label, page in zip(labels, drawn(folder, labels, template_of, dpi), strict=True):
        nodes = barcodes(label.custom["template"], label)
        expected = [(FORMATS[node.symbology], leaves.text_of(node, label)) for node in nodes]
        # zxing-cpp also looks at the picture made smaller, where it sees a ghost once in thousands of pages.
        assert Counter(expected) - Counter(judges.zxing(page)) == Counter(), label.custom["template"]
        for node, symbol in zip(nodes, expected, strict=True):
            crop = cut(page, node.box, dpi)
            assert symbol in judges.zxing(crop), (label.custom["template"], node.box)
            if node.symbology != "datamatrix":
                crops.append(crop)
                wanted.append(symbol[1])
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
        rule = rng.choice(rules) if rules else None
        number = rule.format(rng.randrange(rule.first, rule.capacity)) if rule else f"{rng.randrange(10**14):014d}"
        package = f"-{rng.randint(1, 9)}-{rng.randint(9, 99)}-" if label.carrier == "jd" else ""
        route = f"MMM={{'k1':'{rng.randrange(10**4)}W','k5':'{number}','k7':'{rng.randbytes(4).hex()}'}}"
        square = route if label.carrier == "sf" else label.qr_text and f"https://waybill.example/q/{number}"
        yield replace(marked, number=number, barcode_text=number + package, qr_text=square, copy=1 + index % 12)


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
