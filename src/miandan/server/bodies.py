"""Bodies on their way in: how long one may take, and how much of them this process holds at once.

Doors check what a call says only when they have its whole body, so strangers could fill the memory with bodies that
never end. Whoever is too slow or comes while too much is held loses the connection.
"""

import asyncio
from typing import Final

from miandan.kernel.asgi import Door, Message, Receive, Scope, Send

SLOWEST_SECONDS: Final = 30.0
"""For a whole body; the largest takes that long over 2 Mbit/s."""

MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes of all bodies under way together: eight of the largest, thousands of ordinary ones."""

_GONE: Final[Message] = {"type": "http.disconnect"}


class Bodies:
    """A door with bounded bodies."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on; its body counts until it is answered."""
        if scope["type"] != "http":
            await self._door(scope, receive, send)
            return
        held, whole = 0, False
        loop = asyncio.get_running_loop()
        end = loop.time() + SLOWEST_SECONDS

        async def bounded() -> Message:
            nonlocal held, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                return _GONE
            size = len(message.get("body", b""))
            if self._held + size > MOST_HELD:
                return _GONE
            held += size
            self._held += size
            whole = not message.get("more_body", False)
            return message

        try:
            await self._door(scope, bounded, send)
        finally:
            self._held -= held
