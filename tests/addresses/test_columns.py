"""Separate columns are completed to full names and code; contradictions are reported, never resolved by guessing."""

import pytest

from miandan import addresses


@pytest.mark.parametrize(
    ("columns", "completed"),
    [
        (("浙江", "温州", "龙湾", "", "文昌路1号"), ("浙江省", "温州市", "龙湾区", "", "文昌路1号", "330303")),
        (
            ("北京", "北京", "朝阳", "", "望京街道阜通1号"),
            ("北京市", "北京市", "朝阳区", "望京街道", "阜通1号", "110105"),
        ),
        (("上海市", "市辖区", "浦东新区", "张江", "a路"), ("上海市", "上海市", "浦东新区", "张江镇", "a路", "310115")),
        (("浙江省", "杭州市", "", "", "西湖区文三路1号"), ("浙江省", "杭州市", "西湖区", "", "文三路1号", "330106")),
        (("广东", "东莞", "", "", "长安镇沙头路"), ("广东省", "东莞市", "", "长安镇", "沙头路", "441900")),
        (("广东省", "东莞市", "东莞市", "长安镇", "1号"), ("广东省", "东莞市", "", "长安镇", "1号", "441900")),
        (
            ("湖北省", "省直辖县级行政区划", "仙桃市", "沙嘴街道", "1号"),
            ("湖北省", "仙桃市", "仙桃市", "沙嘴街道", "1号", "429004"),
        ),
        (("重庆市", "县", "忠县", "", "1号"), ("重庆市", "重庆市", "忠县", "", "1号", "500233")),
        (("浙江省", "义乌市", "", "", "江东街道1号"), ("浙江省", "金华市", "义乌市", "江东街道", "1号", "330782")),
        (("", "", "", "", "浙江杭州西湖区文三路1号"), ("浙江省", "杭州市", "西湖区", "", "文三路1号", "330106")),
        (
            ("浙江省", "杭州市", "西湖区", "", "浙江省杭州市西湖区文新街道文三路1号"),
            ("浙江省", "杭州市", "西湖区", "文新街道", "文三路1号", "330106"),
        ),
    ],
)
def test_columns_become_full_names_and_code(columns: tuple[str, ...], completed: tuple[str, ...]) -> None:
    parsed = addresses.complete(*columns)
    got = (parsed.province, parsed.city, parsed.district, parsed.town, parsed.detail, parsed.division_code)
    assert got == completed
    assert parsed.uncertain == ()


def test_a_retired_district_column_becomes_its_successor_with_the_old_name_noted() -> None:
    parsed = addresses.complete("浙江", "杭州", "下城", "", "延安路1号")
    assert (parsed.district, parsed.division_code) == ("拱墅区", "330105")
    assert parsed.uncertain == ("district: 下城区(2021-04-09)现为拱墅区",)


def test_columns_that_contradict_each_other_come_back_as_written_without_a_code() -> None:
    parsed = addresses.complete("浙江", "南京", "鼓楼", "", "中山路1号")
    assert (parsed.province, parsed.city, parsed.district, parsed.division_code) == ("浙江", "南京", "鼓楼", "")
    assert parsed.uncertain == ("city: 南京与前面的省市不符",)


def test_an_unknown_district_keeps_its_text_and_the_code_of_the_city() -> None:
    parsed = addresses.complete("浙江省", "杭州市", "火星区", "", "1号")
    assert (parsed.district, parsed.division_code) == ("火星区", "330100")
    assert "火星区不在区划表中" in parsed.uncertain[0]


def test_a_homonym_district_column_alone_gets_no_code() -> None:
    parsed = addresses.complete("", "", "鼓楼区", "", "中山路1号")
    assert (parsed.province, parsed.district, parsed.division_code) == ("", "鼓楼区", "")
    assert parsed.uncertain
