"""An agent with two folder printers and its components on ports of their own, and pages that talk to them."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from miandan.agent.components import Components, Settings, components_of
from miandan.agent.components.profiles import components, settings_of
from miandan.agent.folder import Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import Loaded, MediaType
from miandan.agent.program import Agent
from miandan.labels.pictures import Bits, read_png
from miandan.labels.printers.profiles import profile

PAGE = "https://erp.example"
NAME, PHONE, ROOM = "欧阳测试娘", "19912345678", "文一西路969号3幢5单元601室"
"""A person whose data may stand nowhere in the agent's folder."""

_numbers = count(73100000000001)


@dataclass(frozen=True, slots=True)
class Counter:
    """The agent as a test sees it."""

    agent: Agent
    components: Components
    out: Path

    def url(self, component: str, *, secure: bool = False) -> str:
        port = next(one for one in self.components.ports if one.component == component and one.secure is secure)
        path = components()[component].paths[0]
        return f"{port.scheme}://localhost:{port.number}{path}"

    def port(self, component: str) -> int:
        return next(one.number for one in self.components.ports if one.component == component)

    @property
    def folder(self) -> Path:
        return self.agent.folder.path

    @property
    def token(self) -> str:
        return (self.folder / "components" / "token").read_text().strip()

    def papers(self) -> list[Path]:
        """Every sheet that came out of any printer, in the order of their coming; of one tick of the file system by
        name."""
        return sorted(self.out.rglob("*.p*"), key=lambda path: (path.stat().st_mtime_ns, path.name))

    def allow(self, *printers: str, origin: str = PAGE) -> None:
        self.components.origins.allow(origin, printers)

    @asynccontextmanager
    async def page(self, component: str, origin: str | None = PAGE, query: str = "") -> AsyncIterator["Page"]:
        """A page of an ERP, or a program where the origin is None."""
        headers = {"Origin": origin} if origin else None
        async with connect(self.url(component) + query, additional_headers=headers, proxy=None, max_size=None) as line:
            yield Page(line)


@dataclass(frozen=True, slots=True)
class Page:
    """One connection of a page."""

    line: ClientConnection

    async def say(self, message: Any) -> None:
        await self.line.send(json.dumps(message, ensure_ascii=False))

    async def hear(self, seconds: float = 60) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await asyncio.wait_for(self.line.recv(), seconds))
        return found

    async def ask(self, cmd: str, request_id: Any = "r-1", **more: Any) -> dict[str, Any]:
        await self.say({"cmd": cmd, "requestID": request_id, "version": "1.0", **more})
        return await self.hear()

    async def until(self, status: str, seconds: float = 60) -> list[dict[str, Any]]:
        """What is heard up to the notice of this task status."""
        heard = [await self.hear(seconds)]
        while status not in (heard[-1].get("taskStatus"), heard[-1].get("status") if "docs" in heard[-1] else None):
            heard.append(await self.hear(seconds))
        return heard

    async def until_end(self) -> str:
        """How a task of component 0.x ends."""
        while (status := (await self.hear())["taskStatus"]) == "rendered":
            pass
        return str(status)

    async def silent(self, seconds: float = 0.3) -> bool:
        try:
            await self.hear(seconds)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def counter(
    folder: Path, *names: str, paired: Paired | None = None, kind: MediaType = MediaType.PNG, **more: Any
) -> AsyncIterator[Counter]:
    """The agent with these components; `more` are settings, `component` among them."""
    options = more.pop("component", {})
    ports = {name: {"ports": [0], "secure_ports": []} | options.get(name, {}) for name in names}
    settings: Settings = settings_of({"components": list(names), "component": ports} | more)
    home, out = Folder(folder / "agent"), folder / "paper"
    home.make()
    printers = [
        FolderPrinter(name, profile("zpl-203"), Loaded(76_000, 130_000), out / name, kind) for name in ("一号", "二号")
    ]
    agent = Agent(home, printers, None, agent_keys(home.keys))
    await agent.start()
    agent.paired = paired  # no link: these tests have no server to call
    try:
        async with components_of(agent, home, settings) as opened:
            yield Counter(agent, opened, out)
    finally:
        await agent.stop()


def dots(png: bytes) -> Bits:
    """The picture of a PNG file."""
    return read_png(base64.b64encode(png).decode())


def number() -> str:
    """A waybill number that nobody has used."""
    return str(next(_numbers))


def document(waybill: str | None = None, **more: Any) -> dict[str, Any]:
    """A document with plain print data in Cainiao's fields."""
    waybill = waybill or number()
    data = {
        "_dataFrom": "waybill",
        "cpCode": "ZTO",
        "waybillCode": waybill,
        "recipient": {
            "name": NAME,
            "mobile": PHONE,
            "address": {"province": "浙江省", "city": "杭州市", "district": "余杭区", "detail": ROOM},
        },
        "sender": {
            "name": "示例发货仓",
            "mobile": "0571-00000000",
            "address": {"province": "浙江省", "detail": "一路 1 号"},
        },
        "routingInfo": {"routeCode": "830-120-00 012", "sortation": {"name": "830都江堰"}},
        "packageInfo": {"items": [{"name": "杯子", "count": 2}], "weight": 500},
    }
    contents = [
        {"data": data, "templateURL": "http://cloudprint.cainiao.com/template/standard/101", "signature": "MD:x"}
    ]
    return {"documentID": waybill, "contents": contents} | more


def task(*documents: dict[str, Any], task_id: Any = None, **more: Any) -> dict[str, Any]:
    """A task of these documents, or of one that is new."""
    return {"taskID": task_id or f"task-{number()}", "printer": "", "documents": list(documents) or [document()]} | more
