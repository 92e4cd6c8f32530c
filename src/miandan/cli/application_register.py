"""`miandan accounts apply` and what becomes of it: an application that is made or approved twice is one."""

from dataclasses import dataclass
from typing import Any, TypedDict

from miandan.accounts import applications, carrier_decisions, overview
from miandan.accounts.model import Application, ApplicationState, Billing, Supply
from miandan.carriers.catalogue import catalogue
from miandan.cli import known, typed
from miandan.cli.account_register import say_if_takes_stop
from miandan.cli.installation import open_installation
from miandan.cli.senders import Typed, read_senders
from miandan.cli.session import open_session, say, shown
from miandan.cli.tables import Column, write_lines, write_list
from miandan.cli.words import APPLICATION_STATES, BILLINGS, carrier_words, named, office_row
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal

_APPLICATIONS = (
    Column("application", "申请 application"),
    Column("merchant_id", "商家号 merchant"),
    Column("carrier", "快递 carrier", carrier_words),
    Column("office", "网点/月结 office"),
    Column("billing", "结算 billing", BILLINGS.get),
    Column("state", "状态 state", APPLICATION_STATES.get),
    Column("senders", "发货地址 senders"),
    Column("applied_at", "提交 applied"),
    Column("account", "账号 account"),
    Column("reason", "原因 reason"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed about a new account; a branch code for most carriers, a settlement code for direct ones."""

    merchant_id: str
    carrier: str
    branch: str
    settlement: str
    brand: str
    billing: str | None


class _Where(TypedDict):
    branch_code: str
    settlement_code: str
    brand: str


async def apply(wish: Wish, given: Typed) -> int:
    """Apply and answer the application's id; one for the same that waits or was approved is answered instead.

    Raises setup.* and what `applications.apply` raises.
    """
    carrier, owner = catalogue().find_for_new_account(wish.carrier), typed.merchant(wish.merchant_id)
    billing = None if wish.billing is None else Billing(typed.choice(wish.billing, list(Billing), "--billing"))
    where: _Where = {
        "branch_code": typed.branch_code(wish.branch),
        "settlement_code": typed.code(wish.settlement, "月结账号 settlement code") if wish.settlement else "",
        "brand": wish.brand.strip(),
    }
    senders = read_senders(given)
    async with open_installation() as session:
        found = await overview.same_application(session.db, owner, carrier.code, senders, **where)
        done = "早已提交，没有变化 was applied for already"
        if found is None:
            found = await applications.apply(
                session.db, owner, carrier.code, ship_from=senders, billing=billing, **where
            )
            done = "已提交 applied"
    write_lines([str(found.application_id)])
    say(f"✓ {done}: {named(found)}  {APPLICATION_STATES[found.state]}")
    if found.state is ApplicationState.APPLIED:
        say(f"  网点同意后 once the branch agrees:  miandan accounts approve {found.application_id}")
    return 0


async def approve(application_id: str, reads: bool, supply: str | None, limit: int | None) -> int:
    """Open the account and answer its id; said again it changes nothing. Raises setup.choice, application.unknown,
    application.decided where it was rejected, carrier.retired."""
    source = None if supply is None else Supply(typed.choice(supply, list(Supply), "--supply"))
    async with open_installation() as session:
        before = await _application(session.db, application_id)
        account = await carrier_decisions.approve(
            session.db,
            before.carrier,
            before.application_id,
            carrier_reads=reads,
            supply=source,
            unit_limit=limit,
        )
    write_lines([str(account.account_id)])
    done = "已开通 opened" if before.state is ApplicationState.APPLIED else "早已开通，没有变化 was opened already"
    say(f"✓ {done}: {named(before)}  账号 account {account.account_id}")
    if account.billing is Billing.PREPAID and not account.received:
        say(f"  充值 recharge it:  miandan accounts recharge {account.account_id} UNITS --entry KEY")
    say_if_takes_stop(account)
    return 0


async def reject(application_id: str, reason: str) -> int:
    """Decline with a reason; said again it changes nothing. Raises application.unknown, application.reason_missing,
    application.decided where it was approved."""
    if not reason.strip():
        raise Refusal("application.reason_missing")
    async with open_installation() as session:
        before = await _application(session.db, application_id)
        await carrier_decisions.reject(session.db, before.carrier, before.application_id, reason)
    done = "已驳回 rejected" if before.state is ApplicationState.APPLIED else "早已驳回，没有变化 was rejected already"
    say(f"✓ {done}: {named(before)}")
    return 0


async def list_applications(merchant_id: str | None, carrier: str | None, as_json: bool) -> int:
    """Applications of a merchant and a carrier or of all, decided ones too. Raises merchant.unknown."""
    code = catalogue().find(carrier).code if carrier else None
    async with open_session() as session:
        found = await overview.applications(session.db, await known.merchant_or_all(session.db, merchant_id), code)
    write_list(_APPLICATIONS, [_row(one) for one in found], as_json=as_json)
    waiting = sum(one.state is ApplicationState.APPLIED for one in found)
    say(
        f"  申请 {len(found)} 份 applications，待审核 {waiting} undecided" if found else "✓ 没有申请 nobody has applied"
    )
    return 0


async def _application(db: Database, application_id: str) -> Application:
    unknown = Refusal("application.unknown", application=shown(application_id))
    return await overview.find_application(db, typed.own_id(application_id, unknown))


def _row(one: Application) -> dict[str, Any]:
    """How many senders, not who: they are persons."""
    return {
        "application": str(one.application_id),
        **office_row(one),
        "state": one.state.value,
        "senders": len(one.ship_from),
        "applied_at": one.applied_at,
        "decided_at": one.decided_at,
        "reason": one.reason,
        "account": None if one.account_id is None else str(one.account_id),
    }
