"""Pushing news to subscribers: at least once, in an order's own order, patiently, and nothing is lost without a trace.

A message lies here from the moment it is enqueued until it is sent, dead, or gone with its subscription. It is sent
with no transaction open: a program claims a subscription for some seconds, sends, and writes down what came of it. One
that is killed in between loses its claim, and the message goes again under the same msg_id; a subscriber recognises
the repeat by that. One program at a time sends to a subscription; several serve different ones.

Order: the messages of one order are sent one after the other as they happened. While one of them is being tried again
the later ones wait, for its first tries (`order_holds_for_tries`); then they overtake it, so that one message that is
never taken does not keep a refund from being heard. Between orders nothing is promised.
"""

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from miandan.access import push_queries as queries
from miandan.access.push_model import (
    Counted,
    Delivery,
    Failure,
    News,
    Outcome,
    Schedule,
    Send,
    Subscription,
    SubscriptionState,
    schedule_on,
)
from miandan.access.scopes import Scope
from miandan.access.service import find_app
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id

SCOPE: Final = Scope.ORDERS
"""What a shop must have granted an app for its news to be pushed there."""

AT_ONCE: Final = 32
"""Subscribers that one program sends to at the same time; none of them holds a database connection meanwhile."""

_LOOK_AGAIN_SECONDS: Final = 0.5  # while a slow subscriber is being served, what else has fallen due
LONGEST_URL: Final = 500
_URL_CHARACTERS: Final = re.compile(r"[\x21-\x7e]+")
_TAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


async def subscribe(db: Database, app_key: str, url: str, tags: Collection[str] | None = None) -> Subscription:
    """Push what happens in the shops of an app to `url`: messages with these tags, or all of them.

    Raises access.app_unknown, push.url_malformed, push.tag_malformed, push.subscribed_already.
    """
    _check(url, tags)
    async with db.transaction() as tx:
        await find_app(tx, app_key)
        made = await queries.insert_subscription(tx, app_key, url, _sorted(tags))
        if made is None:
            raise Refusal("push.subscribed_already")
        return await _for_update(tx, app_key, made)


async def change(
    db: Database, app_key: str, subscription_id: UUID, url: str, tags: Collection[str] | None
) -> Subscription:
    """Listen at another URL or to other tags from now on; what waits goes to the new URL, whatever its tag.

    Raises push.subscription_unknown, push.url_malformed, push.tag_malformed, push.subscribed_already.
    """
    _check(url, tags)
    async with db.transaction() as tx:
        known = await _for_update(tx, app_key, subscription_id)
        if await queries.listens_elsewhere(tx, app_key, subscription_id, url):
            raise Refusal("push.subscribed_already")
        await queries.change(tx, app_key, subscription_id, url, _sorted(tags))
        if url != known.url:
            await queries.begin_afresh(tx, app_key, subscription_id, schedule_on().whole)
        return await _for_update(tx, app_key, subscription_id)


async def pause(db: Database, app_key: str, subscription_id: UUID) -> Subscription:
    """Send nothing until `resume`; messages collect. Raises push.subscription_unknown."""
    return await _set_state(db, app_key, subscription_id, SubscriptionState.PAUSED)


async def resume(db: Database, app_key: str, subscription_id: UUID) -> Subscription:
    """Send again, at once, what has collected. Raises push.subscription_unknown."""
    return await _set_state(db, app_key, subscription_id, SubscriptionState.ACTIVE)


async def unsubscribe(db: Database, app_key: str, subscription_id: UUID) -> int:
    """End a subscription; how many messages were waiting and are gone with it. Raises push.subscription_unknown."""
    async with db.transaction() as tx:
        await _for_update(tx, app_key, subscription_id)
        return await queries.delete_subscription(tx, app_key, subscription_id)


async def subscriptions(db: Reads, app_key: str | None = None) -> list[Counted]:
    """What an operator wants to see: every subscription, of one app or of all, with its messages counted."""
    return await queries.counted(db, app_key)


