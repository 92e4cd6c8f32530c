"""One sandbox with the server's database for the tests that open print data of the platform."""

from collections.abc import Iterator

import pytest

from miandan.kernel.settings import Settings
from tests.dialects.doudian.conftest import Ground
from tests.sandboxes import shared_sandbox

_NAME = "components"


@pytest.fixture(scope="session")
def platform(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The sandbox of this room."""
    with shared_sandbox(server_settings, tmp_path_factory.mktemp(_NAME), _NAME) as settings:
        yield Ground(settings)
