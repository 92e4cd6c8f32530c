"""This machine, by its loopback addresses and the names that lead to them."""

from typing import Final
from urllib.parse import urlsplit

ADDRESSES: Final = ("127.0.0.1", "::1")

HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
"""What a request may call this machine, before its port."""


def is_here(url: str) -> bool:
    """Whether an address is on this machine, so that no proxy has any business on the way to it."""
    return urlsplit(url).hostname in ("localhost", *ADDRESSES)
