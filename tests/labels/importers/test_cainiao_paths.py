"""The table of paths: every row leads to a field of ours, both ways, and says where it is known from."""

from dataclasses import fields
from typing import get_args

import pytest

from miandan.labels.bindings import known
from miandan.labels.importers.cainiao_paths import (
    Row,
    Use,
    goods_field,
    goods_list,
    is_goods,
    ours_of,
    table,
    theirs_of,
    theirs_of_goods,
)
from miandan.labels.model import GoodsLine, LabelData

ROWS = table().path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.ours}-{row.use}")
def test_a_row_names_a_field_of_ours_and_where_it_is_known_from(row: Row) -> None:
    assert known(row.ours) == row.ours
    assert row.theirs
    assert row.of
    assert row.source
    use: Use = "barcode" if row.use else "text"
    assert {ours_of(theirs, use).path for theirs in row.theirs} == {row.ours}


def test_no_path_of_theirs_stands_in_two_rows_of_one_use() -> None:
    every = [(row.use, name.lower()) for row in ROWS for name in row.theirs]
    assert len(every) == len(set(every))


def test_every_field_of_a_label_can_be_written_and_is_read_back() -> None:
    for field in fields(LabelData):
        if field.name in ("custom", "goods_lines"):
            continue
        for use in get_args(Use):
            assert {ours_of(theirs, use).path for theirs in theirs_of(field.name, use)} == {field.name}


@pytest.mark.parametrize(
    "key", ["gift", "a.b", "waybillCode", "custom.x", "recipient.name", "items", "Remark", "备注", ""]
)
def test_a_custom_text_is_read_back_as_itself(key: str) -> None:
    ours = f"custom.{key}"
    (theirs,) = theirs_of(ours) if key else ("",)
    assert ours_of(theirs).path == ours


@pytest.mark.parametrize("theirs", ["recipientName", "recipient_name", "RECIPIENTNAME", "receiver_name"])
def test_case_and_underscores_do_not_matter(theirs: str) -> None:
    assert ours_of(theirs).path == "recipient_name"


def test_a_path_that_nobody_knows_is_custom() -> None:
    assert ours_of("extra.gift").path == "custom.extra.gift"


def test_the_waybill_code_is_the_number_to_read_and_the_text_of_the_bars() -> None:
    assert ours_of("waybillCode").path == "number"
    assert ours_of("waybillCode", "barcode").path == "barcode_text"


def test_an_address_is_written_from_the_province_to_the_detail() -> None:
    assert [path.rpartition(".")[2] for path in theirs_of("recipient_address")] == [
        "province",
        "city",
        "district",
        "town",
        "detail",
    ]
    assert [ours_of(path).whole for path in theirs_of("recipient_address")] == [False] * 4 + [True]


def test_every_field_of_a_goods_line_can_be_written_and_is_read_back() -> None:
    assert is_goods(goods_list())
    for field in fields(GoodsLine):
        assert goods_field(theirs_of_goods(field.name)) == field.name
    assert goods_field("price") is None
