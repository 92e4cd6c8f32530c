"""Suppliers over real HTTP: orders given and taken back, numbers on a lent account, and what is not theirs to touch."""

import asyncio
import json
from typing import Any

import pytest

from miandan.access import service as access
from miandan.access.model import AppKind, Registration, shop
from miandan.access.scopes import scopes_for
from miandan.kernel import outbox
from miandan.orders import intake
from miandan.orders.model import OrderLine, OrderRef
from miandan.orders.standing import OrderEvent
from miandan.server.jobs import handlers
from miandan.waybills import lives, queries
from miandan.waybills.model import NumberState, Waybill
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SENDER, SHOP, Erp, order, receiver, take
from tests.dialects.doudian.orders import number_for, put_order
from tests.dialects.doudian.partners import Pair, partners, seller_without_shop, sister_shop, strangers
from tests.dialects.doudian.shapes import misfits

GET, RETURN, UPDATE, CANCEL = "iop.waybillGet", "iop.waybillReturn", "iop.waybillUpdate", "iop.waybillCancel"
ASK, BACK = "iop.sellerDistribute", "iop.sellerCancleDistribute"


async def waybill(pair: Pair, number: str) -> Waybill:
    ref = await lives.find(pair.hall.db, pair.seller_id, "yto", number)
    return (await queries.waybills(pair.hall.db, [ref]))[0]


async def errors(caller: Erp, method: str, params: dict[str, Any]) -> list[str]:
    """Our own codes in the err_infos of an answer."""
    data = await caller.ok(method, params)
    return [one["err_msg"].rpartition("[")[2].rstrip("]") for one in data["err_infos"]]


async def why(caller: Erp, method: str, params: dict[str, Any]) -> str:
    """Our own code of a refused call."""
    envelope = await caller.call(method, params)
    assert envelope["code"] != 10000, envelope
    return str(envelope["sub_msg"]).rpartition("[")[2].rstrip("]")


def cancelling(pair: Pair, number: str) -> dict[str, Any]:
    return {"user_id": pair.shop, "company_code": "yuantong", "track_no": number}


# --- who is who -------------------------------------------------------------------------------------------------------


async def test_each_side_sees_what_it_is_and_with_whom(ground: Ground) -> None:
    async with ground.erp() as supplier, strangers(supplier) as pair:
        before = await pair.seller.ok("iop.roleGet")
        assert (before["is_seller"], before["is_supplier"], before["user_id"]) == (False, False, pair.shop)
        await pair.relate()
        role = await supplier.ok("iop.roleGet")
        assert (role["is_supplier"], role["supplier_id"]) == (True, str(MERCHANT))
        assert (await pair.seller.ok("iop.roleGet"))["is_seller"] is True
        suppliers = await pair.seller.ok("iop.sellerSupplierList")
        sellers = await supplier.ok("iop.getSellerList")
        mine = [one for one in sellers["seller_list"] if one["user_id"] == pair.shop]
        assert [one["supplier_id"] for one in suppliers["supplier_list"]] == [role["supplier_id"]]
        assert [(one["shop_name"], one["relation_state"], one["end_time"]) for one in mine] == [("示例卖家店", 1, 0)]
        for method, data in (
            ("iop.roleGet", role),
            ("iop.sellerSupplierList", suppliers),
            ("iop.getSellerList", sellers),
        ):
            assert misfits(method, data) == []
        await pair.end()
        [ended] = (await pair.seller.ok("iop.sellerSupplierList"))["supplier_list"]
        assert ended["relation_state"] == 2
        assert ended["end_time"] > 0
        assert (await pair.seller.ok("iop.roleGet"))["is_seller"] is False


# --- orders given and taken back --------------------------------------------------------------------------------------


