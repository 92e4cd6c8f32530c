"""Printers on the network that take their language on a port of their own, mostly 9100.

Every sheet has a connection of its own, so that one that is half open is noticed before the sheet, not in it. Sent
means that the other side's system has confirmed every byte, where ours can tell (Linux).
"""

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

from miandan.agent.printers.direct import USUAL, DirectPrinter, Patience
from miandan.agent.printers.model import Driver, Loaded
from miandan.agent.printers.status import Said
from miandan.agent.printers.talk import Channel, Gone, Stuck
from miandan.labels.printers.profile import Profile
from miandan.labels.whole_file import reason_of

PORT: Final = 9100

_SHORTEST_LOOK, _LONGEST_LOOK = 0.0005, 0.02
_FAREWELL: Final = 0.3
"""Seconds that a printer has to close its side; many never do."""

_SENDS_NOTHING_MORE: Final = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing throws away what is not sent and resets the connection."""


class TcpPrinter(DirectPrinter):
    """A printer at host and port."""

    def __init__(
        self, name: str, profile: Profile, loaded: Loaded, host: str, port: int = PORT, patience: Patience = USUAL
    ) -> None:
        super().__init__(name, Driver.TCP, profile, loaded, patience)
        self._host = host
        self._port = port

    async def _opened(self) -> Channel:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience.connect):
                transport, wire = await loop.create_connection(_Wire, self._host, self._port)
        except TimeoutError:
            raise Gone(0, "connect timeout") from None
        except OSError as failed:
            raise Gone(0, reason_of(failed)) from failed
        with contextlib.suppress(OSError):  # reset in this moment, which is seen before the sheet
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Connection(transport, wire)


class _Wire(asyncio.Protocol):
    """What came in, and how it ended."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.news = asyncio.Event()
        self.ended = ""  # why the connection is over
        self.said_goodbye = False  # the other side sends nothing more

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.news.set()

    def eof_received(self) -> bool:
        self.said_goodbye = True
        self.news.set()
        return True  # our side stays open

    def connection_lost(self, failed: Exception | None) -> None:
        self.ended = reason_of(failed) if isinstance(failed, OSError) else "connection closed"
        self.news.set()


class _Connection:
    """`talk.Channel` over TCP."""

    def __init__(self, transport: asyncio.Transport, wire: _Wire) -> None:
        self._transport = transport
        self._wire = wire
        self._socket: Any = transport.get_extra_info("socket")
        self._closed = False

    def port_status(self) -> Said | None:
        return None

    async def send(self, data: bytes, patience: float) -> None:
        if self._wire.ended or self._wire.said_goodbye:
            raise Gone(0, self._wire.ended or "closed by the printer")
        self._transport.write(data)
        await self._until(self._transport.get_write_buffer_size, len(data), patience)

    async def _until(self, left: Callable[[], int], sent: int, patience: float) -> None:
        """Until none of these bytes is left. Raises Gone, and Stuck where their number stands still."""
        loop = asyncio.get_running_loop()
        before, moved_at, pause = -1, loop.time(), _SHORTEST_LOOK
        while not self._wire.ended and (now := left()):
            if now != before:
                before, moved_at = now, loop.time()
            elif loop.time() - moved_at > patience:
                raise Stuck(sent, f"{self._unconfirmed()} bytes not taken")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK)
        if self._wire.ended:
            raise Gone(sent, self._wire.ended)

    def _unconfirmed(self) -> int:
        """Bytes that the other side has not confirmed; where the system does not tell, those that ours has not."""
        return self._transport.get_write_buffer_size() + _in_the_queue(self._socket)

    async def receive(self, patience: float) -> bytes:
        wire = self._wire
        if not wire.heard and not wire.ended and not wire.said_goodbye and patience > 0:
            wire.news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await wire.news.wait()
        heard = bytes(wire.heard)
        wire.heard.clear()
        if not heard and (wire.ended or wire.said_goodbye):
            raise Gone(0, wire.ended or "closed by the printer")
        return heard

    async def finish(self, patience: float) -> None:
        """A printer that resets the connection has thrown away what it had not read."""
        await self._until(self._unconfirmed, 1, patience)
        self._transport.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                while not self._wire.said_goodbye and not self._wire.ended:
                    self._wire.news.clear()
                    await self._wire.news.wait()
        if self._wire.ended:
            raise Gone(1, self._wire.ended)
        self._closed = True
        self._transport.close()

    def drop(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._wire.ended:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _SENDS_NOTHING_MORE)
        self._transport.abort()


if sys.platform == "linux":
    import fcntl
    import termios

    def _in_the_queue(connection: Any) -> int:
        """Bytes in the send queue, sent or not, that the other side has not confirmed (SIOCOUTQ)."""
        with contextlib.suppress(OSError, ValueError):
            return int.from_bytes(fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4), sys.byteorder)
        return 0

else:

    def _in_the_queue(connection: Any) -> int:
        return 0
