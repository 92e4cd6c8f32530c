"""Reading sound and unsound rows: each order ends in one place, and a bad row never stops the others."""

from pathlib import Path

import pytest

from miandan.kernel.errors import catalogue
from miandan.orders.model import OrderState
from tests.orders.tables import DOUDIAN, codes, csv_text, json_lines, order_row, read_rows, read_text, row


def test_sub_orders_become_one_order(tmp_path: Path) -> None:
    result = read_rows(
        tmp_path,
        row(子订单编号="6930000000000000001", 买家留言="放门口", 商家备注="送小样"),
        order_row(2),
        row(子订单编号="6930000000000000002", 商品数量="3", 买家留言="放门口", 商家备注="易碎品"),
    )
    assert result.layout == "doudian"
    first, second = result.orders
    assert (first.order_id, first.shop_id, first.rows, first.quantity) == ("6930000000000000001A", "shop-1", (2, 4), 4)
    assert [line.line_id for line in first.lines] == ["6930000000000000001", "6930000000000000002"]
    assert first.lines[0].paid_fen == 1990
    assert (first.recipient.buyer_remark, first.recipient.seller_remark) == ("放门口", "送小样；易碎品")
    assert str(first.paid_at) == "2024-03-10 03:07:45+00:00"
    assert second.rows == (3,)


def test_a_recipient_is_completed_with_its_division_code(tmp_path: Path) -> None:
    recipient = read_rows(tmp_path, row(省="浙江", 市="杭州", 区="西湖")).orders[0].recipient
    assert (recipient.province, recipient.city, recipient.district) == ("浙江省", "杭州市", "西湖区")
    assert recipient.division_code == "330106"
    assert recipient.detail == "虚构路 7 号 2 幢 301 室"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("已关闭", OrderState.CLOSED),
        ("已取消", OrderState.CANCELLED),
        ("退款中", OrderState.REFUNDING),
        ("未发货，退款成功", OrderState.REFUNDED),
        ("已发货，待签收", OrderState.SHIPPED),
        ("等待买家付款", OrderState.AWAITING_PAYMENT),
    ],
)
def test_an_order_that_the_back_office_does_not_want_shipped_is_set_aside_with_a_reason(
    tmp_path: Path, status: str, state: OrderState
) -> None:
    result = read_rows(tmp_path, row(订单状态=status, 收件人手机号="", 商品数量="0"), order_row(2))
    assert [(aside.state, aside.reason.code, aside.rows) for aside in result.set_aside] == [
        (state, f"orders.{state}", (2,))
    ]
    assert len(result.orders) == 1


@pytest.mark.parametrize("status", ["待发货", "备货中", "等待出库", "买家已付款，等待卖家发货", " 待发货 "])
def test_an_order_that_waits_to_be_shipped_ships(tmp_path: Path, status: str) -> None:
    assert len(read_rows(tmp_path, row(订单状态=status)).orders) == 1


@pytest.mark.parametrize("status", ["", "火星发货", "?"])
def test_a_state_that_nobody_knows_is_refused_and_not_guessed(tmp_path: Path, status: str) -> None:
    assert codes(read_rows(tmp_path, row(订单状态=status))) == ["orders.status_unknown"]


def test_a_refunded_sub_order_leaves_the_others_in_the_parcel(tmp_path: Path) -> None:
    result = read_rows(
        tmp_path,
        row(),
        row(子订单编号="6930000000000000002", 订单状态="退款成功"),
        row(子订单编号="6930000000000000003", 订单状态="已关闭"),
    )
    order = result.orders[0]
    assert [line.line_id for line in order.lines] == ["6930000000000000001"]
    assert order.rows == (2, 3, 4)
    assert [(warning.code, warning.fields["count"]) for warning in order.warnings] == [("orders.lines_left_out", 2)]


def test_the_refund_column_wins_over_the_order_state(tmp_path: Path) -> None:
    header = [*DOUDIAN, "售后状态"]
    result = read_rows(
        tmp_path,
        order_row(1, 售后状态="售后处理中"),
        order_row(2, 售后状态="-"),
        order_row(3, 售后状态="退款成功"),
        header=header,
    )
    assert [aside.state for aside in result.set_aside] == [OrderState.REFUNDING, OrderState.REFUNDED]
    assert len(result.orders) == 1


