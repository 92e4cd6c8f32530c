"""The small process that owns the embedded server; the first program on a data folder starts it, detached.

It makes the cluster if need be, runs `postgres` as its child, restarts it when it dies, and stops it when the last
program has gone (the lock `users.lock` tells, so a kill -9 of every program is noticed too). If the supervisor itself
is killed, the kernel's death signal and a watchdog at the end of a pipe stop the server: it never stays alone.

    python -m miandan.kernel.postgres.supervisor DATA_FOLDER LINGER_SECONDS
"""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from miandan.kernel.postgres import cluster
from miandan.kernel.postgres.layout import Layout, write_privately
from miandan.kernel.postgres.locks import FileLock
from miandan.kernel.postgres.server import Server

_TICK_SECONDS = 0.1
_LOCK_SECONDS = 0.5
"""A program that asks whether we are alive holds our lock for a moment; a real rival holds it longer than this."""
_STABLE_SECONDS = 5.0
_FAILED_STARTS = 3
"""So many deaths in a row, each sooner than `_STABLE_SECONDS` after its start, are a failure to start."""
_LOG_BYTES = 16_000_000


class Supervisor:
    """Watches over one server until nobody needs it or a signal asks it to stop."""

    def __init__(self, layout: Layout, linger_seconds: float) -> None:
        self._layout = layout
        self._linger_seconds = linger_seconds
        self._users = FileLock(layout.users_lock)
        self._asked_to_stop = False
        self._failed_starts = 0
        self._server: Server | None = None

    def run(self) -> int:
        """Exit code: 0 after a clean stop, 1 when the server could not be started (the reason is in `failure`)."""
        signal.signal(signal.SIGTERM, self._stop_soon)
        signal.signal(signal.SIGINT, self._stop_soon)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._layout.failure.unlink(missing_ok=True)
        try:
            cluster.ensure(self._layout)
            cluster.configure(self._layout)
            self._server = Server.start(self._layout)
            self._watch()
        except OSError as error:
            write_privately(self._layout.failure, f"{type(error).__name__}: {error}")
            return 1
        finally:
            if self._server is not None:
                self._server.stop()
            self._layout.leave_socket_folder()
        return 0

    def _stop_soon(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True

    def _watch(self) -> None:
        """Return when the server is to be stopped. Raises OSError when it cannot be kept running."""
        alone_since: float | None = None
        while not self._asked_to_stop:
            time.sleep(_TICK_SECONDS)
            if not self._users.try_exclusive():
                alone_since = None
                self._revive()
                continue
            alone_since = alone_since or time.monotonic()
            if time.monotonic() - alone_since >= self._linger_seconds or self._server_is_dead():
                return  # still holding the lock: a newcomer waits until the server has stopped
            self._users.release()

    def _server_is_dead(self) -> bool:
        return self._server is None or not self._server.is_running()

    def _revive(self) -> None:
        """Start a dead server again; PostgreSQL recovers by itself, however long that takes."""
        if self._server is not None and self._server.is_running():
            return
        if self._server is not None:
            self._note_death(self._server)
            self._server.stop()
        self._server = Server.start(self._layout)

    def _note_death(self, server: Server) -> None:
        if server.waits_for_predecessor() or server.age_seconds() > _STABLE_SECONDS:
            self._failed_starts = 0
            return
        self._failed_starts += 1
        if self._failed_starts >= _FAILED_STARTS:
            raise OSError(server.last_words())


def _lock(layout: Layout) -> FileLock | None:
    """The supervisor's lock, None when another supervisor holds it."""
    lock = FileLock(layout.supervisor_lock)
    deadline = time.monotonic() + _LOCK_SECONDS
    while not lock.try_exclusive():
        if time.monotonic() > deadline:
            lock.close()
            return None
        time.sleep(0.01)
    return lock


def _detach(layout: Layout) -> None:
    """Go on in a child of its own session, with the log as output: no terminal, pipe or folder is held open."""
    if os.fork():
        os._exit(0)  # the program waits for this; the lock lives on in the child
    os.setsid()
    os.chdir("/")
    if layout.log.exists() and layout.log.stat().st_size > _LOG_BYTES:
        layout.log.replace(layout.log.with_suffix(".log.old"))
    log = os.open(layout.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(nothing, nothing + 1)
    os.closerange(log, log + 1)


def main(arguments: list[str]) -> int:
    """Become the supervisor of a data folder, or leave at once when it has one."""
    layout, linger_seconds = Layout.of(Path(arguments[0])), float(arguments[1])
    layout.make()
    lock = _lock(layout)
    if lock is None:
        return 0
    _detach(layout)
    lock.write(str(os.getpid()))
    return Supervisor(layout, linger_seconds).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
