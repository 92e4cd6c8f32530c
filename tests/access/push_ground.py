"""What the tests of pushing stand on: an app that a shop lets in, news of that shop, a schedule of milliseconds, and
subscribers that write down what reached them and answer as they are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from miandan.access import pushes
from miandan.access.model import AppKind, Registration, shop
from miandan.access.push_model import Delivery, Failure, News, Outcome, Schedule, Subscription, schedule_on
from miandan.access.scopes import Scope
from miandan.access.service import register_sandbox_app
from miandan.kernel.database import Database
from miandan.vault.root import FileRootKey

ROOT = FileRootKey({1: b"r" * 32})
APP, OTHER_APP = "7000000000000000001", "7000000000000000002"
SECRET = "example-secret-0001"
MERCHANT, SHOP = 1001, "S10001"
URL = "http://erp.example/push"
TAKEN = Outcome(200)
DOWN = Outcome(None, Failure.UNREACHABLE)
REFUSED = Outcome(200, Failure.REFUSED)

QUICK: Schedule = replace(
    schedule_on(),
    retry_after_seconds=(0.05, 0.05, 0.05),
    pause_seconds=(0.0, 0.01, 0.02, 0.03),
    outage_failures=2,
    order_holds_for_tries=2,
    batch=5,
    claim_seconds=60,
)
NEVER: Schedule = replace(QUICK, retry_after_seconds=(3600.0,) * 3)
"""Nothing that failed is tried again while a test runs."""


async def let_in(db: Database, app_key: str = APP, *shops: str) -> None:
    """An app that the shops of the merchant let read their orders."""
    own = tuple(shop(MERCHANT, one) for one in shops or (SHOP,))
    form = Registration("an ERP", AppKind.SELF_USE, frozenset({Scope.ORDERS}), own)
    assert await register_sandbox_app(db, ROOT, form, app_key, SECRET)


def news(number: int = 1, *, order: str | None = None, tag: str = "101", shop_id: str = SHOP, **body: Any) -> News:
    """The `number`-th thing that happened; each to an order of its own unless one is named."""
    order = order or f"order-{number}"
    return News(MERCHANT, shop_id, tag, f"m{number}", order, number, body or {"order": order, "n": number})


async def tell(db: Database, *heard: News) -> int:
    async with db.transaction() as tx:
        return sum([await pushes.enqueue(tx, one) for one in heard])


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Subscriber:
    """Takes what it is sent unless told otherwise, once `answers` is set; `posts` are the msg_ids of each request."""

    answer: Outcome = TAKEN
    refuses: frozenset[str] = frozenset()
    delay_seconds: float = 0
    posts: list[list[str]] = field(default_factory=list)
    sends_to: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=_set)

    async def send(self, subscription: Subscription, batch: Sequence[Delivery]) -> Outcome:
        ids = [one.msg_id for one in batch]
        self.posts.append(ids)
        self.sends_to.append(subscription.url)
        self.asked.set()
        await asyncio.sleep(self.delay_seconds)
        await self.answers.wait()
        return REFUSED if self.refuses & set(ids) else self.answer

    @property
    def heard(self) -> list[str]:
        return [one for post in self.posts for one in post]


async def until_quiet(db: Database, subscriber: Subscriber, plan: Schedule = QUICK, seconds: float = 60) -> None:
    """Deliver as a program does, until nothing waits any more; far below the hour of NEVER."""
    async with asyncio.timeout(seconds):
        while await db.fetchval("SELECT count(*) FROM push_delivery WHERE state = 'waiting'"):
            await pushes.deliver_due(db, subscriber.send, plan)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def subscribed(db: Database, url: str = URL) -> AsyncIterator[Subscription]:
    """An app that is let in and listens to everything."""
    await let_in(db)
    yield await pushes.subscribe(db, APP, url)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait for what other tasks do."""
    for _ in range(int(seconds / 0.02)):
        if await holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def states(db: Database) -> dict[str, str]:
    """State of each message by its msg_id."""
    return {row["msg_id"]: row["state"] for row in await db.fetch("SELECT msg_id, state FROM push_delivery")}
