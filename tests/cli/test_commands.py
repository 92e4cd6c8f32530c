"""The commands beside ship: help that comes at once, demo, address, jobs, and what a closed pipe or Ctrl-C does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.clerk import PROGRAM, Clerk, finish, nobody_reads
from tests.cli.test_again import asked, assert_every_promise_holds, held, stopped_while_taking
from tests.cli.test_bad_input import seconds_of_children
from tests.orders.tables import order_row

HEAVY = {
    "asyncio", "asyncpg", "cryptography", "msgspec", "uharfbuzz", "zxingcpp", "python_calamine", "sqlite3", "isal",
    "miandan.kernel.database", "miandan.addresses", "miandan.vault", "miandan.waybills", "miandan.labels",
}  # fmt: skip
HELP_TIMES = 5
"""How often the processor time of loading Typer alone; bench/ship.py measures seconds."""
ADDRESS_FIELDS = [
    "name", "phone", "extension", "province", "city", "district", "town", "detail", "division_code", "uncertain",
]  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    program = "import sys; sys.argv = ['miandan', '--help']; from miandan.cli import main\n"
    program += "try: main()\nexcept SystemExit: print(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "ship" in done.stdout
    loaded = set(done.stderr.split())
    assert "miandan.cli.app" in loaded
    assert loaded & HEAVY == set()


def test_only_what_draws_dots_loads_numpy() -> None:
    program = (
        "import miandan.cli.shipping, miandan.cli.choosing, miandan.cli.agent_register, miandan.cli.agent_pages\n"
        "import miandan.labels.rendering, sys; assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_help_comes_at_once() -> None:
    def seconds(*command: str | Path) -> float:
        before = seconds_of_children()
        subprocess.run(command, capture_output=True, check=True)
        return seconds_of_children() - before

    pairs = [(seconds(PROGRAM, "--help"), seconds(sys.executable, "-c", "import typer")) for _ in range(5)]
    helps, typers = zip(*pairs, strict=True)
    assert min(helps) < HELP_TIMES * min(typers)


@pytest.mark.parametrize("command", ["ship", "demo", "address", "check", "jobs"])
def test_every_command_explains_itself_in_both_languages(command: str, tmp_path: Path) -> None:
    text = Clerk(tmp_path).run(command, "--help").out
    assert any("\u4e00" <= character <= "\u9fff" for character in text)
    assert sum(character.isascii() and character.isalpha() for character in text) > 40


def test_an_unknown_option_is_refused_with_a_hint(tmp_path: Path) -> None:
    done = Clerk(tmp_path).run("ship", "--carier", "zto", "orders.csv")
    assert done.code == 2
    assert "--carrier" in done.err


def test_demo_and_ship_on_an_empty_machine_with_its_own_database(tmp_path: Path) -> None:
    from miandan.kernel.postgres import stop_server

    data = tmp_path / "data"
    clerk = Clerk(tmp_path, {"MIANDAN_DATA": str(data), "MIANDAN_LINGER": "30"})
    try:
        clerk.orders(order_row(1))
        before = clerk.ship()
        assert (before.code, before.error_code) == (1, "ship.no_merchant")
        assert "miandan demo" in before.zh
        done = clerk.run("demo")
        assert (done.code, done.out) == (0, "")
        assert all(word in done.err for word in ("1001", "1002", "中通快递", "SF Express", "50,000", "miandan ship"))
        again = clerk.run("demo")
        assert (again.code, "之前已加载" in again.err) == (0, True)
        assert clerk.run("demo", "--quiet").err == ""
        assert clerk.ship().code == 0
        assert clerk.pages() == 1
        assert_every_promise_holds(clerk)
        assert clerk.run("jobs").code == 0
    finally:
        stop_server(data)


def test_two_demos_at_once_and_a_killed_one_leave_one_whole_sandbox(database_url: str, tmp_path: Path) -> None:
    clerk = Clerk(tmp_path, {"MIANDAN_DATABASE_URL": database_url, "MIANDAN_DATA": str(tmp_path / "data")})
    with held(clerk, "LOCK TABLE unit_entry"):  # where the demo waits, in the middle of its transaction
        killed = clerk.start("demo")
        while not asked(clerk, "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'unit_entry'::regclass"):
            assert killed.poll() is None
            time.sleep(0.005)
        killed.kill()
        killed.communicate()
    runs = [clerk.start("demo") for _ in range(3)]
    assert [finish(run).code for run in runs] == [0, 0, 0]
    assert asked(clerk, "SELECT count(*) FROM merchant") == [(2,)]
    assert asked(clerk, "SELECT count(*) FROM account") == [(22,)]
    assert_every_promise_holds(clerk)


def test_jobs_say_what_they_did_and_settle_what_a_killed_run_left(clerk: Clerk) -> None:
    clerk.orders(*(order_row(number) for number in range(1, 41)))
    with stopped_while_taking(clerk, "--carrier", "sf") as process:
        process.kill()
        process.communicate()
    done = clerk.run("jobs")
    assert (done.code, done.out) == (0, "")
    assert "live calls settled" in done.err
    assert asked(clerk, "SELECT count(*) FROM live_intent WHERE state IN ('open', 'in_doubt')") == [(0,)]
    assert asked(clerk, "SELECT count(*) FROM lease WHERE closed_at IS NULL") == [(0,)]
    assert_every_promise_holds(clerk)


LINES = "张三 13800000000 浙江省杭州市余杭区仓前街道示例路 1 号\n\n李四，0571-88880000转12，上海市浦东新区示例路2号\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_address_reads_a_line_at_a_time_in_either_encoding(tmp_path: Path, encoding: str) -> None:
    clerk = Clerk(tmp_path)
    (tmp_path / "lines.txt").write_bytes(LINES.encode(encoding))
    from_file = clerk.run("address", "lines.txt")
    from_stdin = clerk.run("address", stdin=LINES.replace("\n", "\r\n").encode(encoding))
    assert from_file == from_stdin
    assert (from_file.code, from_file.err) == (0, "")
    first, empty, last = map(json.loads, from_file.out.splitlines())
    assert list(first) == list(last) == ADDRESS_FIELDS
    assert (first["name"], first["phone"], first["town"], first["division_code"]) == (
        "张三", "13800000000", "仓前街道", "330110",
    )  # fmt: skip
    assert (last["name"], last["phone"], last["extension"], last["district"]) == (
        "李四", "0571-88880000", "12", "浦东新区",
    )  # fmt: skip
    assert (empty["name"], empty["phone"], empty["detail"]) == ("", "", "")


def test_address_says_which_encoding_it_could_not_read_and_goes_on(tmp_path: Path) -> None:
    done = Clerk(tmp_path).run("address", stdin=b"\xff\xfe\xff\n" + LINES.encode())
    assert (done.code, len(done.out.splitlines())) == (0, 4)
    assert "1 lines hold characters of an unknown encoding" in done.err


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"x" * 3_000_000, "很".encode() * 200_000, b"\n" * 1000])
def test_address_answers_one_object_for_every_line_whatever_it_holds(tmp_path: Path, content: bytes) -> None:
    done = Clerk(tmp_path).run("address", stdin=content)
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, len(answers)) == (0, content.count(b"\n") or bool(content))


def test_address_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = Clerk(tmp_path).run("address", "nowhere.txt")
    assert (done.code, done.error_code) == (1, "address.file_unreadable")


def test_address_writes_utf8_whatever_the_terminal_says(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert "张三" in clerk.run("address", stdin=LINES.encode()).out


def test_a_pipe_that_closes_early_ends_the_command_quietly(tmp_path: Path) -> None:
    process = Clerk(tmp_path).start("address")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(LINES.encode() * 10)
    process.stdin.flush()
    process.stdout.close()
    try:
        process.stdin.write(LINES.encode() * 20_000)
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.wait(30) != 0
    assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "command",
    ["merchants list", "branches list zto --json", "print-jobs list --json --merchant 1001", "check", "templates list"],
)
def test_a_list_whose_reader_has_seen_enough_ends_quietly(clerk: Clerk, command: str) -> None:
    clerk.run("demo", "--quiet")
    done = clerk.run(*command.split(), preexec=nobody_reads)
    assert (done.code, done.err) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full")
def test_a_list_that_cannot_be_written_is_told_of(clerk: Clerk) -> None:
    clerk.run("demo", "--quiet")

    def full() -> None:
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)

    done = clerk.run("merchants", "list", preexec=full)
    assert (done.code, done.error_code) == (1, "failure.file_trouble")


@pytest.mark.skipif(sys.platform != "linux", reason="a program's libraries are read from /proc")
@pytest.mark.parametrize("library", ["_asyncio", "msgspec", "asyncpg"])
def test_control_c_while_the_program_is_still_loading_is_quiet(clerk: Clerk, library: str) -> None:
    clerk.orders(order_row(1))
    with held(clerk, "LOCK TABLE merchant"):  # nothing is shipped, however late the signal comes
        process = clerk.start("ship", "orders.csv")
        libraries = Path(f"/proc/{process.pid}/maps")
        while library not in libraries.read_text():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert finish(process).code == 130
    assert clerk.files() == ["orders.csv"]
