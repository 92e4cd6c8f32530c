"""What a client may repeat: takes under an Idempotency-Key, the same order again, events in any order, pages."""

import asyncio
from itertools import permutations

import pytest

from miandan.access.model import Caller, Scope, shop
from miandan.api.routes.given import own_key
from miandan.api.security import Call
from miandan.kernel.clock import now
from tests.api.conftest import Ground
from tests.api.developer import NAME, PHONE, RECIPIENT, new_order_id

OTHER = RECIPIENT | {"name": "司马新地址", "detail": "余杭塘路 2318 号 1 幢"}


async def test_the_same_key_with_the_same_body_has_the_same_number_even_after_a_cancel(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        body, key = await shop.ask(order_id, carrier="yto"), f"key-{order_id}"
        [first] = (await shop.ok("POST", "/waybills", body, key=key))["parcels"]
        [again] = (await shop.ok("POST", "/waybills", body, key=key))["parcels"]
        assert (again["number"], again["known"], again["route"]) == (first["number"], True, first["route"])
        await shop.ok("POST", f"/waybills/yto/{first['number']}/cancel")
        [later] = (await shop.ok("POST", "/waybills", body, key=key))["parcels"]
        assert (later["number"], later["state"]) == (first["number"], "cancelled")
        [fresh] = (await shop.ok("POST", "/waybills", body, key=f"{key}-2"))["parcels"]
        assert fresh["number"] != first["number"]


async def test_the_same_key_with_another_body_is_refused_in_the_callers_own_words(ground: Ground) -> None:
    async with ground.shop() as shop:
        one, two = await shop.put(), await shop.put()
        await shop.take(one, key=f"key-{one}")
        problem = await shop.refused(422, "POST", "/waybills", await shop.ask(two), key=f"key-{one}")
        assert problem["code"] == "take.idempotency_reused"
        assert f"key-{one}" in problem["en"]
        assert (await shop.order(two))["numbers"] == []


async def test_the_same_key_of_another_shop_or_app_is_another_key(ground: Ground) -> None:
    async with ground.serving() as running:

        def kept(app: str, shop_id: str, key: str) -> str:
            return own_key(Call(running.hall, Caller(app, shop(1, shop_id), frozenset(Scope), now())), key)

        who = [("1", "23", "4"), ("12", "3", "4"), ("1", "2", "34"), ("1", "", "234"), ("1", "23", "5")]
        assert len({kept(*one) for one in who}) == len(who)
        assert kept(*who[0]) == kept(*who[0])


async def test_many_retries_at_once_take_one_number(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        body = await shop.ask(order_id)
        answers = await asyncio.gather(*(shop.ok("POST", "/waybills", body, key=order_id) for _ in range(60)))
        assert len({answer["parcels"][0]["number"] for answer in answers}) == 1


async def test_without_a_key_the_same_order_keeps_its_number_and_differences_are_named(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        number = await shop.number(order_id)
        assert await shop.number(order_id) == number
        await shop.event(order_id, "address_changed", 2, recipient=OTHER)
        [refused] = await shop.take(order_id)
        assert refused["problem"]["code"] == "parcel.differs"
        [accepted] = await shop.take(order_id, accept_differences=True)
        assert (accepted["number"], accepted["differs"]) == (number, ["recipient"])
        printed = {"waybills": [{"carrier": "zto", "number": number}]}
        changed = await shop.refused(409, "POST", "/waybills/labels", printed)
        assert changed["code"] == "waybill.recipient_changed"
        kept = await shop.refused(409, "PATCH", f"/waybills/zto/{number}", {"recipient": OTHER})
        assert kept["code"] == "api.recipient_is_the_orders"
        assert (await shop.ok("POST", f"/waybills/zto/{number}/readdress"))["version"] == 2
        assert (await shop.call("POST", "/waybills/labels", printed)).status_code == 200


async def test_another_account_needs_a_retake(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        old = await shop.number(order_id, carrier="yto")
        [refused] = await shop.take(order_id, carrier="zto")
        assert refused["problem"]["code"] == "parcel.account_differs"
        new = await shop.number(order_id, carrier="zto", retake=True)
        assert (await shop.ok("GET", f"/waybills/yto/{old}"))["superseded_by"] == new


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
async def test_events_in_any_order_lead_to_the_same_state(ground: Ground, order: tuple[int, ...]) -> None:
    async with ground.shop() as shop:
        order_id = new_order_id()

        async def tell(step: int) -> None:
            match step:
                case 0:
                    await shop.put(order_id, 1, state="awaiting_payment")
                case 1:
                    await shop.event(order_id, "paid", 2, happened_at="2026-03-01T10:00:00+08:00")
                case 2:
                    await shop.event(order_id, "address_changed", 3, recipient=OTHER)
                case _:
                    await shop.event(order_id, "refund_opened", 4)

        for step in order:
            await tell(step)
        await shop.event(order_id, "refund_closed", 5, refunded=False)
        found = await shop.order(order_id)
        assert (found["state"], found["obstacle"], found["version"]) == ("to_ship", None, 5)
        assert found["recipient"]["name"] == "司**"


async def test_late_and_repeated_events_are_answered_and_change_nothing(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put(version=10)
        assert (await shop.event(order_id, "held", 20))["applied"]
        repeated = await shop.event(order_id, "held", 20)
        late = await shop.event(order_id, "released", 15)
        assert [(one["applied"], one["hearing"], one["state"]) for one in (repeated, late)] == [
            (False, "repeated", "held"),
            (False, "late", "held"),
        ]
        again = await shop.ok("PUT", f"/orders/{order_id}", {"version": 10, "recipient": RECIPIENT, "lines": []}
                              | {"lines": [{"title": "另一件"}]})  # fmt: skip
        assert (again["applied"], again["hearing"]) == (False, "repeated")


@pytest.mark.parametrize(
    ("event", "more", "code"),
    [
        ("held", {}, "orders.held_for_review"),
        ("refund_opened", {}, "orders.refund_open"),
        ("refund_closed", {"refunded": True}, "orders.refund_paid"),
        ("cancelled", {}, "orders.taken_back"),
    ],
)
async def test_what_an_event_stops_is_neither_taken_nor_printed_nor_shipped(
    ground: Ground, event: str, more: dict[str, bool], code: str
) -> None:
    async with ground.shop() as shop:
        order_id = await shop.put()
        number = await shop.number(order_id)
        await shop.event(order_id, event, 2, **more)
        assert (await shop.order(order_id))["obstacle"]["code"] == code
        [refused] = await shop.take({"order_ids": [order_id], "pack_id": "B"})
        assert refused["problem"]["code"] == code
        printed = {"waybills": [{"carrier": "zto", "number": number}]}
        assert (await shop.refused(409, "POST", "/waybills/labels", printed))["code"] == "waybill.order_in_the_way"
        answer = await shop.call("POST", "/shipments", {"order_id": order_id, "carrier": "zto", "number": number})
        assert answer.status_code in (403, 409)
        assert answer.json()["code"].startswith("outbound.")


async def test_pages_skip_and_repeat_nothing_while_orders_arrive(ground: Ground) -> None:
    async with ground.shop() as shop:
        stamp = "2031-05-06T07:08:09Z"
        before = {await shop.put(created_at=stamp) for _ in range(7)}
        window = {"since": stamp, "until": "2031-05-06T07:08:10Z", "limit": 3}
        seen: list[str] = []
        cursor = ""
        while True:
            page = await shop.ok("GET", "/orders", params=window | {"cursor": cursor})
            seen += [one["order_id"] for one in page["orders"]]
            if page["next"] is None:
                break
            cursor = page["next"]
            if len(seen) == 3:
                await shop.put("A1-comes-before", created_at=stamp)
                await shop.put("Z1-comes-behind", created_at=stamp)
        assert len(seen) == len(set(seen))
        assert set(seen) == before | {"Z1-comes-behind"}
        newest = await shop.ok("GET", "/orders", params=window | {"way": "newest_first", "limit": 100})
        assert [one["order_id"] for one in newest["orders"]] == sorted({*seen, "A1-comes-before"}, reverse=True)


async def test_a_cursor_is_refused_when_it_is_bent_or_of_another_list(ground: Ground) -> None:
    async with ground.shop() as shop:
        for _ in range(3):
            await shop.put()
        good = (await shop.ok("GET", "/orders", params={"limit": 1}))["next"]
        other = "B" if good[-2] == "A" else "A"  # never the sign that stands there
        bent = [good[:-2] + other + good[-1], good[: len(good) // 2], "x", "=", "ééé", good + "=", "AAAA" * 20, ""]
        for text in bent[:-1]:
            answer = await shop.call("GET", "/orders", params={"limit": 1, "cursor": text})
            if text != good + "=":  # padding that a client adds is the same text
                assert (answer.status_code, answer.json()["code"]) == (422, "api.cursor_wrong"), text
        for filters in (
            {"by": "changed_at"},
            {"way": "newest_first"},
            {"state": "held"},
            {"since": "2026-01-01T00:00:00Z"},
        ):
            refused = await shop.refused(422, "GET", "/orders", params={"cursor": good} | filters)
            assert refused["code"] == "api.cursor_wrong"


async def test_a_finished_order_keeps_nobodys_data(ground: Ground) -> None:
    async with ground.shop() as shop:
        order_id = new_order_id()
        await shop.ok("PUT", f"/orders/{order_id}", {"version": 1, "state": "closed", "recipient": RECIPIENT})
        found = await shop.order(order_id)
        assert found["obstacle"]["code"] == "orders.closed_for_good"
        assert NAME not in str(found)
        assert PHONE not in str(found)
