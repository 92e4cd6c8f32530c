"""One agent's link from its Challenge to its end: what it says becomes verbs of printing/, what waits goes to it.

Nothing is given out before the agent has said what it holds, and nothing over a link once the agent has opened another
one, in whichever process that ends: what an earlier link has lost on its way is then known. Whatever fails ends the
link: the agent comes again and says everything that the server has not settled.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.kernel.waiting import first_of
from miandan.labels import agent_link as wire
from miandan.link.web import Gone, Socket
from miandan.printing import pairing, printers, sheets_life
from miandan.printing.component_sheets import ComponentSheet, count_component_sheet
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import Leased, SheetTag, Word, read_tag
from miandan.printing.job_views import printers_with_work
from miandan.printing.leasing import lease_next
from miandan.printing.model import Agent
from miandan.printing.stopping import stops_for

HELLO_SECONDS: Final = 10.0
"""How long a caller may take to say who it is."""

LOOK_SECONDS: Final = 0.3
"""How often work of other processes is looked for."""

SAW_SECONDS: Final = 15.0
PING_SECONDS: Final = 3.0
MOST_AT_ONCE: Final = 4
"""Printers that are leased for at the same time."""

LANES: Final = 4
"""Words about sheets that are written down at the same time; those about one sheet in their order."""

_MOST_HELD: Final = 5_000  # sheets of one Holding
_FORGOTTEN: Final = ("printing.sheet_unknown", "printing.sheet_not_yours")
"""What a report is refused with that will never be taken: the agent may forget it."""

_Said = wire.Begun | wire.Report | wire.DataSheet


async def greeted(socket: Socket, desk: PrintDesk) -> Agent:
    """The agent at the other end, by the key that it paired with.

    Raises Gone, link.hello_wrong, printing.agent_unknown, printing.agent_unpaired.
    """
    nonce = secrets.token_hex(wire.NONCE_BYTES)
    await socket.say(wire.frame([wire.Challenge(nonce)]))
    hello = await _hello(socket)
    agent = await printers.agent_by_id(desk.db, _agent_id(hello.agent_id))
    if not wire.is_from(hello, agent.signing_key, nonce):
        raise Refusal("link.hello_wrong")
    await printers.saw(desk.db, agent, hello.version)
    return agent


async def _hello(socket: Socket) -> wire.Hello:
    try:
        messages = wire.read_as_server(await asyncio.wait_for(socket.hear(), HELLO_SECONDS))
    except (ValueError, TimeoutError):
        raise Refusal("link.hello_wrong") from None
    if len(messages) != 1 or not isinstance(messages[0], wire.Hello):
        raise Refusal("link.hello_wrong")
    return messages[0]


def _agent_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal("printing.agent_unknown") from None


class Talk:
    """A link that has been greeted."""

    def __init__(self, socket: Socket, desk: PrintDesk, agent: Agent) -> None:
        self.agent = agent
        self._socket = socket
        self._desk = desk
        self._saying = asyncio.Lock()
        self._ponged = asyncio.Event()
        self._holding = asyncio.Event()
        self._room: Counter[str] = Counter()
        self._busy: set[str] = set()  # printers that probably have more work
        self._stopped: set[str] = set()  # that the agent was told of
        self._roomy = asyncio.Event()
        self._lanes = [asyncio.Queue[_Said]() for _ in range(LANES)]

    async def run(self) -> None:
        """Until the agent leaves or is wanted no more. Raises Gone, Refusal, ValueError for what is no frame."""
        self.agent = await printers.open_link(self._desk.db, self.agent)  # before it says what it holds
        await self.say(wire.Welcome(now().isoformat(), self.agent.name))
        with self._desk.bells.listen(self.agent.agent_id) as bell:
            lanes = [self._write_down(lane) for lane in self._lanes]
            work = [asyncio.create_task(one) for one in (self._hear(), self._give(bell), *lanes)]
            try:
                done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in work:
                    one.cancel()
                for one in work:
                    with suppress(asyncio.CancelledError, Exception):  # the first one's end is told below
                        await one
        for one in done:
            one.result()

    async def say(self, *messages: Any) -> None:
        """Raises Gone."""
        if messages:
            async with self._saying:
                await self._socket.say(wire.frame(list(messages)))

    async def is_alive(self) -> bool:
        """Whether the agent answers on this link."""
        self._ponged.clear()
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self.say(wire.Ping())
                await self._ponged.wait()
        except (Gone, TimeoutError):
            return False
        return True

    # --- what the agent says

    async def _hear(self) -> None:
        while True:
            for message in wire.read_as_server(await self._socket.hear()):
                if isinstance(message, _Said):
                    self._lanes[hash(_of_lane(message)) % LANES].put_nowait(message)
                else:
                    await self._heard(message)

    async def _write_down(self, lane: asyncio.Queue[_Said]) -> None:
        while True:
            said = await lane.get()
            if isinstance(said, wire.Report):
                await self.say(await self._report(said))
            elif isinstance(said, wire.DataSheet):
                await self.say(await self._data_sheet(said))
            else:
                with suppress(Refusal):  # of a sheet that is nobody's; its report is answered
                    await sheets_life.begun(self._desk, self.agent, read_tag(said.sheet_id), _at(said.at))

    async def _heard(self, message: Any) -> None:
        desk, agent = self._desk, self.agent
        match message:
            case wire.Holding():
                await sheets_life.holding(desk, agent, _tags(message.sheets))
                self._holding.set()
            case wire.Printers():
                await printers.say_printers(desk.db, agent, message.printers)
            case wire.Room():
                self._room[message.printer] += message.sheets
                self._roomy.set()
            case wire.Condition():
                await printers.say_condition(desk.db, agent, message.printer, message.state, message.detail)
            case wire.Leave():
                await self._leave()
            case wire.Pong():
                self._ponged.set()
            case _:
                raise ValueError("said out of turn")

    async def _report(self, said: wire.Report) -> wire.Settled:
        word = Word(said.outcome, said.evidence.value, said.reason, _at(said.at))
        try:
            await sheets_life.report(self._desk, self.agent, read_tag(said.sheet_id), word)
        except Refusal as refusal:
            if refusal.code not in _FORGOTTEN:
                raise
        return wire.Settled(said.sheet_id, said.outcome)

    async def _data_sheet(self, said: wire.DataSheet) -> wire.Settled | wire.NotTaken:
        try:
            await count_component_sheet(self._desk, self.agent, _component_sheet(said))
        except Refusal as refusal:
            if refusal.code != "printing.component_sheet_refused":
                raise
            return wire.NotTaken(said.sheet_id, refusal.code, refusal.zh, refusal.en)
        return wire.Settled(said.sheet_id, said.outcome)

    async def _leave(self) -> None:
        agent = self.agent
        await pairing.unpair(self._desk, agent.owner, agent.agent_id, f"agent:{agent.agent_id}")
        raise Refusal("printing.agent_unpaired", agent=str(agent.agent_id))

    # --- what goes to it

    async def _give(self, bell: asyncio.Event) -> None:
        """Sheets as soon as there are some and room for them; stops at once. Another process rings no bell."""
        await self._holding.wait()
        loop = asyncio.get_running_loop()
        looked = seen = 0.0
        while True:
            rung = bell.is_set()
            bell.clear()
            if rung or loop.time() - seen >= SAW_SECONDS:
                seen = loop.time()
                await printers.agent_by_id(self._desk.db, self.agent.agent_id)  # paired still
                await printers.saw(self._desk.db, self.agent)
            if rung or loop.time() - looked >= LOOK_SECONDS:
                looked = loop.time()
                await self._look()
            self._roomy.clear()
            await self._lease()
            await first_of(bell, self._roomy, seconds=LOOK_SECONDS)

    async def _look(self) -> None:
        db, agent_id = self._desk.db, self.agent.agent_id
        self._busy |= set(await printers_with_work(db, agent_id))
        recalled = {one.sheet_id for one in await stops_for(db, agent_id)}
        await self.say(*map(wire.Stop, sorted(recalled - self._stopped)))
        self._stopped = recalled

    async def _lease(self) -> None:
        """For every printer that has work and room, a few at a time."""
        wanted = [name for name in sorted(self._busy) if self._room[name] > 0]
        for start in range(0, len(wanted), MOST_AT_ONCE):
            await asyncio.gather(*map(self._lease_for, wanted[start : start + MOST_AT_ONCE]))

    async def _lease_for(self, printer: str) -> None:
        room = self._room[printer]
        leased = await lease_next(self._desk, self.agent, printer, room)
        if len(leased) < room:
            self._busy.discard(printer)
        self._room[printer] -= len(leased)
        await self.say(*map(_sheet, leased))


def _sheet(leased: Leased) -> wire.Sheet:
    return wire.Sheet(
        leased.sheet_id, leased.job_id, leased.place, leased.printer, leased.number, leased.copy, leased.sealed
    )


def _of_lane(said: _Said) -> str:
    """What is written down in its order: the words about a sheet, the papers of a number."""
    return said.number if isinstance(said, wire.DataSheet) else said.sheet_id


def _component_sheet(said: wire.DataSheet) -> ComponentSheet:
    data, word = said.data, Word(said.outcome, said.evidence.value, said.reason, _at(said.at))
    return ComponentSheet(
        said.sheet_id,
        data.task,
        data.merchant,
        data.carrier,
        said.number,
        data.document,
        said.copy,
        said.printer,
        data.by,
        word,
    )


def _tags(sheets: Sequence[str]) -> set[SheetTag]:
    """Those that name a sheet at all."""
    found = set()
    for text in sheets[:_MOST_HELD]:
        with suppress(Refusal):
            found.add(read_tag(text))
    return found


def _at(text: str) -> datetime | None:
    """A moment by the agent's clock; None where it says none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
