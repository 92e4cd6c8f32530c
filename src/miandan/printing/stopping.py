"""What an order's event does to its labels (拦截): queued sheets stop at once, agents are asked to give back what they
have not begun, and a parcel that has a label already is stopped at the packing table.

Whatever the event misses (a job that is made in the same moment) the gates of `leasing` find when the sheet's turn has
come: nothing is given out without asking the orders again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from miandan.kernel.clock import now
from miandan.kernel.database import Reads, Transaction
from miandan.kernel.outbox import Message
from miandan.orders.model import OrderRef, OrderState, TradeOrder
from miandan.orders.shippable import obstacle
from miandan.printing import sheet_queries, station_queries, transitions
from miandan.printing.job_model import PrintSheet, SheetState
from miandan.printing.sheets_life import save, save_and_uncount
from miandan.waybills import queries as waybill_queries
from miandan.waybills.model import NumberRef, Waybill
from miandan.waybills.obstacles import Behind, orders_behind
from miandan.waybills.order_queries import live_numbers_of

RECIPIENT_CHANGED: Final = "waybill.recipient_changed"


class StopAsk(NamedTuple):
    """A lease that its agent should give back unless it has begun: the tag as text, and why."""

    sheet_id: str
    reason: str


class _Why(NamedTuple):
    reason: str
    order_id: str


async def stop_sheets(tx: Transaction, message: Message) -> None:
    """Handler of `order.event`; twice does no harm.

    Orders stay as they are until `tx` ends, so what is lifted or stopped here is what is true then.
    """
    body = message.body
    merchant_id, order = int(body["merchant"]), OrderRef(body["shop"], body["order"])
    numbers = await live_numbers_of(tx, merchant_id, [order])
    parents = [ref for _, ref in numbers[order]]
    if not parents:
        return
    at, by = now(), f"event:{body['kind']}"
    family = await _with_children(tx, parents)
    behind = await orders_behind(tx, family)
    waybills = await waybill_queries.waybills(tx, family)
    stopped = {one.ref: why for one in waybills if (why := _why(one, behind.get(_name(one.ref), ()))) is not None}
    await _stop(tx, merchant_id, stopped, by, at)
    copies = {one.ref: one.copies for one in await waybill_queries.waybills(tx, list(stopped))}  # once sheets are held
    for waybill in waybills:
        why = stopped.get(waybill.ref)
        if why is None:
            await station_queries.clear_stop(tx, waybill.ref, by, at)
        elif copies[waybill.ref]:
            await station_queries.raise_stop(tx, waybill.ref, why.reason, why.order_id, by, at)


def _why(waybill: Waybill, orders: Sequence[TradeOrder]) -> _Why | None:
    """What stands in a parcel's way. Recipients are compared by their keyed digests, without opening them: after a
    rotation of the index key that may stop one too many, which the gates would let through."""
    for order in orders:
        refusal = obstacle(order.ref.order_id, order.state, order.held_reason)
        if refusal is not None and order.state is not OrderState.SHIPPED:
            return _Why(refusal.code, order.ref.order_id)
    for order in orders:
        ours, its = waybill.sealed, order.recipient
        if ours.token != its.token and ours.digest != its.digest and None not in (ours.key, its.key):
            return _Why(RECIPIENT_CHANGED, order.ref.order_id)
    return None


async def stop_what_came_out(tx: Transaction, waybill: Waybill, behind: Behind, by: str, at: datetime) -> None:
    """Stop a parcel whose label came out although its orders (held, as the waybill is) must not go."""
    why = _why(waybill, behind.get(_name(waybill.ref), ()))
    if why is not None:
        await station_queries.raise_stop(tx, waybill.ref, why.reason, why.order_id, by, at)


async def _stop(tx: Transaction, merchant_id: int, stopped: Mapping[NumberRef, _Why], by: str, at: datetime) -> None:
    by_name = {_name(ref): why for ref, why in stopped.items()}
    queued: list[tuple[PrintSheet, PrintSheet]] = []
    leased: list[tuple[PrintSheet, PrintSheet]] = []
    for sheet in await sheet_queries.of_numbers_for_update(tx, merchant_id, list(stopped)):
        why = by_name.get((sheet.carrier, sheet.number))
        after = None if why is None else transitions.recalled(sheet, SheetState.STOPPED, why.reason, at)
        if after is not None:
            (queued if after.state is SheetState.STOPPED else leased).append((sheet, after))
    await save_and_uncount(tx, [one for one, _ in queued], [one for _, one in queued], "stopped", by, at)
    await save(tx, [one for one, _ in leased], [one for _, one in leased], "recalled", by, at)


async def _with_children(tx: Transaction, parents: Sequence[NumberRef]) -> list[NumberRef]:
    found = list[NumberRef]()
    for waybill in await waybill_queries.waybills(tx, parents):
        found.append(waybill.ref)
        if waybill.pieces > 1:
            children = await waybill_queries.children(tx, waybill.ref)
            found += [waybill_queries.sibling(waybill.ref, number) for number in children]
    return found


def _name(ref: NumberRef) -> tuple[str, str]:
    return ref.carrier, ref.number


async def stops_for(db: Reads, agent_id: UUID) -> list[StopAsk]:
    """What an agent should give back; again and again until it has answered."""
    return [StopAsk(str(tag), reason) for tag, reason in await sheet_queries.recalled_from(db, agent_id)]
