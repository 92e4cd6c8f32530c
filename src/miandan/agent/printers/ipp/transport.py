"""IPP over HTTP (RFC 8010, section 4), by a socket file of this machine or by host and port.

What failed is told apart by one question: may the server have the request, or certainly not.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import httpx

from miandan.agent.printers.ipp.message import Message, decoded, encoded
from miandan.kernel.errors import Refusal

_TYPE: Final = "application/ipp"
_MOST_ANSWER: Final = 4_000_000  # bytes
_SCHEMES: Final[Mapping[str, str]] = {"ipp": "http", "ipps": "https"}
_PORT: Final = 631

SOCKETS: Final = (Path("/run/cups/cups.sock"), Path("/var/run/cups/cups.sock"))
"""Where CUPS listens on this machine."""


class NotReached(Exception):
    """The server certainly does not have the request."""


class AnswerLost(Exception):
    """The server may have the request, or part of it."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go: a socket file, or else `address`, host with port. `certificate` is the file that an ipps
    server's certificate has to be signed by, or be itself."""

    address: str = "localhost"
    socket: Path | None = None
    secure: bool = False
    certificate: Path | None = None

    @property
    def uri(self) -> str:
        """The beginning of printers' addresses on it, as IPP writes them."""
        return f"{'ipps' if self.secure else 'ipp'}://{self.address}"


def server_of(uri: str) -> tuple[Server, str]:
    """An ipp or ipps address as a server and a path on it. Raises ValueError."""
    url = httpx.URL(uri)
    if url.scheme not in _SCHEMES or not url.host:
        raise ValueError("not an ipp:// or ipps:// address")
    host = f"[{url.host}]" if ":" in url.host else url.host
    return Server(f"{host}:{url.port or _PORT}", secure=url.scheme == "ipps"), url.path


class Post:
    """Carries requests to one server, a few at a time."""

    def __init__(self, server: Server, patience: float = 30.0) -> None:
        self.server = server
        self._numbers = count(1)
        transport = httpx.AsyncHTTPTransport(
            uds=None if server.socket is None else str(server.socket),
            verify=_trust(server.certificate) if server.secure else False,
            retries=0,  # whether a request may be sent again is for the caller to say
        )
        timeout = httpx.Timeout(patience, connect=5.0)
        # trust_env off: a proxy of the environment has no business between an agent and its printer.
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)

    def number(self) -> int:
        """For the next request."""
        return next(self._numbers)

    async def ask(self, path: str, request: Message, document: bytes = b"") -> Message:
        """The server's answer. Raises NotReached, AnswerLost, or Refusal agent.ipp_unreadable for an answer that is
        none."""
        scheme = "https" if self.server.secure else "http"
        url = f"{scheme}://{self.server.address}{path}"
        body = encoded(request) + document
        try:
            answer = await self._client.post(url, content=body, headers={"Content-Type": _TYPE})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failed:
            raise NotReached(_words(failed)) from failed
        except httpx.HTTPError as failed:
            raise AnswerLost(_words(failed)) from failed
        if answer.status_code != httpx.codes.OK:
            failure = AnswerLost if answer.is_server_error else NotReached
            raise failure(f"HTTP {answer.status_code}")
        if len(answer.content) > _MOST_ANSWER:
            raise Refusal("agent.ipp_unreadable", what="too long", at=_MOST_ANSWER)
        return decoded(answer.content)

    async def close(self) -> None:
        await self._client.aclose()


def _trust(certificate: Path | None) -> ssl.SSLContext:
    """The system's authorities, or one certificate: then it is the certificate that counts, not the printer's name."""
    if certificate is None:
        return ssl.create_default_context()
    trust = ssl.create_default_context(cafile=str(certificate))
    trust.check_hostname = False
    return trust


def _words(failed: Exception) -> str:
    """What it is, without the address."""
    return type(failed).__name__
