"""The ports of the components: opened, guarded and closed together; one that the genuine component holds is named."""

import asyncio
import errno
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from miandan.agent.components.certificates import Certificates
from miandan.agent.components.desk import Desk
from miandan.agent.components.envelope import Envelope
from miandan.agent.components.gate import Door, Pace, asked_family, caller_of, origin_of, program_token
from miandan.agent.components.jd import Jd
from miandan.agent.components.ledger import Ledger, State
from miandan.agent.components.line import Line
from miandan.agent.components.model import Workshop
from miandan.agent.components.opening import Opener
from miandan.agent.components.origins import Caller, Origins
from miandan.agent.components.platform_calls import PlatformCalls
from miandan.agent.components.previews import Previews
from miandan.agent.components.printer_settings import PrinterSettings
from miandan.agent.components.profiles import Component, Settings, components
from miandan.agent.components.questions import Questions
from miandan.agent.components.reading import MOST_FRAME, read_frame
from miandan.agent.components.works import Works
from miandan.agent.loopback import ADDRESSES
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence

MOST_CONNECTIONS: Final = 64
"""Of one port."""

_RENEW_SECONDS: Final = 12 * 3_600


class Speech(Protocol):
    """A way of speaking."""

    def refused(self, plain: dict[str, Any], why: Refusal) -> dict[str, Any]: ...

    async def hear(self, plain: dict[str, Any], frame: str, line: Line) -> None: ...


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
        left_over: Sequence[tuple[str, State, Evidence]] = (),
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
        if len(connection.server.connections) >= MOST_CONNECTIONS:  # this one is not among them yet
            return connection.respond(503, "too many connections\n")
        return door.check(connection, request, connection.local_address[1])

    # --- one connection -----------------------------------------------------------------------------------------------

    async def _connected(self, door: Door, speech: Speech, connection: ServerConnection) -> None:
        """Answer frame by frame until the page leaves."""
        request = connection.request
        assert request is not None
        family = asked_family(request) or door.options.notices or door.component.notices
        scheme = "https" if connection.transport.get_extra_info("sslcontext") else "http"
        line = Line(
            connection, Caller(origin_of(request)), family, f"{scheme}://{request.headers['Host']}", self._workshop.note
        )
        self._lines.append(line)
        try:
            async for frame in connection:
                await self._heard(door, speech, line, request, frame)
        except ConnectionClosed:
            pass
        finally:
            if line.behind:  # the page has left, what it asked for goes on
                await asyncio.wait(line.behind)
            self._lines.remove(line)

    async def _heard(self, door: Door, speech: Speech, line: Line, request: Request, frame: str | bytes) -> None:
        plain: dict[str, Any] = {}
        try:
            plain = read_frame(frame)
            if not self._pace.admits(line.caller.origin) or line.is_full:
                raise Refusal("agent.component_too_fast")
            line.caller = await self._consented(request, door)
            text = frame if isinstance(frame, str) else frame.decode()
            await speech.hear(plain, text, line)
        except Refusal as why:
            await line.say(speech.refused(plain, why))
        except Exception as failed:  # its text may hold what the page has sent
            name = type(failed).__name__
            self._workshop.note("component.frame_failed", component=door.component.name, error=name)
            await line.say(speech.refused(plain, Refusal("agent.component_failed")))

    async def _consented(self, request: Request, door: Door) -> Caller:
        """Whoever speaks, once the user has said that it may. Raises agent.component_origin_waiting,
        agent.component_origin_denied."""
        origin = origin_of(request)
        found = caller_of(request, self.origins)
        if found is not None:
            return found
        self.origins.ask(origin, door.component.name)
        decision = await self.origins.answer(origin, self._settings.consent_seconds)
        if decision is None:
            raise Refusal("agent.component_origin_waiting", origin=origin)
        if not decision.allowed:
            raise Refusal("agent.component_origin_denied", origin=origin)
        return Caller(origin, decision.printers)


_quiet = logging.getLogger(f"{__name__}.websockets")
_quiet.setLevel(logging.CRITICAL)  # it writes what callers send


def taken(ports: Sequence[Port]) -> list[Port]:
    """Those that another program holds."""
    return [port for port in ports if port.taken]
