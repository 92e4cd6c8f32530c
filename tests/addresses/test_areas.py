"""The division table as a tree: every code once, four levels, places that have fewer levels in their proper place."""

from collections.abc import Iterator

import pytest

from miandan.addresses import areas
from miandan.addresses.areas import TOWN, Area, AreaNames, chain_of, find_area, names_of, province_tree, provinces
from miandan.addresses.divisions import CITY, COUNTY, PROVINCE, divisions
from tests.pace import least_seconds


def walk(area: Area) -> Iterator[Area]:
    yield area
    for part in area.parts:
        yield from walk(part)


def test_the_trees_hold_every_division_and_town_once() -> None:
    codes = [area.code for top in provinces() for tree in [province_tree(top.code)] if tree for area in walk(tree)]
    assert len(codes) == len(set(codes))
    assert {one.code for one in divisions()} <= set(codes)
    towns = {code for one in divisions() for code, _ in divisions().town_names(one.code)}
    assert len(towns) > 40_000
    assert towns <= set(codes)


def test_every_area_lies_below_its_parent_one_or_more_levels_deeper() -> None:
    for top in provinces():
        tree = province_tree(top.code)
        assert tree is not None
        for area in walk(tree):
            assert all(part.parent == area.code and part.level > area.level for part in area.parts)
            assert area.level in (PROVINCE, CITY, COUNTY, TOWN)


@pytest.mark.parametrize(
    ("code", "names", "chain"),
    [
        ("330106", AreaNames("浙江省", "杭州市", "西湖区", ""), ["330000", "330100", "330106"]),
        ("429004", AreaNames("湖北省", "仙桃市", "仙桃市", ""), ["420000", "429000", "429004"]),
        ("659001", AreaNames("新疆维吾尔自治区", "石河子市", "石河子市", ""), ["650000", "659000", "659001"]),
        ("441900003", AreaNames("广东省", "东莞市", "", "东城街道"), ["440000", "441900", "441900003"]),
        ("500230", AreaNames("重庆市", "重庆市", "丰都县", ""), ["500000", "500100", "500230"]),
        (
            "110101001",
            AreaNames("北京市", "北京市", "东城区", "东华门街道"),
            ["110000", "110100", "110101", "110101001"],
        ),
        ("81", AreaNames("香港特别行政区", "", "", ""), ["810000"]),
        ("3301", AreaNames("浙江省", "杭州市", "", ""), ["330000", "330100"]),
    ],
)
def test_a_code_leads_to_its_names_and_to_everything_above_it(code: str, names: AreaNames, chain: list[str]) -> None:
    assert names_of(code) == names
    assert [area.code for area in chain_of(code)] == chain


@pytest.mark.parametrize("code", ["", "9", "99", "990000", "330199", "33010", "３３", "33010a", "330106999", "-1"])
def test_a_code_that_is_none_leads_nowhere(code: str) -> None:
    assert find_area(code) is None
    assert names_of(code) is None
    assert chain_of(code) == ()
    assert province_tree(code) is None


def test_a_province_is_asked_for_by_two_or_six_digits_and_by_nothing_else() -> None:
    assert province_tree("33") is province_tree("330000") is not None
    assert province_tree("330100") is None


def test_the_tree_of_the_largest_province_comes_at_once() -> None:
    divisions()

    def grow() -> None:
        areas._province.cache_clear()
        assert province_tree("510000") is not None

    assert least_seconds(grow) < 0.5
    assert province_tree("510000") is province_tree("510000")
