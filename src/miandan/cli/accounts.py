"""The commands of `miandan accounts`. What they do is in application_register.py and account_register.py."""

from typing import Annotated

import typer

from miandan.cli.options import (
    Account,
    Address,
    AsJson,
    By,
    Contact,
    Entry,
    OneCarrier,
    OneMerchant,
    Owner,
    Phone,
    Sheet,
    Units,
    senders,
    work,
)

accounts = typer.Typer(
    no_args_is_help=True, help="网点账号 accounts: apply, approve, recharge, suspend, senders, label"
)

_Application = Annotated[str, typer.Argument(help="申请编号 application id, as `accounts applications` shows it")]


@accounts.command("apply")
def apply(
    merchant: Owner,
    carrier: Annotated[str, typer.Option(help="快递公司 carrier: code or name")],
    branch: Annotated[str, typer.Option(help="网点编号 branch code (franchise carriers 加盟)")] = "",
    settlement: Annotated[str, typer.Option(help="月结账号 settlement code (direct carriers 直营)")] = "",
    brand: Annotated[str, typer.Option(help="品牌 brand, where the carrier tells them apart")] = "",
    billing: Annotated[
        str | None, typer.Option(help="prepaid 预付 | monthly 月结; default: as the carrier does")
    ] = None,
    sender_file: Sheet = None,
    contact: Contact = None,
    phone: Phone = None,
    address: Address = None,
) -> None:
    """申请开通：prints the application's id. 相同的申请只有一份 The same application is made once."""
    from miandan.cli import application_register as register

    wish = register.Wish(merchant, carrier, branch, settlement, brand, billing)
    work(lambda: register.apply(wish, senders(sender_file, contact, phone, address)))


@accounts.command("approve")
def approve(
    application: _Application,
    carrier_reads: Annotated[
        bool,
        typer.Option("--carrier-reads", help="快递公司可按单号读取脱敏面单 the carrier reads masked parcels by number"),
    ] = False,
    supply: Annotated[
        str | None, typer.Option(help="单号来源 segment 号段 | list 清单 | live 实时; default: the carrier's usual one")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="月结上限 units of a monthly account", min=0)] = None,
) -> None:
    """审核通过：opens the account and prints its id. 再次运行没有变化 Safe to run again."""
    from miandan.cli import application_register as register

    work(lambda: register.approve(application, carrier_reads, supply, limit))


@accounts.command("reject")
def reject(
    application: _Application,
    reason: Annotated[str, typer.Option(help="原因 what the merchant has to mend; nobody's data")],
) -> None:
    """驳回申请：with a reason; the merchant may apply again 商家可以重新申请."""
    from miandan.cli import application_register as register

    work(lambda: register.reject(application, reason))


@accounts.command("applications")
def applications(merchant: OneMerchant = None, carrier: OneCarrier = None, as_json: AsJson = False) -> None:
    """有哪些申请：undecided and decided ones."""
    from miandan.cli import application_register as register

    work(lambda: register.list_applications(merchant, carrier, as_json))


@accounts.command("list")
def list_(merchant: OneMerchant = None, carrier: OneCarrier = None, as_json: AsJson = False) -> None:
    """有哪些账号：with state and units."""
    from miandan.cli import account_register as register

    work(lambda: register.list_accounts(merchant, carrier, as_json))


@accounts.command("show")
def show(account: Account, as_json: AsJson = False) -> None:
    """显示账号：where its units are and who may send from where, masked 发货人脱敏."""
    from miandan.cli import account_register as register

    work(lambda: register.show(account, as_json))


@accounts.command("recharge")
def recharge(account: Account, units: Units, entry: Entry) -> None:
    """充值：units of the branch's stock for a prepaid account."""
    from miandan.cli import account_register as register

    work(lambda: register.recharge(account, units, entry))


@accounts.command("reclaim")
def reclaim(account: Account, units: Units, entry: Entry) -> None:
    """扣减：unused units back into the branch's stock."""
    from miandan.cli import account_register as register

    work(lambda: register.reclaim(account, units, entry))


@accounts.command("suspend")
def suspend(
    account: Account, reason: Annotated[str, typer.Option(help="原因 reason, shown to the merchant; nobody's data")]
) -> None:
    """暂停账号：nobody takes another number."""
    from miandan.cli import account_register as register

    work(lambda: register.suspend(account, reason))


@accounts.command("resume")
def resume(account: Account) -> None:
    """恢复账号：lift a suspension, or wake a dormant account."""
    from miandan.cli import account_register as register

    work(lambda: register.resume(account))


@accounts.command("add-sender")
def add_sender(
    account: Account, sender_file: Sheet = None, contact: Contact = None, phone: Phone = None, address: Address = None
) -> None:
    """增加发货地址：approve further ship-from addresses; prints their ids. 相同地址只有一个 The same one is one."""
    from miandan.cli import account_register as register

    work(lambda: register.add_sender(account, senders(sender_file, contact, phone, address)))


@accounts.command("withdraw-sender")
def withdraw_sender(
    account: Account, sender: Annotated[str, typer.Argument(help="发货地址编号 sender id, as `accounts show` lists it")]
) -> None:
    """撤回发货地址：nothing leaves from there any more; taken numbers keep it 已取的单号不变."""
    from miandan.cli import account_register as register

    work(lambda: register.withdraw_sender(account, sender))


@accounts.command("full-label")
def full_label(account: Account, by: By = None) -> None:
    """完整打印收件人：who chose it and when is on record; for carriers that do not read masked parcels."""
    from miandan.cli import account_register as register

    work(lambda: register.full_label(account, by))


@accounts.command("masked-label")
def masked_label(account: Account) -> None:
    """脱敏打印收件人：take the choice of the full label back."""
    from miandan.cli import account_register as register

    work(lambda: register.masked_label(account))


@accounts.command("carrier-reads")
def carrier_reads(account: Account) -> None:
    """快递公司可读：it reads masked parcels of this account by number."""
    from miandan.cli import account_register as register

    work(lambda: register.carrier_reads(account))


@accounts.command("carrier-stops")
def carrier_stops(account: Account) -> None:
    """快递公司不再可读：takes stop until somebody chooses the full label."""
    from miandan.cli import account_register as register

    work(lambda: register.carrier_stops(account))


@accounts.command("limit")
def limit(
    account: Account,
    units: Annotated[int, typer.Argument(help="上限 units that a monthly account may hold and use", min=0)],
) -> None:
    """月结上限：how many units a monthly account may use without paying."""
    from miandan.cli import account_register as register

    work(lambda: register.limit(account, units))


@accounts.command("no-limit")
def no_limit(account: Account) -> None:
    """取消月结上限：any number of units."""
    from miandan.cli import account_register as register

    work(lambda: register.limit(account, None))
