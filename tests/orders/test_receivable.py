"""Who can receive a parcel and what can be an order's id: one rule for all that programs send."""

import pytest
from msgspec import structs

from miandan import addresses
from miandan.addresses.divisions import PROVINCE
from miandan.kernel.errors import Refusal
from miandan.orders.ids import refuse_odd_id
from miandan.orders.receivable import is_phone
from miandan.orders.recipients import completed
from miandan.vault.model import Recipient
from tests.orders.test_recipients import FOREIGN, OWN

SOMEBODY = Recipient(
    "示例收件人",
    "19900000000",
    province="浙江省",
    city="杭州市",
    district="余杭区",
    town="仓前街道",
    detail="文一西路 969 号",
    division_code="330110",
)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"phone": "abc"}, "orders.recipient_phone"),
        ({"phone": "-"}, "orders.recipient_phone"),
        ({"phone": "1"}, "orders.recipient_phone"),
        ({"phone": "1" * 21}, "orders.recipient_phone"),
        ({"phone": "13800000000 或 13900000000"}, "orders.recipient_phone"),
        ({"phone": "5" * 500}, "orders.recipient_long"),
        ({"phone": "199\u202e00000000"}, "orders.recipient_unprintable"),
        ({"phone": "1990000\x000000"}, "orders.recipient_unprintable"),
        ({"phone": " "}, "orders.recipient_incomplete"),
        ({"phone": "199****0000"}, "orders.recipient_masked"),
        ({"extension": "1" * 21}, "orders.recipient_long"),
        ({"name": "\n"}, "orders.recipient_incomplete"),
        ({"name": "\u3000"}, "orders.recipient_incomplete"),
        ({"name": "示" * 2_000}, "orders.recipient_long"),
        ({"name": "\u202e人件收"}, "orders.recipient_unprintable"),
        ({"detail": " ", "town": ""}, "orders.recipient_incomplete"),
        ({"detail": "路" * 5_000}, "orders.recipient_long"),
        ({"detail": "文一西路\n969 号"}, "orders.recipient_unprintable"),
        ({"buyer_remark": "快" * 1_001}, "orders.recipient_long"),
        ({"province": "火星省"}, "orders.province_unknown"),
        ({"province": "火星省", "division_code": ""}, "orders.province_unknown"),
        ({"province": "", "city": "", "district": "", "detail": "7 号"}, "orders.recipient_incomplete"),
    ],
)
def test_a_recipient_whom_no_courier_finds_is_refused_without_being_quoted(change: dict[str, str], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        completed(structs.replace(SOMEBODY, **change))
    assert refused.value.code == code
    said = refused.value.zh + refused.value.next_zh + refused.value.en + refused.value.next_en
    assert not any(text in said for text in change.values() if len(text.strip()) > 2)


@pytest.mark.parametrize(
    "phone",
    [
        "19900000000",
        "+86 199-0000-0000",
        "１９９００００００００",
        "18400913965-7576",
        "18400913965转7576",
        "18400913965,7576#",
        "(0571) 88001234-802",
        "400-820-8820",
        "95588",
        "+852 5123 4567",
        "0571—88001234",
    ],
)
def test_phones_are_known_with_their_usual_signs_and_extensions(phone: str) -> None:
    assert is_phone(phone)
    assert completed(structs.replace(SOMEBODY, phone=phone)).phone == phone


def test_ciphertext_stands_for_what_it_holds_however_long_it_is() -> None:
    for text in (OWN["$"], FOREIGN["$"]):
        assert completed(structs.replace(SOMEBODY, phone=text)).phone == text
    assert completed(structs.replace(SOMEBODY, name=FOREIGN["#"] * 1, detail=OWN["#"])).division_code == "330110"


def test_rare_characters_wide_blanks_and_lines_of_a_remark_are_fine() -> None:
    somebody = structs.replace(SOMEBODY, name="𠮷田‍", detail="文一西路\u3000969 号", buyer_remark="第一行\n第二行")
    assert completed(somebody) == somebody


def test_every_province_is_known_in_full_and_in_short_and_what_is_no_place_is_not() -> None:
    for one in addresses.divisions():
        if one.level == PROVINCE:
            assert addresses.is_place(one.name)
            assert not one.short or addresses.is_place(one.short)
    for name in ("内蒙", "广西省", "海南", "深圳市"):
        assert addresses.is_place(name), name
    for name in ("火星省", "省", "", "A", "海外"):
        assert not addresses.is_place(name), name


def test_names_that_lack_a_code_are_completed_and_one_that_was_given_stays() -> None:
    short = structs.replace(SOMEBODY, province="浙江", city="杭州", district="余杭", division_code="")
    assert (completed(short).province, completed(short).division_code) == ("浙江省", "330110")
    in_the_detail = structs.replace(
        SOMEBODY, province="", city="", district="", detail="浙江省杭州市余杭区文一西路 969 号"
    )
    assert completed(in_the_detail).province == "浙江省"
    assert completed(in_the_detail).division_code == "330110"


@pytest.mark.parametrize(
    "order_id",
    ["郑泄密", "郑泄密-13822223333", "zheng-13822223333", "13822223333zheng", "a\nb", "a 1", "😀1", "1\u202e2", "abc",
     "", "1" * 65, "1/2", "1#2", "1|2", "１２３"],
)  # fmt: skip
def test_what_is_no_order_id_is_refused_without_being_quoted(order_id: str) -> None:
    with pytest.raises(Refusal) as refused:
        refuse_odd_id(order_id)
    assert refused.value.code == "orders.id_invalid"
    assert not order_id or order_id not in str(refused.value.fields)


@pytest.mark.parametrize(
    "order_id",
    ["771795717592A", "4876543210987654321", "230101-123456789012345", "E20260101_7.1", "N1764567890123", "13822223333",
     "SO-20261126-0001", "1" * 64],
)  # fmt: skip
def test_ids_as_marketplaces_write_them_are_taken(order_id: str) -> None:
    refuse_odd_id(order_id)
