"""Verbs about supply relations: who may ship for whose shop. The orders themselves: supply_orders.py.

The one side asks, the other accepts, either ends it. A relation that has ended stays on record; a new one may be asked.
"""

from datetime import datetime
from uuid import UUID

from miandan.accounts import supply_orders, supply_queries
from miandan.accounts.supply_model import RelationState, SupplyRelation
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.merchants import queries as merchants

LONGEST_EVIDENCE = 500


async def propose(
    db: Database,
    seller_id: int,
    shop_id: str,
    supplier_id: int,
    *,
    asked_by: int,
    evidence: str,
    stated_by: str,
    at: datetime | None = None,
) -> SupplyRelation:
    """State that a supplier ships for a seller's shop; `asked_by` is the side that says so, the other one accepts.

    `evidence` is a contract number or another reference, `stated_by` a login or app. Raises supply.same_merchant,
    supply.not_a_party, supply.evidence_missing, merchant.unknown, shop.unknown, supply.exists.
    """
    if seller_id == supplier_id:
        raise Refusal("supply.same_merchant")
    if asked_by not in (seller_id, supplier_id):
        raise Refusal("supply.not_a_party")
    words = evidence.strip()
    if not words or len(words) > LONGEST_EVIDENCE:
        raise Refusal("supply.evidence_missing", most=LONGEST_EVIDENCE)
    relation = SupplyRelation(
        seller_id, new_id(), shop_id, supplier_id, RelationState.ASKED, asked_by, words, stated_by, at or now()
    )
    async with db.transaction() as tx:
        await _check_parties(tx, relation)
        if not await supply_queries.insert_relation(tx, relation):
            standing = await supply_queries.last_relation(tx, seller_id, shop_id, supplier_id)
            raise Refusal("supply.exists", shop=shop_id, state=standing.state.value if standing else "")
    return relation


async def _check_parties(tx: Transaction, relation: SupplyRelation) -> None:
    for merchant_id in (relation.seller_id, relation.supplier_id):
        if await merchants.merchant(tx, merchant_id) is None:
            raise Refusal("merchant.unknown", merchant=str(merchant_id))
    if relation.shop_id:
        shop = await merchants.shop(tx, relation.seller_id, relation.shop_id)
        if shop is None or not shop.open:
            raise Refusal("shop.unknown", shop=relation.shop_id)


async def accept(
    db: Database, merchant_id: int, seller_id: int, relation_id: UUID, *, by: str, at: datetime | None = None
) -> SupplyRelation:
    """The side that did not ask agrees; from now on the supplier may ship. Again changes nothing.

    Raises supply.unknown, supply.not_yours_to_accept, supply.ended.
    """
    async with db.transaction() as tx:
        relation = await _of_party_for_update(tx, merchant_id, seller_id, relation_id)
        if relation.state is RelationState.ENDED:
            raise Refusal("supply.ended", relation=str(relation_id))
        if relation.state is RelationState.ASKED:
            if relation.accepts != merchant_id:
                raise Refusal("supply.not_yours_to_accept", relation=str(relation_id))
            await supply_queries.accept(tx, relation, by, at or now())
        return await _of_party_for_update(tx, merchant_id, seller_id, relation_id)


async def end(
    db: Database, merchant_id: int, seller_id: int, relation_id: UUID, *, by: str, at: datetime | None = None
) -> tuple[SupplyRelation, tuple[str, ...]]:
    """Either side withdraws: no more orders, no more numbers. Ending again changes nothing.

    Orders that have no number yet go back to the seller, whose ids come along; those with a number run to their end.
    Raises supply.unknown.
    """
    ended_at = at or now()
    async with db.transaction() as tx:
        relation = await _of_party_for_update(tx, merchant_id, seller_id, relation_id)
        back: tuple[str, ...] = ()
        if relation.state is not RelationState.ENDED:
            await supply_queries.end(tx, relation, by, ended_at)
            back = await supply_orders.hand_back(tx, relation, ended_at)
        return await _of_party_for_update(tx, merchant_id, seller_id, relation_id), back


async def suppliers_of(db: Reads, seller_id: int) -> tuple[SupplyRelation, ...]:
    """Everybody who ships, shipped or asked to ship for the merchant's shops, oldest first."""
    return tuple(await supply_queries.relations_of_seller(db, seller_id))


async def sellers_of(db: Reads, supplier_id: int) -> tuple[SupplyRelation, ...]:
    """Every shop that the merchant ships, shipped or asked to ship for, oldest first."""
    return tuple(await supply_queries.relations_of_supplier(db, supplier_id))


async def _of_party_for_update(tx: Transaction, merchant_id: int, seller_id: int, relation_id: UUID) -> SupplyRelation:
    """A relation of which the merchant is a side; nobody else learns that it exists."""
    relation = await supply_queries.relation_for_update(tx, seller_id, relation_id)
    if relation is None or not relation.concerns(merchant_id):
        raise Refusal("supply.unknown", relation=str(relation_id))
    return relation
