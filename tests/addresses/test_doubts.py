"""What the parser is not sure of it says, and what nobody wrote it does not make up."""

import pytest

from miandan import addresses


def _doubts(text: str) -> str:
    return "\n".join(addresses.parse(text).uncertain)


@pytest.mark.parametrize("text", ["鼓楼区中山路1号", "朝阳区建国路88号"])
def test_a_homonym_district_alone_stays_without_province_and_code(text: str) -> None:
    parsed = addresses.parse_address(text)
    assert (parsed.province, parsed.city, parsed.division_code) == ("", "", "")
    assert parsed.district == text[:3]
    assert "有多个同名" in parsed.uncertain[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("南京鼓楼区中山路1号", "320106"),
        ("徐州市鼓楼区中山路1号", "320302"),
        ("江苏省鼓楼区湖南路街道1号", "320106"),
        ("鼓楼区中山路1号 福建福州", "350102"),
        ("北京朝阳区望京街道", "110105"),
        ("吉林省长春市朝阳区", "220104"),
    ],
)
def test_any_other_level_decides_a_homonym(text: str, code: str) -> None:
    assert addresses.parse_address(text).division_code == code


def test_a_text_without_phone_or_name_says_so() -> None:
    assert "phone: 没有找到" in _doubts("浙江省杭州市西湖区文三路1号")
    assert "name: 没有找到" in _doubts("13900001111 浙江省杭州市西湖区文三路1号")


def test_several_phones_and_masked_phones_are_doubtful() -> None:
    assert "phone: 有多个号码" in _doubts("张三 13900001111 13900002222 浙江省杭州市西湖区文三路1号")
    masked = addresses.parse("张三 139****1111 浙江省杭州市西湖区文三路1号")
    assert masked.phone == "139****1111"
    assert "phone: 号码被打码" in masked.uncertain


def test_a_town_that_went_to_a_new_district_keeps_the_district_as_written_and_names_the_new_one() -> None:
    parsed = addresses.parse_address("浙江省杭州市余杭区南苑街道1号")
    assert (parsed.district, parsed.town, parsed.division_code) == ("余杭区", "南苑街道", "330110")
    assert "town: 南苑街道现属临平区(330113)" in parsed.uncertain


def test_a_town_of_the_neighbouring_district_is_reported() -> None:
    parsed = addresses.parse_address("杭州市余杭区留下街道荆长路3号")
    assert parsed.district == "余杭区"
    assert "town: 留下街道属西湖区，不属余杭区" in parsed.uncertain


def test_an_unknown_town_or_zone_is_kept_as_written_with_a_doubt() -> None:
    parsed = addresses.parse_address("舟山临城新区千岛路3号")
    assert (parsed.district, parsed.division_code) == ("临城新区", "330900")
    assert "district: 临城新区不在区划表中，按原文保留" in parsed.uncertain
    assert addresses.parse_address("浙江省温州市瑞安市莘莘镇1号").town == "莘莘镇"


def test_the_second_of_two_contradicting_regions_wins_with_a_doubt() -> None:
    parsed = addresses.parse_address("山东省临沂市临沭县中国浙江省杭州市西湖区文三路7号")
    assert (parsed.province, parsed.district, parsed.detail) == ("浙江省", "西湖区", "文三路7号")
    assert "district: 原文有两处不同的省市区，取了后一处" in parsed.uncertain


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("浙江省宁波市江北大道4号", "江北大道4号"),
        ("上海市南京西路5号", "南京西路5号"),
        ("浙江大学紫金港校区6号", "浙江大学紫金港校区6号"),
        ("杭州市滨江区滨江宝龙广场6楼", "滨江宝龙广场6楼"),
        ("浙江省杭州市西湖区转塘家园46幢", "转塘家园46幢"),
    ],
)
def test_streets_and_landmarks_named_after_places_stay_in_the_detail(text: str, detail: str) -> None:
    assert addresses.parse_address(text).detail == detail


@pytest.mark.parametrize("text", ["", " ", "\n\t", "null", "。", "好的谢谢", "1", "没有地址"])
def test_text_without_an_address_gives_no_levels(text: str) -> None:
    parsed = addresses.parse(text)
    assert (parsed.province, parsed.city, parsed.district, parsed.division_code) == ("", "", "", "")
    assert parsed.uncertain


def test_ciphertext_is_not_taken_for_a_phone() -> None:
    cipher = "aB3dE13900001111xYz9Qw8eRt7yUi6oPa5sDf4gHj3kL2zXc1vBn"
    assert addresses.parse(f"张三 {cipher} 浙江省杭州市西湖区文三路1号").phone == ""


def test_a_renamed_city_is_noted_for_the_city_and_a_renamed_county_for_the_district() -> None:
    assert addresses.parse_address("湖北省襄樊市樊城区1号").uncertain[0].startswith("city: 襄樊市(")
    assert addresses.parse_address("浙江省杭州市下城区1号").uncertain[0].startswith("district: 下城区(")


@pytest.mark.parametrize(
    ("text", "town", "detail"),
    [
        ("湖北省武汉市武昌区中南路街道中南路1号", "中南路街道", "中南路1号"),
        ("湖北省武汉市武昌区中南路街街道中南路1号", "中南路街街道", "中南路1号"),
        ("湖北省武汉市武昌区水果湖街街道水果湖街办事处黄鹂路1号", "水果湖街街道", "黄鹂路1号"),
        ("浙江省台州市路桥区峰江街道桥洋工业区1号", "峰江街道", "桥洋工业区1号"),
        ("壶山街道浙江省武义县壶山街道创业巷1号", "壶山街道", "创业巷1号"),
    ],
)
def test_a_street_office_is_named_as_written_and_leaves_no_second_copy_in_the_detail(
    text: str, town: str, detail: str
) -> None:
    parsed = addresses.parse_address(text)
    assert (parsed.town, parsed.detail) == (town, detail)
