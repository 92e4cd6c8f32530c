"""A packer at the page of a real agent: opens it with a ticket, presses, types, looks at the paper in the folder."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path

import httpx

from miandan.agent.components import Components, Settings, components_of
from miandan.agent.folder import Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.agent.page.admission import new_address
from miandan.agent.page.door import open_page
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import NOT_READY, Condition, Loaded, MediaType, Outcome, Printer, SheetRef, State
from miandan.agent.program import Agent
from miandan.labels.printers import profiles

PAPER = Loaded(76_000, 130_000)
READY = Condition(State.READY)


class Machine(FolderPrinter):
    """A folder printer with a lid, a roll of paper and a switch, which a test opens, takes out and turns off."""

    def __init__(self, name: str, path: Path, profile: str = "zpl-203", form: MediaType = MediaType.PNG) -> None:
        super().__init__(name, profiles.profile(profile), PAPER, path, form)
        self.is_now = READY
        self.files = path

    async def condition(self) -> Condition:
        return self.is_now

    async def _print(self, sheet: SheetRef, document: bytes) -> Outcome:
        if not self.is_now.state.can_print:
            raise self.nothing_sent(NOT_READY, self.is_now.state)
        return await super()._print(sheet, document)

    def paper(self) -> list[str]:
        found = self.files.iterdir() if self.files.is_dir() else iter(())
        return sorted(one.name for one in found if not one.name.startswith("."))


@dataclass(slots=True)
class Packer:
    """A browser without script: it keeps its cookies and follows where it is led."""

    agent: Agent
    port: int
    components: Components
    browser: httpx.AsyncClient
    place: str = ""
    cookie: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def folder(self) -> Folder:
        return self.agent.folder

    async def comes_in(self) -> httpx.Response:
        """Open the page with a fresh ticket."""
        answer = await self.browser.get(new_address(self.folder))
        assert answer.status_code == 200, answer.text
        self.browser.cookies.clear()  # the test says which cookie is sent
        cookie = SimpleCookie(answer.headers["set-cookie"])["miandan-agent"]
        self.cookie, self.place = f"miandan-agent={cookie.value}", cookie["path"]
        return answer

    async def sees(self, path: str = "", **headers: str) -> httpx.Response:
        return await self.browser.get(self.url + self.place + path, headers={"cookie": self.cookie} | headers)

    async def text(self, path: str = "") -> str:
        answer = await self.sees(path)
        assert answer.status_code == 200
        return words(answer.text)

    async def seal(self) -> str:
        found = re.search(r'name="seal" value="([0-9a-f]{64})"', (await self.sees()).text)
        assert found
        return found[1]

    async def sends(self, path: str, fields: dict[str, str | list[str]], **headers: str) -> httpx.Response:
        """A form as a browser would send it; a header given as "" is left out."""
        usual = {"cookie": self.cookie, "origin": self.url, "sec-fetch-site": "same-origin"}
        sent = {name: value for name, value in (usual | headers).items() if value}
        return await self.browser.post(self.url + self.place + path, data=fields, headers=sent)

    async def presses(self, path: str, **fields: str | list[str]) -> httpx.Response:
        """What a button of the page sends."""
        return await self.sends(path, {**fields, "seal": await self.seal()})


def words(html: str) -> str:
    """What can be read on a page, in one line."""
    shown = re.sub(r"(?s)<(style|script)>.*?</\1>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", shown)).split())


@asynccontextmanager
async def packing(
    path: Path, printers: Sequence[Printer], paired: Paired | None = None, settings: Settings | None = None
) -> AsyncIterator[Packer]:
    """An agent of this process with its components and its page, until the block ends; the packer is not in yet."""
    folder = Folder(path / "agent")
    folder.make()
    with folder.alone():
        agent = Agent(folder, printers, paired, agent_keys(folder.keys))
        await agent.start()
        try:
            async with (
                components_of(agent, folder, settings) as components,
                open_page(agent, 0, components) as port,
                httpx.AsyncClient(trust_env=False) as browser,
            ):
                yield Packer(agent, port, components, browser)
        finally:
            await agent.stop()


async def soon(holds: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until it is so."""
    until = time.monotonic() + seconds
    while True:
        found = holds()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
