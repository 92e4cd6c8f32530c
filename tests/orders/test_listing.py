"""Lists of a shop's orders: every order once, by either time, with a cursor or page by page."""

import os
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.orders import intake, listing
from miandan.orders.listing import Cursor, Parts, SortedBy, Wanted
from miandan.orders.model import OrderRef, OrderState
from miandan.orders.shipping import count_shipped
from miandan.orders.standing import OrderEvent
from miandan.vault.keys import MerchantKeys
from tests.conftest import FreshDatabase
from tests.orders.histories import draft

MERCHANT, SHOP = 7, "shop-1"
KEYS = MerchantKeys(MERCHANT, {1: os.urandom(32)}, {1: os.urandom(32)})
HOUR = timedelta(hours=1)
TODAY = now().replace(microsecond=0)


async def put(db: Database, order_id: str, days_old: int = 0, shop: str = SHOP) -> None:
    order = replace(draft(ref=OrderRef(shop, order_id)), created_at=TODAY - timedelta(days=days_old))
    await intake.put_order(db, KEYS, order, 1)


async def walk(db: Database, wanted: Wanted, limit: int) -> list[str]:
    after: Cursor | None = None
    found: list[str] = []
    while True:
        page = await listing.orders_of(db, MERCHANT, SHOP, wanted, after=after, limit=limit)
        found += [order.ref.order_id for order in page.orders]
        after = page.next
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_a_cursor_shows_every_order_once_even_where_times_are_equal(
    fresh_database: FreshDatabase, limit: int
) -> None:
    async with fresh_database() as db:
        for number in range(7):
            await put(db, f"A{number}", days_old=number // 3)
        await put(db, "B1", shop="shop-2")
        await intake.hear(db, KEYS, OrderRef(SHOP, "unknown-1"), OrderEvent.PAID, 1)
        assert await walk(db, Wanted(), limit) == ["A6", "A3", "A4", "A5", "A0", "A1", "A2"]
        newest = await listing.newest_orders_of(db, MERCHANT, SHOP, Wanted(), limit=7)
        assert [order.ref.order_id for order in newest.orders] == (await walk(db, Wanted(), limit))[::-1]
        assert (await listing.orders_of(db, MERCHANT + 1, SHOP, Wanted())).orders == []


async def test_states_and_times_narrow_the_list(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        for number in range(4):
            await put(db, f"A{number}", days_old=number)
        await intake.hear(db, KEYS, OrderRef(SHOP, "A2"), OrderEvent.HELD, 2)
        assert await walk(db, Wanted(states=[OrderState.HELD]), 10) == ["A2"]
        since, until = TODAY - timedelta(days=2), TODAY
        assert await walk(db, Wanted(since=since, until=until), 10) == ["A2", "A1"]
        changed = await walk(db, Wanted(SortedBy.CHANGED), 10)
        assert changed == ["A0", "A1", "A3", "A2"]


async def test_numbered_pages_count_what_they_show_and_look_ninety_days_back(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        for number in range(5):
            await put(db, f"A{number}", days_old=number)
        await put(db, "old-1", days_old=91)
        wanted = Wanted()
        pages = [await listing.numbered_page(db, MERCHANT, SHOP, wanted, page=page, size=2) for page in range(4)]
        assert [[order.ref.order_id for order in page] for page in pages] == [["A0", "A1"], ["A2", "A3"], ["A4"], []]
        assert await listing.count_orders(db, MERCHANT, SHOP, wanted) == 5
        oldest = await listing.numbered_page_oldest_first(db, MERCHANT, SHOP, wanted, page=0, size=1)
        assert [order.ref.order_id for order in oldest] == ["A4"]
        assert "old-1" in await walk(db, wanted, 10)


@pytest.mark.parametrize(("page", "size"), [(0, 0), (0, 101), (-1, 10), (100, 100)])
async def test_pages_out_of_bounds_are_refused(fresh_database: FreshDatabase, page: int, size: int) -> None:
    async with fresh_database(pool_size=1) as db:
        with pytest.raises(Refusal, match=r"orders\.list_limit"):
            await listing.numbered_page(db, MERCHANT, SHOP, Wanted(), page=page, size=size)
        if not 1 <= size <= 100:
            with pytest.raises(Refusal, match=r"orders\.list_limit"):
                await listing.orders_of(db, MERCHANT, SHOP, Wanted(), limit=size)


async def test_pieces_out_and_the_other_time_narrow_the_list_as_covers_says(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        for number in range(6):
            await put(db, f"A{number}", days_old=number)
        await intake.hear(db, KEYS, OrderRef(SHOP, "A1"), OrderEvent.REFUND_OPENED, 2)
        await intake.hear(db, KEYS, OrderRef(SHOP, "A2"), OrderEvent.HELD, 2)
        async with db.transaction() as tx:
            for order_id in ("A1", "A3"):
                await count_shipped(tx, MERCHANT, OrderRef(SHOP, order_id), 1, now())
        everything = (await listing.orders_of(db, MERCHANT, SHOP, Wanted(), limit=50)).orders
        changed = {order.ref.order_id: order.changed_at for order in everything}
        for by, parts, states, other in product(
            SortedBy, Parts, ((), (OrderState.TO_SHIP,), tuple(OrderState)), (None, changed["A2"])
        ):
            wanted = Wanted(by, states=states, parts=parts, other_since=other, other_until=other and other + HOUR)
            expected = {order.ref.order_id for order in everything if wanted.covers(order)}
            assert set(await walk(db, wanted, 2)) == expected
            assert await listing.count_orders(db, MERCHANT, SHOP, wanted) == len(expected)
        waiting = Wanted(states=(OrderState.TO_SHIP, OrderState.REFUNDING))
        assert await walk(db, replace(waiting, parts=Parts.SOME_OUT), 9) == ["A3", "A1"]
        assert await walk(db, replace(waiting, parts=Parts.NONE_OUT), 9) == ["A5", "A4", "A0"]


async def test_orders_received_are_counted_over_shops_of_several_merchants(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await put(db, "A1")
        await put(db, "A2", days_old=8)
        await put(db, "A3", shop="shop-2")
        await intake.hear(db, KEYS, OrderRef(SHOP, "A4"), OrderEvent.PAID, 1)
        week = now() - timedelta(days=7)
        for shops, count in (([], 0), ([(MERCHANT, SHOP)], 1), ([(MERCHANT, SHOP), (MERCHANT, "shop-2"), (8, "")], 2)):
            assert await listing.count_received(db, shops, week) == count
