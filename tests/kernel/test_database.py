"""The database as rooms use it, on a real server."""

from dataclasses import replace

import pytest
from asyncpg.types import ServerVersion

from miandan.kernel.database import Database, _check_version, open_database
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings
from tests.conftest import FreshDatabase


async def test_json_comes_back_as_it_went_in(fresh_database: FreshDatabase) -> None:
    value = {"面单": [1, 2.5, None, True], "quote": '"'}
    async with fresh_database() as db:
        assert await db.fetchval("SELECT $1::jsonb", value) == value
        assert await db.fetchval("SELECT $1::jsonb[]", [value, 7]) == [value, 7]


async def test_an_exception_rolls_the_whole_transaction_back(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await db.execute("CREATE TABLE note (text text)")
        with pytest.raises(ZeroDivisionError):
            await _insert_and_fail(db)
        assert await db.fetch("SELECT * FROM note") == []


async def _insert_and_fail(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO note VALUES ('lost')")
        raise ZeroDivisionError


async def test_transactions_are_read_committed(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, db.transaction() as tx:
        assert await tx.fetchval("SHOW transaction_isolation") == "read committed"


async def test_a_connection_given_back_inside_a_transaction_is_clean_for_the_next(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database(pool_size=1) as db:
        async with db.connection() as connection:
            await connection.execute("BEGIN")
            await connection.execute("CREATE TABLE half (done int)")
        assert await db.fetchval("SELECT to_regclass('half')") is None


async def test_the_pool_replaces_a_connection_that_the_server_killed(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=2) as db:
        async with db.connection() as victim, db.connection() as killer:
            pid = await victim.fetchval("SELECT pg_backend_pid()")
            await killer.execute("SELECT pg_terminate_backend($1)", pid)
            with pytest.raises(Exception, match=r"terminat|closed|connection|cannot switch to state"):
                await victim.fetchval("SELECT 1")
        assert [await db.fetchval("SELECT $1::int", n) for n in range(4)] == [0, 1, 2, 3]


async def test_a_wrong_password_is_refused_without_showing_it(settings: Settings) -> None:
    wrong = settings.database_url.replace("miandan:", "miandan:wrong-", 1) if settings.database_url else None
    with pytest.raises(Refusal) as refused:
        async with open_database(replace(settings, database_url=wrong)):
            pass
    assert refused.value.code == "database.wrong_password"
    assert "wrong-" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://nobody@127.0.0.1:9/none", "database.unreachable"),
        ("postgresql://u:secret@host:port/none", "database.bad_url"),
        ("mysql://u:secret@localhost/none", "database.bad_url"),
    ],
)
async def test_an_address_that_leads_nowhere_is_refused_with_its_reason(
    settings: Settings, url: str, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        async with open_database(replace(settings, database_url=url)):
            pass
    assert refused.value.code == code
    assert "secret" not in str(refused.value)


async def test_a_database_that_does_not_exist_is_named_as_the_reason(settings: Settings) -> None:
    url = (settings.database_url or "").replace("/test_", "/absent_", 1)
    with pytest.raises(Refusal, match=r"database\.missing"):
        async with open_database(replace(settings, database_url=url)):
            pass


class _OldServer:
    """Stands for a PostgreSQL that no supplier ships any more."""

    def get_server_version(self) -> ServerVersion:
        return ServerVersion(14, 12, 0, "final", 0)


def test_a_server_older_than_fifteen_is_refused_with_both_versions() -> None:
    with pytest.raises(Refusal) as refused:
        _check_version(_OldServer())
    assert refused.value.code == "database.too_old"
    assert "14.12" in refused.value.zh
    assert "15" in refused.value.zh
