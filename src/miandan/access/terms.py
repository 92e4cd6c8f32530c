"""Lifetimes and limits as they hold on a Beijing day (terms.toml)."""

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources

from miandan.kernel.clock import trade_day


@dataclass(frozen=True, slots=True)
class TermRow:
    """One fact with its dates, both days included."""

    term: str
    value: int
    valid_from: date
    source: str
    confidence: str
    valid_until: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Terms:
    """`renewal`: from so long before its end an access token is replaced; `grace`: so long the replaced one lives.

    `word` is how long a consent word lives, `ticket` how long its page; `window` is the time over which
    words typed (`tries_...`) and pages asked for (`views_per_address`) are counted.
    """

    code: timedelta
    access: timedelta
    refresh: timedelta
    renewal: timedelta
    grace: timedelta
    calls_per_second: int
    burst_seconds: int
    word: timedelta
    word_tries: int
    ticket: timedelta
    window: timedelta
    tries_per_address: int
    tries_per_app: int
    views_per_address: int


@cache
def rows() -> tuple[TermRow, ...]:
    """Every row, current or not."""
    text = resources.files("miandan.access").joinpath("terms.toml").read_text(encoding="utf-8")
    return tuple(TermRow(**row) for row in tomllib.loads(text)["row"])


def terms_at(moment: datetime) -> Terms:
    """What holds at a moment."""
    return _terms_on(trade_day(moment))


@cache
def _terms_on(day: date) -> Terms:
    value = {row.term: row.value for row in rows() if row.holds_on(day)}
    return Terms(
        code=timedelta(minutes=value["code_minutes"]),
        access=timedelta(days=value["access_days"]),
        refresh=timedelta(days=value["refresh_days"]),
        renewal=timedelta(minutes=value["renewal_minutes"]),
        grace=timedelta(minutes=value["grace_minutes"]),
        calls_per_second=value["calls_per_second"],
        burst_seconds=value["burst_seconds"],
        word=timedelta(hours=value["word_hours"]),
        word_tries=value["word_tries"],
        ticket=timedelta(minutes=value["ticket_minutes"]),
        window=timedelta(minutes=value["window_minutes"]),
        tries_per_address=value["tries_per_address"],
        tries_per_app=value["tries_per_app"],
        views_per_address=value["views_per_address"],
    )
