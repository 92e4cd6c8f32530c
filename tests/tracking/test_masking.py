"""No text of a scan keeps a signer, a phone or a pick-up code; the courier's phone stands beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.tracking import service
from miandan.tracking.masking import courier_phone_in, masked_signer, without_persons
from miandan.tracking.model import Action
from tests.tracking.travel import nobodys, scan
from tests.waybills.conftest import Heart

NAMES = ["张三", "欧阳小明", "单田芳", "章子怡", "买买提·艾力", "王五"]
SIGNED = [
    "已签收，签收人：{}，如有疑问请联系13800001234",
    "已签收,签收人是【{}】。",
    "签收人 : {}",
    "快件已由{}本人签收，感谢使用",
    "快件已由【{}】代签收",
    "【{}】已签收",
    "妥投，收件人签收：{}",
    "您的快递已签收（{}）",
    "被{}先生签收",
    "签收人：前台、{}",
    "签收人姓名：{}13800001234",
]
NOBODY = [
    "您的快件已签收",
    "签收人：本人",
    "已签收，签收人凭取货码签收。",
    "已由前台代收",
    "由【菜鸟驿站】代收，请及时取件",
    "快件正在派送途中,请您准备签收",
    "包裹已签收",
    "客户签收",
    "浙江杭州转运中心 已发出，下一站 上海转运中心",
    "投递并签收，签收人：他人收",
    "已到达-湖南长沙转运中心",
    "您的订单已由门卫代收",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", SIGNED)
def test_who_signed_is_hidden(text: str, name: str) -> None:
    kept = without_persons(text.format(name))
    assert name not in kept
    assert name[1:] not in kept
    assert "13800001234" not in kept
    assert "签收" in kept


@pytest.mark.parametrize("text", NOBODY)
def test_what_names_nobody_stays(text: str) -> None:
    assert without_persons(text) == text


def test_a_name_in_latin_letters_is_hidden_whole() -> None:
    assert "SAN" not in without_persons("签收人:ZHANG SAN")


@pytest.mark.parametrize("name", NAMES)
def test_a_signer_that_the_carrier_names_is_hidden_wherever_it_stands(name: str) -> None:
    assert name not in without_persons(f"妥投{name}，谢谢{name}", signer=name)
    assert masked_signer(f" {name} ")[1:].strip("*") == ""


@pytest.mark.parametrize("word", ["本人", "前台", "菜鸟驿站", "丰巢快递柜", "他人收", ""])
def test_a_signer_who_is_no_person_stays(word: str) -> None:
    assert masked_signer(word) == word


@pytest.mark.parametrize(
    "text",
    [
        "凭取件码 5-2-1234 到驿站取件",
        "凭5-2-1234到站取件",
        "取件码：512345，请尽快领取",
        "提货码是【A1B2C3】",
        "开箱密码:887766",
    ],
)
def test_a_code_with_which_anybody_could_take_the_parcel_is_hidden(text: str) -> None:
    kept = without_persons(text)
    assert not any(character.isdigit() for character in kept)
    assert "***" in kept


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("派件员 李四 电话 13911112222 正在派件", "13911112222"),
        ("（派送人:李四,电话:13911112222）", "13911112222"),
        ("快递员李四(13911112222)正在派送，收件人电话13800001234", "13911112222"),
        ("快递员李四正在派送，收件人电话13800001234", ""),
        ("收件人13800001234", ""),
        ("派件员 李四 工号 139111122223", ""),
    ],
)
def test_only_a_phone_that_is_said_to_be_the_couriers_is_taken_for_it(text: str, phone: str) -> None:
    assert courier_phone_in(text) == phone
    assert "1391111" not in without_persons(text).replace("139111122223", "")
    assert "13800001234" not in without_persons(text)


@given(st.text(max_size=80), st.text(max_size=8))
def test_any_text_can_be_masked_again_and_holds_no_mobile(text: str, signer: str) -> None:
    kept = without_persons(f"{text} 13800001234 {text}", signer)
    assert " 13800001234 " not in kept
    assert isinstance(without_persons(kept), str)


def test_a_hostile_text_does_not_take_long() -> None:
    for part in ("签收人", "由", "张", "凭", "快递员", "A ", "【", "、", "1"):
        without_persons(part * 1000)
        courier_phone_in(part * 1000)
        masked_signer(part * 100)


async def test_nothing_in_the_inbox_says_who_signed_or_whose_phone_it_is(road: Heart) -> None:
    async with road.world() as world:
        number = nobodys()
        said = scan(
            number,
            Action.SIGNED,
            text="派件员李四(13911112222)已派送，由赵小六签收，收件人电话：13800001234，凭取件码778899取件",
            signer="赵小六",
            site_name="杭州余杭公司(13700005678)",
            city="杭州市13600007777",
            raw_code="签收 13500006666",
        )
        assert (await service.push(world.db, [said])).accepted == 1
        rows = await world.db.fetch(
            "SELECT s::text AS kept FROM scan s WHERE number = $1 UNION ALL "
            "SELECT n::text FROM scanned_number n WHERE number = $1 UNION ALL "
            "SELECT o::text FROM outbox o WHERE body ->> 'number' = $1",
            number,
        )
        kept = " ".join(row["kept"] for row in rows)
        assert len(rows) == 3
        for planted in ("赵小六", "小六", "13800001234", "13700005678", "13600007777", "13500006666", "778899"):
            assert planted not in kept
        [read] = await service.route_of(world.db, "yto", number)
        assert (read.signer, read.courier_phone) == ("赵**", "13911112222")
        assert "13911112222" not in read.text
