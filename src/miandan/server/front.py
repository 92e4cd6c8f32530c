"""The front of the server: each path goes to its door, and a port of its own may belong to one door alone."""

from collections.abc import Mapping
from typing import Final

from miandan.kernel.asgi import Door, Receive, Scope, Send, answer_json

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
