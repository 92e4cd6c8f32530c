"""The link to the server (连接): one WebSocket that the agent opens, again and again until it is told to stop.

What is said while there is no link is not kept here: every new link begins with what the journal holds, so nothing is
lost by being said into the air. A frame takes everything that waits.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from miandan.agent.folder import Paired
from miandan.agent.keys import AgentKeys
from miandan.agent.loopback import is_here
from miandan.kernel.clock import now
from miandan.labels.agent_link import (
    MOST_FRAME,
    Challenge,
    NotTaken,
    Ping,
    Pong,
    Refused,
    Settled,
    Sheet,
    Stop,
    Test,
    Welcome,
    frame,
    read_as_agent,
    say_hello,
)

PATH: Final = "/agent/link"
FIRST_WAIT_SECONDS: Final = 0.25
LONGEST_WAIT_SECONDS: Final = 30.0
HEARTBEAT_SECONDS: Final = 10.0
"""How often the agent asks whether the server is there, and how long it waits for the answer; the server does alike."""

OPENING_SECONDS: Final = 10.0
_LASTED_SECONDS: Final = 10.0  # a link that lasted so long was a good one: the next try comes soon


class LinkState(StrEnum):
    """How it stands with the link."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"  # for the next try
    REFUSED = "refused"  # by the server, in its words; tried again later
    STOPPED = "stopped"


@dataclass(slots=True)
class LinkStatus:
    """What can be shown of the link; `reason` is a code or the name of an error."""

    state: LinkState = LinkState.STOPPED
    since: str = ""
    reason: str = ""
    zh: str = ""
    en: str = ""
    connects: int = 0


class Hears(Protocol):
    """Whoever works with what the server says. Called in the event loop; must not wait."""

    def opening(self) -> Sequence[Any]:
        """The first messages of a new link: what is held, which printers there are, how it ended, room."""

    def on_sheet(self, sheet: Sheet) -> None: ...

    def on_stop(self, sheet_id: str) -> None: ...

    def on_settled(self, settled: Settled) -> None: ...

    def on_not_taken(self, answer: NotTaken) -> None: ...

    def on_test(self, test: Test) -> None: ...

    def on_link(self, status: LinkStatus) -> None: ...


@dataclass(slots=True)
class Link:
    """The agent's side of the link."""

    paired: Paired
    keys: AgentKeys
    hears: Hears
    version: str = ""
    status: LinkStatus = field(default_factory=LinkStatus)
    _waiting: list[Any] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _open: bool = False

    def say(self, message: Any) -> None:
        """A message for the server, in order; without a link it is dropped, since the next one begins anew."""
        if self._open:
            self._waiting.append(message)
            self._wake.set()

    async def run(self) -> None:
        """Keep a link until the task is cancelled."""
        wait = FIRST_WAIT_SECONDS
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                self._note(LinkState.CONNECTING)
                refused = await self._once()
                if loop.time() - began > _LASTED_SECONDS:
                    wait = FIRST_WAIT_SECONDS
                if refused:
                    wait = LONGEST_WAIT_SECONDS
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # not all agents of a warehouse at once
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        finally:
            self._note(LinkState.STOPPED)

    async def _once(self) -> bool:
        """One link from its opening to its end; True when the server wants none."""
        try:
            async with connected(self.paired) as socket:
                refused = await greet(socket, self.paired, self.keys, self.version)
                if refused is None:
                    refused = await self._talk(socket)
        except Exception as failed:  # whatever it is, the agent calls again
            self._note(LinkState.WAITING, type(failed).__name__)
            return False
        if refused is None:
            self._note(LinkState.WAITING, f"closed {socket.close_code or ''}".strip())
            return False
        self._note(LinkState.REFUSED, refused.code, refused.zh, refused.en)
        return True

    async def _talk(self, socket: ClientConnection) -> Refused | None:
        self._waiting = list(self.hears.opening())
        self._open = True
        self._wake.set()
        self._note(LinkState.CONNECTED)
        sender = asyncio.create_task(self._send(socket))
        try:
            return await self._hear(socket)
        except ConnectionClosed:
            return None
        finally:
            self._open = False
            sender.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await sender

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                messages, self._waiting = self._waiting, []
                await socket.send(frame(messages))

    async def _hear(self, socket: ClientConnection) -> Refused | None:
        does: dict[type[Any], Callable[[Any], None]] = {
            Sheet: self.hears.on_sheet,
            Stop: lambda message: self.hears.on_stop(message.sheet_id),
            Settled: self.hears.on_settled,
            NotTaken: self.hears.on_not_taken,
            Ping: lambda _message: self.say(Pong()),
            Test: self.hears.on_test,
        }
        async for text in socket:
            for message in read_as_agent(text):
                if isinstance(message, Refused):
                    return message
                if (heard := does.get(type(message))) is not None:
                    heard(message)
        return None

    def _note(self, state: LinkState, reason: str = "", zh: str = "", en: str = "") -> None:
        status = self.status
        status.connects += state is LinkState.CONNECTED
        status.state, status.since, status.reason = state, now().isoformat(), reason
        status.zh, status.en = zh, en
        self.hears.on_link(status)


def connected(paired: Paired) -> connect:
    """A socket to the server, to be entered. Raises OSError, TimeoutError, WebSocketException."""
    return connect(
        paired.server.replace("http", "ws", 1) + PATH,
        compression=None,  # sheets are sealed: nothing in them gets smaller
        max_size=MOST_FRAME,
        open_timeout=OPENING_SECONDS,
        close_timeout=1.0,
        ping_interval=HEARTBEAT_SECONDS,
        ping_timeout=HEARTBEAT_SECONDS,
        proxy=None if is_here(paired.server) else True,
    )


async def greet(socket: ClientConnection, paired: Paired, keys: AgentKeys, version: str) -> Refused | None:
    """Say who calls, and what the server has against it. Raises ValueError for a server that speaks otherwise."""
    nonce = ""
    while True:
        for message in read_as_agent(await asyncio.wait_for(socket.recv(), OPENING_SECONDS)):
            match message:
                case Challenge() if not nonce:
                    nonce = message.nonce
                    await socket.send(frame([say_hello(keys.signing, paired.agent_id, nonce, version)]))
                case Welcome() if nonce:
                    return None
                case Refused():
                    return message
                case _:
                    raise ValueError("the server does not begin as it should")
