"""Applications for accounts: a merchant applies, the branch approves or rejects, a rejected merchant applies again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from miandan.accounts import application_queries, queries
from miandan.accounts.model import (
    Account,
    AccountState,
    Application,
    ApplicationState,
    Billing,
    Sender,
    ShipFrom,
    Supply,
)
from miandan.accounts.turns import Waiting, whose_turn
from miandan.branches import service as branches
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import Settlement
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.merchants import queries as merchants


@dataclass(frozen=True, slots=True)
class Tracked:
    """An application with what became of it, and whose turn it is (None: numbers can be taken)."""

    application: Application
    account: Account | None
    waiting: Waiting | None


async def apply(
    db: Database,
    merchant_id: int,
    carrier: str,
    *,
    ship_from: Sequence[Sender],
    branch_code: str = "",
    settlement_code: str = "",
    brand: str = "",
    billing: Billing | None = None,
    at: datetime | None = None,
) -> Application:
    """Ask a branch (branch code) or a carrier directly (settlement code) for an account; `carrier` is our code.

    Where `billing` is left out, carriers with settlement codes are monthly, the others prepaid. Raises
    carrier.unknown, carrier.retired, application.branch_missing, application.settlement_missing,
    application.sender_missing, merchant.unknown, branch.unknown, branch.closed, application.undecided.
    """
    applied_at = at or now()
    direct = _check_wish(carrier, branch_code, settlement_code, ship_from, applied_at)
    application = Application(
        merchant_id,
        new_id(),
        carrier,
        branch_code,
        settlement_code,
        brand,
        billing or (Billing.MONTHLY if direct else Billing.PREPAID),
        tuple(ship_from),
        ApplicationState.APPLIED,
        applied_at,
    )
    async with db.transaction() as tx:
        if await merchants.merchant(tx, merchant_id) is None:
            raise Refusal("merchant.unknown", merchant=str(merchant_id))
        await branches.open_office(tx, carrier, branch_code)
        if not await application_queries.insert(tx, application):
            raise Refusal("application.undecided", carrier=carrier, branch=branch_code or carrier)
    return application


def _check_wish(
    carrier_code: str, branch_code: str, settlement_code: str, ship_from: Sequence[Sender], at: datetime
) -> bool:
    """Whether the carrier works with settlement codes."""
    carrier = catalogue().get(carrier_code)
    carrier.must_take_new_accounts(trade_day(at))
    direct = carrier.terms(trade_day(at)).settlement is Settlement.SETTLEMENT
    if direct and not settlement_code:
        raise Refusal("application.settlement_missing", zh=carrier.zh, en=carrier.en)
    if not direct and not branch_code:
        raise Refusal("application.branch_missing", zh=carrier.zh, en=carrier.en)
    if not ship_from:
        raise Refusal("application.sender_missing")
    return direct


async def approve(
    db: Database,
    merchant_id: int,
    application_id: UUID,
    *,
    carrier_reads: bool,
    supply: Supply | None = None,
    unit_limit: int | None = None,
    at: datetime | None = None,
) -> Account:
    """The branch opens the account with the ship-from addresses applied for.

    Where the merchant has this account already, it stays as it is and only gains the addresses: so a further
    ship-from address is approved. `carrier_reads` says whether the carrier reads masked parcels by number; `supply`
    follows the carrier's terms where it is left out. `unit_limit` only matters to monthly accounts. Raises
    application.unknown, application.decided, carrier.retired.
    """
    approved_at = at or now()
    async with db.transaction() as tx:
        application = await _undecided_for_update(tx, merchant_id, application_id)
        carrier = catalogue().get(application.carrier)
        carrier.must_take_new_accounts(trade_day(approved_at))
        source = supply or Supply(carrier.terms(trade_day(approved_at)).number_source.value)
        fresh = _new_account(application, source, carrier_reads, unit_limit, approved_at)
        account = await _opened(tx, application, fresh)
        rows = [
            ShipFrom(merchant_id, new_id(), account.account_id, sender, approved_at)
            for sender in await _not_yet_approved(tx, account, application.ship_from)
        ]
        await queries.insert_ship_from(tx, rows)
        await application_queries.decide(
            tx, application, ApplicationState.APPROVED, "", approved_at, account.account_id
        )
    return account


def _new_account(
    application: Application, supply: Supply, carrier_reads: bool, unit_limit: int | None, at: datetime
) -> Account:
    return Account(
        merchant_id=application.merchant_id,
        account_id=new_id(),
        carrier=application.carrier,
        branch_code=application.branch_code,
        settlement_code=application.settlement_code,
        brand=application.brand,
        billing=application.billing,
        supply=supply,
        state=AccountState.ACTIVE,
        state_at=at,
        state_reason="",
        carrier_reads=carrier_reads,
        full_label_by=None,
        full_label_at=None,
        owner_id=None,
        grant_id=None,
        unit_limit=unit_limit,
        received=0,
        reclaimed=0,
        available=0,
        recycled=0,
        opened_at=at,
    )


async def _opened(tx: Transaction, application: Application, fresh: Account) -> Account:
    """The fresh account, or the one that the merchant has there already."""
    if await queries.insert_account(tx, fresh):
        return fresh
    before = await queries.own_account_at(tx, application)
    assert before is not None, "the insert met this row"
    return before


async def _not_yet_approved(tx: Transaction, account: Account, senders: Sequence[Sender]) -> list[Sender]:
    known = {row.sender for row in await queries.ship_from(tx, account.merchant_id, account.account_id)}
    return [sender for sender in dict.fromkeys(senders) if sender not in known]


async def reject(
    db: Database, merchant_id: int, application_id: UUID, reason: str, at: datetime | None = None
) -> Application:
    """The branch declines and says why; the merchant may apply again.

    Raises application.reason_missing, application.unknown, application.decided.
    """
    if not reason.strip():
        raise Refusal("application.reason_missing")
    async with db.transaction() as tx:
        application = await _undecided_for_update(tx, merchant_id, application_id)
        await application_queries.decide(tx, application, ApplicationState.REJECTED, reason.strip(), at or now())
        rejected = await application_queries.for_update(tx, merchant_id, application_id)
    assert rejected is not None, "it was locked above"
    return rejected


async def _undecided_for_update(tx: Transaction, merchant_id: int, application_id: UUID) -> Application:
    application = await application_queries.for_update(tx, merchant_id, application_id)
    if application is None:
        raise Refusal("application.unknown", application=str(application_id))
    if application.state is not ApplicationState.APPLIED:
        raise Refusal("application.decided", application=str(application_id), state=application.state.value)
    return application


async def track(db: Database, merchant_id: int) -> list[Tracked]:
    """The merchant's applications, oldest first, with whose turn it is and since when."""
    async with db.transaction() as tx:
        accounts = {account.account_id: account for account in await queries.accounts(tx, merchant_id)}
        applications = await application_queries.of_merchant(tx, merchant_id)
    return [_tracked(application, accounts) for application in applications]


def _tracked(application: Application, accounts: dict[UUID, Account]) -> Tracked:
    account = None if application.account_id is None else accounts.get(application.account_id)
    return Tracked(application, account, whose_turn(application, account))


async def undecided_at(db: Database, carrier: str, branch_code: str) -> list[Tracked]:
    """What a branch has to decide, oldest first."""
    waiting = await application_queries.undecided_at(db, carrier, branch_code, now())
    return [_tracked(application, {}) for application in waiting]


async def overdue(db: Database, at: datetime | None = None) -> list[Tracked]:
    """Applications anywhere whose branch should be reminded by `at`, oldest first; the hours stand in turns.toml."""
    moment = at or now()
    tracked = [_tracked(application, {}) for application in await application_queries.undecided_anywhere(db, moment)]
    return [row for row in tracked if _due(row.waiting, moment)]


def _due(waiting: Waiting | None, at: datetime) -> bool:
    return waiting is not None and waiting.remind_at is not None and waiting.remind_at <= at
