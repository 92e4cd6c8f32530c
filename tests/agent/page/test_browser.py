"""The page in a real Chromium: opened as the command opens it, kept true by itself, usable by thumb and by keyboard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from miandan.agent.page.admission import new_address, opener
from miandan.agent.printers.model import Condition, State
from tests.agent.page.packer import READY, Machine, Packer, packing, soon
from tests.console.browser import PROGRAM, Tab, browser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is missing (python -m tests.parts)")

PHONE, DESK = (390, 844), (1280, 800)
SITE = "https://erp.example"


@asynccontextmanager
async def looking(tmp_path: Path, *names: str) -> AsyncIterator[tuple[Packer, Tab, list[Machine]]]:
    """A browser that came in the way the command lets it in: by a file that leads on to the ticket."""
    machines = [Machine(name, tmp_path / f"out{place}") for place, name in enumerate(names or ("一号", "二号"))]
    async with packing(tmp_path, machines) as packer, browser(tmp_path) as tab:
        await tab.size(*DESK)
        file = opener(packer.folder, new_address(packer.folder))
        await tab.go(file.as_uri(), "document.querySelector('#live')")
        yield packer, tab, machines


def broken(tab: Tab) -> list[str]:
    """Rules of the page's own policy that it broke."""
    return [one for one in tab.complaints if "Content Security Policy" in one]


async def test_the_file_that_the_command_leaves_leads_in_and_the_bare_address_finds_back(tmp_path: Path) -> None:
    async with looking(tmp_path) as (packer, tab, _):
        assert (await tab.see("location.href")).startswith(packer.url)
        await tab.go(f"{packer.url}/", "document.querySelector('#live')")
        assert await tab.see("document.referrer") == f"{packer.url}/"
        await tab.go(f"http://localhost:{packer.port}/", "document.querySelector('.code')")  # another site's memory
        assert broken(tab) == []


async def test_a_press_prints_and_the_page_tells_its_end_by_itself(tmp_path: Path) -> None:
    async with looking(tmp_path) as (_, tab, machines):
        await tab.see("document.querySelector('[id$=-test]').click()")
        await tab.until("document.body.innerText.includes('测试页已交给打印机')")
        await tab.until("document.querySelector('#ended').innerText.includes('已打印（设备回报）')")
        assert len(machines[0].paper()) == 1
        machines[0].is_now = Condition(State.PAPER_OUT)
        await tab.see("document.querySelector('[id$=-test]').click()")
        await tab.until("document.querySelector('#waiting').innerText.includes('待打 1 张')")
        await tab.until("document.querySelector('.printer.bad')?.innerText.includes('缺纸')")
        assert (await tab.see("document.title")).startswith("✕")
        machines[0].is_now = READY
        await tab.until("!document.querySelector('.printer.bad')")
        await soon(lambda: len(machines[0].paper()) == 2)
        assert broken(tab) == []


async def test_what_is_ticked_and_focused_stays_while_the_page_changes(tmp_path: Path) -> None:
    async with looking(tmp_path) as (packer, tab, machines):
        packer.components.origins.ask(SITE, "doudian")
        await tab.until("document.querySelector('[name=printer][value=一号][type=checkbox]')")
        assert (await tab.see("document.title")).startswith("（1）请确认")
        await tab.see("document.querySelector('[value=一号][type=checkbox]').click()")
        await tab.see("document.querySelector('#origins summary').click()")
        await tab.see("document.querySelectorAll('[id$=-test]')[1].focus()")
        packer.components.origins.ask("https://another.example", "cainiao")
        machines[1].is_now = Condition(State.LID_OPEN)  # so that it says the same when the agent asks it
        packer.agent.benches["二号"].note(machines[1].is_now)
        await tab.until("document.querySelectorAll('.ask').length === 2 && document.querySelector('.printer.bad')")
        assert await tab.see("document.querySelector('[value=一号][type=checkbox]').checked") is False
        assert await tab.see("document.querySelector('#origins').open") is True
        assert await tab.see("document.activeElement === document.querySelectorAll('[id$=-test]')[1]") is True
        await tab.see("document.querySelector('.ask [value=allow]').click()")
        await tab.until("document.body.innerText.includes('已允许')")
        decision = packer.components.origins.decision(SITE)
        assert decision is not None
        assert decision.printers == ("二号",)
        assert list(packer.components.origins.waiting()) == ["https://another.example"]


