"""What an operator looks at: jobs with their counts, the sheets of a job, what became of every label of a number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.printing import job_queries, sheet_queries, station_queries, view_queries
from miandan.printing.job_model import Counts, JobState, PrintJob, PrintSheet, SheetState, job_state
from miandan.printing.model import Asked
from miandan.printing.papers import last_copy
from miandan.printing.station_queries import Packed, PackStop
from miandan.printing.view_queries import Step
from miandan.waybills import queries as waybill_queries

MOST_SHOWN: Final = 500
"""Rows of one list."""

NEWEST: Final = datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1)
"""Before which every job lies."""


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job as lists show it."""

    job: PrintJob
    state: JobState
    counts: Counts


@dataclass(frozen=True, slots=True)
class SheetStory:
    """One label with all that became of it, step by step."""

    sheet: PrintSheet
    job: PrintJob
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class NumberStory:
    """Every label of a number. `copies` counts files and commands too; `last_copy` is the one that counts at the
    packing table, 0 where no paper may exist."""

    asked: Asked
    copies: int
    last_copy: int
    sheets: tuple[SheetStory, ...]
    stop: PackStop | None
    packed: Packed | None

    @property
    def came_out(self) -> bool | None:
        """Whether a label of the number came out of a printer here; None while nobody knows."""
        states = {story.sheet.state for story in self.sheets}
        if SheetState.PRINTED in states:
            return True
        return None if states & {SheetState.DOUBTFUL, SheetState.SENT, SheetState.LEASED} else False


async def job_cards(
    db: Reads,
    merchant_id: int,
    *,
    shop_id: str | None = None,
    before: tuple[datetime, UUID] = NEWEST,
    most: int = 50,
) -> list[JobCard]:
    """A merchant's jobs from the newest on, or those that were made for one shop; `before` is moment and id of the last
    one seen."""
    found = await job_queries.recent(db, merchant_id, shop_id, before, min(most, MOST_SHOWN))
    counts = await job_queries.counts(db, merchant_id, [one.job_id for one in found])
    return [JobCard(one, job_state(one, counts[one.job_id]), counts[one.job_id]) for one in found]


async def job_card(db: Reads, merchant_id: int, job_id: UUID) -> JobCard:
    """One job. Raises printing.job_unknown."""
    found = await job_queries.job(db, merchant_id, job_id)
    if found is None:
        raise Refusal("printing.job_unknown")
    counts = (await job_queries.counts(db, merchant_id, [job_id]))[job_id]
    return JobCard(found, job_state(found, counts), counts)


async def sheets_of_job(
    db: Reads, merchant_id: int, job_id: UUID, *, after: int = 0, most: int = MOST_SHOWN
) -> list[PrintSheet]:
    """The sheets of a job in their order, from behind the place `after` on."""
    return await view_queries.sheets_of_job(db, merchant_id, job_id, after, min(most, MOST_SHOWN))


async def sheet_by_id(db: Reads, merchant_id: int, sheet_id: UUID) -> PrintSheet:
    """One sheet. Raises printing.sheet_unknown."""
    found = await sheet_queries.named(db, merchant_id, [sheet_id])
    if not found:
        raise Refusal("printing.sheet_unknown")
    return found[0]


async def sheets_by_id(db: Reads, merchant_id: int, sheets: Sequence[UUID]) -> list[PrintSheet]:
    """Sheets by their ids; unknown ones are left out."""
    return await sheet_queries.named(db, merchant_id, sheets)


async def failed_of_job(db: Reads, merchant_id: int, job_id: UUID) -> list[Asked]:
    """What of a job wants to be printed again: numbers that failed and were not printed since, in their order."""
    return await view_queries.failed_of_job(db, merchant_id, job_id)


async def sheets_to_check(db: Reads, merchant_id: int, *, most: int = MOST_SHOWN) -> list[PrintSheet]:
    """What wants a person: sheets in doubt and sheets that failed, the latest first."""
    return await view_queries.sheets_to_check(db, merchant_id, min(most, MOST_SHOWN))


async def story_of(db: Reads, merchant_id: int, asked: Asked) -> NumberStory:
    """Did label 417 come out: every label of a number. Raises printing.scan_not_ours."""
    ref = await waybill_queries.find(db, merchant_id, asked.carrier, asked.number)
    if ref is None:
        raise Refusal("printing.scan_not_ours")
    [waybill] = await waybill_queries.waybills(db, [ref])
    sheets = await station_queries.sheets_of(db, ref)
    steps = await view_queries.steps_of(db, merchant_id, [one.sheet_id for one in sheets])
    jobs = await _jobs(db, merchant_id, sheets)
    return NumberStory(
        asked,
        waybill.copies,
        last_copy(waybill, sheets),
        tuple(SheetStory(one, jobs[one.job_id], tuple(steps.get(one.sheet_id, ()))) for one in sheets),
        await station_queries.stop_of(db, ref),
        await station_queries.packed(db, ref),
    )


async def _jobs(db: Reads, merchant_id: int, sheets: list[PrintSheet]) -> Mapping[UUID, PrintJob]:
    found = {}
    for job_id in {one.job_id for one in sheets}:
        job = await job_queries.job(db, merchant_id, job_id)
        if job is not None:
            found[job_id] = job
    return found


async def printers_with_work(db: Reads, agent_id: UUID) -> list[str]:
    """The agent's printers that jobs wait for: a cheap look for whoever hears no bell."""
    return await job_queries.printers_with_work(db, agent_id)
