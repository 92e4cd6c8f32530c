"""Two hundred races and thirty kills, the share of `make test`; `make prove` runs thousands (python -m tests.crash)."""

import pytest

from tests.crash.ground import Ground
from tests.crash.runs import Outcome, run_all_kills, run_races

RACES = 200
KILLS = 30
FIRST_SEED = 1


def shown(outcome: Outcome) -> str:
    """For the reader of a failed test: what was wrong and how to run it again."""
    return "\n".join(outcome.failures.values())


def test_whoever_races_for_a_parcel_gets_its_one_number_and_the_units_add_up(ground: Ground) -> None:
    outcome = run_races(ground, RACES, FIRST_SEED)
    assert outcome.done == RACES
    assert not outcome.failures, shown(outcome)


def test_whatever_is_killed_no_answered_number_is_lost(ground: Ground) -> None:
    outcome = run_all_kills(ground, KILLS, FIRST_SEED)
    assert outcome.done >= KILLS
    assert not outcome.failures, shown(outcome)


@pytest.mark.prove
def test_whatever_is_killed_no_answered_number_is_lost_with_other_seeds(ground: Ground) -> None:
    outcome = run_all_kills(ground, KILLS, 1_000_000)
    assert not outcome.failures, shown(outcome)
