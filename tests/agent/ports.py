"""Ports for programs that come and go."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_port() -> Iterator[int]:
    """A port of 127.0.0.1 that nobody else is given until the block ends. Nobody listens on it yet: who calls is turned
    away, and whoever binds it by its number with SO_REUSEADDR, as servers do, may listen."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
