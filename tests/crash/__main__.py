"""As many races and kills as asked: `python -m tests.crash --races 1000 --kills 100 --seed 7`.

A failure names its seed; `--seed` with that number and `--races 1` (or `--kills 1`) runs it again.
"""

import argparse
import secrets
import sys

from tests.crash.ground import open_ground
from tests.crash.runs import run_all_kills, run_races, say


def main() -> int:
    """1 when anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--races", type=int, default=0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=None, help="first seed; drawn by chance where it is left out")
    asked = parser.parse_args()
    seed = secrets.randbelow(10**9) if asked.seed is None else asked.seed
    say(f"seed {seed}")
    failed = 0
    with open_ground() as ground:
        for what, count, run in (("races", asked.races, run_races), ("kills", asked.kills, run_all_kills)):
            if count:
                outcome = run(ground, count, seed)
                failed += len(outcome.failures)
                say(f"{outcome.done} {what} in {outcome.seconds:.1f} s, {len(outcome.failures)} failed")
                if outcome.kinds:
                    say(", ".join(f"{kind} {times}" for kind, times in outcome.kinds.most_common()))
                for one in outcome.failures:
                    say(f"again: python -m tests.crash --{what} {3 if what == 'kills' else 1} --seed {one}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
