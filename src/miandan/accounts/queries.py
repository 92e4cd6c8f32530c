"""Every statement about accounts, ship-from addresses and units (applications, leases, shares: their own files).

`..._for_update` holds its row until the transaction ends. Rows are locked in one order: stock, account, lease.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from miandan.accounts.model import (
    Account,
    AccountState,
    Application,
    Balance,
    Billing,
    Sender,
    ShipFrom,
    Supply,
    UnitEntry,
)
from miandan.kernel.database import Reads, Record, Transaction

_INSERT_ACCOUNT = """
    INSERT INTO account (merchant_id, account_id, carrier, branch_code, settlement_code, brand, billing, supply, state,
                         state_at, state_reason, carrier_reads, full_label_by, full_label_at, owner_id, grant_id,
                         unit_limit, received, reclaimed, available, recycled, opened_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
        ON CONFLICT (merchant_id, carrier, branch_code, settlement_code, brand, grant_id) DO NOTHING
 RETURNING account_id
"""

_ACCOUNT = """
    SELECT merchant_id, account_id, carrier, branch_code, settlement_code, brand, billing, supply, state, state_at,
           state_reason, carrier_reads, full_label_by, full_label_at, owner_id, grant_id, unit_limit, received,
           reclaimed, available, recycled, opened_at
      FROM account
"""
_ACCOUNT_BY_ID = _ACCOUNT + "WHERE merchant_id = $1 AND account_id = $2"
_ACCOUNT_FOR_UPDATE = _ACCOUNT_BY_ID + " FOR UPDATE"
_ACCOUNTS = _ACCOUNT + "WHERE merchant_id = $1 ORDER BY opened_at, account_id"
_ACCOUNT_ANYWHERE = _ACCOUNT + "WHERE account_id = $1"
_ALL_ACCOUNTS = (
    _ACCOUNT + "WHERE ($1::bigint IS NULL OR merchant_id = $1) AND ($2::text IS NULL OR carrier = $2)"
    " ORDER BY opened_at, account_id"
)
_OWN_ACCOUNT_AT = (
    _ACCOUNT + "WHERE merchant_id = $1 AND carrier = $2 AND branch_code = $3 AND settlement_code = $4 AND brand = $5"
    " AND grant_id IS NULL"
)

_SET_STATE = """
    UPDATE account SET state = $3, state_at = $4, state_reason = $5 WHERE merchant_id = $1 AND account_id = $2
"""

_SET_FULL_LABEL = """
    UPDATE account
       SET full_label_by = $3, full_label_at = $4
     WHERE merchant_id = $1 AND account_id = $2
 RETURNING account_id
"""

_SET_CARRIER_READS = """
    UPDATE account SET carrier_reads = $3 WHERE merchant_id = $1 AND account_id = $2 RETURNING account_id
"""

_SET_UNIT_LIMIT = """
    UPDATE account
       SET unit_limit = $3
     WHERE merchant_id = $1 AND account_id = $2 AND billing = 'monthly'
 RETURNING account_id
"""

_INSERT_SHIP_FROM = """
    INSERT INTO ship_from (merchant_id, ship_from_id, account_id, store_id, contact, phone, province, city, district,
                           detail, division_code, approved_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

_SHIP_FROM = """
    SELECT merchant_id, ship_from_id, account_id, store_id, contact, phone, province, city, district, detail,
           division_code, approved_at, withdrawn_at
      FROM ship_from
     WHERE merchant_id = $1 AND account_id = $2 AND withdrawn_at IS NULL
     ORDER BY approved_at, ship_from_id
"""

_WITHDRAW_SHIP_FROM = """
    UPDATE ship_from
       SET withdrawn_at = $3
     WHERE merchant_id = $1 AND ship_from_id = $2 AND withdrawn_at IS NULL
 RETURNING ship_from_id
"""

# Every change of an account's units by its own verbs: counters and ledger entry in one statement.
_BOOK = """
    WITH entry AS (
        INSERT INTO unit_entry (merchant_id, entry_id, account_id, kind, units, subject, at)
        VALUES ($1, $3, $2, $4, $5, $6, $7)
    )
    UPDATE account
       SET available = available + $5, received = received + $8, reclaimed = reclaimed + $9
     WHERE merchant_id = $1 AND account_id = $2
"""

_ENTRIES = """
    SELECT entry_id, kind, units, subject, at
      FROM unit_entry
     WHERE merchant_id = $1 AND account_id = $2
     ORDER BY at DESC, entry_id DESC
     LIMIT $3
"""

_BALANCE = """
    SELECT a.received, a.reclaimed, a.available,
           (SELECT coalesce(sum(l.last - l.next + 1), 0)::bigint
              FROM lease l
             WHERE l.merchant_id = $1 AND l.account_id = $2 AND l.closed_at IS NULL) AS leased,
           (SELECT coalesce(sum(g.units - g.returned), 0)::bigint
              FROM share_grant g
             WHERE g.merchant_id = $1 AND g.account_id = $2) AS granted,
           w.issued + (SELECT coalesce(sum(i.units), 0)::bigint
                         FROM live_intent i
                        WHERE i.merchant_id = $1 AND i.account_id = $2
                          AND i.state IN ('open', 'in_doubt')) AS allocated,
           w.waiting, a.recycled
      FROM account a,
           (SELECT coalesce(sum(units) FILTER (WHERE number_state IN ('issued', 'cancel_requested')), 0)::bigint
                       AS issued,
                   coalesce(sum(units) FILTER (WHERE number_state = 'cancelled'), 0)::bigint AS waiting
              FROM waybill
             WHERE merchant_id = $1 AND account_id = $2) w
     WHERE a.merchant_id = $1 AND a.account_id = $2
"""


async def insert_account(tx: Transaction, account: Account) -> bool:
    """False where the merchant has this account already."""
    inserted = await tx.fetchval(
        _INSERT_ACCOUNT,
        account.merchant_id,
        account.account_id,
        account.carrier,
        account.branch_code,
        account.settlement_code,
        account.brand,
        account.billing,
        account.supply,
        account.state,
        account.state_at,
        account.state_reason,
        account.carrier_reads,
        account.full_label_by,
        account.full_label_at,
        account.owner_id,
        account.grant_id,
        account.unit_limit,
        account.received,
        account.reclaimed,
        account.available,
        account.recycled,
        account.opened_at,
    )
    return inserted is not None


async def account(db: Reads, merchant_id: int, account_id: UUID) -> Account | None:
    row = await db.fetchrow(_ACCOUNT_BY_ID, merchant_id, account_id)
    return None if row is None else read_account(row)


async def account_for_update(tx: Transaction, merchant_id: int, account_id: UUID) -> Account | None:
    row = await tx.fetchrow(_ACCOUNT_FOR_UPDATE, merchant_id, account_id)
    return None if row is None else read_account(row)


async def accounts(db: Reads, merchant_id: int) -> list[Account]:
    return [read_account(row) for row in await db.fetch(_ACCOUNTS, merchant_id)]


async def account_anywhere(db: Reads, account_id: UUID) -> Account | None:
    """Whoever the merchant is; for an operator, who types the account only."""
    row = await db.fetchrow(_ACCOUNT_ANYWHERE, account_id)
    return None if row is None else read_account(row)


async def all_accounts(db: Reads, merchant_id: int | None, carrier: str | None) -> list[Account]:
    """None stands for every merchant, every carrier."""
    return [read_account(row) for row in await db.fetch(_ALL_ACCOUNTS, merchant_id, carrier)]


async def own_account_at(tx: Transaction, wanted: Application) -> Account | None:
    """The account that the merchant has already where it applied, shares of others left aside."""
    row = await tx.fetchrow(
        _OWN_ACCOUNT_AT,
        wanted.merchant_id,
        wanted.carrier,
        wanted.branch_code,
        wanted.settlement_code,
        wanted.brand,
    )
    return None if row is None else read_account(row)


async def set_state(
    tx: Transaction, merchant_id: int, account_id: UUID, state: AccountState, at: datetime, reason: str
) -> None:
    await tx.execute(_SET_STATE, merchant_id, account_id, state, at, reason)


async def set_full_label(tx: Transaction, merchant_id: int, account_id: UUID, by: str | None, at: datetime) -> bool:
    """Whether there is such an account."""
    chosen_at = None if by is None else at
    return await tx.fetchval(_SET_FULL_LABEL, merchant_id, account_id, by, chosen_at) is not None


async def set_carrier_reads(tx: Transaction, merchant_id: int, account_id: UUID, reads: bool) -> bool:
    return await tx.fetchval(_SET_CARRIER_READS, merchant_id, account_id, reads) is not None


async def set_unit_limit(tx: Transaction, merchant_id: int, account_id: UUID, limit: int | None) -> bool:
    """Whether there is such a monthly account."""
    return await tx.fetchval(_SET_UNIT_LIMIT, merchant_id, account_id, limit) is not None


async def insert_ship_from(tx: Transaction, rows: Iterable[ShipFrom]) -> None:
    await tx.executemany(
        _INSERT_SHIP_FROM,
        [
            (
                row.merchant_id,
                row.ship_from_id,
                row.account_id,
                row.sender.store_id,
                row.sender.contact,
                row.sender.phone,
                row.sender.province,
                row.sender.city,
                row.sender.district,
                row.sender.detail,
                row.sender.division_code,
                row.approved_at,
            )
            for row in rows
        ],
    )


async def ship_from(db: Reads, merchant_id: int, account_id: UUID) -> tuple[ShipFrom, ...]:
    """Approved and not withdrawn, oldest first."""
    return tuple(read_ship_from(row) for row in await db.fetch(_SHIP_FROM, merchant_id, account_id))


async def withdraw_ship_from(tx: Transaction, merchant_id: int, ship_from_id: UUID, at: datetime) -> bool:
    return await tx.fetchval(_WITHDRAW_SHIP_FROM, merchant_id, ship_from_id, at) is not None


async def book(
    tx: Transaction, merchant_id: int, account_id: UUID, entry: UnitEntry, *, received: int = 0, reclaimed: int = 0
) -> None:
    """Write the entry and move `available` by its units, `received` and `reclaimed` by theirs."""
    await tx.execute(
        _BOOK,
        merchant_id,
        account_id,
        entry.entry_id,
        entry.kind,
        entry.units,
        entry.subject,
        entry.at,
        received,
        reclaimed,
    )


async def entries(db: Reads, merchant_id: int, account_id: UUID, limit: int) -> list[UnitEntry]:
    """The ledger, newest first."""
    return [UnitEntry(**row) for row in await db.fetch(_ENTRIES, merchant_id, account_id, limit)]


async def balance(db: Reads, merchant_id: int, account_id: UUID) -> Balance | None:
    """One statement, so that it is one moment."""
    row = await db.fetchrow(_BALANCE, merchant_id, account_id)
    return None if row is None else Balance(**row)


def read_account(row: Record) -> Account:
    """An account out of a row with the columns of this file."""
    enums = {
        "billing": Billing(row["billing"]),
        "supply": Supply(row["supply"]),
        "state": AccountState(row["state"]),
    }
    return Account(**dict(row) | enums)


def read_ship_from(row: Record) -> ShipFrom:
    """The same for an approved address."""
    columns = dict(row)
    sender = Sender(**{name: columns.pop(name) for name in Sender.__match_args__})
    return ShipFrom(sender=sender, **columns)
