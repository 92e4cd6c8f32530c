"""Numbers for orders that a marketplace has pushed: only what may ship, only to the order's own recipient."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from msgspec import structs

from miandan.kernel.errors import Refusal
from miandan.orders import service
from miandan.orders.model import OrderRef, OrderState
from miandan.orders.standing import OrderEvent
from miandan.vault.model import Recipient
from miandan.waybills import lives
from miandan.waybills.for_orders import OrderParcel, readdress
from miandan.waybills.model import Refused, Taken, order_of_key, parcel_key
from tests.waybills.conftest import Heart
from tests.waybills.order_stall import MOVED, UNSHIPPABLE, OrderStall, answers
from tests.waybills.world import SHOP, SOMEBODY

E = OrderEvent
OUTSIDE = OrderParcel(SHOP, ("X1",), recipient=SOMEBODY, goods=({"line_id": "1", "title": "盘子"},), outside=True)


@asynccontextmanager
async def open_stall(heart: Heart) -> AsyncIterator[OrderStall]:
    async with heart.stall() as stall:
        yield OrderStall(stall)


async def test_a_number_is_taken_for_the_orders_own_recipient_and_goods(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        [served] = await orders.take("1")
        assert isinstance(served.outcome, Taken)
        waybill = await orders.stall.waybill(served.outcome.ref)
        order = await orders.order("1")
        assert (waybill.sealed.token, waybill.order_ref) == (order.recipient.token, f"{SHOP}/1")
        assert [line["title"] for line in waybill.goods] == ["杯子"]
        assert served.outcome.sorted
        assert not served.hint.recipient_replaced


@pytest.mark.parametrize(("state", "code"), UNSHIPPABLE.items(), ids=str)
async def test_an_order_that_may_not_ship_takes_no_number_and_says_why(
    heart: Heart, state: OrderState, code: str
) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", state=state)
        await orders.put("2")
        served = await orders.take("1", "2")
        assert answers(served) == [code, ""]
        assert isinstance(served[0].outcome, Refused)
        assert served[0].outcome.refusal.zh
        assert await orders.stall.used("yto") == 1


async def test_holds_by_hand_and_for_ciphertext_have_reasons_of_their_own(heart: Heart) -> None:
    foreign = structs.replace(
        SOMEBODY, name="$1SdeXa+2RLzKqoNyHtGDtcXxwLJKMeuQvFhpO5yNo1c=$lqCEUYX5iXh9ZvYBAOfUT4CvOQ8Uvr$1$$"
    )
    async with open_stall(heart) as orders:
        await orders.put("1")
        await orders.put("2", recipient=foreign)
        await service.hold_order(orders.stall.world.db, orders.stall.merchant_id, OrderRef(SHOP, "1"), 1)
        assert answers(await orders.take("1", "2")) == ["orders.held_by_hand", "orders.held_for_ciphertext"]


async def test_what_is_typed_never_goes_on_the_parcel_and_the_caller_is_told(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2", "3", "4")
        token = (await orders.order("4")).recipient.token
        said: dict[str, Recipient | UUID] = {"1": MOVED, "2": SOMEBODY, "3": uuid4(), "4": token}
        served = await orders.take(*(OrderParcel(SHOP, (one,), recipient=who) for one, who in said.items()))
        assert [one.hint.recipient_replaced for one in served] == [True, False, True, False]
        assert answers(served) == [""] * 4
        assert isinstance(served[0].outcome, Taken)
        waybill = await orders.stall.waybill(served[0].outcome.ref)
        assert waybill.sealed.token == (await orders.order("1")).recipient.token


async def test_the_same_person_under_an_older_index_key_is_not_called_another(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2")
        await orders.stall.world.vault.rotate(orders.stall.merchant_id, "index")
        [served] = await orders.take(OrderParcel(SHOP, ("1",), recipient=SOMEBODY))
        assert not served.hint.recipient_replaced
        await orders.put("3")
        assert answers(await orders.take(OrderParcel(SHOP, ("2", "3")))) == [""]


async def test_orders_of_one_recipient_share_a_parcel_others_do_not(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2")
        await orders.put("3", recipient=MOVED)
        merged, mixed = OrderParcel(SHOP, ("1", "2")), OrderParcel(SHOP, ("1", "3"))
        assert answers(await orders.take(mixed)) == ["parcel.recipients_differ"]
        number = await orders.taken(merged)
        waybill = await orders.stall.waybill(number.ref)
        assert [line["line_id"] for line in waybill.goods] == ["1-1", "2-1"]
        assert set(await orders.stall.live_numbers()) == {parcel_key(SHOP, "1"), parcel_key(SHOP, "2")}


async def test_one_refunded_order_keeps_its_whole_parcel_back(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2")
        await orders.tell("2", E.REFUND_OPENED)
        assert answers(await orders.take(OrderParcel(SHOP, ("1", "2")))) == ["orders.refund_open"]
        assert answers(await orders.take("1")) == [""]


async def test_unknown_orders_and_orders_only_heard_of_are_refused_unless_they_are_of_another_channel(
    heart: Heart,
) -> None:
    async with open_stall(heart) as orders:
        await orders.tell("2", E.PAID)
        served = await orders.take("1", "2", OUTSIDE, structs.replace(OUTSIDE, order_ids=("X2",), recipient=None))
        assert answers(served) == ["orders.unknown", "orders.unknown", "", "parcel.recipient_missing"]
        assert isinstance(served[2].outcome, Taken)
        waybill = await orders.stall.waybill(served[2].outcome.ref)
        assert waybill.route.sort_code
        assert waybill.goods[0]["title"] == "盘子"


async def test_packs_of_one_order_get_numbers_of_their_own(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        served = await orders.take("1", OrderParcel(SHOP, ("1",), pack_id="P2"))
        assert answers(served) == ["", ""]
        assert len(set((await orders.stall.live_numbers()).values())) == 2


async def test_a_changed_address_is_refused_or_named_on_the_old_number(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        first = await orders.taken("1")
        await orders.tell("1", E.ADDRESS_CHANGED, MOVED)
        assert answers(await orders.take("1")) == ["parcel.differs"]
        again = await orders.taken("1", accept_differences=True)
        assert (again.number, again.known, again.differs) == (first.number, True, ("recipient",))
        assert await readdress(orders.stall.world.counter, first.ref) == 2
        assert (await orders.taken("1")).differs == ()


async def test_a_retry_by_key_gets_the_first_answer_whatever_became_of_the_orders(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2", "3")
        await orders.tell("3", E.HELD)
        first = await orders.take("1", "2", "3", idempotency_key="k")
        assert answers(first) == ["", "", "orders.held_for_review"]
        await orders.tell("1", E.REFUND_OPENED)
        await orders.tell("2", E.ADDRESS_CHANGED, MOVED)
        await orders.tell("3", E.RELEASED)
        taken = [one.outcome for one in first[:2] if isinstance(one.outcome, Taken)]
        await lives.cancel(orders.stall.world.counter, orders.stall.merchant_id, "yto", taken[1].number)
        again = await orders.take("1", "2", "3", idempotency_key="k")
        assert [one.outcome.number for one in again[:2] if isinstance(one.outcome, Taken)] == [
            one.number for one in taken
        ]
        assert answers(again)[2] == ""
        with pytest.raises(Refusal, match=r"take\.idempotency_reused"):
            await orders.take("1", "2", idempotency_key="k")
        assert answers(await orders.take("1")) == ["orders.refund_open"]


async def test_takes_of_one_order_at_the_same_moment_get_one_number(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        await orders.stall.account("yto")
        served = await asyncio.gather(*(orders.take("1") for _ in range(20)))
        assert len({one.outcome.number for [one] in served if isinstance(one.outcome, Taken)}) == 1
        assert await orders.stall.used("yto") == 1


async def test_an_order_whose_recipient_was_shredded_takes_no_number(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        await orders.stall.world.db.execute(
            "UPDATE trade_order SET recipient_key = NULL WHERE merchant_id = $1", orders.stall.merchant_id
        )
        await orders.stall.world.db.execute("DELETE FROM vault_index WHERE merchant_id = $1", orders.stall.merchant_id)
        assert answers(await orders.take("1")) == ["parcel.recipient_missing"]


@pytest.mark.parametrize("key", ["S1/A-1", "S1/A-1#P/2", "S1/A-1|2", "S1/A-1#P|2|3"])
def test_a_key_leads_back_to_its_order(key: str) -> None:
    assert order_of_key(key) == OrderRef("S1", "A-1")
