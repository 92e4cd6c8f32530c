"""The authorisation page in a real Chromium: it works without script, obeys its own rules, and fits a phone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from miandan.kernel.ids import new_id
from tests.console.browser import PROGRAM, Tab, browser
from tests.console.conftest import Serving
from tests.console.owner import tool, word_of

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium is missing (python -m tests.parts)")

PHONE, DESK = (390, 844), (1280, 800)


@asynccontextmanager
async def vendor() -> AsyncIterator[tuple[str, list[str]]]:
    """An ERP's server on this machine: its callback sends the visitor on to another of its hosts. What it was asked."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        if head.startswith("GET /callback"):
            port = writer.get_extra_info("sockname")[1]
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: http://localhost:{port}/home\r\n".encode())
            writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\narrived")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, ["127.0.0.1"], 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback", asked


async def send(tab: Tab, word: str) -> None:
    await tab.see(f"document.querySelector('#word').value = '{word}'")
    await tab.see("document.querySelector('button').click()")


async def test_an_owner_with_a_browser_comes_back_to_the_erp(serving: Serving, tmp_path: Path) -> None:
    async with serving() as running, vendor() as (callback, asked), browser(tmp_path) as tab:
        app = await tool(running, "示例 ERP 打单助手", callback)
        await tab.size(*PHONE)
        await tab.go(f"{running.url}/authorize?service_id={app.app_key}&state=a%2Bb", "document.querySelector('#word')")
        await send(tab, "0000-0000-0000-0000")
        await tab.until("document.querySelector('[role=alert]')")
        await send(tab, await word_of(running))
        await tab.until("document.querySelector('[name=ticket]')")
        assert await tab.see("document.querySelector('[value=reveal]').checked") is False
        assert await tab.see("location.href") == f"{running.url}/authorize?"
        await tab.see("document.querySelector('[value=agree]').click()")
        await tab.until("document.body.innerText === 'arrived'")
        line = next(head for head in asked if head.startswith("GET /callback"))
        assert "?code=mdc_" in line
        assert "&state=a%2Bb HTTP" in line
        assert "referer" not in line.lower()
        assert [one for one in tab.complaints if "Content Security Policy" in one] == []


async def test_pages_fit_a_phone_and_a_desk(serving: Serving, tmp_path: Path) -> None:
    async with serving() as running, browser(tmp_path) as tab:
        app = await tool(running, "示例仓储工具" + "W" * 40 + "（名字很长）")
        word = await word_of(running)
        for size in (PHONE, DESK):
            await tab.size(*size)
            await tab.go(f"{running.url}/authorize?service_id={app.app_key}", "document.querySelector('#word')")
            assert await fits(tab, size)
            assert await tab.see("document.querySelector('button').getBoundingClientRect().bottom") < size[1]
            await send(tab, word)
            await tab.until("document.querySelector('[name=ticket]')")
            assert await fits(tab, size)
            rows = await tab.see("[...document.querySelectorAll('.tick, button')].map(row => row.offsetHeight)")
            assert min(rows) >= 40  # a thumb's width
        for query in ("service_id=1", f"service_id={new_id().int % 10**19}"):
            here = f"location.search === '?{query}'"  # and not the page before it, which has a heading too
            await tab.go(f"{running.url}/authorize?{query}", f"{here} && document.querySelector('h1')")
            assert await fits(tab, DESK)
        assert [one for one in tab.complaints if "Content Security Policy" in one] == []


async def fits(tab: Tab, size: tuple[int, int]) -> bool:
    """Nothing sticks out at the side, and the page looks as its stylesheet says."""
    styled = await tab.see("getComputedStyle(document.querySelector('.card')).borderRadius") == "12px"
    return styled and bool(await tab.see(f"document.documentElement.scrollWidth <= {size[0]}"))


async def test_nobody_can_frame_the_page(serving: Serving, tmp_path: Path) -> None:
    async with serving() as running, browser(tmp_path) as tab:
        app = await tool(running)
        inside = "document.querySelector('iframe').contentDocument?.body?.innerText || ''"
        for path, framed in (("/health", True), (f"/authorize?service_id={app.app_key}", False)):
            await tab.go(f"{running.url}/health?{framed}", f"location.search === '?{framed}'")
            await tab.see(
                "var frame = document.createElement('iframe'); frame.onload = () => window.loaded = true;"
                f"frame.src = '{path}'; document.body.appendChild(frame); null"
            )
            await tab.until("window.loaded")
            assert bool(await tab.see(inside)) is framed
