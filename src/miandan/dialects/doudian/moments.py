"""Times that a call names besides its own timestamp, in the many ways carriers write them; no zone means Beijing."""

import re
from datetime import UTC, datetime
from typing import Final

from miandan.dialects.doudian.asking import read_time
from miandan.kernel.clock import BEIJING
from miandan.kernel.errors import Refusal

_COMPACT: Final = re.compile(r"\d{14}")
_SHORTEST_ISO: Final = len("2026-01-01T12:00")


def read_moment(text: str, field: str) -> datetime:
    """Seconds, milliseconds, 2026-01-01 12:00:00 (also with / and T), 20260101120000, ISO 8601 with or without zone.

    Raises doudian.field_type, which names `field`.
    """
    said = text.strip()
    try:
        return read_time(said)
    except Refusal:
        pass
    try:
        if _COMPACT.fullmatch(said):
            return datetime.strptime(said, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
        if len(said) >= _SHORTEST_ISO:
            moment = datetime.fromisoformat(said)
            return moment.replace(tzinfo=BEIJING) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Refusal("doudian.field_type", field=field, kind="yyyy-MM-dd HH:mm:ss")
