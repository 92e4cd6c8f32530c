"""TCP printers of the tests: small servers that behave as devices do. They were written from the manuals, not from the
driver; real printers will differ."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Zebra:
    """Answers ~HS with its three lines. A sheet ends in ^XZ and takes `seconds`; what is in `trouble` stops it.

    The fields of ~HS: paper out, pause, head up, ribbon out, and labels that remain.
    """

    seconds: float = 0.05
    paper_out: bool = False
    head_up: bool = False
    paused: bool = False
    slow: float = 0.0
    out_of_paper_after: int = 10**9  # bytes of all sheets
    why: bytes = b"\x02\r\n  PRINTER STATUS\r\n   ERRORS:   1 00000000 00000008\r\n   WARNINGS: 0 0 0\r\n\x03"
    out: list[bytes] = field(default_factory=list)
    buffer: bytearray = field(default_factory=bytearray)
    remaining: int = 0
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while chunk := await reader.read(65_536):
                await self._take(chunk, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _take(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        self.buffer += chunk
        if len(self.buffer) > self.out_of_paper_after:
            self.paper_out = True
        while True:
            asked, whole = self.buffer.find(b"~H"), self.buffer.find(b"^XZ\n")
            if asked >= 0 and (whole < 0 or asked < whole):
                end = asked + (5 if self.buffer[asked:].startswith(b"~HQES") else 3)
                question = bytes(self.buffer[asked:end])
                del self.buffer[asked:end]
                await asyncio.sleep(self.slow)
                writer.write(self.why if question == b"~HQES" else self.status())
                continue
            if whole < 0:
                return
            document = bytes(self.buffer[: whole + 4])
            del self.buffer[: whole + 4]
            self.remaining += 1
            asyncio.get_running_loop().create_task(self._burn(document))

    async def _burn(self, document: bytes) -> None:
        await asyncio.sleep(self.seconds)
        while self.paper_out or self.head_up or self.paused:  # noqa: ASYNC110  tests set them as they like
            await asyncio.sleep(0.01)
        self.out.append(document)
        self.remaining -= 1

    def status(self) -> bytes:
        one = f"030,{self.paper_out:d},{self.paused:d},1245,000,0,0,0,000,0,0,0"
        two = f"000,0,{self.head_up:d},0,0,2,4,0,{self.remaining:08d},1,000"
        return "".join(f"\x02{line}\x03\r\n" for line in (one, two, "1234,0")).encode()


@dataclass
class ByteStatus:
    """Answers `question` with one byte of `status`, which is `busy` while a sheet is printed. A sheet ends in `end` and
    is not out before the device has said that it is busy."""

    question: bytes
    end: bytes
    status: int = 0
    busy: int = 0x20
    seconds: float = 0.05
    says_busy: bool = True
    trouble_after_sheet: int = 0
    out: list[bytes] = field(default_factory=list)
    printing: int = 0
    has_said_busy: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = bytearray()
        try:
            while chunk := await reader.read(65_536):
                held += chunk
                while self.question in held or self.end in held:
                    asked, whole = held.find(self.question), held.find(self.end)
                    if asked >= 0 and (whole < 0 or asked < whole):
                        del held[asked : asked + len(self.question)]
                        is_busy = bool(self.printing) and self.says_busy
                        writer.write(bytes([self.status | (self.busy if is_busy else 0)]))
                        self.has_said_busy = self.has_said_busy or is_busy
                    else:
                        document = bytes(held[: whole + len(self.end)])
                        del held[: whole + len(self.end)]
                        asyncio.get_running_loop().create_task(self._burn(document))
                        self.printing += 1
                        self.status |= self.trouble_after_sheet
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _burn(self, document: bytes) -> None:
        await asyncio.sleep(self.seconds)
        while self.says_busy and not self.has_said_busy:  # noqa: ASYNC110  however slow the machine is
            await asyncio.sleep(0.005)
        self.out.append(document)
        self.printing -= 1


@dataclass
class Receipt:
    """ESC/POS: DLE EOT n is answered at once, GS r in its turn, when everything before it is on paper."""

    cover_open: bool = False
    seconds: float = 0.05
    opens_in_the_sheet: bool = False
    answers_in_turn: bool = True
    out: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = bytearray()
        work: asyncio.Queue[bytes] = asyncio.Queue()
        printing = asyncio.get_running_loop().create_task(self._print(work, writer))
        try:
            while chunk := await reader.read(65_536):
                held += chunk
                while (at := held.find(b"\x10\x04")) >= 0 and len(held) > at + 2:
                    n = held[at + 2]
                    del held[at : at + 3]
                    offline, cover = 0x08 * self.cover_open, 0x04 * self.cover_open
                    writer.write(bytes([{1: 0x12 | offline, 2: 0x12 | cover}.get(n, 0x12)]))
                while (at := held.find(b"\x1dr\x01")) >= 0:
                    await work.put(bytes(held[:at]))
                    del held[: at + 3]
        except ConnectionError:
            pass
        finally:
            printing.cancel()
            writer.close()

    async def _print(self, work: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        while True:
            document = await work.get()
            self.cover_open = self.cover_open or self.opens_in_the_sheet
            await asyncio.sleep(self.seconds)
            while self.cover_open:  # noqa: ASYNC110  tests set it as they like
                await asyncio.sleep(0.01)
            self.out.append(document)
            if self.answers_in_turn:
                writer.write(b"\0")


class Sink:
    """Takes everything, says nothing: what most cheap printers do."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                self.heard += chunk
        except ConnectionError:
            return
        finally:
            writer.close()
        self.ended += 1


class Clinging(Sink):
    """Takes everything, says nothing, and never closes its side."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard += await reader.read()
        self.ended += 1
        await asyncio.Event().wait()


class Hanging:
    """Takes some bytes and then none, as one that ran out of paper with a small buffer."""

    def __init__(self, takes: int = 0) -> None:
        self.takes = takes
        self.goes_on = asyncio.Event()
        self.heard = bytearray()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.takes:
                self.heard += await reader.readexactly(self.takes)
            reader._transport.pause_reading()  # type: ignore[attr-defined]  # the window closes
            await self.goes_on.wait()
            reader._transport.resume_reading()  # type: ignore[attr-defined]
            while chunk := await reader.read(65_536):
                self.heard += chunk
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Closing:
    """Reads some bytes and closes; what comes later is reset by its system."""

    def __init__(self, takes: int) -> None:
        self.takes = takes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.takes:
            await reader.readexactly(self.takes)
        writer.close()


class Moody:
    """Breaks so many sheets in their middle without a word, then answers and prints as a Zebra does."""

    def __init__(self, breaks: int, takes: int = 8_000, says_ready: bool = False) -> None:
        self.breaks = breaks
        self.takes = takes
        self.says_ready = says_ready  # also before it breaks a sheet
        self.zebra = Zebra()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.breaks <= 0:
            await self.zebra.serve(reader, writer)
            return
        taken = 0
        while taken < self.takes and (chunk := await reader.read(1_000)):
            taken += len(chunk)
            if self.says_ready and chunk == b"~HS":
                writer.write(self.zebra.status())
        self.breaks -= taken >= self.takes
        writer.close()


class Device(Protocol):
    """A printer that answers on a connection until that ends."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...


@asynccontextmanager
async def listening(device: Device, port: int = 0) -> AsyncIterator[int]:
    """A printer at 127.0.0.1; its port."""
    server = await asyncio.start_server(device.serve, "127.0.0.1", port, limit=65_536)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
