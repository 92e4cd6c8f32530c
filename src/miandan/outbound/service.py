"""Verbs of shipping: an order, one order in many packs, many orders in one pack; corrected, withdrawn, looked up.

Each verb is one transaction that moves the order, its waybill and the message about it together, or none of them.
Every verb raises carrier.unknown and outbound.order_unknown (an order of another shop too) besides what it names, and
where it states a number what `numbers.admit` and `stores.refuse_other_store` name.
"""

from collections.abc import Sequence
from dataclasses import replace

from miandan.kernel.clock import now
from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.orders import shipping as orders
from miandan.orders.model import OrderRef
from miandan.outbound import changing, numbers, queries, stating
from miandan.outbound.desk import ShipDesk
from miandan.outbound.gates import refuse_unless_shippable
from miandan.outbound.model import (
    MOST_IN_ONE_STATEMENT,
    NumberChange,
    OrderAtHand,
    PackAsk,
    Parcel,
    ShipInPacks,
    Shipment,
    ShipOrder,
    ShipTogether,
    Withdrawal,
    new_pack_id,
)
from miandan.outbound.stating import NewPack
from miandan.vault.keys import MerchantKeys


async def ship_order(desk: ShipDesk, ask: ShipOrder) -> Shipment:
    """State that all that is left of an order went out in one parcel.

    The same order, carrier and number again is answered with the statement that stands. Raises
    outbound.order_cancelled, order_refunded, order_finished, refund_open, order_in_review, order_held, order_unpaid,
    already_shipped.
    """
    parcel, at = numbers.read_parcel(ask.parcel, ask.order_id), now()

    async def step(tx: Transaction, keys: MerchantKeys) -> Shipment:
        held = await stating.hold_orders(tx, ask, [ask.order_id])
        [(ref, at_hand)] = held.items()
        same = [one for one in at_hand.standing if numbers.says(parcel, one)]
        if same and not at_hand.left:
            return same[0]
        _refuse_unless_something_left(at_hand, reject_refund=ask.reject_refund)
        pack = NewPack(new_pack_id(), parcel, {ref: at_hand.left})
        [shipment] = await stating.write(tx, desk, keys, ask, held, [pack], at)
        return shipment

    return await desk.state(ask.merchant_id, step)


async def ship_in_packs(desk: ShipDesk, ask: ShipInPacks) -> tuple[Shipment, ...]:
    """State that one order went out in these packs, all of them or none; one statement per pack, in the order asked.

    The same request_id again is answered with the same packs, for ever. Raises outbound.nothing_stated, too_many,
    number_twice, request_id_malformed, request_reused, line_unknown, quantity_not_positive, quantity_above_left,
    order_without_lines, and what `ship_order` raises.
    """
    packs, at = _read_packs(ask), now()

    async def step(tx: Transaction, keys: MerchantKeys) -> tuple[Shipment, ...]:
        fresh = [new_pack_id() for _ in packs]
        pack_ids = await stating.kept_packs(tx, ask, fresh, at)
        held = await stating.hold_orders(tx, ask, [ask.order_id])
        [(ref, at_hand)] = held.items()
        if pack_ids != fresh:
            return await stating.first_stated(tx, ask.merchant_id, [ref], pack_ids)
        _refuse_unless_something_left(at_hand, reject_refund=ask.reject_refund)
        left = {ref: at_hand.left}
        new = [
            NewPack(pack_id, pack.parcel, stating.choose([at_hand], pack.lines, left))
            for pack_id, pack in zip(pack_ids, packs, strict=True)
        ]
        return await stating.write(tx, desk, keys, ask, held, new, at)

    return await desk.state(ask.merchant_id, step)


async def ship_together(desk: ShipDesk, ask: ShipTogether) -> tuple[Shipment, ...]:
    """State that many orders went out in one parcel; one statement per order, all under one pack id.

    The same request_id again is answered with the same pack. Raises as `ship_in_packs`.
    """
    _refuse_number_of("orders", ask.order_ids)
    _refuse_number_of("lines", ask.lines or ask.order_ids)
    parcel, at = numbers.read_parcel(ask.parcel, ask.order_ids[0]), now()

    async def step(tx: Transaction, keys: MerchantKeys) -> tuple[Shipment, ...]:
        fresh = [new_pack_id()]
        pack_ids = await stating.kept_packs(tx, ask, fresh, at)
        held = await stating.hold_orders(tx, ask, ask.order_ids)
        if pack_ids != fresh:
            return await stating.first_stated(tx, ask.merchant_id, list(held), pack_ids)
        for at_hand in held.values():
            _refuse_unless_something_left(at_hand, reject_refund=ask.reject_refund)
        left = {ref: at_hand.left for ref, at_hand in held.items()}
        contents = stating.choose(list(held.values()), ask.lines, left) if ask.lines else left
        pack = NewPack(pack_ids[0], parcel, contents)
        return await stating.write(tx, desk, keys, ask, held, [pack], at)

    return await desk.state(ask.merchant_id, step)


