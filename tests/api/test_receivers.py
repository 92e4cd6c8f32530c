"""The API's side of the one rule for recipients, order ids and names of goods."""

from typing import Any

import pytest

from tests.api.conftest import Ground
from tests.api.developer import LINES, RECIPIENT, new_order_id

GOODS = [{"title": "保温杯 19912345678", "quantity": 1}]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"phone": "abc"}, "orders.recipient_phone"),
        ({"phone": "199\u202e00000000"}, "orders.recipient_unprintable"),
        ({"name": "\n"}, "orders.recipient_incomplete"),
        ({"detail": "路" * 501}, "orders.recipient_long"),
        ({"province": "火星省"}, "orders.province_unknown"),
        ({"province": "火星省", "division_code": "330110"}, "orders.province_unknown"),
    ],
)
async def test_a_recipient_whom_no_courier_finds_is_kept_nowhere(
    ground: Ground, change: dict[str, str], code: str
) -> None:
    async with ground.shop() as developer:
        order_id, recipient = new_order_id(), RECIPIENT | change
        order = {"version": 1, "recipient": recipient, "lines": LINES}
        assert (await developer.refused(422, "PUT", f"/orders/{order_id}", order))["code"] == code
        await developer.refused(404, "GET", f"/orders/{order_id}")
        parcel = {"order_ids": [order_id], "outside": True, "recipient": recipient, "goods": GOODS}
        [outcome] = await developer.take(parcel)
        assert outcome["problem"]["code"] == code


@pytest.mark.parametrize("order_id", ["郑泄密", "郑泄密-13822223333", "zheng-13822223333", "😀1"])
async def test_a_person_is_no_order_id(ground: Ground, order_id: str) -> None:
    async with ground.shop() as developer:
        order = {"version": 1, "recipient": RECIPIENT, "lines": LINES}
        for method, path, body in (
            ("PUT", f"/orders/{order_id}", order),
            ("POST", f"/orders/{order_id}/events", {"event": "paid", "version": 1}),
        ):
            assert (await developer.refused(422, method, path, body))["code"] == "orders.id_invalid"
        parcel = {"order_ids": [order_id], "outside": True, "recipient": RECIPIENT, "goods": GOODS}
        [outcome] = await developer.take(parcel)
        assert outcome["problem"]["code"] == "orders.id_invalid"


async def test_a_mobile_in_the_name_of_an_article_is_kept_as_stars(ground: Ground) -> None:
    async with ground.shop() as developer:
        order_id = await developer.put(lines=[LINES[0] | {"title": "保温杯 19912345678", "spec": "找 19912345678"}])
        line: dict[str, Any] = (await developer.order(order_id))["lines"][0]
        assert (line["title"], line["spec"]) == ("保温杯 ***********", "找 ***********")


async def test_an_order_of_another_shop_is_answered_like_one_that_is_not_there(ground: Ground) -> None:
    async with ground.shop() as developer:
        order_id = await developer.put()
        db = developer.running.hall.db
        await db.execute("UPDATE trade_order SET shop_id = 'S-other' WHERE order_id = $1", order_id)
        number = await developer.number({"order_ids": [new_order_id()], "outside": True, "recipient": RECIPIENT,
                                         "goods": GOODS})  # fmt: skip
        said = [
            await developer.refused(404, "POST", "/shipments", {"order_id": one, "carrier": "zto", "number": number})
            for one in (order_id, "never-1")
        ]
        assert {(one["code"], one["next_zh"], one["turn"]) for one in said} == {
            ("outbound.order_unknown", said[0]["next_zh"], said[0]["turn"])
        }
        await db.execute("UPDATE trade_order SET shop_id = 'S10001' WHERE order_id = $1", order_id)
