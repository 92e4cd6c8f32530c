"""Printers on this machine's own ports, for Linux and other Unix systems: USB devices of usblp and serial lines.

Both are files that are written without waiting, so that a printer that takes nothing stops its own sheet only.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from miandan.agent.printers.direct import USUAL, DirectPrinter, Patience
from miandan.agent.printers.model import Driver, Loaded, State
from miandan.agent.printers.status import Said
from miandan.agent.printers.talk import Channel, Gone, Stuck
from miandan.labels.printers.profile import Profile
from miandan.labels.whole_file import reason_of

LPGETSTATUS: Final = 0x060B
"""The parallel port's status as usblp makes it up from a USB printer's (linux/lp.h)."""

_LP_PAPER_OUT, _LP_SELECTED, _LP_NO_ERROR = 0x20, 0x10, 0x08

_CHUNK: Final = 16_384
_READ: Final = 4_096
_LONGEST_LOOK: Final = 0.02


class Flow(StrEnum):
    """How a serial printer says that it can take no more for now."""

    NONE = "none"
    RTSCTS = "rtscts"
    XONXOFF = "xonxoff"


@dataclass(frozen=True, slots=True)
class Line:
    """How a serial line is set: 8 bits, no parity, one stop bit, and this."""

    baud: int = 9_600
    flow: Flow = Flow.RTSCTS


def read_port_status(status: int) -> Said:
    """The meaning of an LPGETSTATUS byte; the error bit is active low."""
    if status & _LP_PAPER_OUT:
        state = State.PAPER_OUT
    elif not status & _LP_NO_ERROR:
        state = State.ERROR
    elif not status & _LP_SELECTED:
        state = State.OFFLINE
    else:
        state = State.READY
    return Said(state, None, f"port {status:02X}")


class UsblpPrinter(DirectPrinter):
    """/dev/usb/lp0 and its like."""

    def __init__(self, name: str, profile: Profile, loaded: Loaded, device: Path, patience: Patience = USUAL) -> None:
        super().__init__(name, Driver.USBLP, profile, loaded, patience)
        self._device = device

    async def _opened(self) -> Channel:
        return _FileChannel(_open(self._device))


class SerialPrinter(DirectPrinter):
    """/dev/ttyUSB0, /dev/ttyS0, or a Bluetooth line that the system has made one (rfcomm)."""

    def __init__(
        self, name: str, profile: Profile, loaded: Loaded, device: Path, line: Line, patience: Patience = USUAL
    ) -> None:
        super().__init__(name, Driver.SERIAL, profile, loaded, patience)
        self._device = device
        self._line = line

    async def _opened(self) -> Channel:
        handle = _open(self._device)
        try:
            set_line(handle, self._line)
        except (OSError, termios.error) as failed:
            os.close(handle)
            raise Gone(0, str(failed.args[-1])) from failed
        return _FileChannel(handle)


def set_line(handle: int, line: Line) -> None:
    """Every byte goes through as it is. Raises OSError, termios.error where the device is no serial line."""
    iflag, oflag, cflag, lflag, _, _, special = termios.tcgetattr(handle)
    iflag = termios.IXON | termios.IXOFF if line.flow is Flow.XONXOFF else 0
    oflag = lflag = 0
    cflag &= ~(termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    cflag |= termios.CS8 | termios.CREAD | termios.CLOCAL | (termios.CRTSCTS if line.flow is Flow.RTSCTS else 0)
    special[termios.VMIN], special[termios.VTIME] = 0, 0
    speed = getattr(termios, f"B{line.baud}")
    termios.tcsetattr(handle, termios.TCSANOW, [iflag, oflag, cflag, lflag, speed, speed, special])
    termios.tcflush(handle, termios.TCIFLUSH)


def _open(device: Path) -> int:
    """Raises Gone."""
    try:
        return os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as failed:
        raise Gone(0, reason_of(failed)) from failed


class _FileChannel:
    """`talk.Channel` over a device file."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._is_open = True
        self._at_last: Said | None = None

    def port_status(self) -> Said | None:
        """None for a serial line, and on systems without usblp; of a finished line how it was at the end."""
        if not self._is_open:
            return self._at_last
        if sys.platform != "linux":
            return None
        try:
            answer = fcntl.ioctl(self._handle, LPGETSTATUS, b"\0" * 4)
        except OSError:
            return None
        return read_port_status(int.from_bytes(answer, sys.byteorder))

    async def send(self, data: bytes, patience: float) -> None:
        view, sent = memoryview(data), 0
        while sent < len(data):
            try:
                sent += os.write(self._handle, view[sent : sent + _CHUNK])
            except BlockingIOError:
                await self._takes_more(sent, patience)
            except OSError as failed:
                raise Gone(sent, reason_of(failed)) from failed

    async def _takes_more(self, sent: int, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                await _ready(self._handle, asyncio.get_running_loop().add_writer)
        except TimeoutError:
            raise Stuck(sent, "no byte taken") from None

    async def finish(self, patience: float) -> None:
        """Until the system has handed the last byte over: usblp can be written again, a serial line holds none."""
        await self._takes_more(1, patience)
        loop = asyncio.get_running_loop()
        left_before, moved_at = -1, loop.time()
        while left := self._held():
            if left != left_before:
                left_before, moved_at = left, loop.time()
            elif loop.time() - moved_at > patience:
                raise Stuck(1, f"{left} bytes not taken")
            await asyncio.sleep(_LONGEST_LOOK)
        self._at_last = self.port_status()
        self._close()

    def _held(self) -> int:
        """Bytes that wait in the system; 0 where it does not count."""
        with contextlib.suppress(OSError):
            return int.from_bytes(fcntl.ioctl(self._handle, termios.TIOCOUTQ, b"\0" * 4), sys.byteorder)
        return 0

    async def receive(self, patience: float) -> bytes:
        heard = self._read()
        if heard or patience <= 0:
            return heard
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await _ready(self._handle, asyncio.get_running_loop().add_reader)
                heard = self._read()
                if not heard:  # readable and silent: nobody is there, or it can only be written
                    await asyncio.sleep(patience)
        return heard

    def _read(self) -> bytes:
        try:
            return os.read(self._handle, _READ)
        except BlockingIOError:
            return b""
        except OSError as failed:
            if failed.errno == errno.EINVAL:  # usblp of a printer that only listens
                return b""
            raise Gone(0, reason_of(failed)) from failed

    def drop(self) -> None:
        if self._is_open:
            with contextlib.suppress(OSError, termios.error):
                termios.tcflush(self._handle, termios.TCOFLUSH)
            self._close()

    def _close(self) -> None:
        self._is_open = False
        with contextlib.suppress(OSError):
            os.close(self._handle)


async def _ready(handle: int, watch: Callable[..., None]) -> None:
    """Until the file can be read or written, as `watch` says; nothing is watched afterwards."""
    loop = asyncio.get_running_loop()
    happened: asyncio.Future[None] = loop.create_future()

    def now() -> None:
        if not happened.done():
            happened.set_result(None)

    watch(handle, now)
    try:
        await happened
    finally:
        if watch == loop.add_reader:
            loop.remove_reader(handle)
        else:
            loop.remove_writer(handle)
