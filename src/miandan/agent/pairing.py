"""Pairing (配对): by a one-use code a server comes to know this machine's keys, and this machine the server."""

import json
import platform
from typing import Annotated, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import msgspec
from msgspec import Meta, Struct

from miandan.agent.folder import Folder, Paired
from miandan.agent.keys import agent_keys
from miandan.agent.loopback import is_here
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal

PATH: Final = "/agent/pair"
SECONDS: Final = 15.0
_MOST_ANSWER = 20_000


class _Answer(Struct, frozen=True):
    """What a server says that took the code."""

    agent_id: Annotated[str, Meta(min_length=1, max_length=100)]
    name: Annotated[str, Meta(max_length=200)] = ""
    public_url: Annotated[str, Meta(max_length=2000)] = ""
    platform_key: Annotated[str, Meta(max_length=100)] = ""


class _Refused(Struct, frozen=True):
    """What a server says that did not."""

    code: Annotated[str, Meta(max_length=100)]
    zh: Annotated[str, Meta(max_length=1000)]
    en: Annotated[str, Meta(max_length=1000)]


def pair(folder: Folder, server: str, code: str, name: str | None = None) -> Paired:
    """Give the server this machine's public keys for a code, and keep where it is.

    An agent that was paired before keeps its keys; the old pairing stays with the old server until it is ended there.
    Raises agent.already_running, agent.address_wrong, agent.address_no_platform, agent.server_unreachable,
    agent.pairing_refused with the server's own words, and what writing files raises.
    """
    address = _address(server)
    folder.make()
    with folder.alone():
        keys = agent_keys(folder.keys)
        given = {
            "code": code.strip(),
            "name": name or platform.node() or "print agent",
            "public_key": keys.public_opening.hex(),
            "signing_key": keys.public_signing.hex(),
        }
        answer = _asked(address, given)
        paired = Paired(
            server=address,
            agent_id=answer.agent_id,
            name=answer.name or given["name"],
            public_url=answer.public_url or address,
            platform_key=answer.platform_key,
            paired_at=now().isoformat(),
        )
        folder.keep(paired)
    return paired


def _address(server: str) -> str:
    given = server.strip().rstrip("/")
    try:
        parts = urlsplit(given)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        fits = False
    if not fits:
        raise Refusal("agent.address_wrong")
    return given


def _asked(server: str, given: dict[str, str]) -> _Answer:
    body = json.dumps(given).encode()
    request = Request(server + PATH, body, {"content-type": "application/json"}, method="POST")
    direct = [ProxyHandler({})] if is_here(server) else []
    try:
        with build_opener(*direct).open(request, timeout=SECONDS) as answer:
            return msgspec.json.decode(answer.read(_MOST_ANSWER), type=_Answer)
    except HTTPError as error:
        raise _refusal(server, error) from None
    except (URLError, TimeoutError, OSError) as failed:
        raise Refusal("agent.server_unreachable", server=server, reason=_reason(failed)) from None
    except (msgspec.DecodeError, ValueError):
        raise Refusal("agent.server_unreachable", server=server, reason="JSON") from None


def _refusal(server: str, error: HTTPError) -> Refusal:
    if error.code in (404, 405):  # a code that is not known is refused otherwise
        return Refusal("agent.address_no_platform", server=server, status=error.code)
    try:
        said = msgspec.json.decode(error.read(_MOST_ANSWER), type=_Refused)
    except (msgspec.DecodeError, ValueError, OSError):
        return Refusal("agent.server_unreachable", server=server, reason=f"HTTP {error.code}")
    return Refusal("agent.pairing_refused", code=said.code, zh=said.zh, en=said.en)


def _reason(failed: Any) -> str:
    """The system's words, without what a library put around them."""
    inner = getattr(failed, "reason", failed)
    return getattr(inner, "strerror", None) or type(inner).__name__
