"""An order of ours as order.searchList and order.orderDetail show it: a shop order with its sub-orders and parcels.

Its receiver appears as ciphertext for the calling app and as masks, on the order and on each sub-order; both cite the
shop order's id, which is what a client decrypts them with. What we do not know of an order is left out or 0.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from miandan.addresses.areas import Area, chain_of, find_area, names_of
from miandan.carriers.catalogue import catalogue
from miandan.dialects.doudian.calls import Call
from miandan.dialects.doudian.order_states import after_sale_of, line_status, main_status_of, status_of
from miandan.dialects.doudian.reading import carrier_code
from miandan.dialects.doudian.receivers import Issuing, seen_by
from miandan.dialects.doudian.writing import id_of, seconds
from miandan.kernel.errors import Refusal
from miandan.merchants.service import find_shop
from miandan.orders.model import OrderLine, TradeOrder
from miandan.outbound import service as outbound
from miandan.outbound.model import Shipment
from miandan.vault.issued import OrderTexts, text_of
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient
from miandan.vault.purposes import RecipientField

_NO_TEXTS: Final = OrderTexts("", "", "")

_PLAIN_ORDER: Final = {"order_type": 0, "order_type_desc": "普通订单", "trade_type": 0, "trade_type_desc": "普通"}
_SHOP_ORDER, _SKU_ORDER = 2, 3
"""order_level (seen in the sample of AGISO)."""


async def order_trees(call: Call, orders: Sequence[TradeOrder], issuing: Issuing) -> list[dict[str, Any]]:
    """One tree per order, in their order."""
    if not orders:
        return []
    keys = await call.hall.vault.keys_for(call.merchant_id, [order.recipient for order in orders])
    packs = await outbound.shipments_of(call.db, call.merchant_id, [order.ref for order in orders])
    shop_name = (await find_shop(call.db, call.merchant_id, call.shop_id)).name if call.shop_id else ""
    return [
        _tree(order, _receiver(keys, order, issuing, call.app.app_key), packs[order.ref], shop_name) for order in orders
    ]


# --- the receiver -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Receiver:
    """What may be seen of an order's receiver."""

    texts: OrderTexts
    seen: Recipient
    open_address_id: str


def _receiver(keys: MerchantKeys, order: TradeOrder, issuing: Issuing, app: str) -> _Receiver:
    """A receiver that is shredded or was never kept leaves the division alone."""
    with suppress(Refusal):
        seen, texts = seen_by(app, keys, order, issuing)
        return _Receiver(texts, seen, open_address_id(order))
    names = names_of(order.division_code)
    place = (names.province, names.city, names.district, names.town) if names is not None else ("", "", "", "")
    return _Receiver(_NO_TEXTS, Recipient("", "", "", *place, division_code=order.division_code), "")


def open_address_id(order: TradeOrder) -> str:
    """The same for one person at one place within a shop, and for nobody else; what it was made from stays here."""
    if order.recipient.key is None:
        return ""
    shop = order.ref.shop_id.encode()
    digest = hashlib.blake2b(shop, key=order.recipient.digest, digest_size=24, person=b"open address")
    return f"#{b64encode(digest.digest()).decode()}"


def _receiver_fields(receiver: _Receiver) -> dict[str, Any]:
    seen, texts = receiver.seen, receiver.texts
    place = _divisions(seen)
    return {
        "encrypt_post_receiver": texts.name,
        "encrypt_post_tel": texts.phone,
        "post_addr": place | {"encrypt_detail": texts.address},
        "mask_post_receiver": seen.name,
        "mask_post_tel": text_of(seen, RecipientField.PHONE),
        "mask_post_addr": place | {"detail": seen.detail},
    }


def _divisions(seen: Recipient) -> dict[str, Any]:
    """Province by two digits, street by nine, as in a public sample; the county is called town."""
    levels = {area.level: area.code for area in chain_of(seen.division_code)}
    county = find_area(seen.division_code)
    return {
        "province": {"name": seen.province, "id": levels.get(1, "")[:2]},
        "city": {"name": seen.city, "id": levels.get(2, "")},
        "town": {"name": seen.district, "id": levels.get(3, "")},
        "street": {"name": seen.town, "id": _street_code(county, seen.town)},
    }


def _street_code(county: Area | None, name: str) -> str:
    parts = county.parts if county is not None and name else ()
    return next((part.code for part in parts if part.name == name), "")


