"""What a template may ask for, on PDF pages: turned and inverse text, pictures, tables, further sheets, many papers."""

import base64
import io
import itertools
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.labels import fonts
from miandan.labels.model import GoodsLine, LabelData, LabelWarning, RenderReport, WarningKind
from miandan.labels.pdf import render_pdf, write_pdf
from miandan.labels.pdf.text import codes
from miandan.labels.pictures import Bits, write_png
from miandan.labels.template import Box, Column, Field, Image, Literally, Node, Rect, Table, Template, Text, When
from tests.labels import judges, pictures
from tests.labels.judges import Picture
from tests.labels.sheets import CROWDED, ORDINARY, overlong, sheet

SIDE = 50_800  # micrometres: a square paper of 406 whole dots, so that turning it moves nothing
ADDRESS = "上海市浦东新区川沙新镇示例路1188弄 Building A，12号楼"


def paper(*nodes: Node, width: int = SIDE, height: int = SIDE, name: str = "paper") -> Template:
    return Template(name, 1, width, height, nodes)


def text(value: str | Field, box: tuple[int, int, int, int], size: int = 4_000, **more: Any) -> Text:
    part = Literally(value) if isinstance(value, str) else value
    return Text(Box(*box), (part,), size, **more)


def drawn(path: Path, *labels: LabelData, template: Any) -> tuple[list[Picture], list[str], RenderReport]:
    """Pages, their texts, and the report."""
    report = write_pdf(labels, path / "labels.pdf", template)
    return judges.pictures(path / "labels.pdf"), judges.texts(path / "labels.pdf"), report


def turned(page: Picture) -> Picture:
    """Clockwise by a quarter."""
    rows = [page.column(x)[::-1] for x in range(page.width)]
    return Picture(page.height, page.width, b"".join(rows))


def astray(page: Picture, other: Picture) -> int:
    """Dots of either page that have no dark dot of the other one on or beside them."""
    return pictures.astray(page, pictures.read_png(pictures.png(other)))


def dark(page: Picture) -> int:
    return sum(level < 128 for level in page.pixels)


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("align", ["left", "centre", "right"])
@pytest.mark.parametrize("valign", ["top", "bottom"])
def test_turned_text_is_the_same_text_on_a_turned_paper(tmp_path: Path, quarters: int, align: Any, valign: Any) -> None:
    x, y, w, h = 6_000, 10_000, 30_000, 16_000
    how: dict[str, Any] = {"align": align, "valign": valign, "lines": 3, "min_size": 2_000, "bold": True}
    upright, (said,), _ = drawn(tmp_path, ORDINARY, template=paper(text(ADDRESS, (x, y, w, h), **how)))
    expected = upright[0]
    for _ in range(quarters):
        expected, (x, y, w, h) = turned(expected), (SIDE - y - h, x, h, w)
    node = text(ADDRESS, (x, y, w, h), rotate=90 * quarters, **how)
    (page,), (said_turned,), _ = drawn(tmp_path, ORDINARY, template=paper(node))
    assert dark(expected) > 2_000
    assert astray(page, expected) <= 20
    assert said_turned == said == "".join(ADDRESS.split())


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_turned_text_with_a_rare_character_stays_in_its_box(tmp_path: Path, rotate: Any) -> None:
    node = text(Field("remark"), (10_000, 10_000, 24_000, 24_000), rotate=rotate, lines=4, align="right")
    (page,), (said,), report = drawn(tmp_path, sheet(remark="送到\U0010fffd号楼\U0010fffd"), template=paper(node))
    assert [warning.kind for warning in report.warnings] == [WarningKind.RARE_CHARACTER]
    assert said.replace("\ufffd", "").startswith("送到")
    inside = page.part(79, 79, 273, 273)  # the box and a dot around
    assert dark(page) == dark(inside) > 500


def test_inverse_text_is_white_on_black_and_the_next_text_is_black_again(tmp_path: Path) -> None:
    box, below = (5_000, 5_000, 30_000, 8_000), text("普通", (5_000, 20_000, 20_000, 6_000))
    (plain,), _, _ = drawn(tmp_path, ORDINARY, template=paper(text("加急", box, align="centre"), below))
    nodes = text("加急", box, align="centre", inverse=True), below
    (page,), (said,), _ = drawn(tmp_path, ORDINARY, template=paper(*nodes))
    assert said == "加急普通"
    corner = 40, 40, 279, 103  # the box in whole dots
    negative = Picture(239, 63, bytes(255 - level for level in page.part(*corner).pixels))
    assert astray(negative, plain.part(*corner)) <= 5
    assert page.part(0, 110, 406, 406) == plain.part(0, 110, 406, 406)


