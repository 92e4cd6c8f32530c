"""The commands of `miandan branches`. What they do is in branch_register.py."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from miandan.cli.options import AsJson, Branch, Carrier, Entry, Units, work

branches = typer.Typer(
    no_args_is_help=True,
    help="网点 branches: open, list, load numbers, units and route tables 号段、单号、库存、路由表",
)


@branches.command("add")
def add(
    carrier: Carrier,
    code: Branch,
    name: Annotated[str, typer.Option(help="网点名称 name of the office")],
    province: Annotated[str, typer.Option(help="省 province")] = "",
    city: Annotated[str, typer.Option(help="市 city")] = "",
    district: Annotated[str, typer.Option(help="区县 district")] = "",
    address: Annotated[str, typer.Option(help="详细地址 street and number")] = "",
    phone: Annotated[str, typer.Option(help="公开电话 the office's public phone")] = "",
) -> None:
    """登记网点：an office of a carrier. 直营快递先登记总部（-）Carriers with settlement codes need the head office."""
    from miandan.cli import branch_register as register

    work(lambda: register.add(carrier, code, register.Office(name, province, city, district, address, phone)))


@branches.command("list")
def list_(
    carrier: Annotated[str | None, typer.Argument(help="快递公司 carrier; default: all of them")] = None,
    as_json: AsJson = False,
) -> None:
    """有哪些网点：open offices with stock, pool and route table."""
    from miandan.cli import branch_register as register

    work(lambda: register.list_branches(carrier, as_json))


@branches.command("segment")
def segment(
    carrier: Carrier,
    code: Branch,
    first: Annotated[str, typer.Argument(help="起始单号 first number, whole 写全")],
    last: Annotated[str, typer.Argument(help="结束单号 last number, whole 写全")],
    kind: Annotated[str, typer.Option(help="单号种类 standard | international | child | return")] = "standard",
    count: Annotated[
        int | None,
        typer.Option(help="应有几个单号 how many numbers it should be; another count is refused 个数不符不导入"),
    ] = None,
) -> None:
    """导入号段：a range of numbers for an office's pool. 同一号段只导入一次 The same range is loaded once."""
    from miandan.cli import branch_register as register

    work(lambda: register.load_segment(carrier, code, (first, last), kind, count))


@branches.command("numbers")
def numbers(
    carrier: Carrier,
    code: Branch,
    file: Annotated[Path, typer.Argument(help="单号文件 file of numbers, one a line or the first column of a CSV")],
) -> None:
    """导入单号清单：all of a file or nothing. 同一文件只导入一次 The same file is loaded once."""
    from miandan.cli import branch_register as register

    work(lambda: register.load_numbers(carrier, code, file))


@branches.command("stock")
def stock(carrier: Carrier, code: Branch, units: Units, entry: Entry) -> None:
    """单量入库：units that the carrier gave an office."""
    from miandan.cli import branch_register as register

    work(lambda: register.receive(carrier, code, units, entry))


@branches.command("give-back")
def give_back(carrier: Carrier, code: Branch, units: Units, entry: Entry) -> None:
    """单量退回：units that an office gave back to the carrier."""
    from miandan.cli import branch_register as register

    work(lambda: register.give_back(carrier, code, units, entry))


@branches.command("routes")
def routes(
    carrier: Carrier,
    file: Annotated[Path, typer.Argument(help="路由表 route table: CSV, or TOML")],
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="生效日 holds from this day on; default: today"),
    ] = None,
) -> None:
    """导入路由表：sort codes by division code, a new version. 相同内容不产生新版本 The same table adds none."""
    from miandan.cli import branch_register as register

    work(lambda: register.load_routes(carrier, file, since))
