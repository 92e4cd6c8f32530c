"""Refunds, cancellations and address changes between take, print and packing."""

import pytest
from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.orders.standing import OrderEvent
from miandan.printing import station_queries, stations, stopping
from miandan.printing.job_model import SheetState
from miandan.waybills import lives
from tests.printing.conftest import Printery
from tests.printing.floor import PACKER, Floor
from tests.printing.press import PLACED
from tests.waybills.world import SHOP, parcel

Q, L, P, X = SheetState.QUEUED, SheetState.LEASED, SheetState.PRINTED, SheetState.STOPPED
ELSEWHERE = structs.replace(PLACED, detail="新地址 9 号 1 室")


async def stops(floor: Floor) -> list[tuple[str, str]]:
    return [(one.number, one.reason) for one in await stations.stopped(floor.db, floor.merchant_id)]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (OrderEvent.REFUND_OPENED, "orders.refund_open"),
        (OrderEvent.CANCELLED, "orders.taken_back"),
        (OrderEvent.HELD, "orders.held_for_review"),
        (OrderEvent.ADDRESS_CHANGED, "waybill.recipient_changed"),
    ],
)
async def test_an_event_stops_a_queued_sheet_at_once(printery: Printery, event: OrderEvent, reason: str) -> None:
    async with printery.floor() as floor:
        machine, taken, other = await floor.machine(), await floor.ordered("stop"), await floor.ordered("goes-on")
        job = await floor.job(machine, taken, other)
        recipient = ELSEWHERE if event is OrderEvent.ADDRESS_CHANGED else None
        await floor.hears("stop", event, recipient=recipient)
        await floor.events()
        assert await floor.states(job) == [X, Q]
        assert (await floor.sheet_of(taken)).reason == reason
        assert await stops(floor) == [], "there is no paper to be stopped"


