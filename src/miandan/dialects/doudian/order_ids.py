"""Order ids as callers write them: the old interface ends them with an A that the e-waybill methods do not know.

`1234567890A` and `1234567890` may be one order, or two of which only one is ours. What is written counts; the A is left
out only where no order of that very id is here while the one without is. Another channel's ids are its own business.
"""

import re
from collections.abc import Iterable
from typing import Final

from miandan.dialects.doudian.calls import Call
from miandan.orders.model import OrderRef
from miandan.orders.shippable import standings

_OLD: Final = re.compile(r"[0-9]{10,}A")


def without_a(order_id: str) -> str | None:
    """The id that an id of the old interface may stand for, None for any other id."""
    return order_id[:-1] if order_id.endswith("A") and _OLD.fullmatch(order_id) else None


async def orders_meant(
    call: Call, order_ids: Iterable[str], merchant_id: int | None = None, shop_id: str | None = None
) -> dict[str, str]:
    """The order of the shop (the caller's where none is named) that each id means; looks only where an id ends in A."""
    meant = {order_id: order_id for order_id in order_ids}
    old = {order_id: bare for order_id in meant if (bare := without_a(order_id)) is not None}
    if not old:
        return meant
    merchant_id, shop_id = merchant_id or call.merchant_id, call.shop_id if shop_id is None else shop_id
    refs = [OrderRef(shop_id, order_id) for order_id in (*old.keys(), *old.values())]
    here = {ref.order_id for ref in await standings(call.db, merchant_id, refs)}
    return meant | {order_id: bare for order_id, bare in old.items() if order_id not in here and bare in here}


async def order_meant(call: Call, order_id: str) -> str:
    """The same for one id of the caller's shop."""
    return (await orders_meant(call, [order_id]))[order_id]
