"""What falls due by itself: an alarm is heard, whatever breaks after it."""

import logging
from typing import NoReturn

import pytest

from miandan.kernel import outbox
from miandan.kernel.settings import Settings
from miandan.server import jobs
from miandan.server.house import open_hall
from miandan.waybills.lives import VOID_WAS_SCANNED
from tests.sandboxes import load


async def breaks(*_: object) -> NoReturn:
    raise ConnectionResetError


async def test_an_alarm_is_heard_although_a_later_part_of_the_jobs_breaks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await load(settings)
    async with open_hall(settings) as hall:
        async with hall.db.transaction() as tx:
            await outbox.put(tx, "merchant:1001", VOID_WAS_SCANNED, {"carrier": "zto", "number": "ZT00000001"})
        with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "miandan"):
            patched.setattr(jobs, "index_pending", breaks)
            with pytest.raises(ConnectionResetError):
                await jobs.do_due(hall)
        assert "ZT00000001" in caplog.text
        assert (await jobs.do_due(hall)).alarms == []  # told once
