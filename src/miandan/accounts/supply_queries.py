"""Every statement about supply relations and distributed orders. No column that holds a recipient is read here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from miandan.accounts.supply_model import (
    DistributedOrder,
    Distribution,
    DistributionState,
    RelationState,
    StandingNumber,
    SupplyRelation,
)
from miandan.kernel.database import Reads, Record, Transaction
from miandan.orders.model import OrderLine, OrderRef, OrderState

_INSERT_RELATION = """
    INSERT INTO supply_relation (merchant_id, relation_id, shop_id, supplier_id, state, asked_by, evidence, stated_by,
                                 asked_at)
    VALUES ($1, $2, $3, $4, 'asked', $5, $6, $7, $8)
        ON CONFLICT (merchant_id, shop_id, supplier_id) WHERE state <> 'ended' DO NOTHING
 RETURNING relation_id
"""

_RELATION = """
    SELECT merchant_id, relation_id, shop_id, supplier_id, state, asked_by, evidence, stated_by, asked_at, accepted_by,
           active_since, ended_by, ended_at
      FROM supply_relation
"""
_RELATION_FOR_UPDATE = _RELATION + "WHERE merchant_id = $1 AND relation_id = $2 FOR UPDATE"
# Held for share, so that it cannot end while orders are given to the supplier on its ground.
_STANDING_FOR_SHARE = (
    _RELATION + "WHERE merchant_id = $1 AND supplier_id = $2 AND shop_id = ANY($3::text[]) AND state <> 'ended'"
    " ORDER BY shop_id FOR SHARE"
)
_LAST_RELATION = (
    _RELATION + "WHERE merchant_id = $1 AND shop_id = $2 AND supplier_id = $3"
    " ORDER BY ended_at IS NULL DESC, asked_at DESC LIMIT 1"
)
_OF_SELLER = _RELATION + "WHERE merchant_id = $1 ORDER BY asked_at, relation_id"
_OF_SUPPLIER = _RELATION + "WHERE supplier_id = $1 ORDER BY asked_at, relation_id"

_RELATION_ANYWHERE = _RELATION + "WHERE relation_id = $1"
_ALL_RELATIONS = (
    _RELATION + "WHERE $1::bigint IS NULL OR merchant_id = $1 OR supplier_id = $1 ORDER BY asked_at, relation_id"
)

_ACCEPT = """
    UPDATE supply_relation SET state = 'active', accepted_by = $3, active_since = $4
     WHERE merchant_id = $1 AND relation_id = $2
"""
_END = """
    UPDATE supply_relation SET state = 'ended', ended_by = $3, ended_at = $4
     WHERE merchant_id = $1 AND relation_id = $2
"""

_INSERT_DISTRIBUTIONS = """
    INSERT INTO distributed_order (merchant_id, distr_order_id, shop_id, order_id, supplier_id, relation_id, state,
                                   distributed_at)
    SELECT $1, given.distr_order_id, given.shop_id, given.order_id, $2, given.relation_id, 'distributed', $3
      FROM unnest($4::text[], $5::text[], $6::text[], $7::uuid[])
           AS given (distr_order_id, shop_id, order_id, relation_id)
     ORDER BY given.shop_id, given.order_id
        ON CONFLICT (merchant_id, shop_id, order_id) WHERE state = 'distributed' DO NOTHING
"""

_DISTRIBUTION = """
    SELECT d.merchant_id, d.distr_order_id, d.shop_id, d.order_id, d.supplier_id, d.state, d.packs, d.distributed_at,
           d.cancelled_at
      FROM distributed_order d
"""
_STANDING = (
    _DISTRIBUTION + "JOIN unnest($2::text[], $3::text[]) AS wanted (shop_id, order_id) USING (shop_id, order_id)"
    " WHERE d.merchant_id = $1 AND d.state = 'distributed'"
)
_OF_SELLER_FOR_UPDATE = (
    _DISTRIBUTION + "WHERE d.merchant_id = $1 AND d.distr_order_id = ANY($2::text[]) ORDER BY d.distr_order_id"
    " FOR UPDATE"
)
_OF_RELATION_FOR_UPDATE = (
    _DISTRIBUTION + "WHERE d.merchant_id = $1 AND d.relation_id = $2 AND d.state = 'distributed'"
    " ORDER BY d.distr_order_id FOR UPDATE"
)
_OF_SUPPLIER_IDS = _DISTRIBUTION + "WHERE d.supplier_id = $1 AND d.distr_order_id = ANY($2::text[])"

_CANCEL = """
    UPDATE distributed_order SET state = 'cancelled', cancelled_at = $3
     WHERE merchant_id = $1 AND distr_order_id = ANY($2::text[])
