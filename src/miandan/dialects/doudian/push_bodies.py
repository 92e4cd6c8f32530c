"""The `data` of a pushed message, with the keys that the platform's messages have (reference/doudian.md 2.8).

A receiver appears masked, and beside it as ciphertext for the app that hears it: nobody's name, phone or address leaves
here in plain. Ids are numbers where they are numbers that 64 bits hold, as the platform types them, else texts. Times
are seconds, money is fen. What we do not know (order_type, biz, pay_type) is 0, a client's "not said".
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import msgspec

from miandan.access.push_model import Delivery
from miandan.carriers.catalogue import catalogue
from miandan.dialects.doudian.order_states import status_of
from miandan.kernel.database import Database, Reads
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderRef, TradeOrder
from miandan.orders.service import find_orders
from miandan.outbound import service as outbound
from miandan.outbound.model import Shipment
from miandan.vault import issued
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient
from miandan.vault.service import Vault, masked

NAMESPACE: Final = "doudian"
MASK: Final = "screen"

_SHIPPED: Final = ("102", "104", "108")
_RECEIVER_CHANGED: Final = "105"
_LARGEST: Final = 2**63 - 1


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
        "order_status": order_status(order),
        "order_type": 0,
        "biz": 0,
        "create_time": seconds(order.created_at),
        "pay_time": seconds(order.paid_at),
        "update_time": seconds(order.changed_at),
        "pay_amount": order.paid_fen,
        "pay_type": 0,
    }


def order_status(order: TradeOrder) -> int:
    """The platform's number, the one that order.searchList shows."""
    return status_of(order).code


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
        "express_company_id": _carrier_code(pack.carrier),
        "logistics_code": pack.number,
        "pack_id": pack.pack_id,
        "shipped_order_info": [
            {"shipped_order_id": id_of(line.line_id), "shipped_num": line.quantity, "sku_num": line.ordered}
            for line in pack.lines
        ],
    }


def _carrier_code(carrier: str) -> str:
    with suppress(Refusal):
        return catalogue().get(carrier).code_in(NAMESPACE).code
    return carrier


async def _receiver(vault: Vault, one: Delivery, order: TradeOrder) -> dict[str, Any]:
    """Masked, and as ciphertext bound to this app, shop and order; empty when it is shredded or cannot be read."""
    if order.recipient.key is None:
        return {}
    keys = await vault.keys_for(one.merchant_id, [order.recipient])
    try:
        seen = masked(keys, order.recipient, order.ref.bound_to, MASK)
    except Refusal:
        return {}
    texts = _ciphertext(keys, one, order)
    address = _address(seen) | {"encrypt_detail": texts.address}
    return {
        "addr": msgspec.json.encode(address).decode(),
        "name": seen.name,
        "encrypt_name": texts.name,
        "tel": f"{seen.phone}-{seen.extension}" if seen.extension else seen.phone,
        "encrypt_tel": texts.phone,
    }


def _ciphertext(keys: MerchantKeys, one: Delivery, order: TradeOrder) -> issued.OrderTexts:
    """The one place where ciphertext enters a message."""
    where = {"app": one.app_key, "shop": one.shop_id, "order": order.ref.order_id}
    return issued.issue_for_order(keys, order.recipient.token, **where)


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


def id_of(text: str) -> int | str:
    """A number where the text is how a number that 64 bits hold is written, else the text."""
    plain = text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
    return int(text) if plain and len(text) <= 19 and int(text) <= _LARGEST else text


def seconds(at: datetime | None) -> int:
    """Since the epoch, 0 for never."""
    return 0 if at is None else int(at.timestamp())


def written(messages: Sequence[tuple[Delivery, Mapping[str, Any]]]) -> bytes:
    """The raw body of a request: an array of messages, the data of each a JSON text."""
    return msgspec.json.encode(
        [{"tag": one.tag, "msg_id": one.msg_id, "data": msgspec.json.encode(data).decode()} for one, data in messages]
    )
