"""The audit chain: whole when only written to, and every kind of damage shows."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime

import pytest

from miandan.kernel import audit
from miandan.kernel.database import Database
from tests.conftest import FreshDatabase

CHAIN = audit.merchant_chain(7)


async def write(db: Database, chain: str = CHAIN, count: int = 3) -> None:
    for number in range(count):
        async with db.transaction() as tx:
            await audit.append(
                tx, chain, actor="clerk|7", action="recipient.revealed", purpose="contact", subject={"tokens": [number]}
            )


async def write_and_fail(db: Database) -> None:
    async with db.transaction() as tx:
        await audit.append(tx, CHAIN, actor="a", action="b", subject={})
        raise ZeroDivisionError


async def test_entries_of_each_chain_count_from_one_and_the_chain_is_whole(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await write(db)
        await write(db, audit.PLATFORM, 2)
        rows = await db.fetch("SELECT chain, seq FROM audit_entry ORDER BY chain, seq")
        assert [tuple(row) for row in rows] == [(CHAIN, 1), (CHAIN, 2), (CHAIN, 3), ("platform", 1), ("platform", 2)]
        assert await audit.verify(db) == []
        assert [(head.chain, head.seq) for head in await audit.heads(db)] == [(CHAIN, 3), ("platform", 2)]


async def test_an_empty_log_is_whole(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        assert await audit.verify(db) == []


async def test_anybody_can_compute_the_hash_as_the_docstring_says(fresh_database: FreshDatabase) -> None:
    at = datetime(2026, 11, 23, 8, 0, 0, 123, tzinfo=UTC)
    async with fresh_database() as db:
        async with db.transaction() as tx:
            await audit.append(tx, CHAIN, actor="王", action="a|b", purpose="", subject={"b": 1, "a": "面单"}, at=at)
        (found,) = await audit.heads(db)
        shown = await db.fetchval("SELECT subject::text FROM audit_entry")
    texts = ["王", "a|b", "", shown]
    hexed = "|".join(text.encode().hex() for text in texts)
    text = f"{'00' * 32}|{CHAIN.encode().hex()}|1|2026-11-23T08:00:00.000123Z|{hexed}"
    assert json.loads(shown) == {"a": "面单", "b": 1}
    assert found.hash == hashlib.sha256(text.encode()).digest()


async def test_an_entry_exists_only_if_its_transaction_commits(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        with pytest.raises(ZeroDivisionError):
            await write_and_fail(db)
        assert await audit.heads(db) == []
        await write(db, count=1)
        assert await audit.verify(db) == []


async def test_many_writers_of_one_chain_make_one_chain(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        await asyncio.gather(*(write(db, count=5) for _ in range(16)))
        assert [head.seq for head in await audit.heads(db)] == [80]
        assert await audit.verify(db) == []


DAMAGE = {
    "an actor changed": ("UPDATE audit_entry SET actor = 'somebody else' WHERE seq = 2", (2, "changed")),
    "a time changed": ("UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE seq = 2", (2, "changed")),
    "a subject changed": ("UPDATE audit_entry SET subject = '{\"tokens\": []}' WHERE seq = 3", (3, "changed")),
    "a hash changed": ("UPDATE audit_entry SET hash = sha256('x') WHERE seq = 1", (1, "changed")),
    "an entry taken out": ("DELETE FROM audit_entry WHERE seq = 2", (3, "missing before")),
    "the beginning cut off": ("DELETE FROM audit_entry WHERE seq = 1", (2, "missing before")),
    "the end cut off": ("DELETE FROM audit_entry WHERE seq = 3", (2, "end differs from head")),
    "everything deleted": ("DELETE FROM audit_entry", (0, "end differs from head")),
    "the head deleted": ("DELETE FROM audit_head", (3, "end differs from head")),
    "the head moved back": ("UPDATE audit_head SET seq = 2", (3, "end differs from head")),
    "two entries exchanged": (
        "UPDATE audit_entry SET seq = CASE seq WHEN 1 THEN -1 ELSE 1 END WHERE seq IN (1, 2);"
        " UPDATE audit_entry SET seq = 2 WHERE seq = -1",
        (1, "changed"),
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
async def test_damage_shows(fresh_database: FreshDatabase, kind: str) -> None:
    damage, (seq, what) = DAMAGE[kind]
    async with fresh_database() as db:
        await write(db)
        for statement in damage.split(";"):
            await db.execute(statement)
        breaks = await audit.verify(db)
        assert breaks[0] == audit.Break(CHAIN, seq, what)


async def test_an_entry_slipped_in_with_a_right_hash_is_not_linked(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await write(db, "forged", 2)
        await write(db)
        await db.execute("DELETE FROM audit_entry WHERE chain = 'forged' AND seq = 1")
        await db.execute("DELETE FROM audit_head WHERE chain = 'forged'")
        await db.execute("DELETE FROM audit_entry WHERE chain = $1 AND seq = 2", CHAIN)
        await db.execute("UPDATE audit_entry SET chain = $1 WHERE chain = 'forged'", CHAIN)
        assert [found.what for found in await audit.verify(db)] == ["changed", "not linked"]
