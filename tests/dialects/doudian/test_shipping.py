"""Shipping over real HTTP: whole orders, packs, orders together, corrected numbers, and every number of a refusal."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from miandan.carriers.catalogue import catalogue
from miandan.dialects.doudian.reading import carrier_of, company_id
from miandan.hall import Hall
from miandan.kernel.clock import now
from miandan.merchants import service as merchants
from miandan.merchants.model import Platform
from miandan.orders import intake
from miandan.orders.model import OrderLine, OrderRef, OrderState
from miandan.orders.service import find_orders
from miandan.orders.standing import OrderEvent
from miandan.outbound import service as outbound
from miandan.outbound.model import Shipment
from miandan.waybills import lives
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SHOP, Erp, new_order_id
from tests.dialects.doudian.orders import add, number_for, put_order
from tests.dialects.doudian.shapes import misfits

_typed = count(1)


def typed() -> str:
    """A number that looks like YTO's own and was taken nowhere here."""
    return f"YT91{next(_typed):011d}"


async def state_of(hall: Hall, order_id: str) -> tuple[str, int]:
    """Its state and the pieces that are out."""
    ref = OrderRef(SHOP, order_id)
    found = (await find_orders(hall.db, MERCHANT, [ref]))[ref]
    return found.state.value, found.shipped_pieces


async def standing(hall: Hall, order_id: str) -> tuple[Shipment, ...]:
    ref = OrderRef(SHOP, order_id)
    return (await outbound.shipments_of(hall.db, MERCHANT, [ref]))[ref]


def in_packs(order_id: str, *packs: tuple[str, dict[str, int | None]], **more: Any) -> dict[str, Any]:
    """Packs as pairs of a number and its lines."""
    listed = [
        {
            "logistics_code": number,
            "company_code": "yuantong",
            "shipped_order_info": [
                {"shipped_order_id": line, "shipped_num": quantity} for line, quantity in lines.items()
            ],
        }
        for number, lines in packs
    ]
    return {"order_id": order_id, "pack_list": listed, "request_id": f"r{order_id}"} | more


async def test_an_order_that_was_taken_and_shipped_is_shipped_and_its_number_cannot_be_cancelled(
    ground: Ground,
) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        order_id = await put_order(hall)
        number = await number_for(erp, order_id)
        data = await erp.ok("order.logisticsAdd", add(order_id, number))
        assert misfits("order.logisticsAdd", data) == []
        assert await state_of(hall, order_id) == ("shipped", 2)
        [shipment] = await standing(hall, order_id)
        assert (shipment.number, shipment.taken_here, shipment.stated_by) == (number, True, erp.app_key)
        cancelled = await erp.call("logistics.cancelOrder", {"logistics_code": "yuantong", "track_no": number})
        assert cancelled["code"] != 10000
        await erp.ok("order.logisticsAdd", add(order_id, number))
        assert await standing(hall, order_id) == (shipment,)


@pytest.mark.parametrize(
    "named",
    [
        {"company_code": "yuantong"},
        {"company_code": "", "company": "yuantong"},
        {"company": "圆通快递"},
        {"company_code": "圆通"},
        {"company_code": "yto"},
        {"logistics_id": 7},
        {"logistics_id": "7", "company_code": None, "company": ""},
        {"logistics_id": company_id(catalogue().get("yto"))},
        {"logistics_id": 0, "company_code": "yuantong"},
        {"logistics_id": 15, "company_code": "yuantong"},
    ],
)
async def test_a_carrier_is_known_by_code_name_or_the_old_number(ground: Ground, named: dict[str, Any]) -> None:
    async with ground.erp() as erp:
        order_id, number = await put_order(erp.running.hall), typed()
        await erp.ok("order.logisticsAdd", {"order_id": order_id, "logistics_code": number} | named)
        [shipment] = await standing(erp.running.hall, order_id)
        assert (shipment.carrier, shipment.number, shipment.taken_here) == ("yto", number, False)


