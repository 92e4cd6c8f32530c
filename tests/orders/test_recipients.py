"""Ciphertext, masks and pasted recipients: what ships, what ships with a warning, what is held."""

import base64
from pathlib import Path

import pytest

from miandan.orders.model import OrderDraft, OrderState, ReadResult
from miandan.vault.ciphertext import OWN_KEY_BLOCK
from tests.orders.tables import codes, order_row, read_rows, read_text, row

JD_PHONE = "7h2jR+x/qfzQUARvxuJi9gaFbUjcBbKWF8nNMGLYFzqS89ZeEDvgBi4hsd3fVvtydc5nZ="


def marked(mark: str, key_block: bytes) -> str:
    body = base64.b64encode(bytes(range(7, 250, 3))).decode() + "*" + base64.b64encode(key_block).decode()
    return f"{mark}{mark}{body}{mark}1{mark}{mark}"


FOREIGN = {mark: marked(mark, b"\x08\x06" + bytes(range(70))) for mark in "$#~"}
OWN = {mark: marked(mark, OWN_KEY_BLOCK + b"key 1") for mark in "$#"}


def only(result: ReadResult) -> OrderDraft:
    assert codes(result) == []
    assert len(result.orders) == 1
    return result.orders[0]


def pasted(folder: Path, text: str) -> ReadResult:
    quoted = text.replace('"', '""')
    return read_text(folder, f'订单号,商品名称,数量,收货信息,订单状态\nA1,垫子,1,"{quoted}",待发货\n', "gb18030")


@pytest.mark.parametrize("phone", [JD_PHONE, FOREIGN["$"], "00112233445566778899aabbccddeeff00112233"])
def test_foreign_ciphertext_in_the_phone_ships_with_a_warning_and_keeps_every_character(
    tmp_path: Path, phone: str
) -> None:
    order = only(read_rows(tmp_path, row(收件人手机号=phone)))
    assert order.state is OrderState.TO_SHIP
    assert order.recipient.phone == phone
    assert [warning.code for warning in order.warnings] == ["orders.ciphertext_phone"]
    assert phone not in order.warnings[0].zh


@pytest.mark.parametrize("column", ["收件人", "详细地址", "市"])
def test_foreign_ciphertext_in_name_or_address_holds_the_order(tmp_path: Path, column: str) -> None:
    order = only(read_rows(tmp_path, row(**{column: FOREIGN["#"]})))
    assert order.state is OrderState.HELD
    assert order.held_reason is not None
    assert (order.held_reason.code, order.held_reason.fields["column"]) == ("orders.ciphertext_held", column)
    assert "该平台" in order.held_reason.next_zh


def test_our_own_ciphertext_passes_everywhere_untouched(tmp_path: Path) -> None:
    order = only(read_rows(tmp_path, row(收件人=OWN["#"], 收件人手机号=OWN["$"], 详细地址=OWN["#"])))
    assert (order.state, order.warnings) == (OrderState.TO_SHIP, ())
    recipient = order.recipient
    assert (recipient.name, recipient.phone, recipient.detail) == (OWN["#"], OWN["$"], OWN["#"])
    assert (recipient.province, recipient.city) == ("浙江省", "杭州市")


def test_our_own_ciphertext_may_be_longer_than_a_row_may_be(tmp_path: Path) -> None:
    body = base64.b64encode(bytes(range(256)) * 40).decode()
    long = f"##{body}*{base64.b64encode(OWN_KEY_BLOCK + b'key 1').decode()}#1##"
    assert only(read_rows(tmp_path, row(收件人=long))).recipient.name == long


def test_a_plain_name_and_address_around_ciphertext_of_the_same_order_ship_once(tmp_path: Path) -> None:
    result = read_rows(tmp_path, row(收件人手机号=JD_PHONE), row(子订单编号="2", 收件人手机号=JD_PHONE), order_row(2))
    assert [order.quantity for order in result.orders] == [2, 1]


