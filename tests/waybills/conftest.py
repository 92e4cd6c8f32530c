"""One sandbox for all tests of the heart: loaded once, since every test works with a merchant of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from miandan.cli.check import check, promises
from miandan.cli.sandbox import load_sandbox
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from tests.conftest import _TEMPLATE, _command, _url
from tests.waybills.stall import Stall, open_stall
from tests.waybills.world import World, reopen_world

_NAME = "heart"
STATED_ABOVE = "shipped_by_statement"
"""The promise that these tests leave aside: they ship numbers without the statements of the room above."""


@dataclass(frozen=True, slots=True)
class Heart:
    """The shared database and the books of its fake carriers."""

    settings: Settings
    folder: Path

    @asynccontextmanager
    async def world(self, *, lanes: int = 2) -> AsyncIterator[World]:
        """A program on the shared database; carriers behave until a test says otherwise."""
        async with open_database(self.settings, pool_size=8) as db, reopen_world(db, self.folder, lanes=lanes) as world:
            for carrier in world.carriers.values():
                carrier.behave()
            try:
                yield world
            finally:
                for carrier in world.carriers.values():
                    carrier.close()

    @asynccontextmanager
    async def stall(self, *, lanes: int = 2) -> AsyncIterator[Stall]:
        """A merchant that nobody else knows, in a program of its own."""
        async with self.world(lanes=lanes) as world:
            yield await open_stall(world)


@pytest.fixture(scope="session")
def heart(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heart]:
    """The sandbox of this room."""
    folder = tmp_path_factory.mktemp(_NAME)
    asyncio.run(_command(server_settings, f"CREATE DATABASE {_NAME} TEMPLATE {_TEMPLATE}"))
    settings = Settings(data=folder / "data", database_url=_url(server_settings, _NAME), sandbox=True)
    asyncio.run(_load(settings))
    yield Heart(settings, folder)
    asyncio.run(_check(settings))
    asyncio.run(_command(server_settings, f"DROP DATABASE {_NAME} WITH (FORCE)"))


async def _load(settings: Settings) -> None:
    async with open_database(replace(settings), pool_size=4) as db:
        await load_sandbox(db)


async def _check(settings: Settings) -> None:
    """After everything that the tests did: `miandan check` finds every promise kept."""
    chosen = [promise for promise in promises() if promise.name != STATED_ABOVE]
    async with open_database(settings, pool_size=2) as db:
        report = await check(db, chosen)
    assert report.ok, [verdict for verdict in report.promises if verdict.name in report.broken]
