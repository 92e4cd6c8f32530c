"""One sandbox for all tests of scans; every test works with a merchant of its own, as in tests/waybills."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from miandan.kernel.settings import Settings
from tests.conftest import _TEMPLATE, _command, _url
from tests.waybills.conftest import Heart, _check, _load

_NAME = "tracking"


@pytest.fixture(scope="session")
def road(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heart]:
    """A sandbox whose parcels travel; at the end `miandan check` finds every promise kept."""
    folder = tmp_path_factory.mktemp(_NAME)
    asyncio.run(_command(server_settings, f"CREATE DATABASE {_NAME} TEMPLATE {_TEMPLATE}"))
    settings = Settings(data=folder / "data", database_url=_url(server_settings, _NAME), sandbox=True)
    asyncio.run(_load(settings))
    yield Heart(settings, Path(folder))
    asyncio.run(_check(settings))
    asyncio.run(_command(server_settings, f"DROP DATABASE {_NAME} WITH (FORCE)"))
