"""Orders: put by their marketplace, changed by events, read with masked recipients."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query

from miandan.access.model import Scope
from miandan.api.cursors import cursor_to, read_cursor
from miandan.api.errors import problem_of
from miandan.api.models.fields import Problem, Time
from miandan.api.models.orders import (
    AddressChanged,
    EventIn,
    Heard,
    OrderNumber,
    OrderOut,
    OrderPage,
    OrderPut,
    Paid,
    event_of,
)
from miandan.api.routes.given import PREFIX, SCREEN, CursorText, LetIn, OrderId
from miandan.api.security import Call, Guarded, needs
from miandan.kernel.errors import Refusal
from miandan.orders import arrival, intake
from miandan.orders.listing import MOST_ON_A_PAGE, Cursor, SortedBy, Wanted, newest_orders_of, orders_of
from miandan.orders.model import OrderDraft, OrderRef, OrderState, TradeOrder
from miandan.orders.service import find_orders
from miandan.orders.shippable import obstacle
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient
from miandan.vault.service import masked
from miandan.waybills.order_queries import live_numbers_of

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["订单 orders"])


class Way(StrEnum):
    """Which end of the list comes first."""

    OLDEST_FIRST = "oldest_first"
    NEWEST_FIRST = "newest_first"


@router.put("/orders/{order_id}", summary="推送订单 Put an order", **needs(Scope.ORDERS))
async def put_order(call: LetIn, order_id: OrderId, said: OrderPut) -> Heard:
    """Keep the order as its marketplace has it at `version`; an older or equal version changes nothing."""
    draft = OrderDraft(
        order_id,
        call.shop_id or None,
        Recipient("", "") if said.recipient is None else said.recipient.plain(),
        tuple(line.line() for line in said.lines),
        said.state,
        paid_at=said.paid_at,
        created_at=said.created_at,
    )
    keys = await call.hall.vault.keys_of(call.merchant_id)
    return _heard(order_id, await intake.put_order(call.hall.db, keys, draft, said.version))


@router.post("/orders/{order_id}/events", summary="推送订单事件 Tell an event", **needs(Scope.ORDERS))
async def hear_event(call: LetIn, order_id: OrderId, said: EventIn) -> Heard:
    """What happened to the order at `version`. Late and repeated events are answered 200 and change nothing."""
    heard = await intake.hear(
        call.hall.db,
        await call.hall.vault.keys_of(call.merchant_id),
        OrderRef(call.shop_id, order_id),
        event_of(said),
        said.version,
        recipient=said.recipient.plain() if isinstance(said, AddressChanged) else None,
        happened_at=said.happened_at if isinstance(said, Paid) else None,
    )
    return _heard(order_id, heard)


@router.get("/orders", summary="订单列表 List orders", **needs(Scope.ORDERS))
async def list_orders(
    call: LetIn,
    by: SortedBy = SortedBy.CREATED,
    way: Way = Way.OLDEST_FIRST,
    state: Annotated[list[OrderState], Query(max_length=len(OrderState))] = [],  # noqa: B006  # FastAPI copies it
    since: Time | None = None,
    until: Time | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)] = 50,
    cursor: CursorText = "",
) -> OrderPage:
    """Orders by the time they were made or last changed. Pages skip and repeat nothing while orders arrive; a list by
    change that is read oldest first shows an order again when it changes meanwhile."""
    wanted = Wanted(by, since, until, state)
    about = _about(call, wanted, way)
    listed = orders_of if way is Way.OLDEST_FIRST else newest_orders_of
    page = await listed(
        call.hall.db, call.merchant_id, call.shop_id, wanted, after=_after(call, about, cursor), limit=limit
    )
    return OrderPage(orders=await _shown(call, page.orders), next=_next(call, about, page.next))


@router.get("/orders/{order_id}", summary="查询订单 Read an order", **needs(Scope.ORDERS))
async def read_order(call: LetIn, order_id: OrderId) -> OrderOut:
    """The order with its masked recipient, its live numbers, and why it cannot ship where it cannot."""
    ref = OrderRef(call.shop_id, order_id)
    found = await find_orders(call.hall.db, call.merchant_id, [ref])
    if ref not in found:
        raise Refusal("orders.unknown", order_id=order_id)
    [shown] = await _shown(call, [found[ref]])
    return shown


def _heard(order_id: str, heard: arrival.Heard) -> Heard:
    return Heard(
        order_id=order_id,
        applied=heard.hearing is heard.hearing.APPLIED,
        hearing=heard.hearing,
        state=heard.state,
        held_reason=heard.held_reason,
        revision=heard.version,
        arrived=heard.arrived,
    )


async def _shown(call: Call, orders: Sequence[TradeOrder]) -> list[OrderOut]:
    keys = await call.hall.vault.keys_for(call.merchant_id, [order.recipient for order in orders])
    numbers = await live_numbers_of(call.hall.db, call.merchant_id, [order.ref for order in orders])
    return [
        OrderOut.of(
            order,
            _masked(keys, order),
            [OrderNumber(carrier=ref.carrier, number=ref.number, pack_id=pack) for pack, ref in numbers[order.ref]],
            _obstacle(order),
        )
        for order in orders
    ]


def _masked(keys: MerchantKeys, order: TradeOrder) -> Recipient | None:
    """None for a recipient that was shredded, and for one that never was: an order put as finished."""
    if order.recipient.key is None:
        return None
    return masked(keys, order.recipient, order.ref.bound_to, SCREEN)


def _obstacle(order: TradeOrder) -> Problem | None:
    refusal = obstacle(order.ref.order_id, order.state, order.held_reason)
    return None if refusal is None else problem_of(refusal)


def _about(call: Call, wanted: Wanted, way: Way) -> list[str]:
    """What tells this list from every other, for the lock of its cursors."""
    times = [at.isoformat() if at else "" for at in (wanted.since, wanted.until)]
    states = ",".join(sorted(state.value for state in wanted.states))
    return ["orders", call.app, str(call.merchant_id), call.shop_id, wanted.by.value, way.value, *times, states]


def _after(call: Call, about: list[str], text: str) -> Cursor | None:
    return read_cursor(call.hall.root, about, text, Cursor) if text else None


def _next(call: Call, about: list[str], behind: Cursor | None) -> str | None:
    return None if behind is None else cursor_to(call.hall.root, about, behind)