"""

_CLAIM = """
    WITH packed AS (
        UPDATE distributed_order d
           SET packs = d.packs || ARRAY(SELECT DISTINCT p FROM unnest($5::text[], $6::text[]) AS asked (id, p)
                                         WHERE asked.id = d.distr_order_id AND p <> ALL(d.packs))
         WHERE d.merchant_id = $1 AND d.distr_order_id = ANY($2::text[])
    ), stale AS (
        DELETE FROM distribution_claim
         WHERE merchant_id = $1 AND distr_order_id = ANY($2::text[]) AND until < clock_timestamp()
    )
    INSERT INTO distribution_claim (merchant_id, distr_order_id, claim_id, until)
    SELECT $1, id, $3, clock_timestamp() + $4::interval FROM unnest($2::text[]) AS id
"""
_RELEASE = "DELETE FROM distribution_claim WHERE merchant_id = $1 AND claim_id = $2"
_CLAIMED = """
    SELECT DISTINCT distr_order_id FROM distribution_claim
     WHERE merchant_id = $1 AND distr_order_id = ANY($2::text[]) AND until >= clock_timestamp()
"""

# A parcel key as waybills.model.parcel_key writes it.
_NUMBERS = """
    SELECT d.distr_order_id, pack, k.carrier, k.number
      FROM distributed_order d
     CROSS JOIN LATERAL unnest(d.packs) AS pack
      JOIN parcel_key k
        ON k.merchant_id = d.merchant_id AND k.ended_at = 'infinity'
       AND k.parcel_key = d.shop_id || '/' || d.order_id || CASE WHEN pack = '' THEN '' ELSE '#' || pack END
     WHERE d.merchant_id = ANY($1::bigint[]) AND d.distr_order_id = ANY($2::text[])
     ORDER BY d.distr_order_id, pack
"""
_NUMBERED_ORDERS = """
    SELECT wanted.shop_id, wanted.order_id
      FROM unnest($2::text[], $3::text[]) AS wanted (shop_id, order_id)
      JOIN parcel_key k
        ON k.merchant_id = $1 AND k.ended_at = 'infinity' AND k.parcel_key = wanted.shop_id || '/' || wanted.order_id
"""

_SEEN = """
    SELECT d.merchant_id, d.distr_order_id, d.shop_id, d.order_id, d.supplier_id, d.state, d.packs, d.distributed_at,
           d.cancelled_at, o.state AS order_state, o.lines, o.paid_at
      FROM distributed_order d
      JOIN trade_order o USING (merchant_id, shop_id, order_id)
"""
_FILTER = """
       AND ($2::text IS NULL OR d.state = $2)
       AND ($3::timestamptz IS NULL OR d.distributed_at >= $3) AND ($4::timestamptz IS NULL OR d.distributed_at < $4)
       AND ($5::text IS NULL OR d.shop_id = $5)
"""
_SEEN_BY_SELLER = _SEEN + "WHERE d.merchant_id = $1" + _FILTER
_SEEN_BY_SUPPLIER = _SEEN + "WHERE d.supplier_id = $1" + _FILTER + "AND ($6::bigint IS NULL OR d.merchant_id = $6)"
_COUNT_BY_SELLER = "SELECT count(*) FROM distributed_order d WHERE d.merchant_id = $1" + _FILTER
_COUNT_BY_SUPPLIER = (
    "SELECT count(*) FROM distributed_order d WHERE d.supplier_id = $1" + _FILTER
    + "AND ($6::bigint IS NULL OR d.merchant_id = $6)"
)  # fmt: skip
_SEEN_BY_SELLER_PAGE = _SEEN_BY_SELLER + " ORDER BY d.distr_order_id DESC LIMIT $6 OFFSET $7"
_SEEN_BY_SUPPLIER_PAGE = _SEEN_BY_SUPPLIER + " ORDER BY d.distr_order_id DESC LIMIT $7 OFFSET $8"
_SEEN_BY_IDS = _SEEN + "WHERE (d.supplier_id = $1 OR d.merchant_id = $1) AND d.distr_order_id = ANY($2::text[])"

Filter = tuple[str | None, datetime | None, datetime | None, str | None]
"""State, from when on, before when, the seller's shop; None does not filter."""


