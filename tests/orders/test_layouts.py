"""The layouts as data: sound rows, told apart by their headers, each able to carry an order."""

from datetime import date
from pathlib import Path

import pytest

from miandan.orders import layouts
from miandan.orders.model import OrderState
from tests.orders.tables import DOUDIAN, read_text

PDD = (
    "商品,订单号,订单状态,商品总价(元),用户实付金额(元),商家实收金额(元),商品数量(件),收货人,手机,省,市,区,街道,详细地址,"
    "支付时间,商品规格,商家编码-规格维度,商家备注,售后状态,快递单号,快递公司"
)
JD = (
    "订单号,商品ID,商品名称,订购数量,支付方式,下单时间,京东价,订单金额,结算金额,应付金额,订单状态,订单类型,下单帐号,"
    "客户姓名,客户地址,联系电话,订单备注,商家备注,付款确认时间,货号"
)
TAOBAO = (
    "订单编号,买家会员名,买家实际支付金额,订单状态,买家留言,收货人姓名,收货地址,运送方式,联系电话,联系手机,订单创建时间,"
    "订单付款时间,宝贝标题,宝贝种类,物流单号,订单备注,宝贝总数量"
)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (",".join(DOUDIAN), "doudian"),
        (PDD, "pdd"),
        (JD, "jd"),
        (TAOBAO, "taobao"),
        ("订单号,商品名称,规格,数量,实付金额,收货信息,备注,订单状态", "pasted"),
        ("order_id,name,phone,province,city,district,detail,title,quantity", "miandan"),
        ("订单号,收件人,电话,省,市,区县,详细地址,商品名称,数量", "miandan"),
        (" 主订单编号 ,选购商品,商品数量（件）,收件人,收件人 手机号,省,市,区,详细地址,订单状态", "doudian"),
    ],
)
def test_a_layout_is_recognised_by_its_header(header: str, name: str) -> None:
    columns = layouts.recognise(header.split(","))
    assert columns is not None
    assert columns.layout.name == name


def test_a_row_of_each_back_office_becomes_the_same_order(tmp_path: Path) -> None:
    rows = {
        "pdd": (
            PDD,
            "垫子,240313-1,待发货,30,20.00,19.90,2,魏小满,19000001234,浙江省,杭州市,西湖区,,虚构路7号,"
            "2024-03-10 11:07:45,粉色,DZ,,无售后或售后取消,,",
        ),
        "jd": (
            JD,
            "300000001,9,垫子,2,在线支付,2024-03-10 11:00:00,10,20,19.90,20,等待出库,SOP,jd_a,"
            "魏小满,浙江省杭州市西湖区虚构路7号,19000001234,,,2024-03-10 11:07:45,DZ",
        ),
        "taobao": (
            TAOBAO,
            "400000001,tb_a,19.90,买家已付款，等待卖家发货,,魏小满,浙江省 杭州市 西湖区 虚构路7号,快递,,19000001234,"
            "2024-03-10 11:00:00,2024-03-10 11:07:45,垫子,1,,,2",
        ),
    }
    for name, (header, line) in rows.items():
        result = read_text(tmp_path, f"{header}\n{line}\n", "gb18030")
        assert (result.layout, result.refused) == (name, [])
        order = result.orders[0]
        recipient = order.recipient
        assert (recipient.name, recipient.phone, recipient.division_code) == ("魏小满", "19000001234", "330106")
        assert recipient.detail == "虚构路7号"
        assert (order.lines[0].title, order.quantity, order.lines[0].paid_fen) == ("垫子", 2, 1990)
        assert str(order.paid_at) == "2024-03-10 03:07:45+00:00"


def test_every_layout_row_is_sound() -> None:
    known = layouts.layouts()
    assert len({layout.name for layout in known}) == len(known)
    for layout in known:
        assert isinstance(layout.valid_from, date)
        assert layout.source
        assert set(layout.required) <= set(layout.columns)
        assert "order_id" in layout.required
        assert layout.recipient in ("columns", "address", "pasted")
        recipient = {"pasted"} if layout.recipient == "pasted" else {"name", "phone", "detail"}
        assert recipient <= set(layout.required)


@pytest.mark.parametrize(
    ("column", "text", "state"),
    [
        ("status", "已发货，退款成功", OrderState.REFUNDED),
        ("status", "未发货，退款中", OrderState.REFUNDING),
        ("status", "卖家已发货，等待买家确认", OrderState.SHIPPED),
        ("status", "（锁定）等待出库", OrderState.REFUNDING),
        ("after_sale", "无售后或售后取消", OrderState.TO_SHIP),
        ("after_sale", "退款成功", OrderState.REFUNDED),
        ("status", "火星发货", None),
        ("status", "", None),
    ],
)
def test_the_longest_known_beginning_of_a_status_counts(column: str, text: str, state: OrderState | None) -> None:
    assert layouts.state_of("status" if column == "status" else "after_sale", text) is state