def test_inverse_text_without_a_text_leaves_no_black_box(tmp_path: Path) -> None:
    node = text(Field("remark"), (5_000, 5_000, 30_000, 8_000), inverse=True)
    (page,), (said,), _ = drawn(tmp_path, sheet(remark=""), template=paper(node))
    assert (dark(page), said) == (0, "")


def test_a_picture_is_drawn_dot_by_dot_without_distortion(tmp_path: Path) -> None:
    rows = ["110100000001", "101010111000", "100100000111"]  # wider than a byte, the same from no two sides
    data = b"".join(int(row.ljust(16, "0"), 2).to_bytes(2) for row in rows)
    png = base64.b64encode(write_png(Bits(12, 3, data))).decode()
    inch = 25_400
    # In a box of 240 x 120 dots each dot of the picture is 20 high and wide, with 30 dots free above and below.
    node = Image(Box(inch // 2, inch // 4, inch * 240 // 203, inch * 120 // 203), png)
    (page,), _, _ = drawn(tmp_path, ORDINARY, template=paper(node))
    left, top = 101.5, 50.75 + 30
    seen = [
        "".join("01"[page.row(int(top + 20 * y + 10))[int(left + 20 * x + 10)] < 128] for x in range(12))
        for y in range(3)
    ]
    assert seen == rows
    assert dark(page) == pytest.approx(400 * sum(row.count("1") for row in rows), rel=0.05)


def goods(count: int) -> LabelData:
    lines = tuple(GoodsLine(f"商品{index}", quantity=index, index=index) for index in range(1, count + 1))
    return sheet(goods_lines=lines, goods_count=sum(line.quantity for line in lines))


def table(rows: int, **more: Any) -> Table:
    columns = Column((Field("title"),), 20_000, "品名"), Column((Field("quantity"),), 10_000, "数量", "right")
    box = Box(4_000, 4_000, 30_000, 5_000 * (rows + 1))
    return Table(box, columns, 5_000, 3_000, head=True, rules=250, **more)


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, ""), (2, "商品11商品22"), (3, "商品11商品22商品33"), (5, "商品11商品22…等15件")],
)
def test_goods_without_a_row_are_counted_in_the_last_one(tmp_path: Path, count: int, said: str) -> None:
    (page,), (text_of_page,), _ = drawn(tmp_path, goods(count), template=paper(table(3)))
    assert text_of_page == "品名数量" + said
    # A rule below each row that is there, and none where there is no row.
    middle = page.column(round(20_000 * 203 / 25_400))
    rules = [y for y in range(1, 406) if middle[y] < 128 <= middle[y - 1]]
    below = [round((9_000 + 5_000 * row) * 203 / 25_400) for row in range(1, min(count, 3) + 1)]
    assert all(any(abs(rule - y) <= 3 for rule in rules) for y in below)
    assert max(rules) <= (below or [80])[-1] + 3


def test_goods_go_on_on_further_sheets_and_each_stands_there_once(tmp_path: Path) -> None:
    number = text(Field("number"), (4_000, 44_000, 40_000, 5_000), sheets="all")
    place = Text(
        Box(4_000, 38_000, 20_000, 5_000),
        (Literally("第"), Field("sheet"), Literally("/"), Field("sheets"), Literally("页")),
        4_000,
        sheets="all",
    )
    only_first = text("首页", (26_000, 38_000, 20_000, 5_000))
    template = paper(
        table(2, overflow="sheet"), table(4, sheets="further", overflow="sheet"), place, number, only_first
    )
    pages, texts, report = drawn(tmp_path, goods(1), goods(9), goods(2), template=template)
    assert report.pages == len(pages) == 5
    assert [re.findall("商品([0-9])", page) for page in texts] == [["1"], ["1", "2"], [*"3456"], [*"789"], ["1", "2"]]
    sheets = [re.findall("[0-9]/[0-9]", page) for page in texts]
    assert sheets == [["1/1"], ["1/3"], ["2/3"], ["3/3"], ["1/1"]]
    assert ["首页" in page for page in texts] == [True, True, False, False, True]
    assert all(ORDINARY.number in page for page in texts)


def test_a_warning_names_the_page_of_its_further_sheet() -> None:
    lines = (*goods(3).goods_lines, GoodsLine("超长商品名称" * 9, index=4))
    template = paper(table(2, overflow="sheet"), table(2, sheets="further", overflow="sheet"))
    report = render_pdf([goods(1), replace(goods(4), goods_lines=lines)], io.BytesIO(), template)
    assert report == RenderReport(3, (LabelWarning(2, ORDINARY.number, WarningKind.TEXT_SHORTENED, "goods.title"),))


