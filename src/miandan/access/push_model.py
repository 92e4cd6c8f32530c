"""Subscriptions to what happens in shops, the messages to them, and how patiently those are delivered."""

import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, TypeAlias
from uuid import UUID

from miandan.kernel.clock import now, trade_day


class SubscriptionState(StrEnum):
    """A paused subscription collects its messages and sends none."""

    ACTIVE = "active"
    PAUSED = "paused"


class DeliveryState(StrEnum):
    """`dead` has failed on every step of the schedule; it waits for a replay."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


class Failure(StrEnum):
    """Why a try did not succeed. Neither the subscriber's text nor an exception's is kept."""

    UNREACHABLE = "unreachable"  # no connection, or it broke
    TIMED_OUT = "timed_out"
    TLS = "tls"  # its certificate is not to be trusted
    REDIRECTED = "redirected"  # never followed: the signature is for the subscribed URL
    STATUS = "status"  # any other HTTP status than 200
    TOO_LARGE = "too_large"  # more of an answer than anybody needs
    GARBLED = "garbled"  # not the JSON object that was asked for
    REFUSED = "refused"  # an answer with another code than 0
    UNPREPARED = "unprepared"  # our side: no secret, an order that cannot be read, the unexpected
    REVOKED = "revoked"  # the shop no longer lets the app in

    @property
    def says_nothing_of_the_message(self) -> bool:
        """Whether the subscriber was not there, so that the message may go at once when it is back."""
        return self in (Failure.UNREACHABLE, Failure.TIMED_OUT, Failure.TLS)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where an app listens. `tags` is None for everything; `failures` counts tries that failed in a row."""

    app_key: str
    subscription_id: UUID
    url: str
    tags: frozenset[str] | None
    state: SubscriptionState
    made_at: datetime
    failures: int
    failing_since: datetime | None
    not_before: datetime
    last_status: int | None
    last_failure: Failure | None
    last_tried_at: datetime | None
    last_sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counted:
    """A subscription with the number of its messages in each state; `oldest` is the oldest that waits."""

    subscription: Subscription
    waiting: int
    sent: int
    dead: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened in a shop ("" for a merchant without one). `body` holds ids, counts and times only.

    Messages keep their order within a shop's `subject`, such as an order's id; `position` is that order. `msg_id` is
    made from what happened, so that telling it twice leaves one message.
    """

    merchant_id: int
    shop_id: str
    tag: str
    msg_id: str
    subject: str
    position: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one subscription. `attempts` counts since it was made or last replayed."""

    app_key: str
    delivery_id: UUID
    subscription_id: UUID
    msg_id: str
    merchant_id: int
    shop_id: str
    subject: str
    position: int
    tag: str
    body: Mapping[str, Any]
    state: DeliveryState
    made_at: datetime
    due_at: datetime
    attempts: int
    replays: int
    last_status: int | None
    last_failure: Failure | None
    first_tried_at: datetime | None
    last_tried_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: the HTTP status, where there was one, and what was wrong, None for nothing."""

    status: int | None
    failure: Failure | None = None


Send: TypeAlias = Callable[[Subscription, Sequence[Delivery]], Awaitable[Outcome]]
"""Takes messages of one subscription to it in one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A row of pushes.toml, where every number is explained."""

    retry_after_seconds: tuple[float, ...]
    pause_seconds: tuple[float, ...]
    outage_failures: int
    order_holds_for_tries: int
    batch: int
    request_seconds: float
    claim_seconds: float
    keep_sent_days: int
    keep_dead_days: int
    valid_from: date
    source: str
    confidence: str
    valid_until: date | None = None

    @property
    def whole(self) -> timedelta:
        """From the first try of a message to its death, at least."""
        return timedelta(seconds=sum(self.retry_after_seconds))

    def retry_after(self, attempts: int) -> timedelta | None:
        """How long a message waits after its `attempts`-th try failed; None when that was the last."""
        steps = self.retry_after_seconds
        return timedelta(seconds=steps[attempts - 1]) if attempts <= len(steps) else None

    def pause(self, failures: int) -> timedelta:
        """How long a subscriber is left alone after so many failures in a row."""
        return timedelta(seconds=self.pause_seconds[min(failures, len(self.pause_seconds)) - 1])


@cache
def schedules() -> tuple[Schedule, ...]:
    """Every row, current or not."""
    file = resources.files("miandan.access") / "pushes.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["schedule"]
    steps = ("retry_after_seconds", "pause_seconds")
    return tuple(Schedule(**row | {name: tuple(row[name]) for name in steps}) for row in rows)


def schedule_on(day: date | None = None) -> Schedule:
    """The schedule as it stands on a Beijing day, today's by default."""
    day = day or trade_day(now())
    return next(
        row for row in schedules() if row.valid_from <= day and (row.valid_until is None or day <= row.valid_until)
    )
