"""A take in the words of the API: parcels asked for, outcomes told, one beside the other."""

from collections.abc import Sequence

from miandan.api.errors import problem_of
from miandan.api.models.waybills import ParcelIn, ParcelOut, RouteOut, TakeIn, Taken
from miandan.api.routes.given import kept_key
from miandan.api.security import Call
from miandan.kernel.errors import Refusal
from miandan.orders.recipients import completed
from miandan.vault.model import Recipient
from miandan.waybills import queries
from miandan.waybills.for_orders import OrderParcel, OrdersTake, Served, take_for_orders
from miandan.waybills.model import NumberRef, Refused, Waybill
from miandan.waybills.model import Taken as TakenParcel

Result = Served | Refusal


async def take_parcels(call: Call, asked: TakeIn, key: str | None) -> Taken:
    """One outcome per parcel. Raises what stands in the way of all of them: account.*, take.idempotency_reused."""
    results: dict[int, Result] = {}
    parcels: dict[int, OrderParcel] = {}
    for place, said in enumerate(asked.parcels):
        try:
            parcels[place] = _parcel(call, said)
        except Refusal as refusal:
            results[place] = refusal
    if parcels:
        results |= zip(parcels, await _take(call, asked, tuple(parcels.values()), key), strict=True)
    known = await _waybills(call, list(results.values()))
    outcomes = [_told(said, results[place], known) for place, said in enumerate(asked.parcels)]
    taken = sum(one.number is not None for one in outcomes)
    return Taken(parcels=outcomes, taken=taken, refused=len(outcomes) - taken)


async def _take(call: Call, asked: TakeIn, parcels: tuple[OrderParcel, ...], key: str | None) -> list[Served]:
    with kept_key(call, key) as kept:
        request = OrdersTake(
            call.merchant_id,
            asked.account_id,
            asked.ship_from_id,
            parcels,
            call.app,
            kept or None,
            asked.retake,
            asked.accept_differences,
        )
        return await take_for_orders(call.hall.counter, request)


def _parcel(call: Call, said: ParcelIn) -> OrderParcel:
    """Raises orders.recipient_incomplete, orders.recipient_masked for an order that was never put here."""
    recipient: Recipient | None = None
    if said.recipient is not None:
        recipient = completed(said.recipient.plain()) if said.outside else said.recipient.plain()
    return OrderParcel(
        call.shop_id,
        tuple(said.order_ids),
        said.pack_id,
        recipient,
        None if said.goods is None else tuple(one.model_dump() for one in said.goods),
        said.product,
        said.services,
        said.pieces,
        said.outside,
    )


async def _waybills(call: Call, results: Sequence[Result]) -> dict[NumberRef, Waybill]:
    """The waybills behind the numbers, for what an answer under an Idempotency-Key does not remember; where they have
    been archived since, the number is all that is told."""
    refs = [one.outcome.ref for one in results if isinstance(one, Served) and isinstance(one.outcome, TakenParcel)]
    return {waybill.ref: waybill for waybill in await queries.waybills(call.hall.db, refs)}


def _told(said: ParcelIn, result: Result, known: dict[NumberRef, Waybill]) -> ParcelOut:
    outcome = result.outcome if isinstance(result, Served) else result
    if isinstance(outcome, Refused | Refusal):
        refusal = outcome.refusal if isinstance(outcome, Refused) else outcome
        return ParcelOut(order_ids=said.order_ids, pack_id=said.pack_id, problem=problem_of(refusal))
    waybill = known.get(outcome.ref)
    route = outcome.route or (None if waybill is None else waybill.route)
    return ParcelOut(
        order_ids=said.order_ids,
        pack_id=said.pack_id,
        carrier=outcome.ref.carrier,
        number=outcome.number,
        children=list(outcome.children),
        state=None if waybill is None else waybill.state,
        known=outcome.known,
        differs=list(outcome.differs),
        recipient_replaced=isinstance(result, Served) and result.hint.recipient_replaced,
        route=None if route is None else RouteOut.of(route),
    )
