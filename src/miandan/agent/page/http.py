"""A small HTTP server on loopback: one request a connection, an exact Host, limits and headers on everything.

Written on asyncio and the parser that uvicorn uses: a whole server beside it would cost the agent ten times its memory.
"""

import asyncio
import base64
import hashlib
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httptools

from miandan.agent.loopback import ADDRESSES, HOSTS

MOST_BYTES: Final = 16_384
"""Of a request, head and body together."""

MOST_OPEN: Final = 32
SECONDS: Final = 10.0
"""How long a request may take to come, and an answer to be fetched."""

_MOST_FIELDS: Final = 64
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose Host is ours. `path` and names of headers are as they came, the latter in small letters."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """ "" where it is missing or stands twice."""
        found = [value for key, value in self.headers if key == name]
        return found[0] if len(found) == 1 else ""

    def cookie(self, name: str) -> str:
        """ "" where there is none, or several."""
        pairs = (one.strip().partition("=") for one in self.header("cookie").split(";"))
        found = [value for key, _, value in pairs if key == name]
        return found[0] if len(found) == 1 else ""

    def asked(self, name: str) -> str:
        """A value of the query; "" where it is missing or no text."""
        with suppress(ValueError):
            return dict(_pairs(self.query)).get(name, "")
        return ""

    def form(self) -> "Form | None":
        """None for a body that is no form."""
        if self.header("content-type").partition(";")[0].strip().lower() != _FORM:
            return None
        try:
            return Form(tuple(_pairs(self.body.decode("ascii"))))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed and ticked, in order."""

    pairs: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str:
        """ "" where it is missing or stands twice."""
        values = self.all(name)
        return values[0] if len(values) == 1 else ""

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.pairs if key == name)


def _pairs(text: str) -> list[tuple[str, str]]:
    """Raises ValueError for too many fields and for bytes that are no text."""
    return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")


@dataclass(frozen=True, slots=True)
class Answer:
    """A page with the only style and script that may run in it, or with `location` the way to go on."""

    status: HTTPStatus = HTTPStatus.OK
    body: str = field(default="", repr=False)
    style: str = ""
    script: str = ""
    location: str = ""
    cookie: str = field(default="", repr=False)


Door = Callable[[Request], Awaitable[Answer]]


class Listening:
    """A server that has begun to listen on `port`. `wrong` is told the name of an error that nobody foresaw."""

    def __init__(self, door: Door, sockets: Sequence[socket.socket], wrong: Callable[[str], None]) -> None:
        self.port: int = sockets[0].getsockname()[1]
        self._door = door
        self._wrong = wrong
        self._sockets = sockets
        self._hosts = frozenset(f"{name}:{self.port}" for name in HOSTS)
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        for one in self._sockets:
            self._servers.append(await asyncio.start_server(self._serve, sock=one, limit=MOST_BYTES))

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for writer in list(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MOST_OPEN:
            writer.close()
            return
        self._open.add(writer)
        try:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(SECONDS):
                    request = await read(reader)
                    if request is not None:
                        answer = request if isinstance(request, Answer) else await self._answered(request)
                        head_only = isinstance(request, Request) and request.method == "HEAD"
                        writer.write(written(answer, with_body=not head_only))
                        await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answered(self, request: Request) -> Answer:
        """A name that a foreign server made point at this machine (DNS rebinding) is no name of ours."""
        if request.header("host").lower() not in self._hosts:
            return _plain(HTTPStatus.MISDIRECTED_REQUEST, "Host")
        try:
            return await self._door(request)
        except Exception as failed:  # its text may hold what was sent
            self._wrong(type(failed).__name__)
            return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


def listen(port: int) -> list[socket.socket]:
    """Sockets on both loopback addresses; without the second where the machine has none. Raises OSError."""
    first = _bound(ADDRESSES[0], socket.AF_INET, port)
    found = [first]
    with suppress(OSError):
        found.append(_bound(ADDRESSES[1], socket.AF_INET6, first.getsockname()[1]))
    return found


def _bound(address: str, family: socket.AddressFamily, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "nt":  # else another program could share the port
            one.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        one.listen(MOST_OPEN)
    except OSError:
        one.close()
        raise
    return one


class _Message:
    """What the parser has read so far."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.complete = False

    def on_url(self, part: bytes) -> None:
        if not self.complete:
            self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, part: bytes) -> None:
        if not self.complete:
            self.body += part

    def on_message_complete(self) -> None:
        self.complete = True


async def read(reader: asyncio.StreamReader) -> Request | Answer | None:
    """The request of a connection, an answer to what is none, None where nothing came."""
    message = _Message()
    parser = httptools.HttpRequestParser(message)
    count = 0
    while not message.complete:
        piece = await reader.read(MOST_BYTES)
        count += len(piece)
        if not piece:
            return None
        if count > MOST_BYTES:
            return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
        try:
            parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            return _plain(HTTPStatus.BAD_REQUEST, "no upgrade here")
        except httptools.HttpParserError:
            return _plain(HTTPStatus.BAD_REQUEST, "no HTTP")
    try:
        target = urlsplit(message.target.decode("ascii"))
    except ValueError:
        return _plain(HTTPStatus.BAD_REQUEST, "target")
    if target.scheme or target.netloc:
        return _plain(HTTPStatus.BAD_REQUEST, "target")
    return Request(parser.get_method().decode("ascii"), target.path, target.query, message.headers, message.body)


def _plain(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, f"{status.value} {text}\n")


def written(answer: Answer, *, with_body: bool = True) -> bytes:
    """An answer as it goes out: never stored, framed or sniffed, with nothing running in it but what it brought."""
    body = answer.body.encode()
    headers = {
        "Content-Type": f"text/{'html' if answer.style else 'plain'}; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        "Content-Security-Policy": _policy(answer),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        # not no-referrer: then a browser would send our own forms with the Origin "null"
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    if answer.location:
        headers["Location"] = answer.location
    if answer.cookie:
        headers["Set-Cookie"] = answer.cookie
    if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET, HEAD, POST"
    head = f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (head + lines + "\r\n").encode("latin-1") + (body if with_body else b"")


def _policy(answer: Answer) -> str:
    return (
        f"default-src 'none'; style-src {_source(answer.style)}; script-src {_source(answer.script)}; "
        f"connect-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def _source(text: str) -> str:
    if not text:
        return "'none'"
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
