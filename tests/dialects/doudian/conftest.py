"""One sandbox for the tests of the dialect, a real server on loopback for each test, and callers that sign."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from miandan.kernel.settings import Settings
from tests.dialects.doudian.erp import Erp
from tests.sandboxes import shared_sandbox
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
    with shared_sandbox(server_settings, tmp_path_factory.mktemp(_NAME), _NAME) as settings:
        yield Ground(settings)
