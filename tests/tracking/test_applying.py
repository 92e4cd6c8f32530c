"""What scans do to waybills: whoever the number belongs to, whenever it was taken, whatever became of it."""

import asyncio
from datetime import timedelta

import pytest

from miandan.branches import service as branches
from miandan.branches.model import DirectoryRow, Source
from miandan.cli.check import check
from miandan.connectors.faults import Fault, FaultPlan
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.tracking import applying, service
from miandan.tracking.model import BEFORE_COLLECTION, Action
from miandan.waybills import lives
from miandan.waybills.model import NumberState
from tests.conftest import FreshDatabase
from tests.tracking.travel import at, deliver, nobodys, scan
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall, open_stall
from tests.waybills.world import open_world, parcel

PHYSICAL = sorted(set(Action) - BEFORE_COLLECTION)


async def told(stall: Stall, *scans: object) -> None:
    await service.push(stall.world.db, scans)  # type: ignore[arg-type]
    await deliver(stall.world)


async def alarms(stall: Stall) -> int:
    return await stall.count(
        f"SELECT count(*) FROM outbox WHERE topic = '{lives.VOID_WAS_SCANNED}' AND source = 'merchant:' || $1::bigint"
    )


@pytest.mark.parametrize("hours", [(3, 1, 2), (1, 2, 3), (2, 3, 1)], ids=str)
async def test_the_first_scan_reaches_the_waybill_in_any_order(road: Heart, hours: tuple[int, ...]) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", "1")
        for hour in (*hours, *hours):
            await told(stall, scan(taken, Action.ARRIVED, hour))
        assert (await stall.waybill(taken.ref)).first_scan_at == at(1)


async def test_signature_and_return_are_noted_once_at_their_earliest(road: Heart) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", "1")
        await told(stall, scan(taken, Action.SIGNED, 9), scan(taken, Action.COLLECTED, 1))
        await told(stall, scan(taken, Action.SIGNED, 8), scan(taken, Action.RETURNED, 12))
        waybill = await stall.waybill(taken.ref)
        assert (waybill.first_scan_at, waybill.signed_at, waybill.returned_at) == (at(1), at(8), at(12))


@pytest.mark.parametrize("action", sorted(BEFORE_COLLECTION))
async def test_what_is_said_before_collection_does_not_stop_a_cancellation(road: Heart, action: Action) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", "1")
        await told(stall, scan(taken, action))
        assert (await stall.waybill(taken.ref)).first_scan_at is None
        assert await stall.cancel(taken) == NumberState.CANCELLED
        assert await alarms(stall) == 0


@pytest.mark.parametrize("action", PHYSICAL)
async def test_every_scan_of_a_parcel_in_hand_stops_a_cancellation(road: Heart, action: Action) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", "1")
        await told(stall, scan(taken, action))
        with pytest.raises(Refusal, match=r"cancel\.picked_up"):
            await stall.cancel(taken)


async def test_a_cancelled_number_that_is_scanned_raises_one_alarm(road: Heart) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", "1")
        await stall.cancel(taken)
        await lives.recycle_due(stall.world.db, now() + timedelta(days=16))
        await told(stall, scan(taken, Action.ACCEPTED))
        assert (await stall.waybill(taken.ref)).state is NumberState.RECYCLED
        for hour in (1, 2, 3):
            await told(stall, scan(taken, Action.ARRIVED, hour), scan(taken, Action.ARRIVED, hour))
        assert await alarms(stall) == 1
        assert (await stall.waybill(taken.ref)).state is NumberState.ISSUED
        assert await stall.used("yto") == 1


async def test_a_piece_is_scanned_for_itself_and_speaks_for_all(road: Heart) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", parcel("1", pieces=3))
        child = taken.children[1]
        await told(stall, scan(child, Action.COLLECTED, 2))
        [route, none] = [await service.route_of(stall.world.db, "yto", number) for number in (child, taken.number)]
        assert (len(route), none) == (1, [])
        with pytest.raises(Refusal, match=r"cancel\.picked_up"):
            await stall.cancel(taken)


async def test_what_the_bars_of_jds_first_package_say_is_its_number(road: Heart) -> None:
    async with road.stall() as stall:
        taken = await stall.one("jd", parcel("1", pieces=2))
        barcode = (await stall.waybill(taken.ref)).barcode_text
        assert barcode != taken.number
        await told(stall, scan(barcode, Action.COLLECTED, 2, carrier="jd"), scan(taken, Action.ARRIVED, 3))
        assert (await stall.waybill(taken.ref)).first_scan_at == at(2)
        routes = [await service.route_of(stall.world.db, "jd", text) for text in (barcode, taken.number)]
        assert [one.action for one in routes[0]] == [Action.COLLECTED, Action.ARRIVED]
        assert routes[0] == routes[1]


async def test_a_package_that_was_never_taken_belongs_to_its_parent(road: Heart) -> None:
    async with road.stall() as stall:
        taken = await stall.one("jd", parcel("1"))
        await told(stall, scan(f"{taken.number}-2-3-", Action.COLLECTED, 1, carrier="jd"))
        await told(stall, scan(taken, Action.ARRIVED, 3))
        assert (await stall.waybill(taken.ref)).first_scan_at == at(1)
        route = await service.route_of(stall.world.db, "jd", taken.number)
        assert [one.action for one in route] == [Action.COLLECTED, Action.ARRIVED]


