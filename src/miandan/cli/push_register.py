"""`miandan pushes`: the register of subscriptions at the keyboard; messages are sent by `miandan serve`."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from miandan.access import pushes
from miandan.access.push_model import Counted, Delivery, Subscription, SubscriptionState
from miandan.cli import typed
from miandan.cli.session import open_session, say, shown
from miandan.cli.tables import second, write_lines
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal

_STATES = {SubscriptionState.ACTIVE: "推送中 active", SubscriptionState.PAUSED: "已暂停 paused"}


async def list_subscriptions(app_key: str | None) -> int:
    """What an operator wants to see of each subscription."""
    async with open_session() as session:
        found = await pushes.subscriptions(session.db, app_key)
    write_lines(line for one in found for line in _lines(one))
    say(f"  订阅 {len(found)} 个 subscriptions" if found else "✓ 没有订阅 no subscription")
    return 0


async def add(app_key: str, url: str, tags: Sequence[str] | None) -> int:
    """Raises what `pushes.subscribe` raises."""
    async with open_session() as session:
        made = await pushes.subscribe(session.db, app_key, url, tags or None)
    write_lines([str(made.subscription_id)])
    say(f"✓ 已订阅 subscribed: {_where(made)}  {_tags(made)}")
    return 0


async def change(app_key: str, subscription: str, url: str, tags: Sequence[str] | None) -> int:
    """Raises what `pushes.change` raises."""
    async with open_session() as session:
        changed = await pushes.change(session.db, app_key, _subscription_id(subscription), url, tags or None)
    say(f"✓ 已修改 changed: {_where(changed)}  {_tags(changed)}")
    return 0


async def pause(app_key: str, subscription: str) -> int:
    """Raises push.subscription_unknown."""
    async with open_session() as session:
        paused = await pushes.pause(session.db, app_key, _subscription_id(subscription))
    say(f"✓ 已暂停，消息继续积存 paused, messages collect: {_where(paused)}")
    return 0


async def resume(app_key: str, subscription: str) -> int:
    """Raises push.subscription_unknown."""
    async with open_session() as session:
        resumed = await pushes.resume(session.db, app_key, _subscription_id(subscription))
    say(f"✓ 已恢复，积存的消息立即发送 resumed, what has collected is sent now: {_where(resumed)}")
    return 0


async def remove(app_key: str, subscription: str) -> int:
    """Raises push.subscription_unknown."""
    async with open_session() as session:
        gone = await pushes.unsubscribe(session.db, app_key, _subscription_id(subscription))
    say(f"✓ 已退订，删除未送达的消息 {gone} 条 / unsubscribed; {gone} messages that waited are gone")
    return 0


async def dead(app_key: str | None, limit: int) -> int:
    """A line for each message that is not tried any more."""
    async with open_session() as session:
        found = await pushes.dead_letters(session.db, app_key, limit=limit)
    write_lines(_letter(one) for one in found)
    say(f"  死信 {len(found)} 条 dead messages" if found else "✓ 没有死信 no message is dead")
    if found:
        say(f"  重放全部 replay all: miandan pushes replay-dead {found[0].app_key} {found[0].subscription_id}")
    return 0


async def replay(app_key: str, messages: Sequence[str]) -> int:
    """All of them or none. Raises what `pushes.replay` raises."""
    async with open_session() as session, session.db.all_or_nothing() as db:
        for message in messages:
            await pushes.replay(db, app_key, _delivery_id(message))
    _say_again(len(messages))
    return 0


async def replay_dead(app_key: str, subscription: str) -> int:
    """Raises push.subscription_unknown."""
    async with open_session() as session:
        again = await pushes.replay_dead(session.db, app_key, _subscription_id(subscription))
    _say_again(again)
    return 0


def _lines(one: Counted) -> Iterable[str]:
    subscription = one.subscription
    yield (
        f"{subscription.app_key}  {subscription.subscription_id}  {_STATES[subscription.state]}  "
        f"待发 waiting {one.waiting}  已送 sent {one.sent}  死信 dead {one.dead}  "
        f"{_tags(subscription)}  {_where(subscription)}"
    )
    if subscription.failing_since is not None:
        yield (
            f"    ! 连续失败 {subscription.failures} 次 failures in a row since {second(subscription.failing_since)}："
            f"{_why(subscription)}；下次 next try {second(max(subscription.not_before, now()))}"
        )
    if one.oldest is not None:
        yield f"    最早待发 oldest that waits {second(one.oldest)}"


def _letter(one: Delivery) -> str:
    tried = "-" if one.last_tried_at is None else second(one.last_tried_at)
    return (
        f"{one.app_key}  {one.delivery_id}  {one.tag}  {shown(one.shop_id or str(one.merchant_id))}  "
        f"{shown(one.subject)}  {_why(one)}  {tried}  订阅 subscription {one.subscription_id}"
    )


def _why(one: Subscription | Delivery) -> str:
    failure = "-" if one.last_failure is None else one.last_failure.value
    return failure if one.last_status is None else f"{failure} HTTP {one.last_status}"


def _tags(one: Subscription) -> str:
    return "全部 all" if one.tags is None else ",".join(sorted(one.tags))


def _where(one: Subscription) -> str:
    """Without the query: people put secrets there."""
    url, _, query = one.url.partition("?")
    return shown(f"{url}?…" if query else url, 200)


def _subscription_id(text: str) -> UUID:
    return typed.own_id(text, Refusal("push.subscription_unknown", subscription=shown(text)))


def _delivery_id(text: str) -> UUID:
    return typed.own_id(text, Refusal("push.delivery_unknown", delivery=shown(text)))


def _say_again(messages: int) -> None:
    say(f"✓ {messages} 条消息将重新发送（由 miandan serve 发出）/ {messages} messages are sent again by miandan serve")
