"""Taking numbers on a real PostgreSQL."""

import asyncio
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.waybills.model import Refused, Taken
from tests.conftest import FreshDatabase
from tests.waybills.world import open_world, parcel


def numbers(outcomes: list[Taken | Refused]) -> list[str]:
    return [outcome.number for outcome in outcomes if isinstance(outcome, Taken)]


async def test_each_parcel_gets_a_number_of_its_carriers_rule(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    async with fresh_database() as db, open_world(db, tmp_path) as world:
        taken = numbers(await world.take("zto", parcel("1"), parcel("2"), parcel("3")))
        carrier = world.counter.carrier("zto")
        assert len(set(taken)) == 3
        assert all(carrier.accepts(number) for number in taken)
        balance = await world.balance("zto")
        assert balance.allocated == 3
        assert balance.received == balance.available + balance.leased + balance.allocated


async def test_the_same_order_again_keeps_its_number(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    async with fresh_database() as db, open_world(db, tmp_path) as world:
        [first] = await world.take("zto", parcel("1"))
        [again] = await world.take("zto", parcel("1"))
        assert isinstance(first, Taken)
        assert isinstance(again, Taken)
        assert again.number == first.number
        assert again.known
        assert not first.known


async def test_concurrent_takes_of_one_order_agree_on_one_number(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    async with fresh_database() as db, open_world(db, tmp_path) as world:
        answers = await asyncio.gather(*(world.take("zto", parcel("1"), parcel("2")) for _ in range(16)))
        assert len({tuple(numbers(answer)) for answer in answers}) == 1
        assert (await world.balance("zto")).allocated == 2


async def test_a_take_that_comes_while_the_counter_closes_is_refused_and_does_not_wait(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    async with fresh_database() as db, open_world(db, tmp_path) as world:
        await world.counter.desk.close()
        async with asyncio.timeout(15):
            with pytest.raises(Refusal) as refused:
                await world.take("zto", parcel("1"))
        assert refused.value.code == "take.closing"