def test_the_same_order_with_two_recipients_is_refused_with_both_lines(tmp_path: Path) -> None:
    result = read_rows(tmp_path, order_row(1), order_row(2), order_row(1, 子订单编号="6930000000099", 收件人="陆一鸣"))
    refused = result.refused[0]
    assert refused.refusal.code == "orders.recipient_differs"
    assert (refused.refusal.fields["line"], refused.refusal.fields["other_line"]) == (2, 4)
    assert (len(result.orders), refused.rows) == (1, (2, 4))


def test_one_recipient_written_in_two_ways_is_one_recipient(tmp_path: Path) -> None:
    other = row(子订单编号="6930000000000000002", 省="浙江", 市="杭州", 收件人手机号="+86 190-0000-1234")
    result = read_rows(tmp_path, row(), other)
    assert (len(result.orders), codes(result)) == (1, [])


def test_the_same_row_twice_counts_once(tmp_path: Path) -> None:
    result = read_rows(tmp_path, row(), row())
    assert result.orders[0].quantity == 1
    assert [warning.code for warning in result.orders[0].warnings] == ["orders.line_repeated"]


def test_one_sub_order_with_two_contents_is_refused(tmp_path: Path) -> None:
    assert codes(read_rows(tmp_path, row(), row(商品数量="2"))) == ["orders.line_differs"]


def test_equal_rows_without_sub_order_ids_both_count_and_are_pointed_out(tmp_path: Path) -> None:
    text = (
        "订单号,收件人,电话,详细地址,商品名称,数量\n" + "A1,魏小满,19000001234,浙江省杭州市西湖区虚构路1号,垫子,1\n" * 2
    )
    order = read_text(tmp_path, text).orders[0]
    assert order.quantity == 2
    assert [warning.code for warning in order.warnings] == ["orders.row_twice"]


@pytest.mark.parametrize("count", ["-1", "0", "", "1.5", "12345", "999999999999999", "一", "1e3", "２", "nan"])
def test_a_count_that_cannot_be_is_refused(tmp_path: Path, count: str) -> None:
    result = read_rows(tmp_path, row(商品数量=count), order_row(2))
    assert codes(result) == ["orders.count_invalid"]
    assert len(result.orders) == 1


def test_one_bad_sub_order_refuses_the_whole_order_once_with_every_reason(tmp_path: Path) -> None:
    result = read_rows(
        tmp_path,
        row(),
        row(子订单编号="6930000000000000002", 商品数量="-2"),
        row(子订单编号="6.93E+18"),
    )
    assert result.orders == []
    assert [reason.code for reason in result.refused[0].reasons] == ["orders.count_invalid", "orders.mangled"]
    assert result.refused[0].rows == (2, 3, 4)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"收件人": ""}, "orders.recipient_missing"),
        ({"收件人": " \u200b "}, "orders.recipient_missing"),
        ({"收件人手机号": ""}, "orders.recipient_missing"),
        ({"详细地址": ""}, "orders.recipient_missing"),
        ({"收件人": "魏*"}, "orders.masked"),
        ({"收件人手机号": "190****1234"}, "orders.masked"),
        ({"详细地址": "虚构路**号"}, "orders.masked"),
        ({"收件人手机号": "1900000123"}, "orders.phone_invalid"),
        ({"收件人手机号": "190000012345"}, "orders.phone_invalid"),
        ({"收件人手机号": "99900001234"}, "orders.phone_invalid"),
        ({"收件人手机号": "魏小满"}, "orders.phone_invalid"),
    ],
)
def test_a_recipient_that_cannot_be_delivered_to_is_refused(tmp_path: Path, changes: dict[str, str], code: str) -> None:
    result = read_rows(tmp_path, row(**changes), order_row(2))
    assert codes(result) == [code]
    assert result.refused[0].refusal.fields["line"] == 2
    assert len(result.orders) == 1


@pytest.mark.parametrize(
    ("text", "phone", "extension"),
    [
        ("19000001234", "19000001234", ""),
        ("+86 190 0000 1234", "19000001234", ""),
        ("0086-19000001234", "19000001234", ""),
        ("\u202d19000001234\u202c", "19000001234", ""),
        ("18400000965-7576", "18400000965", "7576"),
        ("18400000965转7576", "18400000965", "7576"),
        ("0571-88880000", "0571-88880000", ""),
        ("0571-88880000-802", "0571-88880000", "802"),
        ("400-800-1234", "400-800-1234", ""),
    ],
)
def test_phones_are_read_in_the_ways_that_people_write_them(
    tmp_path: Path, text: str, phone: str, extension: str
) -> None:
    recipient = read_rows(tmp_path, row(收件人手机号=text)).orders[0].recipient
    assert (recipient.phone, recipient.extension) == (phone, extension)


