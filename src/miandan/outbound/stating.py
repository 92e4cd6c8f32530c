"""The steps of a ship statement, each inside the caller's transaction: orders held, goods chosen, numbers admitted,
rows written, waybills and orders moved, message left. Locks come in one order: request, orders, numbers.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from miandan.kernel import outbox
from miandan.kernel.database import Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.orders import shipping as orders
from miandan.orders.model import OrderRef
from miandan.outbound import numbers, queries, stores
from miandan.outbound.desk import ShipDesk
from miandan.outbound.model import (
    LONGEST_REQUEST_ID,
    LineAsk,
    OrderAtHand,
    Parcel,
    ShipInPacks,
    Shipment,
    ShipTogether,
    Statement,
)
from miandan.outbound.numbers import Found
from miandan.vault.keys import MerchantKeys
from miandan.waybills import lives

ORDER_SHIPPED = "order.shipped"
"""Outbox topic: something of an order went out. Body: merchant_id, shop_id, order_id, pack_ids, whole (nothing is
left), refund_rejected (goods went out against an open refund)."""

SHIP_CHANGED = "order.ship_changed"
"""Outbox topic: what was stated of an order is not so. Body: merchant_id, shop_id, order_id, pack_ids, withdrawn
(false: the packs bear another number now)."""


@dataclass(frozen=True, slots=True)
class NewPack:
    """A pack about to be stated: who of the orders puts which lines in, as pieces by sub-order."""

    pack_id: str
    parcel: Parcel
    contents: Mapping[OrderRef, Mapping[str, int]]


async def hold_orders(tx: Transaction, said: Statement, order_ids: Sequence[str]) -> dict[OrderRef, OrderAtHand]:
    """The orders in the order named, with what stands of them, held until the transaction ends.

    Raises outbound.order_unknown, for an order of another shop too.
    """
    refs = [OrderRef(said.shop_id, order_id) for order_id in dict.fromkeys(order_ids)]
    held = await orders.orders_for_update(tx, said.merchant_id, refs)
    for ref in refs:
        if ref not in held:
            raise Refusal("outbound.order_unknown", order_id=ref.order_id)
    standing = await queries.standing_of(tx, said.merchant_id, refs)
    return {ref: OrderAtHand(held[ref], standing[ref]) for ref in refs}


def choose(held: Sequence[OrderAtHand], lines: Sequence[LineAsk], left: Mapping[OrderRef, dict[str, int]]) -> dict[
    OrderRef, dict[str, int]
]:  # fmt: skip
    """What the lines take out of `left`, which shrinks by it. Every order must put something in.

    Raises outbound.line_unknown, quantity_not_positive, quantity_above_left, order_without_lines.
    """
    chosen: dict[OrderRef, dict[str, int]] = {one.ref: {} for one in held}
    for line in lines:
        homes = [one for one in held if line.line_id in one.ordered and line.order_id in ("", one.ref.order_id)]
        if len(homes) != 1:
            raise Refusal("outbound.line_unknown", line_id=line.line_id)
        ref, line_id = homes[0].ref, line.line_id
        rest = left[ref].get(line_id, 0)
        wanted = rest if line.quantity is None else line.quantity
        if line.quantity is not None and line.quantity <= 0:
            raise Refusal("outbound.quantity_not_positive", line_id=line_id)
        if wanted > rest or not rest:
            raise Refusal("outbound.quantity_above_left", order_id=ref.order_id, line_id=line_id, left=rest)
        left[ref][line_id] = rest - wanted
        chosen[ref][line_id] = chosen[ref].get(line_id, 0) + wanted
    for ref, quantities in chosen.items():
        if not quantities:
            raise Refusal("outbound.order_without_lines", order_id=ref.order_id)
    return chosen


async def write(
    tx: Transaction,
    desk: ShipDesk,
    keys: MerchantKeys,
    said: Statement,
    held: Mapping[OrderRef, OrderAtHand],
    packs: Sequence[NewPack],
    at: datetime,
) -> tuple[Shipment, ...]:
    """State these packs: numbers admitted, rows written, waybills and orders moved; refused as `numbers.admit` and
    `stores.refuse_other_store` say."""
    found = await numbers.find_for_update(tx, said.merchant_id, [pack.parcel for pack in packs])
    for pack in sorted(packs, key=lambda one: (one.parcel.carrier, one.parcel.number)):
        shipped = [held[ref].order for ref in pack.contents]
        await numbers.admit(tx, keys, desk.policy, found[pack.parcel], shipped, at)
    await stores.refuse_other_store(tx, said, list(found.values()))
    rows = [row for pack in packs for row in _rows(said, held, pack, found[pack.parcel], at)]
    await queries.insert(tx, rows)
    await mark_waybills(tx, found.values(), at)
    for ref, at_hand in held.items():
        mine = tuple(row for row in rows if row.ref == ref)
        await _move(tx, said, replace(at_hand, standing=(*at_hand.standing, *mine)), mine, at)
    return tuple(rows)


def _rows(
    said: Statement, held: Mapping[OrderRef, OrderAtHand], pack: NewPack, found: Found, at: datetime
) -> list[Shipment]:
    return [
        Shipment(
            merchant_id=said.merchant_id,
            shipment_id=new_id(),
            shop_id=ref.shop_id,
            order_id=ref.order_id,
            pack_id=pack.pack_id,
            carrier=found.parcel.carrier,
            number=found.parcel.number,
            taken_here=bool(found.family),
            lines=held[ref].lines_of(quantities),
            shipped_at=at,
            stated_at=at,
            stated_by=said.stated_by,
        )
        for ref, quantities in pack.contents.items()
    ]


async def _move(
    tx: Transaction, said: Statement, at_hand: OrderAtHand, stated: Sequence[Shipment], at: datetime
) -> None:
    """An order of which nothing is left is shipped; otherwise only its pieces are counted."""
    is_whole = not at_hand.left
    step = orders.mark_shipped if is_whole else orders.count_shipped
    await step(tx, said.merchant_id, at_hand.ref, at_hand.shipped_pieces, at)
    body = _about(at_hand.ref, stated) | {"whole": is_whole, "refund_rejected": at_hand.refund_is_open}
    await tell(tx, said.merchant_id, ORDER_SHIPPED, body)


async def mark_waybills(tx: Transaction, found: Iterable[Found], at: datetime) -> None:
    """Waybills whose numbers went out; one that is stated already keeps its date."""
    for one in found:
        if one.parent is not None and one.family[0].shipped_at is None:
            await lives.state_shipped_within(tx, one.parent, at)


async def release(tx: Transaction, merchant_id: int, found: Iterable[Found]) -> None:
    """Take the statement from waybills that no standing shipment names any more."""
    for one in found:
        if one.parent is None:
            continue
        if not await queries.of_numbers(tx, merchant_id, one.parcel.carrier, one.numbers):
            await lives.state_shipped_within(tx, one.parent, None)


async def tell_changed(
    tx: Transaction, merchant_id: int, ref: OrderRef, shipments: Sequence[Shipment], *, withdrawn: bool
) -> None:
    await tell(tx, merchant_id, SHIP_CHANGED, _about(ref, shipments) | {"withdrawn": withdrawn})


async def tell(tx: Transaction, merchant_id: int, topic: str, body: Mapping[str, object]) -> None:
    """Leave the message for whoever pushes it to subscribers; ids only."""
    await outbox.put(tx, f"merchant:{merchant_id}", topic, {"merchant_id": str(merchant_id), **body})


def _about(ref: OrderRef, shipments: Sequence[Shipment]) -> dict[str, object]:
    return {**ref._asdict(), "pack_ids": [one.pack_id for one in shipments]}


async def kept_packs(
    tx: Transaction, ask: ShipInPacks | ShipTogether, pack_ids: Sequence[str], at: datetime
) -> list[str]:
    """The pack ids of this request: the ones given when it is new, else those of its first answer.

    Waits for the same request of another caller. Raises outbound.request_id_malformed, outbound.request_reused.
    """
    if not 0 < len(ask.request_id) <= LONGEST_REQUEST_ID or not ask.request_id.isprintable():
        raise Refusal("outbound.request_id_malformed", limit=LONGEST_REQUEST_ID)
    where = ask.merchant_id, ask.shop_id, ask.request_id
    fingerprint = _fingerprint(ask)
    if await queries.keep_answer(tx, *where, fingerprint, pack_ids, at):
        return list(pack_ids)
    before, kept = await queries.kept_answer(tx, *where)
    if before != fingerprint:
        raise Refusal("outbound.request_reused", request_id=ask.request_id)
    return kept


async def first_stated(
    tx: Transaction, merchant_id: int, refs: Sequence[OrderRef], pack_ids: Sequence[str]
) -> tuple[Shipment, ...]:
    """What a request stated the first time it came, whatever became of it since; in the order of packs, then orders."""
    oldest: dict[tuple[str, OrderRef], Shipment] = {}
    for shipment in await queries.of_orders(tx, merchant_id, refs):
        oldest.setdefault((shipment.pack_id, shipment.ref), shipment)
    return tuple(oldest[pack_id, ref] for pack_id in pack_ids for ref in refs if (pack_id, ref) in oldest)


def _fingerprint(ask: ShipInPacks | ShipTogether) -> bytes:
    """Over what is stated, not over who states it."""
    said = msgspec.json.encode((type(ask).__name__, replace(ask, stated_by="", request_id="")))
    return hashlib.blake2b(said, digest_size=16).digest()
