"""What agents say of sheets and what persons decide: repeats, late words, doubts, sheets that never arrived."""

import asyncio
from uuid import uuid4

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.printing import job_views, jobs, sheets_life
from miandan.printing.job_model import JobState, Proof, SheetState, SheetTag, Word, read_tag
from tests.printing.conftest import Printery
from tests.printing.floor import PACKER, Floor, ids
from tests.printing.press import asked

Q, L, S = SheetState.QUEUED, SheetState.LEASED, SheetState.SENT
P, F, D, C = SheetState.PRINTED, SheetState.FAILED, SheetState.DOUBTFUL, SheetState.CANCELLED


async def test_a_sheet_that_comes_out_carries_its_evidence(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        job = await floor.job(machine, *await floor.many(3, "proof"))
        sheets = await floor.lease(machine)
        for sheet, evidence in zip(sheets, ("device", "spooler", "sent_only"), strict=True):
            await floor.prints(machine, sheet, evidence=evidence)
        assert [sheet.evidence for sheet in await floor.sheets(job)] == ["device", "spooler", "sent_only"]
        card = await job_views.job_card(floor.db, floor.merchant_id, job.job_id)
        assert card.counts.by_proof == {Proof.DEVICE: 1, Proof.SPOOLER: 1, Proof.SENT_ONLY: 1}
        assert (card.counts.by_state, card.state) == ({P: 3}, JobState.DONE)


async def test_the_same_words_again_change_nothing(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("again")
        await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        for _ in range(2):
            await floor.begun(machine, sheet)
        for _ in range(3):
            assert await floor.report(machine, sheet, Outcome.PRINTED) is Outcome.PRINTED
        await floor.begun(machine, sheet)
        story = await job_views.story_of(floor.db, floor.merchant_id, asked(taken))
        assert [step.said for step in story.sheets[0].steps] == ["queued", "leased", "begun", "reported printed"]
        assert (story.copies, story.came_out) == (1, True)


async def test_the_same_report_many_times_at_once_counts_once(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("storm")
        await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        await asyncio.gather(
            *(floor.begun(machine, sheet) for _ in range(4)),
            *(floor.report(machine, sheet, Outcome.PRINTED) for _ in range(4)),
        )
        story = await job_views.story_of(floor.db, floor.merchant_id, asked(taken))
        assert [step.said for step in story.sheets[0].steps].count("reported printed") == 1
        assert story.sheets[0].sheet.state is P


async def test_a_report_of_the_earlier_lease_says_nothing_of_the_later(printery: Printery) -> None:
    """The answer to `given back` is lost, the sheet is given out again, and the agent repeats its report."""
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("lost-answer")
        job = await floor.job(machine, taken)
        [first] = await floor.lease(machine)
        await floor.report(machine, first, Outcome.GIVEN_BACK)
        [second] = await floor.lease(machine)
        assert await floor.report(machine, first, Outcome.GIVEN_BACK) is Outcome.GIVEN_BACK
        assert await floor.states(job) == [L]
        await floor.prints(machine, second)
        assert await floor.states(job) == [P]


async def test_another_agent_can_say_nothing_of_a_sheet(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, other = await floor.machine(), await floor.machine("二号机")
        job = await floor.job(machine, await floor.taken("mine"))
        [sheet] = await floor.lease(machine)
        for outcome in Outcome:
            with pytest.raises(Refusal) as refused:
                await floor.report(other, sheet, outcome)
            assert refused.value.code == "printing.sheet_not_yours"
        with pytest.raises(Refusal):
            await floor.begun(other, sheet)
        assert await floor.states(job) == [L]


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1..1", "1." + "0" * 32 + ".１", "1." + "G" * 32 + ".1", "9" * 400])
def test_a_text_that_names_no_sheet_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_tag(text)
    assert refused.value.code == "printing.sheet_unknown"


async def test_a_sheet_or_a_lease_that_was_never_given_out_is_unknown(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        await floor.job(machine, await floor.taken("lease-2"))
        [sheet] = await floor.lease(machine)
        tag = read_tag(sheet.sheet_id)
        assert str(tag) == sheet.sheet_id
        for wrong in (SheetTag(tag.merchant_id, uuid4(), 1), tag._replace(lease=2), tag._replace(lease=0)):
            with pytest.raises(Refusal) as refused:
                await sheets_life.report(floor.desk, machine.agent, wrong, Word(Outcome.PRINTED, "device"))
            assert refused.value.code == "printing.sheet_unknown"


async def _in_doubt(floor: Floor, order: str) -> tuple:  # type: ignore[type-arg]
    machine, taken = await floor.machine(), await floor.taken(order)
    job = await floor.job(machine, taken)
    [sheet] = await floor.lease(machine)
    await floor.begun(machine, sheet)
    await floor.report(machine, sheet, Outcome.DOUBTFUL, reason="agent.stopped_while_printing")
    assert await floor.states(job) == [D]
    card = await job_views.job_card(floor.db, floor.merchant_id, job.job_id)
    assert card.state is JobState.TO_CHECK
    return machine, taken, job, sheet


async def test_only_a_device_or_a_person_ends_a_doubt(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken, job, sheet = await _in_doubt(floor, "doubt")
        await floor.report(machine, sheet, Outcome.PRINTED, "sent_only")
        await floor.report(machine, sheet, Outcome.FAILED, reason="x")
        await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        assert await floor.states(job) == [D]
        await floor.report(machine, sheet, Outcome.PRINTED, "device")
        assert await floor.states(job) == [P]
        story = await job_views.story_of(floor.db, floor.merchant_id, asked(taken))
        said = [step.said for step in story.sheets[0].steps]
        assert said[-4:] == ["late printed", "late failed", "late given_back", "reported printed"]


async def test_a_person_settles_a_doubt_and_the_device_may_know_better_later(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken, job, sheet = await _in_doubt(floor, "settle")
        [it] = await floor.sheets(job)
        settle = sheets_life.settle_doubt
        for _ in range(2):
            await settle(
                floor.desk, floor.merchant_id, it.sheet_id, Outcome.FAILED, PACKER, "printing.nothing_came_out"
            )
        assert await floor.states(job) == [F]
        with pytest.raises(Refusal) as refused:
            await settle(floor.desk, floor.merchant_id, it.sheet_id, Outcome.PRINTED, PACKER)
        assert refused.value.code == "printing.not_doubtful"
        await floor.report(machine, sheet, Outcome.PRINTED, "device")
        assert await floor.states(job) == [P]
        assert await floor.copies(taken) == 1


async def test_a_persons_word_that_it_came_out_is_evidence_of_its_own(printery: Printery) -> None:
    async with printery.floor() as floor:
        _, _, job, _ = await _in_doubt(floor, "seen")
        [it] = await floor.sheets(job)
        await sheets_life.settle_doubt(floor.desk, floor.merchant_id, it.sheet_id, Outcome.PRINTED, PACKER)
        [it] = await floor.sheets(job)
        assert (it.state, it.evidence, it.decided_by) == (P, "person", "person")


async def test_sheets_of_a_silent_agent_are_declared_doubtful_and_its_late_word_still_counts(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), await floor.many(3, "silent")
        job = await floor.job(machine, *many)
        begun, waiting, queued = [*await floor.lease(machine, 2), None]
        assert queued is None
        await floor.begun(machine, begun)
        said = await sheets_life.declare_doubtful(floor.desk, floor.merchant_id, ids(await floor.sheets(job)), PACKER)
        assert said == 2
        assert await floor.states(job) == [D, D, Q]
        await floor.report(machine, begun, Outcome.PRINTED, "sent_only")
        await floor.report(machine, waiting, Outcome.GIVEN_BACK)
        assert await floor.states(job) == [P, F, Q]
        assert [await floor.copies(one) for one in many] == [1, 0, 0]


async def test_what_never_arrived_is_queued_again_and_what_the_agent_forgot_is_in_doubt(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), await floor.many(4, "lost")
        job = await floor.job(machine, *many)
        has, never_arrived, forgotten, cancelled = await floor.lease(machine)
        await floor.begun(machine, forgotten)
        [*_, last] = await floor.sheets(job)
        assert read_tag(cancelled.sheet_id).sheet_id == last.sheet_id
        await jobs.cancel_rest(floor.desk, floor.merchant_id, job.job_id, PACKER)
        for _ in range(2):
            await sheets_life.holding(floor.desk, machine.agent, {read_tag(has.sheet_id)})
        assert await floor.states(job) == [L, C, D, C]
        assert [await floor.copies(one) for one in many] == [1, 0, 1, 0]
        assert never_arrived.copy == 1
        await floor.report(machine, has, Outcome.PRINTED)


async def test_a_sheet_that_never_arrived_comes_out_as_the_copy_it_was(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("resend")
        await floor.job(machine, taken)
        [lost] = await floor.lease(machine)
        await sheets_life.holding(floor.desk, machine.agent, set())
        [again] = await floor.lease(machine)
        assert (again.copy, again.sheet_id == lost.sheet_id) == (1, False)
        await floor.prints(machine, again)


async def test_begun_and_then_given_back_is_a_doubt(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        job = await floor.job(machine, await floor.taken("both"))
        [sheet] = await floor.lease(machine)
        await floor.begun(machine, sheet)
        await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        [it] = await floor.sheets(job)
        assert (it.state, it.reason) == (D, "printing.begun_and_given_back")


async def test_a_sheet_taken_back_by_hand_that_comes_out_after_all_is_printed_and_not_printed_again(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("after-all")
        job = await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        await sheets_life.take_back(floor.desk, floor.merchant_id, ids(await floor.sheets(job)), PACKER)
        await floor.begun(machine, sheet)
        assert await floor.lease(machine) == []
        await floor.report(machine, sheet, Outcome.PRINTED)
        assert await floor.states(job) == [P]
        assert (await floor.sheet_of(taken)).copy == 1


async def test_sheets_that_end_ring_for_the_agent_that_may_go_on(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        with floor.desk.bells.listen(machine.agent.agent_id) as bell:
            job = await floor.job(machine, await floor.taken("ring"))
            assert bell.is_set()
            bell.clear()
            [sheet] = await floor.lease(machine)
            assert not bell.is_set()
            await floor.report(machine, sheet, Outcome.GIVEN_BACK)
            assert bell.is_set()
            bell.clear()
            await jobs.move(floor.desk, floor.merchant_id, job.job_id, machine.second, PACKER)
            assert bell.is_set()
        assert await job_views.printers_with_work(floor.db, machine.agent.agent_id) == [machine.second.name]
