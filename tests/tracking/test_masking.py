"""No scan keeps or shows who receives, who signed, a phone or a pick-up code; the courier's phone stands beside it."""

import unicodedata
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.tracking import applying, service
from miandan.tracking.masking import courier_phone_given, courier_phone_in, masked_signer, without_persons
from miandan.tracking.model import WORDS, Action, Pushed, Scan
from miandan.vault.model import Recipient
from miandan.vault.retention import shred
from miandan.vault.veils import veiled
from miandan.waybills import lives
from miandan.waybills.model import Taken
from tests.tracking.travel import deliver, nobodys, scan
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall
from tests.waybills.world import parcel

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


@pytest.mark.parametrize(
    "text",
    [
        "快递员已联系收件人13822223333，约定明天派送",
        "小哥致电收件人 13822223333 无人接听",
        "派件员王五联系客户（13822223333）未接",
        "快递员李四电话13822223333无人接听",
        "快递员致电郑泄密（13822223333）",
        "快递员寻郑泄密（13822223333）",
        "快递员，客户电话：13822223333",
        "派件员打电话13822223333",
        "快递员向买家（13822223333）",
        "快递员 13822223333",
        "小哥已到，13822223333",
        "快递员李四电话联系13822223333",
    ],
)
def test_a_phone_that_may_be_the_recipients_is_no_couriers(text: str) -> None:
    assert courier_phone_in(text) == ""
    assert "13822223333" not in without_persons(text)


def test_a_couriers_phone_that_the_text_says_is_somebody_elses_is_not_kept() -> None:
    assert courier_phone_given("13822223333", "小哥致电收件人 13822223333 无人接听") == ""
    assert courier_phone_given("13911112222", "小哥致电收件人 13822223333 无人接听") == "13911112222"


@pytest.mark.parametrize("given", ["收件人13822223333", "郑泄密", "13822223333，郑泄密", "机密路9号"])
def test_what_is_no_phone_is_no_couriers_phone(given: str) -> None:
    assert courier_phone_given(given, "") == ""


@pytest.mark.parametrize("given", ["13911112222", "0571-88001234", "95543", "400-888-1234", "13911112222转123"])
def test_a_couriers_phone_in_a_field_of_its_own_is_kept(given: str) -> None:
    assert courier_phone_given(given, "正在派送") == given


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("收件人郑泄密拒收", "收件人郑**拒收"),
        ("已放至郑泄密家门口", "已放至郑**家门口"),
        ("客户郑泄密 要求改派至 机密路9号", "客户郑** 要求改派至 ***"),
        ("联系郑泄密未果", "联系郑**未果"),
        ("本人郑泄密签收", "本人郑**签收"),
        ("郑泄密先生的快件", "郑**先生的快件"),
        ("买家【欧阳小满】申请退货", "买家【欧**】申请退货"),
        ("收件人郑无忌拒收", "收件人郑**拒收"),
        ("收件地址：机密路9号3幢", "收件地址：***"),
    ],
)
def test_who_and_where_are_hidden_at_once_where_a_rule_finds_them(text: str, kept: str) -> None:
    assert without_persons(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "客户要求改约",
        "客户拒收",
        "收件人不在家",
        "客户地址不详",
        "客户取消寄件",
        "客户当面拒收",
        "已到达张家港转运中心",
        "快件改派至菜鸟驿站",
        "已放至您家门口",
        "已投递至小区门口丰巢快递柜",
    ],
)
def test_what_says_nothing_of_anybody_stays_readable(text: str) -> None:
    assert without_persons(text) == text


