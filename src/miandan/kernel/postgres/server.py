"""One run of the `postgres` program as our child, with the watchdog that stops it when we are gone."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from miandan.kernel.postgres import binaries
from miandan.kernel.postgres.cluster import server_environment
from miandan.kernel.postgres.layout import PORT, Layout
from miandan.kernel.postgres.privileges import before_exec

# Waits for the end of the pipe that only the supervisor holds open, then asks for a fast shutdown.
_WATCHDOG = 'trap "" INT TERM HUP; read -r _; kill -INT "$1"'
_PREDECESSOR = ("pre-existing shared memory block", 'lock file "')


@dataclass(slots=True)
class Server:
    """A started server; whether it answers yet is for a connection to find out."""

    process: subprocess.Popen[bytes]
    watchdog: subprocess.Popen[bytes]
    started: float
    log: Path
    log_start: int

    @classmethod
    def start(cls, layout: Layout) -> "Server":
        """Start `postgres`. Only the supervisor's main thread may do so (privileges.before_exec says why)."""
        clear_remains(layout)
        log_start = layout.log.stat().st_size if layout.log.exists() else 0
        process = subprocess.Popen(
            [binaries.program("postgres"), "-D", layout.cluster, "-c", f"config_file={layout.config}"],
            stdin=subprocess.DEVNULL,
            env=server_environment(),
            preexec_fn=before_exec(signal.SIGINT),  # SIGINT is PostgreSQL's fast shutdown
        )
        watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "miandan-watchdog", str(process.pid)],
            stdin=subprocess.PIPE,
            env=server_environment(),
        )
        return cls(process, watchdog, time.monotonic(), layout.log, log_start)

    def is_running(self) -> bool:
        return self.process.poll() is None

    def age_seconds(self) -> float:
        return time.monotonic() - self.started

    def stop(self) -> None:
        """Fast shutdown, waited for as long as it takes; then the watchdog goes, so it never signals a stranger."""
        if self.is_running():
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
        self.watchdog.kill()
        self.watchdog.wait()
        if self.watchdog.stdin is not None:
            self.watchdog.stdin.close()

    def waits_for_predecessor(self) -> bool:
        """Whether it gave way to the remains of a killed server, which will be gone in a while."""
        said = self._said()
        return any(phrase in said for phrase in _PREDECESSOR)

    def last_words(self) -> str:
        """The last fatal line that this run wrote to the log."""
        lines = [line for line in self._said().splitlines() if "FATAL" in line or "PANIC" in line]
        return lines[-1].split("] ", 1)[-1].strip() if lines else f"postgres ended with code {self.process.returncode}"

    def _said(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            return file.read(100_000).decode(errors="replace")


def clear_remains(layout: Layout) -> None:
    """Let PostgreSQL see that the postmaster named in its lock files is no more.

    It checks with kill(pid, 0), which a zombie or a reused pid answers. We hold the folder's lock, so no server of
    ours runs: the socket's files can go. In postmaster.pid our own pid (PostgreSQL ignores its parent's) takes the
    place of the dead one, which keeps the other half of its check, the shared memory that left-over backends may
    still use. A postmaster that does live, since its supervisor was killed, is asked to stop.
    """
    file = layout.cluster / "postmaster.pid"
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
        pid = int(lines[0])
    except (FileNotFoundError, ValueError):
        return
    if _is_postmaster_of(pid, layout.cluster):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        return
    with file.open("r+", encoding="utf-8") as draft:  # in place: the file stays the server's own
        draft.write("\n".join([str(os.getpid()), *lines[1:]]))
        draft.truncate()
    for rest in (layout.socket_folder() or layout.root / "run").glob(f".s.PGSQL.{PORT}*"):
        rest.unlink(missing_ok=True)


def _is_postmaster_of(pid: int, cluster: Path) -> bool:
    """A live process that was started on this cluster. Where there is no /proc the answer is left to PostgreSQL."""
    if not Path("/proc/self").exists():
        return True
    process = Path("/proc", str(pid))
    try:
        state = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        # Not its working directory: a container's root may not look at that of another user's process.
        return state != "Z" and os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
