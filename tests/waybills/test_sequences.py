"""Whatever happens in whatever order: the units add up, and no order ever has two live numbers.

Each example is a new merchant on the shared database; a model beside it remembers what it was told.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.waybills import lives
from miandan.waybills.model import Refused, Taken
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall, open_stall
from tests.waybills.world import World, parcel

CARRIERS = ("zto", "yto", "sf", "jd", "zto_intl")
UNITS = 12
ORDERS = st.integers(0, 3)
PIECES = st.sampled_from([1, 1, 1, 2, 3])
STEPS = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(CARRIERS), ORDERS, PIECES),
    st.tuples(st.just("retake"), st.sampled_from(CARRIERS), ORDERS, PIECES),
    st.tuples(st.sampled_from(["cancel", "scan", "ship", "withdraw", "update"]), ORDERS),
    st.tuples(st.just("scan old"), ORDERS),
    st.tuples(st.just("recycle"), st.sampled_from([16, 61])),
)


@dataclass(slots=True)
class Story:
    """A merchant and every number it was ever told, by order; the last one may be live."""

    stall: Stall
    told: dict[int, list[Taken]] = field(default_factory=dict)

    async def step(self, step: tuple[object, ...]) -> None:
        match step:
            case ("take" | "retake" as how, str(carrier), int(order), int(pieces)):
                ask = parcel(f"{order}", pieces=pieces)
                [outcome] = await self.stall.take(carrier, ask, retake=how == "retake")
                self.hear(order, outcome)
            case ("recycle", int(days)):
                await lives.recycle_due(self.stall.world.db, now() + timedelta(days=days))
            case (str(what), int(order)) if self.told.get(order):
                one = self.told[order][0 if what == "scan old" else -1]
                try:
                    await self.live_on(what, one)
                except Refusal as refusal:
                    if not refusal.code.startswith(("cancel.", "waybill.not_live")):
                        raise

    async def live_on(self, what: str, one: Taken) -> None:
        world, merchant, carrier, number = self.stall.world, self.stall.merchant_id, one.ref.carrier, one.number
        if what == "cancel":
            await lives.cancel(world.counter, merchant, carrier, number)
        elif what == "update":
            await lives.update(world.counter, merchant, carrier, number, goods=[{"line_id": "x", "title": "盘子"}])
        elif what in ("ship", "withdraw"):
            await lives.state_shipped(world.db, merchant, carrier, number, now() if what == "ship" else None)
        else:
            assert await lives.scanned(world.db, carrier, number, now())

    def hear(self, order: int, outcome: Taken | Refused) -> None:
        told = self.told.setdefault(order, [])
        if isinstance(outcome, Refused):
            assert outcome.refusal.code.startswith(("parcel.", "units.", "cancel.")), outcome.refusal
        elif outcome.known:
            assert told, "a number that nobody was told"
            assert outcome.number == told[-1].number, "the number that was told last is the one that is known"
        else:
            fresh = {outcome.number, *outcome.children}
            assert fresh.isdisjoint(number for one in told for number in (one.number, *one.children))
            told.append(outcome)

    async def check(self) -> None:
        for carrier in self.stall.accounts:
            await self.stall.balance(carrier)
        live = await self.stall.live_numbers()
        assert len(set(live.values())) == len(live), "every order here is a parcel of its own, each piece too"
        for order, told in self.told.items():
            number = live.get(f"S10001/{order}")
            assert number in (None, told[-1].number if told else None)
            if number is not None:
                assert len([key for key in live if key.startswith(f"S10001/{order}|")]) == len(told[-1].children)
        odd = await self.stall.count(
            "SELECT count(*) FROM waybill w WHERE merchant_id = $1 AND number_state = 'issued' "
            "AND superseded_by IS NULL AND NOT EXISTS (SELECT FROM parcel_key k WHERE k.merchant_id = $1 "
            "AND k.number = w.number AND k.ended_at = 'infinity') AND first_scan_at IS NULL"
        )
        assert odd == 0, "an issued number without its key was scanned after it was recycled"


@pytest.fixture(scope="module")
def open_world(heart: Heart) -> Iterator[tuple[asyncio.Runner, World]]:
    """One program for all examples, on an event loop that outlives them."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        world = runner.run(stack.enter_async_context(heart.world()))
        yield runner, world
        runner.run(stack.aclose())


async def tell(world: World, steps: list[tuple[object, ...]]) -> None:
    story = Story(await open_stall(world))
    for carrier in CARRIERS:
        await story.stall.account(carrier, units=UNITS)
    for step in steps:
        await story.step(step)
    await story.check()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, min_size=5, max_size=25))
def test_units_add_up_and_each_order_has_one_live_number(
    open_world: tuple[asyncio.Runner, World], steps: list[tuple[object, ...]]
) -> None:
    runner, world = open_world
    runner.run(tell(world, steps))
