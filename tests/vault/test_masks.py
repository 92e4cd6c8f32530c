"""What a mask hides, whatever it is given; the rule of the label is GB/T 41833."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.kernel.masks import CIPHERTEXT_MARK, mask_detail, mask_mobiles, mask_name, mask_phone, mask_remark
from miandan.vault.masks import mask
from miandan.vault.model import Recipient
from tests.pace import least_seconds
from tests.vault.people import recipients, someone

DIGITS = st.text("0123456789", min_size=9, max_size=9)
MOBILES = st.builds(lambda second, rest: f"1{second}{rest}", st.sampled_from("3456789"), DIGITS)


def digits_in(text: str) -> str:
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", text))


# --- phones


@given(MOBILES)
def test_the_label_hides_six_digits_of_a_mobile(mobile: str) -> None:
    assert mask_phone(mobile) == f"1******{mobile[-4:]}"
    assert mask_phone(mobile, "screen") == f"{mobile[:3]}****{mobile[-4:]}"


@given(MOBILES, st.sampled_from(["", "+86", "+86 ", "86-", "0086 "]), st.lists(st.sampled_from(["", " ", "-", "  "])))
def test_the_way_a_mobile_is_written_changes_nothing(mobile: str, country: str, gaps: list[str]) -> None:
    spaced = "".join(digit + gap for digit, gap in zip(mobile, [*(gaps + [""] * 11)[:10], ""], strict=True))
    assert mask_phone(country + spaced) == mask_phone(mobile)
    assert mask_phone(mobile.translate({ord("0") + n: 0xFF10 + n for n in range(10)})) == mask_phone(mobile)


@given(MOBILES, st.text("0123456789", min_size=3, max_size=6), st.sampled_from(["-", "转", " 转 ", "#", ",", "/"]))
def test_the_extension_of_a_virtual_number_is_hidden_whole(mobile: str, extension: str, before: str) -> None:
    assert mask_phone(f"{mobile}{before}{extension}") == f"1******{mobile[-4:]}-{'*' * min(len(extension), 4)}"
    assert mask(someone(phone=mobile, extension=extension)).extension == "*" * min(len(extension), 4)


@given(st.sampled_from(["010", "0571", "021"]), st.text("123456789", min_size=7, max_size=8), st.sampled_from("- "))
def test_a_landline_keeps_its_area_code_and_loses_six_digits(area: str, number: str, between: str) -> None:
    for written in (f"{area}{between}{number}", f"({area}){number}", area + number):
        masked = mask_phone(written)
        assert masked == f"{area}-******{number[6:]}"
        assert len(digits_in(written)) - len(digits_in(masked)) == 6


@given(st.from_regex(r"[+0]?[0-9 ()-]{1,24}[0-9]", fullmatch=True), st.sampled_from(["label", "screen"]))
def test_any_number_loses_six_digits_on_paper_and_four_on_a_screen(number: str, rule: str) -> None:
    masked = mask_phone(number, rule)
    least = 6 if rule == "label" else 4
    assert masked.count("*") >= min(least, len(digits_in(number)))
    assert len(digits_in(masked)) <= max(0, len(digits_in(number)) - least) + 2  # what it shows is counted, not added


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("138****0000", "1******0000"),  # masked by a platform already, but not enough for paper
        ("400-820-8820", "******8820"),
        ("8812345", "******5"),
        ("18412345678[8831]", "1******5678-****"),
        ("010-88001234-8001", "010-******34-****"),
        ("$a1B2c3d4e5f6==$", CIPHERTEXT_MARK),
        ("8f3kQ+z/ezqUARqvuxJi/gaFbUjbBbKWF8mMNGLXFzqT89YeEDvgBi4gsd3fVutyec5mZ=", CIPHERTEXT_MARK),
        ("", ""),
    ],
)
def test_numbers_of_other_kinds(written: str, shown: str) -> None:
    assert mask_phone(written) == shown


@given(st.text(max_size=80))
def test_no_text_in_the_place_of_a_phone_is_shown_whole(text: str) -> None:
    digits = digits_in(text)
    masked = mask_phone(text)
    assert not digits or digits not in digits_in(masked) or len(digits) == 0


# --- names


@given(st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1, max_size=20))
def test_at_least_one_character_of_a_name_is_hidden(name: str) -> None:
    masked = mask_name(name)
    assert "*" in masked
    if len(name.strip()) > 1:
        assert masked[0] == name.strip()[0]
        assert set(masked[1:]) == {"*"}


def test_names_keep_their_first_character() -> None:
    names = {"王": "*", "王五": "王*", "欧阳建国": "欧**", "阿卜杜·热西提": "阿**", "𠮷田": "𠮷*", "": ""}
    assert {name: mask_name(name) for name in names} == names


# --- unit and room

ROOMS = st.integers(101, 3309).map(str)
UNITS = st.integers(1, 12).map(str)
BUILDINGS = st.integers(1, 99).map(str)  # with 130, "130-1000-1000" would be a phone, and hidden as one
BUILDING_WORDS = st.sampled_from(["幢", "栋", "号楼", "座", "#"])
ROOM_WORDS = st.sampled_from(["室", "房", "号房", "户", ""])
STREETS = st.sampled_from(["虚构路1037号", "示例大道88号", "人民路70-18号", "长江西路", "G104国道旁", ""])
ESTATES = st.sampled_from(["示例花园", "幸福小区", "翡翠苑三期", "A区", "大学新主楼", ""])
NOTES = st.sampled_from(["", "(放门口)", "，放丰巢", " 前台收", "（请打电话）"])


@given(
    STREETS,
    ESTATES,
    BUILDINGS,
    BUILDING_WORDS,
    UNITS,
    st.sampled_from(["单元", " 单元", "單元"]),
    ROOMS,
    ROOM_WORDS,
    NOTES,
)
def test_unit_and_room_are_hidden_and_street_and_building_stay(
    street: str, estate: str, building: str, word: str, unit: str, unit_word: str, room: str, room_word: str, note: str
) -> None:
    kept = f"{street}{estate}{building}{word}"
    masked = mask_detail(f"{kept}{unit}{unit_word.strip()}{room}{room_word}{note}")
    assert masked.startswith(kept)
    hidden = masked.removeprefix(kept)
    assert digits_in(hidden) == ""
    assert "单元" not in hidden
    assert hidden.endswith(note)


@given(
    st.sampled_from(["虚构路1037号", "示例大道88号", "示例路18号院", "示例村12组5号", "人民路7弄3号"]),
    st.sampled_from(["示例花园", "翡翠苑", ""]),
    st.tuples(BUILDINGS, st.sampled_from(["幢", "栋", "号楼"])),
    st.tuples(UNITS, st.sampled_from(["单元", ""])),
    st.tuples(ROOMS, st.sampled_from(["室", "房", "户"])),
)
def test_a_blank_between_a_number_and_its_word_changes_nothing(
    street: str, estate: str, building: tuple[str, str], unit: tuple[str, str], room: tuple[str, str]
) -> None:
    written = f"{street}{estate}{''.join(building)}{''.join(unit) if unit[1] else ''}{''.join(room)}"
    spaced = re.sub(r"(?<=\D)(?=\d)|(?<=\d)(?=\D)", " ", written)  # 虚构路 1037 号示例花园 3 幢 601 室
    assert mask_detail(spaced).replace(" ", "") == mask_detail(written)


@pytest.mark.parametrize("rest", ["楼下超市", "座机", "号码牌", "房东收", "区号", "层层叠"])
def test_a_word_that_begins_something_else_does_not_save_a_room(rest: str) -> None:
    assert mask_detail(f"虚构路100号 302 {rest}") == f"虚构路100号*** {rest}"


@given(
    STREETS, ESTATES, BUILDINGS, st.lists(ROOMS, min_size=1, max_size=2), st.sampled_from("-－_#～"), ROOM_WORDS, NOTES
)
def test_numbers_joined_by_dashes_keep_the_building_only(
    street: str, estate: str, building: str, rest: list[str], dash: str, room_word: str, note: str
) -> None:
    masked = mask_detail(
        f"{street}{estate or '苑'}{building}{dash}{dash.join(rest)}{room_word.replace('号', '')}{note}"
    )
    assert masked == f"{street}{estate or '苑'}{building}-***{note}"


@given(STREETS, ESTATES, BUILDINGS, BUILDING_WORDS, ROOMS, ROOM_WORDS, st.sampled_from(["", " ", "，"]), NOTES)
def test_a_room_after_its_building_is_hidden_with_or_without_a_word(
    street: str, estate: str, building: str, word: str, room: str, room_word: str, gap: str, note: str
) -> None:
    kept = f"{street}{estate}{building}{word}"
    masked = mask_detail(kept + gap + room + room_word + note)
    assert digits_in(masked) in (digits_in(kept), digits_in(street + estate) + building)
    assert masked.endswith("***" + note)


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("一单元三楼东户", "******"),
        ("五楼三零二室", "五楼***"),
        ("香榭花园 502", "香榭花园***"),
        ("公寓1508前台", "公寓***前台"),
        ("3栋2单元-301号", "3栋***"),
        ("创业大厦A座 15F 1502", "创业大厦A座*** ***"),
        ("8号楼B1203室", "8号楼***"),
        ("A区5号铺", "A区***"),
        ("东首第3户", "东首第***"),
        ("宿舍楼302", "宿舍楼***"),
        ("80-2-1号", "80-***"),
        ("示例商场15栋114号", "示例商场15栋***"),
        ("示例市场12楼6289-2", "示例市场12楼***"),
        ("轻工市场三楼819号", "轻工市场三楼***"),
        ("卧龙山庄9一9一2192", "卧龙山庄9-***"),
        ("示例苑13B3761", "示例苑***"),
        ("中山路99弄12号302", "中山路99弄12号***"),
    ],
)
def test_units_and_rooms_as_people_write_them(detail: str, shown: str) -> None:
    assert mask_detail(detail) == shown


@pytest.mark.parametrize(
    "detail",
    [
        "滨江中路70-18号",
        "虚构路1037号",
        "三房巷村4组",
        "二铺镇八户村",
        "798艺术区",
        "G104国道旁",
        "创业大厦15楼",
        "柴楼42号",
        "家苑二区8排150号",
        "闲兴路146号11号楼",
        "产业园129幢2楼",
        "建设路12号门面",
        "中山北路778",
        "",
    ],
)
def test_what_leads_the_courier_to_the_building_stays(detail: str) -> None:
    assert mask_detail(detail) == detail


# --- remarks

GAPS = st.sampled_from(["", " ", "-", "  ", ".", "\u200b", "－", "/"])


@given(
    MOBILES,
    st.lists(GAPS, min_size=10, max_size=10),
    st.sampled_from(["", "+86", "+86 ", "86", "0086-", "＋86"]),
    st.sampled_from(["ascii", "full width", "characters"]),
    st.sampled_from(["", "电话", "打我手机：", "v"]),
    st.sampled_from(["", "谢谢", "，放门口", "转1234"]),
)
def test_no_phone_in_a_remark_survives(
    mobile: str, gaps: list[str], country: str, script: str, before: str, after: str
) -> None:
    digits = {"ascii": "0123456789", "full width": "０１２３４５６７８９", "characters": "零一二三四五六七八九"}[script]
    written = "".join(digits[int(d)] + gap for d, gap in zip(mobile, [*gaps, ""], strict=True))
    masked = mask_remark(f"{before}{country}{written}{after}")
    assert masked == f"{before}***********{after.removeprefix('转1234')}"


@pytest.mark.parametrize(
    "remark",
    [
        "要红色XL，10-12号送",
        "订单20240310110745",
        "条码6901234567890",
        "两件七五折",
        "",
        "2024-03-10 11:07:45",
        "尺寸120*80*75",
    ],
)
def test_numbers_that_are_no_phones_stay(remark: str) -> None:
    assert mask_remark(remark) == remark


def test_landlines_and_several_phones_in_a_remark_are_hidden() -> None:
    assert mask_remark("打0571-88001234转8001或(010)88001234") == "打***********或***********"
    assert mask_remark("13912345678/13800001111") == "***********"


@given(st.text(max_size=200))
def test_masking_any_remark_twice_changes_nothing_more(remark: str) -> None:
    assert mask_remark(mask_remark(remark)) == mask_remark(remark)


# --- whole recipients


@given(recipients(), st.sampled_from(["label", "screen"]))
def test_any_recipient_can_be_masked(recipient: Recipient, rule: str) -> None:
    shown = mask(recipient, rule)
    assert (shown.province, shown.division_code) == (recipient.province, recipient.division_code)
    name = recipient.name.strip()
    reads_like_a_mask = not name.strip("*") or (len(name) > 1 and set(name[1:]) == {"*"})
    assert shown.name != recipient.name or reads_like_a_mask


def test_name_and_phone_are_hidden_wherever_the_buyer_repeats_them() -> None:
    shown = mask(
        someone(
            phone="0571-8800",
            detail="示例花园3幢2单元501室欧阳建国收",
            buyer_remark="欧阳建国，电话0571-8800",
            seller_remark="给欧阳建国的礼物",
        )
    )
    assert shown.detail == "示例花园3幢***欧**收"
    assert shown.buyer_remark == "欧**，电话***********"
    assert shown.seller_remark == "给欧**的礼物"


def test_an_unknown_rule_is_no_rule() -> None:
    with pytest.raises(KeyError):
        mask(someone(), "none")


def test_two_thousand_labels_are_masked_in_a_tenth_of_a_second() -> None:
    people = [someone(detail=f"虚构路{n}号示例花园{n % 90}幢2单元{n % 33}01室") for n in range(2_000)]
    assert least_seconds(lambda: [mask(person, "label") for person in people]) < 0.1


def test_a_mobile_in_the_name_of_an_article_becomes_stars_and_other_numbers_stay() -> None:
    assert mask_mobiles("刻字13800000000和13900000000") == "刻字***********和***********"
    for other in ("保温杯 500ml", "条码 6901234567892", "批号 138000000001", "1.5*2.0-30", "型号 12345678901"):
        assert mask_mobiles(other) == other
