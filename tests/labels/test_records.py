"""Records become labels, masked by default; a wrong one says where and costs only itself."""

import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData, Purpose
from miandan.labels.records import BadRecord, label_of, read_records

SOMEBODY = {
    "number": "73123456789012",
    "recipient_name": "欧阳测试",
    "recipient_phone": "13900001111",
    "recipient_address": "浙江省杭州市余杭区示例路1号春江花园12号楼3单元501室",
    "sender_name": "寄件测试",
    "sender_phone": "0571-88001234",
    "sender_address": "上海市浦东新区示例路9号2单元301室",
    "remark": "欧阳测试 急用，打 13900001111",
    "custom": {"buyer": {"note": "找欧阳测试"}, "batch": 7, "gift": True, "none": None, "tags": ["a", "b"]},
}
HIDDEN = ("欧阳测试", "寄件测试", "13900001111", "88001234", "501", "301室")


def read(text: str | bytes, purpose: Purpose = Purpose.LABEL) -> list[LabelData | BadRecord]:
    return list(read_records(io.BytesIO(text.encode() if isinstance(text, str) else text), purpose))


def label(**changes: Any) -> LabelData:
    found = label_of(SOMEBODY | changes)
    assert isinstance(found, LabelData)
    return found


def refused(plain: Any) -> Refusal:
    found = label_of(plain)
    assert isinstance(found, BadRecord)
    return found.refusal


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([SOMEBODY, SOMEBODY]),
        json.dumps([SOMEBODY, SOMEBODY], indent=2),
        "\ufeff" + json.dumps(SOMEBODY) + "\r\n\r\n" + json.dumps(SOMEBODY),
    ],
)
def test_an_array_and_lines_give_the_same_labels(text: str) -> None:
    found = read(text)
    assert [one.number for one in found if isinstance(one, LabelData)] == [SOMEBODY["number"]] * 2


def test_one_object_over_several_lines_is_one_record() -> None:
    assert len(read(json.dumps(SOMEBODY, indent=4))) == 1


def test_nothing_gives_nothing() -> None:
    assert read("") == read("\n \n") == read("[]") == []


def test_persons_are_masked_unless_the_purpose_is_to_print_them_in_full() -> None:
    masked = str(label())
    assert [text for text in HIDDEN if text in masked] == []
    [full] = read(json.dumps(SOMEBODY), Purpose.PRINT_FULL)
    assert [text for text in HIDDEN if text not in str(full)] == []


@given(
    st.text(max_size=30), st.text("0123456789-转+ ", max_size=20), st.text("市区路号楼单元室0123456789甲", max_size=40)
)
@settings(deadline=None, max_examples=150)
def test_what_was_masked_before_stays_as_it_is(name: str, phone: str, address: str) -> None:
    once = label(recipient_name=name, recipient_phone=phone, recipient_address=address, remark="", custom={}, goods="")
    again = label_of({"number": "1"} | {key: getattr(once, key) for key in SOMEBODY if key.startswith("recip")})
    assert isinstance(again, LabelData)
    assert again.recipient_name == once.recipient_name
    assert again.recipient_address == once.recipient_address
    assert sum(c.isdigit() for c in again.recipient_phone) <= sum(c.isdigit() for c in once.recipient_phone)


def test_the_merchants_own_texts_are_found_by_dotted_paths() -> None:
    assert label().custom == {"buyer.note": "找欧**", "batch": "7", "gift": "1", "none": "", "tags": "a，b"}


def test_goods_are_counted_numbered_and_summed_up() -> None:
    made = label(goods_lines=[{"title": "杯子", "spec": "红", "quantity": 2}, {"title": "盘子"}])
    assert made.goods_count == 3
    assert [line.index for line in made.goods_lines] == [1, 2]
    assert made.goods == "杯子 红 x2；盘子 x1"
    many = label(goods_lines=[{"title": "很长的商品名称"}] * 40)
    assert many.goods.endswith("…等 40 件")
    assert len(many.goods) <= 60


