"""What the door needs of the web: a small JSON body read, an answer written, a socket as frames."""

from typing import Final

from miandan.kernel.asgi import Receive, Send, answer_json

LARGEST_BODY: Final = 10_000


class Gone(Exception):
    """Whoever was at the other end has left."""


async def body_of(receive: Receive) -> bytes | None:
    """What was sent; None when it is larger than anything that belongs here, or its sender is gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        piece: bytes = message.get("body", b"")
        body += piece
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return body


async def answer(send: Send, status: int, value: object) -> None:
    """A short JSON answer that nobody keeps."""
    await answer_json(send, status, value, (b"cache-control", b"no-store"))


class Socket:
    """A WebSocket of ASGI."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def accept(self) -> None:
        """Raises Gone."""
        message = await self._receive()
        if message["type"] != "websocket.connect":
            raise Gone
        await self._send({"type": "websocket.accept"})

    async def hear(self) -> str | bytes:
        """The next frame. Raises Gone."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Gone
        text: str | bytes | None = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def say(self, text: str) -> None:
        """Raises Gone."""
        try:
            await self._send({"type": "websocket.send", "text": text})
        except Exception as failed:  # each server has exceptions of its own for a socket that is closed
            raise Gone from failed

    async def close(self, code: int) -> None:
        try:
            await self._send({"type": "websocket.close", "code": code})
        except Exception:  # it is closed already
            return
