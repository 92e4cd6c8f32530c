"""`make bench`: every figure of the project, each beside its target. `python -m bench take pdf` runs some parts only.

Each part runs in a process of its own, so that none warms or burdens the next.
"""

import os
import platform
import re
import subprocess
import sys

from miandan.kernel.postgres.binaries import program

PARTS = {
    "take": "Taking numbers against RAW",
    "http": "Signed newCreateOrder over HTTP against RAW",
    "pdf": "Label PDF against reportlab and pycairo with Pango",
    "raster": "1-bit rasters and ZPL against skia-python",
    "addresses": "Address parser against jionlp",
    "printing": "Print jobs through server and agent to folder printers",
    "ship": "miandan ship and --help, from process start",
}


def machine() -> str:
    """Cores, interpreter and server: a figure means little without them."""
    said = subprocess.run([program("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    server = re.search(r"[\d.]+", said)
    return (
        f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores "
        f"({platform.machine()}, {platform.system()}), Python {platform.python_version()}, "
        f"PostgreSQL {server[0] if server else '?'}"
    )


def main(names: list[str]) -> int:
    """Run the parts named, all when none is; 1 when a part failed, 2 for a name that is none."""
    if unknown := [name for name in names if name not in PARTS]:
        sys.stderr.write(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}\n")
        return 2
    sys.stdout.write(f"{machine()}\n")
    failed = False
    for name in names or PARTS:
        sys.stdout.write(f"\n== {PARTS[name]} (bench/{name}.py)\n")
        sys.stdout.flush()
        failed |= subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