PLANTED = Recipient(
    "郑泄密", "13822223333", "7576", "浙江省", "杭州市", "余杭区", "仓前街道", "机密路 9 号 3 幢 501 室", "330110"
)
HIDDEN = ("郑泄密", "泄密", "13822223333", "22223333", "7576", "机密路", "密路", "501")
SENTENCES = [
    "快递员已联系收件人{phone}，约定明天派送",
    "派件员王五联系客户（{phone}）未接",
    "收件人{name}拒收",
    "已放至{name}家门口",
    "客户{name} 要求改派至 {place}",
    "交{name}手里了",
    "{place}无人",
    "同{name}说好放楼道，{phone}转{extension}",
    "{name}",
    "妥投！{name}（{place}）",
    "门牌{place}，电话{phone}",
    "浙江省杭州市余杭区{place}{name}收",
]


def _spellings(text: str) -> st.SearchStrategy[str]:
    """The ways in which people write the same: spaces, full-width digits, marks between."""
    wide = text.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)})
    return st.sampled_from([text, wide, " ".join(text), text.replace(" ", ""), text.replace(" ", "-")])


@st.composite
def _said(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3))
    words = {
        "name": draw(st.sampled_from(["郑泄密", "郑 泄密", "郑·泄密", "泄密"])),
        "phone": draw(_spellings(PLANTED.phone)),
        "place": draw(_spellings(PLANTED.detail)),
        "extension": PLANTED.extension,
    }
    return draw(st.text("，。 的在已请", max_size=3)).join(parts).format(**words)


def _shows_somebody(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text)
    packed = "".join(one for one in plain if one not in " ·-")
    return [word for word in HIDDEN if word in packed]


@given(_said())
def test_a_known_recipient_is_hidden_in_any_sentence_about_it(text: str) -> None:
    [kept] = veiled(PLANTED, [without_persons(text)])
    assert _shows_somebody(kept) == []


@given(st.text(max_size=60), st.text(max_size=6), st.text(max_size=20))
def test_any_recipient_can_be_looked_for_in_any_text(text: str, name: str, detail: str) -> None:
    person = Recipient(name, "13822223333", "1", "浙江省", "杭州市", "", "", detail)
    [kept] = veiled(person, [f"{text}13822223333{name}"])
    assert "13822223333" not in kept


def test_places_that_everybody_may_know_stay() -> None:
    text = "【杭州市】快件到达 余杭区仓前街道营业部，已放入菜鸟驿站"
    assert veiled(PLANTED, [text]) == [text]


def test_a_hostile_recipient_does_not_take_long() -> None:
    person = Recipient("甲" * 64, "1" * 30, "9" * 6, detail="1号" * 250)
    veiled(person, ["1号甲" * 330, "甲" * 1000, "1" * 1000])


async def _dumped(db: Database) -> str:
    """Every row of every table but those that are under lock or made of the sandbox's own data."""
    tables = await db.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname = 'public'"
    )
    rows = [row[0] for one in tables for row in await db.fetch(f"SELECT t::text FROM {one['name']} t")]
    return "\n".join(rows)


async def _shipped(stall: Stall) -> Taken:
    taken = await stall.one("yto", parcel("1", recipient=PLANTED))
    await lives.state_shipped(stall.world.db, stall.merchant_id, "yto", taken.number, now())
    return taken


def _everywhere(number: Taken | str, hour: float, text: str) -> Scan:
    """A scan that names the recipient in every field in which a carrier writes words."""
    words = dict.fromkeys(("city", "next_site", "courier", "new_carrier", "signer"), PLANTED.name)
    more = {"site_name": f"{PLANTED.detail}{PLANTED.name}", "site_code": PLANTED.name, "raw_code": PLANTED.name}
    return scan(number, Action.OTHER, hour, text=text, courier_phone=PLANTED.phone, **words, **more)


def test_a_scan_does_not_show_in_a_repr_what_a_door_was_given() -> None:
    assert _shows_somebody(repr([_everywhere("郑泄密13822223333", 1, "收件人郑泄密拒收")])) == []


