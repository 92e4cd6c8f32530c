"""Pages that nobody has decided on: they hold up neither a stop nor anybody else."""

import asyncio
import json
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from miandan.agent.components import origins
from miandan.agent.components.conversation import MOST_HELD
from miandan.agent.components.origins import MOST_WAITING
from miandan.agent.components.serving import MOST_OF_ONE_UNDECIDED, MOST_UNDECIDED
from tests.agent.components.bench import PAGE, Counter, counter, task
from tests.agent.ports import kept_port
from tests.agent.test_commands import running

NEW = "https://never-seen.example"
LONG = 600.0
"""Seconds that no test waits for."""


async def opens(desk: Counter, stack: AsyncExitStack, origin: str) -> bool:
    try:
        await stack.enter_async_context(desk.page("cainiao", origin))
    except InvalidStatus:
        return False
    return True


async def test_frames_of_an_undecided_page_beyond_a_few_are_answered_at_once(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao", consent_seconds=LONG) as desk, desk.page("cainiao", NEW) as page:
        for one in range(30):
            await page.say({"cmd": "getPrinters", "requestID": one})
        answers = [await page.hear() for _ in range(30 - MOST_HELD)]
        assert [one["requestID"] for one in answers] == list(range(MOST_HELD, 30))
        assert all("agent.component_origin_waiting" in one["msg"] for one in answers)
        desk.allow(origin=NEW)
        held = [await page.hear() for _ in range(MOST_HELD)]
        assert [(one["requestID"], one["status"]) for one in held] == [(one, "success") for one in range(MOST_HELD)]


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_stop_waits_for_no_undecided_page(tmp_path: Path, leaves: bool) -> None:
    stack = AsyncExitStack()
    async with counter(tmp_path, "cainiao", consent_seconds=LONG) as desk:
        page = await stack.enter_async_context(desk.page("cainiao", NEW))
        for one in range(30):
            await page.say({"cmd": "getPrinters", "requestID": one})
        await page.hear()
        if leaves:
            await stack.aclose()
        stopping = time.monotonic()
    assert time.monotonic() - stopping < LONG / 4
    await stack.aclose()


def test_a_real_agent_that_undecided_pages_have_called_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with kept_port() as port:
        (tmp_path / "components.toml").write_text(
            f'components = ["cainiao"]\n[component.cainiao]\nports = [{port}]\nsecure_ports = []\n', encoding="utf-8"
        )
        _calls_and_stops(tmp_path, port)


def _calls_and_stops(folder: Path, port: int) -> None:
    with running(folder) as program:
        until = time.monotonic() + 60
        while True:
            with suppress(OSError), connect(f"ws://127.0.0.1:{port}/", origin=Origin(NEW), proxy=None) as page:
                for one in range(30):
                    page.send(json.dumps({"cmd": "getPrinters", "requestID": one}))
                page.recv(timeout=60)
                break
            assert time.monotonic() < until
            time.sleep(0.05)
        program.terminate()
        assert program.wait(60) == 0


async def test_what_a_page_wanted_that_has_left_is_not_done_when_it_is_allowed(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao", consent_seconds=LONG) as desk:
        async with desk.page("cainiao", NEW) as page:
            await page.say({"cmd": "print", "requestID": 1, "task": task()})
            await page.say({"cmd": "getPrinters", "requestID": 2})
        async with asyncio.timeout(60):
            while desk.components._lines:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        desk.allow(origin=NEW)
        async with desk.page("cainiao", NEW) as page:
            assert (await page.ask("getPrinters"))["status"] == "success"
        assert desk.papers() == []


async def test_one_undecided_page_has_a_few_connections_and_an_allowed_program_gets_in(tmp_path: Path) -> None:
    async with counter(tmp_path, "cainiao") as desk, AsyncExitStack() as stack:
        opened = [await opens(desk, stack, NEW) for _ in range(64)]
        assert opened == [True] * MOST_OF_ONE_UNDECIDED + [False] * (64 - MOST_OF_ONE_UNDECIDED)
        async with desk.page("cainiao", None, f"?token={desk.token}") as program:
            assert (await program.ask("getPrinters"))["status"] == "success"
        desk.allow()
        async with desk.page("cainiao", PAGE) as page:
            assert (await page.ask("getPrinters"))["status"] == "success"


async def test_of_many_undecided_connections_the_oldest_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "GIVES_WAY_SECONDS", 0)
    async with counter(tmp_path, "cainiao", consent_seconds=LONG) as desk, AsyncExitStack() as stack:
        first = await stack.enter_async_context(desk.page("cainiao", NEW))
        for one in range(MOST_UNDECIDED - 1):
            assert await opens(desk, stack, f"https://page{one}.example")
        await first.say({"cmd": "getPrinters", "requestID": 1})
        assert await first.silent()
        async with desk.page("cainiao", PAGE) as page:
            with pytest.raises(ConnectionClosed):
                await first.hear()
            await page.say({"cmd": "getPrinters", "requestID": 1})
            desk.allow()
            assert (await page.hear())["status"] == "success"


async def test_a_list_full_of_undecided_pages_makes_room_for_a_new_one_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counter(tmp_path, "cainiao") as desk, AsyncExitStack() as stack:
        for one in range(MOST_WAITING):
            assert await opens(desk, stack, f"https://page{one}.example")
        assert not await opens(desk, stack, PAGE)
        monkeypatch.setattr(origins, "GIVES_WAY_SECONDS", 0)
        assert await opens(desk, stack, PAGE)
        waiting = desk.components.origins.waiting()
        assert (len(waiting), PAGE in waiting, "https://page0.example" in waiting) == (MOST_WAITING, True, False)
