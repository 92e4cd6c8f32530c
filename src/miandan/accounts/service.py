"""Verbs about accounts that are open: their state, their senders, the label they print, the units they hold.

Applying for one: applications.py. Lending units to another merchant: shares.py. Units held by workers: leases.py.
"""

from datetime import datetime
from uuid import UUID

from miandan.accounts import leases, queries
from miandan.accounts.model import (
    Account,
    AccountState,
    Balance,
    Billing,
    Sender,
    ShipFrom,
    UnitEntry,
    approved_among,
)
from miandan.branches import service as branches
from miandan.branches.model import Sale
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id


async def find_account(db: Reads, merchant_id: int, account_id: UUID) -> Account:
    """Raises account.unknown."""
    return _known(await queries.account(db, merchant_id, account_id), account_id)


async def accounts_of(db: Reads, merchant_id: int, carrier: str | None = None) -> tuple[Account, ...]:
    """The merchant's accounts, own and shared to it, oldest first."""
    accounts = await queries.accounts(db, merchant_id)
    return tuple(account for account in accounts if carrier in (None, account.carrier))


async def suspend(db: Database, merchant_id: int, account_id: UUID, reason: str, at: datetime | None = None) -> int:
    """Stop an account: its open leases are closed, so no worker takes another number. The units that came back.

    Suspending again changes the reason only. Raises account.unknown, account.closed, account.reason_missing.
    """
    if not reason.strip():
        raise Refusal("account.reason_missing")
    return await _stop(db, merchant_id, account_id, AccountState.SUSPENDED, reason.strip(), at or now())


async def let_rest(db: Database, merchant_id: int, account_id: UUID, at: datetime | None = None) -> int:
    """Make an account that nobody uses dormant; like `suspend`, but the merchant itself may wake it.

    Raises account.unknown, account.closed, account.not_active for a suspended one.
    """
    return await _stop(db, merchant_id, account_id, AccountState.DORMANT, "", at or now())


async def _stop(
    db: Database, merchant_id: int, account_id: UUID, state: AccountState, reason: str, at: datetime
) -> int:
    async with db.transaction() as tx:
        account = await _open_for_update(tx, merchant_id, account_id)
        if state is AccountState.DORMANT and account.state is AccountState.SUSPENDED:
            raise Refusal("account.not_active", account=str(account_id), state=account.state.value)
        since = account.state_at if account.state is state else at
        await queries.set_state(tx, merchant_id, account_id, state, since, reason)
        return await leases.close_open(tx, merchant_id, account_id)


async def reactivate(db: Database, merchant_id: int, account_id: UUID, at: datetime | None = None) -> Account:
    """Lift a suspension or wake a dormant account. Raises account.unknown, account.closed."""
    async with db.transaction() as tx:
        account = await _open_for_update(tx, merchant_id, account_id)
        if account.state is not AccountState.ACTIVE:
            await queries.set_state(tx, merchant_id, account_id, AccountState.ACTIVE, at or now(), "")
        return await find_account(tx, merchant_id, account_id)


async def choose_full_label(
    db: Database, merchant_id: int, account_id: UUID, by: str, at: datetime | None = None
) -> Account:
    """Put on record who decided to print recipients in full because the carrier does not read masked parcels.

    `by` names an operator's login, not a person's data. Raises account.unknown.
    """
    return await _label(db, merchant_id, account_id, by, at or now())


async def withdraw_full_label(db: Database, merchant_id: int, account_id: UUID) -> Account:
    """Take the choice back: where the carrier does not read, takes stop. Raises account.unknown."""
    return await _label(db, merchant_id, account_id, None, now())


async def _label(db: Database, merchant_id: int, account_id: UUID, by: str | None, at: datetime) -> Account:
    async with db.transaction() as tx:
        await queries.set_full_label(tx, merchant_id, account_id, by, at)
        return await find_account(tx, merchant_id, account_id)


async def let_carrier_read(db: Database, merchant_id: int, account_id: UUID) -> Account:
    """The carrier reads masked parcels of this account by number from now on. Raises account.unknown."""
    async with db.transaction() as tx:
        await queries.set_carrier_reads(tx, merchant_id, account_id, True)
        return await find_account(tx, merchant_id, account_id)


async def stop_carrier_reading(db: Database, merchant_id: int, account_id: UUID) -> Account:
    """The carrier reads no longer: takes stop until the merchant chooses the full label. Raises account.unknown."""
    async with db.transaction() as tx:
        await queries.set_carrier_reads(tx, merchant_id, account_id, False)
        return await find_account(tx, merchant_id, account_id)


async def set_unit_limit(db: Database, merchant_id: int, account_id: UUID, limit: int | None) -> Account:
    """How many units a monthly account may hold and use without paying; None: as many as it likes.

    Raises account.unknown, account.not_monthly.
    """
    async with db.transaction() as tx:
        account = await find_account(tx, merchant_id, account_id)
        if not await queries.set_unit_limit(tx, merchant_id, account_id, limit):
            raise Refusal("account.not_monthly", account=str(account.account_id))
        return await find_account(tx, merchant_id, account_id)


async def approve_ship_from(
    db: Database, merchant_id: int, account_id: UUID, sender: Sender, at: datetime | None = None
) -> ShipFrom:
    """Let the account ship from one more address. The same sender twice is one row. Raises account.unknown, .closed."""
    async with db.transaction() as tx:
        await _open_for_update(tx, merchant_id, account_id)
        for row in await queries.ship_from(tx, merchant_id, account_id):
            if row.sender == sender:
                return row
        approved = ShipFrom(merchant_id, new_id(), account_id, sender, at or now())
        await queries.insert_ship_from(tx, [approved])
    return approved


