"""The commands of `miandan scans`: what somebody has to look at. What they do is in scan_register.py."""

from typing import Annotated, TypeAlias

import typer

from miandan.cli.options import AsJson, OneCarrier, work

MOST_SHOWN = 10_000

scans = typer.Typer(no_args_is_help=True, help="轨迹 scans: numbers that nobody took, codes that no table knows")

Limit: TypeAlias = Annotated[int, typer.Option(help="最多几条 at most so many", min=1, max=MOST_SHOWN)]


@scans.command("untaken")
def untaken(carrier: OneCarrier = None, limit: Limit = 100, as_json: AsJson = False) -> None:
    """没有取号却有轨迹的单号：numbers in a carrier's hands that nobody took here, the latest first 可能绕过了平台."""
    from miandan.cli import scan_register as register

    work(lambda: register.untaken(carrier, limit, as_json))


@scans.command("unread")
def unread(carrier: OneCarrier = None, limit: Limit = 100, as_json: AsJson = False) -> None:
    """读不懂的状态码：codes that carriers sent and no table knows, the most frequent first 要补进状态表."""
    from miandan.cli import scan_register as register

    work(lambda: register.unread(carrier, limit, as_json))
