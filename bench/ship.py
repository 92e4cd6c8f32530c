"""The whole job as a clerk sees it: `miandan ship` on the 2,000-order file from process start, the database running.

Wall time and memory are those of the whole process, as the operating system counts them.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ORDERS = Path(__file__).resolve().parents[2] / "shared" / "data" / "orders-doudian-2000.csv"
ROUNDS = 5
MOST_SECONDS = 2.0
MOST_MEGABYTES = 200.0
HELP_SECONDS = 0.25
PROGRAM = Path(sys.executable).with_name("miandan")


def run(folder: Path, *words: str) -> tuple[float, float, int]:
    """Seconds, peak megabytes and exit code of the program on a data folder."""
    start = time.perf_counter()
    environment = os.environ | {"MIANDAN_DATA": str(folder), "MIANDAN_LINGER": "60"}
    process = subprocess.Popen([PROGRAM, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - start, usage.ru_maxrss / 1024, process.returncode


def fresh_ship() -> tuple[float, float]:
    """Seconds and megabytes of one ship into a sandbox that has never seen the file."""
    with tempfile.TemporaryDirectory(prefix="miandan-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        run(folder / "data", "demo", "--quiet")
        places = ("--out", str(folder / "labels.pdf"), "--report", str(folder / "report.csv"))
        seconds, megabytes, code = run(folder / "data", "ship", str(ORDERS), *places)
        from miandan.kernel.postgres import stop_server

        stop_server(folder / "data")
        if code != 2:  # the file holds orders that have to be refused
            raise RuntimeError(f"ship ended with {code}")
        return seconds, megabytes


def line(name: str, values: list[float], unit: str, most: float) -> str:
    """One line for the reader."""
    verdict = "ok" if median(values) <= most else "MISSED"
    return (
        f"{name}: median {median(values):.2f} {unit} ({min(values):.2f} to {max(values):.2f}, {len(values)} rounds), "
        f"at most {most:g}: {verdict}\n"
    )


def main() -> None:
    """Print the lines."""
    with tempfile.TemporaryDirectory(prefix="miandan-bench-") as name:
        helps = [run(Path(name), "--help")[0] for _ in range(ROUNDS)]
    sys.stdout.write(line("miandan --help", helps, "s", HELP_SECONDS))
    if not ORDERS.exists():
        sys.stdout.write(f"NOT MEASURED: ship, because {ORDERS.name} is not beside the project\n")
        return
    ships = [fresh_ship() for _ in range(ROUNDS)]
    sys.stdout.write(line("ship 2,000 orders", [seconds for seconds, _ in ships], "s", MOST_SECONDS))
    sys.stdout.write(line("ship 2,000 orders, peak memory", [mega for _, mega in ships], "MB", MOST_MEGABYTES))


if __name__ == "__main__":
    main()
