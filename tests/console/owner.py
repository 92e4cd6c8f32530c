"""A shop's owner at the authorisation page over real HTTP, without a browser: keeps cookies, fills in forms."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode

import httpx

from miandan.access import consents, service
from miandan.access.model import App, AppKind, Registration, Scope, Subject, shop
from miandan.access.scopes import scopes_for
from tests.served import Served

SHOP: Final = shop(1001, "S10001")
CALLBACK: Final = "https://erp.example/callback"
SECOND_CALLBACK: Final = "https://erp.example/second?tenant=7"


class _Inputs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.ticks: dict[str, bool] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and given.get("type") == "hidden":
            self.fields.append((given["name"], given["value"]))
        if tag == "input" and given.get("type") == "checkbox":
            self.ticks[given["value"]] = "checked" in given


@dataclass(frozen=True, slots=True)
class Page:
    """What came back, and the form in it."""

    answer: httpx.Response
    hidden: dict[str, str] = field(default_factory=dict)
    ticks: dict[str, bool] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def text(self) -> str:
        """Everything that can be read, without tags."""
        body = re.sub(r"<style>.*?</style>", "", self.answer.text, flags=re.DOTALL)
        return unescape(re.sub(r"<[^>]+>", "", body))

    @property
    def code(self) -> str:
        """The authorisation code where the page shows one."""
        return "".join(re.findall(r'id="code">([^<]+)<', self.answer.text))


@dataclass(slots=True)
class Owner:
    """A browser of their own."""

    http: httpx.AsyncClient

    async def open(self, app: App | str, **more: str) -> Page:
        key = app if isinstance(app, str) else app.app_key
        return read(await self.http.get(f"/authorize?{urlencode({'service_id': key} | more)}"))

    async def post(self, fields: Mapping[str, object]) -> Page:
        return read(await self.http.post("/authorize?", data=dict(fields)))

    async def type_word(self, page: Page, word: str) -> Page:
        return await self.post(page.hidden | {"word": word})

    async def agree(self, page: Page, *scopes: str) -> Page:
        """With what is ticked, or with these."""
        ticked = list(scopes) or [scope for scope, ticked in page.ticks.items() if ticked]
        return await self.post(page.hidden | {"scope": ticked, "decision": "agree"})


def read(answer: httpx.Response) -> Page:
    inputs = _Inputs()
    inputs.feed(answer.text)
    return Page(answer, dict(inputs.fields), inputs.ticks)


@asynccontextmanager
async def owner(running: Served, address: str = "") -> AsyncIterator[Owner]:
    """Somebody new; `address` is what a proxy on this machine says they come from."""
    headers = {"x-forwarded-for": address} if address else {}
    async with httpx.AsyncClient(
        base_url=running.url, headers=headers, timeout=30, trust_env=False, verify=False
    ) as http:
        yield Owner(http)


async def tool(running: Served, name: str = "示例 ERP", *urls: str, scopes: frozenset[Scope] | None = None) -> App:
    """An app that shops let in, with every scope of a shop unless it is told otherwise."""
    form = Registration(name, AppKind.TOOL, scopes or scopes_for("shop"), redirect_urls=urls)
    return (await service.register_app(running.hall.db, running.hall.root, form))[0]


async def word_of(running: Served, subject: Subject = SHOP) -> str:
    return (await consents.make_word(running.hall.db, subject))[0]
