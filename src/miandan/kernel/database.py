"""The database as every room sees it: statements, transactions, connections. Nothing of PostgreSQL's set-up shows.

`open_database(settings)` is the one way in. It joins or starts the embedded server unless MIANDAN_DATABASE_URL names
another, refuses what is too old or cannot be reached, and brings the schema up to date.

A pooled connection is handed on as it is: no reset query runs on release (that saves about 15 % of a short statement;
an open transaction is still rolled back). So a statement must never change its session: `SET LOCAL` and
`pg_advisory_xact_lock` are fine, `SET`, `LISTEN`, temporary tables and session locks are not (tests/sql_rules.py).
"""

import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from miandan.kernel import migrations
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

OLDEST_SERVER = 15
CONNECT_SECONDS = 10.0
STATEMENTS_KEPT = 512
"""Prepared statements that each connection keeps; our program has fewer."""

Record: TypeAlias = Any
"""A row: columns by name or by position, unpackable (asyncpg.Record, which carries no types)."""


class Reads(Protocol):
    """Whatever can answer a query: the database itself, a connection, a transaction."""

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """All rows."""
        ...

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        """First row."""
        ...

    async def fetchval(self, sql: str, *args: object) -> Any:
        """First column of the first row, None when there is no row."""
        ...


class Connection(Reads, Protocol):
    """One connection that commits every statement by itself."""

    async def execute(self, sql: str, *args: object) -> object:
        """Run without rows. What comes back is not a row count: count the rows of RETURNING instead."""
        ...

    async def executemany(self, sql: str, args: Iterable[Sequence[object]]) -> None:
        """Run once per argument list, all or nothing."""
        ...

    async def copy_records_to_table(
        self, table_name: str, *, records: Iterable[Sequence[object]], columns: Sequence[str]
    ) -> object:
        """COPY rows into a table: the fastest way to load many."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """A transaction, or a savepoint inside one."""
        ...


class Transaction(Connection, Protocol):
    """A connection inside a READ COMMITTED transaction; leaving the block commits, an exception rolls back."""


class Database:
    """A pool of connections to one migrated database. Made by `open_database`."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        """All rows of one statement, committed by itself."""
        async with self._pool.acquire() as connection:
            return cast(list[Record], await connection.fetch(sql, *args))

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        """First row of one statement, committed by itself."""
        async with self._pool.acquire() as connection:
            return await connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """First column of the first row, None when there is no row."""
        async with self._pool.acquire() as connection:
            return await connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> None:
        """Run one statement, committed by itself. To count rows use RETURNING and `fetch`."""
        async with self._pool.acquire() as connection:
            await connection.execute(sql, *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Everything inside the block happens together or not at all.

        When the commit itself fails by a broken connection the outcome is unknown: retry by key.
        """
        async with self._pool.acquire() as connection, connection.transaction(isolation="read_committed"):
            yield connection

    @asynccontextmanager
    async def all_or_nothing(self) -> AsyncIterator["Database"]:
        """A database whose verbs, one after another, belong to one transaction: for a set-up that must not stay half.

        One verb at a time: they share a connection, and their own transactions are savepoints in it.
        """
        async with self.transaction() as tx:
            yield Database(_OneConnection(tx))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection of the pool for several statements, each committed by itself."""
        async with self._pool.acquire() as connection:
            yield connection

    async def close(self) -> None:
        """Give every connection back; waits for those in use."""
        await self._pool.close()


class _OneConnection:
    """Looks like a pool and hands out the same connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        yield self._connection

    async def close(self) -> None:
        """The connection belongs to the transaction around it."""


@asynccontextmanager
async def open_database(settings: Settings, *, pool_size: int | None = None) -> AsyncIterator[Database]:
    """The migrated database, open until the block ends; `pool_size` connections at most (default: settings.pool).

    Raises Refusal `database.*` (kernel/errors.toml) when it cannot be reached, is too old, refuses the login, or
    its schema does not fit this program.
    """
    size = pool_size or settings.pool
    opened = _external(settings.database_url, size) if settings.database_url else _embedded(settings, size)
    async with opened as pool:
        try:
            yield Database(pool)
        finally:
            await _close(pool)


@asynccontextmanager
async def _external(url: str, size: int) -> AsyncIterator[Any]:
    import asyncpg

    where = _where(url)
    try:
        pool = await _migrated_pool(size, dsn=url)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise Refusal("database.wrong_password", where=where) from error
    except asyncpg.InvalidCatalogNameError as error:
        raise Refusal("database.missing", where=where) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        raise Refusal("database.unreachable", where=where, reason=type(error).__name__) from error
    except (ValueError, asyncpg.InterfaceError):
        raise Refusal("database.bad_url") from None  # its text may hold the URL with the password
    yield pool


@asynccontextmanager
async def _embedded(settings: Settings, size: int) -> AsyncIterator[Any]:
    if sys.platform == "win32":
        raise Refusal("database.embedded_unsupported", reason=sys.platform)
    # Imported here: a program with a database of its own needs none of it.
    from miandan.kernel.postgres import take_seat

    async with take_seat(settings.data, settings.linger_seconds) as seat:
        yield await seat.until_up(lambda address: _migrated_pool(size, **address))


async def _migrated_pool(size: int, **target: Any) -> Any:
    """A pool whose server is new enough and whose schema is up to date."""
    pool = await _create_pool(size, **target)
    try:
        async with pool.acquire() as connection:
            _check_version(connection)
            await migrations.apply(connection)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _create_pool(size: int, **target: Any) -> Any:
    import asyncpg

    return await asyncpg.create_pool(
        **target,
        min_size=1,
        max_size=size,
        init=_prepare_connection,
        reset=_hand_on,
        statement_cache_size=STATEMENTS_KEPT,
        max_cached_statement_lifetime=0,
        timeout=CONNECT_SECONDS,
        server_settings={"application_name": "miandan"},
    )


async def _prepare_connection(connection: Any) -> None:
    for kind in ("jsonb", "json"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_encode_json, decoder=msgspec.json.decode, format="text"
        )


async def _hand_on(connection: Any) -> None:
    """In place of asyncpg's reset query; it has rolled back an open transaction before it calls this."""


def _encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _check_version(connection: Any) -> None:
    found = connection.get_server_version()
    if found.major < OLDEST_SERVER:
        raise Refusal("database.too_old", found=f"{found.major}.{found.minor}", wanted=OLDEST_SERVER)


async def _close(pool: Any) -> None:
    """Close politely, but never hang on a connection that somebody forgot or a server that is gone."""
    import asyncio

    try:
        await asyncio.wait_for(pool.close(), CONNECT_SECONDS)
    except Exception:  # whatever is wrong with a connection, it only has to go away
        pool.terminate()


def _where(url: str) -> str:
    """Host, port and database of a URL, without user and password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ",".join(parse_qs(parts.query).get("host", [])) or "localhost"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    return f"{host}{port}{parts.path}"
