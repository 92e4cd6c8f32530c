"""One sandbox for the tests of the native API, a real server on loopback for each test, and developers at its door."""

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
from tests.api.developer import Developer, client
from tests.conftest import _TEMPLATE, _command, _url
from tests.served import Served, served

_NAME = "native_api"
SHOP_APP = ("7000000000000000001", "example-secret-0001")
CARRIER_APP = ("7000000000000000002", "example-secret-0002")


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
    async def shop(self) -> AsyncIterator[Developer]:
        """A server, and the developer of the sandbox's shop with a token."""
        async with self.serving() as running, client(running) as http:
            yield await Developer(http, running).log_in(*SHOP_APP)

    @asynccontextmanager
    async def shop_and_carrier(self) -> AsyncIterator[tuple[Developer, Developer]]:
        """The same, with the gateway of the carrier zto beside it."""
        async with self.serving() as running, client(running) as http:
            shop = await Developer(http, running).log_in(*SHOP_APP)
            yield shop, await Developer(http, running).log_in(*CARRIER_APP, carrier="zto")


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
