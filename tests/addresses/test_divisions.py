"""The division table: fresh, consistent, with every renaming mapped to something that exists today."""

import subprocess
import sys
import tomllib
from datetime import date
from importlib import resources

import pytest

from miandan.addresses import division_of, divisions
from miandan.addresses.divisions import CITY, COUNTY, PROVINCE


def test_the_table_has_all_provinces_and_no_division_without_a_parent() -> None:
    levels = [division.level for division in divisions()]
    assert levels.count(PROVINCE) == 34
    assert levels.count(CITY) >= 333
    assert levels.count(COUNTY) >= 2840
    for division in divisions():
        assert division.path[-1] is division
        assert [above.level for above in division.path] == sorted({above.level for above in division.path})


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("临平区", "330113"),
        ("钱塘区", "330114"),
        ("偃师区", "410307"),
        ("白杨市", "659012"),
        ("米林市", "540481"),
        ("错那市", "540581"),
        ("和康县", "653228"),
        ("和安县", "653229"),
        ("西沙区", "460302"),
    ],
)
def test_recent_changes_are_in_the_table(name: str, code: str) -> None:
    assert divisions().name_of(code) == name


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (("浙江", "温州", "龙湾"), "330303"),
        (("浙江省", "杭州市", "下城区"), "330105"),
        (("浙江省", "杭州市", "江干区"), "330102"),
        (("江苏省", "南京市", "鼓楼区"), "320106"),
        (("湖北省", "仙桃市", ""), "429004"),
        (("湖北省", "", "仙桃市"), "429004"),
        (("广东省", "东莞市", ""), "441900"),
        (("重庆市", "县", "忠县"), "500233"),
        (("上海市", "上海市", "浦东新区"), "310115"),
        (("吉林省", "吉林市", ""), "220200"),
    ],
)
def test_route_tables_find_the_code_of_names(columns: tuple[str, str, str], code: str) -> None:
    assert division_of(*columns) == code


@pytest.mark.parametrize(
    "columns", [("", "", "朝阳区"), ("江苏省", "", "鼓楼区"), ("浙江省", "南京市", ""), ("", "", "")]
)
def test_names_that_leave_a_choice_or_contradict_have_no_code(columns: tuple[str, str, str]) -> None:
    assert division_of(*columns) == ""


def test_every_county_finds_its_own_code_by_its_names() -> None:
    lost = [
        division.code
        for division in divisions()
        if not division.zone and division_of(division.province, division.city, division.district) != division.code
    ]
    # Cities and their municipality share names: 北京市/北京市 is the municipality.
    assert lost == ["110100", "120100", "310100", "500100"]


@pytest.mark.parametrize(
    ("code", "name", "successor"),
    [
        ("330104", "江干区", "上城区"),
        ("330103", "下城区", "拱墅区"),
        ("330204", "江东区", "鄞州区"),
        ("330621", "绍兴县", "柯桥区"),
        ("310108", "闸北区", "静安区"),
        ("110104", "宣武区", "西城区"),
        ("320504", "金阊区", "姑苏区"),
        ("130421", "邯郸县", "邯山区"),
        ("371202", "莱城区", "莱芜区"),
        ("469003", "儋州市", "儋州市"),
        ("340208", "三山区", "弋江区"),
        ("610125", "户县", "鄠邑区"),
        ("440184", "从化市", "从化区"),
    ],
)
def test_a_retired_name_leads_to_its_main_successor(code: str, name: str, successor: str) -> None:
    table = divisions()
    assert table.name_of(table.successors(code, name)[0]) == successor


def test_every_successor_in_the_history_exists_today() -> None:
    table = divisions()
    missing = [old for old, successors in table.retired.items() for code in successors if table.by_code(code) is None]
    assert missing == []
    assert len(table.retired) >= 350


def test_every_table_says_where_it_comes_from_and_under_which_licence() -> None:
    folder = resources.files("miandan.addresses") / "data"
    notice = tomllib.loads((folder / "NOTICE.toml").read_text(encoding="utf-8"))
    named = {source["table"] for source in notice["source"]}
    assert named == {file.name for file in folder.iterdir() if file.name.endswith(".tsv")}
    for source in notice["source"]:
        assert source["licence"]
        assert isinstance(source["valid_from"], date)


def test_importing_the_parser_reads_no_table() -> None:
    program = (
        "from miandan import addresses as a; d = a.divisions; "
        "assert d.cache_info().currsize == 0; "
        "a.parse('x'); assert d.cache_info().currsize == 1"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
