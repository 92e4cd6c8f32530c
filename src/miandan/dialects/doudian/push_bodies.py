"""The `data` of a pushed message, with the keys that the platform's messages have (reference/doudian.md 2.8).

A receiver appears masked, and beside it as ciphertext for the app that hears it: nobody's name, phone or address leaves
here in plain. Ids are numbers where they are numbers that 64 bits hold, as the platform types them, else texts. Times
are seconds, money is fen. What we do not know (order_type, biz, pay_type) is 0, a client's "not said".
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from miandan.access.push_model import Delivery
from miandan.dialects.doudian.order_states import status_of
from miandan.dialects.doudian.reading import carrier_code
from miandan.dialects.doudian.receivers import seen_by
from miandan.dialects.doudian.writing import id_of, seconds
from miandan.kernel.database import Database, Reads
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderRef, TradeOrder
from miandan.orders.service import find_orders
from miandan.outbound import service as outbound
from miandan.outbound.model import Shipment
from miandan.vault.issued import text_of
from miandan.vault.model import Recipient
from miandan.vault.purposes import RecipientField
from miandan.vault.service import Vault

_SHIPPED: Final = ("102", "104", "108")
_RECEIVER_CHANGED: Final = "105"


async def bodies(db: Database, vault: Vault, batch: Sequence[Delivery]) -> list[dict[str, Any]]:
    """The data of each message, from its order as it stands now; ids alone where the order is gone."""
    wanted: dict[int, set[OrderRef]] = defaultdict(set)
    for one in batch:
        wanted[one.merchant_id].add(_ref(one))
    known: dict[tuple[int, OrderRef], TradeOrder] = {}
    for merchant_id, refs in wanted.items():
        found = await find_orders(db, merchant_id, sorted(refs))
        known |= {(merchant_id, ref): order for ref, order in found.items()}
    return [await _body(db, vault, one, known.get((one.merchant_id, _ref(one)))) for one in batch]


async def _body(db: Database, vault: Vault, one: Delivery, order: TradeOrder | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "p_id": id_of(str(one.body["order"])),
        "shop_id": id_of(one.shop_id or str(one.merchant_id)),
    }
    if order is None:
        return data | {"s_ids": [], "update_time": seconds(one.made_at)}
    data |= _about(order)
    if one.tag in _SHIPPED:
        data["logistics_msg"] = await _logistics(db, one)
    if one.tag in (*_SHIPPED, _RECEIVER_CHANGED):
        data["receiver_msg"] = await _receiver(vault, one, order)
    return data


def _ref(one: Delivery) -> OrderRef:
    return OrderRef(one.shop_id, str(one.body["order"]))


def _about(order: TradeOrder) -> dict[str, Any]:
    return {
        "s_ids": [id_of(line.line_id) for line in order.lines],
        "order_status": status_of(order).code,
        "order_type": 0,
        "biz": 0,
        "create_time": seconds(order.created_at),
        "pay_time": seconds(order.paid_at),
        "update_time": seconds(order.changed_at),
        "pay_amount": order.paid_fen,
        "pay_type": 0,
    }


async def _logistics(db: Reads, one: Delivery) -> dict[str, Any]:
    """Carrier and number of the pack as they stand; empty when nothing was stated here or it was withdrawn."""
    nothing = {"express_company_id": "", "logistics_code": ""}
    pack_id = one.body.get("pack")
    if pack_id is None:
        return nothing
    told = await outbound.history_of(db, one.merchant_id, _ref(one))
    standing = [row for row in told if row.pack_id == pack_id and row.withdrawn_at is None]
    if not standing:
        return nothing | {"pack_id": pack_id}
    return _pack(standing[-1])


def _pack(pack: Shipment) -> dict[str, Any]:
    return {
        "express_company_id": carrier_code(pack.carrier),
        "logistics_code": pack.number,
        "pack_id": pack.pack_id,
        "shipped_order_info": [
            {"shipped_order_id": id_of(line.line_id), "shipped_num": line.quantity, "sku_num": line.ordered}
            for line in pack.lines
        ],
    }


async def _receiver(vault: Vault, one: Delivery, order: TradeOrder) -> dict[str, Any]:
    """Masked, and as ciphertext bound to this app, shop and order; empty when it is shredded or cannot be read."""
    keys = await vault.keys_for(one.merchant_id, [order.recipient])
    try:
        seen, texts = seen_by(one.app_key, keys, order)
    except Refusal:
        return {}
    address = _address(seen) | {"encrypt_detail": texts.address}
    return {
        "addr": msgspec.json.encode(address).decode(),
        "name": seen.name,
        "encrypt_name": texts.name,
        "tel": text_of(seen, RecipientField.PHONE),
        "encrypt_tel": texts.phone,
    }


def _address(seen: Recipient) -> dict[str, Any]:
    code = seen.division_code
    province, city = (f"{code[:2]}0000", f"{code[:4]}00") if code else ("", "")
    return {
        "province": {"id": province, "name": seen.province},
        "city": {"id": city, "name": seen.city},
        "town": {"id": code, "name": seen.district},
        "street": {"id": "", "name": seen.town},
        "detail": seen.detail,
    }


def written(messages: Sequence[tuple[Delivery, Mapping[str, Any]]]) -> bytes:
    """The raw body of a request: an array of messages, the data of each a JSON text."""
    return msgspec.json.encode(
        [{"tag": one.tag, "msg_id": one.msg_id, "data": msgspec.json.encode(data).decode()} for one, data in messages]
    )
