"""Making print jobs and what becomes of them by hand: order, numbers turned away, pause, cancel, move."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from miandan.kernel.clock import now
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.orders.standing import OrderEvent
from miandan.printing import job_views, jobs
from miandan.printing.job_model import JobKind, JobState, PrinterRef, SheetState, Turned
from miandan.printing.model import Asked, Sheet
from miandan.waybills import lives
from miandan.waybills import queries as waybill_queries
from tests.printing.conftest import Printery
from tests.printing.floor import LABELLER, PACKER, SECOND, codes, held_up, numbers
from tests.printing.press import asked, child

Q, L, S = SheetState.QUEUED, SheetState.LEASED, SheetState.SENT
P, C = SheetState.PRINTED, SheetState.CANCELLED


async def test_a_job_keeps_the_order_asked_with_children_behind_their_parents(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        one, parent, three = [await floor.taken("o1"), await floor.taken("o2", pieces=3), await floor.taken("o3")]
        job = await floor.job(machine, three, parent, one)
        wanted = [three.number, parent.number, *parent.children, one.number]
        assert numbers(await floor.sheets(job)) == wanted
        assert [sheet.place for sheet in await floor.sheets(job)] == [1, 2, 3, 4, 5]
        assert numbers(await floor.lease(machine)) == wanted


async def test_a_child_that_is_asked_for_by_itself_is_printed_once_and_where_it_was_named(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, parent = await floor.machine(), await floor.taken("kin", pieces=3)
        job = await floor.job(machine, child(parent, 1), asked(parent))
        assert numbers(await floor.sheets(job)) == [parent.children[1], parent.number, parent.children[0]]


async def test_numbers_that_may_not_be_printed_are_named_and_the_rest_goes_on(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        good, void, refunding = await floor.taken("g"), await floor.taken("v"), await floor.ordered("r")
        await floor.press.stall.cancel(void)
        await floor.hears("r", OrderEvent.REFUND_OPENED)
        made = await floor.make(machine, void, Asked("yto", "YT0000000000000"), good, refunding)
        assert codes(made) == {
            void.number: "waybill.not_live",
            "YT0000000000000": "waybill.unknown",
            refunding.number: "waybill.order_in_the_way",
        }
        assert made.job is not None
        assert numbers(await floor.sheets(made.job)) == [good.number]
        assert {one["code"] for one in made.job.refused} == set(codes(made).values())


async def test_without_a_printable_number_there_is_no_job(printery: Printery) -> None:
    async with printery.floor() as floor:
        made = await floor.make(await floor.machine(), Asked("yto", "YT0"))
        assert made.job is None
        assert codes(made) == {"YT0": "waybill.unknown"}
        assert await job_views.job_cards(floor.db, floor.merchant_id) == []


async def test_a_number_on_its_way_to_paper_is_in_no_second_job(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("twice")
        await floor.job(machine, taken)
        assert codes(await floor.make(machine, taken)) == {taken.number: "printing.sheet_waiting"}
        [sheet] = await floor.lease(machine)
        assert codes(await floor.again(machine, taken)) == {taken.number: "printing.sheet_waiting"}
        await floor.prints(machine, sheet)
        assert codes(await floor.make(machine, taken)) == {taken.number: "printing.printed_before"}


async def test_two_jobs_at_once_with_the_same_numbers_print_each_number_once(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        many = await floor.many(30, "race")
        back = list(reversed(many))
        made = await asyncio.gather(*(floor.make(machine, *some) for some in (many, back, many)))
        queued = [sheet.number for one in made if one.job is not None for sheet in await floor.sheets(one.job)]
        assert sorted(queued) == sorted(one.number for one in many)
        for one in made:
            if one.job is not None:
                places = [sheet.place for sheet in await floor.sheets(one.job)]
                assert places == list(range(1, one.job.sheets + 1))


async def test_the_same_request_again_answers_the_first_job(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, one, two = await floor.machine(), await floor.taken("r1"), await floor.taken("r2")
        first = await floor.make(machine, one, Asked("yto", "YT9"), request_id="erp-1")
        await floor.prints(machine, *await floor.lease(machine))
        again = await floor.make(machine, one, Asked("yto", "YT9"), request_id="erp-1")
        assert first.job is not None
        assert again.job is not None
        assert again.job.job_id == first.job.job_id
        assert codes(again) == {"YT9": "printing.turned_away_before"}
        with pytest.raises(Refusal, match=r"printing\.request_reused"):
            await floor.make(machine, one, two, request_id="erp-1")
        together = await asyncio.gather(*(floor.make(machine, two, request_id="erp-2") for _ in range(3)))
        assert len({one.job and one.job.job_id for one in together}) == 1


async def test_a_request_that_comes_again_while_its_job_is_being_made_is_answered_with_that_job(
    printery: Printery,
) -> None:
    """The answer is slow, the caller asks again, and the job is queued between the second one's looks."""
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("slow")
        ask = floor.ask(machine, taken, request_id="erp-slow")

        async def first_is_done(db: Reads, merchant_id: int, sheets: Sequence[Sheet]) -> list[Turned]:
            await jobs.create_job(floor.desk, ask)
            return await jobs.already_waiting(db, merchant_id, sheets)

        made = await jobs.make(floor.desk, ask, jobs.new_job(ask, JobKind.FIRST, "", "", now()), first_is_done)
        first = await jobs.create_job(floor.desk, ask)
        assert made.job is not None
        assert first.job is not None
        assert (made.job.job_id, codes(made)) == (first.job.job_id, {})


