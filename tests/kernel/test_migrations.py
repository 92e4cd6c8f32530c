"""Schema files run once, in order, under a lock; what does not fit is refused."""

import asyncio

import pytest

from miandan.kernel import migrations
from miandan.kernel.errors import Refusal
from miandan.kernel.migrations import Migration
from tests.conftest import FreshDatabase

FIRST = Migration(9001, "9001_first.sql", "CREATE TABLE one (n int); INSERT INTO one VALUES (1);")
SECOND = Migration(9003, "9003_second.sql", "INSERT INTO one VALUES (2);")
BETWEEN = Migration(9002, "9002_between.sql", "INSERT INTO one VALUES (3);")
BROKEN = Migration(9004, "9004_broken.sql", "INSERT INTO one VALUES (4); SELECT no_such_function();")


async def test_each_file_runs_once_in_the_order_of_its_number_and_gaps_may_be_filled_later(
    fresh_database: FreshDatabase,
) -> None:
    known = migrations.known()
    async with fresh_database() as db, db.connection() as connection:
        assert await migrations.apply(connection, (*known, FIRST, SECOND)) == [FIRST.name, SECOND.name]
        assert await migrations.apply(connection, (*known, FIRST, SECOND)) == []
        assert await migrations.apply(connection, (*known, FIRST, BETWEEN, SECOND)) == [BETWEEN.name]
        assert [row["n"] for row in await connection.fetch("SELECT n FROM one")] == [1, 2, 3]


async def test_programs_that_start_together_apply_each_file_once(fresh_database: FreshDatabase) -> None:
    files = (*migrations.known(), FIRST, BETWEEN, SECOND)

    async def one_start() -> list[str]:
        async with db.connection() as connection:
            return await migrations.apply(connection, files)

    async with fresh_database(pool_size=8) as db:
        applied = [name for names in await asyncio.gather(*(one_start() for _ in range(8))) for name in names]
        assert sorted(applied) == [FIRST.name, BETWEEN.name, SECOND.name]
        assert await db.fetchval("SELECT count(*) FROM one") == 3


async def test_a_file_that_fails_leaves_nothing_and_names_itself(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, db.connection() as connection:
        with pytest.raises(Refusal) as refused:
            await migrations.apply(connection, (*migrations.known(), FIRST, BROKEN))
        assert refused.value.code == "database.migration_failed"
        assert BROKEN.name in str(refused.value)
        assert await connection.fetchval("SELECT count(*) FROM one WHERE n = 4") == 0
        assert await migrations.apply(connection, (*migrations.known(), FIRST)) == []


async def test_a_file_changed_after_it_was_applied_is_refused(fresh_database: FreshDatabase) -> None:
    changed = Migration(FIRST.version, FIRST.name, FIRST.sql + " -- a word more")
    async with fresh_database() as db, db.connection() as connection:
        await migrations.apply(connection, (*migrations.known(), FIRST))
        with pytest.raises(Refusal, match=r"database\.migration_changed"):
            await migrations.apply(connection, (*migrations.known(), changed))


async def test_a_database_newer_than_the_program_is_left_alone(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, db.connection() as connection:
        await migrations.apply(connection, (*migrations.known(), FIRST))
    with pytest.raises(Refusal, match=r"database\.newer_than_program"):
        async with fresh_database():
            pass


def test_line_ends_do_not_count_as_a_change() -> None:
    assert Migration(1, "a", "SELECT 1;\nSELECT 2;").checksum == Migration(1, "a", "SELECT 1;\r\nSELECT 2;").checksum


def test_the_files_of_this_program_have_numbers_of_their_own() -> None:
    versions = [migration.version for migration in migrations.known()]
    assert versions == sorted(set(versions))
    assert versions[0] == 1
