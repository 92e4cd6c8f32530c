"""What went out (发货): an order, one order in many packs, many orders in one pack; and corrections of their numbers.

`logistics_code` is the waybill number in these methods, not a carrier as in the e-waybill methods.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from miandan.access.model import Scope
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.order_ids import order_meant, orders_meant
from miandan.dialects.doudian.reading import carrier_of
from miandan.kernel.errors import Refusal
from miandan.outbound import service as outbound
from miandan.outbound.model import (
    LineAsk,
    NumberChange,
    PackAsk,
    Parcel,
    ShipInPacks,
    Shipment,
    ShipOrder,
    ShipTogether,
)


@method("order.logisticsAdd", Scope.SHIP)
async def logistics_add(call: Call) -> dict[str, Any]:
    """All that is left of an order, in one parcel. The same number again is answered as the first time."""
    order_id = await order_meant(call, call.params["order_id"])
    ask = ShipOrder(**_said(call), order_id=order_id, parcel=_parcel(call.params))
    await outbound.ship_order(call.hall.shipping, ask)
    return {}


@method("order.logisticsAddMultiPack", Scope.SHIP)
async def logistics_add_multi_pack(call: Call) -> dict[str, Any]:
    """One order in many parcels, all of them or none; the same request_id is answered with the same packs."""
    params = call.params
    packs = tuple(PackAsk(_parcel(pack), _lines(pack["shipped_order_info"])) for pack in params["pack_list"])
    order_id = await order_meant(call, params["order_id"])
    ask = ShipInPacks(**_said(call), order_id=order_id, packs=packs, request_id=params["request_id"])
    return {"pack_list": [_pack(shipment) for shipment in await outbound.ship_in_packs(call.hall.shipping, ask)]}


@method("order.logisticsAddSinglePack", Scope.SHIP)
async def logistics_add_single_pack(call: Call) -> dict[str, Any]:
    """Many orders in one parcel; the same request_id is answered with the same pack."""
    params = call.params
    meant = await orders_meant(call, params["order_id_list"])
    ask = ShipTogether(
        **_said(call),
        order_ids=tuple(meant.values()),
        parcel=_parcel(params),
        request_id=params["request_id"],
        lines=_lines(params["shipped_order_info"]),
    )
    first, *_ = await outbound.ship_together(call.hall.shipping, ask)
    return {"pack_id": first.pack_id}


@method("order.logisticsEdit", Scope.SHIP)
async def logistics_edit(call: Call) -> dict[str, Any]:
    """Another number for an order that went out in one parcel."""
    await outbound.change_number(call.hall.shipping, await _change(call))
    return {}


@method("order.logisticsEditByPack", Scope.SHIP)
async def logistics_edit_by_pack(call: Call) -> dict[str, Any]:
    """Another number for one pack of an order, and so for every order in that pack."""
    await outbound.change_pack_number(call.hall.shipping, call.params["pack_id"], await _change(call))
    return {}


def _said(call: Call) -> dict[str, Any]:
    """Who says it, and what all statements may say. 0 is a store that is not named."""
    params = call.params
    return {
        "merchant_id": call.merchant_id,
        "shop_id": call.shop_id,
        "stated_by": call.app.app_key,
        "reject_refund": params.get("is_refund_reject", False) or params.get("is_reject_refund", False),
        "store_id": str(params.get("store_id") or ""),
    }


def _parcel(given: Mapping[str, Any]) -> Parcel:
    """Raises doudian.field_missing, carrier.unknown."""
    number = given.get("logistics_code", "")
    if not number:
        raise Refusal("doudian.field_missing", field="logistics_code")
    return Parcel(carrier_of(given).code, number)


def _lines(given: Sequence[Mapping[str, Any]]) -> tuple[LineAsk, ...]:
    return tuple(LineAsk(one["shipped_order_id"], one.get("shipped_num")) for one in given)


async def _change(call: Call) -> NumberChange:
    order_id = await order_meant(call, call.params["order_id"])
    return NumberChange(**_said(call), order_id=order_id, parcel=_parcel(call.params))


def _pack(shipment: Shipment) -> dict[str, Any]:
    return {
        "shipped_order_info": [
            {"shipped_order_id": line.line_id, "shipped_num": line.quantity, "shipped_item_ids": []}
            for line in shipment.lines
        ],
        "logistics_code": shipment.number,
        "pack_id": shipment.pack_id,
    }
