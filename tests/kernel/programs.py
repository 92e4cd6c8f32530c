"""Programs on an embedded server of their own, for tests that kill things.

with folder() as data:                       # a data folder; whatever runs on it is stopped afterwards
    program = Program.start(data)            # a separate process that holds the database open
    program.kill()                           # SIGKILL
    wait_until(lambda: is_gone(pid))
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from miandan.kernel.postgres import cluster, stop_server
from miandan.kernel.postgres.layout import Layout
from miandan.kernel.postgres.privileges import CAP_DAC_READ_SEARCH, become
from miandan.kernel.settings import Settings

LINGER_SECONDS = 0.3

_SOURCE = """
import asyncio, sys
from pathlib import Path
from miandan.kernel.database import open_database
from miandan.kernel.postgres.privileges import CAP_DAC_READ_SEARCH, become
from miandan.kernel.settings import Settings

async def main():
    settings = Settings(data=Path(sys.argv[1]), linger_seconds=float(sys.argv[2]))
    async with open_database(settings, pool_size=2) as db:
        print("open", flush=True)
        for line in sys.stdin:
            print(await db.fetchval(line), flush=True)

asyncio.run(main())
"""


@dataclass(slots=True)
class Program:
    """Answers each statement that it is asked with the first column of its first row."""

    process: subprocess.Popen[str]

    @classmethod
    def start(
        cls, data: Path, *, uid: int | None = None, linger_seconds: float = LINGER_SECONDS, stderr: int | None = None
    ) -> "Program":
        """Start it without waiting; `uid` makes it a plain user's program.

        That user keeps one right of root's, to read what is closed, since the interpreter may lie in root's home.
        """
        process = subprocess.Popen(
            [sys.executable, "-c", _SOURCE, str(data), str(linger_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=None if uid is None else partial(become, uid, [CAP_DAC_READ_SEARCH]),
            cwd="/",
        )
        return cls(process)

    def wait_open(self) -> "Program":
        assert self._line() == "open"
        return self

    def ask(self, sql: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(sql + "\n")
        self.process.stdin.flush()
        return self._line()

    def leave(self) -> None:
        """End as programs normally do."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def folder(parent: Path | None = None) -> Iterator[Path]:
    """A data folder whose cluster has been made; its server is stopped and all is removed at the end."""
    with empty_folder(parent) as data:
        data.mkdir()
        subprocess.run(["cp", "-a", _seed() / "postgres", data], check=True)
        yield data


@contextmanager
def empty_folder(parent: Path | None = None) -> Iterator[Path]:
    """A data folder that does not exist yet."""
    home = Path(tempfile.mkdtemp(prefix="miandan-test-", dir=parent))
    try:
        yield home / "data"
    finally:
        stop_server(home / "data")
        shutil.rmtree(home, ignore_errors=True)


@cache
def _seed() -> Path:
    """A data folder with a cluster that was never started: initdb takes longer than most tests."""
    seed = Path(tempfile.mkdtemp(prefix="miandan-seed-"))
    atexit.register(shutil.rmtree, seed, ignore_errors=True)
    layout = Layout.of(seed)
    layout.make()
    cluster.ensure(layout)
    return seed


def settings_for(data: Path) -> Settings:
    return Settings(data=data, linger_seconds=LINGER_SECONDS)


def postmaster(data: Path) -> int:
    """Pid of the server."""
    return int((Layout.of(data).cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])


def supervisor(data: Path) -> int:
    return int(Layout.of(data).supervisor_lock.read_text(encoding="utf-8"))


def watchdog(data: Path) -> int:
    """Pid of the shell that stops the server when the supervisor is gone."""
    wanted = f"miandan-watchdog\0{postmaster(data)}\0".encode()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().endswith(wanted):
                return int(entry.name)
    raise AssertionError("no watchdog")


def is_gone(pid: int) -> bool:
    """Ended; a zombie that nobody reaps (pid 1 of some containers does not) counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