async def test_readings_are_typed_and_a_wrong_one_is_said_beside_them(tmp_path: Path) -> None:
    async with looking(tmp_path) as (_, tab, machines):
        await tab.see("document.querySelector('[id$=-calibrate]').click()")
        await tab.until("document.querySelector('#left')")
        await tab.see("document.querySelector('#left').value = 'zehn'; document.querySelector('#keep').click()")
        await tab.until("document.querySelector('[role=alert]')?.innerText.includes('不是数字')")
        assert await tab.see("document.querySelector('#left').value") == "zehn"
        await tab.see("document.querySelector('#left').value = '10.5'; document.querySelector('#keep').click()")
        await tab.until("document.body.innerText.includes('已保存')")
        assert machines[0].profile.offset_x_um == -500
        assert broken(tab) == []


async def test_a_page_whose_agent_has_gone_says_so(tmp_path: Path) -> None:
    async with browser(tmp_path) as tab:
        async with packing(tmp_path, [Machine("一号", tmp_path / "out")]) as packer:
            await tab.go(new_address(packer.folder), "document.querySelector('#live')")
            assert await tab.see("document.querySelector('#gone').offsetHeight") == 0
        await tab.until("document.querySelector('#gone').offsetHeight > 0")
        assert (await tab.see("document.title")).startswith("✕")
        assert await tab.see("getComputedStyle(document.querySelector('#live')).opacity") == "0.35"


async def test_without_script_the_page_is_loaded_anew_and_every_button_works(tmp_path: Path) -> None:
    async with looking(tmp_path) as (packer, tab, machines):
        await tab.tell("Emulation.setScriptExecutionDisabled", value=True)
        await tab.go(packer.url + (await tab.see("location.pathname")), "document.querySelector('#live')")
        machines[0].is_now = Condition(State.HEAD_HOT)
        packer.agent.benches["一号"].note(machines[0].is_now)
        for _ in range(600):
            if await tab.see("document.body?.innerText.includes('打印头过热')"):
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("never loaded anew")
        machines[0].is_now = READY
        await tab.see("document.querySelector('[id$=-test]').click()")
        await soon(lambda: len(machines[0].paper()) == 1)


async def test_another_site_can_press_nothing_and_see_nothing(tmp_path: Path) -> None:
    """A page of another port of this machine: the nearest that a stranger's page can come."""
    async with looking(tmp_path) as (packer, tab, machines):
        place = await tab.see("location.pathname")
        seal = await tab.see("document.querySelector('[name=seal]').value")
        heard: list[str] = []

        async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
            html = f"""<form method=post action="{packer.url}{place}print"><input name=printer value=一号>
<input name=page value=test><input name=seal value={seal}></form><iframe src="{packer.url}{place}"></iframe>"""
            body = html.encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(stranger, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            await tab.go(url, "document.querySelector('iframe')")
            assert "miandan-agent" not in heard[0]  # the cookie goes to our path alone
            assert not await tab.see("document.querySelector('iframe').contentDocument?.body?.innerText")
            fetched = f"fetch('{packer.url}{place}', {{credentials: 'include'}})"
            await tab.see(f"{fetched}.then(() => 1, () => 2).then(it => window.got = it)")
            await tab.until("window.got === 2")
            await tab.see("document.forms[0].submit()")
            await tab.until("document.querySelector('.code')")  # the locked page
        assert packer.agent.journal.open_sheets == []
        assert machines[0].paper() == []


async def fits(tab: Tab, width: int) -> bool:
    return bool(await tab.see(f"document.documentElement.scrollWidth <= {width}"))


async def test_every_look_fits_a_phone_and_a_desk(tmp_path: Path) -> None:
    long = "仓库" + "W" * 60 + "号打印机（名字很长）"
    async with looking(tmp_path, long, "二号") as (packer, tab, _):
        place = packer.url + (await tab.see("location.pathname"))
        packer.agent.benches[long].note(Condition(State.PAPER_OUT, "E" * 300))
        packer.components.origins.ask("https://" + "erp." * 40 + "example", "doudian")
        await tab.see("document.querySelector('[id$=-test]').click()")
        await tab.until("document.querySelector('.ask')")
        for size in (PHONE, DESK):
            await tab.size(*size)
            for path, there in (("", ".ask"), (f"calibrate?printer={long}", "#keep")):
                await tab.go(place + path, f"document.querySelector('{there}')")
                assert await fits(tab, size[0])
                heights = await tab.see("[...document.querySelectorAll('button')].map(one => one.offsetHeight)")
                assert min(heights) >= 40  # a thumb's width
        await tab.go(place, "document.querySelector('.lamp h1')")
        assert await tab.see("parseFloat(getComputedStyle(document.querySelector('.lamp h1')).fontSize)") >= 40
        assert broken(tab) == []
