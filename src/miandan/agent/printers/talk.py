"""An open line to a device, and the talk over it: a sheet goes out, questions are asked, answers told apart."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from miandan.agent.printers.status import Said, Tongue


class Gone(Exception):
    """The line broke; `sent` bytes at least were taken before, 0 only where that is certain."""

    def __init__(self, sent: int, reason: str) -> None:
        super().__init__(reason)
        self.sent = sent
        self.reason = reason


class Stuck(Gone):
    """The device has taken nothing for too long."""


class Channel(Protocol):
    """A line to one device, opened for one sheet or one question."""

    def port_status(self) -> Said | None:
        """What the port itself knows, without asking the device; None where it knows nothing."""

    async def send(self, data: bytes, patience: float) -> None:
        """Returns when the system has all of it. Raises Gone; Stuck when nothing moves for so many seconds."""

    async def receive(self, patience: float) -> bytes:
        """What came within so many seconds, b"" if nothing did. Raises Gone when nothing can come any more."""

    async def finish(self, patience: float) -> None:
        """Close when the device's side has everything, as far as that can be known. Raises Gone, Stuck."""

    def drop(self) -> None:
        """Close; what has not arrived never does. Does nothing to a line that is closed."""


class Talk:
    """One channel in one language."""

    def __init__(self, channel: Channel, tongue: Tongue, answer: float, stalled: float) -> None:
        self._channel = channel
        self._tongue = tongue
        self._answers_within = answer
        self._stalled = stalled  # seconds for which nothing may be taken
        self._waits_for_fence = False

    @property
    def is_past_the_sheet(self) -> bool:
        """Whether the device has worked through the sheet, as far as the language can tell."""
        return not self._waits_for_fence

    async def send(self, document: bytes, *, fenced: bool) -> None:
        """The sheet, and the language's fence behind it if it is to be answered. Raises Gone, Stuck."""
        fence = self._tongue.fence if fenced else b""
        self._waits_for_fence = bool(fence)
        await self._channel.send(document + fence, self._stalled)

    async def ask(self) -> Said | None:
        """How the device is; None where no whole answer came in time. Raises Gone."""
        return await self._answer(self._tongue.question, self._tongue.read)

    async def ask_why(self) -> Said | None:
        """What it has to say beyond that; None where the language has nothing, or no answer came. Raises Gone."""
        return await self._answer(self._tongue.why, self._tongue.reads_why) if self._tongue.why else None

    async def _answer(self, question: bytes, read: Callable[[bytes], Said | None]) -> Said | None:
        loop = asyncio.get_running_loop()
        while await self._received(0):  # said before, to nobody's question
            pass
        await self._channel.send(question, self._stalled)
        heard, until = bytearray(), loop.time() + self._answers_within
        while (left := until - loop.time()) > 0:
            heard += await self._received(left)
            said = read(bytes(heard))
            if said is not None:
                return said
        return None

    async def _received(self, patience: float) -> bytes:
        chunk = await self._channel.receive(patience)
        if self._waits_for_fence and any(map(self._tongue.answers_fence, chunk)):
            self._waits_for_fence = False
        return chunk
