"""One server for the races and kills of a test run."""

from collections.abc import Iterator

import pytest

from tests.crash.ground import Ground, open_ground


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """A server that may be killed; nobody else uses it."""
    with open_ground() as opened:
        yield opened