async def test_an_order_is_given_listed_on_both_sides_and_taken_back(ground: Ground) -> None:
    async with partners(ground) as pair:
        order_id = await pair.order(name="欧阳小满", mobile="19900007777")
        given = await pair.seller.ok(ASK, {"supplier_id": str(MERCHANT), "order_ids": [f"{order_id}A", "404"]})
        assert misfits(ASK, given) == []
        [one] = given["distr_order_list"]
        assert one["order_id"] == f"{order_id}A"  # as it was asked
        assert [row["order_id"] for row in given["err_infos"]] == ["404"]
        distr = {"distr_order_id": one["distr_order_id"]}
        seen = [
            ("iop.sellerOrderInfo", await pair.seller.ok("iop.sellerOrderInfo", distr)),
            ("iop.orderInfo", await pair.supplier.ok("iop.orderInfo", distr)),
            ("iop.sellerOrderList", await pair.seller.ok("iop.sellerOrderList")),
            ("iop.orderList", await pair.supplier.ok("iop.orderList", {"user_id": pair.shop})),
        ]
        for method, data in seen:
            assert misfits(method, data) == []
        text = json.dumps(seen, ensure_ascii=False)
        assert "小满" not in text
        assert "19900007777" not in text
        assert seen[0][1]["order_id"] == order_id
        assert order_id not in json.dumps(seen[1][1]).replace(f"{order_id}1", "")  # a sub-order's id may hold it
        assert (seen[3][1]["total"], seen[3][1]["order_list"][0]) == (1, seen[1][1])
        back = await pair.seller.ok(BACK, {"distr_order_ids": [one["distr_order_id"], "1"]})
        assert misfits(BACK, back) == []
        assert (back["distr_order_ids"], [row["distr_order_id"] for row in back["err_infos"]]) == (
            [one["distr_order_id"]],
            ["1"],
        )
        assert (await pair.supplier.ok("iop.orderInfo", distr))["distr_status"] == 2
        assert await errors(pair.supplier, GET, pair.asks(one["distr_order_id"])) == ["supply.distribution_cancelled"]


async def test_nobody_sees_or_touches_what_is_given_between_others(ground: Ground) -> None:
    async with partners(ground) as pair, strangers(pair.supplier) as other:
        distr = await pair.new()
        for method in ("iop.orderInfo", "iop.sellerOrderInfo"):
            assert await why(other.seller, method, {"distr_order_id": distr}) == "supply.distribution_unknown"
        assert await why(pair.seller, "iop.orderInfo", {"distr_order_id": distr}) == "supply.distribution_unknown"
        assert await why(pair.supplier, "iop.sellerOrderInfo", {"distr_order_id": distr}) == (
            "supply.distribution_unknown"
        )
        assert await errors(other.seller, BACK, {"distr_order_ids": [distr]}) == ["supply.distribution_unknown"]
        assert await errors(other.seller, GET, pair.asks(distr)) == ["supply.distribution_unknown"]
        assert (await other.seller.ok("iop.orderList"))["total"] == 0
        assert (await other.seller.ok("iop.sellerOrderList"))["total"] == 0


async def test_a_shop_of_the_same_merchant_has_its_own_orders_only(ground: Ground) -> None:
    async with partners(ground) as pair:
        distr = await pair.new()
        sql = "UPDATE distributed_order SET shop_id = 'S-sister' WHERE distr_order_id = $1"
        await pair.hall.db.execute(sql, distr)
        assert (await pair.seller.ok("iop.sellerOrderList"))["total"] == 0
        assert await errors(pair.seller, BACK, {"distr_order_ids": [distr]}) == ["supply.distribution_unknown"]
        assert (await pair.supplier.ok("iop.orderList", {"user_id": pair.shop}))["total"] == 0


async def test_a_seller_without_a_shop_is_asked_for_by_its_merchants_number(ground: Ground) -> None:
    async with ground.erp() as supplier, seller_without_shop(supplier) as pair:
        distr, user_id = await pair.new(), str(pair.seller_id)
        sellers = (await supplier.ok("iop.getSellerList"))["seller_list"]
        assert user_id in [one["user_id"] for one in sellers]
        found = await supplier.ok("iop.orderList", {"user_id": user_id})
        assert (found["total"], found["order_list"][0]["distr_order_id"]) == (1, distr)
        assert found["order_list"][0]["user_id"] == user_id
        everybodys = await supplier.ok("iop.orderList", {"user_id": ""})
        assert everybodys["total"] == (await supplier.ok("iop.orderList"))["total"] >= 1
        assert (await supplier.ok("iop.orderList", {"user_id": "404"}))["total"] == 0


