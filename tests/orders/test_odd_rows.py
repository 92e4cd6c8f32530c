"""One odd row is refused by its line and the others of the file go on: huge cells, zero bytes, odd JSON records."""

import json
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from tests.orders.tables import codes, csv_text, json_lines, order_row, read_bytes, read_text

OURS = {"order_id": "A1", "name": "魏小满", "phone": "19000001234", "detail": "浙江省杭州市西湖区虚构路7号"}


@pytest.mark.parametrize("length", [8_001, 131_073, 3_000_000])
def test_a_huge_cell_refuses_its_row_alone(tmp_path: Path, length: int) -> None:
    rows = [order_row(1), order_row(2, 买家留言="长" * length), order_row(3)]
    result = read_text(tmp_path, csv_text(rows))
    assert codes(result) == ["orders.row_too_long"]
    assert result.refused[0].rows == (3,)
    assert [order.rows for order in result.orders] == [(2,), (4,)]


def test_a_quote_left_open_before_more_than_131072_characters_is_still_named(tmp_path: Path) -> None:
    text = csv_text([order_row(number) for number in range(1, 1_500)]).replace("浙江省", '"浙江省', 1)
    assert len(text) > 140_000
    with pytest.raises(Refusal) as caught:
        read_text(tmp_path, text)
    assert (caught.value.code, caught.value.fields["line"]) == ("orders.open_quote", 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("title", ["儿童\0瑜伽垫", "\0\0\0"])
def test_a_zero_byte_in_a_cell_refuses_its_row_alone(tmp_path: Path, encoding: str, title: str) -> None:
    rows = [order_row(1), order_row(2, 选购商品=title), order_row(3)]
    result = read_text(tmp_path, csv_text(rows), encoding)
    assert codes(result) == ["orders.control_character"]
    assert result.refused[0].rows == (3,)
    assert [order.rows for order in result.orders] == [(2,), (4,)]


def test_a_zero_byte_far_behind_the_beginning_refuses_its_row_alone(tmp_path: Path) -> None:
    rows = [order_row(number) for number in range(1, 200)]
    result = read_text(tmp_path, csv_text([*rows, order_row(200, 选购商品="垫\0子")]), "gb18030")
    assert (codes(result), len(result.orders)) == (["orders.control_character"], 199)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (csv_text([order_row(1)]).encode() + bytes(5_000), "orders.encoding_unknown"),
        (csv_text([order_row(number) for number in range(99)]).encode() + bytes(5_000), "orders.encoding_unknown"),
        (b"\x01\x00\x07abcd" * 900, "orders.encoding_unknown"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "orders.file_foreign"),
        (b"%PDF-1.7\n" + bytes(1), "orders.file_foreign"),
    ],
)
def test_a_file_of_many_zero_bytes_stays_refused_as_a_whole(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_bytes(tmp_path, content)
    assert caught.value.code == code


@pytest.mark.parametrize("others", [[], [{**OURS, "order_id": "A2", "quantity": 2}]])
def test_a_json_record_without_a_quantity_is_one_piece_whatever_the_others_say(
    tmp_path: Path, others: list[dict[str, object]]
) -> None:
    result = read_text(tmp_path, json_lines(OURS, *others), "utf-8")
    assert [order.quantity for order in result.orders] == [1, 2][: 1 + len(others)]
    assert not result.refused


@pytest.mark.parametrize("quantity", [{"quantity": ""}, {"quantity": None}, {"quantity": 0}, {"数量": 5}])
def test_a_json_quantity_that_is_stated_but_unclear_never_becomes_one_piece(
    tmp_path: Path, quantity: dict[str, object]
) -> None:
    first = {**OURS, "order_id": "A2", "quantity": 2}
    result = read_text(tmp_path, json_lines(first, {**OURS, **quantity}), "utf-8")
    assert [order.quantity for order in result.orders if order.order_id == "A1"] in ([], [5])


def test_a_record_without_quantity_is_refused_where_the_layout_must_have_one(tmp_path: Path) -> None:
    record = order_row(2)
    del record["商品数量"]
    result = read_text(tmp_path, json_lines(order_row(1), record), "utf-8")
    assert (codes(result), len(result.orders)) == (["orders.count_invalid"], 1)


@pytest.mark.parametrize("field", ["order_id", "name", "phone", "detail", "quantity", "title"])
@pytest.mark.parametrize("value", [{"a": "1"}, ["1"], []])
def test_a_json_value_that_is_no_text_is_reported_with_its_field(tmp_path: Path, field: str, value: object) -> None:
    result = read_text(tmp_path, json_lines({**OURS, field: value}, {**OURS, "order_id": "A2"}), "utf-8")
    assert codes(result) == ["orders.cell_not_text"]
    assert (result.refused[0].rows, result.refused[0].refusal.fields["column"]) == ((1,), field)
    assert [order.order_id for order in result.orders] == ["A2"]


def test_a_nested_value_in_a_field_that_nobody_reads_does_not_matter(tmp_path: Path) -> None:
    assert len(read_text(tmp_path, json_lines({**OURS, "extra": {"a": [1]}}), "utf-8").orders) == 1


def test_a_key_that_stands_twice_in_a_json_record_refuses_the_record_alone(tmp_path: Path) -> None:
    twice = json.dumps(OURS, ensure_ascii=False)[:-1] + ', "phone": "19000005678"}\n'
    result = read_text(tmp_path, twice + json_lines({**OURS, "order_id": "A2"}), "utf-8")
    assert codes(result) == ["orders.json_key_twice"]
    assert result.refused[0].rows == (1,)
    assert [order.order_id for order in result.orders] == ["A2"]
