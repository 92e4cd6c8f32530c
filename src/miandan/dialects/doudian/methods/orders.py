"""Orders of the shop: lists and details, which of them may share a parcel, and which carriers they can go with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from miandan.access.model import Scope
from miandan.accounts import service as accounts
from miandan.accounts.model import AccountState
from miandan.carriers.model import Carrier
from miandan.dialects.doudian import answers
from miandan.dialects.doudian.calls import Call, method
from miandan.dialects.doudian.order_ids import orders_meant
from miandan.dialects.doudian.order_search import find_page
from miandan.dialects.doudian.order_tree import open_address_id, order_trees
from miandan.dialects.doudian.reading import carrier_code, carrier_named, company_id
from miandan.dialects.doudian.receivers import Issuing, plain_texts, searchable_texts
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderRef, TradeOrder
from miandan.orders.service import find_orders
from miandan.outbound.companies import companies_of, offered_to
from miandan.outbound.merging import mergeable

MOST_ASKED: Final = 100
"""Orders whose carriers one call may ask for (own limit)."""


@method("order.searchList", Scope.ORDERS)
async def search_list(call: Call) -> dict[str, Any]:
    """A page of the last 90 days, by the time orders were made or changed; `total` counts all pages."""
    found = await find_page(call)
    trees = await order_trees(call, found.orders, _issuing(call))
    return {"page": call.params["page"], "size": call.params["size"], "total": found.total, "shop_order_list": trees}


@method("order.orderDetail", Scope.ORDERS)
async def order_detail(call: Call) -> dict[str, Any]:
    """One order of the shop, in the same tree as the list shows it. Raises orders.unknown."""
    [order] = await _orders_named(call, [call.params["shop_order_id"]])
    [tree] = await order_trees(call, [order], _issuing(call))
    return {"shop_order_detail": tree}


def _issuing(call: Call) -> Issuing:
    return searchable_texts if call.params.get("is_searchable") else plain_texts


async def _orders_named(call: Call, order_ids: Sequence[str]) -> list[TradeOrder]:
    """Raises orders.unknown, also for an order of another shop."""
    meant = await orders_meant(call, order_ids)
    refs = [OrderRef(call.shop_id, meant[order_id]) for order_id in order_ids]
    known = await find_orders(call.db, call.merchant_id, refs)
    for ref in refs:
        if ref not in known:
            raise Refusal("orders.unknown", order_id=ref.order_id[:64])
    return [known[ref] for ref in refs]


# --- merging ----------------------------------------------------------------------------------------------------------


@method("order.merge", Scope.ORDERS)
async def merge(call: Call) -> dict[str, Any]:
    """Groups of two orders or more that may share a parcel. One whose receiver is no longer the one that its
    open_address_id stands for is in no group: the caller's goods would go to where its owner has left."""
    rows = call.params["merge_list"]
    meant = await orders_meant(call, [row["order_id"] for row in rows])
    pairs = {OrderRef(call.shop_id, meant[row["order_id"]]): row for row in rows}
    known = await find_orders(call.db, call.merchant_id, list(pairs))
    keys = await call.hall.vault.keys_for(call.merchant_id, [order.recipient for order in known.values()])
    stale = {ref for ref, order in known.items() if pairs[ref]["open_address_id"] != open_address_id(order)}
    fresh = [ref for ref in pairs if ref not in stale]
    groups = await mergeable(call.db, keys, call.merchant_id, fresh) if len(fresh) > 1 else []
    return {"order_list": [",".join(pairs[ref]["order_id"] for ref in group) for group in groups]}


# --- carriers ---------------------------------------------------------------------------------------------------------


@method("order.logisticsCompanyList", Scope.ORDERS)
async def logistics_company_list(call: Call) -> list[dict[str, Any]]:
    """Carriers that the shop may ship with. The envelope's data is the list itself."""
    return [{"id": company_id(one)} | _company(one) for one in await companies_of(call.db, call.merchant_id)]


@method("order.queryLogisticsCompanyList", Scope.ORDERS)
async def query_logistics_company_list(call: Call) -> dict[str, Any]:
    """The shop's carriers. Orders bring none of their own here, so each order that is known has an empty list."""
    named = dict.fromkeys(call.params.get("shop_order_ids", ()))
    if len(named) > MOST_ASKED:
        raise Refusal("doudian.field_limit", field="shop_order_ids", limit=f"0..{MOST_ASKED}")
    asked = {meant: order_id for order_id, meant in (await orders_meant(call, named)).items()}
    offered = await offered_to(call.db, call.merchant_id, call.shop_id, list(asked))
    return {
        "logistics_company_list_by_shop": [_company(one) for one in offered.carriers],
        "logistics_company_list_by_order_ids": [
            {"order_id": asked[order_id], "logistcis_company_list_by_ids": []} for order_id in offered.order_ids
        ],
        "fail_shop_order_id_and_reason": _failed(asked, offered.failed),
    }


def _failed(asked: Mapping[str, str], failed: Mapping[str, Refusal]) -> list[dict[str, Any]]:
    alike: dict[str, list[str]] = defaultdict(list)
    reasons: dict[str, Refusal] = {}
    for order_id, refusal in failed.items():
        alike[refusal.code].append(asked[order_id])
        reasons.setdefault(refusal.code, refusal)
    return [
        {
            "fail_code": str(number),
            "fail_reason": said,
            "order_ids": order_ids,
        }
        for code, order_ids in alike.items()
        for number, said in (answers.of_item(reasons[code], "order.queryLogisticsCompanyList"),)
    ]


def _company(carrier: Carrier) -> dict[str, str]:
    return {"name": carrier.zh, "code": carrier_code(carrier.code)}


@method("logistics.getRecommendedAndDeliveryExpressByOrder", Scope.WAYBILLS)
async def recommended_express(call: Call) -> list[dict[str, Any]]:
    """Which carriers reach an order's place. We know route tables and accounts, nothing of speed and rank: those stay
    empty, and nobody is recommended. An order must be one of ours, of others we do not know the place."""
    asked = call.params["order_info_list"]
    orders = await _orders_named(call, [row["order_id"] for row in asked])
    usual = await companies_of(call.db, call.merchant_id)
    held = {
        account.carrier
        for account in await accounts.accounts_of(call.db, call.merchant_id)
        if account.state is AccountState.ACTIVE
    }
    answer = []
    for row, order in zip(asked, orders, strict=True):
        named = {code: carrier_named(code) for code in row.get("express_list") or ()}
        candidates = named or {carrier_code(one.code): one for one in usual}
        verdicts = [
            _verdict(code, one.code in held, (await call.hall.counter.routes(one.code)).reaches(order.division_code))
            for code, one in candidates.items()
        ]
        answer.append({"order_id": row["order_id"], "order_privilege_info_list": [], "express_info_list": verdicts})
    return answer


def _verdict(code: str, has_account: bool, reaches: bool) -> dict[str, Any]:
    no_share = {"level_percent": "", "optimized_percent": ""}
    return {
        "express": code,
        "is_deliverable": reaches,
        "undeliverable_reason": "" if reaches else "路由表没有到该地区的线路",
        "is_shop_eBill": has_account,
        "is_recommended": False,
        "rank_route": 0,
        "tail_Info": no_share | {"tail_rate": ""},
        "ccr_Info": no_share | {"ccr_rate": ""},
        "collect_sign_info": no_share | {"avg_cost_hours": ""},
    }
