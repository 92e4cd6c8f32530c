"""One connection of a page or program: what is said on it, and what goes on behind it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from miandan.agent.components.origins import Caller
from miandan.agent.components.profiles import Family

_SEND_SECONDS: Final = 10.0
_MOST_BEHIND: Final = 1_000
"""Tasks of one connection that are told of at once."""


@dataclass(slots=True, eq=False)
class Line:
    """A connection that was let in. `home` is the address of its port, for previews."""

    connection: ServerConnection
    caller: Caller
    family: Family
    home: str
    note: Callable[..., None]
    behind: set[asyncio.Task[None]] = field(default_factory=set)

    async def say(self, message: dict[str, Any]) -> None:
        """Send; a page that is gone or does not read hears nothing, and what it asked for goes on."""
        await self.pass_on(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    async def pass_on(self, text: str) -> None:
        """Send a frame as it is."""
        with suppress(ConnectionClosed):
            try:
                await asyncio.wait_for(self.connection.send(text), _SEND_SECONDS)
            except TimeoutError:
                await self.connection.close(1008, "not reading")

    @property
    def is_full(self) -> bool:
        return len(self.behind) >= _MOST_BEHIND

    def stop(self) -> None:
        """Go on with nothing; sheets that were asked for end without this."""
        for running in list(self.behind):
            running.cancel()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Go on with something while the next frame is read."""
        running = asyncio.create_task(self._noted(work))
        self.behind.add(running)
        running.add_done_callback(self.behind.discard)

    async def _noted(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as failed:  # its text may hold what a page has sent
            self.note("component.notices_failed", error=type(failed).__name__)
