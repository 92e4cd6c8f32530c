"""Orders over real HTTP: lists and details without anybody's data in plain, taking by ciphertext, merging, carriers."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from msgspec import structs

from miandan.carriers.catalogue import catalogue
from miandan.dialects.doudian.order_states import asked_codes, states_with, statuses
from miandan.dialects.doudian.reading import company_id
from miandan.hall import Hall
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.orders import intake
from miandan.orders.listing import Parts
from miandan.orders.model import OrderLine, OrderRef, OrderState
from miandan.orders.service import find_orders
from miandan.orders.standing import OrderEvent
from miandan.vault.model import Recipient
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SHOP, Erp, new_order_id, order, receiver, take
from tests.dialects.doudian.orders import put_order, recipient
from tests.dialects.doudian.shapes import misfits

NAME, MOBILE, ROOM = "令狐植入", "19912345678", "植入小区 8 幢 301 室"
_typed = count(1)
_minutes = count(1)


async def tell(hall: Hall, order_id: str, event: OrderEvent, version: int = 2, to: Recipient | None = None) -> None:
    keys = await hall.vault.keys_of(MERCHANT)
    await intake.hear(hall.db, keys, OrderRef(SHOP, order_id), event, version, recipient=to)


async def detail(erp: Erp, order_id: str, **more: Any) -> dict[str, Any]:
    data = await erp.ok("order.orderDetail", {"shop_order_id": order_id} | more)
    tree: dict[str, Any] = data["shop_order_detail"]
    return tree


async def listed(erp: Erp, **asked: Any) -> tuple[int, list[str]]:
    data = await erp.ok("order.searchList", {"page": 0, "size": 100} | asked)
    return data["total"], [tree["order_id"] for tree in data["shop_order_list"]]


async def ship(erp: Erp, order_id: str, lines: dict[str, int]) -> str:
    number = f"YT93{next(_typed):011d}"
    pack = {
        "logistics_code": number,
        "company_code": "yuantong",
        "shipped_order_info": [{"shipped_order_id": line, "shipped_num": pieces} for line, pieces in lines.items()],
    }
    await erp.ok("order.logisticsAddMultiPack", {"order_id": order_id, "pack_list": [pack], "request_id": number})
    return number


def window() -> tuple[datetime, dict[str, int]]:
    """A minute of the past that no other test uses, and the question for it."""
    at = (now() - timedelta(days=20)).replace(microsecond=0) + timedelta(minutes=next(_minutes) * 10)
    return at, {"create_time_start": int(at.timestamp()), "create_time_end": int(at.timestamp()) + 300}


def cited(tree: dict[str, Any]) -> dict[str, Any]:
    """receiver_info of newCreateOrder, put together from an order's own ciphertext."""
    texts = receiver()
    texts["contact"] = {"name": tree["encrypt_post_receiver"], "mobile": tree["encrypt_post_tel"]}
    texts["address"]["detail_address"] = tree["post_addr"]["encrypt_detail"]
    return texts


