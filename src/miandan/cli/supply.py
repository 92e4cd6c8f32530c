"""The commands of `miandan supply` and `miandan shares`. What they do is in supply_register.py."""

from typing import Annotated

import typer

from miandan.cli.options import Account, AsJson, By, Entry, OneMerchant, work

supply = typer.Typer(no_args_is_help=True, help="供货关系 supply: who ships for whose shop 代发")
shares = typer.Typer(no_args_is_help=True, help="面单共享 shares: units lent to another merchant")

_Relation = Annotated[str, typer.Argument(help="关系编号 relation id, as `supply list` shows it")]


@supply.command("propose")
def propose(
    seller: Annotated[str, typer.Option(help="卖家商家号 merchant id of the seller")],
    supplier: Annotated[str, typer.Option(help="供货商商家号 merchant id of the supplier")],
    asked_by: Annotated[
        str, typer.Option("--asked-by", help="提出方 seller | supplier; the other one accepts 另一方确认")
    ],
    evidence: Annotated[str, typer.Option(help="依据 contract number or another reference; nobody's data")],
    shop: Annotated[str, typer.Option(help="卖家的店铺号 the seller's shop; needed where it has any 有店铺必填")] = "",
    by: By = None,
) -> None:
    """登记供货关系：prints its id. 再次运行没有变化 Safe to run again."""
    from miandan.cli import supply_register as register

    work(lambda: register.propose((seller, shop, supplier), asked_by, evidence, by))


@supply.command("accept")
def accept(relation: _Relation, by: By = None) -> None:
    """对方确认：the side that did not ask agrees; from now on the supplier may ship."""
    from miandan.cli import supply_register as register

    work(lambda: register.accept(relation, by))


@supply.command("end")
def end(relation: _Relation, by: By = None) -> None:
    """结束供货关系：no more orders and numbers; what has a number runs to its end."""
    from miandan.cli import supply_register as register

    work(lambda: register.end(relation, by))


@supply.command("list")
def list_(merchant: OneMerchant = None, as_json: AsJson = False) -> None:
    """有哪些供货关系：as seller or supplier; ended ones too."""
    from miandan.cli import supply_register as register

    work(lambda: register.list_relations(merchant, as_json))


@shares.command("grant")
def grant(
    account: Account,
    to: Annotated[str, typer.Option("--to", help="使用者商家号 merchant id of the user")],
    units: Annotated[int, typer.Option(help="单量 units that are lent")],
    entry: Entry,
    sender: Annotated[
        list[str] | None,
        typer.Option("--sender", help="发货地址编号 sender id; may be repeated; default: all 默认全部"),
    ] = None,
) -> None:
    """共享单量：another merchant takes numbers on this account; prints the grant's id."""
    from miandan.cli import supply_register as register

    work(lambda: register.grant(account, to, units, entry, sender or ()))


@shares.command("revoke")
def revoke(grant: Annotated[str, typer.Argument(help="共享编号 grant id, as `shares list` shows it")]) -> None:
    """收回共享：the rest comes back to the owner."""
    from miandan.cli import supply_register as register

    work(lambda: register.revoke(grant))


@shares.command("list")
def shares_list(merchant: OneMerchant = None, as_json: AsJson = False) -> None:
    """有哪些共享：as owner or user; revoked ones too."""
    from miandan.cli import supply_register as register

    work(lambda: register.list_grants(merchant, as_json))