async def withdraw_ship_from(db: Database, merchant_id: int, ship_from_id: UUID, at: datetime | None = None) -> None:
    """No parcel leaves from there any more; waybills keep it. Raises account.sender_unknown."""
    async with db.transaction() as tx:
        if not await queries.withdraw_ship_from(tx, merchant_id, ship_from_id, at or now()):
            raise Refusal("account.sender_unknown", sender=str(ship_from_id))


async def ship_from_of(db: Reads, merchant_id: int, account_id: UUID) -> tuple[ShipFrom, ...]:
    """The account's approved addresses, oldest first."""
    return await queries.ship_from(db, merchant_id, account_id)


async def approved_sender(db: Reads, merchant_id: int, account_id: UUID, sender: UUID | Sender) -> ShipFrom:
    """The approved address behind an id or a free-standing sender. Raises account.sender_not_approved.

    A worker that keeps the rows of `ship_from_of` asks `model.approved_among` instead.
    """
    approved = await queries.ship_from(db, merchant_id, account_id)
    if isinstance(sender, Sender):
        return approved_among(approved, sender, account_id)
    for row in approved:
        if row.ship_from_id == sender:
            return row
    raise Refusal("account.sender_not_approved", account=str(account_id))


async def recharge(
    db: Database,
    merchant_id: int,
    account_id: UUID,
    units: int,
    entry_id: UUID | None = None,
    at: datetime | None = None,
) -> Account:
    """Sell units of the branch's stock to a prepaid account; both books carry the same entry.

    With an `entry_id` a repeat changes nothing. Raises units.not_positive, account.unknown, account.monthly,
    account.shared, account.not_active (suspended), stock.short (what is left, what is wanted), stock.entry_reused.
    """
    _check_positive(units)
    account = _prepaid(await find_account(db, merchant_id, account_id))
    sale = _sale(account, units, entry_id, at)
    async with db.transaction() as tx:
        if await branches.sell(tx, sale):
            locked = await _open_for_update(tx, merchant_id, account_id)
            if locked.state is AccountState.SUSPENDED:
                raise Refusal("account.not_active", account=str(account_id), state=locked.state.value)
            entry = UnitEntry(sale.entry_id, "recharge", units, account.branch_code, sale.at)
            await queries.book(tx, merchant_id, account_id, entry, received=units)
        return await find_account(tx, merchant_id, account_id)


async def reclaim(
    db: Database,
    merchant_id: int,
    account_id: UUID,
    units: int,
    entry_id: UUID | None = None,
    at: datetime | None = None,
) -> Account:
    """Take unused units of a prepaid account back into the branch's stock, whatever the account's state.

    Only what no lease and no grant holds can be taken back: suspend first to have it all. With an `entry_id` a repeat
    changes nothing. Raises units.not_positive, account.unknown, account.monthly, account.shared,
    units.short_to_reclaim, stock.entry_reused.
    """
    _check_positive(units)
    account = _prepaid(await find_account(db, merchant_id, account_id))
    sale = _sale(account, units, entry_id, at)
    async with db.transaction() as tx:
        if await branches.buy_back(tx, sale):
            locked = await _open_for_update(tx, merchant_id, account_id)
            if locked.available < units:
                raise Refusal("units.short_to_reclaim", left=max(locked.available, 0), wanted=units)
            entry = UnitEntry(sale.entry_id, "reclaim", -units, account.branch_code, sale.at)
            await queries.book(tx, merchant_id, account_id, entry, reclaimed=units)
        return await find_account(tx, merchant_id, account_id)


async def balance(db: Reads, merchant_id: int, account_id: UUID) -> Balance:
    """Where the account's units are at this moment. Raises account.unknown."""
    found = await queries.balance(db, merchant_id, account_id)
    if found is None:
        raise Refusal("account.unknown", account=str(account_id))
    return found


async def ledger(db: Reads, merchant_id: int, account_id: UUID, limit: int = 100) -> list[UnitEntry]:
    """The account's last entries, newest first."""
    return await queries.entries(db, merchant_id, account_id, limit)


def _sale(account: Account, units: int, entry_id: UUID | None, at: datetime | None) -> Sale:
    return Sale(
        account.carrier,
        account.branch_code,
        units,
        entry_id or new_id(),
        at or now(),
        account.merchant_id,
        account.account_id,
    )


def _prepaid(account: Account) -> Account:
    if account.shared:
        raise Refusal("account.shared", account=str(account.account_id))
    if account.billing is Billing.MONTHLY:
        raise Refusal("account.monthly", account=str(account.account_id))
    return account


async def _open_for_update(tx: Transaction, merchant_id: int, account_id: UUID) -> Account:
    account = _known(await queries.account_for_update(tx, merchant_id, account_id), account_id)
    if account.state is AccountState.CLOSED:
        raise Refusal("account.closed", account=str(account_id))
    return account


def _known(account: Account | None, account_id: UUID) -> Account:
    if account is None:
        raise Refusal("account.unknown", account=str(account_id))
    return account


def _check_positive(units: int) -> None:
    if units <= 0:
        raise Refusal("units.not_positive", units=units)
