"""One sandbox for all tests of the heart: loaded once, since every test works with a merchant of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from tests.sandboxes import shared_sandbox
from tests.waybills.stall import Stall, open_stall
from tests.waybills.world import World, reopen_world

_NAME = "heart"
CONNECTIONS = 8
"""Of each program."""
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
        async with (
            open_database(self.settings, pool_size=CONNECTIONS) as db,
            reopen_world(db, self.folder, lanes=lanes) as world,
        ):
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
    with shared_sandbox(server_settings, folder, _NAME, leave_out=(STATED_ABOVE,)) as settings:
        yield Heart(settings, folder)
