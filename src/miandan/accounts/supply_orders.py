"""Orders that a seller gives to a supplier (分销单): distributed, cancelled, taken for.

A supplier takes numbers inside `taking`, which keeps the orders from being cancelled meanwhile. The number itself lies
with the seller, like the order: the supplier's part is the account (`account_book`) and the calling app.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from miandan.accounts import supply_queries
from miandan.accounts.supply_model import (
    DistributedOrder,
    Distribution,
    DistributionState,
    Page,
    SupplyRelation,
    new_distr_order_id,
    not_active,
)
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.orders import queries as orders
from miandan.orders.model import OrderRef, OrderState

CLAIM_SECONDS = 120.0
"""How long a take may last at most. A program that died in the middle keeps its orders for so long."""
MOST_ROWS = 100


async def distribute(
    db: Database, seller_id: int, refs: Sequence[OrderRef], supplier_id: int, *, at: datetime | None = None
) -> tuple[Distribution | Refusal, ...]:
    """Give orders to a supplier, one answer per order: its distribution with an id of its own, or why not.

    An order that this supplier has already keeps its id. Refusals: supply.no_relation, orders.unknown,
    supply.order_not_to_ship, supply.number_stands, supply.distributed_elsewhere.
    """
    async with db.transaction() as tx:
        relations = await supply_queries.standing_for_share(tx, seller_id, supplier_id, [ref.shop_id for ref in refs])
        refused = await _refused(tx, seller_id, refs, relations)
        rows = [
            (new_distr_order_id(), ref, relations[ref.shop_id].relation_id)
            for ref in sorted(set(refs) - refused.keys())
        ]
        await supply_queries.insert_distributions(tx, seller_id, supplier_id, rows, at or now())
        standing = await supply_queries.standing_distributions(tx, seller_id, refs)
    return tuple(refused[ref] if ref in refused else _distributed(ref, standing.get(ref), supplier_id) for ref in refs)


def _distributed(ref: OrderRef, standing: Distribution | None, supplier_id: int) -> Distribution | Refusal:
    if standing is None or standing.supplier_id != supplier_id:  # None: taken back again at this moment
        return Refusal("supply.distributed_elsewhere", order_id=ref.order_id)
    return standing


async def _refused(
    tx: Transaction, seller_id: int, refs: Sequence[OrderRef], relations: Mapping[str, SupplyRelation]
) -> dict[OrderRef, Refusal]:
    wanted = list(dict.fromkeys(refs))
    known = {order.ref: order for order in await orders.find(tx, seller_id, wanted)}
    standing = await supply_queries.standing_distributions(tx, seller_id, wanted)
    numbered = await supply_queries.numbered_orders(tx, seller_id, wanted) - standing.keys()
    refused: dict[OrderRef, Refusal] = {}
    for ref in wanted:
        refusal = not_active(relations.get(ref.shop_id), ref.shop_id)
        if refusal is not None:
            refused[ref] = refusal
        elif ref not in known:
            refused[ref] = Refusal("orders.unknown", order_id=ref.order_id)
        elif ref in numbered:
            refused[ref] = Refusal("supply.number_stands", order_id=ref.order_id)
        elif known[ref].state is not OrderState.TO_SHIP and ref not in standing:
            refused[ref] = Refusal("supply.order_not_to_ship", order_id=ref.order_id, state=known[ref].state.value)
    return refused


async def cancel_distribution(
    db: Database,
    seller_id: int,
    distr_order_ids: Sequence[str],
    *,
    shop_id: str | None = None,
    at: datetime | None = None,
) -> tuple[Distribution | Refusal, ...]:
    """Take orders back from their suppliers, one answer per id. Again changes nothing.

    With `shop_id` only that shop's: whoever speaks for one shop of the seller knows of no other one's.

    Refusals: supply.distribution_unknown, supply.number_stands, supply.being_taken (the supplier is taking its number
    at this moment; ask again).
    """
    cancelled_at = at or now()
    async with db.transaction() as tx:
        held = await supply_queries.distributions_for_update(tx, seller_id, distr_order_ids)
        found = [one for one in held if shop_id in (None, one.ref.shop_id)]
        open_ones = [one for one in found if one.state is DistributionState.DISTRIBUTED]
        stuck = await _stuck(tx, seller_id, open_ones)
        free = [one.distr_order_id for one in open_ones if one.distr_order_id not in stuck]
        await supply_queries.cancel(tx, seller_id, free, cancelled_at)
        theirs = [one.distr_order_id for one in found]
        after = await supply_queries.distributions_for_update(tx, seller_id, theirs)
    now_known = {one.distr_order_id: one for one in after}
    return tuple(stuck.get(one) or now_known.get(one) or _unknown(one) for one in distr_order_ids)


def _unknown(distr_order_id: str) -> Refusal:
    return Refusal("supply.distribution_unknown", distribution=distr_order_id)


async def _stuck(tx: Transaction, seller_id: int, held: Sequence[Distribution]) -> dict[str, Refusal]:
    """Why some of these rows, which the transaction holds, cannot go back."""
    if not held:
        return {}
    # Claims first: a take that ends between the two questions has written its number by then.
    claimed = await supply_queries.claimed(tx, seller_id, [one.distr_order_id for one in held])
    numbered = await supply_queries.numbers(tx, held)
    return {
        one.distr_order_id: Refusal("supply.number_stands", order_id=one.ref.order_id)
        if one.distr_order_id in numbered
        else Refusal("supply.being_taken", order_id=one.ref.order_id)
        for one in held
        if one.distr_order_id in numbered or one.distr_order_id in claimed
    }


async def hand_back(tx: Transaction, relation: SupplyRelation, at: datetime) -> tuple[str, ...]:
    """At the end of a relation: cancel what has no number; the ids that went back."""
    held = await supply_queries.open_of_relation_for_update(tx, relation)
    stuck = await _stuck(tx, relation.seller_id, held)
    free = tuple(one.distr_order_id for one in held if one.distr_order_id not in stuck)
    await supply_queries.cancel(tx, relation.seller_id, free, at)
    return free


async def distributed(db: Reads, supplier_id: int, distr_order_ids: Sequence[str]) -> dict[str, Distribution | Refusal]:
    """What stands behind ids that a supplier names: an order of a seller, or why it may not touch it.

    Refusals: supply.distribution_unknown (nobody's, or given to somebody else), supply.distribution_cancelled.
    """
    found = {one.distr_order_id: one for one in await supply_queries.distributions_to(db, supplier_id, distr_order_ids)}
    return {one: _takeable(one, found.get(one)) for one in distr_order_ids}


def _takeable(distr_order_id: str, found: Distribution | None) -> Distribution | Refusal:
    if found is None:
        return _unknown(distr_order_id)
    if found.state is DistributionState.CANCELLED:
        return Refusal("supply.distribution_cancelled", distribution=distr_order_id)
    return found


@asynccontextmanager
async def taking(
    db: Database, supplier_id: int, wanted: Sequence[tuple[str, str]]
) -> AsyncIterator[dict[str, Distribution | Refusal]]:
    """Around a supplier's take of (distributed order, pack id): inside, none of them can be cancelled.

    Gives the same answers as `distributed`; take numbers only for the distributions among them, and within
    `CLAIM_SECONDS`. Whether the supplier may ride on an account is `account_book.account_for`.
    """
    claim_id = new_id()
    first = await distributed(db, supplier_id, [one for one, _ in wanted])
    sellers = sorted({one.seller_id for one in first.values() if isinstance(one, Distribution)})
    answers = dict(first)
    try:
        for seller_id in sellers:
            answers |= await _claim(db, claim_id, seller_id, first, wanted)
        yield answers
    finally:
        for seller_id in sellers:
            async with db.transaction() as tx:
                await supply_queries.release(tx, seller_id, claim_id)


async def _claim(
    db: Database,
    claim_id: UUID,
    seller_id: int,
    first: Mapping[str, Distribution | Refusal],
    wanted: Sequence[tuple[str, str]],
) -> dict[str, Distribution | Refusal]:
    """Claim the orders of one seller, as they stand once their rows are held."""
    ids = [key for key, one in first.items() if isinstance(one, Distribution) and one.seller_id == seller_id]
    async with db.transaction() as tx:
        held = await supply_queries.distributions_for_update(tx, seller_id, ids)
        answers = {one.distr_order_id: _takeable(one.distr_order_id, one) for one in held}
        free = {key for key, one in answers.items() if isinstance(one, Distribution)}
        packs = [(one, pack) for one, pack in wanted if one in free]
        if packs:
            await supply_queries.claim(tx, seller_id, claim_id, packs, CLAIM_SECONDS)
    return answers


async def orders_given(
    db: Reads,
    seller_id: int,
    *,
    shop_id: str | None = None,
    state: DistributionState | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    limit: int = MOST_ROWS,
    offset: int = 0,
) -> Page:
    """What a seller distributed, newest first, with goods, order states and standing numbers. 100 rows at most."""
    rows, total = await supply_queries.seen_by_seller(
        db, seller_id, (state and state.value, since, before, shop_id), min(limit, MOST_ROWS), offset
    )
    return Page(tuple(rows), total)


async def orders_received(
    db: Reads,
    supplier_id: int,
    *,
    seller_id: int | None = None,
    shop_id: str | None = None,
    state: DistributionState | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    limit: int = MOST_ROWS,
    offset: int = 0,
) -> Page:
    """The same for a supplier, of one seller or shop or of all. Nothing of it says who receives the parcels."""
    rows, total = await supply_queries.seen_by_supplier(
        db, supplier_id, seller_id, (state and state.value, since, before, shop_id), min(limit, MOST_ROWS), offset
    )
    return Page(tuple(rows), total)


async def find_distributed(db: Reads, merchant_id: int, distr_order_id: str) -> DistributedOrder:
    """One of them, for its seller or its supplier. Raises supply.distribution_unknown."""
    found = await supply_queries.seen_by_ids(db, merchant_id, [distr_order_id])
    if not found:
        raise Refusal("supply.distribution_unknown", distribution=distr_order_id)
    return found[0]
