"""Invented sheets for the tests: an ordinary one, one whose every text is too long, one with odd characters."""

from dataclasses import replace
from typing import Any

from miandan.labels.model import LabelData

ORDINARY = LabelData(
    carrier_zh="中通快递",
    carrier_en="ZTO Express",
    product="标准快递",
    number="73123456789012",
    barcode_text="73123456789012",
    qr_text="https://waybill.example/q/73123456789012",
    sort_code="310-A02-015",
    big_mark="上海 浦东川沙",
    bag_centre="上海浦东集包",
    recipient_name="张*",
    recipient_phone="138******78",
    recipient_address="上海市浦东新区川沙新镇示例路1188弄春江花园南区12号楼***",
    sender_name="江南好物旗舰店",
    sender_phone="021-5888****",
    sender_address="浙江省杭州市余杭区仓前街道示例西路969号物流园3号仓",
    goods="纯棉四件套 1.8m床 x1；洗脸巾 100抽 x3；共2种4件",
    remark="请放驿站，勿放门口；易碎请轻放",
    services=("保价 500元", "送货上门"),
    printed_at="2026-11-11 08:30:12",
    position="3/120",
)

CROWDED = replace(
    ORDINARY,
    carrier_zh="中通国际（中国邮政代投）",
    carrier_en="ZTO International",
    product="国际特惠小包（大件）",
    number="SF1234567890123",
    barcode_text="SF1234567890123",
    sort_code="",
    big_mark="新疆 克孜勒苏柯尔克孜自治州 阿合奇县",
    bag_centre="乌鲁木齐中转场集包转运中心",
    recipient_name="阿卜杜热合曼·买买提明·**",
    recipient_address="新疆维吾尔自治区克孜勒苏柯尔克孜自治州阿合奇县哈拉奇乡示例镇友谊路步行街" * 3
    + " Building A-1203",
    sender_address="浙江省杭州市余杭区示例街道" * 9,
    goods="、".join(["超长商品名称甲乙丙丁 XL 黑色 x2"] * 12),
    remark="请送货前电话联系，" * 20,
    services=("保价 500元", "送货上门", "到付", "签单返还"),
    copy=2,
    sandbox=True,
)


def sheet(**changes: Any) -> LabelData:
    """The ordinary sheet with some fields changed."""
    return replace(ORDINARY, **changes)
