"""An ERP on loopback hears what happens to its shops' orders: signed, in the platform's shape, nobody in plain."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from miandan.access import pushes
from miandan.access.push_model import Failure, Outcome, Schedule, Subscription
from miandan.access.service import add_secret
from miandan.dialects.doudian import push_news
from miandan.dialects.doudian.outgoing import LARGEST_ANSWER, open_sender
from miandan.dialects.doudian.push import HANDLERS, Courier, event_sign, is_taken, run_pushes
from miandan.dialects.doudian.writing import id_of
from miandan.kernel import outbox
from miandan.kernel.database import Database
from miandan.orders import intake
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, OrderState
from miandan.orders.standing import OrderEvent
from miandan.outbound import service as outbound
from miandan.outbound.desk import ShipDesk
from miandan.outbound.model import NumberChange, Parcel, ShipOrder, Withdrawal
from miandan.vault import issued
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Recipient
from miandan.vault.purposes import RecipientField
from miandan.vault.service import Vault
from tests.access.push_ground import APP, MERCHANT, NEVER, QUICK, ROOT, SECRET, SHOP, let_in, news, states, tell
from tests.conftest import FreshDatabase
from tests.dialects.doudian import listener
from tests.dialects.doudian.listener import OK, Listener, says, self_signed

ORDER = "4781320682406083640"
NAME, PHONE, DETAIL = "欧阳植名", "13612349876", "植物园路99号7幢1203室"
PERSON = Recipient(NAME, PHONE, "", "浙江省", "杭州市", "西湖区", "灵隐街道", DETAIL, "330106", f"电话{PHONE}")
MOVED = Recipient("司马迁居", "13712340000", "", "上海市", "上海市", "徐汇区", "", "迁居路1号301室", "310104")
PLANTED = (NAME, PHONE, DETAIL, "1203", "司马迁居", "13712340000", "迁居路1号301室")
NUMBER, NEW_NUMBER = "SF1234567890123", "SF1234567890124"
PATIENCE_SECONDS = 30
"""For what must come: a busy machine takes its time."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop whose orders an ERP listens to."""

    db: Database
    vault: Vault
    keys: MerchantKeys
    erp: Listener
    subscription: Subscription

    async def put(self, version: int = 1, state: OrderState = OrderState.TO_SHIP) -> None:
        lines = (OrderLine("4781320682406083641", "垫子", sku="17", quantity=2, paid_fen=1990),)
        await intake.put_order(self.db, self.keys, OrderDraft(ORDER, SHOP, PERSON, lines, state), version)

    async def hear(self, event: OrderEvent, version: int, recipient: Recipient | None = None) -> None:
        await intake.hear(self.db, self.keys, OrderRef(SHOP, ORDER), event, version, recipient=recipient)

    async def push(self, plan: Schedule = QUICK) -> int:
        """What `run_pushes` does in one round."""
        await outbox.deliver(self.db, HANDLERS)
        async with open_sender(PATIENCE_SECONDS) as sender:
            return await pushes.deliver_due(self.db, Courier(self.db, ROOT, self.vault, sender).send, plan)

    @property
    def tags(self) -> list[str]:
        return [message["tag"] for message in self.erp.messages]


@asynccontextmanager
async def shop(fresh_database: FreshDatabase) -> AsyncIterator[Shop]:
    async with fresh_database() as db, Listener().listening() as erp:
        await let_in(db)
        vault = await Vault.open(db, ROOT)
        subscription = await pushes.subscribe(db, APP, erp.url)
        yield Shop(db, vault, await vault.keys_of(MERCHANT), erp, subscription)


# --- the signature and the answer -------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_public_vector() -> None:
    body = b'[{"tag":"101","msg_id":"m1","data":"{\\"p_id\\":1}"}]'
    assert event_sign(APP, body, SECRET) == "17347ee2cecaedc830e5c10d257dda90"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (OK, None),
        (b'{"code":"0"}', None),
        (b' {"msg":"success","code":0,"data":{}} ', None),
        (b'{"code":1}', Failure.REFUSED),
        (b'{"code":false}', Failure.REFUSED),
        (b'{"code":null}', Failure.REFUSED),
        (b'{"code":[0]}', Failure.REFUSED),
        (b"success", Failure.GARBLED),
        (b"", Failure.GARBLED),
        (b"{}", Failure.GARBLED),
        (b"[0]", Failure.GARBLED),
        (b"\xff\xfe{", Failure.GARBLED),
        (b"[" * 100_000, Failure.GARBLED),
        (b'{"code":0}{"code":0}', Failure.GARBLED),
    ],
    ids=lambda given: given[:20].decode(errors="replace") if isinstance(given, bytes) else None,
)
def test_only_an_object_with_code_0_is_a_yes(content: bytes, wrong: Failure | None) -> None:
    assert is_taken(content) is wrong