@pytest.mark.parametrize("supplier_id", ["9" * 30, "no-number", "42"])
async def test_orders_go_to_a_supplier_with_a_relation_only(ground: Ground, supplier_id: str) -> None:
    async with ground.erp() as supplier, strangers(supplier) as pair:
        asked = {"supplier_id": supplier_id, "order_ids": [await pair.order()]}
        envelope = await pair.seller.call(ASK, asked)
        assert "[supply.no_relation]" in json.dumps(envelope, ensure_ascii=False)


async def test_pages_of_given_orders_follow_one_another(ground: Ground) -> None:
    async with partners(ground) as pair:
        ids = await pair.given(*[await pair.order() for _ in range(5)])
        pages = [await pair.seller.ok("iop.sellerOrderList", {"page": page, "size": 2}) for page in range(4)]
        assert [len(page["order_list"]) for page in pages] == [2, 2, 1, 0]
        assert sorted(one["distr_order_id"] for page in pages for one in page["order_list"]) == sorted(ids)
        assert {page["total"] for page in pages} == {5}


# --- numbers ----------------------------------------------------------------------------------------------------------


async def test_a_number_lies_with_the_seller_and_its_unit_comes_from_the_grant(ground: Ground) -> None:
    async with partners(ground) as pair:
        first, second = await pair.given(await pair.order(), await pair.order(name="司徒大寒"))
        before = await pair.balance()
        data = await pair.take(first, second, extra="ext-1")
        assert misfits(GET, data) == []
        assert [one["distr_order_id"] for one in data["ebill_infos"]] == [first, second]
        numbers = [one["track_no"] for one in data["ebill_infos"]]
        found = await waybill(pair, numbers[1])
        assert pair.account is not None
        assert (found.ref.merchant_id, found.shop_id, found.account_id) == (
            pair.seller_id,
            pair.shop,
            pair.account.account_id,
        )
        after = await pair.balance()
        assert after.allocated == before.allocated + 2
        assert after.adds_up
        assert data["ebill_infos"][0]["sort_code"] == found.route.sort_code != ""
        assert data["ebill_infos"][0]["extra"] == "ext-1"
        assert await why(pair.supplier, "logistics.trackNoRouteDetail", {
            "logistics_code": "yuantong", "track_no": numbers[0],
        }) == "waybill.unknown"  # fmt: skip
        keys = await pair.hall.vault.keys_for(pair.seller_id, [found.sealed])
        assert keys.open(found.sealed, found.order_ref).name == "司徒大寒"  # the order's own recipient
        [row] = [
            one
            for one in (await pair.supplier.ok("iop.orderList", {"user_id": pair.shop}))["order_list"]
            if one["distr_order_id"] == second
        ]
        assert row["waybill_list"] == [{"company_code": "yuantong", "track_no": numbers[1], "pack_id": ""}]


async def test_the_same_call_again_answers_the_same_numbers_and_says_so(ground: Ground) -> None:
    async with partners(ground) as pair:
        distr = await pair.new()
        first = await pair.number(distr)
        answers = await asyncio.gather(*(pair.take(distr) for _ in range(6)))
        assert {one["ebill_infos"][0]["track_no"] for one in answers} == {first}
        assert "had this number before" in answers[0]["ebill_infos"][0]["extra_resp"]
        assert await pair.number(distr, pack_id="P2") != first
        assert (await pair.balance()).allocated == 2


