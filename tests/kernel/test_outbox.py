"""Messages are delivered at least once, never lost, and one that fails does not stop the others."""

import asyncio
from collections import Counter

import pytest

from miandan.kernel import outbox
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.outbox import Message
from tests.conftest import FreshDatabase


async def _leave(db: Database, *bodies: object, topic: str = "told") -> None:
    async with db.transaction() as tx:
        for body in bodies:
            await outbox.put(tx, "merchant 1", topic, body)


async def test_a_message_exists_exactly_if_its_transaction_commits(fresh_database: FreshDatabase) -> None:
    heard: list[object] = []

    async def hear(_: Transaction, message: Message) -> None:
        heard.append(message.body)

    async def leave_and_fail() -> None:
        async with db.transaction() as tx:
            await outbox.put(tx, "merchant 1", "told", "never")
            raise ZeroDivisionError

    async with fresh_database() as db:
        with pytest.raises(ZeroDivisionError):
            await leave_and_fail()
        await _leave(db, {"left": 3})
        assert await outbox.deliver(db, {"told": hear}) == 1
        assert await outbox.deliver(db, {"told": hear}) == 0
    assert heard == [{"left": 3}]


async def test_what_a_handler_writes_commits_with_its_message_being_done(fresh_database: FreshDatabase) -> None:
    async def write_and_fail_once(tx: Transaction, message: Message) -> None:
        await tx.execute("INSERT INTO effect VALUES ($1)", message.body)
        if await tx.fetchval("SELECT attempts FROM outbox WHERE id = $1", message.id) == 9:
            raise Refusal("settings.bad_value", name="x", wanted="y")

    async with fresh_database() as db:
        await db.execute("CREATE TABLE effect (n int)")
        await _leave(db, 7)
        await db.execute("UPDATE outbox SET attempts = 9")  # so that its next delay is minutes, which no look outlasts
        assert await outbox.deliver(db, {"told": write_and_fail_once}) == 0
        assert await db.fetchval("SELECT count(*) FROM effect") == 0
        assert tuple(await db.fetchrow("SELECT attempts, failure, due_at > now() FROM outbox") or ()) == (
            10,
            "settings.bad_value",
            True,
        )
        await db.execute("UPDATE outbox SET due_at = now()")
        assert await outbox.deliver(db, {"told": write_and_fail_once}) == 1
        assert await db.fetchval("SELECT count(*) FROM effect") == 1


async def test_a_failing_message_neither_stops_the_others_nor_shows_its_error_text(
    fresh_database: FreshDatabase,
) -> None:
    async def fail_on_two(tx: Transaction, message: Message) -> None:
        if message.body == 2:
            await tx.execute("SELECT 1 / 0")

    async with fresh_database() as db:
        await _leave(db, 1, 2, 3)
        assert await outbox.deliver(db, {"told": fail_on_two}) == 2
        assert await db.fetchval("SELECT failure FROM outbox WHERE done_at IS NULL") == "DivisionByZeroError"


async def test_a_topic_without_a_handler_waits(fresh_database: FreshDatabase) -> None:
    async def hear(_: Transaction, __: Message) -> None: ...

    async with fresh_database() as db:
        await _leave(db, 1, topic="later")
        assert await outbox.deliver(db, {"told": hear}) == 0
        assert await outbox.deliver(db, {"later": hear}) == 1


async def test_deliverers_that_run_together_hand_each_message_over_once(fresh_database: FreshDatabase) -> None:
    heard: Counter[int] = Counter()

    async def hear(_: Transaction, message: Message) -> None:
        heard[message.body] += 1
        await asyncio.sleep(0)

    async with fresh_database(pool_size=4) as db:
        await _leave(db, *range(40))
        done = await asyncio.gather(*(outbox.deliver(db, {"told": hear}) for _ in range(4)))
    assert sum(done) == 40
    assert heard == Counter(range(40))