async def change_number(desk: ShipDesk, change: NumberChange) -> Shipment:
    """Correct the number of an order that went out in one pack; the pack keeps its id and its date.

    The same number again changes nothing. Raises outbound.not_shipped, several_packs, order_cancelled,
    order_refunded, order_finished.
    """
    return await desk.state(change.merchant_id, lambda tx, keys: changing.change(tx, desk, keys, change, None, now()))


async def change_pack_number(desk: ShipDesk, pack_id: str, change: NumberChange) -> Shipment:
    """Correct the number of one pack of the order, and so of every order in that pack. Raises as `change_number`, and
    outbound.pack_unknown."""
    return await desk.state(
        change.merchant_id, lambda tx, keys: changing.change(tx, desk, keys, change, pack_id, now())
    )


async def withdraw(desk: ShipDesk, ask: Withdrawal) -> tuple[Shipment, ...]:
    """Take back what was stated of an order, of one pack or of all; what was taken back now, nothing where it had been
    taken back before.

    The order is to be shipped again and its number can be cancelled, unless it is scanned or named by another order.
    Raises outbound.not_shipped, outbound.pack_unknown.
    """
    at = now()
    async with desk.db.transaction() as tx:
        [(ref, at_hand)] = (await stating.hold_orders(tx, ask, [ask.order_id])).items()
        gone = [one for one in at_hand.standing if ask.pack_id in (None, one.pack_id)]
        if not gone:
            await changing.refuse_if_never_stated(tx, ask.merchant_id, ref, ask.pack_id)
            return ()
        parcels = [Parcel(one.carrier, one.number) for one in gone]
        found = await numbers.find_for_update(tx, ask.merchant_id, parcels)
        withdrawn = await queries.withdraw(tx, gone, at)
        await stating.release(tx, ask.merchant_id, found.values())
        rest = replace(at_hand, standing=tuple(one for one in at_hand.standing if one not in gone))
        await orders.take_back(tx, ask.merchant_id, at_hand.order, rest.shipped_pieces, at)
        await stating.tell_changed(tx, ask.merchant_id, ref, gone, withdrawn=True)
    return tuple(withdrawn)


async def shipments_of(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> dict[OrderRef, tuple[Shipment, ...]]:
    """What stands of these orders, oldest first; an order of which nothing stands has an empty entry."""
    return await queries.standing_of(db, merchant_id, refs)


async def history_of(db: Reads, merchant_id: int, ref: OrderRef) -> tuple[Shipment, ...]:
    """Everything that was ever stated of an order, oldest first, with when it was withdrawn."""
    return tuple(await queries.of_orders(db, merchant_id, [ref]))


def _refuse_unless_something_left(at_hand: OrderAtHand, *, reject_refund: bool) -> None:
    refuse_unless_shippable(at_hand.order, reject_refund=reject_refund)
    if not at_hand.left:
        raise Refusal("outbound.already_shipped", order_id=at_hand.ref.order_id)


def _read_packs(ask: ShipInPacks) -> list[PackAsk]:
    _refuse_number_of("packs", ask.packs)
    _refuse_number_of("lines", [line for pack in ask.packs for line in pack.lines])
    packs = [replace(pack, parcel=numbers.read_parcel(pack.parcel, ask.order_id)) for pack in ask.packs]
    seen = set()
    for pack in packs:
        if pack.parcel in seen:
            raise Refusal("outbound.number_twice", number=pack.parcel.number)
        seen.add(pack.parcel)
    return packs


def _refuse_number_of(what: str, asked: Sequence[object]) -> None:
    """Raises outbound.nothing_stated, outbound.too_many."""
    if not asked:
        raise Refusal("outbound.nothing_stated", what=what)
    if len(asked) > MOST_IN_ONE_STATEMENT:
        raise Refusal("outbound.too_many", what=what, count=len(asked), limit=MOST_IN_ONE_STATEMENT)
