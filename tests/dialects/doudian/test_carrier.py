"""A carrier's gateway over real HTTP: scans, applications, its own numbers read, collections, cancellations."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from miandan.accounts import applications
from miandan.accounts import service as accounts
from miandan.accounts.model import Sender
from miandan.hall import Hall
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.errors import Refusal
from miandan.tracking import service as tracking
from miandan.tracking.model import Action, Scan
from miandan.vault.retention import shred
from miandan.waybills import lives, queries
from miandan.waybills.model import NumberState, Waybill
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, Erp, order, receiver
from tests.dialects.doudian.orders import shipped_number
from tests.dialects.doudian.partners import deliver, other_carrier, zto
from tests.dialects.doudian.shapes import misfits

PUSH, READ, APPLY = "logistics.trackPush", "logistics.ebillInfoGet", "logistics.netsiteApplyCallback"
SNAKE, CAMEL = "logistics.waybillOrderInfoQuery", "logistics.isByteDancePackage"
COLLECT, CANCEL = "logistics.collectInfoCallback", "logistics.cancelOperateOrder"
AT = now().replace(microsecond=0) - timedelta(hours=6)
SOON = AT.astimezone(BEIJING)


def cancelling(number: str, reason: str = "客户取消寄件") -> dict[str, str]:
    return {"waybill_code": number, "reason": reason, "status": "1"}


def trace(kind: str = "GOT", at: str = f"{SOON:%Y-%m-%d %H:%M:%S}", **more: Any) -> dict[str, Any]:
    base = {"trace_type": kind, "trace_sub_type": "", "op_time": at, "content": "已揽收", "site_code": "57100"}
    return base | {"trace_sub_type": "-"} | more


def push(number: str, *traces: dict[str, Any], company: str = "zhongtong") -> dict[str, Any]:
    message = {"track_no": number, "traces": list(traces) or [trace()]}
    return {"cur_time": "1", "company": company, "trace_msgs": [message]}


async def waybill_of(hall: Hall, number: str) -> Waybill:
    return await lives.waybill_on_paper(hall.db, "zto", number)


async def scans_of(erp: Erp, number: str) -> list[Scan]:
    return await tracking.route_of(erp.running.hall.db, "zto", number)


async def test_pushed_scans_reach_the_waybill(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        number = await erp.number()
        signed = trace("SIGNED", f"{SOON + timedelta(hours=2):%Y-%m-%d %H:%M:%S}", content="已签收")
        assert await gateway.ok(PUSH, push(number, signed, trace())) == {}
        assert [one.action for one in await scans_of(erp, number)] == [Action.COLLECTED, Action.SIGNED]
        await deliver(erp.running.hall)
        waybill = await waybill_of(erp.running.hall, number)
        assert (waybill.first_scan_at, waybill.signed_at) == (AT, AT + timedelta(hours=2))
        assert "[cancel.picked_up]" in (await gateway.call(CANCEL, cancelling(number)))["sub_msg"]


@pytest.mark.parametrize(
    "text",
    [
        f"{AT.timestamp():.0f}",
        f"{AT.timestamp() * 1000:.0f}",
        f"{SOON:%Y-%m-%d %H:%M:%S}",
        f"{SOON:%Y/%m/%d %H:%M:%S}",
        f"{SOON:%Y-%m-%dT%H:%M:%S}",
        f"{SOON:%Y%m%d%H%M%S}",
        f"{SOON:%Y-%m-%d %H:%M:%S}.000",
        SOON.isoformat(),
        AT.isoformat(),
        AT.isoformat().replace("+00:00", "Z"),
    ],
    ids=range(10),
)
async def test_every_form_of_a_time_means_the_same_moment(ground: Ground, text: str) -> None:
    async with ground.serving() as running, zto(running) as gateway:
        number = f"ZTF{uuid4().int % 10**10:010d}"
        await gateway.ok(PUSH, push(number, trace(at=text)))
        [scan] = await scans_of(gateway, number)
        assert scan.happened_at == AT


async def test_a_scan_that_cannot_be_kept_is_named_and_the_others_stay(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        number = await erp.number()
        late, odd = trace(at="2031-01-01 00:00:00"), trace(at="yesterday 13900001111")
        for _ in range(2):  # a push repeated as it is harms nothing
            envelope = await gateway.call(PUSH, push(number, trace(), late, odd))
            assert (envelope["code"], envelope["err_no"]) == (10001, 10001)
            assert envelope["sub_code"].startswith("isv.business-part-failed:")
            assert "trace_msgs[0].traces[1] scan.in_future" in envelope["sub_msg"]
            assert "trace_msgs[0].traces[2] doudian.field_type" in envelope["sub_msg"]
            assert "13900001111" not in json.dumps(envelope)
            assert len(await scans_of(erp, number)) == 1


async def test_a_push_of_which_nothing_can_be_kept_is_refused_for_its_own_reason(ground: Ground) -> None:
    async with ground.serving() as running, zto(running) as gateway:
        envelope = await gateway.call(PUSH, push("ZT1234567890", trace(at="2019-01-01 00:00:00")))
        assert envelope["code"] == 40004
        assert "[scan.too_old]" in envelope["sub_msg"]


async def test_persons_of_a_push_are_masked_or_left_out(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        number = await erp.number()
        told = trace(
            "SIGNED",
            content="签收人：欧阳小满，致电 19900007777",
            signer_name="欧阳小满",
            operator_name="快递员老李",
            operator_phone="19900002222",
            new_receiver={"name": "司徒大寒", "mobile": "19900003333"},
            new_address={"province": "浙江省", "detail": "不该出现的路 9 号"},
            pick_code="8-2-1234",
            current_address={"city": "杭州市", "town_code": "330110"},
            next_address={"city": "宁波市"},
        )
        await gateway.ok(PUSH, push(number, told))
        [scan] = await scans_of(erp, number)
        assert (scan.courier, scan.courier_phone) == ("快递员老*", "19900002222")
        assert (scan.city, scan.division_code, scan.next_site) == ("杭州市", "330110", "宁波市")
        assert (scan.raw_code, scan.raw_sub_code, scan.namespace) == ("SIGNED", "-", "doudian")
        rows = await erp.running.hall.db.fetch("SELECT * FROM scan WHERE number = $1", number)
        text = str([dict(row) for row in rows])
        for hidden in ("小满", "19900007777", "大寒", "19900003333", "不该出现", "8-2-1234"):
            assert hidden not in text


async def test_a_number_that_nobody_knows_is_kept_and_shown_as_a_risk(ground: Ground) -> None:
    async with ground.serving() as running, zto(running) as gateway:
        number = f"ZTN{uuid4().int % 10**10:010d}"
        await gateway.ok(PUSH, push(number))
        await deliver(running.hall)
        untaken = await tracking.untaken_numbers(running.hall.db, "zto", limit=10_000)
        assert number in [one.stand.number for one in untaken]


async def test_the_same_batch_from_eight_callers_at_once_is_kept_once(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        numbers = [await erp.number() for _ in range(5)]
        kinds = ("GOT", "DEPARTURE", "ARRIVAL", "SENT", "SIGNED")
        batch = {
            "cur_time": "1",
            "company": "zhongtong",
            "trace_msgs": [
                {
                    "track_no": one,
                    "traces": [
                        trace(kind, f"{SOON + timedelta(minutes=place):%Y-%m-%d %H:%M:%S}")
                        for place, kind in enumerate(kinds)
                    ],
                }
                for one in numbers
            ],
        }
        answers = await asyncio.gather(*(gateway.call(PUSH, batch) for _ in range(8)))
        assert [one["code"] for one in answers] == [10000] * 8
        for number in numbers:
            assert len(await scans_of(erp, number)) == len(kinds)
        stands = await erp.running.hall.db.fetch("SELECT scans FROM scanned_number WHERE number = ANY($1)", numbers)
        assert [row["scans"] for row in stands] == [len(kinds)] * 5


async def test_a_cancelled_number_that_is_scanned_debits_again(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        hall = erp.running.hall
        number = await erp.number()
        await gateway.ok(CANCEL, cancelling(number))
        cancelled = await waybill_of(hall, number)
        assert cancelled.state is NumberState.CANCELLED
        await gateway.ok(PUSH, push(number))
        await deliver(hall)
        assert (await waybill_of(hall, number)).state is NumberState.ISSUED
        assert (await accounts.balance(hall.db, MERCHANT, cancelled.account_id)).adds_up


async def test_a_carrier_speaks_for_itself_alone(ground: Ground) -> None:
    async with ground.erp() as erp, other_carrier(erp.running, "yto") as gateway:
        number = await erp.number()
        theirs = {"waybill_code": number, "user_type": 1, "system_source": "x", "query_reason": "y"}
        for method, params in (
            (PUSH, push(number)),
            (READ, theirs | {"company": "zhongtong"}),
            (APPLY, {"book_id": str(uuid4()), "result": True, "company": "zto"}),
            (SNAKE, {"waybill_code": number, "express_company": "zhongtong"}),
            (CAMEL, {"waybillCode": number, "expressCompany": "zhongtong"}),
        ):
            envelope = await gateway.call(method, params)
            assert (envelope["code"], envelope["sub_code"]) == (30001, "isv.app-permissions-insufficient"), method
            assert "[doudian.carrier_not_yours]" in envelope["sub_msg"]
        assert await scans_of(erp, number) == []
        assert "[waybill.unknown]" in (await gateway.call(READ, theirs))["sub_msg"]
        assert (await gateway.call(CANCEL, cancelling(number)))["code"] != 10000
        assert (await waybill_of(erp.running.hall, number)).state is NumberState.ISSUED


async def test_a_shop_may_call_nothing_of_this_and_a_carrier_nothing_of_a_shop(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        assert await erp.refused(PUSH, push("ZT1234567890")) == "isv.app-permissions-insufficient"
        track = {"logistics_code": "zhongtong", "track_no": "ZT1234567890"}
        assert await gateway.refused("logistics.trackNoRouteDetail", track) == "isv.app-permissions-insufficient"
        for name in ("logistics.pushPickupCode", "logistics.sendByteDanceMessage", "logistics.deliveryNotice"):
            envelope = await gateway.call(name)
            assert (envelope["code"], envelope["sub_code"]) == (70000, "isp.api-service-off")


async def application(hall: Hall) -> str:
    """A merchant's wish for an account with ZTO, sent from a place of its own."""
    sender = Sender("示例仓", "0571-00000009", "浙江省", "杭州市", "余杭区", f"示例路 {uuid4().int % 10**6} 号")
    asked = await applications.apply(hall.db, MERCHANT, "zto", ship_from=[sender], branch_code="57100")
    return str(asked.application_id)


