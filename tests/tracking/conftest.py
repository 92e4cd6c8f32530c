"""One sandbox for all tests of scans; every test works with a merchant of its own, as in tests/waybills."""

from collections.abc import Iterator

import pytest

from miandan.kernel.settings import Settings
from tests.sandboxes import shared_sandbox
from tests.waybills.conftest import STATED_ABOVE, Heart

_NAME = "tracking"


@pytest.fixture(scope="session")
def road(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heart]:
    """A sandbox whose parcels travel; at the end `miandan check` finds every promise kept."""
    folder = tmp_path_factory.mktemp(_NAME)
    with shared_sandbox(server_settings, folder, _NAME, leave_out=(STATED_ABOVE,)) as settings:
        yield Heart(settings, folder)
