"""Printing again: a reason, the next copy, limits, an alert, and no children unasked."""

import asyncio
from datetime import date, datetime, timedelta

import pytest

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.printing import jobs, reprints
from miandan.printing.job_model import JobKind
from miandan.printing.rules import limits_on, reasons_on
from miandan.waybills.model import Taken
from tests.printing.conftest import Printery
from tests.printing.floor import Floor, Machine, codes, numbers
from tests.printing.press import asked, child


async def _again(floor: Floor, machine: Machine, taken: Taken, at: datetime | None = None) -> int:
    """A reprint that comes out; which copy it was."""
    made = await floor.again(machine, taken, at=at)
    assert made.job is not None, codes(made)
    [sheet] = await floor.lease(machine)
    await floor.prints(machine, sheet)
    return sheet.copy


async def test_a_reprint_is_the_next_copy_and_says_so_in_its_small_code(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("again")
        await floor.printed(machine, taken)
        made = await floor.again(machine, taken, reason="other", words="纸皱了 电话 13812345678")
        assert made.job is not None
        assert (made.job.kind, made.job.reason) == (JobKind.REPRINT, "other")
        assert "纸皱了" in made.job.words
        assert "13812345678" not in made.job.words
        [sheet] = await floor.lease(machine)
        assert (sheet.copy, machine.opened(sheet)["label"]["copy"]) == (2, 2)
        await floor.prints(machine, sheet)
        assert await _again(floor, machine, taken) == 3


async def test_a_reprint_needs_a_known_reason_and_some_need_words(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("why")
        for reason, words, code in (
            ("因为", "", "printing.reason_unknown"),
            ("other", "  ", "printing.reason_without_words"),
        ):
            with pytest.raises(Refusal) as refused:
                await floor.again(machine, taken, reason=reason, words=words)
            assert refused.value.code == code
        assert set(reasons_on(now().date())) >= {"damaged", "lost", "doubtful", "other"}


async def test_a_parent_printed_again_takes_no_children_along(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, parent = await floor.machine(), await floor.taken("parent", pieces=3)
        await floor.printed(machine, parent)
        await floor.again(machine, asked(parent))
        assert numbers(await floor.lease(machine)) == [parent.number]
        await floor.again(machine, child(parent))
        assert numbers(await floor.lease(machine)) == [parent.children[0]]


async def test_two_that_reprint_at_once_print_once(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("both")
        await floor.printed(machine, taken)
        made = await asyncio.gather(*(floor.again(machine, taken) for _ in range(4)))
        assert [one.job is not None for one in made].count(True) == 1
        assert {code for one in made for code in codes(one).values()} == {"printing.sheet_waiting"}
        [sheet] = await floor.lease(machine)
        assert sheet.copy == 2
        await floor.prints(machine, sheet)


async def test_many_reprints_of_one_number_are_heard_of_once_and_then_refused(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("often")
        await floor.printed(machine, taken)
        at = now()  # one moment for all: reprints are counted by the day
        limits = limits_on(at.date())
        for turn in range(limits.most):
            assert await _again(floor, machine, taken, at) == turn + 2
        assert codes(await floor.again(machine, taken, at=at)) == {taken.number: "printing.reprint_limit"}
        alerts = await floor.db.fetch(
            "SELECT body FROM outbox WHERE topic = $1 AND source = $2",
            reprints.MANY_REPRINTS,
            f"merchant:{floor.merchant_id}",
        )
        assert [(row["body"]["number"], row["body"]["reprints"]) for row in alerts] == [(taken.number, limits.alert)]
        counted = await reprints.reprints_today(floor.db, floor.merchant_id, [taken.ref], at)
        assert counted == {asked(taken): limits.most}
        assert await reprints.reprints_today(floor.db, floor.merchant_id, [taken.ref], at + timedelta(days=1)) == {}


async def test_a_reprint_that_was_cancelled_before_it_was_given_out_does_not_count(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("changed-mind")
        await floor.printed(machine, taken)
        made = await floor.again(machine, taken)
        assert made.job is not None
        await jobs.cancel_rest(floor.desk, floor.merchant_id, made.job.job_id, "packer")
        assert await reprints.reprints_today(floor.db, floor.merchant_id, [taken.ref]) == {}
        assert await _again(floor, machine, taken) == 2


@pytest.mark.parametrize("day", [date(2025, 1, 1), date(2026, 1, 1), date(2030, 1, 1)])
def test_limits_make_sense_on_every_day(day: date) -> None:
    limits = limits_on(day)
    assert 0 < limits.alert <= limits.most
