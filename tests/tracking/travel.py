"""What tests about scans say: numbers that nobody has, scans of them, deliveries of what waits."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.tracking import applying
from miandan.tracking.model import Action, Scan
from miandan.waybills.model import Taken
from tests.waybills.world import World

START = now().replace(microsecond=0) - timedelta(hours=20)
_serials = count(1)


def nobodys() -> str:
    """A number of YTO's that lies in no segment of the sandbox and is new in every test."""
    return f"YT{9_000_000_000_000 + next(_serials):013d}"


def at(hour: float) -> datetime:
    """A moment of the journey."""
    return START + timedelta(hours=hour)


def scan(number: str | Taken, action: Action = Action.COLLECTED, hour: float = 0, **more: Any) -> Scan:
    """A scan of YTO's, or of the carrier of a taken number."""
    carrier = more.pop("carrier", "yto" if isinstance(number, str) else number.ref.carrier)
    text = number if isinstance(number, str) else number.number
    return Scan(carrier, text, action, more.pop("moment", at(hour)), **{"site_code": "571001"} | more)


async def deliver(world: World) -> None:
    """Hand over what waits for waybills."""
    await outbox.deliver(world.db, applying.handlers(world.vault))
