"""Pieces of a call as nouns of the house."""

from miandan.addresses import divisions
from miandan.dialects.doudian import reading


def test_no_division_has_a_name_that_is_too_long_to_be_looked_for() -> None:
    assert max(map(len, divisions().names)) < reading.LONGEST_DIVISION


def test_a_text_too_long_for_a_division_is_none_and_is_not_remembered() -> None:
    remembered = reading._division.cache_info().currsize
    assert reading.division("浙江省", "杭州市", "余杭区" * 20) == ""
    assert reading._division.cache_info().currsize == remembered
