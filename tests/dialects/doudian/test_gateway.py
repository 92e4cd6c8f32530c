"""Calls over real HTTP: in every way clients send them, and what a wrong one is answered."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from miandan.access import service as access
from miandan.access.calls import find_call
from miandan.access.model import AppKind, Registration, shop
from miandan.access.scopes import scopes_for
from miandan.kernel.clock import BEIJING, now
from miandan.kernel.errors import Refusal
from miandan.server.bodies import MOST_HELD, SLOWEST_SECONDS
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SHOP, Erp, order, take

LIST = "logistics.listShopNetsite"
BODY = '{"logistics_code":"zhongtong"}'


async def _post(erp: Erp, name: str, **more: object) -> dict[str, object]:
    answer = await erp.http.request(url=f"/doudian/{name.replace('.', '/')}", **more)  # type: ignore[arg-type]
    assert answer.status_code == 200
    envelope: dict[str, object] = answer.json()
    return envelope


async def test_every_way_of_sending_a_call_is_understood(ground: Ground) -> None:
    async with ground.erp() as erp:
        common = erp.common(LIST, BODY)
        whole = common | {"param_json": BODY}
        files = {name: (None, value) for name, value in whole.items()}
        ways = [
            {"method": "GET", "params": whole},
            {"method": "POST", "params": common, "content": BODY},
            {"method": "POST", "params": common, "data": {"param_json": BODY}},
            {"method": "POST", "data": whole},
            {"method": "POST", "params": common, "files": {"param_json": (None, BODY)}},
            {"method": "POST", "files": files},
            {"method": "POST", "params": common, "content": BODY, "headers": {"content-type": "Content-Type: x"}},
            {"method": "POST", "params": common | {"method": ""}, "content": BODY},
        ]
        for way in ways:
            envelope = await _post(erp, LIST, **way)
            assert envelope["code"] == 10000, (way, envelope)


@pytest.mark.parametrize("sign_method", ["md5", "hmac-sha256"])
async def test_both_signatures_and_every_form_of_timestamp_count(ground: Ground, sign_method: str) -> None:
    beijing = now().astimezone(BEIJING)
    async with ground.erp() as erp:
        for timestamp in (f"{now().timestamp():.0f}", f"{beijing:%Y-%m-%d %H:%M:%S}", f"{beijing:%Y/%m/%d %H:%M:%S}"):
            await erp.ok(LIST, {"logistics_code": ""}, sign_method=sign_method, timestamp=timestamp)


async def test_without_a_sign_method_the_signature_is_md5(ground: Ground) -> None:
    async with ground.erp() as erp:
        common = erp.common(LIST, BODY, sign_method="md5")
        del common["sign_method"]
        assert (await erp.send(LIST, common, BODY))["code"] == 10000


async def test_new_and_old_fields_come_together_unless_the_client_asks_for_the_new_alone(ground: Ground) -> None:
    async with ground.erp() as erp:
        both = await erp.call(LIST, {"logistics_code": ""})
        assert (both["code"], both["msg"], both["err_no"], both["message"]) == (10000, "success", 0, "success")
        query = urlencode(erp.common(LIST, BODY))
        headers = {"x-open-no-old-err-code": "1"}
        new = (await erp.http.post(f"/doudian/logistics/listShopNetsite?{query}", content=BODY, headers=headers)).json()
        assert new["code"] == 10000
        assert not {"err_no", "message"} & new.keys()


@pytest.mark.parametrize(
    ("changed", "sub_code"),
    [
        ({"app_key": ""}, "isv.parameter-missing"),
        ({"timestamp": ""}, "isv.parameter-missing"),
        ({"v": ""}, "isv.parameter-missing"),
        ({"sign": ""}, "isv.signature-missing"),
        ({"sign": "0" * 64}, "isv.signature-invalid"),
        ({"sign": "签名"}, "isv.signature-invalid"),
        ({"v": "1"}, "isv.parameter-format-invalid"),
        ({"sign_method": "sha512"}, "isv.parameter-format-invalid"),
        ({"app_key": "7999999999999999999"}, "isv.app-id-invalid"),
        ({"timestamp": "yesterday"}, "isv.timestamp-format-error"),
        ({"timestamp": "1700000000"}, "isv.timestamp-invalid"),
        ({"access_token": ""}, "isv.access-token-missing"),
        ({"access_token": "mda_made_up"}, "isv.access-token-no-existed"),
        ({"method": "logistics.cancelOrder"}, "isv.parameter-format-invalid"),
    ],
)
async def test_a_wrong_common_parameter_is_named_by_its_own_code(
    ground: Ground, changed: dict[str, str], sub_code: str
) -> None:
    async with ground.erp() as erp:
        envelope = await erp.send(LIST, erp.common(LIST, BODY) | changed, BODY)
        assert envelope["sub_code"] == sub_code
        assert envelope["code"] in (40001, 40003)
        assert envelope["err_no"] == envelope["code"]


async def test_a_business_json_changed_on_its_way_is_not_signed(ground: Ground) -> None:
    async with ground.erp() as erp:
        envelope = await erp.send(LIST, erp.common(LIST, BODY), BODY.replace("zhongtong", "yuantong"))
        assert envelope["sub_code"] == "isv.signature-invalid"


async def test_the_sandbox_shows_what_was_signed_and_never_the_secret(ground: Ground) -> None:
    async with ground.erp() as erp:
        envelope = await erp.send(LIST, erp.common(LIST, BODY) | {"sign": "1"}, BODY)
        [shown] = envelope["data"]["signed_string"]
        assert shown.startswith(f"<secret>app_key{erp.app_key}method{LIST}param_json{BODY}timestamp")
        assert shown.endswith("v2<secret>")
        assert erp.secret not in json.dumps(envelope)


async def test_a_method_known_but_not_offered_and_an_unknown_one_are_told_apart(ground: Ground) -> None:
    async with ground.erp() as erp:
        not_offered = await erp.call("logistics.createSFOrder")
        assert (not_offered["code"], not_offered["sub_code"]) == (70000, "isp.api-service-off")
        unknown = await erp.call("logistics.noSuchThing")
        assert (unknown["code"], unknown["sub_code"]) == (40003, "isv.method-unknown")


async def test_letter_case_of_a_method_does_not_count(ground: Ground) -> None:
    async with ground.erp() as erp:
        assert (await erp.call("Logistics.ListShopNetsite", {"logistics_code": ""}))["code"] == 10000


async def test_a_call_is_found_by_its_log_id(ground: Ground) -> None:
    async with ground.erp() as erp:
        good = await erp.call(LIST, {"logistics_code": ""})
        bad = await erp.call("logistics.cancelOrder", {"logistics_code": "zhongtong", "track_no": "1"})
        await erp.running.hall.calls.flush()
        notes = [await find_call(erp.running.hall.db, str(one["log_id"])) for one in (good, bad)]
        assert [(note.method, note.code, note.app_key, note.subject) for note in notes] == [
            (LIST, 10000, erp.app_key, "S10001"),
            ("logistics.cancelOrder", bad["code"], erp.app_key, "S10001"),
        ]
        assert notes[1].sub_code == bad["sub_code"]


async def test_the_gateway_alone_on_its_port_has_no_prefix(ground: Ground) -> None:
    async with ground.erp() as erp, httpx.AsyncClient(base_url=erp.running.alone, timeout=60, trust_env=False) as http:
        query = urlencode(erp.common(LIST, BODY))
        assert (await http.post(f"/logistics/listShopNetsite?{query}", content=BODY)).json()["code"] == 10000


async def test_a_body_that_is_too_large_or_no_text_is_answered_in_the_protocol(ground: Ground) -> None:
    async with ground.erp() as erp:
        for content in (b"\xff\xfe", b" " * (9 * 1024 * 1024)):
            query = urlencode(erp.common(LIST, BODY))
            answer = await erp.http.post(f"/doudian/logistics/listShopNetsite?{query}", content=content)
            assert answer.status_code == 200
            assert answer.json()["sub_code"] == "isv.parameter-format-invalid"


async def test_what_the_caller_wrote_is_never_shown_in_a_refusal(ground: Ground) -> None:
    secret_words = "李示例 19912345678"
    async with ground.erp() as erp:
        bad = take(order(receiver_info=secret_words))
        envelope = await erp.call("logistics.newCreateOrder", bad)
        assert envelope["sub_code"].startswith("isv.parameter-invalid")
        assert "order_infos.receiver_info" in envelope["sub_msg"]
        assert secret_words not in json.dumps(envelope, ensure_ascii=False)


async def test_an_app_that_calls_too_often_is_told_60000_and_when_to_come_back(ground: Ground) -> None:
    async with ground.erp() as erp:
        admit = erp.running.hall.doorkeeper.admit
        admit(erp.app_key, 1_000_000_000)  # the whole bucket at once; a moment later there is next to nothing in it
        with pytest.raises(Refusal):
            admit(erp.app_key, 1_000_000_000)
        envelope = await erp.call(LIST, {"logistics_code": ""})
        assert (envelope["code"], envelope["sub_code"]) == (60000, "isv.traffic-limited")


async def test_a_call_that_has_begun_is_answered_although_the_server_was_told_to_stop(ground: Ground) -> None:
    text = json.dumps(take(order()))
    async with ground.erp() as erp:
        query = urlencode(erp.common("logistics.newCreateOrder", text))
        url = urlsplit(erp.running.url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(
            f"POST /doudian/logistics/newCreateOrder?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text[:10]}".encode()
        )
        await writer.drain()
        await erp.ok(LIST, {"logistics_code": ""})  # the server has read the beginning by now
        erp.running.stop.set()
        await _closes_its_door(erp.running.url)
        writer.write(text[10:].encode())
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == 10000


async def _closes_its_door(url: str) -> None:
    """Wait until nobody new is let in."""
    where = urlsplit(url)
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(where.hostname, where.port)
            except ConnectionError:
                return
            writer.close()
            await asyncio.sleep(0.02)


async def test_strangers_cannot_use_up_an_apps_limit_or_keep_the_server_busy(ground: Ground) -> None:
    async with ground.erp() as erp:
        large = '{"a":[' + "1," * 2_000_000 + "1]}"
        began = time.thread_time()
        answers = await asyncio.gather(
            *(erp.send(LIST, erp.common(LIST, BODY) | {"sign": "0" * 64}, large) for _ in range(3))
        )
        assert time.thread_time() - began < 3  # 0.1 s when idle
        assert {answer["sub_code"] for answer in answers} == {"isv.signature-invalid"}
        refused: list[dict[str, Any]] = []
        while len(refused) < 2_000 and "isv.traffic-limited" not in [answer["sub_code"] for answer in refused]:
            refused += await asyncio.gather(
                *(erp.send(LIST, erp.common(LIST, BODY) | {"sign": "0" * 64}, BODY) for _ in range(40))
            )
        assert {answer["sub_code"] for answer in refused} == {"isv.signature-invalid", "isv.traffic-limited"}
        assert (await erp.call(LIST, {"logistics_code": ""}))["code"] == 10000


async def test_a_new_secret_counts_at_once(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        form = Registration("换密钥", AppKind.SELF_USE, scopes_for("shop"), (shop(MERCHANT, SHOP),))
        app, secret = await access.register_app(hall.db, hall.root, form)
        other = Erp(erp.http, erp.running, app.app_key, secret)
        await other.log_in()
        _, other.secret = await access.add_secret(hall.db, hall.root, app.app_key)
        assert (await other.call(LIST, {"logistics_code": ""}))["code"] == 10000


@pytest.mark.parametrize("app_key", ["7\x00", "7", "x" * 5000, "７０００００００００００００００００１"])
async def test_what_is_no_app_key_is_an_unknown_app(ground: Ground, app_key: str) -> None:
    async with ground.erp() as erp:
        envelope = await erp.send(LIST, erp.common(LIST, BODY) | {"app_key": app_key}, BODY)
        assert envelope["sub_code"] == "isv.app-id-invalid"
        assert len(envelope["sub_msg"]) < 1000


@pytest.mark.parametrize("verb", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_other_verbs_than_the_protocols_do_nothing(ground: Ground, verb: str) -> None:
    async with ground.erp() as erp:
        text = json.dumps(take(order()))
        query = urlencode(erp.common("logistics.newCreateOrder", text))
        before = await erp.running.hall.db.fetchval("SELECT count(*) FROM waybill")
        answer = await erp.http.request(verb, f"/doudian/logistics/newCreateOrder?{query}", content=text)
        assert answer.status_code == 405
        assert await erp.running.hall.db.fetchval("SELECT count(*) FROM waybill") == before


async def test_an_empty_param_json_may_be_signed_as_it_is(ground: Ground) -> None:
    async with ground.erp() as erp:
        common = erp.common("logistics.templateList", "")
        assert (await erp.send("logistics.templateList", common | {"param_json": ""}))["code"] == 10000


async def test_bodies_that_never_end_hold_no_more_than_their_share(ground: Ground) -> None:
    async with ground.serving() as running:
        url = urlsplit(running.url)
        chunk = b" " * 1_000_000
        readers, writers = [], []
        for _ in range(12):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            head = "POST /doudian/logistics/templateList HTTP/1.1\r\nHost: x\r\nContent-Length: 8300000\r\n\r\n"
            writer.write(head.encode() + chunk * 8)
            readers.append(reader)
            writers.append(writer)
        await asyncio.gather(*(writer.drain() for writer in writers), return_exceptions=True)
        share = MOST_HELD // len(chunk * 8)
        ends = [asyncio.create_task(reader.read()) for reader in readers]
        closed: set[asyncio.Task[bytes]] = set()
        async with asyncio.timeout(SLOWEST_SECONDS / 2):  # before it tires of the slow ones
            while len(closed) < len(ends) - share:
                done, _ = await asyncio.wait(set(ends) - closed, return_when=asyncio.FIRST_COMPLETED)
                closed |= done
        async with httpx.AsyncClient(base_url=running.url, timeout=60, trust_env=False) as http:
            assert (await http.get("/health")).status_code == 200
        for writer in writers:
            writer.close()
        await asyncio.gather(*ends, return_exceptions=True)
