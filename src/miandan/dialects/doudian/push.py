"""Message push: what happens in a shop, POSTed to the apps that the shop lets in, signed as the platform signs it.

The body is a JSON array of {tag, msg_id, data}; the headers are `app-id` and `event-sign`, MD5 in lower-case hex over
app_key + raw body + secret. A subscriber has taken it when it answers HTTP 200 with {"code": 0}; anything else is tried
again (access/pushes.py). While an app has two secrets the older one signs, and each further try the other one, so that
a receiver that knows only one of them hears all the same.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from miandan.access import pushes
from miandan.access.push_model import Delivery, Failure, Outcome, Subscription, schedule_on
from miandan.access.service import secrets_of
from miandan.dialects.doudian import push_bodies
from miandan.dialects.doudian.outgoing import Sender, Unanswered, open_sender
from miandan.dialects.doudian.push_news import HANDLERS
from miandan.kernel import outbox
from miandan.kernel.database import Database
from miandan.kernel.waiting import first_of
from miandan.kernel.wrapping import Wraps
from miandan.vault.service import Vault

__all__ = ["HANDLERS", "Courier", "event_sign", "is_taken", "run_pushes"]

LOOK_SECONDS: Final = 1.0
"""How often the outbox is looked at, and what is due when nothing new has been enqueued."""

_FORGET_SECONDS: Final = 3600.0
_OK: Final = 200
_log = logging.getLogger(__name__)


def event_sign(app_key: str, body: bytes, secret: str) -> str:
    """Over the raw body, as it is sent."""
    return hashlib.md5(app_key.encode() + body + secret.encode(), usedforsecurity=False).hexdigest()


def is_taken(content: bytes) -> Failure | None:
    """What is wrong with a subscriber's answer: None for a JSON object whose code is 0 (or "0")."""
    try:
        answer: Any = msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return Failure.GARBLED
    if not isinstance(answer, dict) or "code" not in answer:
        return Failure.GARBLED
    code = answer["code"]
    return None if code in (0, "0") and not isinstance(code, bool) else Failure.REFUSED


class Courier:
    """Takes messages to subscribers: shapes, signs and sends them."""

    def __init__(self, db: Database, root: Wraps, vault: Vault, sender: Sender) -> None:
        self._db = db
        self._root = root
        self._vault = vault
        self._sender = sender

    async def send(self, subscription: Subscription, batch: Sequence[Delivery]) -> Outcome:
        """For `pushes.deliver_due`."""
        app_key = subscription.app_key
        secrets = await secrets_of(self._db, self._root, app_key)
        if not secrets:
            return Outcome(None, Failure.UNPREPARED)
        data = await push_bodies.bodies(self._db, self._vault, batch)
        body = push_bodies.written(list(zip(batch, data, strict=True)))
        secret = secrets[-1 - batch[0].attempts % len(secrets)].text
        headers = {"app-id": app_key, "event-sign": event_sign(app_key, body, secret)}
        try:
            reply = await self._sender.send(
                "POST", subscription.url, body, headers | {"content-type": "application/json"}
            )
        except Unanswered as error:
            return Outcome(error.status, error.failure)
        return Outcome(_OK, is_taken(reply.content))


async def run_pushes(
    db: Database,
    root: Wraps,
    stop: asyncio.Event,
    handlers: Mapping[str, outbox.Handler] = HANDLERS,
) -> None:
    """Until `stop` is set: deliver the outbox to `handlers` and push what is due, every second.

    What is on its way when it stops is finished first. A database that is away for a while is waited for. Several
    programs may run this at once. Raises vault.root_differs.
    """
    vault = await Vault.open(db, root)
    left = asyncio.Event()  # something was enqueued just now

    async def deliver_outbox() -> None:
        if await outbox.deliver(db, handlers):
            left.set()

    async with open_sender(schedule_on().request_seconds) as sender, asyncio.TaskGroup() as loops:
        courier = Courier(db, root, vault, sender)

        async def push() -> None:
            await pushes.deliver_due(db, courier.send, stop=stop)

        async def forget() -> None:
            await pushes.forget_old(db)

        loops.create_task(_every(LOOK_SECONDS, deliver_outbox, stop))
        loops.create_task(_every(LOOK_SECONDS, push, stop, left))
        loops.create_task(_every(_FORGET_SECONDS, forget, stop))


async def _every(
    seconds: float, work: Callable[[], Awaitable[None]], stop: asyncio.Event, *wakes: asyncio.Event
) -> None:
    while not stop.is_set():
        for wake in wakes:
            wake.clear()
        try:
            await work()
        except Exception as error:  # the database may be away; its text could hold anything
            _log.warning("push.loop_failed error=%s", type(error).__name__)
        await first_of(stop, *wakes, seconds=seconds)
