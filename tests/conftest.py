"""What every test can ask for. Read this first.

Async tests. `async def test_...` runs under `asyncio.run`, a new event loop for each test; there is no plugin.
Fixtures are ordinary (synchronous) ones, so whatever belongs to a loop is opened inside the test:

    async def test_a_message_is_delivered_once(fresh_database: FreshDatabase) -> None:
        async with fresh_database() as db:              # miandan.kernel.database.Database
            async with db.transaction() as tx: ...

Databases. One real PostgreSQL (the embedded one with its usual settings, its files in memory where there is room)
serves the whole run of a worker. A test that names one of these has a database of its own, fully migrated, dropped
afterwards:

    fresh_database   call it inside `async with`; opened twice in one test it is the same database; takes pool_size=
    database_url     its address, for subprocesses (environment variable MIANDAN_DATABASE_URL)
    settings         Settings with that address, data folder = tmp_path, sandbox on, for `open_database(settings)`
    server_settings  the embedded server itself, shared by all tests; only for tests that kill nothing

Tests that kill servers start one of their own, on a disk (tests/kernel/programs.py).

Properties. Hypothesis draws the same examples in every run of `make test`; `make prove` draws others each time.
"""

import asyncio
import gc
import inspect
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import hypothesis
import pytest

from miandan.kernel.database import Database, open_database
from miandan.kernel.postgres import stop_server
from miandan.kernel.postgres.layout import DATABASE, PORT, ROLE, Layout
from miandan.kernel.postgres.locks import opened
from miandan.kernel.settings import Settings

_TEMPLATE = "migrated"
_numbers = count(1)
_MEMORY = Path("/dev/shm")
_BYTES_OF_A_SERVER = 2 * 1024**3
"""More than a worker's databases and log ever were (0.2 GB), with room for what the machine does besides."""

hypothesis.settings.register_profile(
    "other examples",
    parent=hypothesis.settings.get_profile("default"),  # else that of CI, where there is one
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("ci")  # before an option of the command line, which wins


class FreshDatabase(Protocol):
    """Opens the database of this test."""

    def __call__(self, *, pool_size: int | None = None) -> AbstractAsyncContextManager[Database]: ...


def pytest_collection_finish() -> None:
    """What stands for the whole run, eight thousand tests among it, is not walked by every collection of a test."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests; everything else is left to pytest."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(scope="session")
def server_settings() -> Iterator[Settings]:
    """An embedded server of this run, with a migrated template that the other fixtures copy."""
    with tempfile.TemporaryDirectory(prefix="miandan-test-", dir=_memory(), ignore_cleanup_errors=True) as folder:
        settings = Settings(data=Path(folder), sandbox=True, linger_seconds=0.2)
        layout = Layout.of(settings.data)
        layout.make()
        (layout.root / "operator.conf").write_text("max_wal_size = 256MB\n", encoding="utf-8")
        with opened(layout.users_lock) as users:  # the fixture's seat: keeps the server up between the tests
            assert users.try_shared()
            asyncio.run(_make_template(settings))
            yield settings
        stop_server(settings.data)


@pytest.fixture
def database_url(server_settings: Settings) -> Iterator[str]:
    """Address of a migrated database that only this test uses."""
    name = f"test_{next(_numbers)}"
    asyncio.run(_command(server_settings, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
    yield _url(server_settings, name)
    asyncio.run(_command(server_settings, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a program that works on this test's database."""
    return Settings(data=tmp_path / "data", database_url=database_url, sandbox=True)


@pytest.fixture
def fresh_database(settings: Settings) -> FreshDatabase:
    """Opens this test's database: `async with fresh_database() as db:`."""

    def opener(*, pool_size: int | None = None) -> AbstractAsyncContextManager[Database]:
        return open_database(settings, pool_size=pool_size)

    return opener


def _memory() -> Path | None:
    """A folder that lies on no disk, where it has room for every worker: waiting for the disk is half of what it costs
    to make and drop a database."""
    wanted = _BYTES_OF_A_SERVER * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < wanted:
        return None
    available = re.search(r"^MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    return _MEMORY if available is not None and int(available[1]) * 1024 > wanted else None


async def _make_template(settings: Settings) -> None:
    async with open_database(settings, pool_size=1) as db:
        await db.execute(f"CREATE DATABASE {_TEMPLATE}")
    async with open_database(replace(settings, database_url=_url(settings, _TEMPLATE)), pool_size=1):
        pass  # opening it applies the migrations


async def _command(settings: Settings, sql: str) -> None:
    """One statement on the server's main database, over a connection of its own."""
    import asyncpg

    connection: Any = await asyncpg.connect(_url(settings, DATABASE))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _url(settings: Settings, database: str) -> str:
    layout = Layout.of(settings.data)
    password = quote(layout.password.read_text(encoding="utf-8"))
    return f"postgresql://{ROLE}:{password}@/{database}?host={quote(str(layout.socket_folder()), safe='')}&port={PORT}"
