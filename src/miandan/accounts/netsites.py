"""A merchant's accounts as an ERP lists them: branch, units left, approved senders, counts (订购网点)."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from miandan.accounts.model import Account, Balance, ShipFrom
from miandan.accounts.queries import read_account, read_ship_from
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import CarrierModel, Settlement
from miandan.kernel.database import Database, Reads

_ACCOUNTS = """
    SELECT a.merchant_id, a.account_id, a.carrier, a.branch_code, a.settlement_code, a.brand, a.billing, a.supply,
           a.state, a.state_at, a.state_reason, a.carrier_reads, a.full_label_by, a.full_label_at, a.owner_id,
           a.grant_id, a.unit_limit, a.received, a.reclaimed, a.available, a.recycled, a.opened_at,
           coalesce(b.name, '') AS branch_name
      FROM account a
      LEFT JOIN branch b ON b.carrier = a.carrier AND b.branch_code = a.branch_code
     WHERE a.merchant_id = $1 AND ($2::text IS NULL OR a.carrier = $2) AND a.state <> 'closed'
     ORDER BY a.opened_at, a.account_id
"""

_SENDERS = """
    SELECT merchant_id, ship_from_id, account_id, approved_at, withdrawn_at, contact, phone, province, city, district,
           detail, division_code, store_id
      FROM ship_from
     WHERE merchant_id = $1 AND account_id = ANY($2::uuid[]) AND withdrawn_at IS NULL
     ORDER BY approved_at, ship_from_id
"""

# What accounts.queries computes for one account, for all of them in one reading of the merchant's waybills.
_HELD = """
    SELECT account_id, sum(leased)::bigint AS leased, sum(granted)::bigint AS granted,
           sum(allocated)::bigint AS allocated, sum(waiting)::bigint AS waiting
      FROM (SELECT account_id, last - next + 1 AS leased, 0 AS granted, 0 AS allocated, 0 AS waiting
              FROM lease
             WHERE merchant_id = $1 AND account_id = ANY($2::uuid[]) AND closed_at IS NULL
             UNION ALL
            SELECT account_id, 0, units - returned, 0, 0
              FROM share_grant
             WHERE merchant_id = $1 AND account_id = ANY($2::uuid[])
             UNION ALL
            SELECT account_id, 0, 0, units, 0
              FROM live_intent
             WHERE merchant_id = $1 AND account_id = ANY($2::uuid[]) AND state IN ('open', 'in_doubt')
             UNION ALL
            SELECT account_id, 0, 0,
                   coalesce(sum(units) FILTER (WHERE number_state IN ('issued', 'cancel_requested')), 0),
                   coalesce(sum(units) FILTER (WHERE number_state = 'cancelled'), 0)
              FROM waybill
             WHERE merchant_id = $1 AND account_id = ANY($2::uuid[])
             GROUP BY account_id) AS held
     GROUP BY account_id
"""


@dataclass(frozen=True, slots=True)
class NetSite:
    """One account with its branch. Counts are units: `balance.allocated`, `.waiting` (cancelled), `.recycled`."""

    account: Account
    branch_name: str
    balance: Balance
    senders: tuple[ShipFrom, ...]

    @property
    def left(self) -> int | None:
        """Units that takes may still use, those that workers hold included; None where nothing limits them."""
        spendable = self.account.spendable
        return None if spendable is None else spendable + self.balance.leased

    @property
    def is_direct(self) -> bool:
        """Whether the carrier runs its branches itself (直营)."""
        return catalogue().get(self.account.carrier).model is CarrierModel.DIRECT

    @property
    def has_branches(self) -> bool:
        """Whether accounts are held at a branch (网点编号), not at the carrier (月结账号)."""
        return catalogue().get(self.account.carrier).terms().settlement is Settlement.BRANCH


async def netsites_of(db: Database, merchant_id: int, carrier: str | None = None) -> tuple[NetSite, ...]:
    """The merchant's accounts at a carrier, or at all, own and lent to it, oldest first; revoked shares are left out.

    Four statements whatever their number, in one snapshot as far as the units go: the balances add up.
    """
    async with db.transaction() as tx:
        await tx.execute("SET LOCAL transaction_isolation = 'repeatable read'")
        rows = await tx.fetch(_ACCOUNTS, merchant_id, carrier)
        ids = [row["account_id"] for row in rows]
        senders = await _senders(tx, merchant_id, ids)
        held = {row["account_id"]: dict(row) for row in await tx.fetch(_HELD, merchant_id, ids)}
    return tuple(
        NetSite(account, name, _balance(account, held.get(account.account_id, {})), senders.get(account.account_id, ()))
        for account, name in (
            (read_account({key: value for key, value in row.items() if key != "branch_name"}), row["branch_name"])
            for row in rows
        )
    )


async def _senders(db: Reads, merchant_id: int, ids: list[UUID]) -> dict[UUID, tuple[ShipFrom, ...]]:
    senders: dict[UUID, tuple[ShipFrom, ...]] = {}
    for row in await db.fetch(_SENDERS, merchant_id, ids):
        senders[row["account_id"]] = (*senders.get(row["account_id"], ()), read_ship_from(row))
    return senders


def _balance(account: Account, held: Mapping[str, int]) -> Balance:
    return Balance(
        received=account.received,
        reclaimed=account.reclaimed,
        available=account.available,
        leased=held.get("leased", 0),
        granted=held.get("granted", 0),
        allocated=held.get("allocated", 0),
        waiting=held.get("waiting", 0),
        recycled=account.recycled,
    )
