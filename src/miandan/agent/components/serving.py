"""The ports of the components: opened, guarded and closed together; one that the genuine component holds is named."""

import asyncio
import errno
import logging
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State

from miandan.agent.components.certificates import Certificates
from miandan.agent.components.conversation import Conversation, Speech
from miandan.agent.components.desk import Desk
from miandan.agent.components.envelope import Envelope
from miandan.agent.components.gate import Door, Pace, asked_family, origin_of, program_token
from miandan.agent.components.jd import Jd
from miandan.agent.components.ledger import Ledger
from miandan.agent.components.ledger import State as Known
from miandan.agent.components.line import Line
from miandan.agent.components.model import Workshop
from miandan.agent.components.opening import Opener
from miandan.agent.components.origins import PROGRAM, Caller, Origins, is_origin
from miandan.agent.components.platform_calls import PlatformCalls
from miandan.agent.components.previews import Previews
from miandan.agent.components.printer_settings import PrinterSettings
from miandan.agent.components.profiles import Component, Settings, components
from miandan.agent.components.questions import Questions
from miandan.agent.components.reading import MOST_FRAME
from miandan.agent.components.works import Works
from miandan.agent.loopback import ADDRESSES
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence

MOST_CONNECTIONS: Final = 64
"""Of one port, by programs and by pages that the user has decided on."""

MOST_UNDECIDED: Final = 24
MOST_OF_ONE_UNDECIDED: Final = 4
"""Of all ports: by pages that nobody has decided on, together and of one origin."""

_CLOSE_SECONDS: Final = 5.0
"""How long the other sides may take to say goodbye when the agent stops."""

