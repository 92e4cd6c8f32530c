"""Values of a template: paths and the closed list of functions, in their fixed order, and conditions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.labels.bindings import WrongPath, condition, dated, known, reader, yuan
from miandan.labels.model import GoodsLine, LabelData, Purpose
from miandan.labels.template import Field, Literally, When
from tests.labels.sheets import sheet

LABEL = sheet(
    number="sf7312",
    services=("保价", "到付"),
    service_codes=("insured", "cod"),
    cod_fen=12_345,
    ordered_at="2026-11-11T08:30:12+08:00",
    recipient_phone="13900001111",
    custom={"batch": "7", "vip.level": "3"},
    copy=2,
)


def said(*parts: Field | Literally, purpose: Purpose = Purpose.PRINT_FULL) -> str:
    return reader(parts, purpose)(LABEL)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Field("number"), "sf7312"),
        (Field("number", upper=True), "SF7312"),
        (Field("number", slice=(0, 2), upper=True), "SF"),
        (Field("number", slice=(-4, 0)), "7312"),
        (Field("services", join="、"), "保价、到付"),
        (Field("cod_fen", money=True), "123.45"),
        (Field("insured_fen", money=True, default="-"), "-"),
        (Field("ordered_at", date="MM-DD hh:mm"), "11-11 08:30"),
        (Field("remark", date="YYYY"), LABEL.remark),
        (Field("recipient_phone", mask="label"), "1******1111"),
        (Field("recipient_phone", mask="screen"), "139****1111"),
        (Field("recipient_phone", mask="none"), "13900001111"),
        (Field("recipient_phone"), "13900001111"),
        (Field("copy"), "2"),
        (Field("copy_code"), "sf7312#2"),
        (Field("sandbox"), ""),
        (Field("custom.batch"), "7"),
        (Field("custom.nothing", default="无"), "无"),
        (Field("sort_code", default="未分拣"), LABEL.sort_code),
    ],
)
def test_a_field_goes_through_its_functions(field: Field, text: str) -> None:
    assert said(field) == text


def test_parts_of_a_value_are_joined() -> None:
    assert said(Literally("第"), Field("copy"), Literally("份")) == "第2份"


def test_a_row_has_paths_of_its_own() -> None:
    row = GoodsLine("杯子", "红", "SKU-1", 3, index=4)
    value = (Field("index"), Literally(". "), Field("title"), Literally(" x"), Field("quantity"))
    assert reader(value, Purpose.LABEL, of_row=True)(row) == "4. 杯子 x3"
    with pytest.raises(WrongPath):
        reader((Field("number"),), Purpose.LABEL, of_row=True)


@pytest.mark.parametrize("path", ["", "custom", "custom.", "goods_lines", "__class__", "number.upper", "copy_code.x"])
def test_a_path_leads_to_text_or_nowhere(path: str) -> None:
    with pytest.raises(WrongPath):
        known(path)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (When("remark"), True),
        (When("return_number"), False),
        (When("return_number", unless=True), True),
        (When("copy", at_least=2), True),
        (When("copy", at_least=3), False),
        (When("service_codes", has="cod"), True),
        (When("service_codes", has="to_door"), False),
        (When("copy", has="2"), True),
        (When("copy", has="1"), False),
        (When("number", equals="sf7312"), True),
        (When("custom.batch", equals="8"), False),
        (When("custom.vip"), True),
        (When("custom.vi"), False),
        (When("custom.batch", at_least=7), True),
        (When("remark", at_least=1), False),
        (When("goods_lines"), False),
        (When("goods_lines", at_least=1), False),
        (When("services", equals="保价  到付"), True),
    ],
)
def test_a_condition_holds_or_not(when: When, holds: bool) -> None:
    assert condition(when)(LABEL) is holds
    assert condition((When("remark"), when))(LABEL) is holds


@given(st.integers(-(10**12), 10**12))
def test_no_fen_is_lost_in_yuan(fen: int) -> None:
    text = yuan(str(fen))
    assert text == "" if fen == 0 else round(float(text) * 100) == fen


@pytest.mark.parametrize("text", ["²", "--5", "1" * 5_000, "1.5", "", "０"])
def test_what_is_no_amount_prints_nothing(text: str) -> None:
    assert yuan(text) == ""


@given(st.text(max_size=40), st.text(max_size=20))
def test_a_date_that_is_none_stays_as_it_is(text: str, pattern: str) -> None:
    if not any(character.isdigit() for character in text):
        assert dated(text, pattern) == text


@given(st.data())
def test_every_path_of_a_label_can_be_read(data: Any) -> None:
    name = data.draw(st.sampled_from([name for name in LabelData.__dataclass_fields__ if name != "custom"]))
    if name != "goods_lines":
        assert isinstance(said(Field(name)), str)
