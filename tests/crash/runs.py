"""Many races, many kills, one after the other, each with a seed of its own; whatever fails is named by its seed."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.crash.ground import Ground
from tests.crash.kills import LIVES, run_kills
from tests.crash.promises import wrong_with_check
from tests.crash.races import open_arena, run_race

RACES_PER_ERA = 500
CASES_PER_ERA = 50

Tell = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What a run came to. `failures` holds one text per seed that failed."""

    done: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    """Kills by what was killed."""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run_races(ground: Ground, races: int, seed: int, tell: Tell = say) -> Outcome:
    """So many races with the seeds from `seed` on; `miandan check` after each era."""
    outcome, started = Outcome(), time.monotonic()
    for first in range(seed, seed + races, RACES_PER_ERA):
        last = min(first + RACES_PER_ERA, seed + races)
        with ground.era() as era:

            async def era_of_races(first: int = first, last: int = last) -> None:
                async with open_arena(era) as arena:
                    for one in range(first, last):
                        _note(outcome, one, "race", await run_race(arena, one), tell)

            asyncio.run(era_of_races())
            _note(outcome, first, f"check after races {first} to {last - 1}", asyncio.run(wrong_with_check(era)), tell)
        outcome.done = last - seed
        outcome.seconds = time.monotonic() - started
        if races > RACES_PER_ERA:
            tell(f"{outcome.done} races, {outcome.seconds:.0f} s, {len(outcome.failures)} failed")
    return outcome


def run_all_kills(ground: Ground, kills: int, seed: int, tell: Tell = say) -> Outcome:
    """At least so many kills with the seeds from `seed` on."""
    outcome, started = Outcome(), time.monotonic()
    while outcome.done < kills:
        with ground.era() as era:
            for one in range(seed, seed + CASES_PER_ERA):
                result = asyncio.run(run_kills(ground, era, one, most=min(LIVES - 1, kills - outcome.done)))
                outcome.kinds.update(result.struck)
                outcome.done = outcome.kinds.total()
                _note(outcome, one, "kills", result.wrong, tell)
                if outcome.done >= kills:
                    break
        seed += CASES_PER_ERA
        outcome.seconds = time.monotonic() - started
        if kills > CASES_PER_ERA:
            tell(f"{outcome.done} kills, {outcome.seconds:.0f} s, {len(outcome.failures)} failed")
    return outcome


def _note(outcome: Outcome, seed: int, what: str, wrong: list[str], tell: Tell) -> None:
    if wrong:
        shown = "\n  ".join(one[:300] + (" ... " + one[-1200:] if len(one) > 1500 else one[300:]) for one in wrong[:5])
        outcome.failures[seed] = f"{what}, seed {seed}: {len(wrong)} complaints\n  {shown}"
        tell(outcome.failures[seed])
