"""The front of the server: each path goes to its door, and a port of its own may belong to one door alone."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Door = Callable[[Scope, Receive, Send], Awaitable[None]]

_NOT_FOUND: Final = {
    "zh": "没有这个地址。接口在 /doudian 和 /api/v1，文档见 docs/。",
    "en": "Nothing is here. The interfaces are at /doudian and /api/v1; see docs/.",
}


class Front:
    """Doors by the first part of the path; `alone` are doors that have a port to themselves."""

    def __init__(self, doors: Mapping[str, Door], alone: Mapping[int, Door]) -> None:
        self._doors = doors
        self._alone = alone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to its door."""
        server = scope.get("server")
        door = self._alone.get(server[1]) if self._alone and server else None
        if door is None:
            door = self._doors.get(scope["path"].partition("/")[2].partition("/")[0])
        if door is not None:
            await door(scope, receive, send)
        elif scope["type"] == "http":
            await answer_json(send, 404, _NOT_FOUND)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})


async def answer_json(send: Send, status: int, value: object) -> None:
    """A short JSON answer."""
    body = msgspec.json.encode(value)
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