_RENEW_SECONDS: Final = 12 * 3_600


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a component: `taken` by another program, most likely the genuine component."""

    component: str
    number: int
    secure: bool
    taken: bool = False

    @property
    def zh(self) -> str:
        if not self.taken:
            return f"{components()[self.component].zh} {self.scheme}://127.0.0.1:{self.number} 正在监听"
        name = components()[self.component].zh
        return (
            f"端口 {self.number} 已被其他程序占用，多半是官方的{name}；本组件在此端口未启用，其余照常。"
            "退出官方组件后重启打印端即可。"
        )

    @property
    def en(self) -> str:
        if not self.taken:
            return f"{components()[self.component].en} listens at {self.scheme}://127.0.0.1:{self.number}"
        name = components()[self.component].en
        return (
            f"Port {self.number} is held by another program, most likely the genuine {name}; ours is off there, "
            "everything else goes on. Quit it and start the agent again."
        )

    @property
    def scheme(self) -> str:
        return "wss" if self.secure else "ws"


class Components:
    """All components that are switched on. `folder` is theirs alone, in the agent's."""

    def __init__(
        self,
        workshop: Workshop,
        settings: Settings,
        folder: Path,
        left_over: Sequence[tuple[str, Known, Evidence]] = (),
    ) -> None:
        """`left_over` is what is true of documents that an earlier run had not ended."""
        self.origins = Origins(folder)
        self.questions = Questions(folder)
        self.certificates = Certificates(folder / "tls")
        self.ports: tuple[Port, ...] = ()
        self._workshop = workshop
        self._settings = settings
        self._folder = folder
        self._left_over = left_over
        self._previews = Previews()
        self._pace = Pace()
        self._servers: list[Server] = []
        self._talking: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._lines: list[Line] = []
        self._contexts: list[ssl.SSLContext] = []
        self._renewing: asyncio.Task[None] | None = None
        self._platform: PlatformCalls | None = None
        self._works: Works | None = None

    async def __aenter__(self) -> Self:
        """Open every port that can be had. Raises labels.folder_denied, labels.not_writable, OSError."""
        if not self._settings.components:
            return self
        token = program_token(self._folder / "token")
        platform = self._platform = PlatformCalls()
        opener = Opener(self._workshop, platform)
        ledger = Ledger.open(self._folder, self._left_over)
        works = self._works = Works(self._workshop, opener, ledger, self.questions)
        printer_settings = PrinterSettings(self._workshop, self._folder)
        ports: list[Port] = []
        for name in dict.fromkeys(self._settings.components):
            component, options = components()[name], self._settings.options(name)
            door = Door(component, options, self.origins, self._previews, token)
            desk = Desk(
                component, options, self._settings, self._workshop, works, opener, self._previews, printer_settings
            )
            ports += await self._open(component, door, Jd(desk) if component.speech == "jd" else Envelope(desk))
        self.ports = tuple(ports)
        self._renewing = asyncio.create_task(self._renew_always())
        for port in taken(ports):
            self._workshop.note("component.port_taken", component=port.component, port=port.number)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for line in self._lines:
            line.stop()
        for talking in self._talking:
            talking.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await asyncio.gather(*(server.wait_closed() for server in self._servers))
        if self._renewing is not None:
            self._renewing.cancel()
        if self._works is not None:
            await self._works.close()
        if self._platform is not None:
            await self._platform.close()

    async def _renew_always(self) -> None:
        """An agent may run for longer than a certificate lives."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            for context in self._contexts:
                try:
                    self.certificates.load(context)
                except (OSError, Refusal) as failed:
                    self._workshop.note("component.certificate_failed", error=type(failed).__name__)

    async def _open(self, component: Component, door: Door, speech: Speech) -> list[Port]:
        plain = component.ports if door.options.ports is None else door.options.ports
        secure = component.secure_ports if door.options.secure_ports is None else door.options.secure_ports
        found = [await self._port(number, None, door, speech) for number in plain]
        if secure:
            context = self.certificates.context()
            self._contexts.append(context)
            found += [await self._port(number, context, door, speech) for number in secure]
        return found

    async def _port(self, number: int, context: ssl.SSLContext | None, door: Door, speech: Speech) -> Port:
        """One port on both loopback addresses; one that the machine has no IPv6 for is left out there."""
        name = door.component.name
        opened: list[Server] = []
        for host in ADDRESSES:
            try:
                opened.append(await self._listen(host, number, context, door, speech))
            except OSError as failed:
                if failed.errno == errno.EADDRINUSE or host == ADDRESSES[0]:
                    for server in opened:
                        server.close()
                    return Port(name, number, context is not None, taken=True)
            number = number or opened[0].sockets[0].getsockname()[1]
        self._servers += opened
        return Port(name, number, context is not None)

    async def _listen(
        self, host: str, number: int, context: ssl.SSLContext | None, door: Door, speech: Speech
    ) -> Server:
        """No pings: the genuine components send none, and one public client takes a ping for an answer."""
        return await serve(
            partial(self._connected, door, speech),
            host,
            number,
            ssl=context,
            process_request=partial(self._checked, door),
            max_size=MOST_FRAME,
            max_queue=8,
            open_timeout=5,
            close_timeout=2,
            ping_interval=None,
            compression=None,
            server_header=None,
            logger=_quiet,
        )

    def _checked(self, door: Door, connection: ServerConnection, request: Request) -> Response | None:
        if self._is_full_for(origin_of(request), connection):
            return connection.respond(503, "too many connections\n")
        return door.check(connection, request, connection.local_address[1])

    def _is_full_for(self, origin: str, connection: ServerConnection) -> bool:
        """Pages that nobody has decided on have room of their own; of those together the oldest gives way to a new
        one. A connection at the door is not among the others yet."""
        decided = self.origins.decided()
        if origin == PROGRAM or origin in decided:
            others = [one.request for one in connection.server.connections]
            known = [one for one in others if one and (origin_of(one) == PROGRAM or origin_of(one) in decided)]
            return len(known) >= MOST_CONNECTIONS
        open_now = [one for one in self._lines if one.connection.state is State.OPEN]
        undecided = [one for one in open_now if (page := one.caller.origin) != PROGRAM and page not in decided]
        if sum(one.caller.origin == origin for one in undecided) >= MOST_OF_ONE_UNDECIDED:
            return True
        if len(undecided) >= MOST_UNDECIDED and is_origin(origin):
            closing = asyncio.create_task(undecided[0].connection.close(CloseCode.TRY_AGAIN_LATER))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return False

    # --- one connection -----------------------------------------------------------------------------------------------

    async def _connected(self, door: Door, speech: Speech, connection: ServerConnection) -> None:
        """Answer frame by frame until the page leaves."""
        request, here = connection.request, asyncio.current_task()
        assert request is not None
        assert here is not None
        family = asked_family(request) or door.options.notices or door.component.notices
        scheme = "https" if connection.transport.get_extra_info("sslcontext") else "http"
        line = Line(
            connection, Caller(origin_of(request)), family, f"{scheme}://{request.headers['Host']}", self._workshop.note
        )
        self._lines.append(line)
        self._talking.add(here)
        try:
            await Conversation(door, speech, line, request, self._pace, self._settings.consent_seconds).go()
            if line.behind:  # the page has left, what it asked for goes on
                await asyncio.wait(line.behind)
        finally:
            self._talking.discard(here)
            self._lines.remove(line)


_quiet = logging.getLogger(f"{__name__}.websockets")
_quiet.setLevel(logging.CRITICAL)  # it writes what callers send


def taken(ports: Sequence[Port]) -> list[Port]:
    """Those that another program holds."""
    return [port for port in ports if port.taken]
