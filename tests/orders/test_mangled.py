"""What a spreadsheet did to ids and phones is refused with the remedy; what only looks alike is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.orders import cells
from tests.orders.tables import DOUDIAN, codes, order_row, read_bytes, read_rows, row, workbook


@pytest.mark.parametrize("column", ["主订单编号", "子订单编号", "收件人手机号"])
@pytest.mark.parametrize("text", ["6.93E+18", "6.93e18", "6,93E+18", "1.9E+10", "19000001234.0"])
def test_scientific_notation_is_refused_in_every_id_and_phone(tmp_path: Path, column: str, text: str) -> None:
    result = read_rows(tmp_path, row(**{column: text}), order_row(2))
    assert codes(result) == ["orders.mangled"]
    assert (result.refused[0].refusal.fields["column"], result.refused[0].rows) == (column, (2,))
    assert "重新导出" in result.refused[0].refusal.next_zh
    assert len(result.orders) == 1


@pytest.mark.parametrize("text", ["6930000000297280000", "693000000029728000", "69300000002972800"])
def test_zeros_from_the_sixteenth_digit_on_are_refused(tmp_path: Path, text: str) -> None:
    assert codes(read_rows(tmp_path, row(主订单编号=text))) == ["orders.mangled"]


@pytest.mark.parametrize(
    "text",
    [
        "6930000000297283448",
        "6930000000297283000A",
        "240313-038538185096500",
        "100000000000000",
        "TB-0000000000000000000",
    ],
)
def test_ids_that_only_look_alike_pass(tmp_path: Path, text: str) -> None:
    assert read_rows(tmp_path, row(主订单编号=text)).orders[0].order_id == text


@pytest.mark.parametrize("column", ["主订单编号", "子订单编号", "收件人手机号"])
@pytest.mark.parametrize("mark", ["'", "\t", "’", " '"])
def test_a_leading_apostrophe_or_tab_is_refused(tmp_path: Path, column: str, mark: str) -> None:
    result = read_rows(tmp_path, row(**{column: mark + row()[column]}), order_row(2))
    assert codes(result) == ["orders.quoted_cell"]
    assert len(result.orders) == 1


def test_the_exporters_own_trailing_tab_and_formula_quote_are_taken_off(tmp_path: Path) -> None:
    result = read_rows(
        tmp_path, row(主订单编号='="6930000000297283448"'), order_row(2, 主订单编号="6930000000297283449\t")
    )
    assert [order.order_id for order in result.orders] == ["6930000000297283448", "6930000000297283449"]


def test_rows_with_one_mangled_id_are_refused_one_by_one(tmp_path: Path) -> None:
    result = read_rows(tmp_path, row(主订单编号="6.93E+18"), row(主订单编号="6.93E+18", 收件人="陆一鸣"))
    assert [(refused.order_id, refused.rows) for refused in result.refused] == [("6.93E+18", (2,)), ("6.93E+18", (3,))]


@pytest.mark.parametrize("column", ["主订单编号", "子订单编号"])
def test_a_long_number_in_a_workbook_is_refused_even_where_its_digits_survived_by_chance(
    tmp_path: Path, column: str
) -> None:
    values = [6930000000297283584.0 if name == column else row().get(name, "") for name in DOUDIAN]
    assert codes(read_bytes(tmp_path, workbook([DOUDIAN, values]), "orders.xlsx")) == ["orders.mangled"]


def test_short_numbers_in_a_workbook_are_exact_and_pass(tmp_path: Path) -> None:
    numbers: dict[str, float] = {
        "收件人手机号": 19000001234.0,
        "商品数量": 2.0,
        "订单应付金额": 19.9,
        "主订单编号": 240313001.0,
    }
    values = [numbers.get(name, row().get(name, "")) for name in DOUDIAN]
    order = read_bytes(tmp_path, workbook([DOUDIAN, values]), "orders.xlsx").orders[0]
    assert (order.order_id, order.recipient.phone) == ("240313001", "19000001234")
    assert (order.lines[0].quantity, order.lines[0].paid_fen) == (2, 1990)


@given(st.integers(10**16, 10**20))
def test_no_number_that_a_spreadsheet_rounded_passes_as_an_id(number: int) -> None:
    text = str(number)
    rounded = text[:15] + "0" * (len(text) - 15)
    for mangled in (rounded, f"{float(number):.5E}"):
        with pytest.raises(Refusal) as caught:
            cells.identifier(mangled, "订单号")
        assert caught.value.code == "orders.mangled"


@given(st.text(alphabet="0123456789", min_size=1, max_size=15))
def test_every_id_of_up_to_fifteen_digits_passes_untouched(text: str) -> None:
    assert cells.identifier(text, "订单号") == text


@given(st.integers(-(10**9), 10**9))
def test_money_is_read_to_the_fen(fen: int) -> None:
    sign = "-" if fen < 0 else ""
    yuan, cents = divmod(abs(fen), 100)
    assert cells.fen(f"{sign}{yuan}.{cents:02}") == fen
    assert cells.fen(f"¥{sign}{yuan:,}.{cents:02}元") == fen


@pytest.mark.parametrize("text", ["6930|2", "6930#1", "S1/6930"])
def test_an_order_id_cannot_look_like_a_part_of_a_parcel_key(tmp_path: Path, text: str) -> None:
    assert codes(read_rows(tmp_path, row(主订单编号=text))) == ["orders.id_reserved_sign"]
