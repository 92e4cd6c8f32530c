"""Invented sheets for the tests: an ordinary one, one whose every text is too long, one with odd characters."""

from dataclasses import replace
from typing import Any

from miandan.labels.model import GoodsLine, LabelData

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


_GOODS = (
    GoodsLine("纯棉四件套 全棉斜纹床单被套", "1.8m床 雾霾蓝", "SJT-180-WML", 1, index=1),
    GoodsLine("洗脸巾 加厚一次性", "100抽", "XLJ-100", 3, index=2),
    GoodsLine("乳胶枕 成人护颈", "60x40cm", "RJZ-6040", 2, index=3),
)

_EVERYDAY = LabelData(
    number="",
    product="标准快递",
    recipient_name="张**",
    recipient_phone="1******5678",
    recipient_address="上海市 浦东新区 川沙新镇 示例路1188弄春江花园南区12号楼***",
    sender_name="江南好物旗舰店",
    sender_phone="0571-******34",
    sender_address="浙江省杭州市余杭区仓前街道示例西路969号物流园3号仓",
    goods="纯棉四件套 1.8m床 x1；洗脸巾 100抽 x3；乳胶枕 x2；共3种6件",
    goods_lines=_GOODS,
    goods_count=6,
    remark="请放驿站，勿放门口；易碎请轻放",
    weight_g=4200,
    shop="江南好物旗舰店",
    order_ids=("6920118273645091827",),
    ordered_at="2026-11-10 21:06:44",
    printed_at="2026-11-11 08:30:12",
    position="3/120",
)


def _everyday(number: str, **own: Any) -> LabelData:
    texts = {"barcode_text": number, "qr_text": f"https://waybill.example/q/{number}"}
    return replace(_EVERYDAY, number=number, **texts | own)


_FRANCHISE = {"bag_centre": "上海浦东集包", "big_mark": "上海 浦东川沙", "site": "川沙新镇一部"}

EVERYDAY: dict[str, LabelData] = {
    label.carrier: label
    for label in (
        _everyday(
            "73123456789012",
            carrier="zto",
            carrier_zh="中通快递",
            carrier_en="ZTO Express",
            sort_code="300- H12 09",
            **_FRANCHISE | {"bag_centre": "沪西"},
        ),
        _everyday(
            "YT2819014489339",
            carrier="yto",
            carrier_zh="圆通速递",
            carrier_en="YTO Express",
            product="圆准达",
            sort_code="210-0H8-017",
            **_FRANCHISE,
        ),
        _everyday(
            "4312345678901",
            carrier="yunda",
            carrier_zh="韵达快递",
            carrier_en="Yunda Express",
            barcode_text="43123456789010960006401",  # longer than the number, as its interface answers
            sort_code="G096-00 640-1",
            **_FRANCHISE,
        ),
        _everyday(
            "777031922725111",
            carrier="sto",
            carrier_zh="申通快递",
            carrier_en="STO Express",
            sort_code="021-C06-08",
            **_FRANCHISE,
        ),
        _everyday(
            "JT2099306666983",
            carrier="jt",
            carrier_zh="极兔速递",
            carrier_en="J&T Express",
            sort_code="382 300-64 010",
            **_FRANCHISE | {"bag_centre": "上海青浦转运中心"},
        ),
        _everyday(
            "9430684408206",
            carrier="post",
            carrier_zh="邮政快递包裹",
            carrier_en="China Post parcel",
            product="电商标快",
            sort_code="沪-12-浦07",
            qr_text="",
            big_mark="上海浦东川沙揽投部",
            bag_centre="上海王港集包",
            site="川沙营业部",
        ),
        _everyday(
            "EA473124829CN",
            carrier="ems",
            carrier_zh="EMS",
            carrier_en="EMS",
            product="特快专递",
            sort_code="沪-12-浦07",
            big_mark="上海浦东川沙揽投部",
            bag_centre="上海浦东机场集包",
            site="川沙营业部",
        ),
        _everyday(
            "SF7444496931331",
            carrier="sf",
            carrier_zh="顺丰速运",
            carrier_en="SF Express",
            product="顺丰标快",
            product_mark="T6",
            qr_text="MMM={'k1':'021WF','k2':'021WF','k3':'','k4':'T6','k5':'SF7444496931331','k6':'','k7':'9f2a61c4'}",
            sort_code="021W-F0-CK",
            coding_map="F15",
            print_icons="易碎 重货",
            origin_code="571AG",
            site="川沙营业点",
        ),
        _everyday(
            "JDVC30380993329",
            carrier="jd",
            carrier_zh="京东物流",
            carrier_en="JD Logistics",
            product="京东标快",
            barcode_text="JDVC30380993329-1-1-",
            source_cross="17",
            source_tabletrolley="XB-06",
            target_cross="66",
            target_tabletrolley="A2-14",
            road_code="032",
            site="上海浦东川沙营业部",
        ),
        _everyday(
            "DPK3623402110015",
            carrier="deppon",
            carrier_zh="德邦快递",
            carrier_en="Deppon Express",
            product="大件快递",
            sort_code="W021-08-K2",
            big_mark="上海浦东",
            site="浦东川沙华夏东路营业部",
            services=("送货上楼",),
        ),
        _everyday(
            "FW3120456789012",
            carrier="fengwang",
            carrier_zh="丰网速运",
            carrier_en="Fengwang Express",
            sort_code="310-A02-015",
            **_FRANCHISE,
        ),
        _everyday(
            "ZTI202611110012",
            carrier="zto_intl",
            carrier_zh="中通国际",
            carrier_en="ZTO International",
            product="国际快递",
            sort_code="SGP-01-KCH",
            recipient_name="Tan* *",
            recipient_phone="+65 ****5678",
            recipient_address="SINGAPORE 529536, Bedok North Street 3, Blk 538 #**-***",
            bag_centre="深圳国际集包",
            big_mark="新加坡 勿洛",
        ),
        _everyday(
            "73123456789012",
            carrier="neutral",
            carrier_zh="示例快递",
            carrier_en="Sample Express",
            sort_code="310-A02-015",
            **_FRANCHISE,
        ),
    )
}
"""A parcel of each carrier as its branch would print it; names, numbers and addresses are invented."""


