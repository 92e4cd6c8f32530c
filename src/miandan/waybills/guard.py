"""The guard: the connection whose advisory lock says that a worker lives, watched for as long as the desk is open.

A server runs for months and its database restarts meanwhile. A lock that is lost does not come back, and whoever finds
it free may close the worker's leases; so the desk goes on as a new worker, with a lock and leases of its own.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

from miandan.kernel.database import Connection, Database
from miandan.kernel.errors import Refusal

PING_SECONDS = 1.0
"""How often the guard looks whether its connection is there; at once when somebody else's has broken."""

PING_PATIENCE_SECONDS = 5.0
"""An answer that takes longer counts as none: the server may be gone without a word."""

AGAIN_SECONDS = 0.1
"""Rest between two attempts to get a new lock."""

PATIENCE_SECONDS = 5.0
"""How long a take waits for the database to come back; a server that was killed is up again sooner."""


class Guard:
    """Holds the lock of one worker after another. `begin` hears of each as soon as its lock is held."""

    def __init__(self, db: Database, begin: Callable[[int], None]) -> None:
        self._db = db
        self._begin = begin
        self._here = asyncio.Event()
        self._look = asyncio.Event()
        self._stopping = False
        self._lost = "guard"
        self._watching: asyncio.Task[None] | None = None

    def doubt(self) -> None:
        """Somebody's connection broke: look at once whether the lock is still held; takes wait for the answer."""
        self._here.clear()
        self._look.set()

    async def present(self) -> None:
        """Return while the worker has its lock; wait some seconds for that. Raises take.database_lost after them."""
        if self._here.is_set():
            return
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._here.wait()
        except TimeoutError:
            raise Refusal("take.database_lost", kind=self._lost) from None

    async def start(self) -> None:
        """Take the first lock. Raises what the database raises."""
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watching = asyncio.create_task(self._watch(first))
        await first

    async def stop(self) -> None:
        """Give the lock back."""
        self._stopping = True
        self._look.set()
        if self._watching is not None:  # told, not cancelled: a cut statement would leave the lock to the pool
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self, first: "asyncio.Future[None]") -> None:
        while not self._stopping:
            try:
                async with self._db.connection() as connection:
                    await self._hold(connection, first)
            except Exception as error:
                self._lost = type(error).__name__
                if not first.done():
                    first.set_exception(error)
                    return
            self._here.clear()
            await self._rest(AGAIN_SECONDS)

    async def _hold(self, connection: Connection, first: "asyncio.Future[None]") -> None:
        """One worker, from its lock until the connection is lost or the desk closes."""
        worker = secrets.randbits(62)
        await connection.execute("SELECT pg_advisory_lock($1)", worker)
        try:
            self._begin(worker)
            while not self._stopping:
                self._look.clear()
                async with asyncio.timeout(PING_PATIENCE_SECONDS):
                    await connection.fetchval("SELECT 1")
                self._here.set()
                if not first.done():
                    first.set_result(None)
                await self._rest(PING_SECONDS)
        finally:
            with suppress(Exception):  # a lost connection has dropped the lock already
                await connection.execute("SELECT pg_advisory_unlock($1)", worker)

    async def _rest(self, seconds: float) -> None:
        """Until somebody wants us to look, `seconds` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look.wait()
