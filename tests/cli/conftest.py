"""Clerks: each test that asks for one gets a sandbox of its own, copied from one that was loaded once."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from miandan.cli.sandbox import load_sandbox
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from tests.cli.clerk import Clerk
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


@pytest.fixture
def sandbox_url(server_settings: Settings, loaded_sandbox: str) -> Iterator[str]:
    """Address of a sandbox that only this test uses."""
    name = f"clerk_{next(_numbers)}"
    asyncio.run(_command(server_settings, f"CREATE DATABASE {name} TEMPLATE {loaded_sandbox}"))
    yield _url(server_settings, name)
    asyncio.run(_command(server_settings, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def clerk(sandbox_url: str, tmp_path: Path) -> Clerk:
    """A clerk of the sandbox's merchant 1001."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return Clerk(
        folder, {"MIANDAN_DATABASE_URL": sandbox_url, "MIANDAN_DATA": str(tmp_path / "data"), "MIANDAN_SANDBOX": "1"}
    )


@pytest.fixture
def sandbox_settings(clerk: Clerk) -> Settings:
    """For looking into the clerk's database: `open_database(sandbox_settings)`."""
    return Settings.from_environment(clerk.environment)
