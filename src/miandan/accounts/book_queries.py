"""What the choice of an account reads: accounts with their senders and units left, shares and relations."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from miandan.accounts import supply_queries
from miandan.accounts.choosing import Card, Desk
from miandan.accounts.model import ShipFrom
from miandan.accounts.queries import read_account, read_ship_from
from miandan.accounts.supply_model import SupplyRelation
from miandan.kernel.database import Reads

_CARDS = """
    SELECT a.merchant_id, a.account_id, a.carrier, a.branch_code, a.settlement_code, a.brand, a.billing, a.supply,
           a.state, a.state_at, a.state_reason, a.carrier_reads, a.full_label_by, a.full_label_at, a.owner_id,
           a.grant_id, a.unit_limit, a.received, a.reclaimed, a.available, a.recycled, a.opened_at,
           (SELECT coalesce(sum(l.last - l.next + 1), 0)::bigint
              FROM lease l
             WHERE l.merchant_id = a.merchant_id AND l.account_id = a.account_id AND l.closed_at IS NULL) AS leased
      FROM account a
      JOIN unnest($1::bigint[], $2::text[]) AS wanted (merchant_id, carrier) USING (merchant_id, carrier)
"""

_SENDERS = """
    SELECT s.merchant_id, s.ship_from_id, s.account_id, s.approved_at, s.withdrawn_at, s.contact, s.phone, s.province,
           s.city, s.district, s.detail, s.division_code, s.store_id
      FROM ship_from s
      JOIN account a USING (merchant_id, account_id)
      JOIN unnest($1::bigint[], $2::text[]) AS wanted (merchant_id, carrier)
        ON wanted.merchant_id = a.merchant_id AND wanted.carrier = a.carrier
     WHERE s.withdrawn_at IS NULL
     ORDER BY s.approved_at, s.ship_from_id
"""

_ACTIVE_GRANTS = "SELECT grant_id FROM share_grant WHERE merchant_id = $1 AND user_id = $2 AND state = 'active'"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a supplier stands on when it takes for a shop: the grants it gave, and the relation if there was any."""

    grants: frozenset[UUID]
    relation: SupplyRelation | None


async def cards(db: Reads, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Card]:
    """A card for every (merchant, carrier), empty where the merchant has no account there."""
    columns = [merchant_id for merchant_id, _ in keys], [carrier for _, carrier in keys]
    accounts = await db.fetch(_CARDS, *columns)
    senders: dict[UUID, list[ShipFrom]] = {}
    for row in await db.fetch(_SENDERS, *columns):
        senders.setdefault(row["account_id"], []).append(read_ship_from(row))
    desks: dict[tuple[int, str], list[Desk]] = {key: [] for key in keys}
    for row in accounts:
        account = read_account({name: value for name, value in row.items() if name != "leased"})
        left = None if account.spendable is None else account.spendable + row["leased"]
        desks[account.merchant_id, account.carrier].append(
            Desk(account, left, tuple(senders.get(account.account_id, ())))
        )
    return {key: Card(key[1], found) for key, found in desks.items()}


async def ground(db: Reads, supplier_id: int, seller_id: int, shop_id: str) -> Ground:
    grants = [row["grant_id"] for row in await db.fetch(_ACTIVE_GRANTS, supplier_id, seller_id)]
    return Ground(frozenset(grants), await supply_queries.last_relation(db, seller_id, shop_id, supplier_id))
