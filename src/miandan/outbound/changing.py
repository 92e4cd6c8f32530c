"""The steps of a corrected number: the old statements of a pack are withdrawn and made anew under the new number."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.orders.model import OrderRef
from miandan.outbound import numbers, queries, stating, stores
from miandan.outbound.desk import ShipDesk
from miandan.outbound.gates import refuse_if_over
from miandan.outbound.model import NumberChange, Parcel, Shipment
from miandan.outbound.numbers import Found
from miandan.vault.keys import MerchantKeys


async def change(
    tx: Transaction, desk: ShipDesk, keys: MerchantKeys, said: NumberChange, pack_id: str | None, at: datetime
) -> Shipment:
    """The order's statement under the new number; all orders of the pack get it."""
    parcel = numbers.read_parcel(said.parcel, said.order_id)
    pack = await _pack_of(tx, said, pack_id)
    in_pack = [one.order_id for one in await queries.of_pack(tx, said.merchant_id, pack)]
    held = await stating.hold_orders(tx, said, [said.order_id, *in_pack])
    standing = [one for at_hand in held.values() for one in at_hand.standing if one.pack_id == pack]
    mine = next((one for one in standing if one.order_id == said.order_id), None)
    if mine is None:  # withdrawn between the look and the lock
        raise Refusal("outbound.not_shipped", order_id=said.order_id)
    for at_hand in held.values():
        refuse_if_over(at_hand.order)
    if numbers.says(parcel, mine):
        return mine
    old = Parcel(mine.carrier, mine.number)
    found = await numbers.find_for_update(tx, said.merchant_id, [old, parcel])
    shipped = [held[one.ref].order for one in standing]
    await numbers.admit(tx, keys, desk.policy, found[parcel], shipped, at)
    await stores.refuse_other_store(tx, said, [found[parcel]])
    changed = await _restate(tx, said, standing, found[parcel], at)
    await stating.release(tx, said.merchant_id, [found[old]])
    await stating.mark_waybills(tx, [found[parcel]], mine.shipped_at)
    for one in changed:
        await stating.tell_changed(tx, said.merchant_id, one.ref, [one], withdrawn=False)
    return next(one for one in changed if one.ref == mine.ref)


async def _pack_of(tx: Transaction, said: NumberChange, pack_id: str | None) -> str:
    """The pack that is meant, before anything is held. Raises outbound.not_shipped, several_packs, pack_unknown."""
    ref = OrderRef(said.shop_id, said.order_id)
    packs = [one.pack_id for one in (await queries.standing_of(tx, said.merchant_id, [ref]))[ref]]
    if not packs:
        await stating.hold_orders(tx, said, [said.order_id])  # one that is not there has words of its own
        raise Refusal("outbound.not_shipped", order_id=said.order_id)
    if pack_id is None and len(packs) > 1:
        raise Refusal("outbound.several_packs", order_id=said.order_id, count=len(packs))
    if pack_id is not None and pack_id not in packs:
        raise Refusal("outbound.pack_unknown", order_id=said.order_id)
    return packs[0] if pack_id is None else pack_id


async def _restate(
    tx: Transaction, said: NumberChange, standing: Sequence[Shipment], found: Found, at: datetime
) -> list[Shipment]:
    await queries.withdraw(tx, standing, at)
    changed = [
        replace(
            one,
            shipment_id=new_id(),
            carrier=found.parcel.carrier,
            number=found.parcel.number,
            taken_here=bool(found.family),
            stated_at=at,
            stated_by=said.stated_by,
        )
        for one in standing
    ]
    await queries.insert(tx, changed)
    return changed


async def refuse_if_never_stated(tx: Transaction, merchant_id: int, ref: OrderRef, pack_id: str | None) -> None:
    """Raises outbound.not_shipped, outbound.pack_unknown for an order or a pack of which nothing was ever stated."""
    stated = await queries.of_orders(tx, merchant_id, [ref])
    if not stated:
        raise Refusal("outbound.not_shipped", order_id=ref.order_id)
    if pack_id is not None and pack_id not in {one.pack_id for one in stated}:
        raise Refusal("outbound.pack_unknown", order_id=ref.order_id)
