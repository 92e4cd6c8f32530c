"""Options that several commands of an operator share, so that they read alike everywhere."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeAlias

import typer

LARGEST_ID = 2**63 - 1

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="输出 JSON print JSON")]
By: TypeAlias = Annotated[
    str | None, typer.Option("--by", help="操作人登录名 login of who does it; default: the system user's 默认系统用户")
]
Carrier: TypeAlias = Annotated[str, typer.Argument(help="快递公司 carrier: code or name (zto, 中通 ...)")]
OneCarrier: TypeAlias = Annotated[str | None, typer.Option("--carrier", help="只看这家快递公司 this carrier only")]
Branch: TypeAlias = Annotated[str, typer.Argument(help="网点编号 branch code; - is the head office 总部写 -")]
Account: TypeAlias = Annotated[str, typer.Argument(help="账号 account id, as `accounts list` shows it")]
Owner: TypeAlias = Annotated[str, typer.Option("--merchant", help="商家号 merchant id")]
OneMerchant: TypeAlias = Annotated[str | None, typer.Option("--merchant", help="只看这个商家 this merchant only")]
Units: TypeAlias = Annotated[int, typer.Argument(help="单量 units, more than 0")]
Entry: TypeAlias = Annotated[
    str, typer.Option("--entry", help="流水号 key of this entry; the same key is never booked twice 同号不重复入账")
]
Sheet: TypeAlias = Annotated[
    str | None, typer.Option("--sender-file", metavar="FILE", help="发货地址文件 TOML file of [[sender]] tables")
]
Contact: TypeAlias = Annotated[str | None, typer.Option("--contact", help="联系人 contact of the ship-from address")]
Phone: TypeAlias = Annotated[str | None, typer.Option("--phone", help="电话 phone of the ship-from address")]
Address: TypeAlias = Annotated[str | None, typer.Option("--address", help="发货地址 the address in one line 一行写全")]


def work(command: Callable[[], Coroutine[Any, Any, int]]) -> None:
    """Run what a command does to its exit code."""
    from miandan.cli.session import run

    run(command)


def agent_work(command: Callable[[], int]) -> None:
    """The same for the print agent, whose commands open no database."""
    from miandan.cli.agent_register import run_command

    run_command(command)


def senders(file: str | None, contact: str | None, phone: str | None, address: str | None) -> Any:
    """What was typed about senders."""
    from pathlib import Path

    from miandan.cli.senders import Typed

    return Typed(None if file is None else Path(file), contact, phone, address)