# --- what an ERP hears ------------------------------------------------------------------------------------------------


async def test_an_erp_hears_of_an_order_from_payment_to_refund(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller:
        await seller.put(1, OrderState.AWAITING_PAYMENT)
        await seller.hear(OrderEvent.PAID, 2)
        await seller.hear(OrderEvent.HELD, 3)
        await seller.hear(OrderEvent.RELEASED, 4)
        await seller.hear(OrderEvent.ADDRESS_CHANGED, 5, MOVED)
        await seller.hear(OrderEvent.REFUND_OPENED, 6)
        await seller.hear(OrderEvent.REFUND_WITHDRAWN, 7)
        await seller.hear(OrderEvent.REFUND_WITHDRAWN, 7)  # a repeat is no news
        await seller.hear(OrderEvent.CANCELLED, 8)
        assert await seller.push() == 8
        assert seller.tags == ["100", "101", "110", "101", "105", "200", "207", "106"]
        assert {(one.method, one.headers["app-id"]) for one in seller.erp.asked} == {("POST", APP)}
        assert all(one.headers["event-sign"] == event_sign(APP, one.body, SECRET) for one in seller.erp.asked)
        data = seller.erp.messages[0]["data"]
        assert (data["p_id"], data["s_ids"], data["shop_id"]) == (int(ORDER), [int(ORDER) + 1], SHOP)
        assert (data["order_status"], data["pay_amount"]) == (4, 1990)
        assert len({message["msg_id"] for message in seller.erp.messages}) == 8


async def test_shipping_and_its_changes_are_told_with_carrier_number_and_pack(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller:
        await seller.put()
        await seller.push()
        said: dict[str, Any] = {"merchant_id": MERCHANT, "shop_id": SHOP, "stated_by": "clerk", "order_id": ORDER}
        desk = ShipDesk(seller.db, seller.vault)
        shipped = await outbound.ship_order(desk, ShipOrder(**said, parcel=Parcel("sf", NUMBER)))
        await seller.push()
        await outbound.change_number(desk, NumberChange(**said, parcel=Parcel("sf", NEW_NUMBER)))
        await seller.push()
        await outbound.withdraw(desk, Withdrawal(**said))
        await seller.push()
        assert seller.tags == ["101", "102", "104", "104"]
        went, changed, withdrawn = (message["data"]["logistics_msg"] for message in seller.erp.messages[1:])
        assert (went["express_company_id"], went["logistics_code"]) == ("shunfeng", NUMBER)
        assert (went["pack_id"], changed["logistics_code"]) == (shipped.pack_id, NEW_NUMBER)
        assert went["shipped_order_info"] == [{"shipped_order_id": int(ORDER) + 1, "shipped_num": 2, "sku_num": 2}]
        assert withdrawn["logistics_code"] == ""


async def test_a_changed_receiver_is_told_masked_and_as_ciphertext_for_this_app(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller:
        await seller.put()
        await seller.hear(OrderEvent.ADDRESS_CHANGED, 2, MOVED)
        await seller.push()
        receiver = seller.erp.messages[-1]["data"]["receiver_msg"]
        address = json.loads(receiver["addr"])
        assert (receiver["name"], receiver["tel"]) == ("司**", "137****0000")
        assert (address["city"], address["town"]["name"]) == ({"id": "310100", "name": "上海市"}, "徐汇区")
        assert address["detail"] == "迁居路1号***"
        for text, field in (
            (receiver["encrypt_name"], RecipientField.NAME),
            (receiver["encrypt_tel"], RecipientField.PHONE),
            (address["encrypt_detail"], RecipientField.ADDRESS),
        ):
            assert issued.read_as(seller.keys, text, field, app=APP, shop=SHOP, order=ORDER)


async def test_nobody_is_in_plain_in_a_request_a_table_or_a_log(
    fresh_database: FreshDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with shop(fresh_database) as seller:
        await seller.put()
        await seller.hear(OrderEvent.ADDRESS_CHANGED, 2, MOVED)
        seller.erp.answer = says(PHONE.encode(), "500 Broken")  # a server that answers with what it was never told
        await seller.push()
        seller.erp.answer = says(OK)
        await asyncio.sleep(0.1)
        await seller.push()
        assert set((await states(seller.db)).values()) == {"sent"}
        rows = await seller.db.fetch("SELECT d::text || s::text FROM push_delivery d, push_subscription s")
        kept = "".join(row[0] for row in rows)
    sent = "".join(json.dumps(one.messages, ensure_ascii=False) for one in seller.erp.asked)
    assert "****" in sent
    for text in (sent, kept, caplog.text):
        assert [word for word in PLANTED if word in text] == []


async def test_what_the_erp_does_not_listen_to_is_not_sent(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller:
        await pushes.change(seller.db, APP, seller.subscription.subscription_id, seller.erp.url, {"106"})
        await seller.put()
        await seller.hear(OrderEvent.CANCELLED, 2)
        await seller.push()
        assert seller.tags == ["106"]


async def test_an_order_that_is_gone_is_told_by_its_ids(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller:
        await tell(seller.db, news(1, order="A-1"))
        assert await seller.push() == 1
        data = seller.erp.messages[0]["data"]
        assert (data["p_id"], data["s_ids"]) == ("A-1", [])


async def test_a_shredded_receiver_is_left_out(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller:
        await seller.put()
        await seller.hear(OrderEvent.ADDRESS_CHANGED, 2, MOVED)
        await seller.db.execute("UPDATE trade_order SET recipient_key = NULL")
        await seller.push()
        assert seller.erp.messages[-1]["data"]["receiver_msg"] == {}


async def test_an_order_without_a_shop_bears_its_merchant(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, Listener().listening() as erp:
        await let_in(db, APP, "")
        subscription = await pushes.subscribe(db, APP, erp.url)
        vault = await Vault.open(db, ROOT)
        keys = await vault.keys_of(MERCHANT)
        await intake.put_order(db, keys, OrderDraft("B-1", None, PERSON, (OrderLine("1", "垫子"),)), 1)
        await Shop(db, vault, keys, erp, subscription).push()
    assert erp.messages[0]["data"]["shop_id"] == MERCHANT


def test_ids_are_numbers_where_64_bits_hold_them_as_written() -> None:
    numbers = ["0", "7", str(2**63 - 1)]
    assert [id_of(text) for text in numbers] == [0, 7, 2**63 - 1]
    for text in ("", "007", "-1", "1.0", "1e3", "１２", "²", "A1", str(2**63), "9" * 30):
        assert id_of(text) == text


def test_every_event_that_a_marketplace_tells_has_its_tag() -> None:
    tags = push_news.tags()
    assert [event for event in OrderEvent if (intake.ORDER_EVENT, event.value, "") not in tags] == []
    assert [state for state in OrderState if (intake.ORDER_EVENT, intake.PUT_KIND, state.value) not in tags] == []


# --- bad servers ------------------------------------------------------------------------------------------------------

BAD = {
    "redirect": (says(b"", "302 Found", "location: http://127.0.0.1:1/"), Outcome(302, Failure.REDIRECTED)),
    "permanent redirect": (says(b"", "308 Permanent Redirect"), Outcome(308, Failure.REDIRECTED)),
    "no content": (says(b"", "204 No Content"), Outcome(204, Failure.STATUS)),
    "500": (says(OK, "500 Broken"), Outcome(500, Failure.STATUS)),
    "404": (says(OK, "404 Gone"), Outcome(404, Failure.STATUS)),
    "wrong code": (says(b'{"code":100,"msg":"busy"}'), Outcome(200, Failure.REFUSED)),
    "garbage": (says(b"<html>welcome</html>"), Outcome(200, Failure.GARBLED)),
    "packed": (says(b"\x1f\x8b\x08\x00rubbish", "200 OK", "content-encoding: gzip"), Outcome(200, Failure.GARBLED)),
    "huge": (says(OK + b" " * LARGEST_ANSWER), Outcome(200, Failure.TOO_LARGE)),
    "endless": (listener.says_endlessly, Outcome(200, Failure.TOO_LARGE)),
    "drip": (listener.drips, Outcome(None, Failure.TIMED_OUT)),
    "hangs up": (listener.hangs_up, Outcome(None, Failure.GARBLED)),
    "no http": (listener.speaks_no_http, Outcome(None, Failure.GARBLED)),
}


async def test_a_bad_answer_of_any_kind_is_a_failure_with_its_name(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller, open_sender(2) as hasty, open_sender(PATIENCE_SECONDS) as sender:
        await tell(seller.db, news(1))
        (message,) = await pushes.deliveries(seller.db, APP, seller.subscription.subscription_id)
        courier, soon = (Courier(seller.db, ROOT, seller.vault, one) for one in (sender, hasty))
        for name, (answer, outcome) in BAD.items():
            seller.erp.answer = answer
            asked = soon if outcome.failure is Failure.TIMED_OUT else courier
            assert await asked.send(seller.subscription, [message]) == outcome, name
        seller.erp.answer = says(OK)
        assert await courier.send(seller.subscription, [message]) == Outcome(200)
        assert len(seller.erp.asked) == len(BAD) + 1  # nothing followed a redirect, nothing was tried twice


async def test_a_certificate_that_nobody_vouches_for_is_refused(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    server, client = self_signed(tmp_path)
    async with fresh_database() as db, Listener().listening(server) as erp:
        await let_in(db)
        subscription = await pushes.subscribe(db, APP, erp.url)
        await tell(db, news(1))
        batch = await pushes.deliveries(db, APP, subscription.subscription_id)
        vault = await Vault.open(db, ROOT)

        async def outcome(trusted: ssl.SSLContext | None) -> Outcome:
            async with open_sender(PATIENCE_SECONDS, trusted) as sender:
                return await Courier(db, ROOT, vault, sender).send(subscription, batch)

        assert await outcome(None) == Outcome(None, Failure.TLS)
        assert erp.asked == []
        assert await outcome(client) == Outcome(200)


async def test_an_app_with_two_secrets_is_reached_whichever_of_them_its_server_knows(
    fresh_database: FreshDatabase,
) -> None:
    async with shop(fresh_database) as seller:
        _, new = await add_secret(seller.db, ROOT, APP)

        async def knows_the_new_one(asked: listener.Asked, writer: asyncio.StreamWriter) -> None:
            good = asked.headers["event-sign"] == event_sign(APP, asked.body, new)
            await says(OK if good else b'{"code":1}')(asked, writer)

        seller.erp.answer = knows_the_new_one
        await tell(seller.db, news(1))
        assert await seller.push() == 0
        assert seller.erp.asked[0].headers["event-sign"] == event_sign(APP, seller.erp.asked[0].body, SECRET)
        await asyncio.sleep(0.1)
        assert await seller.push() == 1


# --- the loop ---------------------------------------------------------------------------------------------------------


async def test_two_programs_push_everything_once_between_them(fresh_database: FreshDatabase) -> None:
    stop = asyncio.Event()
    async with shop(fresh_database) as seller, fresh_database() as other:
        await tell(seller.db, *(news(number, order="one order") for number in range(1, 121)))
        loops = [asyncio.create_task(run_pushes(db, ROOT, stop)) for db in (seller.db, other)]
        await _until(lambda: len(seller.erp.messages) >= 120)
        stop.set()
        await asyncio.wait_for(asyncio.gather(*loops), PATIENCE_SECONDS)
        assert [message["msg_id"] for message in seller.erp.messages] == [f"m{number}" for number in range(1, 121)]
        assert set((await states(seller.db)).values()) == {"sent"}


async def test_the_loop_pushes_what_happens_until_it_is_stopped(fresh_database: FreshDatabase) -> None:
    stop = asyncio.Event()
    async with shop(fresh_database) as seller:
        loop = asyncio.create_task(run_pushes(seller.db, ROOT, stop))
        await seller.put()
        await _until(lambda: seller.tags == ["101"])
        stop.set()
        await asyncio.wait_for(loop, PATIENCE_SECONDS)
        await seller.hear(OrderEvent.CANCELLED, 2)
        await asyncio.sleep(0.1)
        assert seller.tags == ["101"]


async def test_a_server_that_was_down_on_sunday_night_misses_nothing(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db, Listener().down() as erp:
        await let_in(db)
        vault = await Vault.open(db, ROOT)
        seller = Shop(db, vault, await vault.keys_of(MERCHANT), erp, await pushes.subscribe(db, APP, erp.url))
        await seller.put()
        await seller.hear(OrderEvent.REFUND_OPENED, 2)
        for _ in range(3):
            assert await seller.push(NEVER) == 0
            await asyncio.sleep(0.04)
        (down,) = await pushes.subscriptions(db)
        assert (down.subscription.last_failure, down.waiting) == (Failure.UNREACHABLE, 2)
        await pushes.pause(db, APP, seller.subscription.subscription_id)
        async with erp.listening():
            await pushes.resume(db, APP, seller.subscription.subscription_id)
            assert await seller.push(NEVER) == 2
        assert seller.tags == ["101", "200"]


async def test_a_sender_killed_after_its_request_sends_the_same_id_again(fresh_database: FreshDatabase) -> None:
    async with shop(fresh_database) as seller:
        await tell(seller.db, news(1))
        heard = asyncio.Event()

        async def takes_its_time(asked: listener.Asked, writer: asyncio.StreamWriter) -> None:
            heard.set()
            await asyncio.sleep(0.3)
            await says(OK)(asked, writer)

        seller.erp.answer = takes_its_time
        killed = asyncio.create_task(seller.push())
        await heard.wait()
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        await seller.db.execute("UPDATE push_subscription SET claimed_until = now()")
        assert await seller.push() == 1
        assert [message["msg_id"] for message in seller.erp.messages] == ["m1", "m1"]


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_SECONDS * 50):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")