async def dead_letters(
    db: Reads, app_key: str | None = None, subscription_id: UUID | None = None, *, limit: int = 100
) -> list[Delivery]:
    """Messages that are not tried any more, of each app the last ones first."""
    return await queries.dead(db, app_key, subscription_id, limit)


async def deliveries(db: Reads, app_key: str, subscription_id: UUID, *, limit: int = 1_000) -> list[Delivery]:
    """The messages of a subscription that are still kept, oldest first."""
    return await queries.deliveries(db, app_key, subscription_id, limit)


async def replay(db: Database, app_key: str, delivery_id: UUID) -> None:
    """Send a dead or a sent message again, now, under its old msg_id; its tries count from 0.

    Raises push.delivery_unknown, push.waits_already.
    """
    async with db.transaction() as tx:
        known = await queries.delivery(tx, app_key, delivery_id)
        if known is None:
            raise Refusal("push.delivery_unknown", delivery=str(delivery_id))
        await _for_update(tx, app_key, known.subscription_id)  # before the message, as whoever delivers does
        if not await queries.replay(tx, app_key, delivery_id, schedule_on().whole):
            raise Refusal("push.waits_already", delivery=str(delivery_id))
        await queries.close_circuit(tx, app_key, known.subscription_id)


async def replay_dead(db: Database, app_key: str, subscription_id: UUID) -> int:
    """The same for every dead message of a subscription; how many. Raises push.subscription_unknown."""
    async with db.transaction() as tx:
        await _for_update(tx, app_key, subscription_id)
        again = await queries.replay_dead(tx, app_key, subscription_id, schedule_on().whole)
        if again:
            await queries.close_circuit(tx, app_key, subscription_id)
        return again


async def enqueue(tx: Transaction, news: News) -> int:
    """Leave one message for each subscription to `news.tag` of an app that the shop lets read its orders.

    How many are new: the same news told twice leaves nothing more. Call it in the transaction of an outbox handler.
    """
    return await queries.enqueue(tx, news, SCOPE, schedule_on().whole)


async def forget_old(db: Database) -> int:
    """Delete what was sent or has died long enough ago (pushes.toml); how many messages."""
    plan = schedule_on()
    async with db.transaction() as tx:
        return await queries.forget(tx, timedelta(days=plan.keep_sent_days), timedelta(days=plan.keep_dead_days))


@dataclass(frozen=True, slots=True)
class _Claim:
    """Messages of one subscription that only this program sends, for a while."""

    claim_id: UUID
    subscription: Subscription
    batch: tuple[Delivery, ...]


