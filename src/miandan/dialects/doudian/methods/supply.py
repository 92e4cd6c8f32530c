"""Suppliers who ship for another shop (代打, iop.*): orders given and taken back, numbers, ship statements.

Of the first nine only the names are public; their parameters and answers are our own.
"""

from collections.abc import Sequence
from typing import Any, Final

from miandan.access.model import Scope
from miandan.accounts import supply, supply_orders
from miandan.accounts.supply_model import (
    DistributedOrder,
    Distribution,
    DistributionState,
    Page,
    RelationState,
    SupplyRelation,
)
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.order_ids import orders_meant
from miandan.dialects.doudian.reading import carrier_code, carrier_named
from miandan.dialects.doudian.supplied_goods import state_packs, state_whole
from miandan.dialects.doudian.supplying import at_work_on, supplied_number, take_for_sellers, user_id_of
from miandan.dialects.doudian.using import cancel
from miandan.dialects.doudian.writing import seconds
from miandan.kernel.errors import Refusal
from miandan.merchants.service import find_merchant, find_shop
from miandan.orders.model import OrderRef
from miandan.outbound import service as outbound
from miandan.outbound.model import NumberChange, Parcel

_RELATION_STATES: Final = {RelationState.ASKED: 0, RelationState.ACTIVE: 1, RelationState.ENDED: 2}
_DISTRIBUTION_STATES: Final = {DistributionState.DISTRIBUTED: 1, DistributionState.CANCELLED: 2}


@method("iop.roleGet", Scope.SUPPLY)
async def role_get(call: Call) -> dict[str, Any]:
    """What the caller is by its active relations; `supplier_id` is what its sellers name it by."""
    sellers = await supply.sellers_of(call.db, call.merchant_id)
    return {
        "user_id": user_id_of(call.shop_id, call.merchant_id),
        "supplier_id": str(call.merchant_id),
        "is_seller": any(one.state is RelationState.ACTIVE for one in await _relations_of_shop(call)),
        "is_supplier": any(one.state is RelationState.ACTIVE for one in sellers),
    }


@method("iop.sellerSupplierList", Scope.SUPPLY)
async def seller_supplier_list(call: Call) -> dict[str, Any]:
    """Who ships for the caller's shop: relation_state 0 asked, 1 active, 2 ended."""
    return {
        "supplier_list": [
            {
                "supplier_id": str(one.supplier_id),
                "supplier_name": (await find_merchant(call.db, one.supplier_id)).name,
                **_about(one),
            }
            for one in await _relations_of_shop(call)
        ]
    }


@method("iop.getSellerList", Scope.SUPPLY)
async def get_seller_list(call: Call) -> dict[str, Any]:
    """For whom the caller ships."""
    return {
        "seller_list": [
            {
                "user_id": user_id_of(one.shop_id, one.seller_id),
                "shop_name": await _seller_name(call, one),
                **_about(one),
            }
            for one in await supply.sellers_of(call.db, call.merchant_id)
        ]
    }


async def _relations_of_shop(call: Call) -> list[SupplyRelation]:
    """A token speaks for one shop: the merchant's other shops are no affair of its app."""
    return [one for one in await supply.suppliers_of(call.db, call.merchant_id) if one.shop_id == call.shop_id]


async def _seller_name(call: Call, relation: SupplyRelation) -> str:
    if relation.shop_id:
        return (await find_shop(call.db, relation.seller_id, relation.shop_id)).name
    return (await find_merchant(call.db, relation.seller_id)).name


def _about(relation: SupplyRelation) -> dict[str, Any]:
    return {
        "relation_state": _RELATION_STATES[relation.state],
        "active_time": seconds(relation.active_since),
        "end_time": seconds(relation.ended_at),
    }


