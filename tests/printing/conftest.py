"""One sandbox for all tests of printing: loaded once, since every test works with a merchant of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from miandan.cli.check import check
from miandan.cli.sandbox import load_sandbox
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.printing.desk import PrintDesk
from miandan.vault.root import FileRootKey
from tests.conftest import _TEMPLATE, _command, _url
from tests.printing.floor import Floor
from tests.printing.press import HOST, Press
from tests.waybills.stall import open_stall
from tests.waybills.world import reopen_world

_NAME = "printery"


@dataclass(frozen=True, slots=True)
class Printery:
    """The shared database and the root key of its vault."""

    settings: Settings
    folder: Path

    @asynccontextmanager
    async def floor(self) -> AsyncIterator[Floor]:
        """The same merchant with a packing floor."""
        async with self.press() as press:
            yield Floor(press)

    @asynccontextmanager
    async def press(self) -> AsyncIterator[Press]:
        """A merchant that nobody else knows, with a print desk."""
        async with open_database(self.settings, pool_size=8) as db, reopen_world(db, self.folder) as world:
            root = FileRootKey.open(self.folder / "root.key", "for tests only")
            try:
                yield Press(await open_stall(world), PrintDesk(world.counter, root, HOST, sandbox=True))
            finally:
                for carrier in world.carriers.values():
                    carrier.close()


@pytest.fixture(scope="session")
def printery(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printery]:
    """The sandbox of this room."""
    folder = tmp_path_factory.mktemp(_NAME)
    asyncio.run(_command(server_settings, f"CREATE DATABASE {_NAME} TEMPLATE {_TEMPLATE}"))
    settings = Settings(data=folder / "data", database_url=_url(server_settings, _NAME), sandbox=True)
    asyncio.run(_load(settings))
    yield Printery(settings, folder)
    asyncio.run(_check(settings))
    asyncio.run(_command(server_settings, f"DROP DATABASE {_NAME} WITH (FORCE)"))


async def _load(settings: Settings) -> None:
    async with open_database(settings, pool_size=4) as db:
        await load_sandbox(db)


async def _check(settings: Settings) -> None:
    """After everything that the tests did: `miandan check` finds every promise kept."""
    async with open_database(settings, pool_size=2) as db:
        report = await check(db)
    assert report.ok, [verdict for verdict in report.promises if verdict.name in report.broken]
