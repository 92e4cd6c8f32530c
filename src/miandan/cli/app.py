"""The commands and their options. What they do is in the files beside this one, imported when they run."""

from pathlib import Path
from typing import Annotated

import typer

LARGEST_ID = 2**63 - 1

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def miandan() -> None:
    """面单 miandan: an open electronic-waybill platform 开放的电子面单平台."""


@app.command()
def ship(
    orders: Annotated[Path, typer.Argument(help="订单文件 order file: CSV, XLSX or JSON lines")],
    carrier: Annotated[str | None, typer.Option(help="快递公司 carrier: code or name (zto, 中通, sf ...)")] = None,
    shop: Annotated[str | None, typer.Option(help="店铺号 shop id the orders belong to")] = None,
    merchant: Annotated[
        int | None, typer.Option(help="商家号 merchant id, for a merchant without a shop", min=0, max=LARGEST_ID)
    ] = None,
    account: Annotated[str | None, typer.Option(help="网点账号 account id, where a carrier has several")] = None,
    retake: Annotated[bool, typer.Option("--retake", help="换单 replace numbers taken on another account")] = False,
    update: Annotated[bool, typer.Option("--update", help="更新面单 same number where an order has changed")] = False,
    out: Annotated[Path, typer.Option(help="面单文件 labels")] = Path("labels.pdf"),
    report: Annotated[Path, typer.Option(help="报告 report, one row per order")] = Path("report.csv"),
) -> None:
    """取号并打印：every order of a file gets its number and its label. 再次运行不会重复取号 Safe to run again.

    退出码 exit code: 0 all shipped 全部完成, 2 some refused 部分需处理, 1 nothing done 未完成.
    """
    from miandan.cli.choosing import Wish
    from miandan.cli.session import run
    from miandan.cli.ship import account_id
    from miandan.cli.ship import ship as work

    wish = Wish(carrier, account_id(account), shop, merchant, retake, update)
    run(lambda: work(orders, wish, out, report))


@app.command()
def demo(
    quiet: Annotated[bool, typer.Option("--quiet", help="不显示内容 say nothing but errors")] = False,
) -> None:
    """加载沙箱：two invented merchants, three branches, every carrier. 可重复运行 Safe to run again."""
    from miandan.cli.demo import demo as work
    from miandan.cli.session import run

    run(lambda: work(quiet))


@app.command()
def address(
    source: Annotated[Path | None, typer.Argument(help="文本文件 file, one recipient a line; default: stdin")] = None,
) -> None:
    """识别收件信息：one pasted recipient per line in, one JSON object per line out."""
    import sys

    from miandan.cli.address import address as work

    sys.exit(work(source))


@app.command()
def check() -> None:
    """核对全部承诺：numbers, units, keys, audit log, vault, by SQL of its own; prints JSON. 有差异 broken: exit 1."""
    from miandan.cli.check import command
    from miandan.cli.session import run

    run(command)


@app.command()
def jobs() -> None:
    """运行到期任务：settle live calls, return units, apply retention, deliver the outbox. 每天至少一次 Run it daily."""
    from miandan.cli.jobs import jobs as work
    from miandan.cli.session import run

    run(work)


@app.command()
def doubts(
    intent: Annotated[str | None, typer.Argument(help="取号请求 the call to end, as listed; default: list all")] = None,
    issued: Annotated[list[str] | None, typer.Option(help="快递公司已出的单号 issued number, parent first")] = None,
    lost: Annotated[bool, typer.Option("--lost", help="快递公司没有出号 the carrier issued nothing")] = False,
    by: Annotated[str | None, typer.Option(help="登记人的登录名 login of whoever asked the carrier")] = None,
    merchant: Annotated[int | None, typer.Option(help="只看该商家 this merchant only", min=0, max=LARGEST_ID)] = None,
) -> None:
    """未决取号：lists live calls without outcome, or writes down what the carrier says of one 登记快递公司的答复."""
    from miandan.cli.doubts import Word
    from miandan.cli.doubts import doubts as work
    from miandan.cli.session import run

    run(lambda: work(intent, Word(tuple(issued or ()), lost, by), merchant))
