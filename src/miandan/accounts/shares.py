"""Share grants (面单共享): an owner lends units to another merchant, hears of their use, takes the rest back.

Several shops of one merchant need none of this: they use the same account. The owner's rows and the user's may lie on
different machines, so news and returns travel by outbox; each side's books are right at every moment in between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from miandan.accounts import leases, queries, share_queries
from miandan.accounts.model import (
    Account,
    AccountState,
    Billing,
    GrantState,
    ShareGrant,
    ShipFrom,
    UnitEntry,
)
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.merchants import queries as merchants

USED = "share.used"
REVOKE = "share.revoke"
RETURNED = "share.returned"


async def grant(
    db: Database,
    owner_id: int,
    account_id: UUID,
    user_id: int,
    units: int,
    *,
    ship_from: Sequence[UUID] = (),
    grant_id: UUID | None = None,
    at: datetime | None = None,
) -> tuple[ShareGrant, Account]:
    """Lend `units` to another merchant, with the named ship-from addresses; the grant and the user's new account.

    With a `grant_id` a repeat changes nothing. Raises units.not_positive, share.same_merchant, account.unknown,
    account.not_active, share.not_owner, share.units_short, merchant.unknown, account.sender_not_approved,
    share.grant_reused.
    """
    granted_at = at or now()
    if units <= 0:
        raise Refusal("units.not_positive", units=units)
    if user_id == owner_id:
        raise Refusal("share.same_merchant")
    async with db.transaction() as tx:
        owned = await _own_for_update(tx, owner_id, account_id)
        before = None if grant_id is None else await share_queries.grant_for_update(tx, owner_id, grant_id)
        if before is not None:
            return before, await _lent_before(tx, before, account_id, user_id, units)
        _must_be_lendable(owned, units)
        if await merchants.merchant(tx, user_id) is None:
            raise Refusal("merchant.unknown", merchant=str(user_id))
        share = ShareGrant(
            owner_id, grant_id or new_id(), account_id, user_id, units, 0, 0, None, GrantState.ACTIVE, granted_at, None
        )
        shared = _shared_account(owned, share)
        await share_queries.insert_grant(tx, share)
        await queries.insert_account(tx, shared)
        await _book_both(tx, share, shared)
        await _copy_ship_from(tx, owned, shared, ship_from)
        return share, await _account(tx, user_id, shared.account_id)


async def _own_for_update(tx: Transaction, owner_id: int, account_id: UUID) -> Account:
    owned = await queries.account_for_update(tx, owner_id, account_id)
    if owned is None:
        raise Refusal("account.unknown", account=str(account_id))
    if owned.shared:
        raise Refusal("share.not_owner", account=str(account_id))
    return owned


def _must_be_lendable(owned: Account, units: int) -> None:
    if owned.state is not AccountState.ACTIVE:
        raise Refusal("account.not_active", account=str(owned.account_id), state=owned.state.value)
    if owned.spendable is not None and owned.spendable < units:
        raise Refusal("share.units_short", left=owned.spendable, wanted=units)


async def _lent_before(tx: Transaction, share: ShareGrant, account_id: UUID, user_id: int, units: int) -> Account:
    """The user's account of a grant that stands already; the owner's account is locked."""
    if (share.account_id, share.user_id, share.units) != (account_id, user_id, units):
        raise Refusal("share.grant_reused", grant=str(share.grant_id))
    shared = await share_queries.shared_account(tx, user_id, share.grant_id)
    assert shared is not None, "a grant is written with its account"
    return await _account(tx, user_id, shared)


def _shared_account(owned: Account, share: ShareGrant) -> Account:
    """The user's side: prepaid whatever the owner's billing is, empty until the entry is booked."""
    return replace(
        owned,
        merchant_id=share.user_id,
        account_id=new_id(),
        billing=Billing.PREPAID,
        state_at=share.granted_at,
        state_reason="",
        full_label_by=None,
        full_label_at=None,
        owner_id=share.merchant_id,
        grant_id=share.grant_id,
        unit_limit=None,
        received=0,
        reclaimed=0,
        available=0,
        recycled=0,
        opened_at=share.granted_at,
    )


async def _book_both(tx: Transaction, share: ShareGrant, shared: Account) -> None:
    """Double entry: one id, minus at the owner, plus at the user."""
    lent = UnitEntry(new_id(), "grant", -share.units, str(share.grant_id), share.granted_at)
    await queries.book(tx, share.merchant_id, share.account_id, lent)
    await queries.book(
        tx, shared.merchant_id, shared.account_id, replace(lent, units=share.units), received=share.units
    )


async def _copy_ship_from(tx: Transaction, owned: Account, shared: Account, wanted: Sequence[UUID]) -> None:
    approved = {row.ship_from_id: row for row in await queries.ship_from(tx, owned.merchant_id, owned.account_id)}
    if not approved.keys() >= set(wanted):
        raise Refusal("account.sender_not_approved", account=str(owned.account_id))
    copies = [
        ShipFrom(shared.merchant_id, new_id(), shared.account_id, approved[row].sender, shared.opened_at)
        for row in dict.fromkeys(wanted)
    ]
    await queries.insert_ship_from(tx, copies)


async def grants_of(db: Reads, owner_id: int) -> list[ShareGrant]:
    """What the merchant lent, oldest first; `used` is as old as `heard_at`."""
    return await share_queries.grants(db, owner_id)


async def revoke(db: Database, owner_id: int, grant_id: UUID) -> ShareGrant:
    """Ask for the rest of a grant back; it comes when the outbox has been delivered. Asking again changes nothing.

    Raises share.unknown.
    """
    async with db.transaction() as tx:
        share = await share_queries.grant_for_update(tx, owner_id, grant_id)
        if share is None:
            raise Refusal("share.unknown", grant=str(grant_id))
        if share.state is not GrantState.ACTIVE:
            return share
        await share_queries.start_revoking(tx, owner_id, grant_id)
        body = {"user": str(share.user_id), "grant": str(grant_id)}
        await outbox.put(tx, str(owner_id), REVOKE, body)
    return replace(share, state=GrantState.REVOKING)


async def _close_shared(tx: Transaction, message: outbox.Message) -> None:
    """At the user: no more numbers; what is left goes back, now and whenever units return later."""
    user_id, grant_id = int(message.body["user"]), UUID(message.body["grant"])
    account_id = await share_queries.shared_account(tx, user_id, grant_id)
    assert account_id is not None, "a grant is written with its account"
    locked = await queries.account_for_update(tx, user_id, account_id)
    if locked is None or locked.state is AccountState.CLOSED:
        return
    await queries.set_state(tx, user_id, account_id, AccountState.CLOSED, now(), "")
    await leases.close_open(tx, user_id, account_id)
    await tell_owner(tx, user_id, account_id)
    await _send_rest(tx, await _account(tx, user_id, account_id))


async def return_rest(tx: Transaction, merchant_id: int, account_id: UUID) -> int:
    """Pass on to the owner what came back to a closed shared account (a recycled number); how many units.

    Negative where a recycled number was scanned and debits again. Does nothing for any other account.
    """
    account = await queries.account_for_update(tx, merchant_id, account_id)
    if account is None or account.state is not AccountState.CLOSED or account.available == 0:
        return 0
    await _send_rest(tx, account)
    return account.available


async def return_rests(db: Database) -> int:
    """The same for every closed shared account that holds units; the job that follows recycling."""
    returned = 0
    for merchant_id, account_id in await share_queries.closed_with_units(db):
        async with db.transaction() as tx:
            returned += await return_rest(tx, merchant_id, account_id)
    return returned


async def _send_rest(tx: Transaction, account: Account) -> None:
    """Book what is available out of the user's account and send it to the owner, also when it is nothing."""
    at, units = now(), account.available
    entry = UnitEntry(new_id(), "grant_return", -units, str(account.grant_id), at)
    await queries.book(tx, account.merchant_id, account.account_id, entry, reclaimed=units)
    body = {
        "owner": str(account.owner_id),
        "grant": str(account.grant_id),
        "units": units,
        "at": at.isoformat(),
    }
    await outbox.put(tx, str(account.merchant_id), RETURNED, body)


