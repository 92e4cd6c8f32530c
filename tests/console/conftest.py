"""One sandbox for the tests of the pages, and a real server on it for each test."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from miandan.kernel.settings import Settings
from tests.sandboxes import shared_sandbox
from tests.served import Served, served

Serving = Callable[[], AbstractAsyncContextManager[Served]]
_NAME = "console"


@pytest.fixture(scope="session")
def serving(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`async with serving() as running:`: a server on the sandbox that the tests of this room share."""
    with shared_sandbox(server_settings, tmp_path_factory.mktemp(_NAME), _NAME) as settings:
        yield partial(served, settings)
