"""Paper that came out of a print component: counted once, known everywhere, believed only of whoever may print it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.orders.standing import OrderEvent
from miandan.printing import job_views, stations
from miandan.printing.component_sheets import ComponentSheet, count_component_sheet
from miandan.printing.forgetting import forget_old_jobs
from miandan.printing.job_model import JobKind, JobState, SheetState, Word
from miandan.printing.job_views import NumberStory
from miandan.printing.sheets_life import settle_doubt
from miandan.printing.stations import Light
from miandan.waybills import lives
from miandan.waybills.model import Taken
from tests.printing.conftest import Printery
from tests.printing.floor import LABELLER, PACKER, Floor, Machine, codes
from tests.printing.press import asked

BY = "app:7000000000000000001 https://erp.example"
PRINTED = Word(Outcome.PRINTED, "device")
DOUBTFUL = Word(Outcome.DOUBTFUL, reason="agent.stopped_while_printing")


def paper(floor: Floor, taken: Taken, copy: int = 1, word: Word = PRINTED, **more: Any) -> ComponentSheet:
    ref = taken.ref
    name = f"{ref.number}-{copy}of1.{word.outcome}"
    said = ComponentSheet(
        name, f"task-{ref.number}", str(ref.merchant_id), ref.carrier, ref.number, 1, copy, LABELLER, BY, word
    )
    return replace(said, **more)


async def came_out(floor: Floor, machine: Machine, *said: ComponentSheet) -> None:
    for one in said:
        await count_component_sheet(floor.desk, machine.agent, one)


async def story(floor: Floor, taken: Taken) -> NumberStory:
    return await job_views.story_of(floor.db, floor.merchant_id, asked(taken))


async def scanned(floor: Floor, text: str) -> str:
    return (await stations.scan_to_check(floor.desk, floor.merchant_id, text)).code


async def test_its_paper_is_in_the_story_at_the_station_and_in_the_list_of_jobs(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("seen")
        at = now() - timedelta(days=3)
        await came_out(floor, machine, paper(floor, taken, word=replace(PRINTED, at=at)))
        told = await story(floor, taken)
        assert (told.came_out, told.copies, told.last_copy) == (True, 1, 1)
        [sheet] = told.sheets
        assert (sheet.job.kind, sheet.job.made_by) == (JobKind.COMPONENT, BY)
        assert (sheet.sheet.state, sheet.sheet.evidence) == (SheetState.PRINTED, "device")
        assert [(step.said, step.agent_at) for step in sheet.steps] == [("reported printed", at)]
        verdict = await stations.packed(floor.desk, floor.merchant_id, taken.number, PACKER)
        assert (verdict.light, verdict.copy) == (Light.GO, 1)
        [card] = await job_views.job_cards(floor.db, floor.merchant_id)
        assert (card.job.kind, card.state) == (JobKind.COMPONENT, JobState.DONE)


async def test_said_again_it_counts_once_also_at_the_same_moment_and_after_a_new_pairing(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("again")
        said = paper(floor, taken)
        await asyncio.gather(*(count_component_sheet(floor.desk, machine.agent, said) for _ in range(5)))
        await came_out(floor, await floor.machine("二号机"), said)
        assert await floor.copies(taken) == 1
        assert len((await story(floor, taken)).sheets) == 1


async def test_a_job_after_it_is_turned_away_and_a_reprint_is_copy_2(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("reprint")
        await came_out(floor, machine, paper(floor, taken))
        assert codes(await floor.make(machine, taken)) == {taken.number: "printing.printed_before"}
        assert not (await floor.again(machine, taken)).turned
        [sheet] = await floor.lease(machine)
        assert sheet.copy == 2
        await floor.prints(machine, sheet)
        assert await scanned(floor, f"{taken.number}#2") == "ok"
        assert await scanned(floor, f"{taken.number}#1") == "printing.scan_old_copy"


async def test_the_copies_of_one_task_are_one_job_and_forgotten_whole(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("copies")
        await came_out(floor, machine, *(paper(floor, taken, copy) for copy in (1, 2, 3)))
        [card] = await job_views.job_cards(floor.db, floor.merchant_id)
        assert (card.job.sheets, await floor.copies(taken)) == (3, 3)
        assert await scanned(floor, taken.number) == "printing.scan_small_code"
        assert await scanned(floor, f"{taken.number}#3") == "ok"
        await forget_old_jobs(floor.db, now() + timedelta(days=400))
        left = await floor.db.fetchrow(
            "SELECT copies, sheet_copies FROM waybill WHERE merchant_id = $1 AND number = $2",
            floor.merchant_id,
            taken.number,
        )
        assert tuple(left) == (3, 0)


async def test_papers_that_are_told_of_in_another_order_stay_what_they_say(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("order")
        await came_out(floor, machine, *(paper(floor, taken, copy) for copy in (3, 1)))
        assert await floor.copies(taken) == 3
        await came_out(floor, machine, paper(floor, taken, 2))
        assert [one.sheet.copy for one in (await story(floor, taken)).sheets] == [3, 1, 2]
        assert await floor.copies(taken) == 3
        assert await scanned(floor, f"{taken.number}#3") == "ok"


async def test_where_two_papers_say_the_same_copy_the_packing_table_takes_neither(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("both")
        await floor.printed(machine, taken)
        await came_out(floor, machine, paper(floor, taken, copy=1))
        told = await story(floor, taken)
        assert (told.copies, told.last_copy) == (2, 2)
        assert told.sheets[-1].steps[-1].said == "reported printed as copy 1"
        assert await scanned(floor, taken.number) == "printing.scan_small_code"
        await floor.again(machine, taken)
        [sheet] = await floor.lease(machine)
        assert sheet.copy == 3


async def test_a_failed_one_is_on_record_and_counts_no_copy(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("failed")
        failed = Word(Outcome.FAILED, reason="agent.device_refused")
        await came_out(floor, machine, paper(floor, taken, word=failed))
        told = await story(floor, taken)
        assert (told.came_out, told.copies) == (False, 0)
        assert told.sheets[0].sheet.reason == "agent.device_refused"
        await floor.job(machine, taken)


async def test_one_in_doubt_is_counted_and_a_person_settles_it(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("doubt")
        await came_out(floor, machine, paper(floor, taken, word=DOUBTFUL))
        told = await story(floor, taken)
        assert (told.came_out, told.copies) == (None, 1)
        [sheet] = await job_views.sheets_to_check(floor.db, floor.merchant_id)
        await settle_doubt(floor.desk, floor.merchant_id, sheet.sheet_id, Outcome.PRINTED, PACKER)
        assert (await story(floor, taken)).came_out is True


@pytest.mark.parametrize("refund_first", [False, True])
async def test_a_refund_stops_the_parcel_whichever_is_heard_first(printery: Printery, refund_first: bool) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("refund")
        if not refund_first:
            await came_out(floor, machine, paper(floor, taken))
        await floor.hears("refund", OrderEvent.REFUND_OPENED)
        await floor.events()
        if refund_first:
            await came_out(floor, machine, paper(floor, taken))
        [stop] = await stations.stopped(floor.db, floor.merchant_id)
        assert (stop.number, stop.reason) == (taken.number, "orders.refund_open")
        assert await scanned(floor, taken.number) == "printing.scan_stopped"


async def test_paper_of_a_number_that_is_void_by_now_is_on_record_too(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("void")
        ref = taken.ref
        await lives.cancel(floor.desk.counter, ref.merchant_id, ref.carrier, ref.number)
        await came_out(floor, machine, paper(floor, taken))
        assert (await story(floor, taken)).came_out is True
        assert await scanned(floor, taken.number) == "printing.scan_void"


async def test_what_is_printed_is_not_stated_as_shipped(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("shipped")
        await came_out(floor, machine, paper(floor, taken))
        assert (await floor.press.stall.waybill(taken.ref)).shipped_at is None


async def test_nobody_is_believed_of_numbers_that_it_has_no_business_with(printery: Printery) -> None:
    async with printery.floor() as floor, printery.floor() as other:
        stranger, taken = await other.machine(), await floor.taken("mine")
        said = paper(floor, taken)
        wrong = [
            said,
            replace(said, merchant=str(other.merchant_id)),
            replace(said, number="YT000000000000"),
            *(replace(said, merchant=text) for text in ("", "x", "9" * 30, "-1")),
        ]
        for one in wrong:
            with pytest.raises(Refusal, match="component_sheet_refused"):
                await count_component_sheet(other.desk, stranger.agent, one)
        own = await floor.machine()
        unsound = ({"copy": 0}, {"copy": 10**6}, {"number": "a\0b"}, {"word": Word(Outcome.GIVEN_BACK)})
        for some in unsound:
            with pytest.raises(Refusal, match="component_sheet_refused"):
                await count_component_sheet(floor.desk, own.agent, replace(said, **some))
        assert await floor.copies(taken) == 0


async def test_jobs_and_components_at_the_same_moment_never_share_a_copy(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.many(20, "race")
        await floor.job(machine, *taken)
        papers = [paper(floor, one, copy) for one in taken for copy in (1, 2)]
        reports = [count_component_sheet(floor.desk, machine.agent, one) for one in papers]
        await asyncio.gather(*reports, floor.lease(machine, 50), floor.lease(machine, 50, LABELLER))
        for one in taken:
            copies = [each.sheet.copy for each in (await story(floor, one)).sheets]
            assert len(set(copies)) == len(copies) == 3
            assert max(copies) == await floor.copies(one)
