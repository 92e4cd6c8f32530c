"""`miandan ship` as a clerk waits for it: from process start to the summary, the database running; and `--help`.

Each round ships orders that were never seen before, then the same file again (labels as copies). Time and memory are
those of the program's own process.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.folders import bench_folder
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings

DATA = Path(__file__).resolve().parents[1] / "../shared/data/orders-doudian-2000.csv"
PROGRAM = Path(sys.executable).with_name("miandan")
ROUNDS = 5
SHIP_SECONDS = 2.0
SHIP_MEGABYTES = 200.0
HELP_SECONDS = 0.25
WORKED = (0, 2)
"""Exit codes of a run that printed labels; the file holds orders that have to be refused."""


class Cost(NamedTuple):
    """What one run of the program took."""

    seconds: float
    megabytes: float


def run(folder: Path, *arguments: str) -> Cost:
    """Run the program to its end. Raises RuntimeError with what it said when it did not work."""
    said = folder / "said.txt"
    with said.open("wb") as screen:
        started = time.perf_counter()
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=folder,
            env=os.environ | {"MIANDAN_DATA": str(folder / "data")},
            stdout=screen,
            stderr=screen,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # we waited for it ourselves
    if process.returncode not in WORKED:
        raise RuntimeError(said.read_text(encoding="utf-8"))
    per_megabyte = 1 << 20 if sys.platform == "darwin" else 1 << 10  # getrusage(2): bytes there, kilobytes here
    return Cost(seconds, usage.ru_maxrss / per_megabyte)


def line(name: str, values: Sequence[float], unit: str, target: float) -> str:
    """Median, minimum, maximum, the target and whether the median is below it."""
    verdict = "ok" if median(values) < target else "MISSED"
    return (
        f"{name}: {median(values):.2f} {unit} ({min(values):.2f} to {max(values):.2f}, {len(values)} rounds), "
        f"target below {target:g}: {verdict}"
    )


def unseen(orders: Path, folder: Path, number: int) -> Path:
    """The file with other order ids."""
    path = folder / f"orders-{number}.csv"
    head, _, rows = orders.read_text(encoding="utf-8-sig").partition("\n")
    changed = (f"7{number}{row[2:]}" if row.startswith("69") else row for row in rows.splitlines(keepends=True))
    path.write_text(f"{head}\n{''.join(changed)}", encoding="utf-8-sig")
    return path


async def measure(folder: Path, write: Callable[[str], None]) -> None:
    """All lines. The open database keeps the server running between the runs."""
    async with open_database(Settings(data=folder / "data"), pool_size=1):
        run(folder, "demo", "--quiet")
        first, again = [], []
        for number in range(ROUNDS + 1):
            orders = unseen(DATA, folder, number)
            first.append(run(folder, "ship", str(orders)))
            again.append(run(folder, "ship", str(orders)))
    first, again = first[1:], again[1:]  # the first round warmed the disk
    write(line("ship, 2,000 orders, from process start", [cost.seconds for cost in first], "s", SHIP_SECONDS))
    write(line("ship, the same file again", [cost.seconds for cost in again], "s", SHIP_SECONDS))
    write(line("ship, peak memory", [cost.megabytes for cost in first + again], "MB", SHIP_MEGABYTES))


def main() -> None:
    """Print the lines."""

    def write(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    with bench_folder("data") as folder:
        if DATA.is_file():
            asyncio.run(measure(folder, write))
        else:
            write(f"ship: skipped, {DATA.name} is not beside the project")
        waits = [run(folder, "--help").seconds for _ in range(ROUNDS + 1)][1:]
        write(line("miandan --help", waits, "s", HELP_SECONDS))


if __name__ == "__main__":
    main()
