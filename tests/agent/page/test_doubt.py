"""Sheets in doubt on the page, in the status and in the commands: nothing looks well while they want somebody."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from miandan.agent import standing
from miandan.agent.folder import Folder
from miandan.agent.link import LinkState
from miandan.agent.orders import said
from miandan.agent.page.model import Lamp, Shown, shown
from miandan.agent.page.view import Asked, page
from miandan.agent.printers import tcp
from miandan.agent.printers.direct import Patience
from miandan.agent.printers.model import Condition, State
from miandan.agent.printers.tcp import TcpPrinter
from miandan.agent.status import GO_ON, AgentStatus, LinkShown, Question, ask, read_status, write_status
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome, PrinterState
from tests.agent.page.packer import Packer, packing, soon
from tests.agent.printers.sheets import LOADED, own
from tests.agent.test_commands import agent as command

SILENT = Patience(connect=10.0, stalled=30.0, asks_after=float("inf"), fresh=0.0)


@asynccontextmanager
async def slamming() -> AsyncIterator[int]:
    """A printer that closes its line in every sheet, what it has not read still in it."""
    loop = asyncio.get_running_loop()

    async def serve() -> None:
        while True:
            line, _ = await loop.sock_accept(device)
            with line, suppress(OSError):
                await loop.sock_recv(line, 1_000)

    with socket.create_server(("127.0.0.1", 0)) as device:
        device.setblocking(False)
        serving = asyncio.create_task(serve())
        yield device.getsockname()[1]
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@asynccontextmanager
async def in_doubt(path: Path) -> AsyncIterator[Packer]:
    """An agent whose only printer stands still after its first sheet."""
    async with slamming() as port:
        printer = TcpPrinter("一号", own(), LOADED, "127.0.0.1", port, SILENT)
        async with packing(path, [printer]) as packer:
            assert (await packer.agent.print_page("一号", "test")).outcome is Outcome.DOUBTFUL
            await packer.agent.benches["一号"].look()
            await packer.comes_in()
            yield packer


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=False)


def connected(packer: Packer) -> Shown:
    """As it is shown by an agent that has a link."""
    link = LinkShown(LinkState.CONNECTED, "")
    return replace(shown(packer.agent), link=link, server="https://miandan.example")


@pytest.fixture(autouse=True)
def _pauses_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PAUSES_SECONDS", (1_000.0,))
    monkeypatch.setattr(tcp, "_FAREWELL", 60.0)  # the printer does close its line, however slow the machine is


async def test_the_lamp_is_not_green_while_a_sheet_in_doubt_wants_somebody(tmp_path: Path) -> None:
    async with in_doubt(tmp_path) as packer:
        assert connected(packer).lamp is Lamp.TROUBLE  # it stands still
        packer.agent.benches["一号"].go_on()
        now = connected(packer)
        assert now.lamp is Lamp.CHECK
        html = page(now, Asked({}, {}, {}), "seal")
        assert '<section id="lamp" class="lamp check"' in html
        assert "1 张存疑，要人处理" in html
        assert "已连接" not in html
        await packer.presses("settled", sheet=now.wrong[0].slip.sheet_id)
        assert connected(packer).lamp is Lamp.GOOD


async def test_a_printer_that_stands_still_says_so_and_goes_on_when_pressed(tmp_path: Path) -> None:
    async with in_doubt(tmp_path) as packer:
        assert "有面单存疑，打印机已停下" in await packer.text()
        told = [(one.state, one.detail) for one in packer.agent.described()]
        assert told == [(PrinterState.TROUBLE, "stands_still")]
        pressed = await packer.presses("go", printer="一号")
        assert pressed.headers["location"] == "./?said=go"
        assert not packer.agent.benches["一号"].stands_still
        assert "看过了，继续打" not in await packer.text()
        assert (await packer.presses("go", printer="没有")).status_code == 409


async def test_settling_the_last_sheet_in_doubt_lets_its_printer_go_on_and_says_that_the_server_was_told_nothing(
    tmp_path: Path,
) -> None:
    async with in_doubt(tmp_path) as packer:
        assert "不会告诉服务器" in await packer.text()
        [wrong] = packer.agent.to_check()
        pressed = await packer.presses("settled", sheet=wrong.slip.sheet_id)
        assert not packer.agent.benches["一号"].stands_still
        told = await packer.text(pressed.headers["location"].removeprefix("./"))
        assert "服务器上没有改动" in told
        assert "print-jobs settle" in told


async def test_the_status_and_a_command_tell_of_it_too(tmp_path: Path) -> None:
    async with in_doubt(tmp_path) as packer:
        folder = packer.folder

        def is_told() -> bool:
            status = read_status(folder)
            return status.to_check == 1 and status.printers[0].state == "stands_still"

        await soon(is_told, 60)
        told = await asyncio.to_thread(command, folder.path, "status")
        assert told.returncode == 2
        assert "miandan agent go" in told.stdout + told.stderr
        assert "1 张失败或存疑" in told.stdout + told.stderr
        tested = await asyncio.to_thread(command, folder.path, "test", "一号")
        assert (tested.returncode, "agent.page_not_now" in tested.stdout + tested.stderr) == (1, True)
        gone_on = await asyncio.to_thread(command, folder.path, "go", "一号")
        assert (gone_on.returncode, "接着打" in gone_on.stdout + gone_on.stderr) == (0, True)
        assert not packer.agent.benches["一号"].stands_still
        answer = await asyncio.to_thread(ask, folder, Question("没有", GO_ON))
        assert answer.code == "agent.printer_unknown"


async def test_a_page_for_a_printer_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        printer = TcpPrinter("一号", own(), LOADED, "127.0.0.1", nobody.getsockname()[1], SILENT)
        async with packing(tmp_path, [printer]) as packer:
            with pytest.raises(Refusal) as refused:
                await packer.agent.print_page_now("一号", "test")
            assert refused.value.code == "agent.page_not_now"
            assert "离线" in refused.value.zh
            assert packer.agent.benches["一号"].waiting == 0


async def test_the_notice_of_consent_names_its_site(tmp_path: Path) -> None:
    async with in_doubt(tmp_path) as packer:
        for site, decision, word in (("https://a.example", "allow", "已允许"), ("https://b.example", "deny", "已拒绝")):
            packer.components.origins.ask(site, "cainiao")
            pressed = await packer.presses("origin", origin=site, decision=decision)
            assert f"{word} {site}" in await packer.text(pressed.headers["location"].removeprefix("./"))
        assert "已允许。" in await packer.text("?said=allow&site=<b>evil</b>")


async def test_a_full_disk_is_seen_in_the_status(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk):
        folder = Folder(disk)
        well = AgentStatus(1, "", "", "", "", "", LinkShown("connected", ""), 0, "", [], ["an error"] * 20)
        await write_status(folder, well)
        with suppress(OSError), (disk / "rest").open("wb", buffering=0) as rest:
            while rest.write(b"x" * 4096):
                pass
        full = Refusal("agent.journal_full", file="journal.jsonl", reason="ENOSPC")
        await write_status(
            folder, msgspec.structs.replace(well, trouble=full.code, trouble_zh=full.zh, trouble_en=full.en)
        )
        seen = json.loads(folder.status.read_text())
        assert (seen["trouble"], seen["trouble_zh"]) == (full.code, full.zh)
    assert said(Condition(State.ERROR, full.code)) == (PrinterState.TROUBLE, full.code)  # what the server is told
