"""Ciphertext over real HTTP: decrypted within scope and budget, masked, written and indexed; nobody else's opens."""

import json
from typing import Any

import pytest

from miandan.access import service as access
from miandan.access import tokens
from miandan.access.model import AppKind, Registration, Scope, shop
from miandan.dialects.doudian.calls import Call
from miandan.dialects.doudian.methods.ciphertexts import shops_of
from miandan.kernel.clock import now, trade_day
from miandan.vault import reveals
from miandan.vault.reveals import set_reveal_limit
from tests.dialects.doudian.conftest import Ground
from tests.dialects.doudian.erp import MERCHANT, SHOP, Erp, new_order_id, order, take
from tests.dialects.doudian.orders import put_order
from tests.dialects.doudian.shapes import misfits

NAME, MOBILE, ROOM = "令狐植入", "19912345678", "植入小区 8 幢 301 室"
"""Planted: in no answer but a decryption."""


async def texts_of(erp: Erp, order_id: str, **more: Any) -> list[str]:
    data = await erp.ok("order.orderDetail", {"shop_order_id": order_id} | more)
    tree = data["shop_order_detail"]
    return [tree["encrypt_post_receiver"], tree["encrypt_post_tel"], tree["post_addr"]["encrypt_detail"]]


def asked(order_id: str, *texts: str) -> dict[str, Any]:
    return {"cipher_infos": [{"auth_id": order_id, "cipher_text": text} for text in texts]}


def shown(answer: dict[str, Any]) -> list[str]:
    return [row["decrypt_text"] for row in answer["decrypt_infos"]]


async def another_app(erp: Erp, *scopes: Scope) -> Erp:
    """Another app that the shop lets in, at the same server."""
    hall = erp.running.hall
    form = Registration("另一软件", AppKind.SELF_USE, frozenset(scopes), (shop(MERCHANT, SHOP),))
    app, secret = await access.register_app(hall.db, hall.root, form)
    other = Erp(erp.http, erp.running, app.app_key, secret)
    await other.log_in()
    return other


async def test_an_orders_texts_are_decrypted_by_kind_and_an_old_order_id_is_the_same(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall, name=NAME, mobile=MOBILE, detail=ROOM)
        texts = await texts_of(erp, order_id)
        answer = await erp.ok("order.batchDecrypt", asked(f"{order_id}A", *texts) | {"account_id": "7"})
        assert misfits("order.batchDecrypt", answer) == []
        assert shown(answer) == [NAME, MOBILE, ROOM]
        assert [row["data_type"] for row in answer["decrypt_infos"]] == [2, 3, 1]
        assert {row["err_no"] for row in answer["decrypt_infos"]} == {0}
        assert answer["custom_err"] == {"err_code": 0, "err_msg": ""}
        assert [row["cipher_text"] for row in answer["decrypt_infos"]] == texts


async def test_a_virtual_number_comes_apart(ground: Ground) -> None:
    async with ground.erp() as erp:
        virtual = await erp.ok("order.batchEncrypt", _plain("own-1", ("18400913965-7576", 3)))
        text = virtual["encrypt_infos"][0]["cipher_text"]
        [row] = (await erp.ok("order.batchDecrypt", asked("own-1", text)))["decrypt_infos"]
        assert (row["decrypt_text"], row["data_type"]) == ("18400913965-7576", 3)