async def insert_relation(tx: Transaction, relation: SupplyRelation) -> bool:
    """False where one for this shop and supplier stands."""
    inserted = await tx.fetchval(
        _INSERT_RELATION,
        relation.merchant_id,
        relation.relation_id,
        relation.shop_id,
        relation.supplier_id,
        relation.asked_by,
        relation.evidence,
        relation.stated_by,
        relation.asked_at,
    )
    return inserted is not None


async def relation_for_update(tx: Transaction, seller_id: int, relation_id: UUID) -> SupplyRelation | None:
    row = await tx.fetchrow(_RELATION_FOR_UPDATE, seller_id, relation_id)
    return None if row is None else _relation(row)


async def standing_for_share(
    tx: Transaction, seller_id: int, supplier_id: int, shops: Sequence[str]
) -> dict[str, SupplyRelation]:
    """The relations that have not ended, by shop, kept from ending until the transaction ends."""
    rows = await tx.fetch(_STANDING_FOR_SHARE, seller_id, supplier_id, sorted(set(shops)))
    return {row["shop_id"]: _relation(row) for row in rows}


async def last_relation(db: Reads, seller_id: int, shop_id: str, supplier_id: int) -> SupplyRelation | None:
    """The standing one, else the one that was asked last."""
    row = await db.fetchrow(_LAST_RELATION, seller_id, shop_id, supplier_id)
    return None if row is None else _relation(row)


async def relations_of_seller(db: Reads, seller_id: int) -> list[SupplyRelation]:
    return [_relation(row) for row in await db.fetch(_OF_SELLER, seller_id)]


async def relations_of_supplier(db: Reads, supplier_id: int) -> list[SupplyRelation]:
    return [_relation(row) for row in await db.fetch(_OF_SUPPLIER, supplier_id)]


async def relation_anywhere(db: Reads, relation_id: UUID) -> SupplyRelation | None:
    """Whoever the seller is; for an operator, who types the relation only."""
    row = await db.fetchrow(_RELATION_ANYWHERE, relation_id)
    return None if row is None else _relation(row)


async def all_relations(db: Reads, merchant_id: int | None) -> list[SupplyRelation]:
    """Those of a merchant as seller or supplier; None stands for every merchant."""
    return [_relation(row) for row in await db.fetch(_ALL_RELATIONS, merchant_id)]


async def accept(tx: Transaction, relation: SupplyRelation, by: str, at: datetime) -> None:
    await tx.execute(_ACCEPT, relation.merchant_id, relation.relation_id, by, at)


async def end(tx: Transaction, relation: SupplyRelation, by: str, at: datetime) -> None:
    await tx.execute(_END, relation.merchant_id, relation.relation_id, by, at)


async def insert_distributions(
    tx: Transaction,
    seller_id: int,
    supplier_id: int,
    rows: Sequence[tuple[str, OrderRef, UUID]],
    at: datetime,
) -> None:
    """Each of `rows` (id, order, relation); an order that is distributed already stays as it is."""
    ids, refs, relations = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    shops, orders = [ref.shop_id for ref in refs], [ref.order_id for ref in refs]
    await tx.execute(_INSERT_DISTRIBUTIONS, seller_id, supplier_id, at, ids, shops, orders, relations)


async def standing_distributions(db: Reads, seller_id: int, refs: Sequence[OrderRef]) -> dict[OrderRef, Distribution]:
    rows = await db.fetch(_STANDING, seller_id, [ref.shop_id for ref in refs], [ref.order_id for ref in refs])
    return {found.ref: found for found in map(_distribution, rows)}


async def distributions_for_update(tx: Transaction, seller_id: int, ids: Sequence[str]) -> list[Distribution]:
    return [_distribution(row) for row in await tx.fetch(_OF_SELLER_FOR_UPDATE, seller_id, list(ids))]


async def open_of_relation_for_update(tx: Transaction, relation: SupplyRelation) -> list[Distribution]:
    rows = await tx.fetch(_OF_RELATION_FOR_UPDATE, relation.merchant_id, relation.relation_id)
    return [_distribution(row) for row in rows]