async def test_no_table_and_no_answer_names_the_recipient_of_a_number_once_its_scans_are_applied(road: Heart) -> None:
    async with road.stall() as stall:
        taken, db = await _shipped(stall), stall.world.db
        said = [sentence.format(name="郑泄密", phone="13822223333", place=PLANTED.detail, extension="7576")
                for sentence in SENTENCES]  # fmt: skip
        pushed = await service.push(db, [_everywhere(taken, hour, text) for hour, text in enumerate(said)])
        assert pushed.accepted == len(said)
        where = stall.merchant_id, "yto", taken.number
        before = await service.route_of_merchant(db, *where)
        assert {one.text for one in before} == {WORDS[Action.OTHER]}, "nothing is shown before"
        assert {(one.site_name, one.city, one.courier, one.courier_phone, one.signer) for one in before} == {("",) * 5}
        await deliver(stall.world)
        after = await service.route_of_merchant(db, *where)
        assert all(one.cleaned for one in after)
        assert {one.courier_phone for one in after} == {""}
        told = [astuple(one) for one in (*before, *after)]
        [stand] = (await service.stands(db, [taken.ref])).values()
        shown = f"{told} {stand}".replace(taken.number, "")  # its digits are those of its turn
        assert _shows_somebody(shown) == []
        dumped = await _dumped(db)
        assert taken.number in dumped
        for word in ("郑泄密", "13822223333", "机密路"):
            assert word not in dumped


async def test_a_push_repeated_after_its_scans_were_rewritten_changes_nothing(road: Heart) -> None:
    async with road.stall() as stall:
        taken, db = await _shipped(stall), stall.world.db
        said = _everywhere(taken, 1, "收件人郑泄密拒收")
        await service.push(db, [said])
        await deliver(stall.world)
        assert await service.push(db, [said]) == Pushed(0, 1)
        assert await service.push(db, [replace(said, site_name="别处")]) == Pushed(1, 0, 1)


async def test_scans_that_came_before_the_take_are_shown_once_the_recipient_is_known(road: Heart) -> None:
    async with road.stall() as stall:
        db, first = stall.world.db, await stall.one("yto", "0")
        number = f"YT{int(first.number[2:]) + 1:013d}"
        await service.push(db, [scan(number, text="放在郑泄密那边，已揽收", site_name="余杭公司")])
        await deliver(stall.world)
        later = [await stall.one("yto", parcel(str(order), recipient=PLANTED)) for order in range(1, 5)]
        assert number in [one.number for one in later]
        await lives.state_shipped(db, stall.merchant_id, "yto", number, now())
        [early] = await service.route_of_merchant(db, stall.merchant_id, "yto", number)
        assert (early.text, early.site_name) == ("已揽收", "")
        await applying.apply_waiting(db, stall.world.vault)
        [known] = await service.route_of_merchant(db, stall.merchant_id, "yto", number)
        assert (known.text, known.site_name) == ("放在郑**那边，已揽收", "余杭公司")


@pytest.mark.parametrize("unknown", ["shredded", "masked elsewhere"])
async def test_a_recipient_that_nobody_knows_leaves_the_neutral_words(road: Heart, unknown: str) -> None:
    async with road.stall() as stall:
        db = stall.world.db
        person = PLANTED if unknown == "shredded" else structs.replace(PLANTED, name="郑**", phone="138****3333")
        taken = await stall.one("yto", parcel("1", recipient=person))
        await lives.state_shipped(db, stall.merchant_id, "yto", taken.number, now())
        if unknown == "shredded":
            async with db.transaction() as tx:
                await shred(tx, stall.merchant_id, [(await stall.waybill(taken.ref)).sealed.token])
        await service.push(db, [scan(taken, Action.SIGNED, text="郑泄密的家")])
        await deliver(stall.world)
        [shown] = await service.route_of_merchant(db, stall.merchant_id, "yto", taken.number)
        assert (shown.text, shown.action) == ("已签收", Action.SIGNED)
        assert (await stall.waybill(taken.ref)).signed_at is not None
