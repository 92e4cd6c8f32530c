"""What order.searchList asks, as a list of our orders: times, states, a parcel's number. What we cannot filter by is
refused, since a list that leaves a condition out would be shipped whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from miandan.carriers.catalogue import catalogue
from miandan.dialects.doudian.calls import Call
from miandan.dialects.doudian.order_states import asked_codes, states_with, statuses
from miandan.kernel.errors import Refusal
from miandan.orders.listing import (
    SortedBy,
    Wanted,
    count_orders,
    numbered_page,
    numbered_page_oldest_first,
    recent,
)
from miandan.orders.model import OrderState, TradeOrder
from miandan.orders.service import find_orders
from miandan.outbound import queries as outbound

_NOT_OFFERED: Final = ("product", "b_type", "presell_type", "order_type", "abnormal_order", "trade_type",
                       "fulfil_status")  # fmt: skip
"""Conditions about what we do not keep; 0 and "" mean none."""

_AFTER_SALE: Final = {
    "": frozenset(OrderState),
    "all": frozenset(OrderState),
    "in_aftersale": frozenset({OrderState.REFUNDING}),
    "not_in_aftersale": frozenset(OrderState) - {OrderState.REFUNDING},
}
"""after_sale_status_desc (words from memory, no source shows them)."""

_LATEST: Final = 253_402_000_000
"""Seconds; the last year that a time can have."""


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Orders of one page, and how many there are on all pages."""

    orders: Sequence[TradeOrder]
    total: int


NOTHING: Final = FoundPage((), 0)


async def find_page(call: Call) -> FoundPage:
    """The page that the call asks for. Raises doudian.filter_not_offered, doudian.field_type, doudian.field_limit,
    orders.list_limit."""
    params = call.params
    refuse_filters(params, _NOT_OFFERED)
    wanted = _wanted(params)
    if wanted is None:
        return NOTHING
    if params.get("tracking_no"):
        return _cut(await _in_parcel(call, wanted, params["tracking_no"].strip().upper()), params)
    page = numbered_page_oldest_first if params.get("order_asc") else numbered_page
    where = call.db, call.merchant_id, call.shop_id, wanted
    orders = await page(*where, page=params["page"], size=params["size"])
    return FoundPage(orders, await count_orders(*where))


def refuse_filters(params: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raises doudian.filter_not_offered for a condition that is set and that we cannot look for."""
    for name in names:
        if params.get(name):
            raise Refusal("doudian.filter_not_offered", field=name)


def _wanted(params: Mapping[str, Any]) -> Wanted | None:
    """None where no order of ours can be meant."""
    created = _range(params, "create_time")
    changed = _range(params, "update_time")
    by_change = params.get("order_by") == "update_time"
    wanted = Wanted(SortedBy.CHANGED, *changed) if by_change else Wanted(SortedBy.CREATED, *created)
    other_since, other_until = created if by_change else changed
    wanted = replace(wanted, other_since=other_since, other_until=other_until)
    after_sale = _AFTER_SALE.get(params.get("after_sale_status_desc", ""))
    if after_sale is None:
        raise Refusal("doudian.filter_not_offered", field="after_sale_status_desc")
    codes = asked_codes(params.get("combine_status", ()))
    states, parts = states_with(codes if codes is not None else {status.code for status in statuses()})
    states &= after_sale
    return replace(wanted, states=sorted(states), parts=parts) if states else None


def _range(params: Mapping[str, Any], name: str) -> tuple[datetime | None, datetime | None]:
    """From the first second until the end of the last one."""
    since, until = _time(params, f"{name}_start"), _time(params, f"{name}_end")
    return since, None if until is None else until + timedelta(seconds=1)


def _time(params: Mapping[str, Any], field: str) -> datetime | None:
    """0 is no time at all. Raises doudian.field_limit."""
    seconds = params.get(field, 0)
    if not 0 <= seconds <= _LATEST:
        raise Refusal("doudian.field_limit", field=field, limit=f"0..{_LATEST}")
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


async def _in_parcel(call: Call, wanted: Wanted, number: str) -> list[TradeOrder]:
    """The orders that went out under a number, those that the other conditions leave."""
    carriers = [carrier.code for carrier in catalogue()]
    packs = await outbound.of_number(call.db, call.merchant_id, carriers, number)
    refs = list({pack.ref for pack in packs if pack.shop_id == call.shop_id})
    found = (await find_orders(call.db, call.merchant_id, refs)).values() if refs else ()
    lately = recent(wanted)
    fitting = [order for order in found if lately.covers(order)]

    def place(order: TradeOrder) -> tuple[datetime, str]:
        return order.changed_at if wanted.by is SortedBy.CHANGED else order.created_at, order.ref.order_id

    return sorted(fitting, key=place, reverse=not call.params.get("order_asc"))


def _cut(orders: Sequence[TradeOrder], params: Mapping[str, Any]) -> FoundPage:
    start = params["page"] * params["size"]
    return FoundPage(orders[start : start + params["size"]], len(orders))
