"""Verbs about kept orders: keep what a file holds, close, hold and release. Recipients enter sealed."""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.orders import queries
from miandan.orders.model import HELD_BY_HAND, Kept, OrderDraft, OrderRef, OrderState, Seals, SetAside, TradeOrder
from miandan.orders.queries import OrderRow, Written
from miandan.vault.model import Recipient, Sealed
from miandan.vault.queries import delete_index
from miandan.vault.service import keep_index

_ROWS_PER_STATEMENT = 2_000
_CONTENT_HASH_BYTES = 16


async def keep(db: Database, keys: Seals, drafts: Sequence[OrderDraft]) -> Kept:
    """Write orders down with their recipients sealed; of two drafts of one order the later counts.

    The same order again changes nothing. Other goods, another state or another recipient raise its version, and a
    changed recipient is sealed anew. What is closed, cancelled, refunded, shipped or held by hand keeps its state.
    """
    latest = {ref_of(draft): draft for draft in drafts}
    written: list[Written] = []
    async with db.transaction() as tx:
        for batch in _batches(latest):
            written += await _keep_batch(tx, keys, batch)
    versions = {row.ref: row.version for row in written}
    return Kept(
        new=tuple(ref for ref, version in versions.items() if version == 1),
        unchanged=tuple(ref for ref in latest if ref not in versions),
        changed=tuple(ref for ref, version in versions.items() if version > 1),
    )


async def set_aside(db: Database, merchant_id: int, asides: Sequence[SetAside]) -> tuple[OrderRef, ...]:
    """Tell kept orders what the back office says of them now; which of them changed. Unknown orders stay unknown:
    nothing is kept of an order that was never to be shipped."""
    states = [(OrderRef(aside.shop_id or "", aside.order_id), aside.state) for aside in asides]
    async with db.transaction() as tx:
        return tuple(await queries.set_aside(tx, merchant_id, states, now()))


async def find_orders(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> dict[OrderRef, TradeOrder]:
    """The kept orders among `refs`, recipients still sealed."""
    return {order.ref: order for order in await queries.find(db, merchant_id, refs)}


async def close_order(db: Database, merchant_id: int, ref: OrderRef, version: int, state: OrderState) -> int:
    """Take an order out of shipping as closed, cancelled, refunding or refunded; its new version.

    Raises `orders.unknown`; `orders.changed_meanwhile` when it is not at `version`; `orders.finished` when it is
    closed, cancelled, refunded or shipped already.
    """
    return await _move(db, merchant_id, ref, version, state, None)


async def hold_order(db: Database, merchant_id: int, ref: OrderRef, version: int) -> int:
    """Let an order wait until a person releases it; raises as `close_order` does."""
    return await _move(db, merchant_id, ref, version, OrderState.HELD, HELD_BY_HAND)


async def release_order(db: Database, merchant_id: int, ref: OrderRef, version: int) -> int:
    """Let an order that a person held ship; raises as `close_order` does, and `orders.not_releasable` for others:
    what is held for its ciphertext has no readable name or address."""
    return await _move(db, merchant_id, ref, version, OrderState.TO_SHIP, None)


async def _move(
    db: Database, merchant_id: int, ref: OrderRef, version: int, state: OrderState, held_reason: str | None
) -> int:
    async with db.transaction() as tx:
        known = await queries.find(tx, merchant_id, [ref])
        if not known:
            raise Refusal("orders.unknown", order_id=ref.order_id)
        if known[0].version == version:
            _refuse_move(known[0], state)
        moved = await queries.set_state(tx, merchant_id, ref, version, state, held_reason, now())
        if moved is None:
            raise Refusal("orders.changed_meanwhile", order_id=ref.order_id)
    return moved


def _refuse_move(order: TradeOrder, state: OrderState) -> None:
    if order.state.is_finished:
        raise Refusal("orders.finished", order_id=order.ref.order_id, state=order.state.value)
    if state is OrderState.TO_SHIP and order.held_reason != HELD_BY_HAND:
        raise Refusal("orders.not_releasable", order_id=order.ref.order_id)


def ref_of(draft: OrderDraft) -> OrderRef:
    return OrderRef(draft.shop_id or "", draft.order_id)


async def _keep_batch(tx: Transaction, keys: Seals, batch: Sequence[tuple[OrderRef, OrderDraft]]) -> list[Written]:
    """Write one batch; recipients whose seal is new become findable, those that they replaced no longer are."""
    sealed = {ref: keys.seal(draft.recipient, ref.bound_to) for ref, draft in batch}
    rows = [_row(ref, draft, sealed[ref], keys) for ref, draft in batch]
    written = await queries.keep(tx, keys.merchant_id, rows, now())
    fresh = [row for row in written if row.token == sealed[row.ref].token]
    replaced = [row.replaced_token for row in fresh if row.replaced_token is not None]
    if replaced:
        await delete_index(tx, keys.merchant_id, replaced)
    await keep_index(tx, keys.merchant_id, [(row.ref.bound_to, sealed[row.ref]) for row in fresh])
    return written


def _batches(drafts: dict[OrderRef, OrderDraft]) -> Iterator[list[tuple[OrderRef, OrderDraft]]]:
    # In one order everywhere, so that two imports at the same moment wait for each other instead of deadlocking.
    items = sorted(drafts.items(), key=lambda item: item[0])
    for start in range(0, len(items), _ROWS_PER_STATEMENT):
        yield items[start : start + _ROWS_PER_STATEMENT]


def _row(ref: OrderRef, draft: OrderDraft, sealed: Sealed, keys: Seals) -> OrderRow:
    reason = draft.held_reason.code if draft.held_reason is not None else None
    return OrderRow(
        shop_id=ref.shop_id,
        order_id=ref.order_id,
        state=draft.state.value,
        held_reason=reason,
        paid_at=draft.paid_at,
        lines=_json(draft.lines),
        warnings=_json([{"code": warning.code, **warning.fields} for warning in draft.warnings]),
        content_hash=_content_hash(draft, reason),
        division_code=draft.recipient.division_code,
        recipient_token=sealed.token,
        recipient_key=sealed.key,
        recipient=sealed.body,
        recipient_digest=sealed.digest,
        remark_digest=_remark_digest(draft.recipient, keys),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _content_hash(draft: OrderDraft, reason: str | None) -> bytes:
    """Over what an import says besides the recipient: goods, state and payment time, nobody's data."""
    content = msgspec.json.encode((draft.lines, draft.state.value, reason, draft.paid_at))
    return hashlib.blake2b(content, digest_size=_CONTENT_HASH_BYTES).digest()


def _remark_digest(recipient: Recipient, keys: Seals) -> bytes:
    """Under the merchant's key, as remarks often hold phones; the merge digest itself leaves remarks out."""
    if not (recipient.buyer_remark or recipient.seller_remark):
        return b""
    return keys.digest(Recipient(name=recipient.buyer_remark, phone="", detail=recipient.seller_remark))
