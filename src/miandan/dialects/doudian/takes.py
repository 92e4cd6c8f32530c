"""Takes on one account, and what is told of each parcel: the same for newCreateOrder and for a supplier's orders."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from miandan.accounts.choosing import Wish
from miandan.dialects.doudian.calls import Call
from miandan.kernel.errors import Refusal
from miandan.waybills import queries
from miandan.waybills.for_orders import OrderParcel, OrdersTake, Served, take_for_orders
from miandan.waybills.model import Refused, Route, Taken

_FIELDS: Final = {
    "recipient": ("收件人", "recipient"),
    "goods": ("商品", "goods"),
    "services": ("增值服务", "services"),
    "pieces": ("件数", "pieces"),
}
_REPLACED: Final = "收件人与平台订单不一致，已按平台订单打印 The recipient is that of the platform's order"
_KNOWN: Final = "该包裹已取过号，返回原单号 This parcel had this number before"
_CHANGED: Final = (
    "该包裹已取过号，返回原单号，面单内容未变；与本次请求不同：{zh}。更新内容请调用 logistics.updateOrder，"
    "另发一个包裹请传新的 pack_id This parcel had this number before and its waybill is unchanged; "
    "what differs: {en}. Call logistics.updateOrder, or send a new pack_id for another parcel"
)


async def take_on_account(
    call: Call, merchant_id: int, shop_id: str, wish: Wish, parcels: Mapping[int, OrderParcel]
) -> Mapping[int, Served]:
    """One take for a shop, on the account of its merchant that the wish means; answers at the places of the parcels.

    Raises what stands in the way of every parcel: the account's refusals.
    """
    chosen = await call.hall.accounts.account_for(call.merchant_id, merchant_id, shop_id, wish)
    asked = OrdersTake(
        merchant_id,
        chosen.account.account_id,
        chosen.ship_from.ship_from_id,
        tuple(parcels.values()),
        call.app.app_key,
        accept_differences=True,
    )
    return dict(zip(parcels, await take_for_orders(call.hall.counter, asked), strict=True))


class Told(Struct, frozen=True):
    """The number of a parcel, its way, and what a caller should know although it worked ("" for nothing)."""

    number: str
    children: tuple[str, ...]
    route: Route
    hint: str


async def told(call: Call, result: Served | Refusal) -> Told | Refusal:
    """What became of a parcel, or why it has no number."""
    if isinstance(result, Refusal):
        return result
    taken = result.outcome
    if isinstance(taken, Refused):
        return taken.refusal
    return Told(taken.number, taken.children, taken.route or await _route_of(call, taken), _hint(result, taken))


async def _route_of(call: Call, taken: Taken) -> Route:
    """The way of a number, read where the answer does not remember it."""
    [waybill] = await queries.waybills(call.db, [taken.ref])
    return waybill.route


def _hint(served: Served, taken: Taken) -> str:
    hints = [_REPLACED] if served.hint.recipient_replaced else []
    if taken.differs:
        zh, en = zip(*(_FIELDS[name] for name in taken.differs), strict=True)
        hints.append(_CHANGED.format(zh="、".join(zh), en=", ".join(en)))
    elif taken.known:
        hints.append(_KNOWN)
    return "；".join(hints)