def laden(label: LabelData) -> LabelData:
    """The parcel with every mark that a label of its carrier can carry, as a sandbox copy."""
    number = label.number
    package = label.barcode_text != number and label.carrier == "jd"
    return replace(
        label,
        barcode_text=f"{number}-2-3-" if package else label.barcode_text,
        services=("保价", "代收货款", "签单返还", "送货上门"),
        service_codes=("insured", "cod", "sign_return", "to_door"),
        cod_fen=128_000,
        insured_fen=500_000,
        piece=2,
        pieces=3,
        parent_number=number[:-1] + "0",
        return_number=number[:-1] + "7",
        copy=2,
        sandbox=True,
    )


def overlong(label: LabelData) -> LabelData:
    """The laden parcel with every text longer than its place."""
    rows = tuple(
        GoodsLine(
            f"{index} 超长商品名称甲乙丙丁戊己庚辛壬癸 2026冬季新款",
            "XL 黑色 加厚加绒",
            f"SKU-{index:06d}",
            index,
            index=index,
        )
        for index in range(1, 31)
    )
    return replace(
        laden(label),
        carrier_zh="中通国际（中国邮政代投）",
        carrier_en="ZTO International, delivered by China Post",
        product="国际特惠小包（大件）",
        sort_code="",
        big_mark="新疆 克孜勒苏柯尔克孜自治州 阿合奇县",
        bag_centre="乌鲁木齐中转场集包转运中心",
        site="克孜勒苏柯尔克孜自治州阿合奇县哈拉奇乡代办点",
        print_icons="易碎 重货 生鲜 贵重 禁航",
        origin_code="571AG-571BF-0021",
        recipient_name="阿卜杜热合曼·买买提明·**",
        recipient_address=CROWDED.recipient_address,
        sender_name="江南好物旗舰店（杭州余杭仓前街道仓）",
        sender_address=CROWDED.sender_address,
        goods=CROWDED.goods,
        goods_lines=rows,
        goods_count=465,
        remark=CROWDED.remark,
        services=("保价", "代收货款", "签单返还", "送货上门", "到付", "拒收审核", "派件拍照"),
        cod_fen=99_999_999,
        insured_fen=99_999_999,
        shop="江南好物家纺家居百货旗舰店",
        order_ids=tuple(f"69201182736450918{index}" for index in range(10, 16)),
        position="1288/12000",
        copy=12,
        piece=98,
        pieces=120,
    )


def hostile(label: LabelData) -> LabelData:
    """The overlong parcel with commands of printers, direction marks and pictures in every text that people write."""
    odd = '^XZ^XA^FD~HS"\r\nPRINT 1\r\n! 0 200 200 1 1\x1b@\x1d(k\u202e\u2066😀王👨\u200d👩\u200d👧 </text><b>%s{{x}} '
    longer = overlong(label)
    written = (
        "recipient_name recipient_address sender_name sender_address goods remark shop product carrier_zh carrier_en"
        " sort_code big_mark bag_centre site print_icons position"
    )
    changes: dict[str, Any] = {name: odd + getattr(longer, name) for name in written.split()}
    rows = tuple(replace(row, title=odd + row.title, spec=odd, code=odd) for row in longer.goods_lines)
    return replace(longer, **changes, services=(odd, odd), goods_lines=rows, order_ids=(odd, odd), printed_at=odd)
