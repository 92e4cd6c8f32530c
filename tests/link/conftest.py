"""One sandbox for the tests of the agents' link, and a real server on it for each test."""

from collections.abc import Iterator
from functools import partial

import pytest

from miandan.kernel.settings import Settings
from tests.link.depot import Depots, open_depot
from tests.sandboxes import shared_sandbox

_NAME = "agents_link"


@pytest.fixture(scope="session")
def sandbox_of_links(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of the sandbox that the tests of this room share."""
    with shared_sandbox(server_settings, tmp_path_factory.mktemp(_NAME), _NAME) as settings:
        yield settings


@pytest.fixture
def depots(sandbox_of_links: Settings) -> Depots:
    """`async with depots() as depot:`: a server, and a merchant that nobody else knows."""
    return partial(open_depot, sandbox_of_links)
