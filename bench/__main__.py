"""`python -m bench [take pdf addresses ship]`: every figure of this project, each against its named alternative."""

import importlib
import os
import platform
import sys

PARTS = {
    "take": "取号 taking numbers",
    "pdf": "面单 label PDF",
    "addresses": "地址 addresses",
    "ship": "整件事 the whole job",
}


def main() -> int:
    """Run the parts that were named, or all; 2 when a name is unknown."""
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        sys.stderr.write(f"unknown part: {', '.join(unknown)}; there are {', '.join(PARTS)}\n")
        return 2
    sys.stdout.write(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}\n")
    for name in wanted:
        sys.stdout.write(f"\n{PARTS[name]}\n")
        sys.stdout.flush()
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
