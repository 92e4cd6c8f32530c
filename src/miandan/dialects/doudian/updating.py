"""updateOrder: who receives a parcel from now on, in plain or as ciphertext of the same order."""

from collections.abc import Mapping
from typing import Any

from miandan.dialects.doudian.calls import Call
from miandan.dialects.doudian.reading import division_code, is_sealed, read_receiver, read_recipient
from miandan.kernel.errors import Refusal
from miandan.orders.model import TradeOrder
from miandan.orders.recipients import completed
from miandan.orders.service import find_orders
from miandan.vault.issued_texts import gather
from miandan.waybills import queries
from miandan.waybills.model import NumberRef


async def new_recipient(call: Call, ref: NumberRef, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `lives.update` is to be told. An order that we keep goes to its own recipient, whatever the call says.

    Raises doudian.field_missing, what `completed` says of a recipient and what `gather` says of ciphertext.
    """
    order = await _order_of(call, ref)
    if order is not None:
        return {"recipient": order.recipient, "division_code": order.division_code}
    if not is_sealed(given):
        return {"recipient": completed(read_recipient(given))}
    [waybill] = await queries.waybills(call.db, [ref])
    shop_id, _, order_id = waybill.order_ref.partition("/")
    receiver = read_receiver(given, waybill.order_ref, order_id)
    [sealed] = await gather(call.db, call.hall.vault, ref.merchant_id, [receiver], app=call.app.app_key, shop=shop_id)
    if isinstance(sealed, Refusal):
        raise sealed
    completed(read_recipient(given))  # what of it is plain must be fit for delivery too
    return {"recipient": sealed, "division_code": division_code(given["address"])}


async def _order_of(call: Call, ref: NumberRef) -> TradeOrder | None:
    """The order that we keep of a number, None for an order of another channel."""
    refs = await queries.orders_of(call.db, ref)
    known = await find_orders(call.db, ref.merchant_id, refs[:1]) if refs else {}
    return known.get(refs[0]) if refs else None
