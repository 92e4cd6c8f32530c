"""The commands of `miandan agent` about pages: who may print, print again or not, the certificate of the wss ports.

They write into files that the running agent reads, so they work whether it runs or not.
"""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from miandan.cli.options import AsJson, agent_work

Origin: TypeAlias = Annotated[str, typer.Argument(help="页面来源 origin: scheme://host[:port], https://erp.example")]


class Answer(StrEnum):
    """What may be said to the question whether to print again."""

    PRINT = "print"
    SKIP = "skip"


def origins(as_json: AsJson = False) -> None:
    """页面授权：which sites may print on this computer; those that wait for a decision first, then what was decided."""
    from miandan.cli import agent_pages as pages

    agent_work(lambda: pages.listed(as_json))


def allow(
    origin: Origin,
    printer: Annotated[
        list[str] | None, typer.Option("--printer", help="只许用这些打印机 only these printers; default: all 默认全部")
    ] = None,
) -> None:
    """允许：this page may print, without being asked about again."""
    from miandan.cli import agent_pages as pages

    agent_work(lambda: pages.allow(origin, tuple(printer or ())))


def deny(origin: Origin) -> None:
    """拒绝：this page is turned away from now on."""
    from miandan.cli import agent_pages as pages

    agent_work(lambda: pages.deny(origin))


def forget(origin: Origin) -> None:
    """撤销：as if it had never come; it is asked about again."""
    from miandan.cli import agent_pages as pages

    agent_work(lambda: pages.forget(origin))


def token() -> None:
    """令牌：what a program that is no web page puts behind the address, ?token=... 仅限本机 this machine only."""
    from miandan.cli import agent_pages as pages

    agent_work(pages.token)


def again(
    question: Annotated[str | None, typer.Argument(help="问题编号 question, as listed; default: list all")] = None,
    answer: Annotated[Answer | None, typer.Argument(help="print 再打一份 | skip 不打")] = None,
    as_json: AsJson = False,
) -> None:
    """再打一份：labels that a page wants again within ten minutes; lists them, or answers one 列出或回答."""
    from miandan.cli import agent_pages as pages

    agent_work(lambda: pages.again(question, None if answer is None else answer.value, as_json))


def trust(
    remove: Annotated[bool, typer.Option("--remove", help="销毁证书 destroy the certificate and its key")] = False,
) -> None:
    """wss 证书：how to make browsers trust this computer's own certificate, and how to take that back 信任与撤销."""
    from miandan.cli import agent_pages as pages

    agent_work(pages.untrust if remove else pages.trust)


def add_to(agent: typer.Typer) -> None:
    """Put these commands among those of `miandan agent`."""
    for name, command in (
        ("origins", origins),
        ("allow", allow),
        ("deny", deny),
        ("forget", forget),
        ("token", token),
        ("again", again),
        ("trust", trust),
    ):
        agent.command(name)(command)
