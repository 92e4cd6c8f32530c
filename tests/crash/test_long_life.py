"""A worker that lives on while its database does not: a server runs for months, and its database restarts meanwhile."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from miandan.cli.check import check
from miandan.waybills import guard as guards
from miandan.waybills import holdings
from miandan.waybills import service as waybills
from miandan.waybills.model import Taken, TakeRequest
from tests.conftest import _command
from tests.crash.era import Era, Worker, account_of, parcel
from tests.crash.ground import Ground, open_merchant
from tests.crash.judges import facts_of, wrong_with_numbers, wrong_with_units

UNITS = 100_000
"""More than eight callers take while they wait for a slow machine."""

SECONDS = 60.0
"""Recovery of the server takes one or two on a busy machine, and longer on a slow one."""

PASSING = {"take.database_lost", "take.contended"}
_orders = itertools.count(1)


@dataclass(slots=True)
class Shop:
    """A merchant whose takes go on all the time."""

    era: Era
    worker: Worker
    merchant_id: int
    account: tuple[Any, Any]
    asked: dict[str, str] = field(default_factory=dict)
    """Number per order, the first that was answered."""
    refused: list[str] = field(default_factory=list)
    slowest: float = 0.0

    async def take(self) -> str:
        """One parcel; the code of its refusal, the kind of the error, or "" where it has its number."""
        order = f"L{next(_orders)}"
        account_id, sender = self.account
        begun = time.monotonic()
        try:
            [outcome] = await waybills.take(
                self.worker.counter, TakeRequest(self.merchant_id, account_id, sender, (parcel(order),))
            )
        except Exception as error:
            said = getattr(error, "code", type(error).__name__)
        else:
            said = "" if isinstance(outcome, Taken) else outcome.refusal.code
            if isinstance(outcome, Taken):
                self.asked[order] = outcome.number
        self.slowest = max(self.slowest, time.monotonic() - begun)
        if said:
            self.refused.append(said)
        return said

    async def serves_again(self) -> float:
        """Seconds until ten takes in a row have their number."""
        begun = time.monotonic()
        row = 0
        while row < 10:
            row = 0 if await self.take() else row + 1
            assert time.monotonic() - begun < SECONDS, self.refused[-5:]
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    async def check(self) -> None:
        """Every promise kept, not even a warning; every number that was answered is there once."""
        report = await check(self.worker.db)
        assert report.ok, report.broken
        assert not report.warned, report.warned
        async with self.era.judge() as judge:
            facts = await facts_of(judge, self.merchant_id)
            rows = await judge.fetch(
                "SELECT parcel_key, number FROM parcel_key WHERE merchant_id = $1", self.merchant_id
            )
        assert not wrong_with_numbers(facts) + wrong_with_units(facts)
        held = {row["parcel_key"].rpartition("/")[2]: row["number"] for row in rows}
        assert self.asked.items() <= held.items()

    async def until_ok(self) -> None:
        """`check`, as soon as it finds nothing: leases of the worker before go back within seconds."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return await self.check()
            except Exception:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.2)


@pytest.fixture
def era(ground: Ground) -> Iterator[Era]:
    """A sandbox of each test's own."""
    with ground.era() as opened:
        yield opened


@asynccontextmanager
async def shop(era: Era, *, units: int = UNITS) -> AsyncIterator[Shop]:
    """A program that has taken a number and goes on to."""
    async with era.program(pool_size=6) as [worker]:
        merchant_id = await open_merchant(worker.db, {"zto": units})
        opened = Shop(era, worker, merchant_id, await account_of(worker.db, merchant_id, "zto"))
        assert await opened.take() == ""
        yield opened


Blow = Callable[[Ground, Shop], Awaitable[None]]

