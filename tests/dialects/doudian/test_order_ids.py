"""Ids that end in A: another order, unless it is only here without it; another channel's ids are taken as they are."""

from typing import Any

from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import Erp, new_order_id, order, receiver, take
from tests.dialects.doudian.orders import put_order

YTO = {"carrier": "yuantong"}


async def _take(erp: Erp, *orders: dict[str, Any], **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = await erp.ok("logistics.newCreateOrder", take(*orders, **(YTO | more)))
    assert not data["err_infos"], data
    return data


async def test_two_orders_of_another_channel_that_differ_by_an_a_have_two_numbers(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = new_order_id()
        one = order(order_id)
        other = order(f"{order_id}A", receiver_info=receiver("另一个人", "19900007777"))
        [first] = (await _take(erp, one))["ebill_infos"]
        [second] = (await _take(erp, other))["ebill_infos"]
        assert first["track_no"] != second["track_no"]
        assert second["hint_msg"] == ""
        merged = order(new_order_id() + "A", combine_orders=[new_order_id() + "A"])
        await _take(erp, merged)
        bare = order(merged["order_id"][:-1])
        assert (await _take(erp, bare))["ebill_infos"][0]["hint_msg"] == ""


async def test_of_two_kept_orders_that_differ_by_an_a_each_has_its_own_number(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        bare = await put_order(hall)
        with_a = await put_order(hall, order_id=f"{bare}A", name="另一个人", mobile="19900007777")
        infos = (await _take(erp, order(bare), order(with_a), order_channel=""))["ebill_infos"]
        assert len({one["track_no"] for one in infos}) == 2
        detail = await erp.ok("order.orderDetail", {"shop_order_id": with_a})
        assert detail["shop_order_detail"]["order_id"] == with_a


async def test_an_order_that_is_here_without_its_a_is_found_with_it_and_in_merged_lists(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        one, other = await put_order(hall), await put_order(hall)
        asked = order(f"{one}A", combine_orders=[f"{other}A", other])
        [info] = (await _take(erp, asked, order_channel=""))["ebill_infos"]
        [again] = (await _take(erp, order(one, combine_orders=[other]), order_channel=""))["ebill_infos"]
        assert again["track_no"] == info["track_no"]
        detail = await erp.ok("order.orderDetail", {"shop_order_id": f"{one}A"})
        assert detail["shop_order_detail"]["order_id"] == one
        shipped = {"order_id": f"{other}A", "logistics_code": info["track_no"], "company_code": "yuantong"}
        assert await erp.ok("order.logisticsAdd", shipped) == {}


async def test_ciphertext_opens_under_the_id_that_it_was_made_for_and_an_old_id_of_the_same_order(
    ground: Ground,
) -> None:
    async with ground.erp() as erp:
        own, order_id = new_order_id() + "A", await put_order(erp.running.hall)
        ask = {"auth_id": own, "plain_text": "示例密文", "sensitive_type": 2, "is_support_index": False}
        [made] = (await erp.ok("order.batchEncrypt", {"batch_encrypt_list": [ask]}))["encrypt_infos"]
        tree = (await erp.ok("order.orderDetail", {"shop_order_id": order_id}))["shop_order_detail"]
        items = [
            {"auth_id": own, "cipher_text": made["cipher_text"]},
            {"auth_id": f"{order_id}A", "cipher_text": tree["encrypt_post_receiver"]},
            {"auth_id": own[:-1], "cipher_text": made["cipher_text"]},
        ]
        for method, shown in (
            ("order.batchDecrypt", ["示例密文", "示例收件人"]),
            ("order.batchSensitive", ["示**", "示**"]),
        ):
            infos = (await erp.ok(method, {"cipher_infos": items}))["decrypt_infos"]
            assert [one["decrypt_text"] for one in infos] == [*shown, ""]
            assert infos[2]["err_no"] != 0


async def test_ciphertext_is_not_made_for_an_id_that_is_a_person(ground: Ground) -> None:
    async with ground.erp() as erp:
        asks = [
            {"auth_id": auth_id, "plain_text": "示例密文", "sensitive_type": 2, "is_support_index": False}
            for auth_id in ("郑泄密-13822223333", new_order_id())
        ]
        odd, fine = (await erp.ok("order.batchEncrypt", {"batch_encrypt_list": asks}))["encrypt_infos"]
        assert "[orders.id_invalid]" in odd["err_msg"]
        assert odd["cipher_text"] == ""
        assert fine["cipher_text"]