async def distributions_to(db: Reads, supplier_id: int, ids: Sequence[str]) -> list[Distribution]:
    return [_distribution(row) for row in await db.fetch(_OF_SUPPLIER_IDS, supplier_id, list(ids))]


async def cancel(tx: Transaction, seller_id: int, ids: Sequence[str], at: datetime) -> None:
    await tx.execute(_CANCEL, seller_id, list(ids), at)


async def claim(
    tx: Transaction, seller_id: int, claim_id: UUID, packs: Sequence[tuple[str, str]], seconds: float
) -> None:
    """Keep the orders of `packs` (id, pack) from being cancelled for so long, and remember the packs."""
    ids = sorted({one for one, _ in packs})
    pairs = [one for one, _ in packs], [pack for _, pack in packs]
    await tx.execute(_CLAIM, seller_id, ids, claim_id, timedelta(seconds=seconds), *pairs)


async def release(tx: Transaction, seller_id: int, claim_id: UUID) -> None:
    await tx.execute(_RELEASE, seller_id, claim_id)


async def claimed(tx: Transaction, seller_id: int, ids: Sequence[str]) -> set[str]:
    return {row["distr_order_id"] for row in await tx.fetch(_CLAIMED, seller_id, list(ids))}


async def numbers(db: Reads, found: Sequence[Distribution]) -> dict[str, tuple[StandingNumber, ...]]:
    """Live numbers by distributed order."""
    sellers = sorted({one.seller_id for one in found})
    gathered: dict[str, tuple[StandingNumber, ...]] = {}
    for row in await db.fetch(_NUMBERS, sellers, [one.distr_order_id for one in found]):
        number = StandingNumber(row["pack"], row["carrier"], row["number"])
        gathered[row["distr_order_id"]] = (*gathered.get(row["distr_order_id"], ()), number)
    return gathered


async def numbered_orders(db: Reads, seller_id: int, refs: Sequence[OrderRef]) -> set[OrderRef]:
    """Orders whose own key, without a pack, has a live number."""
    rows = await db.fetch(_NUMBERED_ORDERS, seller_id, [ref.shop_id for ref in refs], [ref.order_id for ref in refs])
    return {OrderRef(row["shop_id"], row["order_id"]) for row in rows}


async def seen_by_seller(
    db: Reads, seller_id: int, only: Filter, limit: int, offset: int
) -> tuple[list[DistributedOrder], int]:
    rows = await db.fetch(_SEEN_BY_SELLER_PAGE, seller_id, *only, limit, offset)
    return await _with_numbers(db, rows), await db.fetchval(_COUNT_BY_SELLER, seller_id, *only)


async def seen_by_supplier(
    db: Reads, supplier_id: int, seller_id: int | None, only: Filter, limit: int, offset: int
) -> tuple[list[DistributedOrder], int]:
    rows = await db.fetch(_SEEN_BY_SUPPLIER_PAGE, supplier_id, *only, seller_id, limit, offset)
    return await _with_numbers(db, rows), await db.fetchval(_COUNT_BY_SUPPLIER, supplier_id, *only, seller_id)


async def seen_by_ids(db: Reads, merchant_id: int, ids: Sequence[str]) -> list[DistributedOrder]:
    """For the seller or the supplier, whichever the merchant is."""
    return await _with_numbers(db, await db.fetch(_SEEN_BY_IDS, merchant_id, list(ids)))


async def _with_numbers(db: Reads, rows: Sequence[Record]) -> list[DistributedOrder]:
    found = [_distribution(row) for row in rows]
    standing = await numbers(db, found) if found else {}
    return [
        DistributedOrder(
            one,
            OrderState(row["order_state"]),
            tuple(msgspec.convert(row["lines"], list[OrderLine])),
            row["paid_at"],
            standing.get(one.distr_order_id, ()),
        )
        for one, row in zip(found, rows, strict=True)
    ]


def _relation(row: Record) -> SupplyRelation:
    return SupplyRelation(**dict(row) | {"state": RelationState(row["state"])})


def _distribution(row: Record) -> Distribution:
    return Distribution(
        row["merchant_id"],
        row["distr_order_id"],
        OrderRef(row["shop_id"], row["order_id"]),
        row["supplier_id"],
        DistributionState(row["state"]),
        tuple(row["packs"]),
        row["distributed_at"],
        row["cancelled_at"],
    )
