"""A merchant with a running server and print agents (Depot, 货站): takes numbers, prints them, looks at the paper.

The paper is the files of folder printers: what lies there came out, and how often.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from miandan.agent.folder import Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.agent.pairing import pair
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import Loaded, MediaType, Printer
from miandan.agent.program import Agent
from miandan.kernel.database import Database
from miandan.kernel.settings import Settings
from miandan.labels.printers.profiles import profile
from miandan.printing import jobs
from miandan.printing.job_model import JobAsk, PrinterRef, PrintJob
from miandan.printing.model import AgentOwner, Asked, OwnerKind
from miandan.printing.pairing import make_pairing_code
from miandan.vault.model import Recipient
from miandan.waybills.model import Taken
from tests.served import Served, served
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
EVER = datetime.min.replace(tzinfo=UTC)
_NAMED = """
    SELECT count(*) = cardinality($2::text[])
      FROM print_printer
     WHERE agent_id = $1 AND name = ANY($2) AND gone_at IS NULL AND seen_at >= $3
"""


@dataclass(slots=True)
class Depot:
    """What tests say: `job = await depot.job(await depot.numbers(50), where)`."""

    running: Served
    stall: Stall
    taken: int = field(default=0)

    @property
    def merchant_id(self) -> int:
        return self.stall.merchant_id

    @property
    def db(self) -> Database:
        return self.running.hall.db

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
        """A job of all these numbers, once the agent has named the printer."""
        await named(self.db, agent_id, printer)
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

    async def all_in(self, *states: str, seconds: float = 60) -> Counter[str]:
        """Wait until no sheet stands anywhere else."""
        until = time.monotonic() + seconds
        while True:
            found = await self.states()
            if set(found) <= set(states):
                return found
            assert time.monotonic() < until, found
            await asyncio.sleep(0.05)


Depots = Callable[[], AbstractAsyncContextManager[Depot]]


@asynccontextmanager
async def open_depot(settings: Settings) -> AsyncIterator[Depot]:
    async with served(settings) as running:
        yield Depot(running, await open_stall(_world(running)))


def reopened(depot: Depot, running: Served) -> Depot:
    """The same merchant at a server that was started again."""
    return Depot(running, Stall(_world(running), depot.merchant_id, depot.stall.accounts), depot.taken)


def _world(running: Served) -> World:
    return World(running.hall.db, running.hall.vault, running.hall.counter, {})


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


async def connected(agent: Agent, db: Database, seconds: float = 60) -> None:
    """Wait until the server has heard over this link what the agent holds and which printers it has."""
    await until(lambda: agent.link.state == "connected", seconds)
    assert agent.paired is not None
    await named(db, agent.paired.agent_id, *agent.benches, since=datetime.fromisoformat(agent.link.since))


async def named(db: Database, agent_id: str, *printers: str, since: datetime = EVER) -> None:
    """Wait until the server knows these printers of an agent; it has heard by then what the agent holds."""
    end = time.monotonic() + 60
    while not await db.fetchval(_NAMED, UUID(agent_id), list(printers), since):
        assert time.monotonic() < end, printers
        await asyncio.sleep(0.01)


async def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to be true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def paper(path: Path) -> list[str]:
    """Numbers of the sheets that came out, in the order of their jobs and places."""
    files = sorted(path.iterdir()) if path.exists() else []
    return [file.name.split("-")[6] for file in files if not file.name.startswith(".")]


class Cable:
    """A connection that a test can cut: forwards from a port of its own to the server's."""

    def __init__(self, url: str) -> None:
        self.target = int(url.rpartition(":")[2])
        self.plugged = True
        self._ends: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Cable":
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Everything under way breaks off; new connections are up to `plugged`."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.plugged:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, back}
        await asyncio.gather(_pump(reader, back), _pump(there, writer), return_exceptions=True)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    sink.close()