async def _hear_of_return(tx: Transaction, message: outbox.Message) -> None:
    """At the owner: the units are available again."""
    owner_id, grant_id = int(message.body["owner"]), UUID(message.body["grant"])
    share = await share_queries.grant_for_update(tx, owner_id, grant_id)
    assert share is not None, "only a grant that was written is revoked"
    units, at = int(message.body["units"]), datetime.fromisoformat(message.body["at"])
    entry = UnitEntry(message.id, "grant_return", units, str(grant_id), at)
    if await share_queries.book_return(tx, owner_id, share.account_id, entry):
        await share_queries.hear_of_return(tx, owner_id, grant_id, units, at)


async def tell_owner(tx: Transaction, merchant_id: int, account_id: UUID) -> None:
    """Send the owner how much of a grant is used; call it when a lease of a shared account is refilled or closed."""
    account = await queries.account_for_update(tx, merchant_id, account_id)
    if account is None or not account.shared:
        return
    body = {
        "owner": str(account.owner_id),
        "grant": str(account.grant_id),
        "used": await share_queries.used(tx, merchant_id, account_id),
        "at": now().isoformat(),
    }
    await outbox.put(tx, str(merchant_id), USED, body)


async def tell_owners(db: Database) -> int:
    """The same for every open shared account; a job. How many messages were left."""
    accounts = await share_queries.open_shared_accounts(db)
    for merchant_id, account_id in accounts:
        async with db.transaction() as tx:
            await tell_owner(tx, merchant_id, account_id)
    return len(accounts)


async def _hear_of_use(tx: Transaction, message: outbox.Message) -> None:
    body = message.body
    at = datetime.fromisoformat(body["at"])
    await share_queries.hear_of_use(tx, int(body["owner"]), UUID(body["grant"]), int(body["used"]), at)


async def _account(tx: Transaction, merchant_id: int, account_id: UUID) -> Account:
    account = await queries.account(tx, merchant_id, account_id)
    assert account is not None, "it was locked or written before"
    return account


HANDLERS: Mapping[str, outbox.Handler] = {
    REVOKE: _close_shared,
    RETURNED: _hear_of_return,
    USED: _hear_of_use,
}
"""For `outbox.deliver`; all of them may see a message twice."""