async def test_a_supplier_prints_by_bluetooth_what_it_took_for_a_seller_and_a_stranger_does_not(ground: Ground) -> None:
    async with partners(ground) as pair:
        number = await pair.number(await pair.new())
        data = (await pair.supplier.ok("logistics.templateList"))["template_data"]
        code = next(one for one in data if one["logistics_code"] == "yuantong")["template_infos"][0]["template_code"]
        sheet = {"track_no": number, "std_template_code": code}
        asked = {"waybill_applies": [sheet], "cmd_type": "TSPL", "cmd_encode": "origin"}
        [info] = (await pair.supplier.ok("logistics.fetchBluetoothCmd", asked))["waybill_infos"]
        assert info["track_no"] == number
        assert info["print_data"]
        copies = "SELECT copies FROM waybill WHERE number = $1"
        assert await pair.hall.db.fetchval(copies, number) == 1
        async with strangers(pair.supplier) as other:
            data = (await other.seller.ok("logistics.templateList"))["template_data"]
            theirs = next(one for one in data if one["logistics_code"] == "yuantong")["template_infos"][0]
            sheet["std_template_code"] = theirs["template_code"]
            data = await other.seller.ok("logistics.fetchBluetoothCmd", asked)
            assert data["waybill_infos"] == []
            assert "[waybill.unknown]" in data["err_infos"][0]["err_msg"]
        assert await pair.hall.db.fetchval(copies, number) == 1


async def test_what_fails_in_a_take_rides_beside_what_works(ground: Ground) -> None:
    async with partners(ground) as pair:
        good, gone = await pair.new(), await pair.new()
        refunded_order = await pair.order()
        [refunded] = await pair.given(refunded_order)
        ref = OrderRef(pair.shop, refunded_order)
        keys = await pair.hall.vault.keys_of(pair.seller_id)
        await intake.hear(pair.hall.db, keys, ref, OrderEvent.REFUND_OPENED, 2)
        await pair.seller.ok(BACK, {"distr_order_ids": [gone]})
        asked = pair.asks(good, gone, refunded, "1")
        asked["trade_order_list"].append(asked["trade_order_list"][0] | {"user_id": SHOP})
        asked["trade_order_list"].append(asked["trade_order_list"][0] | {"company_code": "nobody-express"})
        for trade in asked["trade_order_list"][1:]:
            trade["order_infos"] = trade["order_infos"][:1]
        data = await pair.supplier.ok(GET, asked)
        assert [one["distr_order_id"] for one in data["ebill_infos"]] == [good]
        said = [(one["distr_order_id"], one["err_code"]) for one in data["err_infos"]]
        assert said == [(gone, "10005"), (refunded, said[1][1]), ("1", "10005"), (good, "10005"), (good, "10000")]
        assert "[orders.refund_open]" in data["err_infos"][1]["err_msg"]


async def test_a_take_is_for_at_most_ten_orders_in_all_its_groups(ground: Ground) -> None:
    async with partners(ground) as pair:
        ids = await pair.given(*[await pair.order() for _ in range(10)])
        asked = pair.asks(*ids)
        [trade] = asked["trade_order_list"]
        halves = [trade | {"order_infos": trade["order_infos"][:5]}, trade | {"order_infos": trade["order_infos"][5:]}]
        assert len((await pair.supplier.ok(GET, asked | {"trade_order_list": halves}))["ebill_infos"]) == 10
        eleven = [trade, trade | {"order_infos": trade["order_infos"][:1]}]
        assert await pair.supplier.refused(GET, asked | {"trade_order_list": eleven}) == "isv.parameter-invalid:10000"


async def test_without_a_lent_account_or_without_a_relation_no_number_is_taken(ground: Ground) -> None:
    async with ground.erp() as supplier, strangers(supplier) as pair:
        await pair.relate()
        distr = await pair.new()
        assert await errors(supplier, GET, pair.asks(distr)) == ["supply.nothing_lent"]
        await pair.lend()
        await pair.number(distr)
        other = await pair.new()
        await pair.revoke()
        assert await errors(supplier, GET, pair.asks(other)) == ["supply.share_not_active"]


