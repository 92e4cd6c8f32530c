"""A sandbox for the tests of the pages, and a real server on it for each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from miandan.cli.sandbox import load_sandbox, load_sandbox_apps
from miandan.kernel.settings import Settings
from tests.served import Served, served

Serving = Callable[[], AbstractAsyncContextManager[Served]]


@pytest.fixture
def serving(settings: Settings) -> Serving:
    """`async with serving() as running:`: a server on a fresh sandbox."""
    settings.data.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def start() -> AsyncIterator[Served]:
        async with served(settings) as running:
            await load_sandbox(running.hall.db)
            await load_sandbox_apps(running.hall.db, running.hall.root)
            yield running

    return start