async def test_without_a_carrier_or_a_number_the_missing_field_is_named(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        for asked, missing in (
            ({"logistics_code": typed()}, "company_code"),
            ({"logistics_code": typed(), "logistics_id": 0}, "company_code"),
            ({"company_code": "yuantong"}, "logistics_code"),
        ):
            for method in ("order.logisticsAdd", "order.logisticsEdit"):
                envelope = await erp.call(method, {"order_id": order_id} | asked)
                assert (envelope["code"], missing in envelope["sub_msg"]) == (40002, True)


async def test_the_order_id_of_the_old_interface_is_the_same_order(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        first, second = await put_order(hall), await put_order(hall)
        await erp.ok("order.logisticsAdd", add(f"{first}A", await number_for(erp, first)))
        assert await state_of(hall, first) == ("shipped", 2)
        lines = [{"shipped_order_id": f"{second}1", "shipped_num": 2}]
        asked = {"order_id_list": [f"{second}A"], "shipped_order_info": lines, "request_id": second}
        await erp.ok("order.logisticsAddSinglePack", asked | {"logistics_code": typed(), "company": "yuantong"})
        assert await state_of(hall, second) == ("shipped", 2)


@pytest.mark.parametrize("flag", ["is_refund_reject", "is_reject_refund"])
async def test_an_open_refund_stops_the_shipping_unless_the_caller_refuses_it(ground: Ground, flag: str) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        order_id = await put_order(hall)
        number = await number_for(erp, order_id)
        await _hear(hall, order_id, OrderEvent.REFUND_OPENED)
        assert await _refused(erp, add(order_id, number, **{flag: False})) == 60040
        await erp.ok("order.logisticsAdd", add(order_id, number, **{flag: True}))
        assert await state_of(hall, order_id) == ("shipped", 2)


async def _hear(hall: Hall, order_id: str, event: OrderEvent) -> None:
    await intake.hear(hall.db, await hall.vault.keys_of(MERCHANT), OrderRef(SHOP, order_id), event, 2)


async def _refused(erp: Erp, params: dict[str, Any], method: str = "order.logisticsAdd") -> int:
    """The inner number of a refusal that says the same in sub_code and sub_msg."""
    envelope = await erp.call(method, params)
    sub_code, _, number = str(envelope["sub_code"]).partition(":")
    assert (envelope["code"], sub_code) == (50002, "isv.business-failed"), envelope
    assert str(envelope["sub_msg"]).startswith(f"{number}:")
    return int(number)


Case = Callable[[Erp, Hall], Awaitable[dict[str, Any]]]


async def _unknown(_erp: Erp, _hall: Hall) -> dict[str, Any]:
    return add(new_order_id(), "YT9900000000009")


async def _another_shop(_erp: Erp, hall: Hall) -> dict[str, Any]:
    shop_id = f"S{new_order_id()}"
    await merchants.open_shop(hall.db, MERCHANT, shop_id, "示例二店", Platform("doudian"), "flagship")
    return add(await put_order(hall, shop_id=shop_id), "YT9900000000009")


def _in_state(state: OrderState) -> Case:
    async def made(_erp: Erp, hall: Hall) -> dict[str, Any]:
        return add(await put_order(hall, state=state), "YT9900000000009")

    return made


async def _in_review(_erp: Erp, hall: Hall) -> dict[str, Any]:
    order_id = await put_order(hall)
    await _hear(hall, order_id, OrderEvent.HELD)
    return add(order_id, "YT9900000000009")


async def _shipped(erp: Erp, hall: Hall) -> dict[str, Any]:
    order_id = await put_order(hall)
    await erp.ok("order.logisticsAdd", add(order_id, await number_for(erp, order_id)))
    return add(order_id, typed())


def _with(**what: Any) -> Case:
    async def made(_erp: Erp, hall: Hall) -> dict[str, Any]:
        return add(await put_order(hall), "YT9900000000009") | what

    return made


async def _void(erp: Erp, hall: Hall) -> dict[str, Any]:
    order_id = await put_order(hall)
    number = await number_for(erp, order_id)
    await erp.ok("logistics.cancelOrder", {"logistics_code": "yuantong", "track_no": number})
    return add(order_id, number)


async def _scanned_early(erp: Erp, hall: Hall) -> dict[str, Any]:
    order_id = await put_order(hall)
    number = await number_for(erp, order_id)
    assert await lives.scanned(hall.db, "yto", number, now() - timedelta(hours=1))
    return add(order_id, number)


async def _of_another_receiver(erp: Erp, hall: Hall) -> dict[str, Any]:
    number = await number_for(erp, await put_order(hall))
    return add(await put_order(hall, name="另一位", mobile="19900000001"), number)


async def _used_by_another_receiver(erp: Erp, hall: Hall) -> dict[str, Any]:
    number = typed()
    await erp.ok("order.logisticsAdd", add(await put_order(hall), number))
    return add(await put_order(hall, name="另一位"), number)


@pytest.mark.parametrize(
    ("number", "case"),
    [
        (60033, _unknown),
        (60033, _another_shop),
        (60021, _in_state(OrderState.CANCELLED)),
        (60113, _in_state(OrderState.CLOSED)),
        (60137, _in_state(OrderState.AWAITING_PAYMENT)),
        (60109, _in_review),
        (60110, _shipped),
        (60017, _with(logistics_code="没有")),
        (60017, _with(logistics_code="YTO-1")),
        (60018, _with(company_code="某某快递")),
        (60018, _with(company_code="", logistics_id=424242)),
        (60128, _with(company_code="zhongtong")),
        (70018, _void),
        (70019, _scanned_early),
        (70020, _of_another_receiver),
        (70022, _used_by_another_receiver),
        (700002, _with(store_id=424242)),
    ],
)
async def test_each_obstacle_has_the_number_that_the_platform_gives_it(ground: Ground, number: int, case: Case) -> None:
    async with ground.erp() as erp:
        asked = await case(erp, erp.running.hall)
        before = await _stood(erp, asked)
        assert await _refused(erp, asked) == number
        assert await _stood(erp, asked) == before


async def _stood(erp: Erp, asked: dict[str, Any]) -> tuple[Shipment, ...]:
    return await standing(erp.running.hall, asked["order_id"])


async def test_one_order_goes_out_in_packs_and_the_same_request_gets_the_same_packs(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall, order_id = erp.running.hall, new_order_id()
        await put_order(hall, OrderLine("a", "杯子", quantity=3), OrderLine("b", "垫子"), order_id=order_id)
        asked = in_packs(order_id, (typed(), {"a": 1}), (typed(), {"a": 1, "b": None}))
        data = await erp.ok("order.logisticsAddMultiPack", asked)
        assert misfits("order.logisticsAddMultiPack", data) == []
        assert [
            [(line["shipped_order_id"], line["shipped_num"]) for line in pack["shipped_order_info"]]
            for pack in data["pack_list"]
        ] == [[("a", 1)], [("a", 1), ("b", 1)]]
        assert await state_of(hall, order_id) == ("to_ship", 3)
        assert await erp.ok("order.logisticsAddMultiPack", asked) == data
        assert (await erp.call("order.logisticsAddMultiPack", asked | {"order_id": await put_order(hall)}))[
            "code"
        ] == 40004
        last = await erp.ok(
            "order.logisticsAddMultiPack", in_packs(order_id, (typed(), {"a": None}), request_id=f"{order_id}-2")
        )
        assert len({pack["pack_id"] for pack in (*data["pack_list"], *last["pack_list"])}) == 3
        assert await state_of(hall, order_id) == ("shipped", 4)


async def test_packs_go_out_all_or_none(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        line = f"{order_id}1"
        asked = in_packs(order_id, (typed(), {line: 1}), ("YT-nothing", {line: 1}))
        assert await _refused(erp, asked, "order.logisticsAddMultiPack") == 60017
        assert await standing(erp.running.hall, order_id) == ()
        asked["pack_list"][1]["logistics_code"] = typed()
        assert len((await erp.ok("order.logisticsAddMultiPack", asked))["pack_list"]) == 2


async def test_many_orders_go_out_in_one_pack_and_a_correction_of_it_reaches_them_all(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        first, second = await put_order(hall), await put_order(hall)
        number = await number_for(erp, first, second)
        asked = {
            "order_id_list": [first, second],
            "shipped_order_info": [{"shipped_order_id": f"{one}1", "shipped_num": 2} for one in (first, second)],
            "logistics_code": number,
            "company_code": "yuantong",
            "request_id": f"together-{first}",
        }
        data = await erp.ok("order.logisticsAddSinglePack", asked)
        assert misfits("order.logisticsAddSinglePack", data) == []
        assert await erp.ok("order.logisticsAddSinglePack", asked) == data
        other = typed()
        change = {"order_id": f"{second}A", "pack_id": data["pack_id"], "logistics_code": other}
        edited = await erp.ok("order.logisticsEditByPack", change | {"company_code": "圆通"})
        assert misfits("order.logisticsEditByPack", edited) == []
        for one in (first, second):
            assert await state_of(hall, one) == ("shipped", 2)
            [shipment] = await standing(hall, one)
            assert (shipment.number, shipment.pack_id) == (other, data["pack_id"])
        cancelled = await erp.ok("logistics.cancelOrder", {"logistics_code": "yuantong", "track_no": number})
        assert cancelled["cancel_result"]["success"] is True


async def test_a_number_is_corrected_where_it_is_clear_which_pack_is_meant(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        one, many = await put_order(hall), await put_order(hall)
        assert (await erp.call("order.logisticsEdit", add(one, typed())))["code"] == 50002
        await erp.ok("order.logisticsAdd", add(one, typed()))
        other = typed()
        await erp.ok("order.logisticsEdit", add(one, other))
        assert [shipment.number for shipment in await standing(hall, one)] == [other]
        line = f"{many}1"
        packs = in_packs(many, (typed(), {line: 1}), (typed(), {line: 1}))
        await erp.ok("order.logisticsAddMultiPack", packs)
        unclear = await erp.call("order.logisticsEdit", add(many, typed()))
        assert (unclear["code"], "pack_id" in unclear["sub_msg"]) == (40004, True)
        no_pack = add(many, typed(), company_code="yuantong", pack_id="nothing")
        assert (await erp.call("order.logisticsEditByPack", no_pack))["code"] == 40004


async def test_the_same_order_sent_by_many_at_once_is_stated_once(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        asked = add(order_id, await number_for(erp, order_id))
        envelopes = await asyncio.gather(*(erp.call("order.logisticsAdd", asked) for _ in range(30)))
        assert [one["code"] for one in envelopes] == [10000] * 30
        assert len(await standing(erp.running.hall, order_id)) == 1


async def test_a_token_without_the_ship_scope_states_nothing(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        async with Erp.at(erp.running, app_key="7000000000000000002", secret="example-secret-0002") as carrier:
            await carrier.log_in(auth_subject_type="WuLiuShang", auth_id="zto")
            refused = await carrier.refused("order.logisticsAdd", add(order_id, typed()))
        assert refused == "isv.app-permissions-insufficient"
        assert await standing(erp.running.hall, order_id) == ()


def test_every_carrier_of_the_company_list_is_found_by_its_number_there() -> None:
    for carrier in catalogue():
        assert carrier_of({"logistics_id": company_id(carrier)}) is carrier
