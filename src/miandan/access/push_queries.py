"""Every statement about subscriptions and the messages to them. `..._for_update` locks what it reads."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from miandan.access.push_model import (
    Counted,
    Delivery,
    DeliveryState,
    Failure,
    News,
    Outcome,
    Schedule,
    Subscription,
    SubscriptionState,
)
from miandan.kernel.database import Reads, Record, Transaction
from miandan.kernel.ids import new_id

_SUBSCRIPTION_COLUMNS = """
           s.app_key, s.subscription_id, s.url, s.tags, s.state, s.made_at, s.failures, s.failing_since, s.not_before,
           s.last_status, s.last_failure, s.last_tried_at, s.last_sent_at"""
_DELIVERY_COLUMNS = """
           d.app_key, d.delivery_id, d.subscription_id, d.msg_id, d.merchant_id, d.shop_id, d.subject, d.position,
           d.tag, d.body, d.state, d.made_at, d.due_at, d.attempts, d.replays, d.last_status, d.last_failure,
           d.first_tried_at, d.last_tried_at"""

_INSERT_SUBSCRIPTION = """
    INSERT INTO push_subscription (app_key, subscription_id, url, tags, state, made_at, not_before)
    VALUES ($1, $2, $3, $4, 'active', now(), now())
        ON CONFLICT (app_key, url) DO NOTHING
 RETURNING subscription_id
"""

_SUBSCRIPTION_FOR_UPDATE = f"""
    SELECT {_SUBSCRIPTION_COLUMNS}
      FROM push_subscription s
     WHERE s.app_key = $1 AND s.subscription_id = $2
       FOR UPDATE
"""

_OTHER_AT = "SELECT 1 FROM push_subscription WHERE app_key = $1 AND url = $3 AND subscription_id <> $2"

_CHANGE = "UPDATE push_subscription SET url = $3, tags = $4 WHERE app_key = $1 AND subscription_id = $2"
_SET_STATE = "UPDATE push_subscription SET state = $3 WHERE app_key = $1 AND subscription_id = $2"
_DELETE_SUBSCRIPTION = "DELETE FROM push_subscription WHERE app_key = $1 AND subscription_id = $2"

_CLOSE_CIRCUIT = """
    UPDATE push_subscription
       SET failures = 0, failing_since = NULL, not_before = now()
     WHERE app_key = $1 AND subscription_id = $2
"""

# What waits for its subscriber gets the whole of its time again, and what only failed because nobody was there is due.
_GIVE_TIME = """
    UPDATE push_delivery
       SET gives_up_at = now() + $3,
           due_at = CASE WHEN last_failure = ANY($4::text[]) THEN least(due_at, now()) ELSE due_at END
     WHERE app_key = $1 AND subscription_id = $2 AND state = 'waiting'
"""

_WAITING = "SELECT count(*) FROM push_delivery WHERE app_key = $1 AND subscription_id = $2 AND state = 'waiting'"

_COUNTED = f"""
    SELECT {_SUBSCRIPTION_COLUMNS}, c.waiting, c.sent, c.dead, c.oldest
      FROM push_subscription s
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE d.state = 'waiting') AS waiting,
                  count(*) FILTER (WHERE d.state = 'sent') AS sent,
                  count(*) FILTER (WHERE d.state = 'dead') AS dead,
                  min(d.made_at) FILTER (WHERE d.state = 'waiting') AS oldest
             FROM push_delivery d
            WHERE d.app_key = s.app_key AND d.subscription_id = s.subscription_id) c
     WHERE $1::text IS NULL OR s.app_key = $1
     ORDER BY s.app_key, s.made_at, s.subscription_id