async def test_an_order_goes_back_with_the_end_of_the_relation_and_its_number_runs_on(ground: Ground) -> None:
    async with partners(ground) as pair:
        taken, waiting = await pair.new(), await pair.new()
        number = await pair.number(taken)
        await pair.end()
        assert await errors(pair.supplier, GET, pair.asks(waiting)) == ["supply.distribution_cancelled"]
        assert await errors(pair.supplier, GET, pair.asks(taken, pack_id="P2")) == ["supply.no_relation"]
        assert (await pair.supplier.ok(CANCEL, cancelling(pair, number)))["return_result"] is True


async def test_a_cancelled_number_gives_the_order_back_and_is_cancelled_still_when_asked_again(ground: Ground) -> None:
    async with partners(ground) as pair:
        distr = await pair.new()
        number = await pair.number(distr)
        assert await errors(pair.seller, BACK, {"distr_order_ids": [distr]}) == ["supply.number_stands"]
        for _ in range(2):
            assert misfits(CANCEL, await pair.supplier.ok(CANCEL, cancelling(pair, number))) == []
        assert (await waybill(pair, number)).state is NumberState.CANCELLED
        assert await errors(pair.seller, BACK, {"distr_order_ids": [distr]}) == []


async def test_somebody_elses_number_cannot_be_cancelled(ground: Ground) -> None:
    async with partners(ground) as pair, strangers(pair.supplier) as other:
        number = await pair.number(await pair.new())
        assert await why(other.seller, CANCEL, cancelling(pair, number)) == "supply.no_relation"
        own = await pair.supplier.number(order(), carrier="yuantong")
        assert await pair.supplier.refused(CANCEL, cancelling(pair, own)) == "isv.business-failed:88888"
        assert (await waybill(pair, number)).state is NumberState.ISSUED


async def test_taking_back_races_with_the_take_and_exactly_one_of_them_wins(ground: Ground) -> None:
    async with partners(ground) as pair:
        for distr in await pair.given(*[await pair.order() for _ in range(8)]):
            back, taken = await asyncio.gather(
                pair.seller.ok(BACK, {"distr_order_ids": [distr]}), pair.supplier.ok(GET, pair.asks(distr))
            )
            has_number = bool(taken["ebill_infos"])
            assert has_number is not bool(back["distr_order_ids"])
            seen = await pair.supplier.ok("iop.orderInfo", {"distr_order_id": distr})
            assert (seen["distr_status"], len(seen["waybill_list"])) == ((1, 1) if has_number else (2, 0))


# --- user_id of newCreateOrder and its sisters ------------------------------------------------------------------------


def for_seller(pair: Pair, order_id: str, **more: Any) -> dict[str, Any]:
    asked = order(order_id) | more
    return {"sender_info": SENDER, "logistics_code": "yuantong", "order_infos": [asked], "user_id": pair.shop}


async def test_new_create_order_for_another_shop_takes_under_its_merchant_and_grant(ground: Ground) -> None:
    async with partners(ground) as pair:
        order_id = await pair.order(name="司徒大寒")
        data = await pair.supplier.ok("logistics.newCreateOrder", for_seller(pair, order_id))
        number = data["ebill_infos"][0]["track_no"]
        found = await waybill(pair, number)
        assert pair.account is not None
        assert (found.shop_id, found.account_id) == (pair.shop, pair.account.account_id)
        assert (await pair.balance()).allocated == 1
        asked = {"logistics_code": "yuantong", "track_no": number, "user_id": pair.shop}
        changed = asked | {"items": [{"item_name": "新杯子", "item_count": 1}]}
        assert (await pair.supplier.ok("logistics.updateOrder", changed))["track_no"] == number
        assert (await waybill(pair, number)).goods[0]["title"] == "新杯子"
        without = {name: value for name, value in asked.items() if name != "user_id"}
        assert await why(pair.supplier, "logistics.cancelOrder", without) == "waybill.unknown"
        cancelled = await pair.supplier.ok("logistics.cancelOrder", asked)
        assert cancelled["cancel_result"]["success"] is True


