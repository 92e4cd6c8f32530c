"""The hall closes what it opened, whatever has happened to the database meanwhile."""

import logging

import pytest

from miandan.access.calls import CallNote, new_log_id
from miandan.kernel.clock import now
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.server.house import open_hall


async def test_a_database_that_has_gone_ends_no_shutdown_and_is_told_of(
    settings: Settings, server_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    name = str(settings.database_url).rpartition("/")[2].partition("?")[0]
    with caplog.at_level(logging.WARNING, "miandan"):
        async with open_hall(settings) as hall, open_database(server_settings) as elsewhere:
            hall.calls.note(CallNote(new_log_id(), now(), "api", "", "GET /api/v1/orders", "", 200, "", 3))
            await elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await elsewhere.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    told = [record.getMessage() for record in caplog.records if record.name == "miandan"]
    assert [line.split(" kind=")[0] for line in told] == ["calls.not_written calls=1"]
