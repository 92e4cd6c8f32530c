"""The whole way of a parcel over HTTP, as a developer walks it the first time."""

from datetime import timedelta

import pytest

from miandan.access.calls import find_call
from miandan.accounts import applications
from miandan.accounts.model import Sender
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.tracking import applying
from tests.api.conftest import CARRIER_APP, SHOP_APP, Ground
from tests.api.developer import NAME, PHONE, RECIPIENT, Developer, client, new_order_id

OUTSIDE = {"outside": True, "recipient": RECIPIENT, "goods": [{"title": "保温杯", "quantity": 2}]}


async def test_an_order_is_put_taken_printed_shipped_and_tracked(ground: Ground) -> None:
    async with ground.shop_and_carrier() as (shop, carrier):
        order_id = await shop.put()
        [taken] = await shop.take(order_id, key="first-try")
        number = taken["number"]
        assert (taken["carrier"], taken["known"], taken["state"]) == ("zto", False, "issued")
        assert taken["route"]["sort_code"]

        labels = await shop.call("POST", "/waybills/labels", {"waybills": [{"carrier": "zto", "number": number}]})
        assert (labels.status_code, labels.headers["content-type"]) == (200, "application/pdf")
        assert labels.content.startswith(b"%PDF")
        assert labels.headers["x-label-pages"] == "1"

        parcel = {"carrier": "zto", "number": number}
        stated = await shop.ok("POST", "/shipments", {"order_id": order_id} | parcel)
        assert stated["lines"] == [{"line_id": "1", "quantity": 2, "ordered": 2}]
        scan = {"number": number, "happened_at": now().isoformat(), "action": "collected", "text": "已揽收"}
        assert (await carrier.ok("POST", "/scans", {"scans": [scan, scan]}))["accepted"] == 1
        await applying.apply_waiting(shop.running.hall.db, shop.running.hall.vault)
        route = await shop.ok("GET", f"/waybills/zto/{number}/scans")
        assert [one["action"] for one in route["scans"]] == ["collected"]

        waybill = await shop.ok("GET", f"/waybills/zto/{number}")
        assert (waybill["copies"], waybill["order_ids"]) == (1, [order_id])
        assert waybill["shipped_at"] is not None
        order = await shop.order(order_id)
        assert (order["state"], order["shipped_pieces"]) == ("shipped", 2)
        assert order["numbers"] == [parcel | {"pack_id": ""}]


