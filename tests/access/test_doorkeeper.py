"""At the door: answers from memory, revocation felt within seconds, one question for many askers, calls throttled."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from miandan.access import doorkeeper, service, tokens
from miandan.access.doorkeeper import Doorkeeper
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from tests.access.vendors import HOUR, Root, let_in, one_tool, refused, tool
from tests.conftest import FreshDatabase
from tests.pace import least_seconds


class Watch:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Counting:
    """The database, with how often it was asked."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._db, name)

        async def counted(*arguments: object) -> Any:
            self.asked += 1
            return await verb(*arguments)

        return counted


async def test_a_revocation_is_felt_after_five_seconds_and_not_asked_for_before(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        root, watch = Root(), Watch()
        app = await tool(db, root)
        pair = await let_in(db, root, app, at=now())
        counting: Any = Counting(db)
        keeper = Doorkeeper(counting, root, clock=watch)
        assert keeper.peek_caller(pair.access_token) is None
        caller = await keeper.caller(pair.access_token)
        await tokens.revoke(db, app.app_key, pair.authorisation_id)
        watch.seconds += 4.9
        assert await keeper.caller(pair.access_token) is caller
        assert keeper.peek_caller(pair.access_token) is caller
        assert counting.asked == 1
        watch.seconds += 0.1
        assert keeper.peek_caller(pair.access_token) is None
        await refused("access.token_revoked", keeper.caller(pair.access_token))


async def test_a_retired_secret_and_a_forbidden_app_are_felt_after_five_seconds(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        root, watch = Root(), Watch()
        app = await tool(db, root)
        _, new = await service.add_secret(db, root, app.app_key)
        keeper = Doorkeeper(db, root, clock=watch)
        known = await keeper.app(app.app_key)
        assert len(known.secrets) == 2
        await service.retire_secret(db, app.app_key, known.secrets[1].secret_id)
        watch.seconds += 5
        assert [secret.text for secret in (await keeper.app(app.app_key)).secrets] == [new]
        await service.forbid(db, app.app_key)
        assert keeper.peek_app(app.app_key) is not None
        watch.seconds += 5
        await refused("access.app_forbidden", keeper.app(app.app_key))
        await service.allow(db, app.app_key)
        assert (await keeper.app(app.app_key)).app.app_key == app.app_key
        await refused("access.app_unknown", keeper.app("5" * 19))


async def test_a_token_that_ends_sooner_is_remembered_no_longer_than_it_lives(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "REMEMBERED_SECONDS", 7200.0)
    async with fresh_database() as db:
        root, watch = Root(), Watch()
        app = await tool(db, root)
        pair = await let_in(db, root, app, at=now())
        await db.execute("UPDATE app_tokens SET access_until = now() + interval '1 hour'")
        keeper = Doorkeeper(db, root, clock=watch)
        await keeper.caller(pair.access_token)
        assert keeper.peek_caller(pair.access_token) is not None
        watch.seconds += 3600
        assert keeper.peek_caller(pair.access_token) is None


async def test_many_who_ask_at_once_cost_one_question_and_one_who_leaves_fails_nobody(
    fresh_database: FreshDatabase,
) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        pair = await let_in(db, root, app, at=now())
        counting: Any = Counting(db)
        keeper = Doorkeeper(counting, root)
        askers = [asyncio.create_task(keeper.caller(pair.access_token)) for _ in range(20)]
        await asyncio.sleep(0)
        askers[0].cancel()
        answers = await asyncio.gather(*askers, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert len({id(answer) for answer in answers[1:]}) == 1
        assert counting.asked == 1


async def test_a_question_that_failed_is_asked_again(fresh_database: FreshDatabase) -> None:
    async with one_tool(fresh_database) as (db, root, app):
        keeper = Doorkeeper(db, root)
        await refused("access.token_unknown", keeper.caller("mda_unknown"))
        pair = await let_in(db, root, app, at=now() - 8 * 24 * HOUR)
        await refused("access.token_expired", keeper.caller(pair.access_token))
        fresh = await tokens.refresh(db, root, app.app_key, pair.refresh_token)
        assert (await keeper.caller(fresh.access_token)).app_key == app.app_key


async def test_memory_is_bounded(fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorkeeper, "MOST_REMEMBERED", 2)
    async with fresh_database() as db:
        root = Root()
        keeper = Doorkeeper(db, root)
        keys = [(await tool(db, root)).app_key for _ in range(3)]
        for key in keys:
            await keeper.app(key)
        assert [keeper.peek_app(key) is not None for key in keys] == [False, True, True]


async def keeper_of(fresh: Any, limit: int, watch: Watch, workers: int = 1) -> tuple[Doorkeeper, str]:
    root = Root()
    app = await tool(fresh, root, calls_per_second=limit)
    keeper = Doorkeeper(fresh, root, clock=watch, workers=workers)
    await keeper.app(app.app_key)
    return keeper, app.app_key


def admitted(admit: Callable[[], object], tries: int) -> int:
    count = 0
    for _ in range(tries):
        with suppress(Refusal):
            admit()
            count += 1
    return count


async def test_an_app_that_calls_too_fast_is_told_when_to_come_again(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        watch = Watch()
        keeper, key = await keeper_of(db, 10, watch)
        assert admitted(lambda: keeper.admit(key), 50) == 10
        told = await refused("access.throttled", _later(lambda: keeper.admit(key)))
        assert told.fields == {"app": key, "limit": 10, "seconds": "0.10"}
        watch.seconds += 0.1
        assert admitted(lambda: keeper.admit(key), 5) == 1
        watch.seconds += 0.5
        assert admitted(lambda: keeper.admit(key), 50) == 5
        watch.seconds += 3600
        assert admitted(lambda: keeper.admit(key), 50) == 10  # an hour of silence is not saved up


async def test_a_new_limit_counts_from_the_next_look_at_the_app(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        watch = Watch()
        keeper, key = await keeper_of(db, 10, watch)
        await db.execute("UPDATE app SET calls_per_second = 3")
        watch.seconds += 5
        await keeper.app(key)
        assert admitted(lambda: keeper.admit(key), 50) == 3


async def test_looking_at_the_app_again_does_not_fill_its_bucket(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        watch = Watch()
        keeper, key = await keeper_of(db, 1, watch)
        watch.seconds += 5
        assert admitted(lambda: keeper.admit(key), 9) == 1
        await keeper.app(key)
        assert admitted(lambda: keeper.admit(key), 9) == 0


async def test_processes_share_the_limit_and_apps_do_not(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        watch = Watch()
        keeper, key = await keeper_of(db, 40, watch, workers=4)
        assert admitted(lambda: keeper.admit(key), 50) == 10
        other = (await tool(db, Root(), calls_per_second=8)).app_key
        await keeper.app(other)
        assert admitted(lambda: keeper.admit(other), 50) == 2


async def test_a_look_at_what_is_remembered_takes_microseconds(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        root = Root()
        app = await tool(db, root, calls_per_second=100_000)
        pair = await let_in(db, root, app, at=now())
        keeper = Doorkeeper(db, root)
        await keeper.app(app.app_key)
        await keeper.caller(pair.access_token)
        assert least_seconds(lambda: _door(keeper, app.app_key, pair.access_token), 200) < 20e-6  # about 1 when idle


def _door(keeper: Doorkeeper, app_key: str, token: str) -> None:
    assert keeper.peek_app(app_key) is not None
    keeper.admit(app_key)
    assert keeper.peek_caller(token) is not None


async def _later(act: Callable[[], object]) -> object:
    return act()