"""

_LISTENERS = """
    SELECT s.app_key, s.subscription_id
      FROM app_authorisation a
      JOIN push_subscription s ON s.app_key = a.app_key AND (s.tags IS NULL OR $3 = ANY(s.tags))
     WHERE a.subject_kind = 'shop' AND a.merchant_id = $1 AND a.shop_id = $2 AND a.revoked_at IS NULL
       AND $4 = ANY(a.scopes)
     ORDER BY s.app_key, s.subscription_id
"""

# Joined again, since a subscription may have ended since its id was read.
_ENQUEUE = """
    INSERT INTO push_delivery (app_key, delivery_id, subscription_id, msg_id, merchant_id, shop_id, subject, position,
                               tag, body, state, made_at, due_at, gives_up_at)
    SELECT s.app_key, g.delivery_id, s.subscription_id, $4, $5, $6, $7, $8, $9, $10, 'waiting', now(), now(),
           now() + $11
      FROM unnest($1::text[], $2::uuid[], $3::uuid[]) AS g (app_key, subscription_id, delivery_id)
      JOIN push_subscription s USING (app_key, subscription_id)
        ON CONFLICT (app_key, subscription_id, msg_id) DO NOTHING
 RETURNING delivery_id
"""

# Due, and no earlier message of the same subject that is still within its first tries is waiting for a later moment.
# OFFSET keeps it one look into the index for each message that is considered; as a join it would read all that waits.
_DUE = """
           d.state = 'waiting' AND d.due_at <= now()
       AND NOT EXISTS (
           SELECT 1
             FROM push_delivery e
            WHERE e.app_key = d.app_key AND e.subscription_id = d.subscription_id
              AND e.merchant_id = d.merchant_id AND e.shop_id = d.shop_id AND e.subject = d.subject
              AND e.state = 'waiting' AND (e.position, e.delivery_id) < (d.position, d.delivery_id)
              AND e.due_at > now() AND e.attempts < $1
           OFFSET 0)"""

_CLAIMABLE_FOR_UPDATE = f"""
    SELECT {_SUBSCRIPTION_COLUMNS}
      FROM push_subscription s
      JOIN app p ON p.app_key = s.app_key AND p.state = 'active'
     CROSS JOIN LATERAL (
           SELECT 1
             FROM push_delivery d
            WHERE d.app_key = s.app_key AND d.subscription_id = s.subscription_id AND {_DUE}
            LIMIT 1) AS something
     WHERE s.state = 'active' AND s.not_before <= now() AND (s.claimed_until IS NULL OR s.claimed_until <= now())
     ORDER BY s.last_tried_at NULLS FIRST
     LIMIT 1
       FOR NO KEY UPDATE OF s SKIP LOCKED
"""

_CLAIM = """
    UPDATE push_subscription
       SET claim_id = $3, claimed_until = now() + $4
     WHERE app_key = $1 AND subscription_id = $2
"""

_RELEASE = """
    UPDATE push_subscription
       SET claim_id = NULL, claimed_until = NULL
     WHERE app_key = $1 AND subscription_id = $2 AND claim_id = $3
"""

_NEXT_BATCH = f"""
    SELECT {_DELIVERY_COLUMNS}
      FROM push_delivery d
     WHERE d.app_key = $2 AND d.subscription_id = $3 AND {_DUE}
     ORDER BY d.position, d.delivery_id
     LIMIT $4
"""

# What a shop had to say while it let the app in is not said any more when it has shut it out.
_DROP_REVOKED = """
    UPDATE push_delivery d
       SET state = 'dead', last_failure = 'revoked', last_tried_at = clock_timestamp()
     WHERE d.app_key = $1 AND d.delivery_id = ANY($2::uuid[])
       AND NOT EXISTS (
           SELECT 1
             FROM app_authorisation a
            WHERE a.app_key = d.app_key AND a.subject_kind = 'shop' AND a.merchant_id = d.merchant_id
              AND a.shop_id = d.shop_id AND a.revoked_at IS NULL AND $3 = ANY(a.scopes))
 RETURNING d.delivery_id
