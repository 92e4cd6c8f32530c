"""Nothing stays behind and nothing is lost, whoever is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from miandan.kernel.database import open_database
from miandan.kernel.postgres import binaries
from miandan.kernel.postgres.cluster import configure, server_environment
from miandan.kernel.postgres.layout import Layout
from miandan.kernel.postgres.privileges import before_exec
from miandan.kernel.postgres.server import _WATCHDOG
from tests.kernel.programs import (
    Program,
    empty_folder,
    folder,
    is_gone,
    kill,
    postmaster,
    settings_for,
    supervisor,
    wait_until,
    watchdog,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_killed_program_leaves_no_server_behind() -> None:
    with folder() as data:
        program = Program.start(data).wait_open()
        left = [postmaster(data), supervisor(data), watchdog(data)]
        program.kill()
        wait_until(lambda: all(is_gone(pid) for pid in left))


def test_a_killed_program_and_supervisor_leave_no_server_behind() -> None:
    with folder() as data:
        program = Program.start(data).wait_open()
        left = [postmaster(data), watchdog(data)]
        kill(supervisor(data))
        program.kill()
        wait_until(lambda: all(is_gone(pid) for pid in left))


def test_the_death_signal_alone_stops_the_server() -> None:
    with folder() as data:
        program = Program.start(data).wait_open()
        server = postmaster(data)
        program.kill()
        kill(watchdog(data), supervisor(data))
        wait_until(lambda: is_gone(server))


def test_the_watchdog_alone_stops_what_it_watches() -> None:
    program = "import signal; print(flush=True); signal.pause()"
    watched = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert watched.stdout is not None
    watched.stdout.readline()  # a program that still loads dies of the signal in another way
    guard = subprocess.Popen(["/bin/sh", "-c", _WATCHDOG, "watchdog", str(watched.pid)], stdin=subprocess.PIPE)
    assert watched.poll() is None
    assert guard.stdin is not None
    guard.stdin.close()  # what the kernel does when its holder dies
    watched.stdout.close()
    assert watched.wait(60) == -signal.SIGINT
    assert guard.wait(60) == 0


def test_a_killed_server_comes_back_with_everything_that_was_committed() -> None:
    with folder() as data:
        program = Program.start(data).wait_open()
        program.ask("CREATE TABLE kept (n int PRIMARY KEY)")
        program.ask("INSERT INTO kept SELECT generate_series(1, 1000)")
        killed = postmaster(data)
        kill(killed)
        newcomer = Program.start(data).wait_open()
        assert newcomer.ask("SELECT count(*) FROM kept") == "1000"
        assert postmaster(data) != killed
        newcomer.leave()
        program.kill()


def test_after_a_kill_of_everything_at_once_the_next_program_finds_all_that_was_committed() -> None:
    with folder() as data:
        program = Program.start(data).wait_open()
        program.ask("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        everything = [program.process.pid, supervisor(data), watchdog(data), postmaster(data)]
        kill(*everything)
        program.process.wait()
        newcomer = Program.start(data).wait_open()
        assert newcomer.ask("SELECT count(*) FROM kept") == "1000"
        newcomer.leave()


def test_a_busy_backend_of_a_killed_server_is_outwaited() -> None:
    with folder() as data:
        program = Program.start(data).wait_open()
        assert program.process.stdin is not None
        program.process.stdin.write("SELECT count(*) FROM generate_series(1, 10000000)\n")  # seconds without a look up
        program.process.stdin.flush()
        wait_until(lambda: b"active" in _activity(data))
        kill(postmaster(data), supervisor(data))
        newcomer = Program.start(data).wait_open()
        assert newcomer.ask("SELECT 1") == "1"
        newcomer.leave()
        program.kill()


def _activity(data: Path) -> bytes:
    """Titles of the server's backends."""
    titles = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and not is_gone(int(entry.name)):
            try:
                titles.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
    busy = [title for title in titles if title.startswith(b"postgres: miandan miandan") and b"SELECT" in title]
    return b"active" if busy else b""


def test_an_initdb_that_was_killed_is_begun_anew() -> None:
    with empty_folder() as data:
        program = Program.start(data)
        layout = Layout.of(data)
        wait_until(lambda: any(layout.root.glob("cluster.new-*/PG_VERSION")))
        kill(supervisor(data))
        program.wait_open()
        assert program.ask("SELECT 1") == "1"
        assert not list(layout.root.glob("cluster.new-*"))
        program.leave()


def test_a_server_that_outlived_its_supervisor_is_replaced() -> None:
    with folder() as data:
        left = _unsupervised_server(Layout.of(data))
        program = Program.start(data).wait_open()
        assert left.wait(60) == 0
        assert program.ask("SELECT 1") == "1"
        program.leave()


def _unsupervised_server(layout: Layout) -> subprocess.Popen[bytes]:
    configure(layout)
    with layout.log.open("ab") as log:
        server = subprocess.Popen(
            [binaries.program("postgres"), "-D", layout.cluster, "-c", f"config_file={layout.config}"],
            env=server_environment(),
            preexec_fn=before_exec(signal.SIGKILL),
            stderr=log,
        )
    wait_until(lambda: b"ready to accept" in layout.log.read_bytes())
    return server


async def test_a_stale_pid_file_that_names_a_living_stranger_does_not_stop_the_start() -> None:
    with folder() as data:
        stale = Layout.of(data).cluster / "postmaster.pid"
        stale.write_text(f"{os.getpid()}\n{Layout.of(data).cluster}\n1\n5432\n\n\n", encoding="utf-8")
        async with open_database(settings_for(data)) as db:
            assert await db.fetchval("SELECT 1") == 1


def test_sigterm_to_the_supervisor_shuts_the_server_down_cleanly() -> None:
    with folder() as data:
        program = Program.start(data).wait_open()
        server, owner = postmaster(data), supervisor(data)
        os.kill(owner, signal.SIGTERM)
        wait_until(lambda: is_gone(server) and is_gone(owner))
        assert "database system is shut down" in Layout.of(data).log.read_text(encoding="utf-8")
        program.kill()
