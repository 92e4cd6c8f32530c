"""The time, always aware and in UTC; the trade's dates are Beijing dates."""

from datetime import UTC, date, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")


def now() -> datetime:
    return datetime.now(UTC)


def trade_day(at: datetime) -> date:
    """The Beijing date on which `at` falls."""
    return at.astimezone(BEIJING).date()
