"""Numbers: taking them, changing and cancelling them, more pieces; branches and balances; where a carrier goes."""

from typing import Any, Final

from miandan.access.model import Scope
from miandan.accounts.netsites import NetSite, netsites_of
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.reading import carrier_code, carrier_named, division_code, read_goods
from miandan.dialects.doudian.taking import take_batch
from miandan.dialects.doudian.updating import new_recipient
from miandan.dialects.doudian.using import cancel, number_of
from miandan.kernel.errors import Refusal
from miandan.waybills import lives, queries
from miandan.waybills.appending import append_pieces

_DIRECT: Final = 1
_FRANCHISE: Final = 2
_DIRECT_WITH_BRANCHES: Final = 4
"""Company types of the protocol; 3 is local distribution, which no carrier of ours is."""

_BOTH: Final = 0
_ENDS: Final = {_BOTH: ("sender_address", "receiver_address"), 1: ("sender_address",), 2: ("receiver_address",)}
"""Addresses that a question about the range of a carrier is about: both, where it picks up, where it delivers."""


@method("logistics.newCreateOrder", Scope.WAYBILLS)
async def new_create_order(call: Call) -> dict[str, Any]:
    """At most 50 orders. What fails rides in err_infos beside code 10000; err_code is text here."""
    taken, failed = await take_batch(call)
    return {"ebill_infos": taken, "err_infos": failed}


@method("logistics.updateOrder", Scope.WAYBILLS)
async def update_order(call: Call) -> dict[str, Any]:
    """The next version of a document: recipient, goods. What is left out stays."""
    params = call.params
    carrier = carrier_named(params["logistics_code"])
    ref = await number_of(call, carrier, params["track_no"], params.get("user_id"))
    changes: dict[str, Any] = {}
    if "receiver_info" in params:
        changes |= await new_recipient(call, ref, params["receiver_info"])
    if params.get("items"):
        changes["goods"] = read_goods(params["items"])
    await lives.update(call.hall.counter, ref.merchant_id, ref.carrier, ref.number, **changes)
    [waybill] = await queries.waybills(call.db, [ref])
    route = waybill.route
    return {
        "track_no": ref.number,
        "sort_code": route.sort_code,
        "package_center_code": "",
        "package_center_name": route.bag_centre,
        "short_address_code": "",
        "short_address_name": route.big_mark,
        "extra_resp": "",
    }


@method("logistics.cancelOrder", Scope.WAYBILLS)
async def cancel_order(call: Call) -> dict[str, Any]:
    """A number and its children. Cancelled again it is cancelled still."""
    params = call.params
    carrier = carrier_named(params["logistics_code"])
    ref = await number_of(call, carrier, params["track_no"], params.get("user_id"))
    return {"cancel_result": {"success": await cancel(call, ref)}}


@method("logistics.appendSubOrder", Scope.WAYBILLS)
async def append_sub_order(call: Call) -> dict[str, Any]:
    """More child numbers below a parent; the new ones, or all of them where the call says so."""
    params = call.params
    carrier = carrier_named(params["logistics_code"])
    ref = await number_of(call, carrier, params["track_no"], None)
    added = await append_pieces(
        call.hall.counter,
        ref.merchant_id,
        ref.carrier,
        ref.number,
        params["pack_add_quantity"],
        app=call.app.app_key,
    )
    children = await queries.children(call.db, ref)
    shown = children if params.get("is_return_full_sub_codes") else added
    return {"track_no": ref.number, "pack_quantity": len(children) + 1, "sub_waybill_codes": ",".join(shown)}


@method("logistics.listShopNetsite", Scope.WAYBILLS)
async def list_shop_netsite(call: Call) -> dict[str, Any]:
    """The shop's accounts as branches with balance and approved sender addresses; "" asks for every carrier."""
    asked = call.params.get("logistics_code", "")
    carrier = carrier_named(asked).code if asked else None
    sites = [_site(site) for site in await netsites_of(call.db, call.merchant_id, carrier)]
    return {
        "netsites": sites,
        "logistics_code": asked,
        "company_type": sites[0]["company_type"] if sites else 0,
    }


def _site(site: NetSite) -> dict[str, Any]:
    account, balance = site.account, site.balance
    return {
        "netsite_code": account.branch_code or account.settlement_code,
        "netsite_name": site.branch_name,
        "amount": "-1" if site.left is None else str(site.left),
        "sender_address": [
            {
                "province_name": row.sender.province,
                "city_name": row.sender.city,
                "district_name": row.sender.district,
                "street_name": "",
                "detail_address": row.sender.detail,
            }
            for row in site.senders
        ],
        "allocated_quantity": balance.allocated,
        "cancelled_quantity": balance.waiting,
        "recycled_quantity": balance.recycled,
        "company": carrier_code(account.carrier),
        "company_type": _company_type(site),
    }


def _company_type(site: NetSite) -> int:
    if not site.is_direct:
        return _FRANCHISE
    return _DIRECT_WITH_BRANCHES if site.has_branches else _DIRECT


@method("logistics.getOutRange", Scope.WAYBILLS)
async def get_out_range(call: Call) -> dict[str, Any]:
    """Whether a carrier goes there. We know the ways of its route table: no way is no promise of delivery.

    Nothing public says how the platform decides; a carrier without a table is not refused. Raises
    doudian.field_missing where no address is given that `type` asks about.
    """
    params = call.params
    carrier = carrier_named(params["logistics_code"])
    asked = _ENDS.get(params["type"], _ENDS[_BOTH])
    places = [params[name] for name in asked if name in params]
    if not places:
        raise Refusal("doudian.field_missing", field=asked[-1])
    routes = await call.hall.counter.routes(carrier.code)
    out = not all(routes.reaches(division_code(place)) for place in places)
    return {"is_out_range": out, "out_range_reason": "5" if out else ""}