@method("iop.sellerDistribute", Scope.SUPPLY)
async def seller_distribute(call: Call) -> dict[str, Any]:
    """Orders of the caller's shop to a supplier; again it answers the same ids."""
    supplier, order_ids = call.params["supplier_id"].strip(), call.params["order_ids"]
    if not (supplier.isascii() and supplier.isdigit() and int(supplier) < 2**63):
        raise Refusal("supply.no_relation", shop=call.shop_id, state="none")
    meant = await orders_meant(call, order_ids)
    refs = [OrderRef(call.shop_id, meant[one]) for one in order_ids]
    given = await supply_orders.distribute(call.db, call.merchant_id, refs, int(supplier))
    return {
        "distr_order_list": [
            {"order_id": order_id, "distr_order_id": one.distr_order_id}
            for order_id, one in zip(order_ids, given, strict=True)
            if isinstance(one, Distribution)
        ],
        "err_infos": _err_infos("iop.sellerDistribute", "order_id", order_ids, given),
    }


@method("iop.sellerCancleDistribute", Scope.SUPPLY)
async def seller_cancel_distribute(call: Call) -> dict[str, Any]:
    """Orders taken back, while no number stands. The spelling is the platform's."""
    ids = call.params["distr_order_ids"]
    back = await supply_orders.cancel_distribution(call.db, call.merchant_id, ids, shop_id=call.shop_id)
    return {
        "distr_order_ids": [one.distr_order_id for one in back if isinstance(one, Distribution)],
        "err_infos": _err_infos("iop.sellerCancleDistribute", "distr_order_id", ids, back),
    }


def _err_infos(
    method_name: str, key: str, asked: Sequence[str], answered: Sequence[Distribution | Refusal]
) -> list[dict[str, Any]]:
    return [
        {key: one, "err_code": str(number), "err_msg": said}
        for one, answer in zip(asked, answered, strict=True)
        if isinstance(answer, Refusal)
        for number, said in (answers.of_item(answer, method_name),)
    ]


@method("iop.sellerOrderList", Scope.SUPPLY)
async def seller_order_list(call: Call) -> dict[str, Any]:
    """What the caller's shop gave away, newest first."""
    page, size = _page(call)
    found = await supply_orders.orders_given(
        call.db, call.merchant_id, shop_id=call.shop_id, limit=size, offset=page * size
    )
    return _listed(found, [_for_seller(one) for one in found.rows], page, size)


@method("iop.sellerOrderInfo", Scope.SUPPLY)
async def seller_order_info(call: Call) -> dict[str, Any]:
    """One of them."""
    order = await supply_orders.find_distributed(call.db, call.merchant_id, call.params["distr_order_id"])
    found = order.distribution
    if (found.seller_id, found.ref.shop_id) != (call.merchant_id, call.shop_id):
        raise Refusal("supply.distribution_unknown", distribution=found.distr_order_id)
    return _for_seller(order)


@method("iop.orderList", Scope.SUPPLY)
async def order_list(call: Call) -> dict[str, Any]:
    """What the caller was given, of one seller or of all, newest first."""
    page, size = _page(call)
    seller_id, shop_id = await _seller_asked_for(call)
    found = await supply_orders.orders_received(
        call.db, call.merchant_id, seller_id=seller_id, shop_id=shop_id, limit=size, offset=page * size
    )
    return _listed(found, [_for_supplier(one) for one in found.rows], page, size)


async def _seller_asked_for(call: Call) -> tuple[int | None, str | None]:
    """Merchant and shop that `user_id` narrows a list to, None where it leaves them open."""
    user_id = call.params.get("user_id")
    if not user_id:
        return None, None
    for one in await supply.sellers_of(call.db, call.merchant_id):
        if not one.shop_id and user_id_of("", one.seller_id) == user_id:
            return one.seller_id, ""
    return None, user_id


@method("iop.orderInfo", Scope.SUPPLY)
async def order_info(call: Call) -> dict[str, Any]:
    """One of them. Nothing says who receives it: the label does, masked."""
    return _for_supplier(await _received(call, call.params["distr_order_id"]))


async def _received(call: Call, distr_order_id: str) -> DistributedOrder:
    order = await supply_orders.find_distributed(call.db, call.merchant_id, distr_order_id)
    if order.distribution.supplier_id != call.merchant_id:
        raise Refusal("supply.distribution_unknown", distribution=distr_order_id)
    return order


