"""The table of shop types says what the announcement says, and is whole."""

from datetime import date
from itertools import combinations

from miandan.merchants.shop_types import shop_types

TODAY = date(2024, 4, 1)


def test_the_seven_types_of_the_announcement_stand_with_their_applicants() -> None:
    found = {row.zh: set(row.applicants) for row in shop_types().open_on(TODAY)}
    enterprises = ["官方旗舰店", "旗舰店", "专卖店", "专营店", "企业店"]
    assert found == {name: {"enterprise"} for name in enterprises} | {
        "个体店": {"individual_business"},
        "个人店": {"natural_person"},
    }


def test_the_rows_of_one_type_never_overlap_in_time() -> None:
    for one, other in combinations(shop_types().types, 2):
        if one.code == other.code:
            days = {row.valid_from for row in (one, other)} | {row.valid_until for row in (one, other)}
            assert not any(day and one.holds_on(day) and other.holds_on(day) for day in days)


def test_every_row_refers_to_types_and_applicants_that_exist() -> None:
    table = shop_types()
    codes = {row.code for row in table.types}
    applicants = {row.code for row in table.applicants}
    assert all(row.applicants <= applicants for row in table.types)
    named = [row.types for rows in (table.capabilities, table.categories, table.turnover_caps) for row in rows]
    assert all(types <= codes for types in named)


def test_personal_shops_sell_from_the_shelf_only_and_from_a_list_of_categories() -> None:
    table = shop_types()
    assert table.capabilities_of("personal", TODAY) == {"shelf"}
    assert "affiliate" in table.capabilities_of("enterprise", TODAY)
    assert table.may_sell("personal", "球迷用品", TODAY)
    assert not table.may_sell("personal", "手机", TODAY)
    assert table.may_sell("enterprise", "手机", TODAY)


def test_personal_shops_were_closed_between_the_two_trials() -> None:
    table = shop_types()
    assert table.find("personal", date(2022, 3, 1)) is not None
    assert table.find("personal", date(2023, 3, 1)) is None
    assert table.turnover_cap("personal", date(2024, 10, 1)) is not None
    assert table.turnover_cap("personal", date(2024, 8, 31)) is None
