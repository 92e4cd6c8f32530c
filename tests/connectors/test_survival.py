"""What the fake carrier answered it still knows after a kill -9, and it never issues a number twice."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

from miandan.connectors.fake import FakeCarrier
from tests.connectors.asks import ask

TAKER = """
import asyncio, sys
from pathlib import Path
from miandan.connectors.fake import FakeCarrier
from tests.connectors.asks import ask

async def main(file: str, name: str) -> None:
    fake, i = FakeCarrier("sf", Path(file)), 0
    while True:
        answer = await fake.take(ask(f"{name}-{i}"))
        sys.stdout.write(f"{answer.key} {answer.numbers[0]}\\n")
        sys.stdout.flush()
        i += 1

asyncio.run(main(*sys.argv[1:]))
"""


def taker(file: Path, name: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", TAKER, str(file), name], stdout=subprocess.PIPE, text=True)


def heard_until_killed(programs: "list[subprocess.Popen[str]]", said: int, after: float) -> dict[str, str]:
    """Kills the programs that much after each has said so many lines; what each said up to its last whole line."""
    lines = []
    for program in programs:
        assert program.stdout is not None
        lines += [program.stdout.readline() for _ in range(said)]
    time.sleep(after)
    for program in programs:
        program.send_signal(signal.SIGKILL)
        lines += program.communicate()[0].splitlines(keepends=True)
        assert program.returncode == -signal.SIGKILL, "it gave up before it was killed"
    return {key: number for line in lines if line.endswith("\n") for key, number in [line.split()]}


def test_every_acknowledged_number_survives_a_kill_and_none_is_issued_twice(tmp_path: Path) -> None:
    file, heard = tmp_path / "books.sqlite", dict[str, str]()
    for round_ in range(4):
        programs = [taker(file, f"r{round_}p{program}") for program in range(2)]
        heard |= heard_until_killed(programs, said=2, after=0.03 * (round_ + 1))
    fake = FakeCarrier("sf", file)
    books = {issue.key: issue.number for issue in fake.issued()}
    assert heard.items() <= books.items()
    assert len(set(books.values())) == len(books) == len(fake.issued())
    assert len(heard) > 8
    fresh = asyncio.run(fake.take(ask("after"))).numbers[0]
    assert fresh not in books.values()


def test_programs_that_open_a_new_file_at_the_same_moment_all_get_their_numbers(tmp_path: Path) -> None:
    for round_ in range(3):
        file = tmp_path / f"books{round_}.sqlite"
        heard = heard_until_killed([taker(file, f"p{program}") for program in range(4)], said=1, after=0.0)
        assert {key.split("-")[0] for key in heard} == {"p0", "p1", "p2", "p3"}
        numbers = [issue.number for issue in FakeCarrier("sf", file).issued()]
        assert len(set(numbers)) == len(numbers)