"""

_SENT = """
    UPDATE push_delivery
       SET state = 'sent', attempts = attempts + 1, last_status = $3, last_failure = NULL,
           first_tried_at = coalesce(first_tried_at, clock_timestamp()), last_tried_at = clock_timestamp()
     WHERE app_key = $1 AND delivery_id = ANY($2::uuid[]) AND state = 'waiting'
 RETURNING delivery_id
"""

_SUBSCRIBER_HEARD = """
    UPDATE push_subscription
       SET failures = 0, failing_since = NULL, not_before = clock_timestamp(), last_status = $3, last_failure = NULL,
           last_tried_at = clock_timestamp(), last_sent_at = clock_timestamp()
     WHERE app_key = $1 AND subscription_id = $2
"""

_DUE_AFTER_OUTAGE = """
    UPDATE push_delivery
       SET due_at = clock_timestamp()
     WHERE app_key = $1 AND subscription_id = $2 AND state = 'waiting' AND last_failure = ANY($3::text[])
       AND due_at > clock_timestamp()
"""

_FAILED = """
    UPDATE push_delivery
       SET attempts = attempts + 1, last_status = $4, last_failure = $5,
           due_at = clock_timestamp() + coalesce($3::interval, '0'),
           state = CASE WHEN $3::interval IS NULL THEN 'dead' ELSE state END,
           first_tried_at = coalesce(first_tried_at, clock_timestamp()), last_tried_at = clock_timestamp()
     WHERE app_key = $1 AND delivery_id = ANY($2::uuid[]) AND state = 'waiting'
"""

# Also what was never tried: behind a subscriber that is gone for good nothing may pile up for ever.
_GIVE_UP = """
    UPDATE push_delivery
       SET state = 'dead', last_failure = coalesce(last_failure, $3),
           last_tried_at = coalesce(last_tried_at, clock_timestamp())
     WHERE app_key = $1 AND subscription_id = $2 AND state = 'waiting' AND gives_up_at <= now()
"""

_SUBSCRIBER_FAILED = """
    UPDATE push_subscription
       SET failures = $3, failing_since = coalesce(failing_since, clock_timestamp()),
           not_before = clock_timestamp() + $4, last_status = $5, last_failure = $6, last_tried_at = clock_timestamp()
     WHERE app_key = $1 AND subscription_id = $2
"""

_DEAD = f"""
    SELECT {_DELIVERY_COLUMNS}
      FROM push_delivery d
     WHERE d.state = 'dead' AND ($1::text IS NULL OR d.app_key = $1)
       AND ($2::uuid IS NULL OR d.subscription_id = $2)
     ORDER BY d.app_key, d.last_tried_at DESC, d.position DESC
     LIMIT $3
"""

_DELIVERIES = f"""
    SELECT {_DELIVERY_COLUMNS}
      FROM push_delivery d
     WHERE d.app_key = $1 AND d.subscription_id = $2
     ORDER BY d.position, d.delivery_id
     LIMIT $3
"""

_DELIVERY = f"SELECT {_DELIVERY_COLUMNS} FROM push_delivery d WHERE d.app_key = $1 AND d.delivery_id = $2"

_AGAIN = """
    UPDATE push_delivery
       SET state = 'waiting', attempts = 0, replays = replays + 1, due_at = now(), gives_up_at = now() + $3,
           last_status = NULL, last_failure = NULL
"""
_REPLAY = _AGAIN + " WHERE app_key = $1 AND delivery_id = $2 AND state <> 'waiting' RETURNING delivery_id"
_REPLAY_DEAD = _AGAIN + " WHERE app_key = $1 AND subscription_id = $2 AND state = 'dead' RETURNING delivery_id"

_FORGET = """
    DELETE FROM push_delivery
     WHERE (state = 'sent' AND last_tried_at < now() - $1::interval)
        OR (state = 'dead' AND last_tried_at < now() - $2::interval)
 RETURNING delivery_id
