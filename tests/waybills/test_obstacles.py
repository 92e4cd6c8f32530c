"""Between take and print: what was heard of an order meanwhile keeps its label from being made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import structs

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.orders import service
from miandan.orders.model import OrderRef
from miandan.orders.standing import OrderEvent
from miandan.waybills import label
from miandan.waybills.for_orders import OrderParcel, readdress
from miandan.waybills.label import void_among
from miandan.waybills.model import NumberRef
from miandan.waybills.obstacles import obstacles, orders_behind
from tests.labels.judges import texts
from tests.waiting import until_a_lock_is_waited_for
from tests.waybills.conftest import Heart
from tests.waybills.order_stall import MOVED, OrderStall
from tests.waybills.world import SHOP, SOMEBODY

E = OrderEvent


@asynccontextmanager
async def open_stall(heart: Heart) -> AsyncIterator[OrderStall]:
    async with heart.stall() as stall:
        yield OrderStall(stall)


async def print_pdf(orders: OrderStall, path: Path, *refs: NumberRef) -> None:
    await label.print_pdf(orders.stall.world.counter, refs, path, now(), actor="clerk-1", sandbox=True)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def copies(orders: OrderStall, ref: NumberRef) -> int:
    return (await orders.stall.waybill(ref)).copies


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (E.REFUND_OPENED, "orders.refund_open"),
        (E.REFUNDED, "orders.refund_paid"),
        (E.CANCELLED, "orders.taken_back"),
        (E.HELD, "orders.held_for_review"),
    ],
    ids=str,
)
async def test_a_label_is_refused_with_number_and_reason_and_nothing_is_counted(
    heart: Heart, tmp_path: Path, event: OrderEvent, reason: str
) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2")
        stopped, free = await orders.taken("1"), await orders.taken("2")
        await orders.tell("1", event)
        with pytest.raises(Refusal, match=r"waybill\.order_in_the_way") as refused:
            await print_pdf(orders, tmp_path / "labels.pdf", free.ref, stopped.ref)
        assert refused.value.fields["number"] == stopped.number
        assert refused.value.fields["reason"] == reason
        assert all((refused.value.zh, refused.value.next_zh, refused.value.en, refused.value.next_en))
        assert files_in(tmp_path) == []
        assert await copies(orders, free.ref) == 0
        assert [void.ref for void in await void_among(orders.stall.world.counter, [free.ref, stopped.ref])] == [
            stopped.ref
        ]
        await print_pdf(orders, tmp_path / "labels.pdf", free.ref)


async def test_a_withdrawn_refund_and_a_released_hold_let_the_label_be_made(heart: Heart, tmp_path: Path) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        one = await orders.taken("1")
        await orders.tell("1", E.HELD)
        await orders.tell("1", E.REFUND_OPENED)
        await orders.tell("1", E.REFUND_WITHDRAWN)
        assert (await obstacles(orders.stall.world.counter, [one.ref]))[one.ref].fields["reason"].endswith("review")  # type: ignore[attr-defined]
        await orders.tell("1", E.RELEASED)
        await print_pdf(orders, tmp_path / "labels.pdf", one.ref)
        assert await copies(orders, one.ref) == 1


async def test_an_old_address_is_not_printed_and_the_new_one_is_after_readdressing(
    heart: Heart, tmp_path: Path
) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        one = await orders.taken(OrderParcel(SHOP, ("1",), pieces=2))
        await orders.tell("1", E.ADDRESS_CHANGED, MOVED)
        with pytest.raises(Refusal, match=r"waybill\.recipient_changed"):
            await print_pdf(orders, tmp_path / "labels.pdf", one.ref)
        child = structs.replace(one.ref, number=one.children[0])
        assert set(await obstacles(orders.stall.world.counter, [child])) == {child}
        await readdress(orders.stall.world.counter, one.ref)
        await print_pdf(orders, tmp_path / "labels.pdf", one.ref)
        assert all("1******0002" in page for page in texts(tmp_path / "labels.pdf"))


async def test_an_address_that_changed_and_changed_back_is_printed(heart: Heart, tmp_path: Path) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        one = await orders.taken("1")
        await orders.tell("1", E.ADDRESS_CHANGED, MOVED)
        await orders.tell("1", E.ADDRESS_CHANGED, structs.replace(SOMEBODY, buyer_remark="放门口"))
        await print_pdf(orders, tmp_path / "labels.pdf", one.ref)
        assert await copies(orders, one.ref) == 1


async def test_one_order_of_a_merged_parcel_stops_its_label_and_its_childrens(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2")
        one = await orders.taken(OrderParcel(SHOP, ("1", "2"), pieces=2))
        await orders.tell("2", E.REFUND_OPENED)
        family = [one.ref, structs.replace(one.ref, number=one.children[0])]
        assert set(await obstacles(orders.stall.world.counter, family)) == set(family)


async def test_an_event_of_an_order_that_never_came_stops_the_number_taken_for_another_channel(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        outside = OrderParcel(SHOP, ("9",), recipient=SOMEBODY, goods=(), outside=True)
        one = await orders.taken(outside)
        assert await obstacles(orders.stall.world.counter, [one.ref]) == {}
        await orders.tell("9", E.PAID)
        assert await obstacles(orders.stall.world.counter, [one.ref]) == {}
        await orders.tell("9", E.CANCELLED)
        assert set(await obstacles(orders.stall.world.counter, [one.ref])) == {one.ref}


async def test_a_shipped_orders_label_may_be_printed_again_and_one_held_by_hand_not(
    heart: Heart, tmp_path: Path
) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1", "2")
        shipped, held = await orders.taken("1"), await orders.taken("2")
        await orders.tell("1", E.SHIPPED)
        await service.hold_order(orders.stall.world.db, orders.stall.merchant_id, OrderRef(SHOP, "2"), 1)
        await print_pdf(orders, tmp_path / "labels.pdf", shipped.ref)
        with pytest.raises(Refusal, match=r"waybill\.order_in_the_way"):
            await print_pdf(orders, tmp_path / "labels.pdf", held.ref)


async def test_an_event_that_comes_while_labels_are_made_is_answered_after_they_are_counted(heart: Heart) -> None:
    async with open_stall(heart) as orders:
        await orders.put("1")
        one = await orders.taken("1")
        async with orders.stall.world.db.transaction() as tx:
            behind = await orders_behind(tx, [one.ref])
            assert [order.ref.order_id for order in behind["yto", one.number]] == ["1"]
            refund = asyncio.create_task(orders.tell("1", E.REFUND_OPENED))
            await until_a_lock_is_waited_for(orders.stall.world.db)
            assert not refund.done()
        await refund
        assert set(await obstacles(orders.stall.world.counter, [one.ref])) == {one.ref}


async def test_events_and_prints_at_the_same_moment_never_print_after_the_answer(heart: Heart, tmp_path: Path) -> None:
    """Whoever was answered first has won: a refund answered before a print began is never on paper."""
    async with open_stall(heart) as orders:
        order_ids = [str(number) for number in range(12)]
        await orders.put(*order_ids)
        numbers = [await orders.taken(order_id) for order_id in order_ids]

        async def refund(order_id: str) -> None:
            await orders.tell(order_id, E.REFUND_OPENED)

        async def attempt(place: int) -> bool:
            try:
                await print_pdf(orders, tmp_path / f"{place}.pdf", numbers[place].ref)
            except Refusal:
                return False
            return True

        printed = await asyncio.gather(*(attempt(place) for place in range(6)), *map(refund, order_ids))
        for place in range(6):
            assert await copies(orders, numbers[place].ref) == int(bool(printed[place]))
        assert not any([await attempt(place) for place in range(12)])
