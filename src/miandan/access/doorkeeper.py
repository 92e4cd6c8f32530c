"""What stands at every door: who calls, with which secrets, and how often. Answers from memory for five seconds.

So a revoked token, a retired secret and a forbidden app are felt everywhere within that time, and a call costs the
database nothing in between. Hot paths peek first:

    known = keeper.peek_app(app_key) or await keeper.app(app_key)
    keeper.admit(app_key)
    caller = keeper.peek_caller(token) or await keeper.caller(token)
"""

import math
import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from miandan.access import service, tokens
from miandan.access.model import App, Caller, Secret
from miandan.access.terms import terms_at
from miandan.access.turnstile import line_of
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.memory import Memory
from miandan.kernel.wrapping import Wraps

REMEMBERED_SECONDS: Final = 5.0
MOST_REMEMBERED: Final = 20_000
"""Callers, and as many apps; some 500 bytes each."""

_DUST: Final = 1e-6  # of a call: what floating point loses must not refuse who waited as long as told
FAILURES_PER_SECOND: Final = 5
FAILURE_BURST_SECONDS: Final = 12.0
"""Wrong signatures from one address that are looked into: sixty at once, then five a second."""

_APP_KEY: Final = re.compile(r"\d{19}", re.ASCII)
_LONGEST_SHOWN: Final = 40


class KnownApp(NamedTuple):
    """An active app with its live secrets, newest first."""

    app: App
    secrets: tuple[Secret, ...]


class _Bucket:
    """Calls that an app may make now: refilled by time, never above its size."""

    __slots__ = ("_left", "_rate", "_seen", "_size")

    def __init__(self, rate: float, burst_seconds: float, at: float) -> None:
        self._rate = rate
        self._size = self._left = max(1.0, rate * burst_seconds)
        self._seen = at

    @property
    def rate(self) -> float:
        return self._rate

    def left(self, at: float) -> float:
        """Calls that would be admitted now."""
        return min(self._size, self._left + (at - self._seen) * self._rate)

    def take(self, calls: int, at: float) -> float:
        """0 where the calls are admitted, else the seconds until they would be."""
        self._left, self._seen = self.left(at), at
        lacking = min(calls, self._size) - self._left
        if lacking > _DUST:
            return lacking / self._rate
        self._left -= calls
        return 0.0


class Doorkeeper:
    """One per process and event loop. `workers`: how many processes share each app's limit between them."""

    def __init__(
        self, db: Database, root: Wraps, *, workers: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._root = root
        self._workers = workers
        self._clock = clock
        self._apps: Memory[str, KnownApp] = Memory(MOST_REMEMBERED, clock)
        self._callers: Memory[str, Caller] = Memory(MOST_REMEMBERED, clock)
        self._buckets: dict[str, _Bucket] = {}
        self._strangers: dict[str, _Bucket] = {}
        self._usual = terms_at(now())

    def __repr__(self) -> str:
        return "Doorkeeper(***)"

    def peek_app(self, app_key: str) -> KnownApp | None:
        """The app where it is in memory: no waiting, well below a microsecond. None says nothing, ask `app`."""
        return self._apps.peek(app_key)

    async def app(self, app_key: str) -> KnownApp:
        """The app and its live secrets. Raises access.app_unknown, access.app_forbidden."""
        if not _APP_KEY.fullmatch(app_key):
            raise Refusal("access.app_unknown", app=app_key[:_LONGEST_SHOWN])
        return await self._apps.get(app_key, self._fetch_app)

    async def app_afresh(self, app_key: str) -> KnownApp:
        """The same as it is now, for a caller whose secret is not among those remembered: it may be a new one."""
        self._apps.forget(app_key)
        return await self.app(app_key)

    def admit_stranger(self, address: str) -> None:
        """Whoever has proven nothing and wants more than a cheap look. Raises access.throttled once that address has
        failed too often; what is proven passes without this."""
        bucket = self._strangers.get(line_of(address))
        if bucket is not None and bucket.left(self._clock()) < 1:
            raise Refusal("access.throttled", app="?", limit=FAILURES_PER_SECOND, seconds="1")

    def count_failure(self, address: str) -> None:
        """Somebody from there signed wrongly."""
        line = line_of(address)
        bucket = self._strangers.pop(line, None) or _Bucket(FAILURES_PER_SECOND, FAILURE_BURST_SECONDS, self._clock())
        bucket.take(1, self._clock())
        self._strangers[line] = bucket  # at the end: the longest unseen are forgotten first
        while len(self._strangers) > MOST_REMEMBERED:
            del self._strangers[next(iter(self._strangers))]

    def peek_caller(self, token: str) -> Caller | None:
        """The caller where it is in memory. None says nothing, ask `caller`."""
        return self._callers.peek(token)

    async def caller(self, token: str) -> Caller:
        """Who holds the token. Raises what `tokens.who` raises."""
        return await self._callers.get(token, self._fetch_caller)

    def admit(self, app_key: str, calls: int = 1) -> None:
        """Count calls of an app that `app` has answered for. Raises access.throttled, with the seconds to wait.

        What is refused is not counted.
        """
        bucket = self._buckets.get(app_key)
        if bucket is None:
            bucket = self._new_bucket(app_key, self._usual.calls_per_second)
        wait = bucket.take(calls, self._clock())
        if wait:
            seconds = f"{math.ceil(wait * 100) / 100:.2f}"
            raise Refusal("access.throttled", app=app_key, limit=round(bucket.rate * self._workers), seconds=seconds)

    async def _fetch_app(self, app_key: str) -> tuple[KnownApp, float]:
        app = await service.find_app(self._db, app_key)
        app.must_be_active()
        known = KnownApp(app, await service.secrets_of(self._db, self._root, app_key))
        bucket = self._buckets.get(app_key)
        if bucket is None or bucket.rate != app.calls_per_second / self._workers:
            self._new_bucket(app_key, app.calls_per_second)
        return known, REMEMBERED_SECONDS

    async def _fetch_caller(self, token: str) -> tuple[Caller, float]:
        asked = now()
        caller = await tokens.who(self._db, token, at=asked)
        return caller, min((caller.expires_at - asked).total_seconds(), REMEMBERED_SECONDS)

    def _new_bucket(self, app_key: str, limit: int) -> _Bucket:
        while len(self._buckets) >= MOST_REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
        bucket = _Bucket(limit / self._workers, self._usual.burst_seconds, self._clock())
        self._buckets[app_key] = bucket
        return bucket
