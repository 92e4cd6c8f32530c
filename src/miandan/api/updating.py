"""What an update changes. The recipient of an order that is kept here comes from the order alone."""

from typing import Any

from miandan.api.models.waybills import UpdateIn
from miandan.api.security import Call
from miandan.kernel.errors import Refusal
from miandan.orders.recipients import completed
from miandan.orders.service import find_orders
from miandan.waybills import queries
from miandan.waybills.model import NumberRef


async def changes_of(call: Call, ref: NumberRef, said: UpdateIn) -> dict[str, Any]:
    """Arguments for `lives.update`. Raises api.recipient_is_the_orders, orders.recipient_incomplete,
    orders.recipient_masked."""
    changes: dict[str, Any] = {}
    if said.recipient is not None:
        await _refuse_kept_order(call, ref)
        changes["recipient"] = completed(said.recipient.plain())
    if said.goods is not None:
        changes["goods"] = [one.model_dump() for one in said.goods]
    if said.services is not None:
        changes["services"] = said.services
    return changes


async def _refuse_kept_order(call: Call, ref: NumberRef) -> None:
    refs = await queries.orders_of(call.hall.db, ref)
    known = await find_orders(call.hall.db, ref.merchant_id, refs)
    if known:
        raise Refusal("api.recipient_is_the_orders", order_id=next(iter(known)).order_id)
