"""How often strangers may try: by their address and by the app they come for. Each process counts by itself.

This slows guessing down; what ends it is that a consent word dies after a few wrong tries, wherever they come from.
"""

import math
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from miandan.access.terms import terms_at
from miandan.kernel.errors import Refusal

MOST_REMEMBERED: Final = 50_000
"""Addresses and apps, some 150 bytes each."""

_LONGEST_LINE: Final = 64
"""Characters of what stands in the place of an address and is none: a proxy may pass on anything."""

_NETWORK_BITS: Final = 64
"""An IPv6 line gets so many bits and chooses the rest itself."""


class Turnstile:
    """One per process. So many pass within a window at once, later ones as time makes room for them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy_until: dict[str, float] = {}

    def admit_view(self, address: str, at: datetime) -> None:
        """Somebody asks for a page. Raises consent.throttled, with the seconds to wait; then nothing is counted."""
        terms = terms_at(at)
        self._admit({f"view|{line_of(address)}": terms.views_per_address}, terms.window.total_seconds())

    def admit_try(self, address: str, app_key: str, at: datetime) -> None:
        """Somebody types a word. Raises consent.throttled, with the seconds to wait; then nothing is counted."""
        terms = terms_at(at)
        limits = {f"try|{line_of(address)}": terms.tries_per_address, f"app|{app_key}": terms.tries_per_app}
        self._admit(limits, terms.window.total_seconds())

    def _admit(self, limits: dict[str, int], window: float) -> None:
        moment = self._clock()
        after = {key: max(self._busy_until.get(key, 0.0), moment) + window / most for key, most in limits.items()}
        wait = max(after.values()) - moment - window
        if wait > 0:
            raise Refusal("consent.throttled", seconds=math.ceil(wait))
        for key, busy_until in after.items():
            self._busy_until.pop(key, None)
            self._busy_until[key] = busy_until  # at the end: the longest unseen are forgotten first
        while len(self._busy_until) > MOST_REMEMBERED:
            del self._busy_until[next(iter(self._busy_until))]


def line_of(address: str) -> str:
    """What one line of a provider looks like from here."""
    try:
        known = ip_address(address)
    except ValueError:
        return address[:_LONGEST_LINE]
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return f"{int(known) >> _NETWORK_BITS:x}"
    return str(known)


def address_of(peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Where a request comes from, to count by. A peer in a private network is taken for our proxy, and what it says in
    X-Forwarded-For is believed: the last address that is not private, as each proxy adds its peer at the end."""
    if not _is_private(peer):
        return peer
    told = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    hops = [hop.strip() for hop in told.split(",") if hop.strip()]
    return next((hop for hop in reversed(hops) if not _is_private(hop)), hops[-1] if hops else peer)


@lru_cache(maxsize=1024)
def _is_private(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return False
