"""`miandan accounts`, once they are open: units in and out, state, senders, label, limit, and what is there."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from miandan.accounts import overview, service
from miandan.accounts.model import Account, Billing, ShipFrom
from miandan.carriers.catalogue import catalogue
from miandan.cli import known, typed
from miandan.cli.installation import open_installation
from miandan.cli.logins import login_or_own
from miandan.cli.senders import Typed, read_senders
from miandan.cli.session import open_session, say, shown
from miandan.cli.tables import Column, facts, table, write_json, write_lines, write_list
from miandan.cli.words import ACCOUNT_STATES, BILLINGS, SUPPLIES, carrier_words, named, office_row
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_name, mask_phone

_ACCOUNTS = (
    Column("account", "账号 account"),
    Column("merchant_id", "商家号 merchant"),
    Column("carrier", "快递 carrier", carrier_words),
    Column("office", "网点/月结 office"),
    Column("billing", "结算 billing", BILLINGS.get),
    Column("state", "状态 state", ACCOUNT_STATES.get),
    Column("available", "可用 available"),
    Column("supply", "单号来源 numbers", SUPPLIES.get),
    Column("label", "面单 label"),
)
_FACTS = (
    *_ACCOUNTS,
    Column("brand", "品牌 brand"),
    Column("opened_at", "开通 opened"),
    Column("state_at", "状态自 state since"),
    Column("state_reason", "原因 reason"),
    Column("carrier_reads", "快递可读 carrier reads"),
    Column("full_label_by", "全显选择人 full label by"),
    Column("full_label_at", "选择时间 chosen at"),
    Column("shared_by", "共享自 shared by"),
    Column("unit_limit", "月结上限 limit"),
    Column("received", "累计充值 received"),
    Column("reclaimed", "累计扣减 reclaimed"),
    Column("leased", "租约中 leased"),
    Column("granted", "已共享 granted"),
    Column("allocated", "已占用 allocated"),
    Column("waiting", "待回收 waiting"),
    Column("recycled", "累计回收 recycled"),
)
_SENDERS = (
    Column("sender", "发货地址编号 sender"),
    Column("contact", "联系人 contact"),
    Column("phone", "电话 phone"),
    Column("place", "地址 place"),
    Column("approved_at", "审核 approved"),
)


async def list_accounts(merchant_id: str | None, carrier: str | None, as_json: bool) -> int:
    """Accounts, own and shared ones, of a merchant and a carrier or of all. Raises merchant.unknown."""
    code = catalogue().find(carrier).code if carrier else None
    async with open_session() as session:
        found = await overview.accounts(session.db, await known.merchant_or_all(session.db, merchant_id), code)
    write_list(_ACCOUNTS, [_row(one) for one in found], as_json=as_json)
    say(f"  账号 {len(found)} 个 accounts" if found else "✓ 没有账号 no account is open")
    return 0


async def show(account_id: str, as_json: bool) -> int:
    """An account, where its units are, who may send from where (masked). Raises account.unknown."""
    async with open_session() as session:
        account = await known.account(session.db, account_id)
        units = await service.balance(session.db, account.merchant_id, account.account_id)
        approved = await service.ship_from_of(session.db, account.merchant_id, account.account_id)
    parts = ("leased", "granted", "allocated", "waiting", "recycled")
    row = _row(account) | {part: getattr(units, part) for part in parts}
    senders = [_sender(one) for one in approved]
    if as_json:
        write_json(row | {"senders": senders})
        return 0
    write_lines(facts(_FACTS, row))
    write_lines(["", *table(_SENDERS, senders)] if senders else ["", "发货地址 senders: 没有 none"])
    return 0


async def recharge(account_id: str, units: int, key: str) -> int:
    """Sell units of the branch's stock to a prepaid account. Raises setup.entry_missing and what the verb raises."""
    return await _book(("recharge", "已充值 recharged"), service.recharge, account_id, units, key)


async def reclaim(account_id: str, units: int, key: str) -> int:
    """Take unused units back into stock. Raises setup.entry_missing and what the verb raises."""
    return await _book(("reclaim", "已扣减 reclaimed"), service.reclaim, account_id, units, key)


async def _book(
    words: tuple[str, str], verb: Callable[..., Awaitable[Account]], account_id: str, units: int, key: str
) -> int:
    kind, done = words
    async with open_installation() as session:
        account = await known.account(session.db, account_id)
        entry = typed.entry(kind, str(account.account_id), key)
        where = account.merchant_id, account.account_id
        account, before = await known.booked(
            session.db, account.carrier, entry, key, lambda: verb(session.db, *where, units, entry)
        )
    said = "早已登记，没有变化 was booked already" if before else done
    say(f"✓ {said}: {named(account)} {units:,} 单 units（{shown(key.strip())}）")
    say(f"  可用 available {account.available:,}，累计充值 received {account.received:,}")
    return 0


async def suspend(account_id: str, reason: str) -> int:
    """Stop an account; what workers held comes back. Raises account.unknown, .closed, .reason_missing."""
    async with open_installation() as session:
        account = await known.account(session.db, account_id)
        back = await service.suspend(session.db, account.merchant_id, account.account_id, reason)
    say(f"✓ 已暂停 suspended: {named(account)}；收回租约 {back:,} 单 units came back from workers")
    return 0


async def resume(account_id: str) -> int:
    """Lift a suspension, or wake a dormant account. Raises account.unknown, account.closed."""
    return await _change(account_id, service.reactivate, "可用 active")