def _page(call: Call) -> tuple[int, int]:
    """Page, from 0, and rows of a page."""
    return call.params.get("page", 0), call.params.get("size", 20)


def _listed(found: Page, rows: list[dict[str, Any]], page: int, size: int) -> dict[str, Any]:
    return {"order_list": rows, "total": found.total, "page": page, "size": size}


def _for_supplier(order: DistributedOrder) -> dict[str, Any]:
    """Goods and states. The seller's own order id and prices are not the supplier's affair."""
    found = order.distribution
    return {
        "distr_order_id": found.distr_order_id,
        "user_id": user_id_of(found.ref.shop_id, found.seller_id),
        "distr_status": _DISTRIBUTION_STATES[found.state],
        "order_status": order.order_state.value,
        "distr_time": seconds(found.distributed_at),
        "cancel_time": seconds(found.cancelled_at),
        "pay_time": seconds(order.paid_at),
        "item_list": [
            {
                "item_id": line.line_id,
                "item_name": line.title,
                "item_specs": line.spec,
                "sku_code": line.sku,
                "item_count": line.quantity,
            }
            for line in order.lines
        ],
        "waybill_list": [
            {"company_code": carrier_code(one.carrier), "track_no": one.number, "pack_id": one.pack_id}
            for one in order.numbers
        ],
    }


def _for_seller(order: DistributedOrder) -> dict[str, Any]:
    found = order.distribution
    return {"order_id": found.ref.order_id, "supplier_id": str(found.supplier_id)} | _for_supplier(order)


@method("iop.waybillGet", Scope.SUPPLY)
async def waybill_get(call: Call) -> dict[str, Any]:
    """Numbers for at most ten distributed orders, on accounts that the caller lent to their sellers."""
    taken, failed = await take_for_sellers(call)
    return {"ebill_infos": taken, "err_infos": failed}


@method("iop.waybillCancel", Scope.SUPPLY)
async def waybill_cancel(call: Call) -> dict[str, Any]:
    """A number that was taken for a seller; the unit comes back to the lent account."""
    params = call.params
    ref = await supplied_number(call, carrier_named(params["company_code"]), params["track_no"], params["user_id"])
    return {"return_result": await cancel(call, ref)}


@method("iop.waybillReturn", Scope.SUPPLY)
async def waybill_return(call: Call) -> dict[str, Any]:
    """What went out of a seller's order, in one pack or in those of `pack_list`. Said again it changes nothing.

    Where the parcel left from (address_id, send_addr) is what the waybill says; serial numbers are not kept.
    """
    params, packs = call.params, call.params.get("pack_list", ())
    async with at_work_on(call, params["user_id"], params["distr_order_id"]) as found:
        if not packs:
            return {"return_result": True, "delivery_id": (await state_whole(call, found)).pack_id, "pack_list": []}
        stated = await state_packs(call, await _received(call, found.distr_order_id), packs)
    return {
        "return_result": True,
        "delivery_id": stated[0].pack_id,
        "pack_list": [
            {
                "deliver_id": one.pack_id,
                "track_no": one.number,
                "ship_num": one.pieces,
                "company_code": carrier_code(one.carrier),
            }
            for one in stated
        ],
    }


@method("iop.waybillUpdate", Scope.SUPPLY)
async def waybill_update(call: Call) -> dict[str, Any]:
    """Another number for a pack (delivery_id) that was stated."""
    params = call.params
    async with at_work_on(call, params["user_id"], params["distr_order_id"]) as found:
        change = NumberChange(
            merchant_id=found.seller_id,
            shop_id=found.ref.shop_id,
            stated_by=call.app.app_key,
            order_id=found.ref.order_id,
            parcel=Parcel(carrier_named(params["company_code"]).code, params["track_no"]),
        )
        changed = await outbound.change_pack_number(call.hall.shipping, params["delivery_id"], change)
    return {"return_result": True, "delivery_id": changed.pack_id}