async def test_some_failures_ride_beside_10000_and_a_whole_one_is_refused(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id, other = [await put_order(erp.running.hall) for _ in range(2)]
        name, phone, _ = await texts_of(erp, order_id)
        broken = [name[:-6] + "AAAAAA", "$$made+up*text$1$$", "张三"]
        answer = await erp.ok("order.batchDecrypt", asked(order_id, phone, *broken))
        assert [bool(row["err_no"]) for row in answer["decrypt_infos"]] == [False, True, True, True]
        assert answer["custom_err"]["err_code"] == 300008
        envelope = await erp.call("order.batchDecrypt", asked(other, name, phone))
        assert (envelope["code"], envelope["sub_code"]) == (50002, "isv.business-failed:300003")
        masks = await erp.ok("order.batchSensitive", asked(other, name, phone))
        assert (masks["custom_err"]["err_code"], shown(masks)) == (300003, ["", ""])


async def test_decrypting_needs_its_own_scope_and_the_texts_of_ones_own_app(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall)
        texts = await texts_of(erp, order_id)
        seeing = await another_app(erp, Scope.ORDERS)
        assert await seeing.refused("order.batchDecrypt", asked(order_id, *texts)) == "isv.app-permissions-insufficient"
        assert shown(await seeing.ok("order.batchSensitive", asked(order_id, *texts))) == ["", "", ""]
        own = await texts_of(seeing, order_id)
        assert shown(await seeing.ok("order.batchSensitive", asked(order_id, *own)))[0] == "示**"
        reading = await another_app(erp, Scope.ORDERS, Scope.REVEAL)
        assert await reading.refused("order.batchDecrypt", asked(order_id, *texts)) == "isv.business-failed:300003"


async def test_the_budget_of_a_day_ends_decrypting_but_not_masks_and_the_same_text_is_counted_once(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = trade_day(now())
    monkeypatch.setattr(reveals, "trade_day", lambda _: today)  # midnight would bring a new budget
    async with ground.erp() as erp:
        app = await another_app(erp, Scope.ORDERS, Scope.REVEAL)
        await set_reveal_limit(erp.running.hall.db, app.app_key, 2)
        first, second = [await put_order(erp.running.hall, name=NAME) for _ in range(2)]
        name, phone, address = await texts_of(app, first)
        for _ in range(3):
            assert shown(await app.ok("order.batchDecrypt", asked(first, name, phone)))[0] == NAME
        partly = await app.ok("order.batchDecrypt", asked(first, name, address))
        assert (shown(partly), partly["custom_err"]["err_code"]) == ([NAME, ""], 300008)
        more = await texts_of(app, second)
        envelope = await app.call("order.batchDecrypt", asked(second, *more))
        assert envelope["code"] == 80000
        assert envelope["sub_code"].startswith("isv.risk-control-failed:")
        assert shown(await app.ok("order.batchSensitive", asked(second, *more)))[0] == "令**"


async def test_the_budget_counts_the_orders_of_every_shop_that_lets_the_app_in(ground: Ground) -> None:
    async with ground.erp() as erp:
        hall = erp.running.hall
        own = shop(MERCHANT, SHOP), shop(1002, "")
        form = Registration("两家店软件", AppKind.SELF_USE, frozenset({Scope.ORDERS}), own)
        app, _ = await access.register_app(hall.db, hall.root, form)
        call = Call(hall, app, None, {}, "", {})
        assert await shops_of(call) == {(MERCHANT, SHOP), (1002, "")}
        other = next(one for one in await tokens.authorisations_of_app(hall.db, app.app_key) if not one.subject.shop_id)
        await tokens.revoke(hall.db, app.app_key, other.authorisation_id, by="test")
        assert await shops_of(call) == {(MERCHANT, SHOP)}


async def test_masks_show_no_more_than_a_screen_may(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = await put_order(erp.running.hall, name=NAME, mobile=MOBILE, detail=ROOM)
        answer = await erp.ok("order.batchSensitive", asked(order_id, *await texts_of(erp, order_id)))
        assert misfits("order.batchSensitive", answer) == []
        assert shown(answer)[:2] == ["令**", "199****5678"]
        assert "301" not in shown(answer)[2]
        assert shown(answer)[2].startswith("植入小区")


def _plain(auth_id: str, *texts: tuple[str, int], index: bool = False) -> dict[str, Any]:
    rows = [
        {"auth_id": auth_id, "plain_text": text, "sensitive_type": kind, "is_support_index": index}
        for text, kind in texts
    ]
    return {"batch_encrypt_list": rows, "sensitive_scene": "OrderCode"}


async def test_encrypted_texts_take_a_number_and_carry_the_index_that_a_search_asks_for(ground: Ground) -> None:
    async with ground.erp() as erp:
        order_id = new_order_id()
        plain = _plain(order_id, (NAME, 2), (MOBILE, 3), (ROOM, 1), index=True)
        answer = await erp.ok("order.batchEncrypt", plain)
        assert misfits("order.batchEncrypt", answer) == []
        name, phone, address = (row["cipher_text"] for row in answer["encrypt_infos"])
        assert not [word for word in (NAME, MOBILE, ROOM) if word in json.dumps(answer, ensure_ascii=False)]
        receiver = {"contact": {"name": name, "mobile": phone}, "address": order()["receiver_info"]["address"]}
        receiver["address"] = receiver["address"] | {"detail_address": address}
        taken = await erp.ok("logistics.newCreateOrder", take({**order(order_id), "receiver_info": receiver}))
        assert (len(taken["ebill_infos"]), taken["err_infos"]) == (1, [])
        index = await erp.ok("order.getSearchIndex", {"plain_text": MOBILE, "sensitive_type": 3})
        assert misfits("order.getSearchIndex", index) == []
        assert phone.split("$")[1] == index["encrypt_index_text"] != ""


async def test_the_index_of_a_text_is_that_of_every_order_and_spelling(ground: Ground) -> None:
    async with ground.erp() as erp:
        orders = [await put_order(erp.running.hall, name=NAME, mobile=MOBILE) for _ in range(2)]
        rows = [{"plain_text": MOBILE, "encrypt_type": 3}, {"plain_text": NAME, "encrypt_type": 2}]
        rows.append({"plain_text": f"+86 {MOBILE}", "encrypt_type": 3})
        answer = await erp.ok("order.BatchSearchIndex", {"plain_text_list": rows})
        assert misfits("order.BatchSearchIndex", answer) == []
        phone, name, spelled = (row["search_index"] for row in answer["plain_to_encrypt_index_list"])
        assert phone == spelled
        for order_id in orders:
            texts = await texts_of(erp, order_id, is_searchable=True)
            assert [texts[0].split("#")[1], texts[1].split("$")[1]] == [name, phone]
        small = await erp.call("order.batchsearchindex", {"plain_text_list": rows})
        assert small["code"] == 10000


@pytest.mark.parametrize(
    ("method", "many", "sub_code"),
    [
        ("order.batchDecrypt", asked("1", *["x"] * 51), "isv.business-failed:300001"),
        ("order.batchSensitive", asked("1", *["x"] * 51), "isv.business-failed:300001"),
        ("order.batchEncrypt", _plain("1", *[("x", 2)] * 51), "isv.parameter-invalid:100000"),
        (
            "order.BatchSearchIndex",
            {"plain_text_list": [{"plain_text": "x", "encrypt_type": 2}] * 51},
            "isv.parameter-invalid:100000",
        ),
        (
            "order.BatchSearchIndex",
            {"plain_text_list": [{"plain_text": "1" * 41, "encrypt_type": 3}]},
            "isv.parameter-invalid:300002",
        ),
        ("order.getSearchIndex", {"plain_text": "1" * 41, "sensitive_type": 3}, "isv.parameter-invalid:300002"),
    ],
)
async def test_too_many_items_and_too_long_a_phone_have_the_published_numbers(
    ground: Ground, method: str, many: dict[str, Any], sub_code: str
) -> None:
    async with ground.erp() as erp:
        assert await erp.refused(method, many) == sub_code


async def test_a_phone_too_long_to_encrypt_fails_alone(ground: Ground) -> None:
    async with ground.erp() as erp:
        answer = await erp.ok("order.batchEncrypt", _plain("own-2", ("1" * 41, 3), (NAME, 2)))
        assert [row["err_no"] for row in answer["encrypt_infos"]] == [300002, 0]
        assert answer["custom_err"]["err_code"] == 300008
