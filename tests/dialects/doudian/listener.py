"""A developer's server on loopback: keeps what it was asked and answers as it is told, well or badly."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b'{"code":0,"msg":"success"}'


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The array of a push, the data of each message read."""
        return [one | {"data": msgspec.json.decode(one["data"])} for one in msgspec.json.decode(self.body)]


Answer: TypeAlias = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def says(content: bytes, status: str = "200 OK", *headers: str) -> Answer:
    """An answer with this content."""

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"content-length: {len(content)}", "connection: close", *headers]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + content)
        await writer.drain()

    return answer


async def says_endlessly(_: Asked, writer: asyncio.StreamWriter) -> None:
    """More and more, until nobody reads any more."""
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    with suppress(ConnectionError):
        for _piece in range(2_000):
            writer.write(b" " * 16_384)
            await writer.drain()


async def drips(_: Asked, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, each in time for a read but never an answer."""
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    with suppress(ConnectionError):
        for _byte in range(200):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)


async def hangs_up(_: Asked, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""


async def speaks_no_http(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


@dataclass(slots=True)
class Listener:
    """`answer` may be changed while it listens."""

    answer: Answer = field(default_factory=lambda: says(OK))
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    kept: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/push"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message for one in self.asked for message in one.messages]

    @asynccontextmanager
    async def down(self) -> AsyncIterator["Listener"]:
        """With a port that nobody else is given, on which it does not listen until it is told to, once."""
        with socket.socket() as self.kept:
            self.kept.bind(("127.0.0.1", 0))
            self.port = self.kept.getsockname()[1]
            yield self

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Listener"]:
        """Up until the block ends."""
        self.scheme = "https" if tls else "http"
        where: dict[str, Any] = {"sock": self.kept} if self.kept else {"host": "127.0.0.1", "port": 0}
        server = await asyncio.start_server(self._serve, ssl=tls, limit=2**20, **where)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, target, _ = lines[0].split(" ")
            self.asked.append(Asked(method, target, headers, body))
            await self.answer(self.asked[-1], writer)
        with suppress(ConnectionError, ssl.SSLError):
            writer.close()
            await writer.wait_closed()


def self_signed(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server with a certificate of its own making, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))
