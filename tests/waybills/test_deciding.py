"""A person decides what no question can settle; until then nobody loses a unit or an order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from msgspec import structs

from miandan.connectors.faults import Fault, FaultPlan
from miandan.kernel.errors import Refusal
from miandan.vault.persons import erase_person
from miandan.waybills import deciding
from miandan.waybills.deciding import Doubt
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall, codes
from tests.waybills.world import SOMEBODY, parcel


@asynccontextmanager
async def in_doubt(heart: Heart, *, retake: bool = False, pieces: int = 1) -> AsyncIterator[tuple[Stall, Doubt]]:
    """A merchant whose order 1 hangs at EMS, which can be neither asked again nor queried."""
    async with heart.stall() as stall:
        if retake:
            await stall.one("yto", parcel("1", pieces=pieces))
        stall.world.carriers["ems"].plan(FaultPlan(Fault.DROP_ANSWER, times=1))
        assert codes(await stall.take("ems", parcel("1", pieces=pieces), retake=retake)) == ["take.in_doubt"]
        [doubt] = await deciding.doubts(stall.world.db, stall.merchant_id)
        yield stall, doubt


async def actions(stall: Stall) -> list[str]:
    rows = await stall.world.db.fetch(
        "SELECT action FROM audit_entry WHERE chain = $1 AND actor = 'clerk-1'", f"merchant:{stall.merchant_id}"
    )
    return [row["action"] for row in rows]


async def test_a_doubt_says_what_to_ask_the_carrier(heart: Heart) -> None:
    async with in_doubt(heart) as (stall, doubt):
        [issue] = await stall.at_carrier("ems")
        assert (str(doubt.intent_id), doubt.carrier, doubt.keys) == (issue.key, "ems", ("S10001/1",))


@pytest.mark.parametrize("pieces", [1, 3])
async def test_the_number_that_the_carrier_names_becomes_the_parcels(heart: Heart, pieces: int) -> None:
    async with in_doubt(heart, pieces=pieces) as (stall, doubt):
        issued = [issue.number for issue in await stall.at_carrier("ems")]
        taken = await deciding.say_issued(stall.world.counter, stall.merchant_id, doubt.intent_id, issued, "clerk-1")
        assert [taken.number, *taken.children] == issued
        again = await stall.one("ems", parcel("1", pieces=pieces))
        assert (again.number, again.children, again.known) == (taken.number, taken.children, True)
        assert await stall.used("ems") == pieces
        assert await deciding.doubts(stall.world.db, stall.merchant_id) == []
        assert await actions(stall) == ["intent.said_issued"]


async def test_a_retake_is_finished_with_the_number_named(heart: Heart) -> None:
    async with in_doubt(heart, retake=True) as (stall, doubt):
        [issue] = await stall.at_carrier("ems")
        await deciding.say_issued(stall.world.counter, stall.merchant_id, doubt.intent_id, [issue.number], "clerk-1")
        assert await stall.live_numbers() == {"S10001/1": issue.number}
        assert (await stall.balance("yto")).waiting == 1


async def test_what_the_carrier_does_not_know_is_free_again(heart: Heart) -> None:
    async with in_doubt(heart) as (stall, doubt):
        await deciding.say_lost(stall.world.counter, stall.merchant_id, doubt.intent_id, "clerk-1")
        assert (await stall.used("ems"), await stall.live_numbers()) == (0, {})
        assert codes(await stall.take("ems", parcel("1"))) == [""]
        assert await actions(stall) == ["intent.said_lost"]


@pytest.mark.parametrize("number", ["", "12345", "SF0001234567890"])
async def test_a_mistyped_number_changes_nothing(heart: Heart, number: str) -> None:
    async with in_doubt(heart) as (stall, doubt):
        with pytest.raises(Refusal, match=r"carrier\.number_breaks_rule"):
            await deciding.say_issued(stall.world.counter, stall.merchant_id, doubt.intent_id, [number], "clerk-1")
        assert (await stall.refusal("ems", "1")).code == "take.in_doubt"
        assert await actions(stall) == []


async def test_the_number_of_another_parcel_changes_nothing(heart: Heart) -> None:
    async with in_doubt(heart) as (stall, doubt):
        other = await stall.one("ems", "2")
        with pytest.raises(Refusal, match=r"carrier\.number_repeated"):
            await deciding.say_issued(
                stall.world.counter, stall.merchant_id, doubt.intent_id, [other.number], "clerk-1"
            )
        assert (await stall.refusal("ems", "1")).code == "take.in_doubt"
        assert await stall.used("ems") == 2


async def test_only_what_is_in_doubt_is_decided_and_only_by_its_merchant(heart: Heart) -> None:
    async with in_doubt(heart) as (stall, doubt), heart.stall() as other:
        for merchant, intent in ((other.merchant_id, doubt.intent_id), (stall.merchant_id, uuid4())):
            with pytest.raises(Refusal, match=r"intent\.not_in_doubt"):
                await deciding.say_lost(stall.world.counter, merchant, intent, "clerk-1")
        await deciding.say_lost(stall.world.counter, stall.merchant_id, doubt.intent_id, "clerk-1")
        with pytest.raises(Refusal, match=r"intent\.not_in_doubt"):
            await deciding.say_lost(stall.world.counter, stall.merchant_id, doubt.intent_id, "clerk-1")


@pytest.mark.parametrize("carrier", ["sf", "deppon"])
async def test_a_recipient_erased_in_the_meantime_stops_no_other_parcel(heart: Heart, carrier: str) -> None:
    somebody = structs.replace(SOMEBODY, phone="19000070003")
    async with heart.stall() as stall:
        stall.world.carriers[carrier].plan(FaultPlan(Fault.DROP_ANSWER, times=3))
        stall.world.carriers[carrier].plan(FaultPlan(Fault.SILENT_QUERY, times=1))
        first = parcel("1", recipient=somebody)
        assert codes(await stall.take(carrier, first)) == ["take.in_doubt"]
        await erase_person(stall.world.db, stall.world.vault, somebody.phone, actor="clerk-1")
        outcomes = await stall.take(carrier, parcel("1"), parcel("2"))
        # SF answers a query and so the number that was issued; at Deppon a person has to ask.
        assert codes(outcomes) == ["parcel.differs" if carrier == "sf" else "take.in_doubt", ""]
