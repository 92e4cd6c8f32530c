"""The commands and their options. What they do is in the files beside this one, imported when they run."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from miandan.cli.accounts import accounts
from miandan.cli.agent import agent
from miandan.cli.agents import agents
from miandan.cli.apps import apps
from miandan.cli.branches import branches
from miandan.cli.merchants import merchants, shops
from miandan.cli.options import LARGEST_ID, AsJson, Owner, work
from miandan.cli.print_jobs import print_jobs
from miandan.cli.pushes import pushes
from miandan.cli.scans import scans
from miandan.cli.supply import shares, supply

LARGEST_PORT = 2**16 - 1
MOST_CALLS = 1000

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for _name, _commands in (
    ("merchants", merchants),
    ("shops", shops),
    ("branches", branches),
    ("accounts", accounts),
    ("supply", supply),
    ("shares", shares),
    ("apps", apps),
    ("pushes", pushes),
    ("scans", scans),
    ("agents", agents),
    ("print-jobs", print_jobs),
    ("agent", agent),
):
    app.add_typer(_commands, name=_name)


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
    template: Annotated[
        str | None, typer.Option(help="面单模板 label template; default: the carrier's standard one")
    ] = None,
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

    wish = Wish(carrier, account_id(account), shop, merchant, retake, update, template)
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
    from miandan.cli.address import address as work

    sys.exit(work(source))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="监听的地址 address to listen on; default: MIANDAN_HOST")] = None,
    port: Annotated[
        int | None, typer.Option(help="监听的端口 port; default: MIANDAN_PORT", min=0, max=LARGEST_PORT)
    ] = None,
    doudian_port: Annotated[
        int | None,
        typer.Option(help="抖店接口独占的端口 port for the Doudian interface alone", min=0, max=LARGEST_PORT),
    ] = None,
) -> None:
    """启动服务：抖店接口、原生接口、到期任务；Ctrl+C 停止。The server: Doudian interface, native API, jobs."""
    from miandan.cli.serve import fast_loop
    from miandan.cli.serve import serve as work
    from miandan.cli.session import run

    run(lambda: work(host, port, doudian_port), fast_loop())


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
def calls(
    log_id: Annotated[str | None, typer.Argument(help="调用编号 log_id of the answer that is asked about")] = None,
    app_key: Annotated[str | None, typer.Option("--app", help="应用编号 app_key: its latest calls instead")] = None,
    limit: Annotated[int, typer.Option(help="最多几条 at most so many", min=1, max=MOST_CALLS)] = 20,
) -> None:
    """查一次调用：how a call was answered, by its log_id, or what an app called lately; no bodies 不含内容."""
    from miandan.cli.calls import calls as work
    from miandan.cli.session import run

    run(lambda: work(log_id, app_key, limit))


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


@app.command()
def render(
    data: Annotated[Path, typer.Option(help="打印数据 label data: JSON array or lines; - is standard input")],
    to: Annotated[str, typer.Option(help="格式 pdf | png | svg | raster | zpl | tspl | cpcl | escpos")] = "pdf",
    template: Annotated[
        str | None, typer.Option(help="模板 template: name, name@version or file; default: the carrier's standard one")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="输出文件 file; - is standard output; default: labels.FORMAT")
    ] = None,
    dpi: Annotated[int | None, typer.Option(help="打印机分辨率 203 or 300; default: the profile's, or 203")] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="打印机 printer profile, whose dots pictures show; default: the language's usual one"),
    ] = None,
    purpose: Annotated[str, typer.Option(help="用途 label: masked 脱敏; print_full: as the data says 原样")] = "label",
) -> None:
    """生成面单：label data in, sheets in any format out; persons masked 收寄件人脱敏. 不连数据库 No database.

    退出码 exit code: 0 all 全部完成, 2 some records refused 部分有误, 1 nothing done 未完成.
    """
    from miandan.cli.render import Wish
    from miandan.cli.render import render as work

    sys.exit(work(data, Wish(to, template, out, dpi, profile, purpose)))


@app.command()
def calibrate(
    profile: Annotated[str, typer.Option(help="打印机 printer profile")],
    out: Annotated[Path | None, typer.Option(help="校准页文件 the sheet; default: calibrate.LANGUAGE")] = None,
    left: Annotated[float | None, typer.Option(help="读数：纸左边到十字 mm from the left edge to the cross")] = None,
    top: Annotated[float | None, typer.Option(help="读数：纸上边到十字 mm from the top edge to the cross")] = None,
    darkness: Annotated[int | None, typer.Option(help="读数：最清楚的浓度 the darkness that reads best")] = None,
    module: Annotated[int | None, typer.Option(help="读数：扫得出的最小编号 the smallest code that scans")] = None,
) -> None:
    """校准打印机：a sheet with rulers, darkness steps and barcodes; what was read off it is typed back and stored."""
    from miandan.cli.calibrate import calibrate as work
    from miandan.labels.printers.readings import Readings

    sys.exit(work(profile, out, Readings(left, top, darkness, module)))


templates = typer.Typer(
    no_args_is_help=True, help="面单模板 label templates: list, show, check, import, export, schema"
)
app.add_typer(templates, name="templates")


@templates.command("list")
def templates_list() -> None:
    """有哪些模板：the standard templates and those of your own, newest version each; damaged ones are named aside."""
    from miandan.cli.templates import list_templates

    sys.exit(list_templates())


@templates.command("show")
def templates_show(
    name: Annotated[str, typer.Argument(help="模板 template: name, name@version or file")],
) -> None:
    """显示模板：the template as JSON, a custom area as it was written."""
    from miandan.cli.templates import show

    sys.exit(show(name))


@templates.command("check")
def templates_check(
    files: Annotated[list[Path], typer.Argument(help="模板文件 template files")],
) -> None:
    """检查模板：everything that is wrong with a file, with its place. 有误 wrong: exit 2."""
    from miandan.cli.templates import check

    sys.exit(check(files))


@templates.command("import")
def templates_import(
    file: Annotated[Path, typer.Argument(help="模板文件 template file")],
    language: Annotated[
        str | None, typer.Option("--from", help="来源 miandan | cainiao | hiprint | zpl; default: guessed")
    ] = None,
    name: Annotated[str | None, typer.Option(help="模板名 name it gets; default: the file's")] = None,
    base: Annotated[str | None, typer.Option(help="自定义区的标准模板 standard template, for a custom area")] = None,
    dpi: Annotated[int | None, typer.Option(help="ZPL 的分辨率 dots per inch of a ZPL file")] = None,
) -> None:
    """导入模板：keep a template; what has no counterpart here is listed with its place. 有未支持项 exit 2."""
    from miandan.cli.templates import import_template

    sys.exit(import_template(file, language, name, base, dpi))


@templates.command("export")
def templates_export(
    name: Annotated[str, typer.Argument(help="模板 template: name, name@version or file")],
    language: Annotated[str, typer.Option("--to", help="格式 miandan | cainiao")] = "miandan",
    out: Annotated[Path | None, typer.Option(help="输出文件 file; default: standard output")] = None,
) -> None:
    """导出模板：as JSON, or in Cainiao's template language."""
    from miandan.cli.templates import export

    sys.exit(export(name, language, out))


@templates.command("schema")
def templates_schema() -> None:
    """模板格式：the JSON schema of a template file."""
    from miandan.cli.templates import schema

    sys.exit(schema())


@templates.command("offer")
def templates_offer(
    name: Annotated[str, typer.Argument(help="自有模板 template of your own: name or name@version")],
    merchant: Owner,
) -> None:
    """发布模板：a merchant's print components may fetch it. 再次运行没有变化 Safe to run again."""
    from miandan.cli import template_offers

    work(lambda: template_offers.offer(name, merchant))


@templates.command("withdraw")
def templates_withdraw(
    name: Annotated[str, typer.Argument(help="模板名 template, every version of it")],
    merchant: Owner,
) -> None:
    """撤回模板：the merchant's print components do not find it any more."""
    from miandan.cli import template_offers

    work(lambda: template_offers.withdraw(name, merchant))


@templates.command("offered")
def templates_offered(merchant: Owner, as_json: AsJson = False) -> None:
    """发布了哪些模板：what a merchant's print components find."""
    from miandan.cli import template_offers

    work(lambda: template_offers.list_offers(merchant, as_json))
