"""Parent and child numbers (子母件): one parcel of several pieces, each piece with a number of its own."""

import pytest

from miandan.kernel.errors import Refusal
from miandan.waybills import lives
from tests.waybills.conftest import Heart
from tests.waybills.stall import codes
from tests.waybills.world import parcel


async def test_children_of_a_segment_carrier_have_whole_numbers_and_cost_a_unit_each(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1", "2", pieces=4))
        family = [taken.number, *taken.children]
        assert len(set(family)) == 4
        assert all(stall.world.counter.carrier("yto").accepts(number) for number in family)
        assert await stall.used("yto") == 4


async def test_sf_gives_children_numbers_of_their_own(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("sf", parcel("1", pieces=3))
        assert [issue.number for issue in await stall.at_carrier("sf")] == [taken.number, *taken.children]
        assert await stall.used("sf") == 3


async def test_jd_suffixes_its_parent_and_costs_one_unit(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("jd", parcel("1", pieces=3))
        assert taken.children == (f"{taken.number}-2-3-", f"{taken.number}-3-3-")
        assert await stall.used("jd") == 1
        waybill = await stall.waybill(taken.ref)
        assert waybill.barcode_text == f"{taken.number}-1-3-"


@pytest.mark.parametrize("carrier", ["yto", "sf", "jd", "zto_intl"])
async def test_the_same_parcel_again_has_the_same_children_in_order(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        first = await stall.one(carrier, parcel("1", pieces=12))
        again = await stall.one(carrier, parcel("1", pieces=12))
        assert (again.number, again.children, again.known) == (first.number, first.children, True)


@pytest.mark.parametrize("carrier", ["yto", "sf", "jd", "zto_intl"])
async def test_a_cancelled_parent_takes_its_children_along(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one(carrier, parcel("1", pieces=3))
        before = await stall.used(carrier)
        assert await stall.cancel(taken) == "cancelled"
        balance = await stall.balance(carrier)
        assert (balance.allocated, balance.waiting) == (0, before)
        assert await stall.live_numbers() == {}
        fresh = await stall.one(carrier, parcel("1", pieces=2))
        assert not {fresh.number, *fresh.children} & {taken.number, *taken.children}


@pytest.mark.parametrize("carrier", ["yto", "jd"])
async def test_a_child_is_not_cancelled_shipped_or_updated_alone(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one(carrier, parcel("1", pieces=2))
        [child] = taken.children
        counter, merchant = stall.world.counter, stall.merchant_id
        with pytest.raises(Refusal, match=r"waybill\.is_child"):
            await lives.cancel(counter, merchant, carrier, child)
        with pytest.raises(Refusal, match=r"waybill\.is_child"):
            await lives.update(counter, merchant, carrier, child, goods=[])
        assert len(await stall.live_numbers()) == 2


async def test_more_pieces_than_the_carrier_allows_are_refused_with_its_words(heart: Heart) -> None:
    async with heart.stall() as stall:
        assert codes(await stall.take("deppon", parcel("1", pieces=31), parcel("2", pieces=2))) == [
            "carrier.refused",
            "",
        ]
        assert await stall.used("deppon") == 2