async def full_label(account_id: str, by: str | None) -> int:
    """Put on record who decided that recipients are printed in full. Raises doubts.who, account.unknown."""
    actor = login_or_own(by)
    async with open_installation() as session:
        account = await known.account(session.db, account_id)
        if account.full_label_by is None:
            account = await service.choose_full_label(session.db, account.merchant_id, account.account_id, actor)
            done = "已登记 on record"
        else:
            done = "早已登记，没有变化 was on record already"
    say(f"✓ {done}: {named(account)} 收件人完整打印 recipients are printed in full, by {account.full_label_by}")
    return 0


async def masked_label(account_id: str) -> int:
    """Take the choice of the full label back. Raises account.unknown."""
    return await _change(account_id, service.withdraw_full_label, "收件人脱敏打印 recipients are masked")


async def carrier_reads(account_id: str) -> int:
    """The carrier reads masked parcels by number from now on. Raises account.unknown."""
    return await _change(account_id, service.let_carrier_read, "快递公司可读 the carrier reads masked parcels")


async def carrier_stops(account_id: str) -> int:
    """The carrier reads no longer. Raises account.unknown."""
    return await _change(account_id, service.stop_carrier_reading, "快递公司不可读 the carrier does not read")


async def _change(account_id: str, verb: Callable[[Database, int, UUID], Awaitable[Account]], now_it_is: str) -> int:
    async with open_installation() as session:
        before = await known.account(session.db, account_id)
        account = await verb(session.db, before.merchant_id, before.account_id)
    done = "早已如此，没有变化 was so already" if account == before else "完成 done"
    say(f"✓ {done}: {named(account)} {now_it_is}")
    say_if_takes_stop(account)
    return 0


async def limit(account_id: str, units: int | None) -> int:
    """How many units a monthly account may use; None: any number. Raises account.unknown, account.not_monthly."""
    async with open_installation() as session:
        before = await known.account(session.db, account_id)
        account = await service.set_unit_limit(session.db, before.merchant_id, before.account_id, units)
    done = "早已如此，没有变化 was so already" if account == before else "完成 done"
    words = "不限 none" if account.unit_limit is None else f"{account.unit_limit:,} 单 units"
    say(f"✓ {done}: {named(account)} 月结上限 limit {words}")
    return 0


async def add_sender(account_id: str, given: Typed) -> int:
    """Approve further ship-from addresses and answer their ids. Raises account.unknown, .closed, setup.*."""
    senders = read_senders(given)
    async with open_installation() as session, session.db.all_or_nothing() as db:
        account = await known.account(db, account_id)
        where = account.merchant_id, account.account_id
        before = {row.ship_from_id for row in await service.ship_from_of(db, *where)}
        approved = [await service.approve_ship_from(db, *where, sender) for sender in senders]
    write_lines([str(row.ship_from_id) for row in approved])
    fresh = sum(row.ship_from_id not in before for row in approved)
    say(f"✓ {named(account)} 发货地址 senders: 新增 new {fresh}，早已有 there already {len(approved) - fresh}")
    return 0


async def withdraw_sender(account_id: str, sender: str) -> int:
    """Nothing leaves from there any more. Raises account.unknown, account.sender_unknown."""
    sender_id = typed.own_id(sender, Refusal("account.sender_unknown", sender=shown(sender)))
    async with open_installation() as session:
        account = await known.account(session.db, account_id)
        approved = await service.ship_from_of(session.db, account.merchant_id, account.account_id)
        if all(row.ship_from_id != sender_id for row in approved):
            raise Refusal("account.sender_unknown", sender=str(sender_id))
        await service.withdraw_ship_from(session.db, account.merchant_id, sender_id)
    say(f"✓ 已撤回 withdrawn: {named(account)} 还有发货地址 senders left {len(approved) - 1}")
    return 0


def say_if_takes_stop(account: Account) -> None:
    """An account whose carrier cannot read masked parcels gives no number until somebody decides."""
    if not account.carrier_reads and account.full_label_by is None:
        say("! 快递公司不能按单号读取脱敏面单，取号会停。二选一：")
        say("  The carrier does not read masked parcels by number, so takes stop. One of the two:")
        say(f"  miandan accounts carrier-reads {account.account_id}    # 快递公司可读 it does read")
        say(f"  miandan accounts full-label {account.account_id}       # 完整打印 print recipients in full")


def _row(one: Account) -> dict[str, Any]:
    return {
        "account": str(one.account_id),
        **office_row(one),
        "supply": one.supply.value,
        "state": one.state.value,
        "state_at": one.state_at,
        "state_reason": one.state_reason,
        "label": _label(one),
        "carrier_reads": one.carrier_reads,
        "full_label_by": one.full_label_by,
        "full_label_at": one.full_label_at,
        "shared_by": None if one.owner_id is None else str(one.owner_id),
        "unit_limit": one.unit_limit if one.billing is Billing.MONTHLY else None,
        "available": one.available,
        "received": one.received,
        "reclaimed": one.reclaimed,
        "opened_at": one.opened_at,
    }


def _label(one: Account) -> str:
    if one.full_label_by is not None:
        return "完整 full"
    return "脱敏 masked" if one.carrier_reads else "停 stopped"


def _sender(one: ShipFrom) -> dict[str, Any]:
    sender = one.sender
    return {
        "sender": str(one.ship_from_id),
        "contact": mask_name(sender.contact),
        "phone": mask_phone(sender.phone, "screen"),
        "place": "".join(dict.fromkeys((sender.province, sender.city, sender.district, sender.detail))),
        "division_code": sender.division_code,
        "approved_at": one.approved_at,
    }
