"""The commands of `miandan print-jobs`: what came out, what wants somebody; done in print_job_register.py."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from miandan.cli.options import AsJson, By, Owner, work

MOST = 500

print_jobs = typer.Typer(
    no_args_is_help=True, help="打印任务 print jobs: list, show, sheets that want somebody, settle"
)

Job: TypeAlias = Annotated[str, typer.Argument(help="任务编号 job id, as `print-jobs list` shows it")]
Sheet: TypeAlias = Annotated[str, typer.Argument(help="打印单编号 sheet id, as `print-jobs to-check` shows it")]
Limit: TypeAlias = Annotated[int, typer.Option(help="最多几条 at most so many", min=1, max=MOST)]


class Found(StrEnum):
    """What somebody has found who looked at the paper."""

    PRINTED = "printed"
    FAILED = "failed"


@print_jobs.command("list")
def list_(merchant: Owner, limit: Limit = 50, as_json: AsJson = False) -> None:
    """有哪些打印任务：a merchant's jobs, newest first, with their sheets by state."""
    from miandan.cli import print_job_register as register

    work(lambda: register.list_jobs(merchant, limit, as_json))


@print_jobs.command("show")
def show(job: Job, merchant: Owner, as_json: AsJson = False) -> None:
    """显示打印任务：every sheet of a job with its state and what its word rests on."""
    from miandan.cli import print_job_register as register

    work(lambda: register.show(job, merchant, as_json))


@print_jobs.command("to-check")
def to_check(merchant: Owner, limit: Limit = MOST, as_json: AsJson = False) -> None:
    """待处理的打印单：sheets in doubt and sheets that failed, the latest first."""
    from miandan.cli import print_job_register as register

    work(lambda: register.to_check(merchant, limit, as_json))


@print_jobs.command("doubt")
def doubt(sheet: Sheet, merchant: Owner, by: By = None) -> None:
    """标为存疑：the agent of this sheet is silent, and nobody knows what became of it; settle it then."""
    from miandan.cli import print_job_register as register

    work(lambda: register.doubt(sheet, merchant, by))


@print_jobs.command("settle")
def settle(
    sheet: Sheet,
    found: Annotated[Found, typer.Argument(help="printed 已打印, failed 没打出")],
    merchant: Owner,
    by: By = None,
) -> None:
    """确认存疑的打印单：somebody has looked at the paper. 再次运行没有变化 Safe to run again."""
    from miandan.cli import print_job_register as register

    work(lambda: register.settle(sheet, found.value, merchant, by))
