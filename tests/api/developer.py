"""The developer of a new marketplace: plain JSON over HTTP, nothing of our code."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from tests.served import Served

NAME, PHONE, ROOM = "欧阳测试人", "19912345678", "3 幢 5 单元 601 室"
RECIPIENT = {
    "name": NAME,
    "phone": PHONE,
    "province": "浙江省",
    "city": "杭州市",
    "district": "余杭区",
    "town": "仓前街道",
    "detail": f"文一西路 969 号 {ROOM}",
    "buyer_remark": f"到了打 {PHONE}",
}
LINES = [{"line_id": "1", "title": "保温杯", "spec": "500ml", "quantity": 2, "paid_fen": 9900}]
PROBLEM_KEYS = {
    *("type", "title", "status", "code", "cause", "turn", "retry_safe", "log_id", "errors"),
    *("zh", "next_zh", "en", "next_en"),
}
_numbers = count(int(time.time()) * 1000)


def new_order_id() -> str:
    """An order id that nobody has used."""
    return f"N{next(_numbers)}"


@asynccontextmanager
async def client(running: Served) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to a running server, past any proxy."""
    limits = httpx.Limits(max_connections=64)
    url = f"{running.url}/api/v1"
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits, trust_env=False, verify=False) as http:
        yield http


@dataclass(slots=True)
class Developer:
    """One app with its token."""

    http: httpx.AsyncClient
    running: Served
    token: str = ""
    seen: list[httpx.Response] = field(default_factory=list)

    async def log_in(self, app_key: str, secret: str, **more: str) -> "Developer":
        asked = {"grant_type": "client_credentials", "app_key": app_key, "secret": secret} | more
        self.token = (await self.ok("POST", "/tokens", asked))["access_token"]
        return self

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, params: Any = None, **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            more["json"] = body
        answer = await self.http.request(method, path, headers=headers, params=params, **more)
        self.seen.append(answer)
        assert answer.headers["x-log-id"], answer
        return answer

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """What a call that must succeed answers."""
        answer = await self.call(method, path, body, **more)
        assert answer.status_code in (200, 204), answer.text
        return answer.json() if answer.status_code == 200 else None

    async def refused(self, status: int, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """The problem of a call that must fail so."""
        answer = await self.call(method, path, body, **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = answer.json()
        assert problem.keys() == PROBLEM_KEYS
        assert (problem["status"], problem["log_id"]) == (status, answer.headers["x-log-id"])
        return problem

    async def put(self, order_id: str | None = None, version: int = 1, **more: Any) -> str:
        """Put an order; its id."""
        order_id = order_id or new_order_id()
        order = {"version": version, "recipient": RECIPIENT, "lines": LINES} | more
        await self.ok("PUT", f"/orders/{order_id}", order)
        return order_id

    async def event(self, order_id: str, event: str, version: int, **more: Any) -> dict[str, Any]:
        said = {"event": event, "version": version} | more
        heard: dict[str, Any] = await self.ok("POST", f"/orders/{order_id}/events", said)
        return heard

    async def desk(self, carrier: str = "zto") -> dict[str, str]:
        """Account and address to take with."""
        [account] = (await self.ok("GET", "/accounts", params={"carrier": carrier}))["accounts"]
        return {"account_id": account["account_id"], "ship_from_id": account["ship_from"][0]["ship_from_id"]}

    async def ask(self, *parcels: Mapping[str, Any] | str, carrier: str = "zto", **more: Any) -> dict[str, Any]:
        """The body of a take; an order id stands for a parcel of that order."""
        wanted = [{"order_ids": [one]} if isinstance(one, str) else dict(one) for one in parcels]
        return await self.desk(carrier) | {"parcels": wanted} | more

    async def take(self, *parcels: Mapping[str, Any] | str, key: str | None = None, **more: Any) -> list[Any]:
        """Outcomes of a take."""
        taken = await self.ok("POST", "/waybills", await self.ask(*parcels, **more), key=key)
        outcomes: list[Any] = taken["parcels"]
        return outcomes

    async def number(self, *parcels: Mapping[str, Any] | str, **more: Any) -> str:
        """The number of one parcel."""
        [outcome] = await self.take(*(parcels or [await self.put()]), **more)
        assert outcome["problem"] is None, outcome
        return str(outcome["number"])

    async def order(self, order_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ok("GET", f"/orders/{order_id}")
        return found
