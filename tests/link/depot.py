"""A merchant with a running server and print agents (Depot, 货站): takes numbers, prints them, looks at the paper.

The paper is the files of folder printers: what lies there came out, and how often.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from miandan.agent.folder import Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.agent.pairing import pair
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import Loaded, MediaType, Printer
from miandan.agent.program import Agent
from miandan.kernel.settings import Settings
from miandan.hall import Hall
from miandan.labels.printers.profiles import profile
from miandan.printing import jobs
from miandan.printing.job_model import JobAsk, PrinterRef, PrintJob, SheetState
from miandan.printing.model import AgentOwner, Asked, OwnerKind
from miandan.printing.pairing import make_pairing_code
from miandan.vault.model import Recipient
from miandan.waybills.model import Taken
from miandan.server.house import open_hall
from miandan.server.serving import listen, open_socket
from miandan.server.front import Front
from miandan.link.door import agent_door
from tests.waybills.stall import Stall, open_stall
from tests.waybills.world import World, parcel

BY = "打单员"
PLANTED = Recipient(
    "钱孙李", "19012345678", "", "浙江省", "杭州市", "余杭区", "仓前街道", "赵周路 77 号 8 幢 909 室", "330110",
    buyer_remark="请放丰巢，打 19087654321",
)  # fmt: skip
"""Somebody who must be found nowhere on the agent's disk."""

_AT_ONCE, _UNITS = 200, 20_000
PAPER = Loaded(76_000, 130_000)


@dataclass(slots=True)
class Depot:
    """What tests say: `job = await depot.job(await depot.numbers(50), where)`."""

    running: "Served"
    stall: Stall
    taken: int = field(default=0)

    @property
    def merchant_id(self) -> int:
        return self.stall.merchant_id

    @property
    def owner(self) -> AgentOwner:
        return AgentOwner(OwnerKind.MERCHANT, self.merchant_id)

    async def code(self) -> str:
        return (await make_pairing_code(self.running.hall.db, self.owner, BY)).text

    async def paired(self, path: Path, url: str | None = None) -> Paired:
        """A data folder that is paired with the server."""
        return await asyncio.to_thread(pair, Folder(path), url or self.running.url, await self.code(), "仓库一号机")

    async def numbers(self, count: int, carrier: str = "zto") -> list[Asked]:
        await self.stall.account(carrier, units=_UNITS)
        first = self.taken
        self.taken += count
        asks = [parcel(f"{self.merchant_id}-{first + place}", recipient=PLANTED) for place in range(count)]
        outcomes = [
            one for start in range(0, count, 200) for one in await self.stall.take(carrier, *asks[start : start + 200])
        ]
        taken = [one for one in outcomes if isinstance(one, Taken)]
        assert len(taken) == count, outcomes[:3]
        return [Asked(one.ref.carrier, one.number) for one in taken]

    async def job(self, numbers: Sequence[Asked], agent_id: str, printer: str = "一号") -> PrintJob:
        ask = JobAsk(self.merchant_id, PrinterRef(UUID(agent_id), printer), numbers, BY)
        made = await jobs.create_job(self.running.hall.printing, ask)
        assert made.job is not None, made.turned
        return made.job

    async def states(self) -> Counter[str]:
        """How the merchant's sheets stand."""
        rows = await self.running.hall.db.fetch(
            "SELECT state FROM print_sheet WHERE merchant_id = $1", self.merchant_id
        )
        return Counter(row["state"] for row in rows)

    async def all_in(self, *states: SheetState, seconds: float = 20) -> Counter[str]:
        """Wait until no sheet stands anywhere else."""
        until = time.monotonic() + seconds
        while True:
            found = await self.states()
            if set(found) <= {state.value for state in states}:
                return found
            assert time.monotonic() < until, found
            await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Served:
    hall: Hall
    url: str
    alone: str
    stop: asyncio.Event


Depots = Callable[[], AbstractAsyncContextManager[Depot]]


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Served]:
    sockets = [open_socket("127.0.0.1", 0)]
    [url] = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets)
    async with open_hall(settings) as hall:
        stop = asyncio.Event()
        front = Front({"agent": agent_door(hall.printing)}, {})
        server = asyncio.create_task(listen(front, sockets, [], stop))
        try:
            yield Served(hall, url, "", stop)
        finally:
            stop.set()
            await server


@asynccontextmanager
async def open_depot(settings: Settings) -> AsyncIterator[Depot]:
    async with served(replace(settings)) as running:
        hall = running.hall
        world = World(hall.db, hall.vault, hall.counter, {})
        yield Depot(running, await open_stall(world))


def folder_printer(path: Path, name: str = "一号", form: MediaType = MediaType.PNG) -> Printer:
    return FolderPrinter(name, profile("zpl-203"), PAPER, path, form)


@asynccontextmanager
async def working(path: Path, printers: Sequence[Printer], paired: Paired | None) -> AsyncIterator[Agent]:
    """An agent of this process, until the block ends."""
    folder = Folder(path)
    folder.make()
    with folder.alone():
        agent = Agent(folder, printers, paired, agent_keys(folder.keys))
        await agent.start()
        try:
            yield agent
        finally:
            await agent.stop()


async def connected(agent: Agent, seconds: float = 10) -> None:
    """Wait until the server has heard what the agent holds and which printers it has."""
    until = time.monotonic() + seconds
    while agent.link.state != "connected":
        assert time.monotonic() < until, agent.link
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


def paper(path: Path) -> list[str]:
    """Numbers of the sheets that came out, in the order of their jobs and places."""
    return [file.name.split("-")[6] for file in sorted(path.iterdir()) if not file.name.startswith(".")]
