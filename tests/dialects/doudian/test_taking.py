"""newCreateOrder and what is done with a number, over real HTTP."""

import asyncio
from typing import Any

from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import SENDER, Erp, new_order_id, order, receiver, take
from tests.dialects.doudian.orders import put_order
from tests.dialects.doudian.shapes import misfits

YTO = {"carrier": "yuantong"}


async def _take(erp: Erp, *orders: dict[str, Any], **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = await erp.ok("logistics.newCreateOrder", take(*orders, **(YTO | more)))
    assert misfits("logistics.newCreateOrder", data) == []
    return data


async def test_a_batch_of_fifty_gets_fifty_numbers_in_the_order_asked(ground: Ground) -> None:
    async with ground.erp() as erp:
        orders = [order() for _ in range(50)]
        data = await _take(erp, *orders)
        assert [info["order_id"] for info in data["ebill_infos"]] == [one["order_id"] for one in orders]
        assert len({info["track_no"] for info in data["ebill_infos"]}) == 50
        assert {info["company"] for info in data["ebill_infos"]} == {"yuantong"}
        assert {info["hint_msg"] for info in data["ebill_infos"]} == {""}
        assert data["ebill_infos"][0]["sort_code"]
        assert data["err_infos"] == []


async def test_the_same_order_again_has_its_old_number_and_the_hint_says_so(ground: Ground) -> None:
    async with ground.erp() as erp:
        one = order()
        [first] = (await _take(erp, one))["ebill_infos"]
        [again] = (await _take(erp, one))["ebill_infos"]
        assert again["track_no"] == first["track_no"]
        assert "已取过号" in again["hint_msg"]


async def test_a_changed_address_or_article_keeps_the_number_and_is_named_in_the_hint(ground: Ground) -> None:
    async with ground.erp() as erp:
        one = order()
        [first] = (await _take(erp, one))["ebill_infos"]
        moved = one | {"receiver_info": receiver(detail="别的路 1 号")}
        [hinted] = (await _take(erp, moved))["ebill_infos"]
        assert hinted["track_no"] == first["track_no"]
        assert "收件人" in hinted["hint_msg"]
        assert "商品" not in hinted["hint_msg"]
        other = one | {"items": [{"item_name": "别的", "item_count": 1}]}
        [hinted] = (await _take(erp, other))["ebill_infos"]
        assert "商品" in hinted["hint_msg"]
        assert "updateOrder" in hinted["hint_msg"]


async def test_a_new_pack_id_is_another_parcel_and_letter_case_counts(ground: Ground) -> None:
    async with ground.erp() as erp:
        one = order()
        numbers = [
            (await _take(erp, one | {"pack_id": pack}))["ebill_infos"][0]["track_no"] for pack in ("", "a1", "A1", "a1")
        ]
        assert len(set(numbers)) == 3
        assert numbers[1] == numbers[3]


async def test_an_order_that_we_keep_goes_to_its_own_recipient_and_the_hint_says_so(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        somebody = order(order_id, receiver_info=receiver("另一个人", "19900007777"))
        [info] = (await _take(erp, somebody, order_channel=""))["ebill_infos"]
        assert "平台订单" in info["hint_msg"]
        [with_a] = (await _take(erp, order(f"{order_id}A"), order_channel=""))["ebill_infos"]
        assert with_a["track_no"] == info["track_no"]


async def test_ciphertext_of_a_landline_beside_a_plain_mobile_holds_nothing_up(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        tree = (await erp.ok("order.orderDetail", {"shop_order_id": order_id}))["shop_order_detail"]
        who = receiver()
        who["contact"] |= {"phone": tree["encrypt_post_tel"]}
        [info] = (await _take(erp, order(order_id, receiver_info=who), order_channel=""))["ebill_infos"]
        assert info["hint_msg"] == ""


async def test_what_fails_rides_in_err_infos_with_a_code_that_is_text(ground: Ground) -> None:
    async with ground.erp() as erp:
        known, unknown = await put_order(erp.running.hall), new_order_id()
        data = await _take(erp, order(unknown), order(known), order(known), order_channel="")
        assert [info["order_id"] for info in data["ebill_infos"]] == [known]
        assert [(info["order_id"], type(info["err_code"])) for info in data["err_infos"]] == [
            (unknown, str),
            (known, str),
        ]


async def test_a_receiver_without_a_phone_is_that_orders_failure_alone(ground: Ground) -> None:
    async with ground.erp() as erp:
        dumb = order(receiver_info=receiver() | {"contact": {"name": "示例"}})
        data = await _take(erp, dumb, order())
        assert len(data["ebill_infos"]) == 1
        assert "receiver_info.contact.mobile" in data["err_infos"][0]["err_msg"]


async def test_a_sender_nobody_approved_is_refused_with_the_approved_ones_named(ground: Ground) -> None:
    async with ground.erp() as erp:
        elsewhere = SENDER | {"address": SENDER["address"] | {"detail_address": "别处 9 号"}}
        envelope = await erp.call("logistics.newCreateOrder", take(order(), **YTO, sender_info=elsewhere))
        assert "account.no_sender_fits" in envelope["sub_msg"]
        assert "杭州市" in envelope["sub_msg"]


async def test_what_an_app_encrypted_itself_may_be_the_receiver_of_another_channels_order(ground: Ground) -> None:
    async with ground.erp() as erp:
        one = order()
        texts = {1: "文一西路 1 号", 2: "示例密文", 3: "19900001234"}
        asked = [
            {"auth_id": one["order_id"], "plain_text": text, "sensitive_type": kind, "is_support_index": False}
            for kind, text in texts.items()
        ]
        infos = (await erp.ok("order.batchEncrypt", {"batch_encrypt_list": asked}))["encrypt_infos"]
        detail, name, mobile = (info["cipher_text"] for info in infos)
        sealed = one | {"receiver_info": receiver(name, mobile, detail)}
        [info] = (await _take(erp, sealed))["ebill_infos"]
        [again] = (await _take(erp, one | {"receiver_info": receiver("示例密文", "19900001234", "文一西路 1 号")}))[
            "ebill_infos"
        ]
        assert again["track_no"] == info["track_no"]
        assert "收件人" not in again["hint_msg"]
        cut = one | {"pack_id": "2", "receiver_info": receiver(name, mobile[:-4], detail)}
        [failed] = (await _take(erp, cut))["err_infos"]
        assert "vault.cipher_malformed" in failed["err_msg"]


async def test_a_parcel_of_several_pieces_grows_and_is_cancelled_whole(ground: Ground) -> None:
    async with ground.erp() as erp:
        [info] = (await _take(erp, order(total_pack_count=2)))["ebill_infos"]
        parent, child = info["track_no"], info["sub_waybill_codes"]
        which = {"logistics_code": "yuantong", "track_no": parent}
        grown = await erp.ok("logistics.appendSubOrder", which | {"pack_add_quantity": 2})
        assert misfits("logistics.appendSubOrder", grown) == []
        assert grown["pack_quantity"] == 4
        assert len(grown["sub_waybill_codes"].split(",")) == 2
        whole = await erp.ok(
            "logistics.appendSubOrder", which | {"pack_add_quantity": 1, "is_return_full_sub_codes": True}
        )
        assert whole["sub_waybill_codes"].split(",")[0] == child
        cancelled = await erp.ok("logistics.cancelOrder", which)
        assert cancelled == {"cancel_result": {"success": True}}
        assert await erp.ok("logistics.cancelOrder", which) == cancelled
        refused = await erp.call("logistics.cancelOrder", which | {"track_no": child})
        assert "waybill.is_child" in refused["sub_msg"]


async def test_an_updated_order_has_its_new_receiver_and_goods_under_the_same_number(ground: Ground) -> None:
    async with ground.erp() as erp:
        one = order()
        number = await erp.number(one, **YTO)
        new = receiver("新收件人", "19900005678", "新路 8 号")
        data = await erp.ok(
            "logistics.updateOrder",
            {"logistics_code": "yuantong", "track_no": number, "receiver_info": new, "items": one["items"]},
        )
        assert misfits("logistics.updateOrder", data) == []
        assert data["track_no"] == number
        [again] = (await _take(erp, one | {"receiver_info": new}))["ebill_infos"]
        assert "收件人" not in again["hint_msg"]


async def test_branches_are_listed_with_balance_and_approved_senders(ground: Ground) -> None:
    async with ground.erp() as erp:
        data = await erp.ok("logistics.listShopNetsite", {"logistics_code": "yuantong"})
        assert misfits("logistics.listShopNetsite", data) == []
        [site] = data["netsites"]
        assert int(site["amount"]) > 0
        assert site["company_type"] == 2
        assert site["sender_address"][0]["city_name"] == "杭州市"
        everyone = await erp.ok("logistics.listShopNetsite", {"logistics_code": ""})
        assert {one["company"] for one in everyone["netsites"]} > {"yuantong", "zhongtong"}


async def test_a_place_without_a_way_is_out_of_range(ground: Ground) -> None:
    async with ground.erp() as erp:
        here = receiver()["address"]
        asked = {"logistics_code": "yuantong", "type": 2, "receiver_address": here}
        data = await erp.ok("logistics.getOutRange", asked)
        assert misfits("logistics.getOutRange", data) == []
        assert data["is_out_range"] is False
        nowhere = here | {"province_name": "无此省", "city_name": "无此市", "district_name": "无此区"}
        assert (await erp.ok("logistics.getOutRange", asked | {"receiver_address": nowhere}))["is_out_range"] is True


async def test_many_callers_with_one_order_get_one_number(ground: Ground) -> None:
    async with ground.erp() as erp:
        one = order()
        answers = await asyncio.gather(*(_take(erp, one) for _ in range(60)))
        assert len({answer["ebill_infos"][0]["track_no"] for answer in answers}) == 1
