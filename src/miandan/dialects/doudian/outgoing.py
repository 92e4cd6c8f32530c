"""HTTP calls that we make to others' servers: bounded in time and in size, never redirected, nobody's proxy."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from miandan.access.push_model import Failure

LARGEST_ANSWER: Final = 256 * 1024
"""Bytes of an answer that are read."""

_CONNECT_SECONDS: Final = 5.0
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with HTTP status 200."""

    content: bytes


class Unanswered(Exception):
    """No answer that could be read; `status` where one came. Nothing of the other side's text is kept."""

    def __init__(self, failure: Failure, status: int | None = None) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.status = status


class Sender:
    """Made by `open_sender`; safe for concurrent use."""

    def __init__(self, client: httpx.AsyncClient, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    async def send(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """The answer to one request, which takes no longer than the sender's seconds. Raises Unanswered."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(method, url, body, headers or {})
        except TimeoutError:
            raise Unanswered(Failure.TIMED_OUT) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # the text of these may hold the URL with its query
            raise Unanswered(_failure_of(error)) from None

    async def _send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        async with self._client.stream(method, url, content=body or None, headers=dict(headers)) as answer:
            if answer.is_redirect or 300 <= answer.status_code < 400:
                raise Unanswered(Failure.REDIRECTED, answer.status_code)
            if answer.status_code != _OK:
                raise Unanswered(Failure.STATUS, answer.status_code)
            content = bytearray()
            async for part in answer.aiter_raw():  # as it comes: an answer that unpacks to gigabytes stays packed
                content += part
                if len(content) > LARGEST_ANSWER:
                    raise Unanswered(Failure.TOO_LARGE, answer.status_code)
            return Reply(bytes(content))


@asynccontextmanager
async def open_sender(seconds: float, trusted: ssl.SSLContext | None = None) -> AsyncIterator[Sender]:
    """A sender whose requests take `seconds` at most, answer included. `trusted` in place of the usual authorities."""
    async with httpx.AsyncClient(
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        verify=True if trusted is None else trusted,
        headers={"accept-encoding": "identity", "user-agent": "miandan"},
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30),
    ) as client:
        yield Sender(client, seconds)


def _failure_of(error: Exception) -> Failure:
    if isinstance(error, httpx.TimeoutException):
        return Failure.TIMED_OUT
    if any(isinstance(one, ssl.SSLError) for one in _causes(error)):
        return Failure.TLS
    return Failure.GARBLED if isinstance(error, httpx.RemoteProtocolError) else Failure.UNREACHABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
