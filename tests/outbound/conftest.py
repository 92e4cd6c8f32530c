"""One sandbox for all tests of shipping: loaded once, since every test works with a merchant of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.outbound.desk import ShipDesk
from tests.outbound.dock import Dock
from tests.sandboxes import shared_sandbox
from tests.waybills.stall import open_stall
from tests.waybills.world import reopen_world

_NAME = "harbour"


@dataclass(frozen=True, slots=True)
class Harbour:
    """The shared database and the books of its fake carriers."""

    settings: Settings
    folder: Path

    @asynccontextmanager
    async def dock(self) -> AsyncIterator[Dock]:
        """A merchant that nobody else knows."""
        async with open_database(self.settings, pool_size=8) as db, reopen_world(db, self.folder) as world:
            try:
                yield Dock(await open_stall(world), ShipDesk(db, world.vault))
            finally:
                for carrier in world.carriers.values():
                    carrier.close()


@pytest.fixture(scope="session")
def harbour(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    """The sandbox of this room."""
    folder = tmp_path_factory.mktemp(_NAME)
    with shared_sandbox(server_settings, folder, _NAME) as settings:
        yield Harbour(settings, folder)
