"""From the command to the paper: a paired agent as its own program, a batch of the server, and the page beside it."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from miandan.agent.folder import Folder
from miandan.agent.printers.model import Condition, State
from miandan.printing.job_model import SheetState
from tests.agent.page.packer import READY, Machine, packing, soon, words
from tests.link.depot import PLANTED, Depots, connected

PRINTERS = '[[printer]]\nname = "一号"\ndriver = "folder"\nprofile = "zpl-203"\nform = "png"\npaper = "76x130"\n'


@asynccontextmanager
async def command(path: Path, *words_typed: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("miandan")),
        "agent",
        *words_typed,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
        | {"MIANDAN_AGENT": str(path), "MIANDAN_AGENT_PAGE": "0"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 60)


async def typed(path: Path, *words_typed: str) -> tuple[int, str]:
    async with command(path, *words_typed) as process:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


def on_disk(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in path.rglob("*") if one.is_file())


async def test_a_batch_is_seen_from_the_first_sheet_to_the_last(depots: Depots, tmp_path: Path) -> None:
    machine = Machine("一号", tmp_path / "out")
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        async with packing(tmp_path, [machine], paired) as packer:
            await connected(packer.agent, depot.db)
            await packer.comes_in()
            text = await packer.text()
            assert "已连接 Connected" in text
            assert "仓库一号机" in text
            machine.is_now = Condition(State.LID_OPEN)
            numbers = await depot.numbers(4)
            await depot.job(numbers, paired.agent_id)
            await soon(lambda: len(packer.agent.journal.open_sheets) == 4)
            await soon(lambda: not packer.agent.benches["一号"].condition.state.can_print)
            html = (await packer.sees()).text
            assert "打印机有问题" in html
            assert "待打 4 张" in html
            assert re.findall(r"<b><bdi>([^<]+)</bdi></b>", html) == [one.number for one in numbers]
            assert PLANTED.name not in html
            machine.is_now = READY
            await depot.all_in(SheetState.PRINTED)
            await soon(lambda: not packer.agent.journal.open_sheets)  # the server has said so
            text = await packer.text()
            assert "已打印 printed 4 设备回报 4" in text
            assert "没有在等的面单" in text
            assert len(machine.paper()) == 4


async def test_the_commands_run_an_agent_and_open_its_page(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path)
        Folder(tmp_path).printers.write_text(PRINTERS, encoding="utf-8")
        async with command(tmp_path, "run"), httpx.AsyncClient(trust_env=False) as browser:
            await soon(lambda: (tmp_path / "page" / "page.json").exists())
            code, said = await typed(tmp_path, "page")  # without a screen it only says the address
            [address] = re.findall(r"http://127\.0\.0\.1:\d+/open/[\w-]{43}", said)
            assert code == 0
            answer = await browser.get(address)
            assert answer.status_code == 200
            place = answer.headers["set-cookie"].partition("Path=")[2].partition(";")[0]

            async def sees(text: str) -> bool:
                return text in words((await browser.get(address.partition("/open/")[0] + place)).text)

            await soon(lambda: sees("已连接 Connected"))
            await depot.job(await depot.numbers(3), paired.agent_id)
            await depot.all_in(SheetState.PRINTED)
            assert await sees("已打印 printed 3")
        assert not (tmp_path / "page" / "page.json").exists()
        everything = on_disk(tmp_path)
        assert PLANTED.phone.encode() not in everything
        assert PLANTED.name.encode() not in everything