async def state_of(hall: Hall, book_id: str) -> tuple[str, str]:
    [one] = [
        row.application
        for row in await applications.track(hall.db, MERCHANT)
        if str(row.application.application_id) == book_id
    ]
    return one.state.value, one.reason


async def test_a_carrier_approves_or_rejects_an_application_once(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        hall = erp.running.hall
        first = await application(hall)
        answers = await asyncio.gather(*(gateway.call(APPLY, {"book_id": first, "result": True}) for _ in range(4)))
        assert [one["code"] for one in answers] == [10000] * 4
        assert await state_of(hall, first) == ("approved", "")
        assert (await gateway.call(APPLY, {"book_id": first, "result": False}))["code"] != 10000
        second = await application(hall)
        await gateway.ok(APPLY, {"book_id": second, "result": "false", "remark": "余量不足", "company": "zhongtong"})
        assert await state_of(hall, second) == ("rejected", "余量不足")


@pytest.mark.parametrize("book_id", ["1", "不是编号", "00000000-0000-4000-8000-000000000000"])
async def test_an_application_that_is_not_there_is_said_so(ground: Ground, book_id: str) -> None:
    async with ground.serving() as running, zto(running) as gateway:
        envelope = await gateway.call(APPLY, {"book_id": book_id, "result": True})
        assert "[application.unknown]" in envelope["sub_msg"]


def reading(number: str, **more: Any) -> dict[str, Any]:
    asked = {"waybill_code": number, "user_type": 2, "system_source": "派件系统", "query_reason": "派送前核对"}
    return asked | {"net_code": "57100", "user_id": "emp-77", "ip_address": "10.0.0.9"} | more


async def reveals_of(hall: Hall) -> list[Any]:
    sql = "SELECT actor, purpose, subject FROM audit_entry WHERE action = 'recipient.revealed' ORDER BY at DESC LIMIT 5"
    return [(row["actor"], row["purpose"], row["subject"]) for row in await hall.db.fetch(sql)]


async def test_a_carrier_reads_its_own_waybill_and_the_reason_is_on_record(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        who = receiver("欧阳小满", "19900007777")
        number = await erp.number(
            order(receiver_info=who, service_list=[{"service_code": "insured", "service_value": "5000"}])
        )
        reason = "客户欧阳小满来电 19900007777 要求改约"
        data = await gateway.ok(READ, reading(number, query_reason=reason))
        assert misfits(READ, data) == []
        contact, address = data["receiver"]["contact"], data["receiver"]["address"]
        assert (contact["name"], contact["mobile"], contact["virtualMobile"]) == ("欧阳小满", "19900007777", "")
        assert address["detail_address"] == who["address"]["detail_address"]
        assert (address["province_code"], address["city_code"], address["district_code"]) == (
            "330000",
            "330100",
            "330110",
        )
        assert data["sender"]["contact"]["phone"] == "0571-00000000"
        assert data["cargo_list"][0] | {"name": "", "quantity": 0} == {
            "name": "", "quantity": 0, "volume": 0, "total_weight": 0, "total_net_weight": 0, "unit": "",
        }  # fmt: skip
        assert data["service_list"] == [{"service_code": "insured", "service_value": "5000"}]
        assert data["net_info"]["net_code"] == "57100"
        actor, purpose, subject = (await reveals_of(erp.running.hall))[0]
        assert (actor, purpose) == (f"{gateway.app_key}/派件系统/2/57100", "deliver")
        assert subject["reason"].startswith("客户欧**来电 ***")
        for hidden in ("欧阳小满", "19900007777", "emp-77", "10.0.0.9"):
            assert hidden not in str((actor, subject))


async def test_a_cancelled_number_is_not_read_any_more(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        number = await erp.number()
        await gateway.ok(CANCEL, cancelling(number))
        envelope = await gateway.call(READ, reading(number))
        assert "[vault.number_not_live]" in envelope["sub_msg"]
        assert envelope["data"] is None


@pytest.mark.parametrize("missing", ["query_reason", "system_source", "user_type", "waybill_code"])
async def test_nothing_is_read_without_a_reason_or_a_source(ground: Ground, missing: str) -> None:
    async with ground.serving() as running, zto(running) as gateway:
        asked = {name: value for name, value in reading("ZT1").items() if name != missing}
        assert await gateway.refused(READ, asked) == "isv.missing-parameter:400"
    if missing == "query_reason":
        async with ground.serving() as running, zto(running) as gateway:
            assert (await gateway.call(READ, reading("ZT1", query_reason="x" * 201)))["code"] == 40004


async def test_whether_a_number_is_ours_is_said_with_masks_only(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        number = await erp.number(order(receiver_info=receiver("欧阳小满", "19900007777")))
        snake = await gateway.ok(SNAKE, {"waybill_code": number, "express_company": "zhongtong"})
        camel = await gateway.ok(CAMEL, {"waybillCode": number, "expressCompany": "zhongtong"})
        assert (misfits(SNAKE, snake), misfits(CAMEL, camel)) == ([], [])
        assert (snake["is_bytedance_waybill"], snake["is_bytedance_dec"], snake["privacy_flag"]) == ("1", "1", "1")
        assert (snake["receiver"]["name"], snake["receiver"]["mobile"]) == ("欧**", "199****7777")
        assert snake["receiver"]["is_virtual_no"] == "0"
        assert camel["receiver"]["mobile"] == snake["receiver"]["mobile"]
        assert "小满" not in json.dumps([snake, camel], ensure_ascii=False)
        nobodys = await gateway.ok(SNAKE, {"waybill_code": "ZT0000000000"})
        assert misfits(SNAKE, nobodys) == []
        assert (nobodys["is_bytedance_waybill"], nobodys["receiver"]["name"]) == ("0", "")


def collecting(number: str, at: datetime = AT, **more: Any) -> dict[str, Any]:
    who = {"courier_name": "老李", "courier_tel": "19900002222", "net_code": "57100", "net_name": "余杭示例网点"}
    asked = {"biz_type": "1", "operate_time": int(at.timestamp()), "request_id": "r1", "waybill_code": number}
    return asked | {"collect_info": who} | more


async def test_a_courier_that_will_come_is_part_of_the_route_and_the_number_can_still_be_cancelled(
    ground: Ground,
) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        number = await erp.number()
        for moment in (int(AT.timestamp()), int(AT.timestamp()) * 1000):
            data = await gateway.ok(COLLECT, collecting(number, operate_time=moment))
            assert misfits(COLLECT, data) == []
            assert data["result"] is True
        [scan] = await scans_of(erp, number)
        assert (scan.action, scan.courier, scan.courier_phone) == (Action.ACCEPTED, "老*", "19900002222")
        await deliver(erp.running.hall)
        assert (await gateway.ok(CANCEL, cancelling(number)))["result"] is True


@pytest.mark.parametrize("moment", [-1, 0, 2**62])
async def test_a_collection_at_no_possible_time_is_refused(ground: Ground, moment: int) -> None:
    async with ground.serving() as running, zto(running) as gateway:
        assert (await gateway.call(COLLECT, collecting("ZT1234567890", operate_time=moment)))["code"] == 40004


async def test_a_number_that_the_carrier_cancelled_is_free_and_its_reason_stands_in_the_route(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        hall = erp.running.hall
        order_id = order()["order_id"]
        number = await erp.number(order(order_id))
        answers = await asyncio.gather(*(gateway.call(CANCEL, cancelling(number)) for _ in range(4)))
        assert [one["data"]["result"] for one in answers] == [True] * 4
        assert misfits(CANCEL, answers[0]["data"]) == []
        assert (await waybill_of(hall, number)).state is NumberState.CANCELLED
        assert [one.text for one in await scans_of(erp, number)] == ["客户取消寄件"]
        assert await erp.number(order(order_id)) != number


async def test_a_carrier_cannot_cancel_what_it_has_scanned_or_what_is_stated_as_shipped(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        scanned, shipped = await erp.number(), await shipped_number(erp)
        await gateway.ok(PUSH, push(scanned))
        await deliver(erp.running.hall)
        for number, why in ((scanned, "cancel.picked_up"), (shipped, "cancel.shipped"), ("ZT1", "waybill.unknown")):
            envelope = await gateway.call(CANCEL, cancelling(number))
            assert f"[{why}]" in envelope["sub_msg"]


async def test_a_shredded_recipient_is_nobody_and_the_number_is_still_ours(ground: Ground) -> None:
    async with ground.erp() as erp, zto(erp.running) as gateway:
        hall = erp.running.hall
        number = await erp.number()
        async with hall.db.transaction() as tx:
            await shred(tx, MERCHANT, [(await waybill_of(hall, number)).sealed.token])
        data = await gateway.ok(CAMEL, {"waybillCode": number, "expressCompany": "zto"})
        assert (data["isBytedanceWaybill"], data["receiver"]["name"]) == ("1", "")
        with pytest.raises(Refusal, match=r"vault\.shredded"):
            await lives.read_for_delivery(hall.counter, "zto", number, "x")
        [waybill] = await queries.waybills(hall.db, [(await waybill_of(hall, number)).ref])
        assert waybill.sealed.key is None
