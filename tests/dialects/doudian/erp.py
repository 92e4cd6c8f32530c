"""An ERP at the door: it signs as the platform's own SDKs do, with the formula written down once more.

Nothing of the dialect's code is used here: what both get wrong would not show.
"""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx

from tests.served import Served

SHOP, MERCHANT = "S10001", 1001
SENDER = {
    "address": {
        "country_code": "CHN",
        "province_name": "浙江省",
        "city_name": "杭州市",
        "district_name": "余杭区",
        "street_name": "",
        "detail_address": "仓前街道示例路100号1号仓",
    },
    "contact": {"name": "示例发货仓", "mobile": "0571-00000000"},
}
PLACE = "文一西路 969 号 3 幢 5 单元 601 室"
_numbers = count(int(time.time()) * 1000)


def receiver(name: str = "示例收件人", mobile: str = "19900000000", detail: str = PLACE) -> dict[str, Any]:
    """Somebody at a real place who is nobody."""
    return {
        "address": {
            "country_code": "CHN",
            "province_name": "浙江省",
            "city_name": "杭州市",
            "district_name": "余杭区",
            "street_name": "仓前街道",
            "detail_address": detail,
        },
        "contact": {"name": name, "mobile": mobile},
    }


def new_order_id() -> str:
    """An order id nobody has used."""
    return str(next(_numbers))


def order(order_id: str | None = None, **more: Any) -> dict[str, Any]:
    """An order of another channel, as order_infos holds it."""
    return {
        "order_id": order_id or new_order_id(),
        "receiver_info": receiver(),
        "items": [{"item_name": "保温杯", "item_specs": "500ml", "item_count": 2}],
    } | more


def take(*orders: Mapping[str, Any], carrier: str = "zhongtong", **more: Any) -> dict[str, Any]:
    """The business JSON of newCreateOrder for orders of another channel."""
    return {"sender_info": SENDER, "logistics_code": carrier, "order_infos": list(orders), "order_channel": "1"} | more


@dataclass(slots=True)
class Erp:
    """One app with its secret and, once logged in, its token."""

    http: httpx.AsyncClient
    running: Served
    app_key: str = "7000000000000000001"
    secret: str = "example-secret-0001"
    token: str = ""
    prefix: str = "/doudian"
    seen: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def at(cls, running: Served, **more: Any) -> AsyncIterator["Erp"]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(
            base_url=running.url, timeout=60, limits=limits, trust_env=False, verify=False
        ) as http:  # no certificates: there is no TLS on loopback, and reading them takes longer than most calls
            yield cls(http, running, **more)

    async def log_in(self, **more: Any) -> None:
        asked = {"code": "", "grant_type": "authorization_self"} | more
        self.token = (await self.ok("token.create", asked))["access_token"]

    def common(self, method: str, text: str, *, sign_method: str = "hmac-sha256", **more: str) -> dict[str, str]:
        """The common parameters of a call, signed over `text`; `more` replaces some of them before signing."""
        given = {"app_key": self.app_key, "method": method, "timestamp": str(int(time.time())), "v": "2"} | more
        plain = (
            f"{self.secret}app_key{given['app_key']}method{given['method']}param_json{text}"
            f"timestamp{given['timestamp']}v{given['v']}{self.secret}"
        ).encode()
        if sign_method == "md5":
            sign = hashlib.md5(plain).hexdigest()
        else:
            sign = hmac.new(self.secret.encode(), plain, hashlib.sha256).hexdigest()
        token = {"access_token": self.token} if self.token else {}
        return given | {"sign": sign, "sign_method": sign_method} | token

    async def call(self, method: str, params: Mapping[str, Any] | None = None, **more: str) -> dict[str, Any]:
        """The whole envelope, sent as the official SDKs send it: business JSON with sorted keys as the raw body."""
        text = json.dumps(params or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return await self.send(method, self.common(method, text, **more), text)

    async def send(self, method: str, common: Mapping[str, str], text: str = "") -> dict[str, Any]:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in common.items())
        path = f"{self.prefix}/{method.replace('.', '/')}?{query}"
        answer = await self.http.post(path, content=text.encode(), headers={"content-type": "application/json"})
        assert answer.status_code == 200, answer.text
        envelope: dict[str, Any] = answer.json()
        return envelope

    async def ok(self, method: str, params: Mapping[str, Any] | None = None, **more: str) -> Any:
        """The data of a call that must succeed."""
        envelope = await self.call(method, params, **more)
        assert envelope["code"] == 10000, envelope
        return envelope["data"]

    async def refused(self, method: str, params: Mapping[str, Any] | None = None, **more: str) -> str:
        """The sub_code of a call that must fail."""
        envelope = await self.call(method, params, **more)
        assert envelope["code"] != 10000, envelope
        assert envelope["err_no"] != 0
        return str(envelope["sub_code"])

    async def number(self, *orders: Mapping[str, Any], **more: Any) -> str:
        """The number of one order."""
        data = await self.ok("logistics.newCreateOrder", take(*orders or (order(),), **more))
        assert not data["err_infos"], data
        return str(data["ebill_infos"][0]["track_no"])
