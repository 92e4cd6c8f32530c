"""Corrections: another number, a statement taken back, and what became of the numbers and orders then."""

import pytest

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.orders import intake
from miandan.orders.model import OrderDraft, OrderLine, OrderRef, OrderState
from miandan.orders.standing import OrderEvent
from miandan.outbound import service as outbound
from miandan.outbound.stating import SHIP_CHANGED
from miandan.waybills import lives
from miandan.waybills.model import NumberState
from tests.outbound.conftest import Harbour
from tests.outbound.dock import SOMEBODY_ELSE, Dock, of, refuses, typed
from tests.waybills.world import SHOP, SOMEBODY

CUP, PLATE = OrderLine("cup", "杯子", quantity=3), OrderLine("plate", "盘子", quantity=1)


async def test_a_corrected_number_keeps_pack_and_date_and_frees_the_old_one(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        wrong, right = await dock.taken("1"), typed("jt")
        first = await dock.ship("1", of(wrong))
        changed = await dock.change("1", right)
        assert (changed.pack_id, changed.shipped_at, changed.lines) == (first.pack_id, first.shipped_at, first.lines)
        assert (changed.carrier, changed.number) == ("jt", right.number)
        assert await dock.standing("1") == (changed,)
        assert await dock.state("1") == ("shipped", 2)
        assert not await dock.is_shipped(wrong)
        assert await dock.stall.cancel(wrong) == NumberState.CANCELLED
        [message] = await dock.messages(SHIP_CHANGED)
        assert (message["order_id"], message["pack_ids"], message["withdrawn"]) == ("1", [first.pack_id], False)


async def test_the_same_number_again_is_no_correction(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        first = await dock.ship("1", of(taken))
        assert await dock.change("1", of(taken)) == first
        assert await dock.messages(SHIP_CHANGED) == []


async def test_changed_then_withdrawn_then_cancelled(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken, number = await dock.taken("1"), typed()
        await dock.ship("1", number)
        await dock.change("1", of(taken))
        with pytest.raises(Refusal, match=r"cancel\.shipped"):
            await dock.stall.cancel(taken)
        [withdrawn] = await dock.withdraw("1")
        assert withdrawn.withdrawn_at is not None
        assert await dock.state("1") == ("to_ship", 0)
        assert await dock.stall.cancel(taken) == NumberState.CANCELLED
        assert await dock.withdraw("1") == ()
        assert [one["withdrawn"] for one in await dock.messages(SHIP_CHANGED)] == [False, True]
        with refuses("number_void"):
            await dock.ship("1", of(taken))
        await dock.ship("1", number)
        history = await outbound.history_of(dock.desk.db, dock.merchant_id, OrderRef(SHOP, "1"))
        assert [one.withdrawn_at is None for one in history] == [False, False, True]


async def test_one_pack_of_several_is_corrected_by_its_id(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        first, second = await dock.in_packs("1", (typed(), {"cup": 1}), (typed(), {"cup": 2}))
        right = typed()
        with refuses("several_packs"):
            await dock.change("1", right)
        with refuses("pack_unknown"):
            await dock.change("1", right, second.pack_id.lower())
        changed = await dock.change("1", right, second.pack_id)
        assert {one.number for one in await dock.standing("1")} == {first.number, right.number}
        assert changed.pieces == 2


async def test_a_shared_pack_is_corrected_for_all_its_orders(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        wrong = await dock.taken("1", "2", "3")
        await dock.together("123", of(wrong))
        await dock.withdraw("3")
        right = typed()
        await dock.change("2", right)
        assert [one.number for order in "12" for one in await dock.standing(order)] == [right.number] * 2
        assert await dock.standing("3") == ()
        assert not await dock.is_shipped(wrong)
        assert sorted(one["order_id"] for one in await dock.messages(SHIP_CHANGED)) == ["1", "2", "3"]


async def test_one_pack_is_taken_back_and_the_others_stand(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP)
        first, _ = await dock.in_packs("1", (typed(), {"cup": 1}), (typed(), {"cup": 2}))
        assert await dock.state("1") == ("shipped", 3)
        await dock.withdraw("1", first.pack_id)
        assert await dock.state("1") == ("to_ship", 2)
        assert (await dock.ship("1", typed())).pieces == 1
        with refuses("pack_unknown"):
            await dock.withdraw("1", "NOWHERE")


async def test_a_corrected_number_has_to_be_as_good_as_a_first_one(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        mine = await dock.taken("1")
        theirs = await dock.taken("2", recipient=SOMEBODY_ELSE)
        await dock.ship("1", of(mine))
        with refuses("number_of_another_receiver"):
            await dock.change("1", of(theirs))
        assert await dock.is_shipped(mine)
        assert not await dock.is_shipped(theirs)


async def test_what_was_never_shipped_is_neither_corrected_nor_withdrawn(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        with refuses("not_shipped"):
            await dock.change("1", typed())
        with refuses("not_shipped"):
            await dock.withdraw("1")
        with refuses("order_unknown"):
            await dock.change("nowhere", typed())


async def test_a_parcel_under_way_can_be_taken_back_but_not_cancelled(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        taken = await dock.taken("1")
        await dock.ship("1", of(taken))
        await lives.scanned(dock.desk.db, "yto", taken.number, now())
        await dock.withdraw("1")
        with pytest.raises(Refusal, match=r"cancel\.picked_up"):
            await dock.stall.cancel(taken)


async def test_a_later_export_leaves_what_is_out_alone(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1", CUP, PLATE)
        await dock.in_packs("1", (typed(), {"cup": 3}))
        await dock.keep("1", CUP)  # the plate was refunded meanwhile
        assert await dock.state("1") == ("to_ship", 3)
        with refuses("already_shipped"):
            await dock.ship("1", typed())
        await dock.keep("2", CUP)
        await dock.ship("2", typed())
        await dock.keep("2", CUP, PLATE)
        assert await dock.state("2") == ("shipped", 3)


async def pushed(dock: Dock, order_id: str, version: int = 1) -> OrderRef:
    """An order that its marketplace put."""
    keys = await dock.desk.vault.keys_of(dock.merchant_id)
    await intake.put_order(dock.desk.db, keys, OrderDraft(order_id, SHOP, SOMEBODY, (CUP,)), version)
    return OrderRef(SHOP, order_id)


async def hears(dock: Dock, ref: OrderRef, event: OrderEvent, version: int) -> None:
    keys = await dock.desk.vault.keys_of(dock.merchant_id)
    await intake.hear(dock.desk.db, keys, ref, event, version)


async def test_what_a_marketplace_says_later_does_not_unship_an_order(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        ref = await pushed(dock, "1")
        await dock.ship("1", typed())
        await hears(dock, ref, OrderEvent.PAID, 2)
        await pushed(dock, "1", 3)
        assert await dock.state("1") == ("shipped", 3)
        await hears(dock, ref, OrderEvent.REFUND_OPENED, 4)
        assert await dock.state("1") == ("shipped", 3)


async def test_a_refund_heard_after_shipping_counts_once_the_statement_is_withdrawn(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        ref = await pushed(dock, "1")
        await dock.ship("1", typed())
        await hears(dock, ref, OrderEvent.REFUND_OPENED, 2)
        await dock.withdraw("1")
        assert (await dock.order("1")).state is OrderState.REFUNDING
        with refuses("refund_open"):
            await dock.ship("1", typed())
        await hears(dock, ref, OrderEvent.REFUND_WITHDRAWN, 3)
        await dock.ship("1", typed())


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (OrderEvent.REFUND_OPENED, "refund_open"),
        (OrderEvent.REFUNDED, "order_refunded"),
        (OrderEvent.CANCELLED, "order_cancelled"),
        (OrderEvent.HELD, "order_in_review"),
        (OrderEvent.SHIPPED, "already_shipped"),
    ],
)
async def test_an_event_of_the_marketplace_stops_what_is_left(harbour: Harbour, event: OrderEvent, code: str) -> None:
    async with harbour.dock() as dock:
        ref = await pushed(dock, "1")
        await dock.in_packs("1", (typed(), {"cup": 1}))
        await hears(dock, ref, event, 2)
        with refuses(code):
            await dock.ship("1", typed())
        await dock.withdraw("1")
        assert (await dock.order("1")).shipped_pieces == 0
