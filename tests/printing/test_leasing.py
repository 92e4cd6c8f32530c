"""Giving sheets out: sealed for one agent, gates asked again, one copy each, however many ask at once."""

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.labels.checking import read_template
from miandan.orders.model import OrderState
from miandan.orders.standing import OrderEvent
from miandan.printing import job_views, jobs, leasing, pairing, printers, sheets_life, templates
from miandan.printing.job_model import SheetState, read_tag
from miandan.printing.model import AgentOwner, OwnerKind
from miandan.vault.service import Vault
from miandan.waybills import label, lives
from tests.printing.conftest import Printery
from tests.printing.floor import LABELLER, PACKER, SECOND, Floor, Machine, ids, numbers
from tests.printing.press import PLACED, asked
from tests.printing.test_templates import area, offer, whole

Q, L, S = SheetState.QUEUED, SheetState.LEASED, SheetState.SENT
P, F, D = SheetState.PRINTED, SheetState.FAILED, SheetState.DOUBTFUL
X = SheetState.STOPPED


async def test_a_sheet_is_sealed_for_its_agent_and_masked(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, other = await floor.machine(), await floor.machine("二号机")
        one, two = await floor.taken("seal-1"), await floor.taken("seal-2")
        job = await floor.job(machine, one, two)
        sheet, second = await floor.lease(machine)
        said = machine.opened(sheet)
        assert said["label"]["number"] == one.number
        assert said["label"]["position"] == "1/2"
        assert said["label"]["recipient_phone"] != PLACED.phone
        assert PLACED.phone not in str(said)
        assert PLACED.name not in str(said)
        assert said["template"].startswith("yto-")
        assert said["printed_by"] == PACKER
        assert (sheet.job_id, sheet.place, sheet.printer, sheet.copy) == (str(job.job_id), 1, LABELLER, 1)
        for wrong in (
            replace(sheet, sheet_id=second.sheet_id),
            replace(sheet, copy=2),
            replace(sheet, printer="another"),
        ):
            with pytest.raises(Refusal):
                machine.opened(wrong)
        with pytest.raises(Refusal):
            other.opened(sheet)
        assert PLACED.phone not in repr(sheet)


async def test_two_that_ask_at_once_are_given_different_sheets(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        many = await floor.many(40, "greedy")
        await floor.job(machine, *many)
        given = await asyncio.gather(*(floor.lease(machine, 10) for _ in range(6)))
        assert sorted(one for some in given for one in numbers(some)) == sorted(one.number for one in many)
        for some in given:
            places = [sheet.place for sheet in some]
            assert places == sorted(places)
        assert [await floor.copies(one) for one in many] == [1] * 40


async def test_an_agent_gets_nothing_of_another_agents_jobs(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, other = await floor.machine(), await floor.machine("二号机")
        await floor.job(machine, await floor.taken("mine"))
        assert await floor.lease(other) == []
        assert await floor.lease(machine, printer="标签机 2") == []
        assert await floor.lease(machine, 0) == []


async def test_a_sheet_given_back_says_the_same_copy_when_it_is_given_out_again(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("back")
        await floor.job(machine, taken)
        for _ in range(3):
            [sheet] = await floor.lease(machine)
            assert (sheet.copy, await floor.copies(taken)) == (1, 1)
            await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        [last] = await floor.lease(machine)
        await floor.prints(machine, last)
        assert (await floor.sheet_of(taken)).copy == 1


async def test_a_copy_printed_elsewhere_while_the_sheet_was_back_is_not_said_twice(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("elsewhere")
        await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        await label.print_pdf(
            floor.desk.counter, [taken.ref], printery.folder / "one.pdf", now(), actor=PACKER, sandbox=True
        )
        [again] = await floor.lease(machine)
        assert (again.copy, await floor.copies(taken)) == (3, 3)
        await floor.prints(machine, again)


async def test_what_never_reached_paper_leaves_no_copy_that_was_counted(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("unpaper")
        await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        await floor.hears("unpaper", OrderEvent.REFUND_OPENED)
        assert await floor.lease(machine) == []
        stopped = await floor.sheet_of(taken)
        assert (stopped.state, stopped.reason, stopped.copy) == (X, "orders.refund_open", 0)
        assert await floor.copies(taken) == 0
        await floor.hears("unpaper", OrderEvent.REFUND_WITHDRAWN, 3)
        await floor.job(machine, taken)
        [first] = await floor.lease(machine)
        assert first.copy == 1, "the first real paper"
        await floor.report(machine, first, Outcome.FAILED, reason="labels.template_wrong")
        assert await floor.copies(taken) == 0
        await floor.job(machine, taken)
        [second] = await floor.lease(machine)
        assert second.copy == 1
        await floor.prints(machine, second)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (OrderEvent.REFUND_OPENED, "orders.refund_open"),
        (OrderEvent.REFUNDED, "orders.refund_paid"),
        (OrderEvent.CANCELLED, "orders.taken_back"),
        (OrderEvent.HELD, "orders.held_for_review"),
    ],
)
async def test_the_gates_are_asked_again_when_a_sheets_turn_has_come(
    printery: Printery, event: OrderEvent, reason: str
) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        bad, good = await floor.ordered("gate"), await floor.taken("gate-next")
        job = await floor.job(machine, bad, good)
        await floor.hears("gate", event)
        assert numbers(await floor.lease(machine, 1)) == [good.number], "the next one goes in its place"
        assert await floor.states(job) == [X, L]
        assert (await floor.sheet_of(bad)).reason == reason


async def test_an_address_change_stops_a_sheet_until_the_waybill_was_updated(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("moved")
        await floor.job(machine, taken)
        await floor.hears(
            "moved", OrderEvent.ADDRESS_CHANGED, recipient=structs.replace(PLACED, detail="新地址 9 号 1 室")
        )
        assert await floor.lease(machine) == []
        assert (await floor.sheet_of(taken)).reason == "waybill.recipient_changed"
        there = structs.replace(PLACED, detail="新地址 9 号 1 室")
        await lives.update(floor.desk.counter, floor.merchant_id, "yto", taken.number, recipient=there)
        await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        assert (sheet.copy, "新地址" in str(machine.opened(sheet))) == (1, True)


async def test_a_number_cancelled_while_it_waits_is_stopped(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("gone")
        await floor.job(machine, taken)
        await floor.press.stall.cancel(taken)
        assert await floor.lease(machine) == []
        sheet = await floor.sheet_of(taken)
        assert (sheet.state, sheet.reason, await floor.copies(taken)) == (X, "waybill.not_live", 0)


async def test_an_event_and_a_lease_at_once_end_in_stopped_or_in_asking_back(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        for turn in range(8):
            order = f"clash{turn}"
            taken = await floor.ordered(order)
            job = await floor.job(machine, taken)
            given, _ = await asyncio.gather(floor.lease(machine), floor.hears(order, OrderEvent.REFUND_OPENED))
            await floor.events()
            sheet = await floor.sheet_of(taken)
            if given:
                assert (sheet.state, sheet.recalled_to) == (L, X)
                await floor.report(machine, given[0], Outcome.GIVEN_BACK)
            assert await floor.states(job) == [X]
            assert await floor.copies(taken) == 0


async def test_an_agent_that_is_unpaired_while_it_asks_gets_nothing_that_stays_with_it(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        job = await floor.job(machine, *await floor.many(10, "unpair"))

        unpair = pairing.unpair(floor.desk, floor.owner, machine.agent.agent_id, PACKER)
        both = await asyncio.gather(floor.lease(machine, 5), unpair, floor.lease(machine, 5), return_exceptions=True)
        assert {one.code for one in both if isinstance(one, Refusal)} <= {"printing.agent_unpaired"}
        assert not [one for one in both if isinstance(one, Exception) and not isinstance(one, Refusal)]
        assert set(await floor.states(job)) == {Q}
        with pytest.raises(Refusal):
            await floor.lease(machine)


async def test_an_earlier_link_is_given_nothing_once_the_agent_has_opened_another(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("two-links")
        first = replace(machine, agent=await printers.open_link(floor.db, machine.agent))
        second = replace(machine, agent=await printers.open_link(floor.db, machine.agent))
        await floor.job(machine, taken)
        with pytest.raises(Refusal, match=r"printing\.link_replaced"):
            await floor.lease(first)
        assert numbers(await floor.lease(second)) == [taken.number]


async def test_what_an_unpaired_agent_may_have_printed_is_never_printed_as_the_same_copy(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, other = await floor.machine(), await floor.machine("二号机")
        waiting, begun = await floor.taken("maybe"), await floor.taken("surely")
        job = await floor.job(machine, begun, waiting)
        first, _ = await floor.lease(machine)
        await floor.begun(machine, first)
        await pairing.unpair(floor.desk, floor.owner, machine.agent.agent_id, PACKER)
        assert await floor.states(job) == [D, Q]
        await jobs.move(floor.desk, floor.merchant_id, job.job_id, other.printer, PACKER)
        [again] = await floor.lease(other)
        assert (again.number, again.copy) == (waiting.number, 2)
        await floor.prints(other, again)


async def test_a_sheet_taken_back_by_hand_gets_the_next_copy(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("hand")
        job = await floor.job(machine, taken)
        [silent] = await floor.lease(machine)
        assert await sheets_life.take_back(floor.desk, floor.merchant_id, ids(await floor.sheets(job)), PACKER) == 1
        [again] = await floor.lease(machine)
        assert (again.copy, again.sheet_id != silent.sheet_id) == (2, True)
        assert machine.opened(again)["label"]["copy"] == 2
        assert await floor.report(machine, silent, Outcome.PRINTED) is Outcome.PRINTED, "and its word is kept"
        assert await floor.states(job) == [L]
        story = await job_views.story_of(floor.db, floor.merchant_id, asked(taken))
        assert [step.said for step in story.sheets[0].steps] == ["queued", "leased", "let go", "leased", "late printed"]
        await floor.prints(machine, again)


async def test_the_label_of_an_updated_waybill_is_the_new_one(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.taken("fresh")
        await floor.job(machine, taken)
        before = await floor.press.stall.waybill(taken.ref)
        goods = [{"line_id": "fresh", "title": "盘子", "quantity": 2}]
        await lives.update(floor.desk.counter, floor.merchant_id, "yto", taken.number, goods=goods)
        [sheet] = await floor.lease(machine)
        assert "盘子" in str(machine.opened(sheet))
        now_printed = await floor.sheet_of(taken)
        assert (now_printed.version, now_printed.printed_version) == (before.version, before.version + 1)


async def test_a_merchants_own_template_travels_whole_and_a_withdrawn_one_stops_its_sheets(
    printery: Printery, tmp_path: Path
) -> None:
    async with printery.floor() as floor:
        machine, one, two = await floor.machine(), await floor.taken("own-1"), await floor.taken("own-2")
        await offer(floor.press, tmp_path, whole("design-a"))
        await offer(floor.press, tmp_path, area("shop-a", base="yto-76x130"))
        designed = await floor.job(machine, one, template="design-a")
        with_area = await floor.job(machine, two, template="shop-a@1")
        assert (designed.template, with_area.template) == ("design-a@1", "shop-a@1")
        [sheet] = await floor.lease(machine, 1)
        said = machine.opened(sheet)["template"]
        assert read_template(json.dumps(said)).title == "整张自定义"
        await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        await templates.withdraw_template(floor.db, floor.merchant_id, "design-a")
        [other] = await floor.lease(machine)
        assert other.number == two.number
        assert "备注" in json.dumps(machine.opened(other)["template"], ensure_ascii=False)
        stopped = await floor.sheet_of(one)
        assert (stopped.state, stopped.reason, await floor.copies(one)) == (X, "printing.template_gone", 0)


async def test_as_many_as_there_are_connections_ask_at_once_before_the_merchants_keys_were_read(
    printery: Printery,
) -> None:
    async with printery.floor() as floor:
        machines = [await floor.machine(f"{n} 号机") for n in range(2)] + [await _cloud(floor) for _ in range(2)]
        for n, machine in enumerate(machines):
            for place, printer in enumerate((machine.printer, machine.second)):
                await floor.job(machine, await floor.taken(f"cold-{n}-{place}"), printer=printer)
        cold = replace(floor.desk.counter, vault=await Vault.open(floor.db, floor.desk.root))
        desk = replace(floor.desk, counter=cold)
        asking = (leasing.lease_next(desk, one.agent, printer, 5) for one in machines for printer in (LABELLER, SECOND))
        async with asyncio.timeout(30):
            given = await asyncio.gather(*asking)
        assert [len(some) for some in given] == [1] * 8


# --- cloud printing ---------------------------------------------------------------------------------------------------

BRANCH = AgentOwner(OwnerKind.BRANCH, carrier="yto", branch_code="571001")


async def _cloud(floor: Floor) -> Machine:
    machine = await floor.machine("网点打印机", BRANCH)
    await printers.grant_agent(floor.db, BRANCH, machine.agent.agent_id, floor.merchant_id, "branch")
    return machine


async def test_a_branchs_agent_prints_for_the_merchants_it_lets_in(printery: Printery) -> None:
    async with printery.floor() as floor, printery.floor() as stranger:
        machine = await _cloud(floor)
        taken = await floor.taken("cloud")
        with pytest.raises(Refusal) as refused:
            await stranger.make(machine, await stranger.taken("cloud"))
        assert refused.value.code == "printing.agent_unknown"
        await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        assert machine.opened(sheet)["label"]["number"] == taken.number
        assert read_tag(sheet.sheet_id).merchant_id == floor.merchant_id
        await floor.prints(machine, sheet)
        [own] = [one for one in await printers.benches_for(floor.db, floor.merchant_id) if one.is_cloud]
        assert own.agent.agent_id == machine.agent.agent_id
        assert await printers.granted_to(floor.db, machine.agent.agent_id) == [floor.merchant_id]


async def test_a_revoked_grant_gives_nothing_out_until_the_job_is_moved(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await _cloud(floor)
        job = await floor.job(machine, *await floor.many(2, "revoked"))
        await printers.revoke_agent(floor.desk, BRANCH, machine.agent.agent_id, floor.merchant_id, "branch")
        assert await floor.lease(machine) == []
        assert await floor.states(job) == [Q, Q]
        await printers.grant_agent(floor.db, BRANCH, machine.agent.agent_id, floor.merchant_id, "branch")
        assert len(await floor.lease(machine)) == 2


# --- how fast ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sheets", [1_500, pytest.param(10_000, marks=pytest.mark.prove)])
async def test_a_long_job_is_given_out_at_well_above_two_hundred_sheets_a_second(
    printery: Printery, sheets: int
) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        await floor.press.stall.account("yto", units=12_000)
        many = [one for part in range(sheets // 500) for one in await floor.many(500, f"bulk{part}")]
        started = time.perf_counter()
        job = await floor.job(machine, *many)
        made = time.perf_counter() - started
        given, started = 0, time.perf_counter()
        took = list[float]()
        while True:
            turn = time.perf_counter()
            some = await leasing.lease_next(floor.desk, machine.agent, LABELLER, 50)
            took.append(time.perf_counter() - turn)
            assert [sheet.place for sheet in some] == list(range(given + 1, given + len(some) + 1))
            given += len(some)
            if not some:
                break
        rate = given / (time.perf_counter() - started)
        sys.stderr.write(
            f"job of {job.sheets} made in {made:.2f} s; {rate:.0f} sheets/s given out, slowest {max(took):.3f} s\n"
        )
        assert given == job.sheets == sheets
        assert min(took[: sheets // 50]) < 50 / 200, took  # the least of many: other programs do not count
        await pairing.unpair(floor.desk, floor.owner, machine.agent.agent_id, PACKER)


async def test_a_held_order_by_hand_stops_its_sheet(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        await floor.press.kept("by-hand")
        taken = await floor.taken("by-hand")
        await floor.job(machine, taken)
        await floor.press.closed("by-hand", OrderState.CANCELLED)
        assert await floor.lease(machine) == []
        assert (await floor.sheet_of(taken)).reason == "orders.taken_back"
