"""A program's place at the embedded server: while any program holds one, the server runs.

Whether the server is up is judged by a real connection only; a pid file or a socket proves nothing.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from miandan.kernel.errors import Refusal
from miandan.kernel.postgres import binaries, privileges
from miandan.kernel.postgres.layout import DATABASE, PORT, ROLE, Layout
from miandan.kernel.postgres.locks import FileLock, is_held, opened

_RETRY_SECONDS = 0.02
_SUPERVISORS_TRIED = 5
"""A supervisor may be killed while the server recovers; more than this in one wait is no accident."""

Found = TypeVar("Found")


class Seat:
    """Held by `take_seat`; knows how to wait for the server."""

    def __init__(self, layout: Layout, linger_seconds: float) -> None:
        self._layout = layout
        self._linger_seconds = linger_seconds

    async def until_up(self, connect: Callable[[dict[str, Any]], Awaitable[Found]]) -> Found:
        """What `connect(address)` returns as soon as the server answers; `address` are arguments of asyncpg.connect.

        Starts a supervisor where there is none. There is no time limit: a server that recovers from a crash takes
        as long as it takes. Raises Refusal `database.start_failed` when the supervisor has given up.
        """
        tried = 0
        while True:
            if not is_held(self._layout.supervisor_lock):  # a server without one is about to be stopped
                self._give_up_after(tried)
                await asyncio.to_thread(_start_supervisor, self._layout, self._linger_seconds)
                tried += 1
            found = await self._try(connect)
            if found is not None:
                return found
            await asyncio.sleep(_RETRY_SECONDS)

    async def _try(self, connect: Callable[[dict[str, Any]], Awaitable[Found]]) -> Found | None:
        """None while nothing answers at the address, or nobody has an address yet."""
        import asyncpg

        address = self._address()
        if address is None:
            return None
        try:
            return await connect(address)
        except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
            return None  # not there, starting, stopping or just killed
        except asyncpg.InternalClientError:
            return None  # asyncpg's word for a connection that breaks at the wrong moment
        except asyncpg.PostgresError as error:
            raise Refusal("database.start_failed", reason=type(error).__name__, log=str(self._layout.log)) from error

    def _address(self) -> dict[str, Any] | None:
        folder = self._layout.socket_folder()
        if folder is None or not (folder / f".s.PGSQL.{PORT}").exists():
            return None
        password = self._layout.password.read_text(encoding="utf-8")
        return {"host": str(folder), "port": PORT, "user": ROLE, "database": DATABASE, "password": password}

    def _give_up_after(self, tried: int) -> None:
        if not tried:
            return
        try:
            reason = self._layout.failure.read_text(encoding="utf-8")
        except FileNotFoundError:
            if tried < _SUPERVISORS_TRIED:
                return
            reason = "supervisor"
        raise Refusal("database.start_failed", reason=reason, log=str(self._layout.log))


@asynccontextmanager
async def take_seat(data: Path, linger_seconds: float) -> AsyncIterator[Seat]:
    """Keep the embedded server of the folder `data` needed for the length of the block.

    Raises Refusal `database.embedded_unsupported`, `database.root_needs_capabilities` or `database.folder_denied`.
    """
    _check_machine()
    layout = Layout.of(data)
    try:
        layout.make()
        users = FileLock(layout.users_lock)
    except OSError as error:
        raise Refusal("database.folder_denied", folder=str(data), reason=type(error).__name__) from error
    try:
        while not users.try_shared():  # noqa: ASYNC110 - a supervisor that is stopping holds it; nothing signals its end
            await asyncio.sleep(_RETRY_SECONDS)
        yield Seat(layout, linger_seconds)
    finally:
        users.close()


def stop_server(data: Path) -> None:
    """Stop the embedded server of a folder now, whoever uses it, and wait until it is down. Nothing when none runs."""
    layout = Layout.of(data)
    if not layout.supervisor_lock.exists():
        return
    with opened(layout.supervisor_lock) as lock:
        while not lock.try_shared():
            if (pid := lock.read()).isdigit():
                os.kill(int(pid), signal.SIGTERM)
            time.sleep(_RETRY_SECONDS)


def _check_machine() -> None:
    if privileges.is_root() and sys.platform != "linux":
        raise Refusal("database.embedded_unsupported", reason=f"root on {sys.platform}")
    try:
        binaries.program("postgres")
    except FileNotFoundError as error:
        raise Refusal("database.embedded_unsupported", reason=str(error)) from error
    if not privileges.server_has_name():
        raise Refusal("database.embedded_unsupported", reason=f"uid {privileges.server_uid()} has no user name")
    if missing := privileges.missing_capabilities():
        raise Refusal("database.root_needs_capabilities", missing=", ".join(missing))


def _start_supervisor(layout: Layout, linger_seconds: float) -> None:
    """Returns when the supervisor has detached itself or found another one in place."""
    package_home = str(Path(__file__).parents[3])  # it must find this very package, however we found it
    # It outlives us, so it takes over no secret of ours.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MIANDAN_")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package_home, os.getenv("PYTHONPATH")]))
    # -P: a file in the user's working folder must not stand in for a module.
    module = ["-P", "-m", "miandan.kernel.postgres.supervisor"]
    subprocess.run(
        [sys.executable, *module, str(layout.root.parent), str(linger_seconds)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=False,
    )
