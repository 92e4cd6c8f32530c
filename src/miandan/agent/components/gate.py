"""Who may come in at all: the exact Host, a path that the component has, an origin that is not refused, a token.

A page that nobody has decided on comes in and is told in its own protocol that it waits; a name that a foreign server
made point at this machine (DNS rebinding) is no name of ours, whatever else the request says.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from miandan.agent.components.origins import PROGRAM, Caller, Origins, is_origin
from miandan.agent.components.previews import FOLDER, Previews
from miandan.agent.components.profiles import Component, Family, Options
from miandan.agent.folder import written_private
from miandan.agent.loopback import HOSTS
from miandan.labels.whole_file import made_folder

_TYPES: Final = {"pdf": "application/pdf", "png": "image/png"}
_BURST: Final = 2_000.0
_PER_SECOND: Final = 100.0
_MOST_CALLERS: Final = 1_000

_FAMILIES: Final[dict[str, Family]] = {"0.x": "0.x", "1.5": "1.5", "both": "both"}


def program_token(path: Path) -> str:
    """What lets in callers that are no browsers, made once, for this user alone.

    Raises OSError, labels.folder_denied, labels.not_writable, labels.disk_full.
    """
    try:
        found = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        found = ""
    if len(found) >= 32:
        return found
    made_folder(path.parent)
    with written_private(path) as out:
        found = secrets.token_urlsafe(32)
        out.write(found.encode() + b"\n")
    return found


@dataclass(frozen=True, slots=True)
class Door:
    """One component's door."""

    component: Component
    options: Options
    origins: Origins
    previews: Previews
    token: str

    def check(self, connection: ServerConnection, request: Request, port: int) -> Response | None:
        """None for whoever may come in, a page without decision too; `port` is the one that was called."""
        split = urlsplit(request.path)
        hosts = request.headers.get_all("Host")
        if len(hosts) != 1 or hosts[0].lower() not in {f"{host}:{port}" for host in HOSTS}:
            return _refused(connection, HTTPStatus.FORBIDDEN, "Host 不是本机地址。", "The Host is not this machine's.")
        if split.path.startswith(FOLDER):
            return self._preview(connection, split.path)
        if (split.path or "/") not in self.component.paths:
            paths = " ".join(self.component.paths)
            return _refused(connection, HTTPStatus.NOT_FOUND, f"本组件的路径是 {paths}", f"The path is {paths}")
        origins = request.headers.get_all("Origin")
        if not origins:
            return None if self._knows_program(request) else _no_token(connection)
        if len(origins) > 1 or not is_origin(origins[0]):
            return _refused(
                connection, HTTPStatus.FORBIDDEN, "无法识别页面来源（Origin）。", "No page is known by such an Origin."
            )
        return self._page(connection, origins[0])

    def _page(self, connection: ServerConnection, origin: str) -> Response | None:
        decision = self.origins.decision(origin)
        if decision is not None and not decision.allowed:
            return _refused(
                connection,
                HTTPStatus.FORBIDDEN,
                f"本机已拒绝 {origin} 使用打印组件；如需恢复，请运行 miandan agent allow {origin}",
                f"This machine refuses {origin}; to change it: miandan agent allow {origin}",
            )
        if decision is None and not self.origins.ask(origin, self.component.name):
            return _refused(
                connection,
                HTTPStatus.FORBIDDEN,
                "等待授权的页面过多，请先处理 miandan agent origins 中的页面。",
                "Too many pages wait for consent; see miandan agent origins.",
            )
        return None

    def _knows_program(self, request: Request) -> bool:
        if self.options.programs == "allow":
            return True
        given = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        bearer = request.headers.get_all("Authorization")
        if not given and len(bearer) == 1:
            given = bearer[0].removeprefix("Bearer ").strip()
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def _preview(self, connection: ServerConnection, path: str) -> Response:
        found = self.previews.find(path)
        if found is None:
            return _refused(connection, HTTPStatus.NOT_FOUND, "预览已过期。", "The preview is gone.")
        headers = Headers(
            {
                "Content-Type": _TYPES[found.kind],
                "Content-Length": str(len(found.content)),
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Connection": "close",
            }
        )
        if found.origin != PROGRAM:
            headers["Access-Control-Allow-Origin"] = found.origin
        return Response(HTTPStatus.OK, "OK", headers, found.content)


def origin_of(request: Request) -> str:
    """Of a request that `check` let in."""
    return next(iter(request.headers.get_all("Origin")), PROGRAM)


def caller_of(request: Request, origins: Origins) -> Caller | None:
    """Whoever is in, as the user has decided by now; None for a page that nobody has decided on or that is refused."""
    origin = origin_of(request)
    if origin == PROGRAM:
        return Caller(PROGRAM)
    decision = origins.decision(origin)
    return Caller(origin, decision.printers) if decision is not None and decision.allowed else None


def asked_family(request: Request) -> Family | None:
    """`?notices=1.5` on the address chooses the family of notices for one connection."""
    return _FAMILIES.get(parse_qs(urlsplit(request.path).query).get("notices", [""])[0])


def _no_token(connection: ServerConnection) -> Response:
    return _refused(
        connection,
        HTTPStatus.FORBIDDEN,
        "不是网页的程序需要令牌：在地址后加 ?token=…（miandan agent token 显示它）。",
        "A program that is no web page needs the token: ?token=... (miandan agent token shows it).",
    )


def _refused(connection: ServerConnection, status: HTTPStatus, zh: str, en: str) -> Response:
    response = connection.respond(status, f"{zh}\n{en}\n")
    response.headers["Cache-Control"] = "no-store"
    return response


class Pace:
    """How many frames each origin may send: bursts of 2,000, 100 a second on."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, origin: str) -> bool:
        now = time.monotonic()
        left, at = self._left.get(origin, (_BURST, now))
        left = min(_BURST, left + (now - at) * _PER_SECOND)
        self._left[origin] = (max(0.0, left - 1), now)
        self._left.move_to_end(origin)
        if len(self._left) > _MOST_CALLERS:
            self._left.popitem(last=False)
        return left >= 1
