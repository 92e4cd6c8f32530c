"""One connection of a page or program, frame by frame until it closes.

A page that nobody has decided on has one question put to the user at a time. A few of its frames wait for the answer,
the others are answered at once; when it leaves, what waited is forgotten.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from miandan.agent.components.gate import Door, Pace, caller_of
from miandan.agent.components.line import Line
from miandan.agent.components.origins import PROGRAM
from miandan.agent.components.reading import read_frame
from miandan.kernel.errors import Refusal

MOST_HELD: Final = 4
"""Frames of a connection that wait for the user's answer."""


class Speech(Protocol):
    """A way of speaking."""

    def refused(self, plain: dict[str, Any], why: Refusal) -> dict[str, Any]: ...

    async def hear(self, plain: dict[str, Any], frame: str, line: Line) -> None: ...


@dataclass(slots=True)
class Conversation:
    """What is heard on one line. `consent_seconds` is how long a frame waits for the user's answer."""

    door: Door
    speech: Speech
    line: Line
    request: Request
    pace: Pace
    consent_seconds: float
    _held: deque[tuple[dict[str, Any], str]] = field(default_factory=deque)
    _asking: asyncio.Task[None] | None = None

    @property
    def is_undecided(self) -> bool:
        origin = self.line.caller.origin
        return origin != PROGRAM and self.door.origins.decision(origin) is None

    async def go(self) -> None:
        """Until the other side leaves, or the task is cancelled."""
        try:
            async for frame in self.line.connection:
                await self._take(frame)
        except ConnectionClosed:
            pass
        finally:
            if self._asking is not None:
                self._asking.cancel()
                with suppress(asyncio.CancelledError):
                    await self._asking

    async def _take(self, frame: str | bytes) -> None:
        plain: dict[str, Any] = {}
        try:
            plain = read_frame(frame)
            if not self.pace.admits(self.line.caller.origin) or self.line.is_full:
                raise Refusal("agent.component_too_fast")
        except Refusal as why:
            await self.line.say(self.speech.refused(plain, why))
            return
        text = frame if isinstance(frame, str) else frame.decode()
        if self.is_undecided:
            if len(self._held) < MOST_HELD:
                self._held.append((plain, text))
                if self._asking is None:
                    self._asking = asyncio.create_task(self._ask())
                return
        elif self._asking is not None:
            await self._asking  # decided in this moment: those that waited come first
        await self._hear(plain, text)

    async def _ask(self) -> None:
        origins, origin = self.door.origins, self.line.caller.origin
        try:
            origins.ask(origin, self.door.component.name)
            await origins.answer(origin, self.consent_seconds)
        except (Refusal, OSError) as failed:
            self._note(failed)
        while self._held:
            await self._hear(*self._held.popleft())
        self._asking = None

    async def _hear(self, plain: dict[str, Any], text: str) -> None:
        try:
            caller = caller_of(self.request, self.door.origins)
            if caller is None:
                raise self._not_allowed()
            self.line.caller = caller
            await self.speech.hear(plain, text, self.line)
        except Refusal as why:
            await self.line.say(self.speech.refused(plain, why))
        except Exception as failed:  # its text may hold what the page has sent
            self._note(failed)
            await self.line.say(self.speech.refused(plain, Refusal("agent.component_failed")))

    def _not_allowed(self) -> Refusal:
        origin = self.line.caller.origin
        if self.is_undecided:
            return Refusal("agent.component_origin_waiting", origin=origin)
        return Refusal("agent.component_origin_denied", origin=origin)

    def _note(self, failed: Exception) -> None:
        self.line.note("component.frame_failed", component=self.door.component.name, error=type(failed).__name__)
