"""The four lives of a number: cancelled and recycled, shipped, scanned; in any order, late or twice."""

import asyncio
from datetime import datetime, timedelta

import pytest

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef
from miandan.accounts.model import Balance
from miandan.connectors.faults import Fault, FaultPlan
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.waybills import lives, queries
from miandan.waybills import service as waybills
from miandan.waybills.model import NumberState, Taken
from tests.waiting import until_a_lock_is_waited_for
from tests.waybills.conftest import Heart
from tests.waybills.stall import OFFICES, Stall, codes, numbers
from tests.waybills.world import parcel

EVERY_SUPPLY = pytest.mark.parametrize("carrier", ["yto", "sf", "zto_intl"], ids=["segment", "live", "list"])


async def recycle(stall: Stall, days: float) -> None:
    """The job, as if it were `days` from now."""
    await lives.recycle_due(stall.world.db, now() + timedelta(days=days))


async def scan(stall: Stall, taken: Taken, at: datetime | None = None) -> bool:
    return await lives.scanned(stall.world.db, taken.ref.carrier, taken.number, at or now())


async def ship(stall: Stall, taken: Taken, at: datetime | None) -> None:
    await lives.state_shipped(stall.world.db, stall.merchant_id, taken.ref.carrier, taken.number, at)


def free(balance: Balance) -> int:
    """Units that nobody has used; leases are refilled beside the takes, so only the sum stands still."""
    return balance.available + balance.leased


async def alarms(stall: Stall) -> list[str]:
    rows = await stall.world.db.fetch(
        "SELECT body ->> 'number' AS number FROM outbox WHERE topic = $1 AND source = $2",
        lives.VOID_WAS_SCANNED,
        f"merchant:{stall.merchant_id}",
    )
    return [row["number"] for row in rows]


