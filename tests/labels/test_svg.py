"""The SVG preview: texts as they stand in the data, nothing fetched, nothing that a text could turn into."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.labels.compiled import TextSlot, compile_template
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.standards import standard_for
from miandan.labels.svg import render_svg
from miandan.labels.template import Box, Field, Template, Text
from tests.labels.sheets import EVERYDAY, ORDINARY, hostile, laden, sheet

SVG = "{http://www.w3.org/2000/svg}"


def drawn(label: LabelData, template: Template | None = None) -> tuple[ElementTree.Element, tuple[WarningKind, ...]]:
    [(data, warnings)] = render_svg([label], template or standard_for("neutral"))
    return ElementTree.fromstring(data), tuple(warning.kind for warning in warnings)


def lines(picture: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]


def said(label: LabelData, template: Template) -> str:
    """What the template's texts say of a label, one after the other, without blanks."""
    layer = compile_template(template).first
    slots = [slot for slot in (*layer.static, *layer.slots) if isinstance(slot, TextSlot)]
    return _packed(slot.read(label) for slot in slots if slot.shown is None or slot.shown(label))


def _packed(texts: object) -> str:
    return "".join("".join(texts).split())  # type: ignore[arg-type]


@pytest.mark.parametrize("carrier", EVERYDAY)
def test_the_extracted_text_equals_the_data(carrier: str) -> None:
    template = standard_for(carrier)
    for label in (EVERYDAY[carrier], laden(EVERYDAY[carrier])):
        picture, warnings = drawn(label, template)
        assert WarningKind.TEXT_SHORTENED not in warnings
        assert _packed(lines(picture)) == said(label, template)


def test_the_picture_brings_along_what_it_is_drawn_with() -> None:
    [(data, _)] = render_svg([ORDINARY], standard_for("neutral"))
    text = data.decode()
    assert set(re.findall(r"(?:href|src|url)[^a-z]*([a-z]+:)", text)) <= {"data:"}
    assert re.findall(r"[a-z]+://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert text.count("@font-face") == 2


def test_the_paper_has_its_size_and_a_unit_is_a_dot() -> None:
    picture, _ = drawn(ORDINARY)
    assert (picture.get("width"), picture.get("height")) == ("76mm", "130mm")
    assert picture.get("viewBox") == "0 0 607.402 1038.976"


@given(st.text(max_size=80), st.text(max_size=20))
@settings(deadline=None, max_examples=100)
def test_no_text_leaves_its_element(anything: str, short: str) -> None:
    picture, _ = drawn(sheet(recipient_name=short, recipient_address=anything, number=short, goods=anything))
    kinds = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert kinds <= {"svg", "style", "rect", "g", "path", "text", "tspan"}


@pytest.mark.parametrize("carrier", EVERYDAY)
def test_hostile_records_are_still_pictures(carrier: str) -> None:
    picture, _ = drawn(hostile(EVERYDAY[carrier]))
    assert lines(picture)


def test_a_line_says_how_long_it_is_and_never_longer_than_its_box() -> None:
    template = standard_for("neutral")
    picture, _ = drawn(laden(EVERYDAY["neutral"]), template)
    for text in picture.iter(f"{SVG}text"):
        assert float(text.get("textLength", "nan")) <= 608


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_text_is_turned_about_its_own_beginning(rotate: int) -> None:
    node = Text(Box(10_000, 20_000, 30_000, 30_000), (Field("number"),), 3_000, rotate=rotate)  # type: ignore[arg-type]
    picture, _ = drawn(ORDINARY, Template("t", 1, 76_000, 130_000, (node,)))
    [text] = picture.iter(f"{SVG}text")
    x, y = text.get("x"), text.get("y")
    assert text.get("transform") == (f"rotate({rotate} {x} {y})" if rotate else None)


def test_what_cannot_be_drawn_leaves_a_box_and_a_warning() -> None:
    picture, warnings = drawn(sheet(recipient_name="王😀\U0010fffd\u202e"))
    assert "王□□□" in "".join(lines(picture))
    assert set(warnings) == {WarningKind.EMOJI, WarningKind.RARE_CHARACTER, WarningKind.CONTROL_CHARACTER}


def test_a_barcode_that_cannot_be_printed_is_reported() -> None:
    _, warnings = drawn(sheet(barcode_text="面单"))
    assert set(warnings) == {WarningKind.BARCODE_OMITTED}
