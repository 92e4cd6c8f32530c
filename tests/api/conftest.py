"""One sandbox for the tests of the native API, a real server on loopback for each test, and developers at its door."""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from miandan.access import service
from miandan.access.model import AppKind, Registration, Scope, Subject
from miandan.hall import Hall
from miandan.kernel.settings import Settings
from tests.api.developer import Developer, client
from tests.sandboxes import shared_sandbox
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


async def own_app(hall: Hall, scopes: Collection[Scope], *own: Subject, limit: int = 1000) -> tuple[str, str]:
    """Key and secret of a self-use app of these subjects."""
    form = Registration("示例", AppKind.SELF_USE, frozenset(scopes), own, calls_per_second=limit)
    app, secret = await service.register_app(hall.db, hall.root, form)
    return app.app_key, secret


@pytest.fixture(scope="session")
def ground(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The sandbox of this room."""
    with shared_sandbox(server_settings, tmp_path_factory.mktemp(_NAME), _NAME) as settings:
        yield Ground(settings)
