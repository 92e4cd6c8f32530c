"""The commands of `miandan merchants` and `miandan shops`. What they do is in merchant_register.py."""

from typing import Annotated

import typer

from miandan.cli.options import AsJson, By, OneMerchant, Owner, work

merchants = typer.Typer(no_args_is_help=True, help="商家 merchants: register, list, show")
shops = typer.Typer(no_args_is_help=True, help="店铺 shops: open, close, list")


@merchants.command("add")
def add(
    name: Annotated[str, typer.Argument(help="商家名称 name of the legal subject")],
    applicant: Annotated[
        str, typer.Option(help="主体类型 enterprise 企业 | individual_business 个体 | natural_person 自然人")
    ],
    merchant_id: Annotated[
        str | None, typer.Option("--id", help="商家号 merchant id; default: one is made 默认自动生成")
    ] = None,
) -> None:
    """登记商家：prints its id. 再次运行不会重复登记 Run again it answers the same merchant."""
    from miandan.cli import merchant_register as register

    work(lambda: register.add(name, applicant, merchant_id))


@merchants.command("list")
def list_(as_json: AsJson = False) -> None:
    """有哪些商家：every merchant."""
    from miandan.cli import merchant_register as register

    work(lambda: register.list_merchants(as_json))


@merchants.command("show")
def show(merchant: Annotated[str, typer.Argument(help="商家号 merchant id")], as_json: AsJson = False) -> None:
    """显示商家：its shops, its accounts and where their units are."""
    from miandan.cli import merchant_register as register

    work(lambda: register.show(merchant, as_json))


@shops.command("add")
def shops_add(
    shop: Annotated[str, typer.Argument(help="店铺号 shop id, as its platform knows it")],
    merchant: Owner,
    name: Annotated[str, typer.Option(help="店铺名称 name of the shop")],
    platform: Annotated[str, typer.Option(help="平台 doudian | taobao | pdd | jd | own 自营 | other")],
    type_: Annotated[str, typer.Option("--type", help="店铺类型 type: flagship 旗舰店, enterprise 企业店 ...")],
) -> None:
    """登记店铺：a shop of a merchant. 再次运行不会重复登记 Safe to run again."""
    from miandan.cli import merchant_register as register

    work(lambda: register.add_shop(shop, merchant, name, platform, type_))


@shops.command("close")
def shops_close(
    shop: Annotated[str, typer.Argument(help="店铺号 shop id")],
    merchant: Owner,
    by: By = None,
) -> None:
    """关闭店铺：and every app loses its access to it 同时撤销全部应用授权. 单号保留 Numbers stay."""
    from miandan.cli import merchant_register as register

    work(lambda: register.close_shop(shop, merchant, by))


@shops.command("list")
def shops_list(merchant: OneMerchant = None, as_json: AsJson = False) -> None:
    """有哪些店铺：open shops, of one merchant or of all."""
    from miandan.cli import merchant_register as register

    work(lambda: register.list_shops(merchant, as_json))