async def test_a_number_that_nobody_knows_is_kept_and_listed(road: Heart) -> None:
    async with road.world() as world:
        number, announced = nobodys(), nobodys()
        await service.push(world.db, [scan(number), scan(number, Action.SIGNED, 3), scan(announced, Action.ORDERED)])
        listed = {one.stand.number for one in await service.untaken_numbers(world.db, "yto", limit=10_000)}
        assert number not in listed, "the directory was not asked yet"
        await deliver(world)
        found = {one.stand.number: one for one in await service.untaken_numbers(world.db, "yto", limit=10_000)}
        assert (found[number].merchant_id, found[number].stand.scans) == (None, 2)
        assert (found[number].stand.last_action, found[number].stand.signed_at) == (Action.SIGNED, at(3))
        assert announced not in found, "nobody has the parcel yet"
        assert number not in {one.stand.number for one in await service.untaken_numbers(world.db, "sto")}


async def test_an_unused_number_of_a_merchant_that_is_scanned_names_the_merchant(road: Heart) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", "1")
        unused = f"YT{int(taken.number[2:]) + 1:013d}"  # the lease holds more serials than were drawn
        await told(stall, scan(unused, Action.COLLECTED, 1))
        found = {one.stand.number: one for one in await service.untaken_numbers(stall.world.db, limit=10_000)}
        assert found[unused].merchant_id == stall.merchant_id
        later = [await stall.one("yto", str(order)) for order in range(2, 5)]
        [then] = [one for one in later if one.number == unused]
        await applying.apply_waiting(stall.world.db, stall.world.vault)
        assert (await stall.waybill(then.ref)).first_scan_at == at(1)
        assert await applying.apply_waiting(stall.world.db, stall.world.vault) == 0
        found = {one.stand.number: one for one in await service.untaken_numbers(stall.world.db, limit=10_000)}
        assert unused not in found


async def test_a_live_number_scanned_while_its_take_is_in_doubt_is_applied_once_it_is_known(road: Heart) -> None:
    async with road.stall() as stall:
        world = stall.world
        for plan in (FaultPlan(Fault.DROP_ANSWER, times=3), FaultPlan(Fault.SILENT_QUERY, times=1)):
            world.carriers["jd"].plan(plan)
        assert (await stall.refusal("jd", "1")).code == "take.in_doubt"
        [issue] = await stall.at_carrier("jd")
        await told(stall, scan(issue.number, Action.COLLECTED, 1, carrier="jd"))
        assert await applying.apply_waiting(world.db, world.vault) == 0
        taken = await stall.one("jd", "1")
        assert taken.number == issue.number
        assert (await stall.waybill(taken.ref)).first_scan_at is None
        assert await applying.apply_waiting(world.db, world.vault) == 1
        assert (await stall.waybill(taken.ref)).first_scan_at == at(1)


async def test_a_handed_in_number_waits_in_the_inbox_until_it_has_a_waybill(road: Heart) -> None:
    async with road.stall() as stall:
        number = nobodys()
        await told(stall, scan(number, Action.COLLECTED, 1))
        async with stall.world.db.transaction() as tx:
            row = DirectoryRow("yto", number, stall.merchant_id, now().date().replace(day=1), Source.HAND, now())
            assert await branches.note_numbers(tx, [row]) == ()
        assert await applying.apply_waiting(stall.world.db, stall.world.vault) == 0
        found = {one.stand.number: one for one in await service.untaken_numbers(stall.world.db, limit=10_000)}
        assert found[number].merchant_id == stall.merchant_id


async def test_two_programs_that_apply_the_same_scans_spend_one_unit(road: Heart) -> None:
    async with road.stall() as stall:
        taken = [await stall.one("yto", str(order)) for order in range(6)]
        for one in taken:
            await stall.cancel(one)
        await lives.recycle_due(stall.world.db, now() + timedelta(days=16))
        for hour in range(3):
            await service.push(stall.world.db, [scan(one, Action.ARRIVED, hour) for one in taken])
        early = applying.apply_waiting(stall.world.db, stall.world.vault)
        await asyncio.gather(*(deliver(stall.world) for _ in range(4)), early)
        await deliver(stall.world)
        assert await alarms(stall) == len(taken)
        assert await stall.used("yto") == len(taken)


async def test_nobody_sees_the_route_of_anothers_number_or_before_it_is_shipped(road: Heart) -> None:
    async with road.stall() as stall:
        other = await open_stall(stall.world)
        taken = await stall.one("yto", "1")
        await told(stall, scan(taken))
        db, where = stall.world.db, ("yto", taken.number)
        with pytest.raises(Refusal, match=r"scan\.not_shipped"):
            await service.route_of_merchant(db, stall.merchant_id, *where)
        await lives.state_shipped(db, stall.merchant_id, *where, now())
        assert len(await service.route_of_merchant(db, stall.merchant_id, *where)) == 1
        for merchant_id, number in ((other.merchant_id, taken.number), (stall.merchant_id, nobodys())):
            with pytest.raises(Refusal, match=r"waybill\.unknown"):
                await service.route_of_merchant(db, merchant_id, "yto", number)


