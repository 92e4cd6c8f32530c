"""What marketplaces push: their orders and every change of them, each with the order's version at the marketplace.

Messages may come late, twice and in any order: once all of an order's messages have been heard it stands where it would
stand had they come one after another (see `standing`). An event of an unknown order is kept until the order comes.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.orders import cells, standing_queries
from miandan.orders.arrival import Heard, arrive, receive
from miandan.orders.ids import refuse_odd_ref
from miandan.orders.model import OrderDraft, OrderRef, Seals
from miandan.orders.recipients import completed
from miandan.orders.rows import ref_of
from miandan.orders.standing import EVENT, Hearing, OrderEvent, Word, after_event, state_of
from miandan.orders.standing_queries import Learnt
from miandan.vault.model import Recipient

ORDER_EVENT: Final = "order.event"
"""Outbox topic of every change that was applied: merchant, shop, order, kind (`put` or an OrderEvent), version, state,
at. Nobody's data."""

PUT_KIND: Final = "put"

HIGHEST_VERSION: Final = 2**63 - 1
"""Of a marketplace's version of an order; a time in nanoseconds fits."""


async def put_order(db: Database, keys: Seals, order: OrderDraft, source_version: int) -> Heard:
    """Keep an order as its marketplace has it at `source_version`; an older or equal version changes nothing.

    Its goods, payment and state are replaced; the recipient too unless an address change was newer. Holds, refunds and
    ends that events have told stay until events end them. Raises `orders.version_invalid`, `orders.id_invalid`,
    `orders.lines_invalid`, what `recipients.completed` raises, `vault.*`.
    """
    ref = ref_of(order)
    _refuse_odd(ref, source_version)
    if not order.state.is_finished:
        _refuse_odd_lines(order)
        order = replace(order, recipient=completed(order.recipient))
    at = now()
    async with db.transaction() as tx:
        heard = await arrive(tx, keys, ref, order, source_version, at)
        await _tell(tx, keys.merchant_id, ref, PUT_KIND, source_version, heard, at)
    return heard


async def hear(
    db: Database,
    keys: Seals,
    ref: OrderRef,
    event: OrderEvent,
    source_version: int,
    *,
    recipient: Recipient | None = None,
    happened_at: datetime | None = None,
) -> Heard:
    """Take note of what happened to an order at `source_version`.

    `recipient` belongs to an address change and is the whole one, remarks included; `happened_at` dates a payment.
    Raises `orders.recipient_missing_in_change`, and what `put_order` raises about ids, versions and recipients.
    """
    _refuse_odd(ref, source_version)
    if event is OrderEvent.ADDRESS_CHANGED:
        if recipient is None:
            raise Refusal("orders.recipient_missing_in_change", order_id=ref.order_id)
        recipient = completed(recipient)
    at = now()
    async with db.transaction() as tx:
        heard = await _hear(tx, keys, ref, event, source_version, recipient, happened_at, at)
        await _tell(tx, keys.merchant_id, ref, event.value, source_version, heard, at)
    return heard


async def _hear(
    tx: Transaction,
    keys: Seals,
    ref: OrderRef,
    event: OrderEvent,
    version: int,
    recipient: Recipient | None,
    happened_at: datetime | None,
    at: datetime,
) -> Heard:
    kept = await standing_queries.announced_for_update(tx, keys.merchant_id, ref, version, at)
    standing, hearing = after_event(kept.standing, event, version)
    if hearing is not Hearing.APPLIED:
        return Heard(hearing, kept.state, kept.held_reason, kept.version, kept.arrived)
    brought = None
    if event is OrderEvent.ADDRESS_CHANGED and recipient is not None:
        standing, brought = await receive(tx, keys, ref, kept, standing, recipient, Word(version, EVENT))
    state, held_reason = state_of(standing)
    learnt = Learnt(
        state,
        held_reason,
        source_version=kept.newest(version),
        standing=standing,
        arrived=kept.arrived,
        paid_at=happened_at if event is OrderEvent.PAID else None,
        recipient=brought,
    )
    counted = await standing_queries.write(tx, keys.merchant_id, ref, learnt, at)
    return Heard(hearing, state, held_reason, counted, kept.arrived)


async def _tell(
    tx: Transaction, merchant_id: int, ref: OrderRef, kind: str, version: int, heard: Heard, at: datetime
) -> None:
    """Leave the message for printing and pushes, exactly if something changed and is committed."""
    if heard.hearing is Hearing.APPLIED:
        body = {
            "merchant": merchant_id,
            "shop": ref.shop_id,
            "order": ref.order_id,
            "kind": kind,
            "version": version,
            "state": heard.state.value,
            "at": at.isoformat(),
        }
        await outbox.put(tx, f"merchant:{merchant_id}", ORDER_EVENT, body)


def _refuse_odd(ref: OrderRef, version: int) -> None:
    if isinstance(version, bool) or not 0 <= version <= HIGHEST_VERSION:
        raise Refusal("orders.version_invalid", order_id=ref.order_id, highest=HIGHEST_VERSION)
    refuse_odd_ref(ref)


def _refuse_odd_lines(order: OrderDraft) -> None:
    if not order.lines or any(not 1 <= line.quantity <= cells.MOST_PIECES for line in order.lines):
        raise Refusal("orders.lines_invalid", order_id=order.order_id, most=cells.MOST_PIECES)
    if any(map(cells.has_forbidden_character, _texts(order))):
        raise Refusal("orders.lines_unprintable", order_id=order.order_id)


def _texts(order: OrderDraft) -> Iterator[str]:
    for line in order.lines:
        yield from (line.line_id, line.title, line.spec, line.sku)