"""

_ABSENT = [failure.value for failure in Failure if failure.says_nothing_of_the_message]


async def insert_subscription(tx: Transaction, app_key: str, url: str, tags: Sequence[str] | None) -> UUID | None:
    """None where the app listens at this URL already."""
    made: UUID | None = await tx.fetchval(_INSERT_SUBSCRIPTION, app_key, new_id(), url, tags)
    return made


async def subscription_for_update(tx: Transaction, app_key: str, subscription_id: UUID) -> Subscription | None:
    row = await tx.fetchrow(_SUBSCRIPTION_FOR_UPDATE, app_key, subscription_id)
    return None if row is None else _subscription(row)


async def listens_elsewhere(tx: Transaction, app_key: str, subscription_id: UUID, url: str) -> bool:
    """Whether another subscription of the app has this URL."""
    return await tx.fetchval(_OTHER_AT, app_key, subscription_id, url) is not None


async def change(tx: Transaction, app_key: str, subscription_id: UUID, url: str, tags: Sequence[str] | None) -> None:
    await tx.execute(_CHANGE, app_key, subscription_id, url, tags)


async def set_state(tx: Transaction, app_key: str, subscription_id: UUID, state: SubscriptionState) -> None:
    await tx.execute(_SET_STATE, app_key, subscription_id, state.value)


async def begin_afresh(tx: Transaction, app_key: str, subscription_id: UUID, life: timedelta) -> None:
    """Forget the failures of the subscriber; what waits has `life` from now."""
    await tx.execute(_CLOSE_CIRCUIT, app_key, subscription_id)
    await tx.execute(_GIVE_TIME, app_key, subscription_id, life, _ABSENT)


async def close_circuit(tx: Transaction, app_key: str, subscription_id: UUID) -> None:
    await tx.execute(_CLOSE_CIRCUIT, app_key, subscription_id)


async def delete_subscription(tx: Transaction, app_key: str, subscription_id: UUID) -> int:
    """How many messages were still waiting."""
    waiting = int(await tx.fetchval(_WAITING, app_key, subscription_id))
    await tx.execute(_DELETE_SUBSCRIPTION, app_key, subscription_id)
    return waiting


async def counted(db: Reads, app_key: str | None) -> list[Counted]:
    return [
        Counted(_subscription(row), row["waiting"], row["sent"], row["dead"], row["oldest"])
        for row in await db.fetch(_COUNTED, app_key)
    ]


async def enqueue(tx: Transaction, news: News, scope: str, life: timedelta) -> int:
    """One message for each subscription to this tag of an app that the shop grants `scope`; how many are new."""
    listeners = await tx.fetch(_LISTENERS, news.merchant_id, news.shop_id, news.tag, scope)
    if not listeners:
        return 0
    keys, subscriptions = zip(*listeners, strict=True)
    ids = [new_id() for _ in listeners]
    where = (news.merchant_id, news.shop_id, news.subject, news.position)
    return len(await tx.fetch(_ENQUEUE, keys, subscriptions, ids, news.msg_id, *where, news.tag, news.body, life))


async def claimable_for_update(tx: Transaction, plan: Schedule) -> Subscription | None:
    """A subscription with something due that nobody is sending to or looking at, the one tried longest ago first."""
    row = await tx.fetchrow(_CLAIMABLE_FOR_UPDATE, plan.order_holds_for_tries)
    return None if row is None else _subscription(row)


async def claim(tx: Transaction, one: Subscription, claim_id: UUID, plan: Schedule) -> None:
    await tx.execute(_CLAIM, one.app_key, one.subscription_id, claim_id, timedelta(seconds=plan.claim_seconds))


async def release(tx: Transaction, one: Subscription, claim_id: UUID) -> None:
    """Nothing happens where another program has taken the claim over."""
    await tx.execute(_RELEASE, one.app_key, one.subscription_id, claim_id)


async def next_batch(tx: Transaction, one: Subscription, plan: Schedule, limit: int) -> list[Delivery]:
    rows = await tx.fetch(_NEXT_BATCH, plan.order_holds_for_tries, one.app_key, one.subscription_id, limit)
    return [_delivery(row) for row in rows]


async def drop_revoked(tx: Transaction, app_key: str, ids: Sequence[UUID], scope: str) -> set[UUID]:
    """Those that the app may not hear any more; they are dead now."""
    return {row["delivery_id"] for row in await tx.fetch(_DROP_REVOKED, app_key, ids, scope)}


async def write_sent(tx: Transaction, one: Subscription, ids: Sequence[UUID], status: int | None) -> int:
    """The messages are sent and the subscriber is there; how many were not known to be sent yet."""
    await tx.execute(_SUBSCRIBER_HEARD, one.app_key, one.subscription_id, status)
    return len(await tx.fetch(_SENT, one.app_key, ids, status))


async def make_due_after_outage(tx: Transaction, one: Subscription) -> None:
    await tx.execute(_DUE_AFTER_OUTAGE, one.app_key, one.subscription_id, _ABSENT)


async def write_failed(
    tx: Transaction, one: Subscription, ids: Sequence[UUID], outcome: Outcome, wait: timedelta | None
) -> None:
    """These messages failed: due again after `wait`, dead where it is None."""
    await tx.execute(_FAILED, one.app_key, ids, wait, outcome.status, outcome.failure)


async def write_subscriber_failed(tx: Transaction, one: Subscription, outcome: Outcome, pause: timedelta) -> None:
    """One more failure in a row: nothing is sent there for a while, and what is too old is given up."""
    failures = one.failures + 1
    await tx.execute(
        _SUBSCRIBER_FAILED, one.app_key, one.subscription_id, failures, pause, outcome.status, outcome.failure
    )
    await tx.execute(_GIVE_UP, one.app_key, one.subscription_id, outcome.failure)


async def dead(db: Reads, app_key: str | None, subscription_id: UUID | None, limit: int) -> list[Delivery]:
    return [_delivery(row) for row in await db.fetch(_DEAD, app_key, subscription_id, limit)]


async def deliveries(db: Reads, app_key: str, subscription_id: UUID, limit: int) -> list[Delivery]:
    return [_delivery(row) for row in await db.fetch(_DELIVERIES, app_key, subscription_id, limit)]


async def delivery(db: Reads, app_key: str, delivery_id: UUID) -> Delivery | None:
    row = await db.fetchrow(_DELIVERY, app_key, delivery_id)
    return None if row is None else _delivery(row)


async def replay(tx: Transaction, app_key: str, delivery_id: UUID, life: timedelta) -> bool:
    """False where it waits to be sent anyway."""
    return await tx.fetchval(_REPLAY, app_key, delivery_id, life) is not None


async def replay_dead(tx: Transaction, app_key: str, subscription_id: UUID, life: timedelta) -> int:
    return len(await tx.fetch(_REPLAY_DEAD, app_key, subscription_id, life))


async def forget(tx: Transaction, sent_after: timedelta, dead_after: timedelta) -> int:
    return len(await tx.fetch(_FORGET, sent_after, dead_after))


def _subscription(row: Record) -> Subscription:
    values: dict[str, Any] = {name: row[name] for name in Subscription.__slots__}
    return Subscription(
        **values
        | {
            "tags": None if row["tags"] is None else frozenset(row["tags"]),
            "state": SubscriptionState(row["state"]),
            "last_failure": _failure(row),
        }
    )


def _delivery(row: Record) -> Delivery:
    values = dict(row) | {"state": DeliveryState(row["state"]), "last_failure": _failure(row)}
    return Delivery(**values)


def _failure(row: Record) -> Failure | None:
    return None if row["last_failure"] is None else Failure(row["last_failure"])
