"""Old print jobs go whole once their sheets have ended; what was printed stays counted, and what waits stays."""

import asyncio
from datetime import timedelta

from miandan.kernel.clock import now
from miandan.labels.agent_link import Outcome
from miandan.printing import job_queries, job_views, jobs, sheet_queries, sheets_life, transitions
from miandan.printing.forgetting import forget_old_jobs
from miandan.printing.job_model import SheetState, Word, read_tag
from tests.printing.conftest import Printery
from tests.printing.floor import Floor, held_up
from tests.printing.press import asked

KEPT = timedelta(days=180)
A_DAY = timedelta(days=1)


async def rows(floor: Floor, table: str) -> int:
    count: int = await floor.db.fetchval(f"SELECT count(*) FROM {table} WHERE merchant_id = $1", floor.merchant_id)
    return count


async def test_a_job_that_ended_long_ago_goes_with_its_sheets_and_steps(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, one, two = await floor.machine(), await floor.taken("old-1"), await floor.taken("old-2")
        await floor.printed(machine, one, two)
        await forget_old_jobs(floor.db, now() + KEPT - A_DAY)
        assert await rows(floor, "print_job") == 1
        assert await rows(floor, "print_sheet") == 2
        await asyncio.gather(*(forget_old_jobs(floor.db, now() + KEPT + A_DAY) for _ in range(2)))
        assert [await rows(floor, f"print_{name}") for name in ("job", "sheet", "sheet_step")] == [0, 0, 0]
        assert await floor.copies(one) == 1


async def test_a_number_whose_sheets_are_forgotten_was_printed_before_and_its_next_copy_is_the_second(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("forgotten")
        await floor.printed(machine, taken)
        await forget_old_jobs(floor.db, now() + KEPT + A_DAY)
        made = await floor.make(machine, taken)
        assert [one.refusal.code for one in made.turned] == ["printing.printed_before"]
        await floor.again(machine, taken)
        [sheet] = await floor.lease(machine)
        assert sheet.copy == 2


async def test_a_job_stays_whole_while_a_sheet_waits_and_goes_with_a_doubt_that_nobody_settled(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machine, one, two = await floor.machine(), await floor.taken("stays-1"), await floor.taken("stays-2")
        job = await floor.job(machine, one, two)
        [sheet] = await floor.lease(machine, room=1)
        await floor.prints(machine, sheet)
        later = now() + KEPT + A_DAY
        await forget_old_jobs(floor.db, later)
        assert len(await floor.sheets(job)) == 2
        [rest] = await floor.lease(machine)
        await forget_old_jobs(floor.db, later)
        assert len(await floor.sheets(job)) == 2
        await floor.begun(machine, rest)
        await floor.report(machine, rest, Outcome.DOUBTFUL, reason="agent.device_broke")
        await forget_old_jobs(floor.db, later)
        assert await rows(floor, "print_sheet") == 0
        assert await floor.copies(two) == 1


async def test_what_was_cancelled_before_it_was_given_out_goes_without_a_copy(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("cancelled")
        job = await floor.job(machine, taken)
        await jobs.cancel_rest(floor.desk, floor.merchant_id, job.job_id, "packer")
        await forget_old_jobs(floor.db, now() + KEPT + A_DAY)
        story = await job_views.story_of(floor.db, floor.merchant_id, asked(taken))
        assert (story.sheets, await floor.copies(taken)) == ((), 0)


async def test_a_late_word_about_a_sheet_that_is_being_forgotten_comes_first_and_keeps_the_job(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("late-word")
        await floor.job(machine, taken)
        [leased] = await floor.lease(machine)
        await floor.begun(machine, leased)
        await floor.report(machine, leased, Outcome.DOUBTFUL, reason="agent.device_broke")
        later = now() + KEPT + A_DAY
        async with floor.db.transaction() as tx:  # as a report does: the sheet, then its waybill
            [sheet] = await sheet_queries.named_for_update(tx, floor.merchant_id, [read_tag(leased.sheet_id).sheet_id])
            forgetting = asyncio.create_task(forget_old_jobs(floor.db, later))
            await held_up(floor.db, tx)
            told = transitions.told(sheet, Word(Outcome.FAILED, "device", "nothing came out"), later)
            assert told is not None
            await sheets_life.save(tx, [sheet], [await sheets_life.uncount(tx, told[0])], "reported failed", "x", later)
        await forgetting
        assert (await floor.sheet_of(taken)).state is SheetState.FAILED
        assert await floor.copies(taken) == 0


async def test_old_jobs_are_found_by_their_age_without_reading_them_all(printery: Printery) -> None:
    async with printery.floor() as floor, floor.db.transaction() as tx:
        await tx.execute("SET LOCAL enable_sort = off")
        plan = await tx.fetch(f"EXPLAIN {job_queries._ENDED_BEFORE}", now(), 1_000)
        assert "Index Scan using print_job_aged" in "\n".join(row[0] for row in plan)
