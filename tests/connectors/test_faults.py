"""Planned faults strike as planned: by pattern, by count, and by a chance that repeats itself."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from miandan.connectors.faults import Fault, FaultPlan, Verb


@given(st.sampled_from(Fault), st.sampled_from(Verb), st.text(max_size=20))
def test_a_fault_strikes_only_its_own_verb(fault: Fault, verb: Verb, key: str) -> None:
    assert FaultPlan(fault).strikes(verb, key, 1) == (fault.verb is verb)


@given(st.text("ab-", max_size=6))
def test_a_pattern_chooses_the_keys(key: str) -> None:
    assert FaultPlan(Fault.HANG, keys="a*").strikes(Verb.TAKE, key, 1) == key.startswith("a")


def test_a_fault_that_is_used_up_strikes_no_more() -> None:
    assert not FaultPlan(Fault.HANG, times=0).strikes(Verb.TAKE, "k", 1)


@given(st.integers(), st.text(max_size=10), st.integers(1, 50))
def test_a_chance_repeats_itself_and_its_ends_are_never_and_always(seed: int, key: str, attempt: int) -> None:
    def struck(chance: float) -> bool:
        return FaultPlan(Fault.HANG, chance=chance, seed=seed).strikes(Verb.TAKE, key, attempt)

    assert struck(0.5) == struck(0.5)
    assert not struck(0.0)
    assert struck(1.0)


def test_a_chance_strikes_about_its_share_and_differs_by_seed_and_attempt() -> None:
    def share(seed: int) -> list[bool]:
        plan = FaultPlan(Fault.DROP_ANSWER, chance=0.3, seed=seed)
        return [plan.strikes(Verb.TAKE, f"k{i}", attempt) for i in range(1000) for attempt in (1, 2)]

    assert 500 < sum(share(1)) < 700
    assert share(1) != share(2)
    assert share(1)[::2] != share(1)[1::2]


def test_the_documentation_names_every_fault() -> None:
    page = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
    assert [fault for fault in Fault if f"| `{fault}` |" not in page] == []