_GUARD = """
    SELECT pid FROM pg_locks
     WHERE locktype = 'advisory' AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_POOL = f"""
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'miandan' AND pid NOT IN ({_GUARD})
"""


async def postmaster(ground: Ground, _: Shop) -> None:
    ground.kill_server()


async def guard(_: Ground, hurt: Shop) -> None:
    async with hurt.era.judge() as judge:
        while not await judge.fetch(f"SELECT pg_terminate_backend(pid) FROM ({_GUARD}) AS guard"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # it has just lost the one before


async def pool(_: Ground, hurt: Shop) -> None:
    async with hurt.era.judge() as judge:
        assert await judge.fetch(f"SELECT pg_terminate_backend(pid) FROM ({_POOL}) AS pool")


@pytest.mark.parametrize("blow", [postmaster, guard, pool])
async def test_a_worker_goes_on_after(ground: Ground, era: Era, blow: Blow) -> None:
    """While eight callers take without a pause; nobody hears that units have run out, since they have not."""
    async with shop(era) as hurt:
        stop = asyncio.Event()

        async def caller() -> None:
            while not stop.is_set():
                await hurt.take()
                await asyncio.sleep(0.005)

        callers = [asyncio.create_task(caller()) for _ in range(8)]
        for _ in range(2):
            await asyncio.sleep(0.2)
            await blow(ground, hurt)
            await hurt.serves_again()
        stop.set()
        await asyncio.gather(*callers)
        assert "units.exhausted" not in hurt.refused
        assert hurt.slowest < SECONDS
        await hurt.until_ok()


async def test_a_quiet_worker_has_its_lock_and_its_units_again_by_itself(ground: Ground, era: Era) -> None:
    async with shop(era, units=10) as hurt:
        before = hurt.worker.counter.desk.worker
        await guard(ground, hurt)
        async with asyncio.timeout(SECONDS):
            while hurt.worker.counter.desk.worker == before:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
        await hurt.until_ok()
        async with hurt.era.judge() as judge:
            assert await judge.fetchval("SELECT sum(last - next + 1) FROM lease WHERE closed_at IS NULL") is None
        assert [await hurt.take() for _ in range(10)] == [""] * 9 + ["units.exhausted"]
        await hurt.until_ok()


async def test_what_one_worker_holds_and_does_not_use_another_gets_before_it_is_refused(era: Era) -> None:
    async with shop(era, units=12) as one:
        account_id, sender = one.account
        async with one.era.program(pool_size=4) as [other]:
            wanted = tuple(parcel(f"O{place}") for place in range(11))
            outcomes = await waybills.take(other.counter, TakeRequest(one.merchant_id, account_id, sender, wanted))
            assert all(isinstance(outcome, Taken) for outcome in outcomes)
            assert await one.take() == "units.exhausted"
        await one.until_ok()


async def test_a_lease_that_nobody_draws_from_goes_back(era: Era, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(era) as idle:
        monkeypatch.setattr(holdings, "IDLE_SECONDS", 0.05)
        desk = idle.worker.counter.desk
        async with asyncio.timeout(SECONDS):
            while desk._holdings._accounts:  # an account that nobody asks for costs no memory
                await asyncio.sleep(0.02)
                await desk._holdings.tidy()
        async with idle.era.judge() as judge:
            assert not await judge.fetch("SELECT 1 FROM lease WHERE closed_at IS NULL")
        assert await idle.take() == ""
        await idle.check()


async def test_while_the_database_is_away_a_take_waits_some_seconds_and_hears_why(
    ground: Ground, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience, deadlines, timeout = 0.3125, set[float | None](), asyncio.timeout

    def noted(seconds: float | None) -> asyncio.Timeout:
        deadlines.add(seconds)
        return timeout(seconds)

    monkeypatch.setattr(guards, "PATIENCE_SECONDS", patience)
    monkeypatch.setattr(asyncio, "timeout", noted)
    async with shop(era) as hurt:
        async with hurt.era.judge() as judge:
            name = await judge.fetchval("SELECT current_database()")
        await _command(ground.server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await _command(
            ground.server,
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            " AND backend_type = 'client backend'",
        )
        said = {await hurt.take() for _ in range(3)}
        assert said == {"take.database_lost"}
        assert patience in deadlines
        assert hurt.slowest < SECONDS
        await _command(ground.server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await hurt.serves_again()
        await hurt.until_ok()
