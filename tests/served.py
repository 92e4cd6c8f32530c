"""A running server for tests: the real one, on a loopback port of its own, in the event loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from miandan.hall import Hall
from miandan.kernel.settings import Settings
from miandan.server.app import put_together
from miandan.server.house import open_hall
from miandan.server.serving import listen, open_socket


@dataclass(frozen=True, slots=True)
class Served:
    """What the server has open, and where it listens; `alone` is the Doudian gateway on a port of its own."""

    hall: Hall
    url: str
    alone: str
    stop: asyncio.Event


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Served]:
    """Serve until the block ends."""
    sockets = [open_socket("127.0.0.1", 0), open_socket("127.0.0.1", 0)]
    url, alone = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in sockets)
    async with open_hall(settings) as hall:
        stop = asyncio.Event()
        front, loops = put_together(hall, sockets[1].getsockname()[1])
        server = asyncio.create_task(listen(front, sockets, loops, stop))
        try:
            yield Served(hall, url, alone, stop)
        finally:
            stop.set()
            await server