async def test_only_the_shop_that_is_named_is_printed(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("shop")
        assert codes(await floor.make(machine, taken, shop_id="another")) == {taken.number: "waybill.unknown"}


async def test_a_printer_that_its_agent_has_not_named_is_refused(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("nowhere")
        for printer, code in (
            (PrinterRef(machine.agent.agent_id, "没有"), "printing.printer_unknown"),
            (PrinterRef(uuid4(), LABELLER), "printing.agent_unknown"),
        ):
            with pytest.raises(Refusal) as refused:
                await floor.make(machine, taken, printer=printer)
            assert refused.value.code == code


async def test_templates_are_pinned_and_another_carriers_template_turns_a_number_away(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("tmpl")
        made = await floor.make(machine, taken, template="zto-76x130")
        assert codes(made) == {taken.number: "labels.template_of_other_carrier"}
        job = await floor.job(machine, taken, template="yto-76x130")
        assert job.template.startswith("yto-76x130@")
        with pytest.raises(Refusal) as refused:
            await floor.make(machine, taken, template="nobody-knows")
        assert refused.value.code == "printing.template_gone"


async def test_a_paused_job_gives_nothing_out_and_goes_on_in_its_order(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), await floor.many(5, "pause")
        job = await floor.job(machine, *many)
        out = await floor.lease(machine, 3)
        await floor.begun(machine, out[0])
        await jobs.pause(floor.desk, floor.merchant_id, job.job_id, PACKER)
        assert (await job_views.job_card(floor.db, floor.merchant_id, job.job_id)).state is JobState.PAUSED
        assert await floor.lease(machine) == []
        await floor.report(machine, out[2], Outcome.GIVEN_BACK)
        await jobs.resume(floor.desk, floor.merchant_id, job.job_id, PACKER)
        assert await floor.lease(machine) == [], "what is being asked back comes first"
        await floor.report(machine, out[1], Outcome.GIVEN_BACK)
        assert numbers(await floor.lease(machine)) == [one.number for one in many[1:]]


async def test_cancelling_the_rest_leaves_what_has_begun(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), await floor.many(5, "cancel")
        job = await floor.job(machine, *many)
        begun, asked_back, printed_anyway = await floor.lease(machine, 3)
        await floor.begun(machine, begun)
        assert await jobs.cancel_rest(floor.desk, floor.merchant_id, job.job_id, PACKER) == 4
        assert await floor.states(job) == [S, L, L, C, C]
        await floor.report(machine, asked_back, Outcome.GIVEN_BACK)
        await floor.prints(machine, begun, printed_anyway)
        assert await floor.states(job) == [P, C, P, C, C]
        assert await floor.lease(machine) == []
        assert [await floor.copies(one) for one in many] == [1, 0, 1, 0, 0]
        assert (await job_views.job_card(floor.db, floor.merchant_id, job.job_id)).state is JobState.DONE
        assert await jobs.cancel_rest(floor.desk, floor.merchant_id, job.job_id, PACKER) == 0


async def test_cancelling_holds_waybills_in_the_order_of_their_numbers(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), await floor.many(2, "order")
        high, low = sorted(many, key=lambda one: one.number, reverse=True)
        job = await floor.job(machine, high, low)
        for sheet in await floor.lease(machine):
            await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        async with floor.db.transaction() as tx:
            await waybill_queries.waybills_for_update(tx, [low.ref])
            cancelling = asyncio.create_task(jobs.cancel_rest(floor.desk, floor.merchant_id, job.job_id, PACKER))
            await held_up(floor.db, tx)
            await waybill_queries.waybills_for_update(tx, [high.ref])
        assert await cancelling == 2
        assert [await floor.copies(one) for one in many] == [0, 0]


async def test_cancelling_and_leasing_at_once_leave_every_sheet_in_one_place(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        for turn in range(5):
            job = await floor.job(machine, *await floor.many(20, f"race{turn}"))
            leased, count = await asyncio.gather(
                floor.lease(machine, 10), jobs.cancel_rest(floor.desk, floor.merchant_id, job.job_id, PACKER)
            )
            for sheet in leased:
                await floor.report(machine, sheet, Outcome.GIVEN_BACK)
            assert set(await floor.states(job)) == {C}
            assert count == 20
            assert {sheet.copy for sheet in await floor.sheets(job)} == {0}


async def test_a_moved_job_goes_on_at_the_other_printer(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, other = await floor.machine(), await floor.machine("二号机")
        many = await floor.many(6, "move")
        job = await floor.job(machine, *many)
        begun, waiting = await floor.lease(machine, 2)
        await floor.begun(machine, begun)
        target = PrinterRef(other.agent.agent_id, SECOND)
        assert await jobs.move(floor.desk, floor.merchant_id, job.job_id, target, PACKER) == 5
        assert await floor.lease(machine) == []
        first = await floor.lease(other, 2, SECOND)
        assert numbers(first) == [many[2].number, many[3].number], "the other agent waits for nobody"
        await floor.report(machine, waiting, Outcome.GIVEN_BACK)
        await floor.prints(machine, begun)
        rest = await floor.lease(other, 9, SECOND)
        assert numbers(rest) == [many[1].number, many[4].number, many[5].number]
        await floor.prints(other, *first, *rest)
        assert set(await floor.states(job)) == {P}
        assert [await floor.copies(one) for one in many] == [1] * 6


async def test_moving_while_an_agent_begins_prints_each_sheet_once(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        for turn in range(5):
            job = await floor.job(machine, *await floor.many(4, f"begin{turn}"))
            out = await floor.lease(machine, 4)
            await asyncio.gather(
                jobs.move(floor.desk, floor.merchant_id, job.job_id, machine.second, PACKER),
                *(floor.begun(machine, sheet) for sheet in out[:2]),
            )
            await floor.prints(machine, *out[:2])
            for sheet in out[2:]:
                await floor.report(machine, sheet, Outcome.GIVEN_BACK)
            moved = await floor.lease(machine, 9, SECOND)
            assert numbers(moved) == numbers(out[2:])
            await floor.prints(machine, *moved)
            assert await floor.states(job) == [P] * 4
            assert [sheet.copy for sheet in await floor.sheets(job)] == [1] * 4


async def test_jobs_for_one_printer_come_out_in_the_order_they_were_made(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, many = await floor.machine(), await floor.many(6, "fifo")
        await floor.job(machine, *many[:3])
        await floor.job(machine, *many[3:])
        assert numbers(await floor.lease(machine, 4)) == [one.number for one in many[:4]]
        assert numbers(await floor.lease(machine, 4)) == [one.number for one in many[4:]]
        assert await floor.lease(machine, 4) == []


async def test_nothing_is_shipped_because_it_was_printed(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("not-shipped")
        await floor.printed(machine, taken)
        assert (await floor.press.stall.waybill(taken.ref)).shipped_at is None
        state = await floor.db.fetchval(
            "SELECT state FROM trade_order WHERE merchant_id = $1 AND order_id = 'not-shipped-1'", floor.merchant_id
        )
        told = await floor.db.fetchval(
            "SELECT count(*) FROM outbox WHERE source = $1 AND topic LIKE '%ship%'", f"merchant:{floor.merchant_id}"
        )
        assert (state, told) == ("to_ship", 0)
        assert await lives.cancel(floor.desk.counter, floor.merchant_id, "yto", taken.number), "and it can be cancelled"
