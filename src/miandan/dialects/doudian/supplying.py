"""A supplier (代发厂家) at work for the shops of others: whose order an id means, and numbers for many of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from miandan.accounts import supply, supply_orders
from miandan.accounts.choosing import Wish
from miandan.accounts.supply_model import Distribution, SupplyRelation
from miandan.carriers.model import Carrier
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.calls import Call
from miandan.dialects.doudian.reading import carrier_named, read_goods, read_sender, read_services
from miandan.dialects.doudian.takes import Told, take_on_account, told
from miandan.dialects.doudian.using import must_have_taken, waybill_of
from miandan.kernel.errors import Refusal
from miandan.waybills.for_orders import OrderParcel, Served
from miandan.waybills.model import NumberRef

GET: Final = "iop.waybillGet"
MOST_ORDERS: Final = 10
"""Of one take (reference/doudian.md section 2.6)."""


def user_id_of(shop_id: str, seller_id: int) -> str:
    """What this protocol calls a seller: the shop, or the merchant where it has none."""
    return shop_id or str(seller_id)


@asynccontextmanager
async def at_work_on(call: Call, user_id: str, distr_order_id: str) -> AsyncIterator[Distribution]:
    """A distributed order that the caller supplies; until the block ends its seller cannot take it back.

    Raises supply.distribution_unknown, supply.distribution_cancelled.
    """
    async with supply_orders.taking(call.db, call.merchant_id, [(distr_order_id, "")]) as found:
        one = found[distr_order_id]
        if isinstance(one, Refusal):
            raise one
        yield _must_be_of(one, user_id)


def _must_be_of(found: Distribution, user_id: str) -> Distribution:
    """Raises supply.distribution_unknown where the call names another seller."""
    if user_id != user_id_of(found.ref.shop_id, found.seller_id):
        raise Refusal("supply.distribution_unknown", distribution=found.distr_order_id)
    return found


async def supplied_number(call: Call, carrier: Carrier, track_no: str, user_id: str) -> NumberRef:
    """A number that this app took for a shop that the caller supplies or supplied, on an account that it lent.

    Raises supply.no_relation, waybill.unknown, supply.nothing_lent.
    """
    relation = await _relation_with(call, user_id)
    waybill = await waybill_of(call, relation.seller_id, relation.shop_id, carrier, track_no)
    await must_have_taken(call, waybill)
    return waybill.ref


async def _relation_with(call: Call, user_id: str) -> SupplyRelation:
    """Ended ones count: what was taken before can still be cancelled."""
    for relation in await supply.sellers_of(call.db, call.merchant_id):
        if user_id_of(relation.shop_id, relation.seller_id) == user_id and relation.active_since is not None:
            return relation
    raise Refusal("supply.no_relation", shop=user_id[:40], state="none")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One order of the call, with what its group says: whose it is, and which carrier takes it."""

    user_id: str
    company: str
    order: Mapping[str, Any]

    @property
    def parcel(self) -> tuple[str, str]:
        return self.order["distr_order_id"], self.order.get("pack_id", "")


_Group = tuple[int, str, str]
"""Seller, shop, carrier: what rides on one account."""


async def take_for_sellers(call: Call) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Numbers and failures, each in the order asked. Raises doudian.field_limit above ten orders."""
    wanted = [
        _Wanted(trade["user_id"], trade["company_code"], order)
        for trade in call.params["trade_order_list"]
        for order in trade["order_infos"]
    ]
    if len(wanted) > MOST_ORDERS:
        raise Refusal("doudian.field_limit", field="trade_order_list.order_infos", limit=f"<= {MOST_ORDERS}")
    results: dict[int, Served | Refusal] = {}
    async with supply_orders.taking(call.db, call.merchant_id, [one.parcel for one in wanted]) as found:
        groups: dict[_Group, dict[int, OrderParcel]] = {}
        for place, one in enumerate(wanted):
            try:
                group, parcel = _parcel(one, found[one.parcel[0]])
                groups.setdefault(group, {})[place] = parcel
            except Refusal as refusal:
                results[place] = refusal
        for group, parcels in groups.items():
            results |= await _serve(call, group, parcels)
    return await _written(call, wanted, [results[place] for place in range(len(wanted))])


def _parcel(wanted: _Wanted, found: Distribution | Refusal) -> tuple[_Group, OrderParcel]:
    """The order goes to its own recipient, whom the supplier never names."""
    if isinstance(found, Refusal):
        raise found
    ref = _must_be_of(found, wanted.user_id).ref
    order = wanted.order
    parcel = OrderParcel(
        ref.shop_id,
        (ref.order_id,),
        order.get("pack_id", ""),
        goods=read_goods(order["items"]),
        product=order.get("product_type", ""),
        services=read_services(order.get("service_list", ())),
        pieces=order.get("total_pack_count", 1),
    )
    return (found.seller_id, ref.shop_id, carrier_named(wanted.company).code), parcel


async def _serve(call: Call, group: _Group, parcels: Mapping[int, OrderParcel]) -> Mapping[int, Served | Refusal]:
    """One take on an account that the caller lent to the seller."""
    seller_id, shop_id, carrier = group
    sender, street = read_sender(_snake(call.params["sender"]))
    try:
        return await take_on_account(call, seller_id, shop_id, Wish(carrier, sender, street), parcels)
    except Refusal as refusal:
        return dict.fromkeys(parcels, refusal)


def _snake(sender: Mapping[str, Any]) -> dict[str, Any]:
    """This method alone writes its address in camelCase."""
    address = sender["address"]
    return {
        "contact": sender["contact"],
        "address": {
            "province_name": address["provinceName"],
            "city_name": address["cityName"],
            "district_name": address["districtName"],
            "street_name": address.get("streetName", ""),
            "detail_address": address["detailAddress"],
        },
    }


async def _written(
    call: Call, wanted: Sequence[_Wanted], results: Sequence[Served | Refusal]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    taken: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for one, result in zip(wanted, results, strict=True):
        outcome = await told(call, result)
        if isinstance(outcome, Refusal):
            failed.append(_err_info(one, outcome))
        else:
            taken.append(_ebill_info(one, outcome))
    return taken, failed


def _ebill_info(wanted: _Wanted, taken: Told) -> dict[str, Any]:
    """`extra_resp` has the words that newCreateOrder answers in hint_msg: this method has no field for them."""
    distr_order_id, pack_id = wanted.parcel
    return {
        "distr_order_id": distr_order_id,
        "pack_id": pack_id,
        "track_no": taken.number,
        "sort_code": taken.route.sort_code,
        "package_code": "",
        "package_code_name": taken.route.bag_centre,
        "mark_destination_code": "",
        "mark_destination_code_name": taken.route.big_mark,
        "extra": wanted.order.get("extra", ""),
        "extra_resp": taken.hint,
        "sub_waybill_codes": ",".join(taken.children),
    }


def _err_info(wanted: _Wanted, refusal: Refusal) -> dict[str, Any]:
    distr_order_id, pack_id = wanted.parcel
    number, said = answers.of_item(refusal, GET)
    return {
        "distr_order_id": distr_order_id,
        "pack_id": pack_id,
        "err_code": str(number),
        "err_msg": said,
    }
