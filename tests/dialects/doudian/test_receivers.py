"""No number for a receiver whom no courier finds, none for an order id that is a person, no phone in names of goods."""

from typing import Any

import pytest

from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import Erp, new_order_id, order, receiver, take

CREATE = "logistics.newCreateOrder"


async def _why(erp: Erp, one: dict[str, Any]) -> str:
    """The code of the only failure."""
    data = await erp.ok(CREATE, take(one))
    assert not data["ebill_infos"], data
    return str(data["err_infos"][0]["err_msg"]).rpartition("[")[2].rstrip("]")


def _in(place: str, **what: str) -> dict[str, Any]:
    given = receiver()
    return given | {place: given[place] | what}


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (_in("contact", mobile="abc"), "orders.recipient_phone"),
        (_in("contact", mobile="-"), "orders.recipient_phone"),
        (_in("contact", mobile="1"), "orders.recipient_phone"),
        (_in("contact", mobile="1" * 500), "orders.recipient_long"),
        (_in("contact", mobile="199\u202e00000000"), "orders.recipient_unprintable"),
        (_in("contact", name="\n"), "orders.recipient_incomplete"),
        (_in("contact", name="示" * 2_000), "orders.recipient_long"),
        (_in("address", detail_address=" ", street_name=""), "orders.recipient_incomplete"),
        (_in("address", detail_address="路" * 5_000), "orders.recipient_long"),
        (_in("address", province_name="火星省"), "orders.province_unknown"),
        (_in("address", province_name="火星省", district_code="330110"), "orders.province_unknown"),
    ],
)
async def test_a_receiver_whom_no_courier_finds_gets_no_number(ground: Ground, who: dict[str, Any], code: str) -> None:
    async with ground.erp() as erp:
        assert await _why(erp, order(receiver_info=who)) == code


async def test_an_update_to_such_a_receiver_is_refused_and_nothing_changes(ground: Ground) -> None:
    async with ground.erp() as erp:
        number = await erp.number()
        asked = {"logistics_code": "zhongtong", "track_no": number, "receiver_info": _in("contact", mobile="abc")}
        envelope = await erp.call("logistics.updateOrder", asked)
        assert "[orders.recipient_phone]" in envelope["sub_msg"]
        version = await erp.running.hall.db.fetchval("SELECT version FROM waybill WHERE number = $1", number)
        assert version == 1


async def test_what_is_plain_beside_ciphertext_is_looked_at_too(ground: Ground) -> None:
    async with ground.erp() as erp:
        one = order()
        ask = {"auth_id": one["order_id"], "plain_text": "示例密文", "sensitive_type": 2, "is_support_index": False}
        [made] = (await erp.ok("order.batchEncrypt", {"batch_encrypt_list": [ask]}))["encrypt_infos"]
        assert (
            await _why(erp, one | {"receiver_info": receiver(made["cipher_text"], "abc")}) == "orders.recipient_phone"
        )
        assert await erp.number(one | {"receiver_info": receiver(made["cipher_text"])})


@pytest.mark.parametrize("order_id", ["郑泄密", "郑泄密-13822223333", "a\nb", "😀1"])
async def test_a_person_is_no_order_id(ground: Ground, order_id: str) -> None:
    async with ground.erp() as erp:
        assert await _why(erp, order(order_id)) == "orders.id_invalid"
        assert await _why(erp, order(new_order_id(), combine_orders=[order_id])) == "orders.id_invalid"


async def test_a_mobile_in_the_name_of_an_article_is_kept_as_stars(ground: Ground) -> None:
    async with ground.erp() as erp:
        goods = [{"item_name": "定制杯 联系13822223333", "item_specs": "刻字 13822224444", "item_count": 1}]
        number = await erp.number(order(items=goods))
        which = {"logistics_code": "zhongtong", "track_no": number}
        read = "SELECT goods FROM waybill WHERE number = $1"
        [line] = await erp.running.hall.db.fetchval(read, number)
        assert (line["title"], line["spec"]) == ("定制杯 联系***********", "刻字 ***********")
        await erp.ok("logistics.updateOrder", which | {"items": goods})
        [line] = await erp.running.hall.db.fetchval(read, number)
        assert "1382222" not in str(line)
