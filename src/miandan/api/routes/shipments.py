"""Ship statements: made, corrected, withdrawn, read. Retries are answered with what was stated."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from miandan.access.model import Scope
from miandan.api.models.shipments import NumberChangeIn, PacksIn, ShipmentIn, ShipmentList, ShipmentOut, TogetherIn
from miandan.api.routes.given import PREFIX, LetIn, NeededKey, OrderId, kept_key
from miandan.api.security import Call, Guarded, needs
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderRef
from miandan.orders.service import find_orders
from miandan.outbound import service
from miandan.outbound.model import NumberChange, PackAsk, ShipInPacks, ShipOrder, ShipTogether, Withdrawal

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["发货 shipments"])


@router.post("/shipments", summary="整单发货 Ship an order", **needs(Scope.SHIP))
async def ship(call: LetIn, said: ShipmentIn) -> ShipmentOut:
    """All that is left of the order went out in this parcel. The same again is answered with what stands."""
    stated = await service.ship_order(
        call.hall.shipping,
        ShipOrder(
            **_who(call),
            order_id=said.order_id,
            parcel=said.parcel,
            reject_refund=said.reject_refund,
            store_id=said.store_id,
        ),
    )
    return ShipmentOut.of(stated)


@router.post("/shipments/packs", summary="拆单发货 Ship in packs", **needs(Scope.SHIP))
async def ship_packs(call: LetIn, said: PacksIn, key: NeededKey) -> ShipmentList:
    """One order went out in these packs, all of them or none; the same key again brings the same packs."""
    packs = tuple(PackAsk(pack.parcel, tuple(line.ask() for line in pack.lines)) for pack in said.packs)
    with kept_key(call, key) as kept:
        stated = await service.ship_in_packs(
            call.hall.shipping,
            ShipInPacks(
                **_who(call),
                order_id=said.order_id,
                packs=packs,
                request_id=kept,
                reject_refund=said.reject_refund,
                store_id=said.store_id,
            ),
        )
    return ShipmentList(shipments=[ShipmentOut.of(one) for one in stated])


@router.post("/shipments/together", summary="合单发货 Ship together", **needs(Scope.SHIP))
async def ship_together(call: LetIn, said: TogetherIn, key: NeededKey) -> ShipmentList:
    """Many orders of one recipient went out in one parcel; the same key again brings the same pack."""
    with kept_key(call, key) as kept:
        stated = await service.ship_together(
            call.hall.shipping,
            ShipTogether(
                **_who(call),
                order_ids=tuple(said.order_ids),
                parcel=said.parcel,
                request_id=kept,
                lines=tuple(line.ask() for line in said.lines),
                reject_refund=said.reject_refund,
                store_id=said.store_id,
            ),
        )
    return ShipmentList(shipments=[ShipmentOut.of(one) for one in stated])


@router.get("/shipments/{order_id}", summary="查询发货 Read shipments", **needs(Scope.SHIP))
async def history(call: LetIn, order_id: OrderId) -> ShipmentList:
    """Everything that was ever stated of the order, oldest first, with when it was withdrawn."""
    ref = OrderRef(call.shop_id, order_id)
    if ref not in await find_orders(call.hall.db, call.merchant_id, [ref]):
        raise Refusal("orders.unknown", order_id=order_id)
    stated = await service.history_of(call.hall.db, call.merchant_id, ref)
    return ShipmentList(shipments=[ShipmentOut.of(one) for one in stated])


@router.patch("/shipments/{order_id}", summary="修改单号 Change the number", **needs(Scope.SHIP))
async def change(call: LetIn, order_id: OrderId, said: NumberChangeIn) -> ShipmentOut:
    """The parcel bears another number than was stated; the pack keeps its id and its date."""
    wanted = NumberChange(**_who(call), order_id=order_id, parcel=said.parcel)
    if said.pack_id:
        return ShipmentOut.of(await service.change_pack_number(call.hall.shipping, said.pack_id, wanted))
    return ShipmentOut.of(await service.change_number(call.hall.shipping, wanted))


@router.delete("/shipments/{order_id}", summary="撤回发货 Withdraw", **needs(Scope.SHIP))
async def withdraw(
    call: LetIn,
    order_id: OrderId,
    pack_id: Annotated[
        str | None, Query(pattern=r"^[0-9A-Za-z-]{1,64}$", description="不填则整单 / one pack only")
    ] = None,
) -> ShipmentList:
    """Nothing went out, or nothing in that pack; what was taken back now. Again it is taken back still."""
    gone = await service.withdraw(call.hall.shipping, Withdrawal(**_who(call), order_id=order_id, pack_id=pack_id))
    return ShipmentList(shipments=[ShipmentOut.of(one) for one in gone])


def _who(call: Call) -> dict[str, Any]:
    return {"merchant_id": call.merchant_id, "shop_id": call.shop_id, "stated_by": call.actor}
