"""Listening: ports, the web server, the loops that run beside it, and an end that loses nothing.

Access logs stay off: a URL may hold a token or a recipient. What a call did is found by its log_id.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import uvicorn

from miandan.kernel.errors import Refusal
from miandan.server.bodies import Bodies
from miandan.server.front import Front
from miandan.server.turns import Turns

BACKLOG: Final = 2048
GRACE_SECONDS: Final = 20
"""How long calls under way may take after the server was told to stop."""

MOST_CONNECTIONS: Final = 5_000
"""Of one process; more are told 503."""

KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open, longer than the 60 s of common proxies and clients: whoever closes first
decides, and a call sent into a connection that we are closing has no answer."""

Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


class _Server(uvicorn.Server):
    """The web server without signal handlers of its own: `listen` is told when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def open_socket(host: str, port: int) -> socket.socket:
    """A listening address. Raises server.port_taken, server.address_bad."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, proto)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)  # who calls as soon as we say where waits, and is not turned away
    except (socket.gaierror, OverflowError):
        raise Refusal("server.address_bad", host=host, port=port) from None
    except OSError as error:
        raise Refusal("server.port_taken", host=host, port=port, reason=error.strerror or "?") from None
    return made


async def listen(front: Front, sockets: Sequence[socket.socket], loops: Sequence[Loop], stop: asyncio.Event) -> None:
    """Serve until `stop`; then calls under way end, and the loops after them."""
    config = uvicorn.Config(
        Turns(Bodies(front)),
        log_config=None,
        log_level=logging.INFO,  # below DEBUG it would write down whole URLs, whatever a host program set before
        access_log=False,
        lifespan="off",
        backlog=BACKLOG,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    served = asyncio.Event()
    beside = [asyncio.create_task(loop(served)) for loop in loops]
    waiting = asyncio.create_task(_tell(server, stop))
    try:
        await server.serve(list(sockets))
    finally:
        served.set()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        await asyncio.gather(*beside, return_exceptions=True)


async def _tell(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True