def test_the_bars_say_the_number_unless_told_otherwise() -> None:
    assert label().barcode_text == SOMEBODY["number"]
    assert label(barcode_text="JDVA1-1-1-").barcode_text == "JDVA1-1-1-"
    assert label(barcode_text="").barcode_text == ""


def test_sheets_of_an_array_are_numbered() -> None:
    found = read(json.dumps([SOMEBODY, SOMEBODY | {"position": "7/9"}]))
    assert [one.position for one in found if isinstance(one, LabelData)] == ["1/2", "7/9"]


@pytest.mark.parametrize(
    ("plain", "where", "words"),
    [
        ([], "$", "an object"),
        ({"number": 7}, "$.number", "expected str, got int"),
        ({}, "$", "`number` is missing"),
        ({"number": ""}, "$.number", "missing"),
        (SOMEBODY | {"recipent_name": "欧阳测试"}, "$", "recipient_name"),
        (SOMEBODY | {"欧阳测试": "1"}, "$", "no field ?"),
        (SOMEBODY | {"goods_lines": [{"titel": "x"}]}, "$.goods_lines[0]", "title"),
        (SOMEBODY | {"goods_lines": [{"title": "x", "quantity": "2"}]}, "$.goods_lines[0].quantity", "expected int"),
        (SOMEBODY | {"goods_lines": "x"}, "$.goods_lines", "expected array"),
        (SOMEBODY | {"sheets": 3}, "$", "no field sheets"),
        (SOMEBODY | {"recipient_name": {"first": "欧阳测试"}}, "$.recipient_name", "expected str, got object"),
    ],
)
def test_a_wrong_record_is_told_with_its_place_and_without_the_person(plain: Any, where: str, words: str) -> None:
    refusal = refused(plain)
    assert refusal.fields["where"] == where
    assert words in refusal.en
    assert [text for text in HIDDEN if text in refusal.en + refusal.zh] == []


def test_a_broken_line_costs_only_itself() -> None:
    good = json.dumps(SOMEBODY)
    found = read(f"{good}\n{{broken\n{good[:-5]}\n{good}\n")
    assert [isinstance(one, LabelData) for one in found] == [True, False, False, True]
    assert [one.place for one in found if isinstance(one, BadRecord)] == [2, 3]


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b'{"number":"\xff"}', "not in UTF-8"),
        (b'{"number":"1"', "not complete"),
        (b'{"number":"1","custom":' + b'{"a":' * 3_000 + b"1" + b"}" * 3_000 + b"}", "nested too deeply"),
    ],
)
def test_a_first_line_that_is_broken_costs_only_itself(first: bytes, words: str) -> None:
    bad, good = read(first + b"\n" + json.dumps(SOMEBODY).encode() + b"\n")
    assert isinstance(bad, BadRecord)
    assert words in bad.refusal.en
    assert isinstance(good, LabelData)


def test_a_file_in_another_encoding_is_told_as_that() -> None:
    [bad] = read('[{"number":"1","remark":"送到门口"}]'.encode("gb18030"))
    assert isinstance(bad, BadRecord)
    assert "UTF-8" in bad.refusal.zh


@pytest.mark.parametrize("field", ["cod_fen", "copy", "pieces", "weight_g"])
def test_a_count_that_cannot_be_is_refused(field: str) -> None:
    for value in (-3, 10**400):
        assert refused(SOMEBODY | {field: value}).fields["where"] == f"$.{field}"


def test_a_broken_array_is_refused_as_a_whole() -> None:
    with pytest.raises(Refusal) as refusal:
        read("[" + json.dumps(SOMEBODY)[:-9])
    assert refusal.value.code == "labels.records_unreadable"
    assert "no label was made" in refusal.value.en


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_give_labels_or_words(noise: bytes) -> None:
    for text in (noise, b"[" + noise, b'{"number":"1"}\n' + noise):
        with suppress(Refusal):
            assert all(isinstance(one, LabelData | BadRecord) for one in read(text))