async def test_recipients_are_masked_wherever_they_are_read(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        number = await shop.number(order_id)
        await shop.ok("GET", "/orders")
        shown = (await shop.order(order_id))["recipient"]
        assert (shown["name"], shown["phone"]) == ("欧**", "199****5678")
        assert (await shop.ok("GET", f"/waybills/zto/{number}"))["recipient"] == shown
        everything = "".join(answer.text for answer in shop.seen)
        assert NAME not in everything
        assert PHONE not in everything
        assert "601" not in shown["detail"]


@pytest.mark.parametrize(("form", "begins"), [("png", b"\x89PNG"), ("zpl", b"^XA"), ("tspl", b"SIZE"), ("cpcl", b"!")])
async def test_labels_come_as_pictures_and_in_printers_languages(ground: Ground, form: str, begins: bytes) -> None:
    async with ground.shop() as shop:
        waybills = [{"carrier": "zto", "number": await shop.number()}]
        answer = await shop.call("POST", "/waybills/labels", {"waybills": waybills, "format": form})
        assert answer.status_code == 200, answer.text
        assert begins in answer.content[:400]
        wrong = {"waybills": waybills, "format": "tspl", "profile": "zpl-203"}
        assert (await shop.refused(422, "POST", "/waybills/labels", wrong))["code"] == "api.profile_differs"


async def test_a_template_of_the_list_can_be_printed_on(ground: Ground) -> None:
    async with ground.shop() as shop:
        found = (await shop.ok("GET", "/templates"))["templates"]
        name = next(one["name"] for one in found if one["carrier"] == "zto")
        waybills = [{"carrier": "zto", "number": await shop.number()}]
        answer = await shop.call("POST", "/waybills/labels", {"waybills": waybills, "template": name})
        assert answer.status_code == 200, answer.text
        unknown = {"waybills": waybills, "template": "no-such"}
        assert (await shop.refused(404, "POST", "/waybills/labels", unknown))["code"] == "printing.template_gone"


async def test_print_data_is_sealed_and_counts_no_copy(ground: Ground) -> None:
    async with ground.shop() as shop:
        number = await shop.number()
        asked = {"waybills": [{"carrier": "zto", "number": number}, {"carrier": "zto", "number": "NOSUCH1"}]}
        sealed, missing = (await shop.ok("POST", "/waybills/print-data", asked))["waybills"]
        assert sealed["print_data"]
        assert sealed["sign"]
        assert (missing["print_data"], missing["problem"]["code"]) == (None, "waybill.unknown")
        assert (await shop.ok("GET", f"/waybills/zto/{number}"))["copies"] == 0


async def test_orders_of_another_channel_are_taken_as_the_caller_says(ground: Ground) -> None:
    async with ground.shop() as shop:
        number = await shop.number({"order_ids": [new_order_id()]} | OUTSIDE)
        waybill = await shop.ok("GET", f"/waybills/zto/{number}")
        assert waybill["goods"][0]["title"] == "保温杯"
        version = await shop.ok("PATCH", f"/waybills/zto/{number}", {"recipient": RECIPIENT | {"name": "司马另一人"}})
        assert version["version"] == 2
        assert (await shop.ok("GET", f"/waybills/zto/{number}"))["recipient"]["name"] == "司**"


async def test_one_parcel_that_fails_stops_no_other(ground: Ground) -> None:
    async with ground.shop() as shop:
        good, held = await shop.put(), await shop.put()
        await shop.event(held, "held", 2)
        outcomes = await shop.take(held, good, {"order_ids": [new_order_id()]} | OUTSIDE | {"recipient": None}, "N0")
        codes = [one["problem"] and one["problem"]["code"] for one in outcomes]
        assert codes == ["orders.held_for_review", None, "parcel.recipient_missing", "orders.unknown"]


async def test_pieces_are_brought_to_a_number_so_a_retry_adds_none(ground: Ground) -> None:
    async with ground.shop() as shop:
        number = await shop.number()
        first = await shop.ok("POST", f"/waybills/zto/{number}/pieces", {"pieces": 3})
        again = await shop.ok("POST", f"/waybills/zto/{number}/pieces", {"pieces": 3})
        assert (len(first["added"]), again["added"]) == (2, [])
        assert again["children"] == first["children"]


async def test_an_order_in_packs_and_orders_together_are_shipped_once_per_key(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        one, two = [await shop.number({"order_ids": [order_id], "pack_id": pack}) for pack in ("P1", "P2")]
        lines = [{"line_id": "1", "quantity": 1}]
        packs = [{"carrier": "zto", "number": number, "lines": lines} for number in (one, two)]
        body, key = {"order_id": order_id, "packs": packs}, f"packs-{order_id}"
        stated = await shop.ok("POST", "/shipments/packs", body, key=key)
        assert await shop.ok("POST", "/shipments/packs", body, key=key) == stated
        assert (await shop.refused(422, "POST", "/shipments/packs", body))["code"] == "api.fields_wrong"
        reused = await shop.refused(422, "POST", "/shipments/packs", body | {"packs": packs[:1]}, key=key)
        assert (reused["code"], key in reused["en"]) == ("outbound.request_reused", True)
        assert {pack["pack_id"] for pack in (await shop.order(order_id))["numbers"]} == {"P1", "P2"}

        orders = [await shop.put(), await shop.put()]
        number = await shop.number({"order_ids": orders})
        body = {"order_ids": orders, "carrier": "zto", "number": number}
        together = await shop.ok("POST", "/shipments/together", body, key=f"together-{number}")
        assert [one["order_id"] for one in together["shipments"]] == orders


async def test_a_statement_is_corrected_withdrawn_and_its_number_then_cancelled(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        number = await shop.number(order_id, carrier="yto")
        other = await shop.number({"order_ids": [order_id], "pack_id": "B"}, carrier="yto")
        await shop.ok("POST", "/shipments", {"order_id": order_id, "carrier": "yto", "number": number})
        assert (await shop.refused(409, "POST", f"/waybills/yto/{number}/cancel"))["code"] == "cancel.shipped"
        changed = await shop.ok("PATCH", f"/shipments/{order_id}", {"carrier": "yto", "number": other})
        assert changed["number"] == other
        assert (await shop.ok("POST", f"/waybills/yto/{number}/cancel"))["state"] == "cancelled"
        gone = await shop.ok("DELETE", f"/shipments/{order_id}")
        assert [one["number"] for one in gone["shipments"]] == [other]
        assert (await shop.ok("DELETE", f"/shipments/{order_id}"))["shipments"] == []
        assert (await shop.ok("POST", f"/waybills/yto/{other}/cancel"))["state"] == "cancelled"
        history = (await shop.ok("GET", f"/shipments/{order_id}"))["shipments"]
        assert [one["number"] for one in history if one["withdrawn_at"]] == [number, other]


async def test_recipients_are_revealed_with_a_purpose_and_on_record(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        asked = {"purpose": "contact", "order_ids": [order_id, "N0"], "fields": ["name", "phone"]}
        shown, unknown = (await shop.ok("POST", "/reveals", asked))["orders"]
        assert (shown["name"], shown["phone"], shown["address"]) == (NAME, PHONE, None)
        assert unknown["problem"]["code"] == "orders.unknown"
        for purpose in ("deliver", "route", "live_call"):
            refused = await shop.refused(403, "POST", "/reveals", asked | {"purpose": purpose})
            assert refused["code"] == "vault.purpose"
        beyond = await shop.ok("POST", "/reveals", asked | {"fields": ["remarks"]})
        assert beyond["orders"][0]["problem"]["code"] == "vault.fields"


async def test_a_carrier_reads_delivers_and_cancels_its_own_numbers(ground: Ground) -> None:
    async with ground.shop_and_carrier() as (shop, carrier):
        number = await shop.number()
        read = await carrier.ok("GET", f"/deliveries/{number}")
        assert (read["name"], read["phone"]) == (NAME, PHONE)
        foreign = await shop.number(await shop.put(), carrier="yto")
        unknown = await carrier.refused(404, "GET", "/deliveries/NOSUCH1")
        other = await carrier.refused(404, "GET", f"/deliveries/{foreign}")
        assert (unknown["code"], other["code"]) == ("waybill.unknown", "waybill.unknown")
        ended = await carrier.ok("POST", f"/numbers/{number}/cancel", {"reason": "超区"})
        assert ended["ended"]
        assert not (await carrier.ok("POST", f"/numbers/{number}/cancel", {"reason": "超区"}))["ended"]
        assert (await carrier.refused(403, "GET", f"/deliveries/{number}"))["code"] == "vault.number_not_live"


async def test_a_bad_scan_stops_no_other_and_unknown_numbers_are_kept(ground: Ground) -> None:
    async with ground.shop_and_carrier() as (_, carrier):
        at = now()
        scans = [
            {"number": "ZT99999999", "happened_at": at.isoformat(), "code": "GOT"},
            {"number": "ZT99999999", "happened_at": (at - timedelta(days=400)).isoformat(), "action": "signed"},
            {"number": "ZT99999999", "happened_at": at.isoformat(), "code": "NEVER-SEEN"},
        ]
        kept = await carrier.ok("POST", "/scans", {"scans": scans})
        assert (kept["accepted"], kept["unread"]) == (2, 1)
        assert [(one["place"], one["problem"]["code"]) for one in kept["refused"]] == [(1, "scan.too_old")]


@pytest.mark.parametrize("wrong", [None, "", "昨天", 1_700_000_000, "2026-01-01 10:00:00", "9" * 300])
async def test_a_scan_whose_time_cannot_be_read_loses_no_other(ground: Ground, wrong: object) -> None:
    async with ground.shop_and_carrier() as (_, carrier):
        good = {"number": "ZT99999997", "happened_at": now().isoformat(), "code": "GOT"}
        scans = [good | {"happened_at": wrong}, good, {"number": "ZT99999997", "code": "GOT"}]
        kept = await carrier.ok("POST", "/scans", {"scans": scans})
        assert kept["accepted"] + kept["repeated"] == 1
        named = [(one["place"], one["problem"]["code"]) for one in kept["refused"]]
        assert named == [(0, "scan.no_time"), (2, "scan.no_time")]


async def test_a_carrier_decides_the_applications_to_it(ground: Ground) -> None:
    async with ground.shop_and_carrier() as (shop, carrier):
        sender = Sender("诸葛申请人", "19987654321", "浙江省", "杭州市", "余杭区", "示例路 9 号", "330110")
        applied = await applications.apply(shop.running.hall.db, 1001, "zto", ship_from=[sender], branch_code="57100")
        found = (await carrier.ok("GET", "/applications"))["applications"]
        [mine] = [one for one in found if one["application_id"] == str(applied.application_id)]
        assert (mine["ship_from"][0]["contact"], mine["ship_from"][0]["phone"]) == ("诸**", "199****4321")
        path = f"/applications/{applied.application_id}"
        opened = await carrier.ok("POST", f"{path}/approve", {"carrier_reads": True})
        assert await carrier.ok("POST", f"{path}/approve", {"carrier_reads": True}) == opened
        assert (await carrier.refused(409, "POST", f"{path}/reject", {}))["code"] == "application.decided"


async def test_a_call_is_found_by_its_log_id_in_the_own_app_only(ground: Ground) -> None:
    async with ground.shop_and_carrier() as (shop, carrier):
        log_id = (await shop.call("GET", "/orders/NOSUCH")).headers["x-log-id"]
        await shop.running.hall.calls.flush()
        found = await shop.ok("GET", f"/calls/{log_id}")
        assert (found["door"], found["method"]) == ("api", "GET /api/v1/orders/{order_id}")
        assert (found["code"], found["sub_code"]) == (404, "orders.unknown")
        assert (await carrier.refused(404, "GET", f"/calls/{log_id}"))["code"] == "access.call_unknown"
        with pytest.raises(Refusal, match="call_unknown"):
            await find_call(shop.running.hall.db, "20200101000000000000000000")


async def test_tokens_come_by_form_or_json_and_under_the_names_of_oauth(ground: Ground) -> None:
    async with ground.serving() as running, client(running) as http:
        names = {"grant_type": "client_credentials", "client_id": SHOP_APP[0], "client_secret": SHOP_APP[1]}
        as_form = await http.post("/tokens", data=names)
        as_json = await http.post("/tokens", json=names)
        assert as_form.status_code == 200, as_form.text
        assert as_form.json()["access_token"] == as_json.json()["access_token"]
        renewed = {"grant_type": "refresh_token", "refresh_token": as_json.json()["refresh_token"]}
        pair = await Developer(http, running).ok("POST", "/tokens", names | renewed)
        assert pair["access_token"] == as_json.json()["access_token"]
        assert pair["subject"] == {"kind": "shop", "merchant_id": "1001", "shop_id": "S10001", "carrier": ""}
        assert pair["token_type"] == "Bearer"
        bare = Developer(http, running)
        wrong = await bare.refused(401, "POST", "/tokens", names | {"client_secret": "x"})
        assert wrong["code"] == "access.secret_wrong"
        carrier = await bare.ok("POST", "/tokens", {"grant_type": "client_credentials", "app_key": CARRIER_APP[0],
                                                    "secret": CARRIER_APP[1], "carrier": "zto"})  # fmt: skip
        assert carrier["subject"]["carrier"] == "zto"
