"""An order arrives: its contents and its recipient are written beside what was heard of it before."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from miandan.kernel.database import Transaction
from miandan.orders import queries, standing_queries
from miandan.orders.model import OrderDraft, OrderRef, OrderState, Seals
from miandan.orders.recipients import reason_to_hold
from miandan.orders.rows import contents_of, remark_digest
from miandan.orders.standing import (
    CIPHERTEXT_HELD,
    FROM_FILE,
    PUT,
    Hearing,
    Standing,
    Word,
    after_put,
    brings,
    state_of,
)
from miandan.orders.standing_queries import Brought, KeptOrder, Learnt
from miandan.vault.model import Recipient
from miandan.vault.queries import delete_index
from miandan.vault.service import keep_index


class Heard(NamedTuple):
    """What became of an order or an event, and where the order stands now.

    `version` counts our own changes, as `TradeOrder.version`; it is 0 and `arrived` false while only events were heard.
    """

    hearing: Hearing
    state: OrderState
    held_reason: str | None
    version: int
    arrived: bool


async def arrive(
    tx: Transaction, keys: Seals, ref: OrderRef, order: OrderDraft, version: int | None, at: datetime
) -> Heard:
    """Keep an order at its marketplace's version, None for a file's. What was heard before and is newer stays."""
    said = FROM_FILE if version is None else version
    kept = await standing_queries.announced_for_update(tx, keys.merchant_id, ref, said, at)
    standing, hearing = after_put(kept.standing, _state_said(order), said)
    if hearing is not Hearing.APPLIED:
        return Heard(hearing, kept.state, kept.held_reason, kept.version, kept.arrived)
    brought = None
    if not order.state.is_finished and brings(standing, said, PUT):  # nobody's data is kept for what will not ship
        standing, brought = await receive(tx, keys, ref, kept, standing, order.recipient, Word(said, PUT))
    state, held_reason = state_of(standing)
    learnt = Learnt(
        state,
        held_reason,
        source_version=kept.newest(said),
        standing=standing,
        arrived=True,
        contents=contents_of(order),
        recipient=brought,
    )
    counted = await standing_queries.write(tx, keys.merchant_id, ref, learnt, at)
    return Heard(hearing, state, held_reason, counted, arrived=True)


def _state_said(order: OrderDraft) -> OrderState:
    """Whether a recipient is another platform's ciphertext is told by the recipient, whoever brought it."""
    if order.held_reason is not None and order.held_reason.code == CIPHERTEXT_HELD:
        return OrderState.TO_SHIP
    return order.state


async def receive(
    tx: Transaction,
    keys: Seals,
    ref: OrderRef,
    kept: KeptOrder,
    standing: Standing,
    recipient: Recipient,
    word: Word,
) -> tuple[Standing, Brought | None]:
    """The standing with this recipient, and its seal unless it is the one that is kept already.

    A new recipient becomes findable, the one that it replaces is forgotten.
    """
    standing = replace(standing, recipient=word, recipient_held=reason_to_hold(recipient))
    remarks = remark_digest(recipient, keys)
    if kept.opens and (kept.digest, kept.remark_digest) == (keys.digest(recipient), remarks):
        return standing, None
    sealed = keys.seal(recipient, ref.bound_to)
    if kept.opens:
        await forget_replaced(tx, keys.merchant_id, {ref.bound_to: kept.token})
    await keep_index(tx, keys.merchant_id, [(ref.bound_to, sealed)])
    return standing, Brought(sealed, recipient.division_code, remarks)


async def forget_replaced(tx: Transaction, merchant_id: int, replaced: Mapping[str, UUID]) -> None:
    """Recipients (their tokens, by what they were sealed for) that their orders no longer have: nobody finds them any
    more, except those that a waybill still has: they must be found when they are erased."""
    if replaced:
        kept = await queries.on_waybills(tx, merchant_id, replaced)
        await delete_index(tx, merchant_id, [token for token in replaced.values() if token not in kept])