async def test_an_order_is_shown_with_ciphertext_and_masks_and_nobody_in_plain(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        order_id = await put_order(hall, name=NAME, mobile=MOBILE, detail=ROOM)
        person = structs.replace(
            recipient(name=NAME, mobile=MOBILE, detail=ROOM), buyer_remark=f"到了打 {MOBILE} 找{NAME}"
        )
        await tell(hall, order_id, OrderEvent.ADDRESS_CHANGED, to=person)
        found = await erp.ok("order.searchList", {"page": 0, "size": 100, "is_searchable": True})
        assert misfits("order.searchList", found) == []
        tree = await detail(erp, order_id)
        for answer in (found, tree):
            text = json.dumps(answer, ensure_ascii=False)
            assert not [word for word in (NAME, MOBILE, "植入小区 8 幢 301", "301 室") if word in text]
        for shown in (tree, *tree["sku_order_list"]):
            assert (shown["mask_post_receiver"], shown["mask_post_tel"]) == ("令**", "199****5678")
            assert shown["encrypt_post_tel"].startswith("$$")
            assert shown["encrypt_post_tel"].endswith("$1$$")
            assert shown["encrypt_post_receiver"].startswith("##")
            assert shown["post_addr"]["encrypt_detail"].endswith("#1##")
            assert "detail" not in shown["post_addr"]
            assert shown["post_addr"]["province"] == {"name": "浙江省", "id": "33"}
            assert shown["post_addr"]["town"] == {"name": "余杭区", "id": "330110"}
            assert shown["post_addr"]["street"]["name"] == "仓前街道"
            assert shown["mask_post_addr"]["street"]["id"].startswith("330110")
        assert tree["buyer_words"].startswith("到了打 ***")


async def test_an_order_shows_its_goods_amounts_and_times(ground: Ground) -> None:
    at, _ = window()
    async with ground.erp() as erp:
        lines = OrderLine("7001", "保温杯", "500ml", "BW-500", 2, 5980), OrderLine("7002", "杯套", "", "", 1, None)
        order_id = await put_order(erp.running.hall, *lines, paid_at=at)
        tree = await detail(erp, f"{order_id}A")
    assert (tree["order_id"], tree["shop_id"], tree["order_level"]) == (order_id, SHOP, 2)
    assert (tree["pay_amount"], tree["create_time"], tree["pay_time"]) == (5980, *[int(at.timestamp())] * 2)
    cup, sleeve = tree["sku_order_list"]
    assert (cup["order_id"], cup["parent_order_id"], cup["item_num"], cup["sum_amount"]) == ("7001", order_id, 2, 5980)
    assert (cup["spec"], cup["code"], sleeve["spec"]) == ([{"name": "规格", "value": "500ml"}], "BW-500", [])
    assert (tree["logistics_info"], tree["ship_time"]) == ([], 0)


async def test_the_search_index_is_there_when_it_is_asked_for_and_only_then(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        plain, searchable = await detail(erp, order_id), await detail(erp, order_id, is_searchable=True)
    assert plain["encrypt_post_tel"].split("$")[1] == ""
    assert len(searchable["encrypt_post_tel"].split("$")[1]) == 8
    assert len(searchable["post_addr"]["encrypt_detail"].split("#")[1]) == 8


async def test_an_order_of_another_shop_and_an_unknown_one_look_the_same(ground: Ground) -> None:
    async with ground.erp() as erp:
        foreign = await put_order(erp.running.hall, merchant_id=1002, shop_id="")
        answers = {await erp.refused("order.orderDetail", {"shop_order_id": one}) for one in (foreign, new_order_id())}
        assert len(answers) == 1
        assert foreign not in (await listed(erp))[1]


# --- states -----------------------------------------------------------------------------------------------------------


async def test_states_have_the_platforms_numbers_and_a_list_asks_by_them(ground: Ground) -> None:
    at, asked = window()
    async with ground.erp() as erp:
        hall = erp.running.hall
        ids = [await put_order(hall, OrderLine("1", "杯", quantity=2), paid_at=at) for _ in range(7)]
        waiting, held, refunding, refunded, cancelled, partly, shipped = ids
        await tell(hall, held, OrderEvent.HELD)
        await tell(hall, refunding, OrderEvent.REFUND_OPENED)
        await tell(hall, refunded, OrderEvent.REFUNDED)
        await tell(hall, cancelled, OrderEvent.CANCELLED)
        await ship(erp, partly, {"1": 1})
        await ship(erp, shipped, {"1": 2})
        trees = {order_id: await detail(erp, order_id) for order_id in ids}
        codes = {order_id: tree["order_status"] for order_id, tree in trees.items()}
        assert list(codes.values()) == [2, 105, 2, 4, 4, 101, 3]
        for code in ("1", "2", "101", "105", "3", "4", "5"):
            total, found = await listed(erp, combine_status=[{"order_status": code}], **asked)
            assert sorted(found) == sorted(one for one in ids if codes[one] == int(code)), code
            assert total == len(found)
        several = [{"order_status": "2,101"}, {"main_status": "3", "order_status": "3"}, {"order_status": ""}]
        assert set((await listed(erp, combine_status=several, **asked))[1]) == {waiting, refunding, partly, shipped}
        assert await listed(erp, combine_status=[{"order_status": "2", "main_status": "3"}], **asked) == (0, [])
        assert (await listed(erp, after_sale_status_desc="in_aftersale", **asked))[1] == [refunding]
    assert trees[refunding]["sku_order_list"][0]["after_sale_info"]["after_sale_status"] == 6
    assert (trees[refunded]["main_status"], trees[refunded]["order_status"]) == (21, 4)
    assert [tree["sku_order_list"][0]["order_status"] for tree in (trees[partly], trees[shipped])] == [101, 3]


def test_every_state_of_ours_has_one_number() -> None:
    states = [(state, status.parts) for status in statuses() for state in status.states]
    assert {state for state, _ in states} == set(OrderState)
    assert len(states) == len(set(states))
    assert states_with({2, 101})[1] is Parts.ANY
    assert states_with({5}) == (frozenset(), Parts.ANY)
    assert asked_codes([{"order_status": "", "main_status": ""}]) is None
    with pytest.raises(Refusal, match="field_type"):
        asked_codes([{"order_status": "paid"}])


# --- lists ------------------------------------------------------------------------------------------------------------


async def test_pages_show_every_order_once_and_the_total_is_that_of_all_pages(ground: Ground) -> None:
    at, asked = window()
    async with ground.erp() as erp:
        made = [await put_order(erp.running.hall, paid_at=at + timedelta(seconds=one)) for one in range(5)]
        pages = [await listed(erp, **asked | {"page": page, "size": 2}) for page in range(4)]
        assert [order_id for _, page in pages for order_id in page] == made[::-1]
        assert {total for total, _ in pages} == {5}
        assert (await listed(erp, order_asc=True, order_by="create_time", **asked))[1] == made
        last = asked | {"create_time_end": int(at.timestamp()) + 4, "create_time_start": int(at.timestamp()) + 4}
        assert await listed(erp, **last) == (1, made[4:])


async def test_both_times_narrow_a_list_together_and_a_change_moves_an_order_up(ground: Ground) -> None:
    at, asked = window()
    async with ground.erp() as erp:
        first, second = [await put_order(erp.running.hall, paid_at=at) for _ in range(2)]
        await tell(erp.running.hall, first, OrderEvent.REFUND_OPENED)
        soon = int(now().timestamp()) + 60
        assert (await listed(erp, order_by="update_time", update_time_end=soon, **asked))[1] == [first, second]
        assert await listed(erp, update_time_start=soon, **asked) == (0, [])
        assert await listed(erp, order_by="update_time", update_time_start=soon, **asked) == (0, [])


async def test_orders_older_than_ninety_days_are_not_listed(ground: Ground) -> None:
    async with ground.erp() as erp:
        for days, there in ((89, True), (91, False)):
            order_id = await put_order(erp.running.hall, paid_at=now() - timedelta(days=days))
            start = int((now() - timedelta(days=days, minutes=1)).timestamp())
            found = await listed(erp, create_time_start=start, create_time_end=start + 120)
            assert (order_id in found[1], found[0] > 0) == (there, there)


async def test_a_parcels_number_leads_to_its_orders(ground: Ground) -> None:
    at, asked = window()
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall, OrderLine("1", "杯", quantity=2), paid_at=at)
        number = await ship(erp, order_id, {"1": 1})
        for spelled in (number, f" {number.lower()} "):
            assert await listed(erp, tracking_no=spelled, **asked) == (1, [order_id])
        assert await listed(erp, tracking_no=number, combine_status=[{"order_status": "2"}]) == (0, [])
        assert await listed(erp, tracking_no=number, combine_status=[{"order_status": "101"}]) == (1, [order_id])
        assert await listed(erp, tracking_no=number, page=1) == (1, [])
        assert await listed(erp, tracking_no="YT0") == (0, [])
        [parcel] = (await detail(erp, order_id))["logistics_info"]
    assert (parcel["tracking_no"], parcel["company"]) == (number, "yuantong")
    assert parcel["delivery_id"]
    assert parcel["ship_time"] > 0
    assert [(one["sku_order_id"], one["product_count"]) for one in parcel["product_info"]] == [("1", 1)]


@pytest.mark.parametrize(
    "asked",
    [
        {"product": "杯"}, {"presell_type": 1}, {"fulfil_status": "x"}, {"after_sale_status_desc": "arbitrate"},
        {"create_time_start": -1}, {"create_time_end": 2**62}, {"combine_status": [{"order_status": "x"}]},
        {"size": 101}, {"order_by": "pay_time"}, {"page": 200},
    ],
)  # fmt: skip
async def test_a_condition_that_cannot_be_looked_for_is_refused_not_left_out(
    ground: Ground, asked: dict[str, Any]
) -> None:
    async with ground.erp() as erp:
        refused = await erp.refused("order.searchList", {"page": 0, "size": 100} | asked)
        assert refused.startswith("isv.parameter-invalid")


# --- taking by ciphertext ---------------------------------------------------------------------------------------------


async def test_a_number_is_taken_by_an_orders_ciphertext_and_a_changed_receiver_is_said(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall, name=NAME, mobile=MOBILE, detail=ROOM)
        before = await detail(erp, order_id)
        asked = {**order(order_id), "receiver_info": cited(before)}
        first = await erp.ok("logistics.newCreateOrder", take(asked, order_channel=""))
        assert (len(first["ebill_infos"]), first["err_infos"]) == (1, [])
        assert first["ebill_infos"][0]["hint_msg"] == ""
        moved = recipient(name=NAME, mobile=MOBILE, detail="另一小区 1 幢")
        await tell(erp.running.hall, order_id, OrderEvent.ADDRESS_CHANGED, to=moved)
        again = await erp.ok("logistics.newCreateOrder", take(asked, order_channel=""))
        assert again["ebill_infos"][0]["track_no"] == first["ebill_infos"][0]["track_no"]
        assert "收件人" in again["ebill_infos"][0]["hint_msg"]
        assert (await detail(erp, order_id))["open_address_id"] != before["open_address_id"]
        text = json.dumps([before, first, again], ensure_ascii=False)
        assert not [word for word in (NAME, MOBILE) if word in text]


async def test_ciphertext_of_one_order_does_not_take_for_another(ground: Ground) -> None:
    async with ground.erp() as erp:
        mine, other = [await put_order(erp.running.hall) for _ in range(2)]
        asked = {**order(other), "receiver_info": cited(await detail(erp, mine))}
        answer = await erp.ok("logistics.newCreateOrder", take(asked, order_channel=""))
        assert (answer["ebill_infos"], len(answer["err_infos"])) == ([], 1)


# --- merging ----------------------------------------------------------------------------------------------------------


def _pairs(trees: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    yield from ({"order_id": one["order_id"], "open_address_id": one["open_address_id"]} for one in trees)


async def test_orders_of_one_receiver_merge_and_share_an_opaque_id(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        one, two, three = [await put_order(hall, mobile="19955550001") for _ in range(3)]
        else_where = await put_order(hall, mobile="19955550002")
        trees = [await detail(erp, order_id) for order_id in (one, two, three, else_where)]
        ids = [tree["open_address_id"] for tree in trees]
        assert len(set(ids[:3])) == 1
        assert ids[3] != ids[0]
        kept = await find_orders(hall.db, MERCHANT, [OrderRef(SHOP, one)])
        assert kept[OrderRef(SHOP, one)].recipient.token.hex not in ids[0]
        asked = {"merge_list": list(_pairs(trees))}
        assert (await erp.ok("order.merge", asked))["order_list"] == [f"{one},{two},{three}"]
        await tell(hall, two, OrderEvent.ADDRESS_CHANGED, to=recipient(mobile="19955550002"))
        assert (await erp.ok("order.merge", asked))["order_list"] == [f"{one},{three}"]
        fresh = list(_pairs([await detail(erp, two), trees[3]]))
        assert (await erp.ok("order.merge", {"merge_list": fresh}))["order_list"] == [f"{two},{else_where}"]
        assert await erp.refused("order.merge", {"merge_list": fresh[:1]}) == "isv.parameter-invalid:100000"
        assert await erp.refused("order.merge", {"merge_list": fresh * 51}) == "isv.parameter-invalid:100000"


# --- carriers ---------------------------------------------------------------------------------------------------------


async def test_the_list_of_carriers_is_the_data_itself_with_the_platforms_numbers(ground: Ground) -> None:
    async with ground.erp() as erp:
        companies = await erp.ok("order.logisticsCompanyList")
        assert misfits("order.logisticsCompanyList", companies) == []
        assert (7, "yuantong") in {(row["id"], row["code"]) for row in companies}
        order_id, unknown = await put_order(erp.running.hall), new_order_id()
        asked = {"shop_order_ids": [f"{order_id}A", unknown, new_order_id()]}
        answer = await erp.ok("order.queryLogisticsCompanyList", asked)
        assert misfits("order.queryLogisticsCompanyList", answer) == []
        assert {row["code"] for row in answer["logistics_company_list_by_shop"]} == {row["code"] for row in companies}
        [known] = answer["logistics_company_list_by_order_ids"]
        assert known == {"order_id": f"{order_id}A", "logistcis_company_list_by_ids": []}
        [failed] = answer["fail_shop_order_id_and_reason"]
        assert failed["order_ids"] == asked["shop_order_ids"][1:]
        await erp.refused("order.queryLogisticsCompanyList", {"shop_order_ids": [str(one) for one in range(101)]})


def test_no_two_carriers_have_one_number() -> None:
    numbers = [company_id(carrier) for carrier in catalogue()]
    assert len(set(numbers)) == len(numbers)


async def test_reachability_follows_route_tables_and_accounts(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        place = {"province_name": "浙江省", "city_name": "杭州市", "district_name": "余杭区", "detail_address": "1 号"}
        row = {"order_id": order_id, "express_list": ["zhongtong", "fengwang"]}
        asked = {"sender_address": place, "order_info_list": [row, {"order_id": order_id}]}
        method = "logistics.getRecommendedAndDeliveryExpressByOrder"
        answer = await erp.ok(method, asked)
        assert misfits(method, answer) == []
        named, usual = answer
        assert [(one["express"], one["is_shop_eBill"]) for one in named["express_info_list"]] == [
            ("zhongtong", True),
            ("fengwang", False),
        ]
        assert named["express_info_list"][0]["is_deliverable"] is True
        assert len(usual["express_info_list"]) > 5
        await erp.refused(method, asked | {"order_info_list": [{"order_id": new_order_id()}]})
