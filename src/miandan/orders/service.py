"""Verbs about kept orders: keep what a file holds, close, hold and release. Recipients enter sealed."""

from collections.abc import Iterator, Sequence

from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.orders import queries, shipping_queries, standing_queries
from miandan.orders.arrival import arrive, forget_replaced
from miandan.orders.hands import put_on
from miandan.orders.model import Kept, OrderDraft, OrderRef, OrderState, Seals, SetAside, TradeOrder
from miandan.orders.queries import Written
from miandan.orders.rows import ref_of, row_of
from miandan.orders.standing_queries import KeptOrder
from miandan.vault.service import keep_index

_ROWS_PER_STATEMENT = 2_000


async def keep(db: Database, keys: Seals, drafts: Sequence[OrderDraft]) -> Kept:
    """Write orders down with their recipients sealed; of two drafts of one order the later counts.

    The same order again changes nothing. Other goods, another state or another recipient raise its version, and a
    changed recipient is sealed anew. What is closed, cancelled, refunded, shipped or held by hand keeps its state, and
    an order whose marketplace speaks for it (`intake`) keeps everything.
    """
    latest = {ref_of(draft): draft for draft in drafts}
    versions: dict[OrderRef, int] = {}
    async with db.transaction() as tx:
        for batch in _batches(latest):
            versions |= {row.ref: row.version for row in await _keep_batch(tx, keys, batch)}
            heard_of = await _arrived(tx, keys, {ref: draft for ref, draft in batch if ref not in versions})
            versions |= dict.fromkeys(heard_of, 1)
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
        await shipping_queries.hold_for_update(tx, merchant_id, [ref for ref, _ in states])  # in everybody's order
        return tuple(await queries.set_aside(tx, merchant_id, states, now()))


async def find_orders(db: Reads, merchant_id: int, refs: Sequence[OrderRef]) -> dict[OrderRef, TradeOrder]:
    """The kept orders among `refs`, recipients still sealed."""
    return {order.ref: order for order in await queries.find(db, merchant_id, refs)}


async def close_order(db: Database, merchant_id: int, ref: OrderRef, version: int, state: OrderState) -> int:
    """Take an order out of shipping as closed, cancelled, refunding or refunded; its new version.

    Raises `orders.unknown`; `orders.changed_meanwhile` when it is not at `version`; `orders.finished` when it is
    closed, cancelled, refunded or shipped already.
    """
    return await _move(db, merchant_id, ref, version, state)


async def hold_order(db: Database, merchant_id: int, ref: OrderRef, version: int) -> int:
    """Let an order wait until a person releases it; raises as `close_order` does."""
    return await _move(db, merchant_id, ref, version, OrderState.HELD)


async def release_order(db: Database, merchant_id: int, ref: OrderRef, version: int) -> int:
    """Let an order that a person held ship; raises as `close_order` does, and `orders.not_releasable` for others:
    what is held for its ciphertext has no readable name or address."""
    return await _move(db, merchant_id, ref, version, None)


async def _move(db: Database, merchant_id: int, ref: OrderRef, version: int, hand: OrderState | None) -> int:
    async with db.transaction() as tx:
        kept = await standing_queries.order_for_update(tx, merchant_id, ref)
        if kept is None or not kept.arrived:
            raise Refusal("orders.unknown", order_id=ref.order_id)
        if kept.version != version:
            raise Refusal("orders.changed_meanwhile", order_id=ref.order_id)
        _refuse_move(ref, kept, hand)
        return await standing_queries.write(tx, merchant_id, ref, put_on(kept, hand), now())


def _refuse_move(ref: OrderRef, kept: KeptOrder, hand: OrderState | None) -> None:
    if kept.state.is_finished:
        raise Refusal("orders.finished", order_id=ref.order_id, state=kept.state.value)
    if hand is None and kept.standing.hand is not OrderState.HELD:
        raise Refusal("orders.not_releasable", order_id=ref.order_id)


async def _arrived(tx: Transaction, keys: Seals, drafts: dict[OrderRef, OrderDraft]) -> list[OrderRef]:
    """Orders whose events came before themselves: what was heard counts at once, in the same transaction."""
    waiting = await standing_queries.not_arrived_for_update(tx, keys.merchant_id, list(drafts))
    for ref in waiting:
        await arrive(tx, keys, ref, drafts[ref], None, now())
    return waiting


async def _keep_batch(tx: Transaction, keys: Seals, batch: Sequence[tuple[OrderRef, OrderDraft]]) -> list[Written]:
    """Write one batch; recipients whose seal is new become findable, those that they replaced are forgotten."""
    sealed = {ref: keys.seal(draft.recipient, ref.bound_to) for ref, draft in batch}
    rows = [row_of(ref, draft, sealed[ref], keys) for ref, draft in batch]
    written = await queries.keep(tx, keys.merchant_id, rows, now())
    fresh = [row for row in written if row.token == sealed[row.ref].token]
    replaced = {row.ref.bound_to: row.replaced_token for row in fresh if row.replaced_token is not None}
    await forget_replaced(tx, keys.merchant_id, replaced)
    await keep_index(tx, keys.merchant_id, [(row.ref.bound_to, sealed[row.ref]) for row in fresh])
    return written


def _batches(drafts: dict[OrderRef, OrderDraft]) -> Iterator[list[tuple[OrderRef, OrderDraft]]]:
    # In one order everywhere, so that two imports at the same moment wait for each other instead of deadlocking.
    items = sorted(drafts.items(), key=lambda item: item[0])
    for start in range(0, len(items), _ROWS_PER_STATEMENT):
        yield items[start : start + _ROWS_PER_STATEMENT]