async def test_an_event_asks_an_agent_to_give_a_leased_sheet_back(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("recall")
        job = await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        await floor.hears("recall", OrderEvent.REFUND_OPENED)
        await floor.events()
        agent_id = machine.agent.agent_id
        assert await stopping.stops_for(floor.db, agent_id) == [(sheet.sheet_id, "orders.refund_open")]
        await floor.report(machine, sheet, Outcome.GIVEN_BACK)
        assert await floor.states(job) == [X]
        assert await stopping.stops_for(floor.db, agent_id) == []
        assert await floor.copies(taken) == 0


async def test_a_sheet_that_was_asked_back_too_late_is_printed_and_its_parcel_stopped(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("late")
        job = await floor.job(machine, taken)
        [sheet] = await floor.lease(machine)
        await floor.hears("late", OrderEvent.REFUND_OPENED)
        await floor.events()
        await floor.prints(machine, sheet)
        assert await floor.states(job) == [P]
        assert await stops(floor) == [(taken.number, "orders.refund_open")]
        verdict = await stations.scan_to_check(floor.desk, floor.merchant_id, taken.number)
        assert (verdict.light, verdict.code) == (stations.Light.STOP, "printing.scan_stopped")
        assert "退款" in verdict.say


async def test_a_printed_parcel_is_stopped_until_the_event_is_taken_back(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("lifted")
        await floor.printed(machine, taken)
        await floor.hears("lifted", OrderEvent.REFUND_OPENED)
        for _ in range(2):
            await floor.events()
        assert await stops(floor) == [(taken.number, "orders.refund_open")]
        assert [one.number for one in await stations.stopped(floor.db, floor.merchant_id, SHOP)] == [taken.number]
        assert await stations.stopped(floor.db, floor.merchant_id, "another shop") == []
        await floor.hears("lifted", OrderEvent.REFUND_WITHDRAWN, 3)
        await floor.events()
        assert await stops(floor) == []
        assert (await stations.scan_to_check(floor.desk, floor.merchant_id, taken.number)).code == "ok"


async def test_a_new_address_wants_a_new_label(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("address")
        await floor.printed(machine, taken)
        await floor.hears("address", OrderEvent.ADDRESS_CHANGED, recipient=ELSEWHERE)
        await floor.events()

        async def scan(text: str) -> str:
            return (await stations.scan_to_check(floor.desk, floor.merchant_id, text)).code

        assert await scan(taken.number) == "printing.scan_stopped"
        await lives.update(floor.desk.counter, floor.merchant_id, "yto", taken.number, recipient=ELSEWHERE)
        await stations.let_go(floor.desk, floor.merchant_id, taken.number, PACKER)
        assert await scan(taken.number) == "printing.scan_outdated"
        await floor.again(machine, taken, reason="changed")
        [sheet] = await floor.lease(machine)
        await floor.prints(machine, sheet)
        assert await scan(taken.number) == "printing.scan_small_code"
        assert await scan(f"{taken.number}#1") == "printing.scan_old_copy"
        assert await scan(f"{taken.number}#2") == "ok"


async def test_a_new_copy_that_passed_the_gates_lifts_the_stop(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("relabel")
        await floor.printed(machine, taken)
        await floor.hears("relabel", OrderEvent.ADDRESS_CHANGED, recipient=ELSEWHERE)
        await floor.events()
        await lives.update(floor.desk.counter, floor.merchant_id, "yto", taken.number, recipient=ELSEWHERE)
        await floor.again(machine, taken, reason="changed")
        [sheet] = await floor.lease(machine)
        await floor.prints(machine, sheet)
        assert await stops(floor) == []


async def test_an_event_of_one_order_stops_the_parcel_it_was_merged_into_with_its_children(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine = await floor.machine()
        for order in ("merge-1", "merge-2"):
            await floor.ordered(f"{order}-alone")
        draft = ("merge-1-alone", "merge-2-alone")
        for order in draft:
            number = await floor.db.fetchval(
                "SELECT number FROM parcel_key WHERE merchant_id = $1 AND parcel_key LIKE $2 AND ended_at = 'infinity'",
                floor.merchant_id,
                f"%{order}",
            )
            await lives.cancel(floor.desk.counter, floor.merchant_id, "yto", number)
        taken = await floor.press.stall.one("yto", parcel(*draft, recipient=PLACED, pieces=2))
        job = await floor.job(machine, taken)
        await floor.hears("merge-2-alone", OrderEvent.REFUND_OPENED)
        await floor.events()
        assert await floor.states(job) == [X, X]


async def test_a_stop_that_nobody_raised_cannot_be_lifted(printery: Printery) -> None:
    async with printery.floor() as floor:
        taken = await floor.taken("free")
        with pytest.raises(Refusal) as refused:
            await stations.let_go(floor.desk, floor.merchant_id, taken.number, PACKER)
        assert refused.value.code == "printing.not_stopped"


async def test_lifting_a_stop_by_hand_does_not_open_what_the_order_still_refuses(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("stubborn")
        await floor.printed(machine, taken)
        await floor.hears("stubborn", OrderEvent.REFUND_OPENED)
        await floor.events()
        await stations.let_go(floor.desk, floor.merchant_id, taken.number, PACKER)
        verdict = await stations.packed(floor.desk, floor.merchant_id, taken.number, PACKER)
        assert verdict.code == "printing.scan_stopped"
        assert await station_queries.packed(floor.db, taken.ref) is None


async def test_a_job_made_in_the_moment_of_the_event_is_stopped_when_its_turn_comes(printery: Printery) -> None:
    async with printery.floor() as floor:
        machine, taken = await floor.machine(), await floor.ordered("moment")
        await floor.hears("moment", OrderEvent.REFUND_OPENED)
        await floor.events()
        await floor.hears("moment", OrderEvent.REFUND_WITHDRAWN, 3)
        job = await floor.job(machine, taken)
        await floor.hears("moment", OrderEvent.REFUND_OPENED, 4)
        assert await floor.lease(machine) == []
        assert await floor.states(job) == [X]
        await floor.events()
        assert await floor.states(job) == [X]