@EVERY_SUPPLY
async def test_a_cancelled_number_gives_its_unit_back_after_the_waiting_days(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one(carrier, "1")
        opening = await stall.balance(carrier)
        waiting = stall.world.counter.carrier(carrier).terms().waiting_days
        assert await stall.cancel(taken) == NumberState.CANCELLED
        assert await stall.cancel(taken) == NumberState.CANCELLED
        await recycle(stall, waiting - 1)
        balance = await stall.balance(carrier)
        assert (balance.allocated, balance.waiting, balance.recycled) == (0, 1, 0)
        await recycle(stall, waiting + 1)
        await recycle(stall, waiting + 1)
        balance = await stall.balance(carrier)
        assert (balance.allocated, balance.waiting, balance.recycled) == (0, 0, 1)
        assert free(balance) == free(opening) + 1


async def test_a_cancelled_number_that_is_scanned_never_gives_its_unit_back(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        await stall.cancel(taken)
        await scan(stall, taken)
        await recycle(stall, 100)
        balance = await stall.balance("yto")
        assert (balance.allocated, balance.waiting) == (1, 0)
        assert await alarms(stall) == [taken.number]


@EVERY_SUPPLY
async def test_after_a_scan_nothing_is_cancelled(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one(carrier, "1")
        assert await scan(stall, taken)
        with pytest.raises(Refusal, match=r"cancel\.picked_up"):
            await stall.cancel(taken)
        assert (await stall.waybill(taken.ref)).state is NumberState.ISSUED
        assert await stall.live_numbers() == {taken.keys[0]: taken.number}


async def test_a_ship_statement_stands_in_the_way_until_it_is_withdrawn(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        await ship(stall, taken, now())
        with pytest.raises(Refusal, match=r"cancel\.shipped"):
            await stall.cancel(taken)
        await ship(stall, taken, None)
        assert await stall.cancel(taken) == NumberState.CANCELLED
        with pytest.raises(Refusal, match=r"waybill\.not_live"):
            await ship(stall, taken, now())


async def test_zto_never_cancels_and_recycles_what_was_not_used(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("zto", "1")
        with pytest.raises(Refusal, match=r"cancel\.never"):
            await stall.cancel(taken)
        assert (await stall.waybill(taken.ref)).state is NumberState.ISSUED
        idle = stall.world.counter.carrier("zto").terms().idle_days
        await recycle(stall, idle - 1)
        assert await stall.used("zto") == 1
        await recycle(stall, idle + 1)
        balance = await stall.balance("zto")
        assert (balance.allocated, balance.recycled) == (0, 1)
        assert await stall.live_numbers() == {}
        assert (await stall.one("zto", "1")).number != taken.number


async def test_a_superseded_number_that_cannot_be_cancelled_is_recycled_when_idle(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.one("zto", "1")
        new = await stall.one("yto", "1", retake=True)
        await ship(stall, new, now())
        await recycle(stall, 61)
        assert (await stall.balance("zto")).recycled == 1
        assert await stall.live_numbers() == {new.keys[0]: new.number}


async def test_what_was_shipped_or_scanned_is_not_idle(heart: Heart) -> None:
    async with heart.stall() as stall:
        shipped, scanned, idle = [await stall.one("yto", order) for order in "123"]
        await ship(stall, shipped, now())
        await scan(stall, scanned)
        await recycle(stall, 100)
        assert await stall.used("yto") == 2
        assert (await stall.waybill(idle.ref)).state is NumberState.RECYCLED


@pytest.mark.parametrize("how", ["cancel", "retake"])
async def test_a_piece_that_was_recycled_before_its_parent_is_void_gives_its_unit_back_once(
    heart: Heart, how: str
) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1", pieces=2))
        terms = stall.world.counter.carrier("yto").terms()
        async with stall.world.db.transaction() as tx:  # somebody holds the parent just then: the job passes it over
            await queries.waybills_for_update(tx, [taken.ref])
            await recycle(stall, terms.idle_days + 1)
        child = await stall.waybill(queries.sibling(taken.ref, taken.children[0]))
        assert child.state is NumberState.RECYCLED
        if how == "cancel":
            assert await stall.cancel(taken) is NumberState.CANCELLED
        else:
            await stall.one("sto", parcel("1", pieces=2), retake=True)
        assert (await stall.waybill(child.ref)).state is NumberState.RECYCLED
        await recycle(stall, terms.idle_days + terms.waiting_days + 1)
        balance = await stall.balance("yto")
        assert (balance.allocated, balance.waiting, balance.recycled) == (0, 0, 2)


async def test_recycling_waits_for_the_accounts_in_their_own_order(heart: Heart) -> None:
    """As whoever closes the leases of a dead worker does, who may hold several accounts too."""
    async with heart.stall() as stall:
        db = stall.world.db
        first, second = await stall.account("yto"), await stall.opens("yto", OFFICES["yto"], brand="示例品牌")
        lower = await waybills.take(stall.world.counter, await stall.request(second, [parcel("1")]))
        assert [""] < numbers(lower) < [(await stall.one("yto", "2")).number], "the job meets the second account first"
        async with db.transaction() as tx:
            await leases.hold_account(tx, AccountRef(stall.merchant_id, first.account_id))
            job = asyncio.create_task(recycle(stall, 100))
            await until_a_lock_is_waited_for(db)
            await leases.hold_account(tx, AccountRef(stall.merchant_id, second.account_id))
        await job
        assert (await stall.balance("yto")).recycled == 1


@pytest.mark.parametrize("what", ["ship", "scan a child", "scan the parent"])
async def test_the_pieces_of_a_parcel_under_way_are_not_idle(heart: Heart, what: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1", pieces=3))
        if what == "ship":
            await ship(stall, taken, now())
        else:
            number = taken.children[1] if what == "scan a child" else taken.number
            await lives.scanned(stall.world.db, "yto", number, now())
        await recycle(stall, 100)
        assert await stall.used("yto") == 3
        with pytest.raises(Refusal, match=r"cancel\."):
            await stall.cancel(taken)
        assert (await stall.refusal("sto", parcel("1", pieces=3), retake=True)).code.startswith("cancel.")


async def test_shipping_and_withdrawing_holds_for_all_pieces(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1", pieces=2))
        with pytest.raises(Refusal, match=r"waybill\.is_child"):
            await lives.state_shipped(stall.world.db, stall.merchant_id, "yto", taken.children[0], now())
        await ship(stall, taken, now())
        await ship(stall, taken, None)
        assert await stall.cancel(taken) == NumberState.CANCELLED


async def test_a_recycled_number_that_is_scanned_debits_again_once_and_raises_an_alarm(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        before = await stall.balance("yto")
        await stall.cancel(taken)
        await recycle(stall, 16)
        for _ in range(3):
            assert await scan(stall, taken)
        assert free(await stall.balance("yto")) == free(before)
        assert await alarms(stall) == [taken.number]
        await recycle(stall, 1000)
        after = await stall.balance("yto")
        assert (free(after), after.allocated, after.recycled) == (free(before), 1, 0), "a number that travelled is used"


async def test_a_re_debit_may_take_available_below_zero_and_then_takes_are_refused(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.account("yto", units=1)
        first = await stall.one("yto", "1")
        await stall.cancel(first)
        await recycle(stall, 16)
        await stall.one("yto", "2")
        await scan(stall, first)
        assert (await stall.balance("yto")).available == -1
        assert codes(await stall.take("yto", parcel("3"))) == ["units.exhausted"]


@pytest.mark.parametrize("hours", [(3, 1, 2), (1, 2, 3), (2, 3, 1)], ids=str)
async def test_the_first_scan_is_kept_whatever_the_order_they_come_in(heart: Heart, hours: tuple[int, ...]) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        start = now()
        for hour in (*hours, *hours):
            await scan(stall, taken, start + timedelta(hours=hour))
        assert (await stall.waybill(taken.ref)).first_scan_at == start + timedelta(hours=1)


async def test_a_scan_of_nobodys_number_changes_nothing(heart: Heart) -> None:
    async with heart.stall() as stall:
        assert not await lives.scanned(stall.world.db, "yto", "YT0009999999999", now())
        assert not await lives.scanned(stall.world.db, "sf", "SF0009999999999", now())
        assert not await lives.scanned(stall.world.db, "yto", "'; DROP TABLE waybill; --", now())


async def test_jds_first_package_is_known_by_what_its_bars_say(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("jd", parcel("1", pieces=2))
        barcode = (await stall.waybill(taken.ref)).barcode_text
        assert barcode != taken.number
        assert await lives.scanned(stall.world.db, "jd", barcode, now())
        assert (await stall.waybill(taken.ref)).first_scan_at is not None
        assert await lives.read_for_delivery(stall.world.counter, "jd", barcode, "courier-1")


async def test_a_carrier_that_refuses_to_cancel_leaves_the_number_as_it_was(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("sf", "1")
        stall.world.carriers["sf"].plan(FaultPlan(Fault.REFUSE_CANCEL, times=1, text="【示例】已揽收"))
        with pytest.raises(Refusal, match=r"cancel\.refused_by_carrier.*已揽收"):
            await stall.cancel(taken)
        assert (await stall.waybill(taken.ref)).state is NumberState.ISSUED
        assert (await stall.one("sf", "1")).number == taken.number
        assert await stall.cancel(taken) == NumberState.CANCELLED


async def test_a_lost_cancel_answer_keeps_the_number_from_use_until_it_is_known(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("sf", "1")
        stall.world.carriers["sf"].plan(FaultPlan(Fault.DROP_CANCEL_ANSWER, times=2))
        with pytest.raises(Refusal, match=r"cancel\.in_doubt"):
            await stall.cancel(taken)
        assert (await stall.refusal("sf", "1")).code == "cancel.in_doubt"
        assert await stall.used("sf") == 1
        with pytest.raises(Refusal, match=r"waybill\.not_live"):
            await ship(stall, taken, now())
        assert await stall.cancel(taken) == NumberState.CANCELLED
        fresh = await stall.one("sf", "1")
        assert fresh.number != taken.number
        balance = await stall.balance("sf")
        assert (balance.allocated, balance.waiting) == (1, 1)


async def test_a_take_learns_the_outcome_of_a_doubtful_cancellation_by_itself(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("sf", "1")
        stall.world.carriers["sf"].plan(FaultPlan(Fault.DROP_CANCEL_ANSWER, times=1))
        with pytest.raises(Refusal, match=r"cancel\.in_doubt"):
            await stall.cancel(taken)
        assert (await stall.one("sf", "1")).number != taken.number
        assert (await stall.waybill(taken.ref)).state is NumberState.CANCELLED


async def test_a_job_ends_cancellations_that_were_left_open(heart: Heart) -> None:
    async with heart.stall() as stall:
        lost, refused, superseded, never = [
            await stall.one(carrier, order) for carrier, order in (("sf", "1"), ("sf", "2"), ("jd", "3"), ("zto", "4"))
        ]
        stall.world.carriers["sf"].plan(FaultPlan(Fault.DROP_CANCEL_ANSWER, times=2))
        for one in (lost, refused):
            with pytest.raises(Refusal, match=r"cancel\.in_doubt"):
                await stall.cancel(one)
        stall.world.carriers["jd"].plan(FaultPlan(Fault.REFUSE_CANCEL, times=1))
        await stall.take("yto", parcel("3"), parcel("4"), retake=True)
        await scan(stall, refused)
        await lives.finish_all_cancelling(stall.world.counter)
        states = [(await stall.waybill(one.ref)).state.value for one in (lost, refused, superseded, never)]
        assert states == ["cancelled", "cancelled", "cancelled", "cancel_requested"]


async def test_nobody_cancels_what_is_not_his(heart: Heart) -> None:
    async with heart.stall() as stall, heart.stall() as other:
        taken = await stall.one("yto", "1")
        with pytest.raises(Refusal, match=r"waybill\.unknown"):
            await lives.cancel(other.world.counter, other.merchant_id, "yto", taken.number)
        assert await stall.live_numbers()


async def test_the_ledger_tells_every_move(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", "1")
        await stall.cancel(taken)
        await recycle(stall, 16)
        await scan(stall, taken)
        rows = await stall.world.db.fetch(
            "SELECT kind, units FROM unit_entry WHERE merchant_id = $1 AND subject = $2 ORDER BY at",
            stall.merchant_id,
            taken.number,
        )
        assert [tuple(row) for row in rows] == [("cancel", 0), ("recycle", 1), ("re_debit", -1)]
