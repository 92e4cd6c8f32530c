"""Retake (换单): a new number on another account; the old one is void from that moment, whatever its carrier says."""

import asyncio
from datetime import timedelta

import pytest

from miandan.connectors.faults import Fault, FaultPlan
from miandan.kernel.clock import now
from miandan.waybills import live, lives
from miandan.waybills.model import NumberState, Taken
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall, codes
from tests.waybills.world import parcel

NEVER = timedelta(hours=1)
"""A settle time that does not pass while a test runs, however slow the machine is."""


async def states(stall: Stall, *taken: Taken) -> list[tuple[str, str | None]]:
    return [((one := await stall.waybill(each.ref)).state.value, one.superseded_by) for each in taken]


async def test_from_segment_to_segment_the_old_number_is_cancelled_and_names_its_successor(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = await stall.one("yto", parcel("1", "2"))
        new = await stall.one("sto", parcel("1", "2"), retake=True)
        assert not new.known
        assert await states(stall, old, new) == [("cancelled", new.number), ("issued", None)]
        assert set((await stall.live_numbers()).values()) == {new.number}
        before, after = await stall.balance("yto"), await stall.balance("sto")
        assert (before.allocated, before.waiting, after.allocated) == (0, 1, 1)


async def test_from_a_carrier_that_never_cancels_the_old_number_is_void_all_the_same(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = await stall.one("zto", "1")
        new = await stall.one("yto", "1", retake=True)
        assert await states(stall, old) == [("cancel_requested", new.number)]
        assert await stall.live_numbers() == {new.keys[0]: new.number}
        assert await stall.used("zto") == 1, "its unit is spent until the idle days are over"


async def test_to_a_live_carrier_and_back(heart: Heart) -> None:
    async with heart.stall() as stall:
        first = await stall.one("yto", "1")
        second = await stall.one("sf", "1", retake=True)
        third = await stall.one("sto", "1", retake=True)
        assert await states(stall, first, second, third) == [
            ("cancelled", second.number),
            ("cancelled", third.number),
            ("issued", None),
        ]
        assert [(issue.number, issue.cancelled) for issue in await stall.at_carrier("sf")] == [(second.number, True)]
        assert await stall.live_numbers() == {third.keys[0]: third.number}
        assert [await stall.used(carrier) for carrier in ("yto", "sf", "sto")] == [0, 0, 1]


async def test_between_live_carriers(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = await stall.one("jd", parcel("1", pieces=3))
        new = await stall.one("sf", parcel("1", pieces=2), retake=True)
        assert len(new.children) == 1
        assert (await stall.waybill(old.ref)).superseded_by == new.number
        assert all(issue.cancelled for issue in await stall.at_carrier("jd"))
        assert sorted((await stall.live_numbers()).values()) == sorted([new.number, *new.children])
        assert (await stall.used("jd"), await stall.used("sf")) == (0, 2)


async def test_children_become_void_with_their_parent(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.one("yto", parcel("1", pieces=3))
        new = await stall.one("sto", "1", retake=True)
        voided = await stall.count(
            "SELECT count(*) FROM waybill WHERE merchant_id = $1 AND superseded_by = $2 AND number_state = 'cancelled'",
            new.number,
        )
        assert voided == 3
        assert list((await stall.live_numbers()).values()) == [new.number]


async def test_retaking_again_keeps_the_new_number(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.one("yto", "1")
        new = await stall.one("sto", "1", retake=True)
        again = await stall.one("sto", "1", retake=True)
        assert (again.number, again.known) == (new.number, True)
        assert await stall.used("sto") == 1


async def test_asking_for_a_retake_of_a_new_order_is_an_ordinary_take(heart: Heart) -> None:
    async with heart.stall() as stall:
        assert not (await stall.one("sto", "1", retake=True)).known


async def test_without_units_for_a_new_number_the_old_one_stays(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.account("sto", units=0)
        old = await stall.one("yto", "1")
        assert (await stall.refusal("sto", "1", retake=True)).code == "units.exhausted"
        assert await states(stall, old) == [("issued", None)]
        assert await stall.live_numbers() == {old.keys[0]: old.number}


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.BREAK_RULE])
async def test_when_the_new_carrier_gives_nothing_the_old_number_stays(heart: Heart, fault: Fault) -> None:
    async with heart.stall() as stall:
        old = await stall.one("yto", "1")
        stall.world.carriers["sf"].plan(FaultPlan(fault, times=1))
        assert (await stall.refusal("sf", "1", retake=True)).code.startswith("carrier.")
        assert await states(stall, old) == [("issued", None)]
        assert await stall.live_numbers() == {old.keys[0]: old.number}
        assert await stall.used("sf") == 0


@pytest.mark.parametrize("carrier", ["sto", "sf"], ids=["to a segment", "to a live carrier"])
async def test_a_number_under_way_is_not_replaced_and_nobody_is_asked_for_another(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        scanned, shipped = await stall.one("yto", "1"), await stall.one("yto", "2")
        await lives.scanned(stall.world.db, "yto", scanned.number, now())
        await lives.state_shipped(stall.world.db, stall.merchant_id, "yto", shipped.number, now())
        outcomes = await stall.take(carrier, parcel("1"), parcel("2"), retake=True)
        assert codes(outcomes) == ["cancel.picked_up", "cancel.shipped"]
        assert await stall.used(carrier) == 0
        assert await stall.at_carrier("sf") == []


async def test_a_scan_during_the_call_keeps_the_old_number_and_gives_the_new_one_back(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with heart.stall() as stall:
        old = await stall.one("yto", "1")
        carrier = stall.world.carriers["sf"]
        answer = carrier.take

        async def scanned_meanwhile(ask: object) -> object:
            answered = await answer(ask)  # type: ignore[arg-type]
            await lives.scanned(stall.world.db, "yto", old.number, now())
            return answered

        monkeypatch.setattr(carrier, "take", scanned_meanwhile)
        assert (await stall.refusal("sf", "1", retake=True)).code == "cancel.picked_up"
        assert await stall.live_numbers() == {old.keys[0]: old.number}
        assert [issue.cancelled for issue in await stall.at_carrier("sf")] == [True]
        assert await stall.used("sf") == 0


async def test_a_retake_in_doubt_keeps_the_old_number_until_the_outcome_is_known(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = await stall.one("yto", "1")
        jd = stall.world.carriers["jd"]
        promised, jd.settle = jd.settle, NEVER
        jd.plan(FaultPlan(Fault.SETTLE_LATE, times=1))
        assert (await stall.refusal("jd", "1", retake=True)).code == "take.in_doubt"
        assert await states(stall, old) == [("issued", None)]
        jd.settle = promised
        new = await stall.one("jd", "1", retake=True)  # waits for the settle time, which is short
        assert [issue.number for issue in await stall.at_carrier("jd")] == [new.number]
        assert await states(stall, old) == [("cancelled", new.number)]
        assert await stall.live_numbers() == {new.keys[0]: new.number}
        assert (await stall.used("jd"), await stall.used("yto")) == (1, 0)


async def test_a_retake_that_its_job_settles_cancels_the_old_number_too(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = await stall.one("sf", "1")
        jd = stall.world.carriers["jd"]
        jd.settle = NEVER
        jd.plan(FaultPlan(Fault.SETTLE_LATE, times=1))
        await stall.refusal("jd", "1", retake=True)
        jd.settle = timedelta(0)  # so much later
        await live.settle_all(stall.world.counter)
        [(state, successor)] = await states(stall, old)
        assert state == NumberState.CANCELLED
        assert list((await stall.live_numbers()).values()) == [successor]
        assert [issue.cancelled for issue in await stall.at_carrier("sf")] == [True]


async def test_the_old_carrier_may_refuse_to_cancel_and_the_number_is_void_here(heart: Heart) -> None:
    async with heart.stall() as stall:
        old = await stall.one("sf", "1")
        stall.world.carriers["sf"].plan(FaultPlan(Fault.REFUSE_CANCEL, times=1))
        new = await stall.one("yto", "1", retake=True)
        assert await states(stall, old) == [("cancel_requested", new.number)]
        assert await stall.live_numbers() == {new.keys[0]: new.number}


async def test_two_retakes_at_once_agree_on_one_number(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.one("yto", "1")
        await stall.account("sto")
        answers = await asyncio.gather(*(stall.take("sto", parcel("1"), retake=True) for _ in range(4)))
        given = {one.number for [one] in answers if isinstance(one, Taken)}
        assert list((await stall.live_numbers()).values()) == list(given)
        assert await stall.used("sto") == 1
        assert [codes(answer) for answer in answers] == [[""]] * 4