def test_a_text_of_the_template_that_cannot_be_drawn_is_reported_once() -> None:
    template = paper(text("加急\U0010fffd", (2_000, 2_000, 30_000, 8_000)))
    report = render_pdf([goods(1), goods(2), goods(3)], io.BytesIO(), template)
    assert report.warnings == (LabelWarning(2, ORDINARY.number, WarningKind.RARE_CHARACTER, ""),)


def test_labels_of_several_templates_stand_in_their_order_each_on_its_own_paper(tmp_path: Path) -> None:
    sizes = {"a": (50_800, 50_800), "b": (76_200, 25_400), "c": (50_800, 101_600)}
    templates = {
        name: paper(
            Rect(Box(0, 0, 2_000, 2_000)),
            text(f"模板{name}", (3_000, 3_000, 30_000, 5_000)),
            text(Field("number"), (3_000, 9_000, 30_000, 5_000)),
            width=width,
            height=height,
            name=name,
        )
        for name, (width, height) in sizes.items()
    }
    order = "abcacbbac" * 20  # more than are drawn together
    labels = [sheet(number=str(index), carrier=name) for index, name in enumerate(order)]
    pages, texts, _ = drawn(tmp_path, *labels, template=lambda label: templates[label.carrier])
    assert texts == [f"模板{name}{index}" for index, name in enumerate(order)]
    inches = [(page.width / 203, page.height / 203) for page in pages]
    assert inches == [tuple(side / 25_400 for side in sizes[name]) for name in order]
    assert judges.is_well_formed(tmp_path / "labels.pdf")


def contents(labels: list[LabelData], template: Any = None) -> list[bytes]:
    """What stands on each page, as drawing operators."""
    out = io.BytesIO()
    report = render_pdf(labels, out, template)
    streams = re.finditer(rb"<</Filter/FlateDecode/Length (\d+)>>\nstream\n", out.getvalue())
    first = itertools.islice(streams, report.pages)
    return [zlib.decompress(out.getvalue()[found.end() :][: int(found[1])]) for found in first]


def a_crowd() -> list[LabelData]:
    """Labels of every kind: short and long, with marks and without, barcodes that cannot be made."""
    kinds = [ORDINARY, CROWDED, overlong(ORDINARY), sheet(barcode_text="中文", qr_text="", remark="", services=())]
    varied = [
        replace(
            kind, recipient_name=f"{'欧阳司马' * (index % 5)}{index}*", sort_code=f"{index}" * (index % 13), copy=copy
        )
        for index, (kind, copy) in enumerate(itertools.product(kinds, [1, 2, 12]))
    ]
    return varied * 7


def test_a_page_does_not_depend_on_what_is_drawn_beside_it() -> None:
    crowd = a_crowd()
    assert contents(crowd) == [page for label in crowd for page in contents([label])]


def test_the_warnings_of_many_labels_are_those_of_each() -> None:
    crowd = [*a_crowd(), sheet(remark="😀", goods="\U0010fffd"), sheet(barcode_text="中文", remark="很长" * 400)]
    alone = [render_pdf([label], io.BytesIO()).warnings for label in crowd]
    expected = [replace(one, page=page) for page, warnings in enumerate(alone) for one in warnings]
    assert list(render_pdf(crowd, io.BytesIO()).warnings) == expected
    assert len({warning.kind for warning in expected}) >= 4


def test_labels_that_differ_in_more_ways_than_are_remembered(tmp_path: Path) -> None:
    """Which slots are shown is worked out once per combination of conditions; nine make 512."""
    marks = "一二三四五六七八九"
    nodes = [
        text(mark, (1_000, 1_000 + 5_000 * row, 10_000, 5_000), when=When(f"custom.{row}"))
        for row, mark in enumerate(marks)
    ]
    choices = list(itertools.product([False, True], repeat=len(marks)))
    labels = [sheet(custom={str(row): "1" for row, is_on in enumerate(choice) if is_on}) for choice in choices * 2]
    write_pdf(labels, tmp_path / "marks.pdf", paper(*nodes))
    expected = ["".join(itertools.compress(marks, choice)) for choice in choices * 2]
    assert judges.texts(tmp_path / "marks.pdf") == expected


PLAIN_LINES = st.lists(st.text(st.sampled_from(sorted(fonts.plain())), max_size=6), min_size=1, max_size=8)


@given(PLAIN_LINES)
def test_lines_become_codes_together_as_they_would_one_by_one(lines: list[str]) -> None:
    unescaped = [re.sub(r"\\(.)", lambda found: {"r": "\r"}.get(found[1], found[1]), code) for code in codes(lines)]
    assert [code.encode("latin-1").decode("utf-16-be") for code in unescaped] == lines


def test_no_character_looks_like_the_mark_between_two_lines() -> None:
    assert all(ord(character) >> 8 != 0xEE for character in fonts.plain())
    assert "\ufeee" not in fonts.plain()
