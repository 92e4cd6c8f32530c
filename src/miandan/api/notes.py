"""Around every call: its log_id, the note of how it was answered, the largest body, and the last word on failures."""

import time
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from miandan.access.calls import CallNote, new_log_id
from miandan.api.failures import answer_of_unforeseen
from miandan.api.security import Note
from miandan.hall import LARGEST_BODY, Hall
from miandan.kernel.asgi import Door, Message, Receive, Scope, Send
from miandan.kernel.clock import now

DOOR: Final = "api"
_NO_STORE: Final = (b"cache-control", b"no-store")


class Notes:
    """The outermost layer. Whatever goes wrong inside is answered here, so no traceback reaches a log."""

    def __init__(self, app: Door, hall: Hall) -> None:
        self._app = app
        self._hall = hall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, note = time.perf_counter(), Note(new_log_id())
        scope["miandan.note"] = note

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                note.status = message["status"]
                message["headers"] = _with_ours(message["headers"], note)
            await send(message)

        try:
            await self._app(scope, _limited(receive), tell)
        except Exception as error:
            if note.status:  # the answer is on its way; its end is missing, and the client sees that
                note.code = "failure.at_the_server"
            else:
                await answer_of_unforeseen(Request(scope), error)(scope, receive, tell)
        finally:
            self._write_down(scope, note, started)

    def _write_down(self, scope: Scope, note: Note, started: float) -> None:
        method = f"{scope['method']} {_template(scope)}"
        milliseconds = round((time.perf_counter() - started) * 1000)
        self._hall.calls.note(
            CallNote(note.log_id, now(), DOOR, note.app_key, method, note.subject, note.status, note.code, milliseconds)
        )


def _template(scope: Scope) -> str:
    """The route's path with its names, never what stood in their places; "?" where there is no such route."""
    path = getattr(scope.get("route"), "path_format", None) or getattr(scope.get("route"), "path", "?")
    return str(path)


def _with_ours(headers: list[tuple[bytes, bytes]], note: Note) -> list[tuple[bytes, bytes]]:
    ours = [(b"x-log-id", note.log_id.encode()), (b"x-content-type-options", b"nosniff")]
    named = {name.lower() for name, _ in headers}
    return [*headers, *ours, *([] if _NO_STORE[0] in named else [_NO_STORE])]


def _limited(receive: Receive) -> Receive:
    """The body until it is too large; then the status says so, wherever it is read."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return limited
