"""The commands of `miandan print-jobs`: what came out and what wants somebody (print_job_register.py), what is done
about it (print_job_changes.py)."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from miandan.cli.options import AsJson, By, Owner, work

MOST = 500

print_jobs = typer.Typer(
    no_args_is_help=True, help="打印任务 print jobs: list, show, pause, move, cancel; settle doubts, print again"
)

Job: TypeAlias = Annotated[str, typer.Argument(help="任务编号 job id, as `print-jobs list` shows it")]
Sheets: TypeAlias = Annotated[
    list[str] | None, typer.Argument(help="打印单 sheets: id as `print-jobs to-check` shows it, number, or number#copy")
]
OneJob: TypeAlias = Annotated[str | None, typer.Option("--job", help="整个任务 the sheets of this job instead")]
Agent: TypeAlias = Annotated[
    str | None, typer.Option("--agent", help="打印端 agent id, where several have a printer of that name")
]
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


@print_jobs.command("pause")
def pause(job: Job, merchant: Owner, by: By = None) -> None:
    """暂停：give out no more of a job; what no printer has begun comes back. 再次运行没有变化 Safe to run again."""
    from miandan.cli import print_job_changes as changes

    work(lambda: changes.pause(job, merchant, by))


@print_jobs.command("resume")
def resume(job: Job, merchant: Owner, by: By = None) -> None:
    """继续：go on with a paused job. 再次运行没有变化 Safe to run again."""
    from miandan.cli import print_job_changes as changes

    work(lambda: changes.resume(job, merchant, by))


@print_jobs.command("move")
def move(
    job: Job,
    merchant: Owner,
    printer: Annotated[str, typer.Option(help="换到的打印机 printer that the rest goes to, as agents call it")],
    agent: Agent = None,
    by: By = None,
) -> None:
    """换打印机：print the rest of a job on another printer; what has begun comes out where it is."""
    from miandan.cli import print_job_changes as changes

    work(lambda: changes.move(job, changes.AtPrinter(printer, agent), merchant, by))


@print_jobs.command("cancel-rest")
def cancel_rest(job: Job, merchant: Owner, by: By = None) -> None:
    """取消其余：cancel what no printer has begun. 再次运行没有变化 Safe to run again."""
    from miandan.cli import print_job_changes as changes

    work(lambda: changes.cancel_rest(job, merchant, by))


@print_jobs.command("doubt")
def doubt(merchant: Owner, sheets: Sheets = None, job: OneJob = None, by: By = None) -> None:
    """标为存疑：the agent of these sheets is silent, and nobody knows what became of them; settle them then."""
    from miandan.cli import print_job_changes as changes

    work(lambda: changes.doubt(changes.Sheets(sheets or (), job), merchant, by))


@print_jobs.command("take-back")
def take_back(merchant: Owner, sheets: Sheets = None, job: OneJob = None, by: By = None) -> None:
    """收回重排：queue sheets again whose agent is silent and has not begun, each as its next copy."""
    from miandan.cli import print_job_changes as changes

    work(lambda: changes.take_back(changes.Sheets(sheets or (), job), merchant, by))


@print_jobs.command("settle")
def settle(
    sheets: Sheets = None,
    *,
    found: Annotated[Found, typer.Argument(help="printed 已打印, failed 没打出")],
    merchant: Owner,
    job: OneJob = None,
    by: By = None,
) -> None:
    """确认存疑：somebody has looked at the paper of these sheets, or of all doubtful ones of a job."""
    from miandan.cli import print_job_changes as changes

    work(lambda: changes.settle(changes.Sheets(sheets or (), job), found.value, merchant, by))


@print_jobs.command("reprint")
def reprint(
    merchant: Owner,
    reason: Annotated[
        str, typer.Option(help="原因 damaged, unreadable, jammed, lost, doubtful, changed, repacked or other")
    ],
    numbers: Annotated[list[str] | None, typer.Argument(help="单号 numbers; default: the failed ones of --job")] = None,
    job: Annotated[
        str | None, typer.Option(help="补打任务里失败的 the job whose failed sheets are printed again")
    ] = None,
    printer: Annotated[str | None, typer.Option(help="打印机 printer; default with --job: that of the job")] = None,
    agent: Agent = None,
    template: Annotated[str, typer.Option(help="面单模板 template; default: the job's, or the carrier's own")] = "",
    words: Annotated[str, typer.Option(help="说明，other 必填 what happened; a must for other")] = "",
    by: By = None,
) -> None:
    """补打：labels once more, each as its next copy, with a reason; failed sheets of a job, or numbers."""
    from miandan.cli import print_job_changes as changes
    from miandan.printing.reprints import ReprintAsk

    which, at = changes.Sheets(numbers or (), job), changes.AtPrinter(printer, agent)
    work(lambda: changes.reprint(which, ReprintAsk(reason, words), at, template, merchant, by))
