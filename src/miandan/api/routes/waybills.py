"""Numbers: taken, read, changed, cancelled, given more pieces."""

from typing import Any

from fastapi import APIRouter

from miandan.access.model import Scope
from miandan.api.models.orders import RecipientOut
from miandan.api.models.waybills import Cancelled, PiecesIn, PiecesOut, TakeIn, Taken, Updated, UpdateIn, WaybillOut
from miandan.api.routes.given import (
    PREFIX,
    SCREEN,
    CarrierPath,
    IdempotencyKey,
    LetIn,
    NumberPath,
    number_of,
    waybill_of,
)
from miandan.api.security import Guarded, needs
from miandan.api.taking import take_parcels
from miandan.api.updating import changes_of
from miandan.vault.service import masked
from miandan.waybills import lives, queries
from miandan.waybills.appending import bring_pieces_to
from miandan.waybills.for_orders import readdress
from miandan.waybills.model import order_of_key

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["面单 waybills"])
_ONE = "/waybills/{carrier}/{number}"


@router.post("/waybills", summary="取号 Take numbers", **needs(Scope.WAYBILLS))
async def take(call: LetIn, asked: TakeIn, idempotency_key: IdempotencyKey = None) -> Taken:
    """A number for every parcel. What fails for one parcel stands beside it and stops no other; the same parcels again
    have the same numbers, under the same Idempotency-Key even after a cancel."""
    return await take_parcels(call, asked, idempotency_key)


@router.get(_ONE, summary="查询面单 Read a waybill", **needs(Scope.WAYBILLS))
async def read_waybill(call: LetIn, carrier: CarrierPath, number: NumberPath) -> WaybillOut:
    """The number with its lives and its document, recipient masked."""
    waybill = await waybill_of(call, carrier, number)
    ref, db = waybill.ref, call.hall.db
    recipient = None
    if waybill.sealed.key is not None:
        keys = await call.hall.vault.keys_for(ref.merchant_id, [waybill.sealed])
        recipient = RecipientOut.of(masked(keys, waybill.sealed, waybill.order_ref, SCREEN))
    children = [] if waybill.parent_number else await queries.children(db, ref)
    held = await queries.keys_behind(db, [ref])
    orders = [order_of_key(key).order_id for key in held.get((ref.carrier, ref.number), ())]
    return WaybillOut.of(waybill, recipient, children, orders or [waybill.order_ref.partition("/")[2]])


@router.patch(_ONE, summary="更新面单 Update a waybill", **needs(Scope.WAYBILLS))
async def update(call: LetIn, carrier: CarrierPath, number: NumberPath, said: UpdateIn) -> Updated:
    """The next version of the document; what is left out stays. The number stays the same."""
    ref = await number_of(call, carrier, number)
    changes: dict[str, Any] = await changes_of(call, ref, said)
    version = await lives.update(call.hall.counter, ref.merchant_id, ref.carrier, ref.number, **changes)
    return Updated(carrier=ref.carrier, number=ref.number, version=version)


@router.post(f"{_ONE}/readdress", summary="按订单更新收件人 Readdress", **needs(Scope.WAYBILLS))
async def readdress_waybill(call: LetIn, carrier: CarrierPath, number: NumberPath) -> Updated:
    """Write the recipient that the order has now into the waybill: what waybill.recipient_changed asks for."""
    ref = await number_of(call, carrier, number)
    return Updated(carrier=ref.carrier, number=ref.number, version=await readdress(call.hall.counter, ref))


@router.post(f"{_ONE}/cancel", summary="取消单号 Cancel", **needs(Scope.WAYBILLS))
async def cancel(call: LetIn, carrier: CarrierPath, number: NumberPath) -> Cancelled:
    """Cancel the number with its children; again it is cancelled still. Its unit comes back after the waiting days."""
    ref = await number_of(call, carrier, number)
    state = await lives.cancel(call.hall.counter, ref.merchant_id, ref.carrier, ref.number)
    return Cancelled(carrier=ref.carrier, number=ref.number, state=state)


@router.post(f"{_ONE}/pieces", summary="追加子单 More pieces", **needs(Scope.WAYBILLS))
async def pieces(call: LetIn, carrier: CarrierPath, number: NumberPath, said: PiecesIn) -> PiecesOut:
    """Bring the parcel to `pieces` in all: child numbers for those that it has not yet, none for a retry."""
    ref = await number_of(call, carrier, number)
    where = ref.merchant_id, ref.carrier, ref.number
    added = await bring_pieces_to(call.hall.counter, *where, said.pieces, app=call.app)
    children = await queries.children(call.hall.db, ref)
    return PiecesOut(
        carrier=ref.carrier, number=ref.number, pieces=len(children) + 1, children=children, added=list(added)
    )
