"""What the server answers by itself: whether it can serve, and whom it turns away before a door has heard him."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

from miandan.access import tokens
from miandan.api.app import make_api
from miandan.kernel.asgi import Message
from miandan.kernel.settings import Settings
from miandan.server import app, bodies
from miandan.server.bodies import Bodies
from miandan.server.house import open_hall
from tests.api.conftest import SHOP_APP
from tests.sandboxes import load


def http(method: str, path: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """A request as a web server tells of it."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
    }


class Line:
    """A connection: what came in over it, and what went out."""

    def __init__(self, *parts: bytes, stuck: bool = False) -> None:
        self._parts = list(parts)
        self._stuck = stuck
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if not self._parts:
            await asyncio.Event().wait()
        body = self._parts.pop(0)
        return {"type": "http.request", "body": body, "more_body": self._stuck or bool(self._parts)}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def told(self) -> Any:
        return json.loads(b"".join(one.get("body", b"") for one in self.sent[1:]))


async def test_a_server_whose_database_does_not_answer_says_that_it_is_down(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load(settings)
    async with open_hall(settings) as hall:
        front, _ = app.put_together(hall)
        well = Line(b"")
        await front(http("GET", "/health"), well.receive, well.send)
        assert (well.status, well.told) == (200, {"status": "ok"})

        over = asyncio.Event()

        async def silent(*_: object) -> None:
            """As a connection whose other end is gone without a word, and that cannot be given back at once either."""
            with suppress(asyncio.CancelledError):
                await over.wait()
            await over.wait()

        monkeypatch.setattr(hall.db, "fetchval", silent)
        monkeypatch.setattr(app, "HEALTH_SECONDS", 0.05)
        down = Line(b"")
        await asyncio.wait_for(front(http("GET", "/health"), down.receive, down.send), 30)
        assert (down.status, down.told["status"]) == (503, "down")
        over.set()


@pytest.mark.parametrize("limit", ["MOST_HELD", "SLOWEST_SECONDS"])
async def test_who_is_turned_away_in_the_middle_of_a_body_is_not_told_that_the_body_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    await load(settings)
    async with open_hall(settings) as hall:
        pair = await tokens.self_authorise(hall.db, hall.root, SHOP_APP[0])
        monkeypatch.setattr(bodies, limit, 0.05)
        order = http(
            "PUT",
            "/api/v1/orders/N1",
            (b"authorization", f"Bearer {pair.access_token}".encode()),
            (b"content-type", b"application/json"),
            (b"transfer-encoding", b"chunked"),
        )
        line = Line(*([b"{"] if limit == "MOST_HELD" else []), stuck=True)
        await asyncio.wait_for(Bodies(make_api(hall))(order, line.receive, line.send), 30)
    assert line.status == 503
    assert (line.headers[b"retry-after"], line.headers[b"connection"]) == (b"1", b"close")
    assert line.told.keys() == {"zh", "en"}
