"""Templates written in Cainiao's language come back as they were, and what cannot be written is said."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from miandan.kernel.errors import Refusal
from miandan.labels.importers import import_template
from miandan.labels.importers.cainiao_export import export_cainiao
from miandan.labels.standards import standard, standard_names
from miandan.labels.template import (
    Barcode,
    Box,
    Column,
    CustomArea,
    Field,
    Group,
    Line,
    Literally,
    Node,
    Table,
    Template,
    Text,
    When,
)
from tests.labels.importers.known_to_both import templates
from tests.labels.importers.papers import AREA, SAMPLES, standards

COUNTED = {"overflow"}
"""Noted of every table that does not go on: their language has no row that counts the rest."""


def page(*nodes: Node) -> Template:
    return Template("own", 1, 76_000, 130_000, nodes)


def text(*value: Field | Literally, **changes: object) -> Text:
    return Text(Box(2_000, 2_000, 40_000, 5_000), value, 3_000, **changes)  # type: ignore[arg-type]


def xml(template: Template | CustomArea) -> str:
    return export_cainiao(template, standards)[0].decode()


def noted(template: Template) -> list[tuple[str, str]]:
    return [(one.place, one.what) for one in export_cainiao(template)[1]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(template=templates())
def test_what_both_sides_know_comes_back_exactly(template: Template) -> None:
    written, notes = export_cainiao(template)
    back = import_template(written, "cainiao", template.name)
    assert back.template == template
    assert back.unsupported == ()
    assert {one.what for one in notes} <= COUNTED | {"pdf417", "datamatrix"}


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.xml")), ids=lambda path: path.name)
def test_a_sample_is_the_same_after_the_second_passage(sample: Path) -> None:
    first = import_template(sample.read_bytes(), None, "sample", base=AREA, standards=standards)
    written, _ = export_cainiao(first.template, standards)
    second = import_template(written, None, "sample", base=AREA, standards=standards)
    assert second.template == first.template
    assert second.unsupported == ()
    assert export_cainiao(second.template, standards)[0] == written


@pytest.mark.parametrize("name", standard_names())
def test_every_standard_template_is_read_back_without_a_note(name: str) -> None:
    template = standard(name)
    assert template is not None
    written, notes = export_cainiao(template)
    back = import_template(written, None, name)
    assert back.unsupported == ()
    assert export_cainiao(back.template)[0] == written
    assert notes  # sizes that shrink, widths of modules: their language has no words for those


def test_paths_are_those_of_their_print_data() -> None:
    paths = ("recipient_name", "recipient_phone", "sort_code", "custom.gift")
    written = xml(page(text(*map(Field, paths))))
    for expression in (
        "<%=_data.recipient.name%>",
        "<%=_data.recipient.mobile || _data.recipient.phone%>",
        "<%=_data.routingInfo.routeCode%>",
        "<%=_data.gift%>",
    ):
        assert expression in written


def test_an_address_is_written_in_its_pieces() -> None:
    written = xml(page(text(Field("recipient_address"))))
    names = ("province", "city", "district", "town", "detail")
    pieces = [written.index(f"_data.recipient.address.{name}") for name in names]
    assert pieces == sorted(pieces)


def test_the_number_in_bars_is_their_waybill_code_too() -> None:
    code = Barcode(Box(0, 0, 40_000, 10_000), "code128", (Field("barcode_text"),), 3_000)
    assert "<![CDATA[<%=_data.waybillCode%>]]></barcode>" in xml(page(code))


def test_a_custom_text_that_is_called_like_one_of_theirs_keeps_apart() -> None:
    assert "<%=_data.custom.waybillCode%>" in xml(page(text(Field("custom.waybillCode"))))


def test_money_is_written_in_yuan() -> None:
    assert "(_data.cod_fen / 100).toFixed(2)" in xml(page(text(Field("cod_fen", money=True))))


def test_conditions_stand_around_the_layout() -> None:
    whens = When("copy", at_least=2), When("remark", unless=True), When("services", has="保价")
    node = text(Literally("x"), when=whens)
    assert "<% if (_data.copy >= 2 && !_data.remark && _data.services.indexOf('保价') >= 0) { %>" in xml(page(node))


def test_the_goods_are_a_loop_around_one_row() -> None:
    table = Table(Box(0, 0, 60_000, 30_000), (Column((Field("title"),), 60_000, "商品"),), 5_000, 3_000, head=True)
    written = xml(page(table))
    loop = "<% for (var i = 0; i < _data.packageInfo.items.length; i++) { %>"
    assert written.index("商品") < written.index(loop) < written.index("_data.packageInfo.items[i].name")


def test_a_text_cannot_leave_its_section_or_begin_a_script() -> None:
    hostile = "]]></text><layout/><% evil() %>"
    written = xml(page(text(Literally(hostile))))
    back = import_template(written.encode(), None, "own").template
    assert "evil" in written
    assert "<% evil" not in written
    assert back == page(text(Literally(hostile)))


def test_a_default_cannot_end_its_script() -> None:
    field = Field("remark", default="' %>]]> \\ \n <b>&")
    back = import_template(export_cainiao(page(text(field)))[0], None, "own").template
    assert back == page(text(field))


def test_characters_that_xml_forbids_are_left_out_and_said() -> None:
    template = page(text(Literally("a\x01b\ud800c\nd")))
    assert "<![CDATA[abc d]]>" in xml(template)
    assert noted(template) == [("$.nodes[0].value[0]", "text")]


def test_what_their_language_lacks_is_listed_with_the_path_of_the_node() -> None:
    mask, date = Field("recipient_name", mask="label"), Field("ordered_at", date="MM-DD")
    template = page(
        text(mask, date, min_size=2_000, lines=2, inverse=True, pad=100),
        Barcode(Box(0, 0, 40_000, 10_000), "datamatrix", (Field("number"),), 500),
        Line(Box(0, 50_000, 40_000, 300), dash=700),
        Group(Box(0, 60_000, 40_000, 9_000), (text(Literally("x"), sheets="further"),)),
        text(Literally("y"), sheets="all"),
    )
    assert noted(template) == [
        ("$.nodes[0].lines", "lines"),
        ("$.nodes[0].min_size", "min_size"),
        ("$.nodes[0].pad", "pad"),
        ("$.nodes[0].value[0].mask", "mask"),
        ("$.nodes[0].value[1].date", "date"),
        ("$.nodes[1].module", "module"),
        ("$.nodes[1].symbology", "datamatrix"),
        ("$.nodes[2].dash", "dash"),
        ("$.nodes[3].nodes[0].sheets", "further"),
        ("$.nodes[4].sheets", "all"),
    ]


def test_padding_becomes_a_smaller_layout() -> None:
    assert '<layout left="3" top="3" width="38" height="3">' in xml(page(text(Literally("x"), pad=1_000)))


def test_a_custom_area_is_as_large_as_that_of_its_standard_template() -> None:
    area = CustomArea("own", 1, AREA, (text(Field("remark")),))
    written = xml(area)
    assert 'id="CUSTOM_AREA"' in written
    assert 'top="140" width="100" height="40"' in written
    assert import_template(written.encode(), None, "own", base=AREA, standards=standards).template == area


def test_a_custom_area_without_its_standard_template_is_refused() -> None:
    with pytest.raises(Refusal, match=r"labels\.import_base"):
        export_cainiao(CustomArea("own", 1, "nobody", ()), standards)
