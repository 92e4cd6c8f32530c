"""The commands of `miandan agents`: print agents as the server knows them. What they do is in agents_register.py."""

from typing import Annotated, TypeAlias

import typer

from miandan.cli.options import AsJson, By, OneMerchant, Owner, work

agents = typer.Typer(no_args_is_help=True, help="打印端 print agents at the server: pairing, lists, cloud printing")

OneBranch: TypeAlias = Annotated[
    str | None, typer.Option("--branch", metavar="CARRIER/CODE", help="网点 branch, such as zto/57101")
]
OfBranch: TypeAlias = Annotated[
    str, typer.Option("--branch", metavar="CARRIER/CODE", help="网点 branch, such as zto/57101")
]
Agent: TypeAlias = Annotated[str, typer.Argument(help="打印端编号 agent id, as `agents list` shows it")]
Whose: TypeAlias = Annotated[str | None, typer.Option("--merchant", help="商家号 merchant id")]


@agents.command("code")
def code(merchant: Whose = None, branch: OneBranch = None, by: By = None) -> None:
    """配对码：with it a computer becomes this merchant's or this branch's. 只显示一次 Shown once."""
    from miandan.cli import agents_register as register

    work(lambda: register.code(merchant, branch, by))


@agents.command("list")
def list_(merchant: OneMerchant = None, branch: OneBranch = None, as_json: AsJson = False) -> None:
    """有哪些打印端：the agents of a merchant or of a branch with their printers; unpaired ones too."""
    from miandan.cli import agents_register as register

    work(lambda: register.list_agents(merchant, branch, as_json))


@agents.command("unpair")
def unpair(agent: Agent, merchant: Whose = None, branch: OneBranch = None, by: By = None) -> None:
    """解除配对：the agent is given nothing any more; what it has not begun is queued again 未打的重新排队."""
    from miandan.cli import agents_register as register

    work(lambda: register.unpair(agent, merchant, branch, by))


@agents.command("grant")
def grant(agent: Agent, branch: OfBranch, merchant: Owner, by: By = None) -> None:
    """允许云打印：a merchant may print on a branch's agent. 再次运行没有变化 Safe to run again."""
    from miandan.cli import agents_register as register

    work(lambda: register.grant(agent, branch, merchant, by))


@agents.command("revoke")
def revoke(agent: Agent, branch: OfBranch, merchant: Owner, by: By = None) -> None:
    """停止云打印：the merchant prints there no more; its queue waits until it moves it 排队的等商家换打印机."""
    from miandan.cli import agents_register as register

    work(lambda: register.revoke(agent, branch, merchant, by))