async def test_the_stands_of_many_numbers_are_read_at_once(road: Heart) -> None:
    async with road.stall() as stall:
        first, second, third = [await stall.one("yto", order) for order in "123"]
        await told(stall, scan(first, Action.SIGNED, 5, city="上海市"), scan(first, Action.COLLECTED, 1, city="杭州市"))
        await told(stall, scan(second, Action.ACCEPTED, 2))
        found = await service.stands(stall.world.db, [one.ref for one in (first, second, third)])
        assert set(found) == {first.ref, second.ref}
        assert (found[first.ref].last_action, found[first.ref].last_city) == (Action.SIGNED, "上海市")
        assert (found[first.ref].first_scan_at, found[first.ref].signed_at) == (at(1), at(5))
        assert (found[second.ref].last_action, found[second.ref].first_scan_at) == (Action.ACCEPTED, None)
        assert await service.stands(stall.world.db, []) == {}


async def test_a_courier_who_agrees_to_come_can_be_seen_and_the_number_still_be_cancelled(road: Heart) -> None:
    async with road.stall() as stall:
        taken = await stall.one("yto", "1")
        for _ in range(2):
            await service.accept_collection(
                stall.world.db,
                "yto",
                taken.number,
                at(1),
                site_name="余杭",
                courier="李四",
                courier_phone="13911112222",
            )
        await deliver(stall.world)
        [said] = await service.route_of(stall.world.db, "yto", taken.number)
        assert (said.action, said.courier, said.courier_phone) == (Action.ACCEPTED, "李*", "13911112222")
        assert await stall.cancel(taken) == NumberState.CANCELLED


@pytest.mark.parametrize("carrier", ["yto", "zto", "sf"])
async def test_a_carriers_cancellation_frees_the_order_and_lets_the_unit_wait(road: Heart, carrier: str) -> None:
    async with road.stall() as stall:
        taken = await stall.one(carrier, "1")
        assert await service.cancelled_by_carrier(stall.world.db, carrier, taken.number, "超区，联系13800001234")
        assert not await service.cancelled_by_carrier(stall.world.db, carrier, taken.number, "超区")
        assert (await stall.waybill(taken.ref)).state is NumberState.CANCELLED
        balance = await stall.balance(carrier)
        assert (balance.allocated, balance.waiting) == (0, 1)
        [said] = await service.route_of(stall.world.db, carrier, taken.number)
        assert (said.action, said.text) == (Action.CANCELLED, "超区，联系***********")
        await deliver(stall.world)
        assert await alarms(stall) == 0
        assert (await stall.one(carrier, "1")).number != taken.number


async def test_a_carrier_cannot_cancel_what_it_holds_or_what_was_shipped_or_nobody_took(road: Heart) -> None:
    async with road.stall() as stall:
        db = stall.world.db
        held, shipped, whole = [await stall.one("yto", order) for order in "12"] + [
            await stall.one("yto", parcel("3", pieces=2))
        ]
        await told(stall, scan(held))
        await lives.state_shipped(db, stall.merchant_id, "yto", shipped.number, now())
        for number, code in (
            (held.number, r"cancel\.picked_up"),
            (shipped.number, r"cancel\.shipped"),
            (whole.children[0], r"waybill\.is_child"),
            (nobodys(), r"waybill\.unknown"),
        ):
            with pytest.raises(Refusal, match=code):
                await service.cancelled_by_carrier(db, "yto", number, "")
        assert await service.cancelled_by_carrier(db, "yto", whole.number, "")
        assert await stall.used("yto") == 2


async def test_a_signed_parcel_is_read_by_its_carrier_for_some_days_more(road: Heart) -> None:
    async with road.stall() as stall:
        early, late = await stall.one("yto", "1"), await stall.one("yto", "2")
        await told(stall, scan(early, Action.SIGNED, 5))
        await told(stall, scan(late, Action.SIGNED, moment=now() - timedelta(days=8)))
        assert await lives.read_for_delivery(stall.world.counter, "yto", early.number, "courier-1")
        with pytest.raises(Refusal, match=r"vault\.too_late"):
            await lives.read_for_delivery(stall.world.counter, "yto", late.number, "courier-1")


async def test_a_scan_that_waits_in_the_outbox_breaks_no_promise(
    fresh_database: FreshDatabase, tmp_path: object
) -> None:
    async with fresh_database() as db, open_world(db, tmp_path) as world:  # type: ignore[arg-type]
        stall = await open_stall(world)
        taken = await stall.one("yto", "1")
        await told(stall, scan(taken, Action.ARRIVED, 5))
        await service.push(db, [scan(taken, Action.COLLECTED, 2), scan(taken, Action.SIGNED, 9)])
        assert (await check(db)).broken == ()
        await db.execute("UPDATE outbox SET done_at = now() WHERE topic = 'tracking.scanned'")
        assert (await check(db)).broken == ("scans_reach_waybill",)