@pytest.mark.parametrize("text", ["", "很多钱", "￥1,299.00", "-3"])
def test_an_odd_amount_or_time_does_not_stop_a_parcel(tmp_path: Path, text: str) -> None:
    order = read_rows(tmp_path, row(订单应付金额=text, 支付完成时间=text)).orders[0]
    assert order.lines[0].paid_fen == {"￥1,299.00": 129900, "-3": -300}.get(text)
    assert order.paid_at is None


def test_a_row_of_ten_thousand_characters_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    result = read_rows(tmp_path, row(买家留言="很" * 10_000), order_row(2))
    assert codes(result) == ["orders.row_too_long"]
    assert (result.refused[0].order_id, len(result.orders)) == ("6930000000000000001A", 1)


@pytest.mark.parametrize("bad", ["\x00", "\x07", "\x1b[2J", "\x7f", "\x90"])
def test_control_characters_are_refused_with_their_column(tmp_path: Path, bad: str) -> None:
    text = json_lines(row(收件人=f"魏{bad}小满"), order_row(2))
    result = read_text(tmp_path, text, "utf-8", "orders.jsonl")
    assert codes(result) == ["orders.control_character"]
    assert result.refused[0].refusal.fields["column"] == "收件人"
    assert len(result.orders) == 1


def test_characters_lost_in_an_earlier_save_are_refused(tmp_path: Path) -> None:
    assert codes(read_rows(tmp_path, row(收件人="魏\ufffd"))) == ["orders.characters_lost"]


def test_rare_characters_and_emoji_come_through(tmp_path: Path) -> None:
    order = read_rows(tmp_path, row(收件人="孔𬒈", 买家留言="谢谢👨‍👩‍👧🙏")).orders[0]
    assert (order.recipient.name, order.recipient.buyer_remark) == ("孔𬒈", "谢谢👨‍👩‍👧🙏")


def test_cells_that_shifted_are_refused(tmp_path: Path) -> None:
    good = csv_text([row()]).splitlines()
    result = read_text(tmp_path, "\n".join([*good, good[1].replace("虚构路", "虚构路,多一列", 1)]))
    assert codes(result) == ["orders.columns_shifted"]


def test_rows_without_an_order_id_are_refused_alone(tmp_path: Path) -> None:
    result = read_rows(tmp_path, row(主订单编号=""), row(主订单编号=" "), order_row(2))
    assert codes(result) == ["orders.order_id_missing"] * 2
    assert len(result.orders) == 1


def test_the_shop_column_of_the_file_wins_over_the_shop_that_was_given(tmp_path: Path) -> None:
    text = (
        "order_id,shop_id,name,phone,province,city,district,detail\n"
        "A1,other,魏小满,19000001234,浙江省,杭州市,西湖区,虚构路 1 号\n"
        "A1,,魏小满,19000001234,浙江省,杭州市,西湖区,虚构路 1 号\n"
    )
    assert [(o.shop_id, o.order_id) for o in read_text(tmp_path, text).orders] == [("other", "A1"), ("shop-1", "A1")]


def test_every_refusal_has_words_in_both_languages_without_the_person(tmp_path: Path) -> None:
    result = read_rows(
        tmp_path,
        order_row(1, 收件人手机号="1900000"),
        order_row(2, 收件人="魏*"),
        order_row(3, 商品数量="-1"),
        order_row(4, 订单状态="魏小满"),
        row(主订单编号="魏小满 19000001234"),
        row(主订单编号="6.93E+18"),
    )
    assert len(result.refused) == 6
    for refused in result.refused:
        words = refused.refusal.zh + refused.refusal.next_zh + str(refused.refusal) + refused.order_id
        assert str(refused.rows[0]) in words
        for private in ("魏", "1900000", "虚构路"):
            assert private not in words


def test_every_code_that_the_room_raises_is_in_the_catalogue() -> None:
    import re

    source = Path(__file__).resolve().parents[2] / "src" / "miandan" / "orders"
    raised = {
        code for file in source.glob("*.py") for code in re.findall(r'"(orders\.[a-z_]+)"', file.read_text("utf-8"))
    }
    known = {code for code in catalogue() if code.startswith("orders.")}
    states = {f"orders.{state}" for state in OrderState if not state.has_recipient}
    assert raised | states == known
