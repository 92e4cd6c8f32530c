"""The commands of `miandan agent`, the program beside the printers. What they do: agent_register.py, agent_run.py."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from miandan.cli.agent_components import add_to
from miandan.cli.options import AsJson, agent_work

MOST_LINES = 100_000

agent = typer.Typer(
    no_args_is_help=True, help="打印端 print agent: pair this computer, run, see printers, test, start with the machine"
)


class Page(StrEnum):
    """What can be printed without a job."""

    TEST = "test"
    CALIBRATION = "calibration"


class Service(StrEnum):
    """Who starts programs on a machine."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"
    WINDOWS = "windows"


Printer: TypeAlias = Annotated[str, typer.Argument(help="打印机 printer, as `agent printers` lists it")]


@agent.command("pair")
def pair(
    url: Annotated[str, typer.Argument(help="服务器网址 address of the server, https://...")],
    code: Annotated[str, typer.Argument(help="配对码 one-use code that the server gave")],
    name: Annotated[str | None, typer.Option(help="这台电脑的名称 name of this computer; default: its own")] = None,
) -> None:
    """配对：make a server and this computer know each other. 配对码只能用一次 The code works once."""
    from miandan.cli import agent_register as register

    agent_work(lambda: register.pair(url, code, name))


@agent.command("run")
def run() -> None:
    """运行打印端：take sheets from the server and print them, until Ctrl+C. 一台电脑只运行一个 One per computer.

    退出码 exit code: 0 stopped 正常停止, 1 could not start 未能启动.
    """
    from miandan.cli.agent_run import run as work

    agent_work(work)


@agent.command("status")
def status(as_json: AsJson = False) -> None:
    """状态：the running agent, its link, its printers and what went wrong lately.

    退出码 exit code: 0 connected 已连接, 2 no link, or a printer in trouble 有问题, 1 not running 未运行.
    """
    from miandan.cli import agent_register as register

    agent_work(lambda: register.status(as_json))


@agent.command("printers")
def printers(as_json: AsJson = False) -> None:
    """打印机：which printers this agent has, with driver, profile and state."""
    from miandan.cli import agent_register as register

    agent_work(lambda: register.printers(as_json))


@agent.command("test")
def print_page(
    printer: Printer,
    page: Annotated[Page, typer.Option(help="test 测试页 | calibration 校准页")] = Page.TEST,
) -> None:
    """打印测试页：a page with rulers, bars and Chinese, by the running agent or without it.

    退出码 exit code: 0 printed 已打印, 1 not printed 未打印.
    """
    from miandan.cli import agent_register as register

    agent_work(lambda: register.test(printer, page.value))


@agent.command("go")
def go(printer: Printer) -> None:
    """继续打：a printer that stands still after a sheet in doubt goes on. 先看过打印机 Look at it first.

    退出码 exit code: 0 goes on, or did not stand still 继续或本来没停, 1 nothing done 未完成.
    """
    from miandan.cli import agent_register as register

    agent_work(lambda: register.go_on(printer))


@agent.command("page")
def page(
    address: Annotated[bool, typer.Option("--address", help="只给网址，不打开浏览器 only say the address")] = False,
) -> None:
    """本机页面：printers, queue, questions, test page and calibration in a browser of this computer.

    网址只能用一次，打印端每次启动后重新打开一次 Good once; open it anew after each start of the agent.
    """
    from miandan.cli import agent_register as register

    agent_work(register.page_address if address else register.show_page)


@agent.command("logs")
def logs(
    lines: Annotated[int, typer.Option(help="最近多少行 at most so many lines", min=1, max=MOST_LINES)] = 100,
) -> None:
    """运行记录：the newest events, oldest of them first; no persons 不含收件人."""
    from miandan.cli import agent_register as register

    agent_work(lambda: register.logs(lines))


@agent.command("unpair")
def unpair() -> None:
    """解除配对：the server gives this computer no more sheets; its keys are deleted 密钥一并删除.

    退出码 exit code: 0 both sides 两边都已解除, 2 only here, the server was not reached 仅本机, 1 nothing done 未完成.
    """
    from miandan.cli import agent_register as register

    agent_work(register.unpair)


@agent.command("service")
def service(
    kind: Annotated[Service, typer.Argument(help="systemd | launchd | windows")],
) -> None:
    """开机自启：the text that starts the agent with the machine, and where it belongs 打印到标准输出."""
    from miandan.cli import agent_register as register

    agent_work(lambda: register.service(kind.value))


add_to(agent)
