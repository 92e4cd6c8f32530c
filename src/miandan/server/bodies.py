"""Bodies on their way in: how long one may take, and how much of them this process holds at once.

Doors check what a call says only when they have its whole body, so strangers could fill the memory with bodies that
never end. Whoever is too slow or comes while too much is held is told to come again later, whatever the door makes of
half a body, and loses the connection.
"""

import asyncio
from typing import Final

from miandan.kernel.asgi import Door, Message, Receive, Scope, Send, answer_json

SLOWEST_SECONDS: Final = 30.0
"""For a whole body; the largest takes that long over 2 Mbit/s."""

MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes of all bodies under way together: eight of the largest, thousands of ordinary ones."""

_GONE: Final[Message] = {"type": "http.disconnect"}
_LATER: Final = {
    "zh": "正文来得太慢，或服务器正忙；请稍后原样重试。",
    "en": "The body came too slowly, or the server is busy; send the same again later.",
}


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
        held, whole, cut, begun = 0, False, False, False
        loop = asyncio.get_running_loop()
        end = loop.time() + SLOWEST_SECONDS

        async def bounded() -> Message:
            nonlocal held, whole, cut
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                cut = True
                return _GONE
            size = len(message.get("body", b""))
            if self._held + size > MOST_HELD:
                cut = True
                return _GONE
            held += size
            self._held += size
            whole = not message.get("more_body", False)
            return message

        async def told(message: Message) -> None:
            nonlocal begun
            if begun or not cut:
                begun = True
                await send(message)

        try:
            await self._door(scope, bounded, told)
        finally:
            self._held -= held
        if cut and not begun:
            await answer_json(send, 503, _LATER, (b"retry-after", b"1"), (b"connection", b"close"))