# --- the order --------------------------------------------------------------------------------------------------------


def _tree(order: TradeOrder, receiver: _Receiver, packs: Sequence[Shipment], shop_name: str) -> dict[str, Any]:
    status, (main, main_zh) = status_of(order), main_status_of(order)
    out: Counter[str] = Counter()
    for pack in packs:
        out.update({line.line_id: line.quantity for line in pack.lines})
    fields = _receiver_fields(receiver)
    times = _times(order, packs)
    return {
        "shop_id": id_of(order.ref.shop_id),
        "shop_name": shop_name,
        "order_id": order.ref.order_id,
        "open_id": "",
        "order_level": _SHOP_ORDER,
        **_PLAIN_ORDER,
        "order_status": status.code,
        "order_status_desc": status.zh,
        "main_status": main,
        "main_status_desc": main_zh,
        **times,
        "cancel_reason": "",
        "buyer_words": receiver.seen.buyer_remark,
        "seller_words": receiver.seen.seller_remark,
        "seller_remark_stars": 0,
        "order_amount": order.paid_fen,
        "pay_amount": order.paid_fen,
        "post_amount": 0,
        "promotion_amount": 0,
        **fields,
        "open_address_id": receiver.open_address_id,
        "doudian_open_id": "",
        "logistics_info": [_parcel(pack, order) for pack in packs],
        "shop_order_tag_ui": [],
        "promise_info": "",
        "sku_order_list": [_sku_order(order, line, out, times, fields) for line in order.lines],
    }


def _times(order: TradeOrder, packs: Sequence[Shipment]) -> dict[str, int]:
    return {
        "create_time": seconds(order.created_at),
        "pay_time": seconds(order.paid_at),
        "update_time": seconds(order.changed_at),
        "ship_time": min((seconds(pack.shipped_at) for pack in packs), default=0),
        "exp_ship_time": 0,
        "finish_time": 0,
    }


def _sku_order(
    order: TradeOrder, line: OrderLine, out: Mapping[str, int], times: Mapping[str, int], fields: Mapping[str, Any]
) -> dict[str, Any]:
    ordered = sum(one.quantity for one in order.lines if one.line_id == line.line_id)
    code, zh = line_status(order, ordered, out.get(line.line_id, 0))
    paid = line.paid_fen or 0
    return {
        "order_id": line.line_id or order.ref.order_id,
        "parent_order_id": order.ref.order_id,
        "order_level": _SKU_ORDER,
        **_PLAIN_ORDER,
        "order_status": code,
        "order_status_desc": zh,
        "main_status": code,
        "main_status_desc": zh,
        **times,
        "product_name": line.title,
        "product_id": 0,
        "product_id_str": "",
        "sku_id": 0,
        "code": line.sku,
        "out_sku_id": line.sku,
        "spec": _specs(line),
        "item_num": line.quantity,
        "goods_type": 0,
        "order_amount": paid,
        "pay_amount": paid,
        "sum_amount": paid,
        "after_sale_info": after_sale_of(order),
        "sku_order_tag_ui": [],
        "promise_info": "",
        **fields,
    }


def _parcel(pack: Shipment, order: TradeOrder) -> dict[str, Any]:
    """delivery_id is what order.logisticsEditByPack calls pack_id."""
    lines = {line.line_id: line for line in order.lines}
    return {
        "tracking_no": pack.number,
        "company": carrier_code(pack.carrier),
        "company_name": catalogue().get(pack.carrier).zh,
        "ship_time": seconds(pack.shipped_at),
        "delivery_id": pack.pack_id,
        "hour_up_pickup_code": "",
        "product_info": [
            _shipped(lines[line.line_id], line.quantity, order.ref.order_id)
            for line in pack.lines
            if line.line_id in lines
        ],
    }


def _shipped(line: OrderLine, quantity: int, order_id: str) -> dict[str, Any]:
    return {
        "product_name": line.title,
        "price": (line.paid_fen or 0) // max(line.quantity, 1),
        "outer_sku_id": line.sku,
        "sku_id": 0,
        "sku_specs": _specs(line),
        "product_count": quantity,
        "product_id": 0,
        "product_id_str": "",
        "sku_order_id": line.line_id or order_id,
    }


def _specs(line: OrderLine) -> list[dict[str, str]]:
    return [{"name": "规格", "value": line.spec}] if line.spec else []