async def test_for_another_shop_a_grant_and_a_relation_are_both_needed(ground: Ground) -> None:
    async with ground.erp() as supplier, strangers(supplier) as pair:
        create = "logistics.newCreateOrder"
        asked = for_seller(pair, await pair.order())
        assert await why(supplier, create, asked) == "supply.nothing_lent"
        await pair.lend()
        assert await why(supplier, create, asked) == "supply.no_relation"
        await pair.relate()
        number = (await supplier.ok(create, asked))["ebill_infos"][0]["track_no"]
        await pair.end()
        more = for_seller(pair, await pair.order())
        assert await why(supplier, create, more) == "supply.no_relation"
        await pair.relate()
        await pair.revoke()
        assert await why(supplier, create, more) == "supply.share_not_active"
        await outbox.deliver(pair.hall.db, handlers(pair.hall, lambda _alarm: None))
        assert await why(supplier, create, more) in ("supply.share_not_active", "supply.nothing_lent")
        asked_of = {"logistics_code": "yuantong", "track_no": number, "user_id": pair.shop}
        assert (await supplier.ok("logistics.cancelOrder", asked_of))["cancel_result"]["success"] is True
        assert await why(supplier, create, asked | {"user_id": "S-nowhere"}) == "shop.unknown"


async def test_a_seller_cannot_ride_on_its_suppliers_other_accounts(ground: Ground) -> None:
    async with partners(ground) as pair:
        asked = for_seller(pair, await pair.order()) | {"logistics_code": "zhongtong"}
        assert await why(pair.supplier, "logistics.newCreateOrder", asked) == "supply.nothing_lent"
        del asked["user_id"]
        assert await why(pair.seller, "logistics.newCreateOrder", asked) == "account.none_fits"


async def test_the_recipient_of_a_sellers_order_is_never_what_the_supplier_types(ground: Ground) -> None:
    async with partners(ground) as pair:
        order_id = await pair.order(name="司徒大寒")
        asked = for_seller(pair, order_id, receiver_info=receiver("路人甲", "19900009999"))
        info = (await pair.supplier.ok("logistics.newCreateOrder", asked))["ebill_infos"][0]
        assert info["hint_msg"]
        found = await waybill(pair, info["track_no"])
        keys = await pair.hall.vault.keys_for(pair.seller_id, [found.sealed])
        assert keys.open(found.sealed, found.order_ref).name == "司徒大寒"


async def test_another_shop_of_the_same_merchant_is_spoken_for_only_by_an_app_that_it_lets_in(ground: Ground) -> None:
    async with ground.erp() as erp, sister_shop(erp.running) as sister:
        hall = erp.running.hall
        number = await number_for(erp, await put_order(hall))
        which = {"logistics_code": "yuantong", "track_no": number, "user_id": SHOP}
        asked = take(order(await put_order(hall)), carrier="yuantong", order_channel="", user_id=SHOP)
        moved = which | {"receiver_info": receiver("路人甲", "19900009999")}
        for method, params in (
            ("logistics.newCreateOrder", asked),
            ("logistics.updateOrder", moved),
            ("logistics.cancelOrder", which),
        ):
            assert await why(sister, method, params) == "doudian.shop_differs", method
        sister_id = (await sister.ok("iop.roleGet"))["user_id"]
        own = shop(MERCHANT, SHOP), shop(MERCHANT, sister_id)
        app, secret = await access.register_app(
            hall.db, hall.root, Registration("两店软件", AppKind.SELF_USE, scopes_for("shop"), own)
        )
        both = Erp(erp.http, erp.running, app.app_key, secret)
        await both.log_in(shop_id=sister_id)
        assert len((await both.ok("logistics.newCreateOrder", asked))["ebill_infos"]) == 1
        assert (await both.ok("logistics.cancelOrder", which))["cancel_result"]["success"] is True


# --- what went out ----------------------------------------------------------------------------------------------------