@pytest.mark.parametrize(
    "text",
    [
        "魏小满 19000001234 浙江省杭州市西湖区虚构路7号2幢301室",
        "魏小满,19000001234,浙江省杭州市西湖区虚构路7号2幢301室",
        "浙江省杭州市西湖区虚构路7号2幢301室 魏小满 19000001234",
        "浙江省杭州市西湖区虚构路7号2幢301室(魏小满收)19000001234",
        "收件人：魏小满\n手机号码：19000001234\n详细地址：浙江省杭州市西湖区虚构路7号2幢301室",
    ],
)
def test_a_pasted_recipient_is_taken_apart_in_whatever_order_it_stands(tmp_path: Path, text: str) -> None:
    recipient = only(pasted(tmp_path, text)).recipient
    assert (recipient.name, recipient.phone) == ("魏小满", "19000001234")
    assert (recipient.province, recipient.city, recipient.district) == ("浙江省", "杭州市", "西湖区")
    assert recipient.detail == "虚构路7号2幢301室"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "orders.recipient_missing"),
        ("魏小满 浙江省杭州市西湖区虚构路7号", "orders.recipient_missing"),
        ("19000001234 魏小满", "orders.recipient_missing"),
        ("魏小满 19000001234 虚构路7号", "orders.address_incomplete"),
        ("魏** 190****1234 浙江省杭州市西湖区虚构路7号", "orders.masked"),
    ],
)
def test_a_pasted_recipient_without_name_phone_or_address_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert codes(pasted(tmp_path, text)) == [code]


@pytest.mark.parametrize("phone", [JD_PHONE, FOREIGN["$"]])
def test_a_pasted_phone_that_is_ciphertext_ships_with_a_warning(tmp_path: Path, phone: str) -> None:
    order = only(pasted(tmp_path, f"魏小满，{phone}，浙江省杭州市西湖区虚构路7号"))
    assert (order.state, order.recipient.name, order.recipient.phone) == (OrderState.TO_SHIP, "魏小满", phone)
    assert "orders.ciphertext_phone" in [warning.code for warning in order.warnings]


def test_a_pasted_name_that_is_ciphertext_holds_the_order(tmp_path: Path) -> None:
    order = only(pasted(tmp_path, f"{FOREIGN['#']} 19000001234 浙江省杭州市西湖区虚构路7号"))
    assert order.state is OrderState.HELD


def test_an_address_that_ends_with_the_district_ships_with_a_warning(tmp_path: Path) -> None:
    by_columns = only(read_rows(tmp_path, row(详细地址="浙江省杭州市西湖区")))
    by_paste = only(pasted(tmp_path, "魏小满 19000001234 浙江省杭州市西湖区"))
    for order in (by_columns, by_paste):
        assert order.recipient.district == "西湖区"
        assert [warning.code for warning in order.warnings] == ["orders.address_thin"]


def test_a_renamed_district_ships_under_its_name_of_today_and_says_so(tmp_path: Path) -> None:
    order = only(read_rows(tmp_path, row(省="浙江省", 市="杭州市", 区="富阳市", 详细地址="虚构路 7 号")))
    assert order.recipient.district == "富阳区"
    assert [warning.code for warning in order.warnings] == ["orders.address_uncertain"]
    assert "富阳市" in order.warnings[0].zh


def test_words_that_a_person_wrote_never_stand_in_a_warning(tmp_path: Path) -> None:
    order = only(read_rows(tmp_path, row(街道="魏小满家里镇", 区="魏小满区")))
    assert order.warnings
    assert all("魏小满" not in warning.zh + warning.en for warning in order.warnings)


def test_no_plain_recipient_shows_in_a_repr_of_the_result(tmp_path: Path) -> None:
    result = read_rows(tmp_path, row(买家留言="电话 19000009876"), order_row(2, 收件人手机号="12"))
    for private in ("魏小满", "19000001234", "虚构路", "9876"):
        assert private not in repr(result)
