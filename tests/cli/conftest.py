"""Clerks: each test that asks for one gets a sandbox of its own, copied from one that was loaded once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from miandan.cli.sandbox import load_sandbox
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from tests.cli.clerk import Clerk, clerk_of
from tests.conftest import _TEMPLATE, _command, _url

_LOADED = "loaded_sandbox"
_numbers = count(1)


@pytest.fixture(scope="session")
def loaded_sandbox(server_settings: Settings) -> str:
    """Name of a database that holds the sandbox and is never used itself."""
    asyncio.run(_command(server_settings, f"CREATE DATABASE {_LOADED} TEMPLATE {_TEMPLATE}"))

    async def load() -> None:
        async with open_database(replace(server_settings, database_url=_url(server_settings, _LOADED))) as db:
            await load_sandbox(db)

    asyncio.run(load())
    return _LOADED


@contextmanager
def _copy(settings: Settings, loaded: str) -> Iterator[str]:
    name = f"clerk_{next(_numbers)}"
    asyncio.run(_command(settings, f"CREATE DATABASE {name} TEMPLATE {loaded}"))
    yield _url(settings, name)
    asyncio.run(_command(settings, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sandbox_url(server_settings: Settings, loaded_sandbox: str) -> Iterator[str]:
    """Address of a sandbox that only this test uses."""
    with _copy(server_settings, loaded_sandbox) as url:
        yield url


@pytest.fixture(scope="module")
def shared_sandbox_url(server_settings: Settings, loaded_sandbox: str) -> Iterator[str]:
    """Address of a sandbox that the tests of a module share."""
    with _copy(server_settings, loaded_sandbox) as url:
        yield url


@pytest.fixture
def clerk(sandbox_url: str, tmp_path: Path) -> Clerk:
    """A clerk of the sandbox's merchant 1001."""
    return clerk_of(sandbox_url, tmp_path)