def returning(pair: Pair, distr: str, number: str = "", **more: Any) -> dict[str, Any]:
    asked = {"user_id": pair.shop, "distr_order_id": distr}
    return asked | ({"company_code": "yuantong", "track_no": number} if number else {}) | more


async def test_a_returned_number_is_the_sellers_ship_statement(ground: Ground) -> None:
    async with partners(ground) as pair:
        distr = await pair.new()
        number = await pair.number(distr)
        answers = await asyncio.gather(*(pair.supplier.ok(RETURN, returning(pair, distr, number)) for _ in range(4)))
        assert len({one["delivery_id"] for one in answers}) == 1
        assert misfits(RETURN, answers[0]) == []
        assert (await waybill(pair, number)).shipped_at is not None
        seen = await pair.supplier.ok("iop.orderInfo", {"distr_order_id": distr})
        assert seen["order_status"] == "shipped"
        track = {"logistics_code": "yuantong", "track_no": number}
        assert (await pair.seller.ok("logistics.trackNoRouteDetail", track))["route_node_list"] == []
        assert await pair.supplier.refused(RETURN, returning(pair, distr, "YT9900000000001")) == (
            "isv.business-failed:41004"
        )
        assert await pair.supplier.refused(CANCEL, cancelling(pair, number)) == "isv.business-failed:88888"


async def test_pieces_of_several_packs_fill_the_lines_in_their_order(ground: Ground) -> None:
    async with partners(ground) as pair:
        lines = OrderLine("L1", "杯", quantity=2), OrderLine("L2", "盘", quantity=3)
        [distr] = await pair.given(await pair.order(*lines))
        first, second = await pair.number(distr, pack_id="P1"), await pair.number(distr, pack_id="P2")
        packs = [
            {"track_no": first, "ship_num": 3, "company_code": "yuantong"},
            {"track_no": second, "ship_num": 2, "company_code": "yuantong"},
        ]
        answers = await asyncio.gather(
            *(pair.supplier.ok(RETURN, returning(pair, distr, pack_list=packs)) for _ in range(4))
        )
        assert misfits(RETURN, answers[0]) == []
        answers.append(await pair.supplier.ok(RETURN, returning(pair, distr, pack_list=packs)))
        assert all(one == answers[0] for one in answers)
        assert [(one["track_no"], one["ship_num"]) for one in answers[0]["pack_list"]] == [(first, 3), (second, 2)]
        sql = "SELECT lines FROM shipment WHERE merchant_id = $1 AND number = $2"
        [row] = await pair.hall.db.fetch(sql, pair.seller_id, first)
        assert [(one["line_id"], one["quantity"]) for one in row["lines"]] == [("L1", 2), ("L2", 1)]


async def test_a_pack_that_was_not_stated_is_not_answered_with_another_packs_statement(ground: Ground) -> None:
    async with partners(ground) as pair:
        order_id = await pair.order(OrderLine("L1", "杯", quantity=8))
        [distr] = await pair.given(order_id)
        first, second = await pair.number(distr, pack_id="P1"), await pair.number(distr, pack_id="P2")
        pack: dict[str, object] = {"logistics_code": first, "company_code": "yuantong"}
        pack |= {"shipped_order_info": [{"shipped_order_id": "L1", "shipped_num": 2}]}
        for turn in range(2):  # the seller states the first number twice
            asked = {"order_id": order_id, "pack_list": [pack], "request_id": f"{order_id}-{turn}"}
            await pair.seller.ok("order.logisticsAddMultiPack", asked)
        packs = [{"track_no": one, "ship_num": 2, "company_code": "yuantong"} for one in (first, second)]
        data = await pair.supplier.ok(RETURN, returning(pair, distr, pack_list=packs))
        assert [one["track_no"] for one in data["pack_list"]] == [first, second]
        assert (await waybill(pair, second)).shipped_at is not None


