"""Route tables: the longest prefix wins, versions are dated, sandbox tables say so."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.branches.routes import (
    Route,
    RouteRow,
    RouteTable,
    current_version,
    load_route_table,
    read_csv,
    read_toml,
    route_table,
)
from miandan.kernel.errors import Refusal
from tests.conftest import FreshDatabase

ROWS = [
    RouteRow("33", "300", "浙江", "杭州集包"),
    RouteRow("3301", "310", "杭州", "杭州集包"),
    RouteRow("330110", "310-05 010", "余杭", "余杭集包"),
]
PREFIXES = st.lists(st.text("012", min_size=2, max_size=6), unique=True, min_size=1, max_size=40)


def table(rows: list[RouteRow], *, sandbox: bool = False) -> RouteTable:
    return RouteTable("zto", 1, sandbox, date(2025, 1, 1), rows)


@pytest.mark.parametrize(
    ("division", "mark"),
    [("330110", "余杭"), ("330110101", "余杭"), ("330106", "杭州"), ("330225", "浙江"), ("110101", None), ("", None)],
)
def test_the_longest_prefix_wins(division: str, mark: str | None) -> None:
    found = table(ROWS).route(division)
    assert (found and found.big_mark) == mark


@given(PREFIXES, st.text("012", max_size=8))
def test_the_route_is_that_of_a_plain_search(prefixes: list[str], division: str) -> None:
    fitting = [prefix for prefix in prefixes if division.startswith(prefix)]
    found = table([RouteRow(prefix, prefix, "", "") for prefix in prefixes]).route(division)
    assert (found and found.sort_code) == (max(fitting, key=len) if fitting else None)


def test_a_sandbox_table_marks_every_route_as_an_example() -> None:
    assert table(ROWS, sandbox=True).route("3301") == Route("310", "示例 杭州", "杭州集包")


async def test_a_version_is_kept_and_found_by_its_day(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        assert await current_version(db, "zto") is None
        example = await load_route_table(db, "zto", ROWS, date(2025, 1, 1), sandbox=True)
        assert await current_version(db, "zto", date(2025, 1, 2)) == example.version
        assert await current_version(db, "zto", date(2024, 12, 31)) is None
        real = await load_route_table(db, "zto", ROWS[:1], date(2024, 6, 1))
        later = await load_route_table(db, "zto", ROWS[:2], date(2025, 6, 1))
        versions = [await current_version(db, "zto", day) for day in (date(2025, 5, 31), date(2025, 6, 1))]
        assert versions == [real.version, later.version]
        again = await route_table(db, "zto", example.version)
        assert (len(again), again.sandbox, again.route("3301")) == (3, True, example.route("3301"))
        with pytest.raises(Refusal, match=r"route\.version_unknown"):
            await route_table(db, "zto", 99)


async def test_a_bad_row_stops_the_whole_table(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        for rows, code in (
            ([], "route.empty"),
            ([*ROWS, RouteRow("33", "1", "2", "3")], "route.prefix_twice"),
            ([*ROWS, RouteRow("33x", "1", "2", "3")], "route.prefix_malformed"),
        ):
            with pytest.raises(Refusal) as refused:
                await load_route_table(db, "zto", rows)
            assert refused.value.code == code
        assert await current_version(db, "zto") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_in_any_encoding_of_a_back_office_is_read(encoding: str) -> None:
    text = "大头笔,区划前缀,三段码,集包地,备注\r\n余杭,330110,310-05 010,余杭集包,无\r\n"
    assert read_csv(text.encode(encoding)) == [ROWS[2]]


def test_toml_rows_are_read() -> None:
    text = '[[route]]\nprefix = "330110"\nsort_code = "310-05 010"\nbig_mark = "余杭"\nbag_centre = "余杭集包"\n'
    assert read_toml(text.encode()) == [ROWS[2]]


def test_files_that_are_no_route_tables_are_refused() -> None:
    for read, content, code in (
        (read_csv, b"prefix,sort_code\n33,1\n", "route.columns_missing"),
        (read_csv, b"\xff\xff\xff", "route.unreadable"),
        (read_csv, b"", "route.columns_missing"),
        (read_toml, b"[[route]]\nprefix = '33'\n", "route.columns_missing"),
        (read_toml, b"not toml", "route.unreadable"),
    ):
        with pytest.raises(Refusal) as refused:
            read(content)
        assert refused.value.code == code
