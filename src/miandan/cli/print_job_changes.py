"""`miandan print-jobs`: what an operator does to jobs and sheets. A running server hears of it within seconds."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple
from uuid import UUID

from miandan.cli import known, typed
from miandan.cli.agents_register import open_desk
from miandan.cli.logins import login_or_own
from miandan.cli.print_job_register import JOB_STATES, SHEET_STATES, all_sheets, write_sheets
from miandan.cli.session import NOTHING_DONE, SOME_REFUSED, complain, say, shown
from miandan.cli.tables import write_lines
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.printing import job_views, jobs, naming, reprints, sheets_life
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import JobAsk, JobMade, PrinterRef, PrintSheet, SheetState
from miandan.printing.reprints import ReprintAsk

_IN_DOUBT: Final = (SheetState.DOUBTFUL,)
_AT_AGENTS: Final = (SheetState.LEASED, SheetState.SENT)
_DOUBT_NEXT: Final = "看过纸之后用 print-jobs settle 确认 settle them once somebody has looked"


class Sheets(NamedTuple):
    """What was typed: sheets one by one (id, number, number#copy), or a job."""

    named: Sequence[str]
    job: str | None


class AtPrinter(NamedTuple):
    """What was typed for a printer."""

    printer: str | None
    agent: str | None


# --- jobs -------------------------------------------------------------------------------------------------------------


class _AtJob(NamedTuple):
    """A job that was typed, and who does something to it."""

    desk: PrintDesk
    merchant_id: int
    job_id: UUID
    who: str


@asynccontextmanager
async def _at_job(job: str, merchant: str, by: str | None) -> AsyncIterator[_AtJob]:
    """How the job stands is said at the end. Raises merchant.unknown, printing.job_unknown, doubts.who."""
    who = login_or_own(by)
    async with open_desk() as desk:
        at = _AtJob(desk, await known.merchant(desk.db, merchant), _job_id(job), who)
        yield at
        card = await job_views.job_card(desk.db, at.merchant_id, at.job_id)
        say(f"  {JOB_STATES[card.state.value]}  共 {card.job.sheets} 张 sheets")


async def pause(job: str, merchant: str, by: str | None) -> int:
    """Raises merchant.unknown, printing.job_unknown, doubts.who."""
    async with _at_job(job, merchant, by) as at:
        await jobs.pause(at.desk, at.merchant_id, at.job_id, at.who)
    return 0


async def resume(job: str, merchant: str, by: str | None) -> int:
    """Raises merchant.unknown, printing.job_unknown, doubts.who."""
    async with _at_job(job, merchant, by) as at:
        await jobs.resume(at.desk, at.merchant_id, at.job_id, at.who)
    return 0


async def cancel_rest(job: str, merchant: str, by: str | None) -> int:
    """Raises merchant.unknown, printing.job_unknown, doubts.who."""
    async with _at_job(job, merchant, by) as at:
        count = await jobs.cancel_rest(at.desk, at.merchant_id, at.job_id, at.who)
        say(f"✓ 已取消 {count} 张，已开始的照常打完 cancelled; what a printer has begun comes out")
    return 0


async def move(job: str, to: AtPrinter, merchant: str, by: str | None) -> int:
    """Raises merchant.unknown, printing.job_unknown, doubts.who, and what `printer_meant` raises."""
    async with _at_job(job, merchant, by) as at:
        target = await _printer(at.desk.db, at.merchant_id, to)
        count = await jobs.move(at.desk, at.merchant_id, at.job_id, target, at.who)
        say(f"✓ {count} 张换到 {shown(target.name)}，已开始的在原来的打印机打完 moved; what has begun stays there")
    return 0


# --- sheets -----------------------------------------------------------------------------------------------------------


async def doubt(which: Sheets, merchant: str, by: str | None) -> int:
    """Raises merchant.unknown, print_jobs.which, printing.job_unknown, printing.sheet_unknown, doubts.who."""
    who = login_or_own(by)
    async with open_desk() as desk:
        merchant_id = await known.merchant(desk.db, merchant)
        declared = await sheets_life.declare_doubtful(desk, merchant_id, await _meant(desk, merchant_id, which), who)
    if declared:
        say(f"✓ 已标为存疑 {declared} 张 in doubt now；{_DOUBT_NEXT}")
    else:
        say("✓ 没有变化：不在打印端手上 nothing changed: no agent has such a sheet")
    return 0


async def take_back(which: Sheets, merchant: str, by: str | None) -> int:
    """Raises merchant.unknown, print_jobs.which, printing.job_unknown, printing.sheet_unknown, doubts.who."""
    who = login_or_own(by)
    async with open_desk() as desk:
        merchant_id = await known.merchant(desk.db, merchant)
        count = await sheets_life.take_back(desk, merchant_id, await _meant(desk, merchant_id, which), who)
    if count:
        say(f"✓ 已收回 {count} 张重排，打出来标明是下一份 queued again, each as its next copy")
    else:
        say("✓ 没有可收回的：打印端已开始，或不在它手上 nothing to take back: begun, or with no agent")
    return 0


async def settle(which: Sheets, found: str, merchant: str, by: str | None) -> int:
    """Exit code 2 where some are not settled. Raises merchant.unknown, print_jobs.which, printing.job_unknown, for a
    single sheet printing.sheet_unknown, printing.not_doubtful, printing.several_sheets, doubts.who."""
    who, outcome = login_or_own(by), Outcome(found)
    async with open_desk() as desk:
        merchant_id = await known.merchant(desk.db, merchant)
        if which.job is not None and not which.named:
            settled = await sheets_life.settle_job(desk, merchant_id, _job_id(which.job), outcome, who)
            return _say_settled({str(sheet_id): one for sheet_id, one in settled.items()}, found)
        _refuse_unless_one(which)
        meant = {text: await _sheet(desk.db, merchant_id, text) for text in which.named}
        ids = [one for one in meant.values() if isinstance(one, UUID)]
        done = await sheets_life.settle_doubts(desk, merchant_id, ids, outcome, who)
    return _say_settled({text: done[one] if isinstance(one, UUID) else one for text, one in meant.items()}, found)


def _say_settled(settled: dict[str, PrintSheet | Refusal], found: str) -> int:
    done = [one for one in settled.values() if isinstance(one, PrintSheet)]
    refused = {text: one for text, one in settled.items() if isinstance(one, Refusal)}
    if len(refused) == len(settled) == 1:
        raise next(iter(refused.values()))
    write_sheets(done, as_json=False)
    for text, refusal in refused.items():
        say(f"! {shown(text)}")
        complain(refusal)
    if not settled:
        say("✓ 没有存疑的 nothing is in doubt")
    elif done:
        say(f"✓ 已确认 {len(done)} 张 settled: {SHEET_STATES[found]}")
    return 0 if not refused else SOME_REFUSED if done else NOTHING_DONE


async def _sheet(db: Reads, merchant_id: int, text: str) -> UUID | Refusal:
    try:
        return await naming.sheet_meant(db, merchant_id, text, _IN_DOUBT)
    except Refusal as refusal:
        return refusal


async def _meant(desk: PrintDesk, merchant_id: int, which: Sheets) -> list[UUID]:
    _refuse_unless_one(which)
    if which.job is None:
        return [await naming.sheet_meant(desk.db, merchant_id, text, _AT_AGENTS) for text in which.named]
    job_id = (await job_views.job_card(desk.db, merchant_id, _job_id(which.job))).job.job_id
    return [one.sheet_id for one in await all_sheets(desk.db, merchant_id, job_id)]


# --- once more --------------------------------------------------------------------------------------------------------


async def reprint(which: Sheets, why: ReprintAsk, at: AtPrinter, template: str, merchant: str, by: str | None) -> int:
    """Exit code 2 where some numbers are turned away, 1 where all are. Raises merchant.unknown, print_jobs.which,
    printing.job_unknown, print_jobs.no_printer, doubts.who, and what `number_meant`, `printer_meant`, `reprint` raise.
    """
    who = login_or_own(by)
    _refuse_unless_one(which)
    async with open_desk() as desk:
        merchant_id = await known.merchant(desk.db, merchant)
        if which.job is None:
            numbers = [await naming.number_meant(desk.db, merchant_id, text) for text in which.named]
            ask = JobAsk(merchant_id, await _printer(desk.db, merchant_id, at), numbers, who, template=template)
        else:
            ask = await _failed(desk.db, merchant_id, _job_id(which.job), at, template, who)
        if not ask.numbers:
            say("✓ 没有要补打的：任务里没有失败的，或已经补打 nothing failed that was not printed since")
            return 0
        made = await reprints.reprint(desk, ask, why)
    return _say_made(made, ask.printer)


async def _failed(db: Reads, merchant_id: int, job_id: UUID, at: AtPrinter, template: str, who: str) -> JobAsk:
    """What of a job wants to be printed again, as the job printed it unless something else was typed."""
    job = (await job_views.job_card(db, merchant_id, job_id)).job
    numbers = await job_views.failed_of_job(db, merchant_id, job_id)
    target = job.target if at.printer is None else await _printer(db, merchant_id, at)
    return JobAsk(merchant_id, target, numbers, who, job.shop_id, template or job.template)


def _say_made(made: JobMade, target: PrinterRef) -> int:
    for one in made.turned:
        say(f"! {shown(one.asked.number)}")
        complain(one.refusal)
    if made.job is None:
        return NOTHING_DONE
    write_lines([str(made.job.job_id)])
    say(f"✓ 补打 {made.job.sheets} 张，在 {shown(target.name)} 排队 queued once more")
    return SOME_REFUSED if made.turned else 0


def _refuse_unless_one(which: Sheets) -> None:
    if bool(which.named) is (which.job is not None):
        raise Refusal("print_jobs.which")


async def _printer(db: Reads, merchant_id: int, at: AtPrinter) -> PrinterRef:
    if at.printer is None:
        raise Refusal("print_jobs.no_printer")
    agent = None if at.agent is None else typed.own_id(at.agent, Refusal("printing.agent_unknown"))
    return await naming.printer_meant(db, merchant_id, at.printer, agent)


def _job_id(text: str) -> UUID:
    return typed.own_id(text, Refusal("printing.job_unknown"))