@pytest.mark.parametrize("ship_num", [-1, 0, 6])
async def test_more_pieces_than_there_are_or_none_are_refused(ground: Ground, ship_num: int) -> None:
    async with partners(ground) as pair:
        [distr] = await pair.given(await pair.order(OrderLine("L1", "杯", quantity=5)))
        pack = {"track_no": await pair.number(distr), "ship_num": ship_num, "company_code": "yuantong"}
        code = await why(pair.supplier, RETURN, returning(pair, distr, pack_list=[pack]))
        assert code == ("outbound.quantity_above_left" if ship_num > 0 else "outbound.quantity_not_positive")


async def test_part_of_an_order_goes_first_and_the_rest_later(ground: Ground) -> None:
    async with partners(ground) as pair:
        [distr] = await pair.given(await pair.order(OrderLine("L1", "杯", quantity=5)))
        for place, pieces in enumerate((2, 3)):
            number = await pair.number(distr, pack_id=f"P{place}")
            pack = {"track_no": number, "ship_num": pieces, "company_code": "yuantong"}
            data = await pair.supplier.ok(RETURN, returning(pair, distr, pack_list=[pack]))
            assert [one["ship_num"] for one in data["pack_list"]] == [pieces]
        seen = await pair.supplier.ok("iop.orderInfo", {"distr_order_id": distr})
        assert seen["order_status"] == "shipped"


async def test_each_reason_not_to_ship_has_its_published_number(ground: Ground) -> None:
    async with partners(ground) as pair:
        distr, order_id = "", await pair.order()
        [distr] = await pair.given(order_id)
        number = await pair.number(distr)
        assert await pair.supplier.refused(RETURN, returning(pair, "1", number)) == "isv.business-failed:41000"
        odd = returning(pair, distr, number) | {"user_id": SHOP}
        assert await pair.supplier.refused(RETURN, odd) == "isv.business-failed:41000"
        assert await pair.supplier.refused(RETURN, returning(pair, distr)) == "isv.missing-parameter:400"
        keys = await pair.hall.vault.keys_of(pair.seller_id)
        ref = OrderRef(pair.shop, order_id)
        await intake.hear(pair.hall.db, keys, ref, OrderEvent.REFUND_OPENED, 2)
        assert await pair.supplier.refused(RETURN, returning(pair, distr, number)) == "isv.business-failed:41007"
        shipped = await pair.supplier.ok(RETURN, returning(pair, distr, number, is_refund_reject=True))
        assert shipped["return_result"] is True
        gone = await pair.new()
        await pair.seller.ok(BACK, {"distr_order_ids": [gone]})
        assert await pair.supplier.refused(RETURN, returning(pair, gone, number)) == "isv.business-failed:41001"
        void = await pair.new()
        cancelled = await pair.number(void)
        await pair.supplier.ok(CANCEL, cancelling(pair, cancelled))
        assert await pair.supplier.refused(RETURN, returning(pair, void, cancelled)) == "isv.business-failed:41003"
        wrong = returning(pair, void, cancelled) | {"company_code": "nobody-express"}
        assert await pair.supplier.refused(RETURN, wrong) == "isv.parameter-invalid:10000"


async def test_a_number_of_a_pack_that_went_out_can_be_corrected(ground: Ground) -> None:
    async with partners(ground) as pair:
        distr = await pair.new()
        first, second = await pair.number(distr), await pair.number(distr, pack_id="P2")
        delivery = (await pair.supplier.ok(RETURN, returning(pair, distr, first)))["delivery_id"]
        data = await pair.supplier.ok(UPDATE, returning(pair, distr, second, delivery_id=delivery))
        assert misfits(UPDATE, data) == []
        assert data == {"return_result": True, "delivery_id": delivery}
        assert (await waybill(pair, first)).shipped_at is None
        assert (await waybill(pair, second)).shipped_at is not None
        unknown = returning(pair, distr, first, delivery_id="NOSUCHPACK")
        assert await pair.supplier.refused(UPDATE, unknown) == "isv.business-failed:41005"
        assert await pair.supplier.refused(UPDATE, unknown | {"distr_order_id": "1"}) == "isv.business-failed:41000"