async def deliver_due(
    db: Database, send: Send, plan: Schedule | None = None, *, stop: asyncio.Event | None = None
) -> int:
    """Send everything that is due, to many subscribers at once, one request at a time to each; how many were taken.

    Several programs may deliver at once. After `stop` is set only what is on its way is finished. `send` answers with
    what came of it; what it raises counts as a failure of ours.
    """
    plan = plan or schedule_on()
    taken = 0
    running: set[asyncio.Task[int]] = set()
    try:
        while True:
            while len(running) < AT_ONCE and not (stop and stop.is_set()):
                claim = await _claim(db, plan)
                if claim is None:
                    break
                running.add(asyncio.create_task(_deliver(db, send, plan, claim)))
            if not running:
                return taken
            done, running = await asyncio.wait(
                running, timeout=_LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            taken += sum(task.result() for task in done)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _claim(db: Database, plan: Schedule) -> _Claim | None:
    """The next messages to send, claimed; None when nothing is due."""
    while True:
        async with db.transaction() as tx:
            subscription = await queries.claimable_for_update(tx, plan)
            if subscription is None:
                return None
            due = await queries.next_batch(tx, subscription, plan, plan.batch)
            gone = await queries.drop_revoked(tx, subscription.app_key, [one.delivery_id for one in due], SCOPE)
            batch = _together([one for one in due if one.delivery_id not in gone], subscription.failures)
            if batch:
                claim = _Claim(new_id(), subscription, batch)
                await queries.claim(tx, subscription, claim.claim_id, plan)
                return claim


def _together(due: Sequence[Delivery], failures: int) -> tuple[Delivery, ...]:
    """What goes in one request: a subscriber that failed is asked with one message, and a message that failed goes
    alone, so that it cannot spoil the others' tries."""
    if failures or not due or due[0].attempts:
        return tuple(due[:1])
    failed = next((place for place, one in enumerate(due) if one.attempts), len(due))
    return tuple(due[:failed])


async def _deliver(db: Database, send: Send, plan: Schedule, claim: _Claim) -> int:
    """Send what was claimed and write down what came of it; how many messages were taken."""
    try:
        async with asyncio.timeout(plan.claim_seconds):  # later somebody else may be sending the same
            outcome = await send(claim.subscription, claim.batch)
    except TimeoutError:
        outcome = Outcome(None, Failure.TIMED_OUT)
    except Exception:  # whatever it was, it must not stop the others; its text could hold anything
        outcome = Outcome(None, Failure.UNPREPARED)
    return await _settle(db, plan, claim, outcome)


async def _settle(db: Database, plan: Schedule, claim: _Claim, outcome: Outcome) -> int:
    ids = [delivery.delivery_id for delivery in claim.batch]
    async with db.transaction() as tx:
        # as it is by now: it may have been resumed or sent elsewhere while the request was on its way
        one = await queries.subscription_for_update(tx, claim.subscription.app_key, claim.subscription.subscription_id)
        if one is None:  # unsubscribed, and its messages are gone with it
            return 0
        await queries.release(tx, one, claim.claim_id)
        if outcome.failure is None:
            taken = await queries.write_sent(tx, one, ids, outcome.status)
            if one.failures >= plan.outage_failures:
                await queries.make_due_after_outage(tx, one)
            return taken
        wait = plan.retry_after(claim.batch[0].attempts + 1)
        await queries.write_failed(tx, one, ids, outcome, wait)
        await queries.write_subscriber_failed(tx, one, outcome, plan.pause(one.failures + 1))
    return 0


async def _set_state(db: Database, app_key: str, subscription_id: UUID, state: SubscriptionState) -> Subscription:
    async with db.transaction() as tx:
        known = await _for_update(tx, app_key, subscription_id)
        if known.state is state:
            return known
        await queries.set_state(tx, app_key, subscription_id, state)
        if state is SubscriptionState.ACTIVE:
            await queries.begin_afresh(tx, app_key, subscription_id, schedule_on().whole)
        return await _for_update(tx, app_key, subscription_id)


async def _for_update(tx: Transaction, app_key: str, subscription_id: UUID) -> Subscription:
    found = await queries.subscription_for_update(tx, app_key, subscription_id)
    if found is None:
        raise Refusal("push.subscription_unknown", subscription=str(subscription_id))
    return found


def _sorted(tags: Collection[str] | None) -> list[str] | None:
    return None if tags is None else sorted(set(tags))


def _check(url: str, tags: Collection[str] | None) -> None:
    check_url(url)
    if tags is not None and (not tags or not all(_TAG.fullmatch(tag) for tag in tags)):
        raise Refusal("push.tag_malformed")


def check_url(url: str) -> None:
    """Raises push.url_malformed for what is no address of a developer's server. It is not repeated there: people put
    secrets into its query."""
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.port != 0 and parts.scheme in ("http", "https")
    except ValueError:
        sound = False
    if not sound or len(url) > LONGEST_URL or not _URL_CHARACTERS.fullmatch(url) or "@" in parts.netloc or "#" in url:
        raise Refusal("push.url_malformed", longest=LONGEST_URL)
