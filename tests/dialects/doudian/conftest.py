"""One sandbox for the tests of the dialect, a real server on loopback for each test, and callers that sign."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from miandan.cli.sandbox import load_sandbox, load_sandbox_apps
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.vault.root import open_root_key
from tests.conftest import _TEMPLATE, _command, _url
from tests.dialects.doudian.erp import Erp
from tests.served import Served, served

_NAME = "doudian"


@dataclass(frozen=True, slots=True)
class Ground:
    """The shared sandbox."""

    settings: Settings

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Served]:
        """A server on it until the block ends."""
        async with served(self.settings) as running:
            yield running

    @asynccontextmanager
    async def erp(self) -> AsyncIterator[Erp]:
        """A server, and the sandbox's ERP at its door with a token."""
        async with self.serving() as running, Erp.at(running) as erp:
            await erp.log_in()
            yield erp


@pytest.fixture(scope="session")
def ground(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The sandbox of this room."""
    folder: Path = tmp_path_factory.mktemp(_NAME)
    asyncio.run(_command(server_settings, f"CREATE DATABASE {_NAME} TEMPLATE {_TEMPLATE}"))
    settings = Settings(data=folder / "data", database_url=_url(server_settings, _NAME), sandbox=True)
    settings.data.mkdir()
    asyncio.run(_load(settings))
    yield Ground(settings)
    asyncio.run(_command(server_settings, f"DROP DATABASE {_NAME} WITH (FORCE)"))


async def _load(settings: Settings) -> None:
    async with open_database(settings, pool_size=4) as db:
        await load_sandbox(db)
        await load_sandbox_apps(db, open_root_key(settings.data, None, sandbox=True))
