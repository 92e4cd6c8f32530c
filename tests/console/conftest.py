"""One sandbox for the tests of the pages, and a real server on it for each test."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from miandan.cli.sandbox import load_sandbox
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.vault.root import open_root_key
from tests.conftest import _TEMPLATE, _command, _url
from tests.served import Served, served

Serving = Callable[[], AbstractAsyncContextManager[Served]]
_NAME = "console"


@pytest.fixture(scope="session")
def serving(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`async with serving() as running:`: a server on the sandbox that the tests of this room share."""
    folder: Path = tmp_path_factory.mktemp(_NAME)
    asyncio.run(_command(server_settings, f"CREATE DATABASE {_NAME} TEMPLATE {_TEMPLATE}"))
    settings = Settings(data=folder / "data", database_url=_url(server_settings, _NAME), sandbox=True)
    settings.data.mkdir()
    asyncio.run(_load(settings))
    yield partial(served, settings)
    asyncio.run(_command(server_settings, f"DROP DATABASE {_NAME} WITH (FORCE)"))


async def _load(settings: Settings) -> None:
    open_root_key(settings.data, None, sandbox=True)
    async with open_database(settings, pool_size=4) as db:
        await load_sandbox(db)
