"""Number rules as properties: every serial gives one number, every number of the rule gives its serial back."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import CheckDigit, NumberKind, NumberRule, s10_check_digit

RULES = [rule for carrier in catalogue() for rule in carrier.rules]
S10_RULES = [rule for rule in RULES if rule.check is CheckDigit.S10]


@st.composite
def rule_and_serial(draw: st.DrawFn) -> tuple[NumberRule, int]:
    rule = draw(st.sampled_from(RULES))
    return rule, draw(st.integers(rule.first, rule.capacity - 1))


@given(rule_and_serial())
def test_a_number_leads_back_to_its_serial(case: tuple[NumberRule, int]) -> None:
    rule, serial = case
    assert rule.serial_of(rule.format(serial)) == serial


@given(rule_and_serial())
def test_a_rule_accepts_what_it_gives_and_so_does_its_carrier(case: tuple[NumberRule, int]) -> None:
    rule, serial = case
    number = rule.format(serial)
    assert rule.accepts(number)
    assert rule.tolerates(number)
    assert catalogue().get(rule.carrier).accepts(number)
    assert rule.carrier in [carrier.code for carrier in catalogue().recognise(number)]


@given(st.data(), st.sampled_from(RULES))
def test_larger_serials_give_larger_numbers_of_the_same_length(data: st.DataObject, rule: NumberRule) -> None:
    serials = st.integers(rule.first, rule.capacity - 1)
    low, high = sorted((data.draw(serials), data.draw(serials)))
    assume(low != high)
    assert rule.format(low) < rule.format(high)
    assert len(rule.format(low)) == len(rule.format(high))


@given(rule_and_serial(), st.text(max_size=4), st.text(max_size=4))
def test_nothing_but_the_exact_number_has_a_serial(case: tuple[NumberRule, int], before: str, after: str) -> None:
    rule, serial = case
    assume(before or after)
    got = rule.serial_of(before + rule.format(serial) + after)
    assert got is None or rule.format(got) == before + rule.format(serial) + after


@given(st.sampled_from(RULES), st.text(max_size=20))
def test_any_text_either_has_a_serial_and_is_accepted_or_has_none(rule: NumberRule, text: str) -> None:
    serial = rule.serial_of(text)
    assert serial is None or (rule.accepts(text) and rule.format(serial) == text)


@given(rule_and_serial(), st.integers(0, 30), st.sampled_from(["anywhere", "first", "last"]))
def test_consecutive_numbers_are_those_formed_one_by_one(case: tuple[NumberRule, int], count: int, where: str) -> None:
    rule, anywhere = case
    first = {"anywhere": anywhere, "first": rule.first - 1, "last": rule.capacity - 15}[where]
    if count and not rule.holds(first, first + count - 1):
        with pytest.raises(ValueError, match="outside"):
            rule.consecutive(first, count)
    else:
        assert rule.consecutive(first, count) == [rule.format(serial) for serial in range(first, first + count)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.carrier}-{rule.kind}")
def test_a_serial_outside_the_rule_is_refused(rule: NumberRule) -> None:
    for serial in (rule.first - 1, -1, rule.capacity):
        assert not rule.holds(serial, serial)
        with pytest.raises(ValueError, match="outside"):
            rule.format(serial)
    assert rule.holds(rule.first, rule.capacity - 1)
    assert not rule.holds(rule.first + 1, rule.first)


def test_digits_of_other_scripts_are_no_digits() -> None:
    rule = catalogue().get("zto").rule()
    assert rule.serial_of("７3100196611386") is None
    assert rule.serial_of("7310019661138٦") is None
    assert not rule.accepts("7310019661138٦")


def test_the_published_example_of_s10_has_its_check_digit() -> None:
    assert s10_check_digit("47312482") == "9"
    assert catalogue().get("ems").rule(NumberKind.INTERNATIONAL).format(47312482) == "EA473124829CN"


@given(st.sampled_from(S10_RULES), st.integers(0, 10**8 - 1), st.integers(0, 8), st.integers(1, 9))
def test_s10_finds_every_wrong_digit_but_where_two_remainders_share_five(
    rule: NumberRule, serial: int, place: int, shift: int
) -> None:
    number = rule.format(serial)
    at = len(rule.prefix) + place
    wrong = number[:at] + str((int(number[at]) + shift) % 10) + number[at + 1 :]
    assert rule.accepts(wrong) == (place < 8 and {remainder(number, rule), remainder(wrong, rule)} == {0, 6})


def remainder(number: str, rule: NumberRule) -> int:
    """Weighted sum modulo 11; remainders 0 and 6 both give check digit 5, the one blind spot of S10."""
    digits = number[len(rule.prefix) :][:8]
    return sum(int(d) * w for d, w in zip(digits, (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11


@given(st.sampled_from(S10_RULES), st.integers(0, 10**8 - 1), st.integers(0, 6))
def test_s10_finds_swapped_neighbours_but_in_its_blind_spot(rule: NumberRule, serial: int, place: int) -> None:
    number = rule.format(serial)
    at = len(rule.prefix) + place
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assume(swapped != number)
    assert rule.accepts(swapped) == ({remainder(number, rule), remainder(swapped, rule)} == {0, 6})
