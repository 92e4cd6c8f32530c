"""Keeping orders in a real PostgreSQL: imports again, changes, holds, and no plain recipient in any column."""

import asyncio
import os
from dataclasses import replace

import pytest
from msgspec import structs

from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.orders import service
from miandan.orders.model import HELD_BY_HAND, OrderDraft, OrderLine, OrderRef, OrderState, SetAside
from miandan.orders.rows import ref_of
from miandan.orders.shipping_queries import hold_for_update
from miandan.vault import queries as vault_queries
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import IndexKind, Recipient
from tests.conftest import FreshDatabase
from tests.waiting import until_a_lock_is_waited_for

MERCHANT = 7
KEYS = MerchantKeys(MERCHANT, {1: os.urandom(32)}, {1: os.urandom(32)})
WEI = Recipient(
    "魏小满", "19000004411", "", "浙江省", "杭州市", "西湖区", "", "虚构路 7 号", "330106", "放门口 19000004411"
)
REF = OrderRef("shop-1", "A1")


def draft(order_id: str = "A1", quantity: int = 1, recipient: Recipient = WEI) -> OrderDraft:
    return OrderDraft(order_id, "shop-1", recipient, (OrderLine("L1", "垫子", "粉", "DZ", quantity, 1999),), rows=(2,))


async def one(db: Database, ref: OrderRef = REF) -> tuple[OrderState, int, Recipient]:
    order = (await service.find_orders(db, MERCHANT, [ref]))[ref]
    return order.state, order.version, KEYS.open(order.recipient, ref.bound_to)


async def test_the_same_import_again_changes_nothing(fresh_database: FreshDatabase) -> None:
    drafts = [draft(f"A{number}") for number in range(50)]
    async with fresh_database() as db:
        first = await service.keep(db, KEYS, drafts)
        before = await service.find_orders(db, MERCHANT, first.new)
        second = await service.keep(db, KEYS, drafts)
        after = await service.find_orders(db, MERCHANT, first.new)
    assert (len(first.new), len(first.unchanged), len(first.changed)) == (50, 0, 0)
    assert (len(second.new), len(second.unchanged), len(second.changed)) == (0, 50, 0)
    assert before == after


async def test_an_order_comes_back_as_it_was_kept(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft(quantity=3)])
        order = (await service.find_orders(db, MERCHANT, [REF]))[REF]
        assert order.lines == draft(quantity=3).lines
        assert await one(db) == (OrderState.TO_SHIP, 1, WEI)
        assert await service.find_orders(db, MERCHANT + 1, [REF]) == {}


async def test_changed_goods_raise_the_version_and_leave_the_seal_alone(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])
        before = (await service.find_orders(db, MERCHANT, [REF]))[REF]
        kept = await service.keep(db, KEYS, [draft(quantity=2)])
        after = (await service.find_orders(db, MERCHANT, [REF]))[REF]
    assert kept.changed == (REF,)
    assert (after.version, after.lines[0].quantity) == (2, 2)
    assert after.recipient.token == before.recipient.token


@pytest.mark.parametrize("change", [{"phone": "19000005522"}, {"detail": "虚构路 8 号"}, {"buyer_remark": "改送门卫"}])
async def test_a_changed_recipient_or_remark_is_sealed_anew(
    fresh_database: FreshDatabase, change: dict[str, str]
) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])
        before = (await service.find_orders(db, MERCHANT, [REF]))[REF]
        changed = structs.replace(WEI, **change)
        await service.keep(db, KEYS, [draft(recipient=changed)])
        after = (await service.find_orders(db, MERCHANT, [REF]))[REF]
        assert await one(db) == (OrderState.TO_SHIP, 2, changed)
    assert after.recipient.token != before.recipient.token


async def test_a_kept_recipient_is_found_by_its_phone_and_a_replaced_one_no_longer(
    fresh_database: FreshDatabase,
) -> None:
    async def found(phone: str) -> list[str]:
        entries = KEYS.search_indexes(IndexKind.PHONE, phone)
        return [hit.bound_to for hit in await vault_queries.find(db, MERCHANT, entries, 10)]

    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft(), draft("A2", recipient=structs.replace(WEI, phone="19000007733"))])
        assert await found("190 0000 4411") == ["shop-1/A1"]
        await service.keep(db, KEYS, [draft(recipient=structs.replace(WEI, phone="19000005522"))])
        assert await found("19000004411") == []
        assert await found("19000005522") == ["shop-1/A1"]


async def test_a_shredded_recipient_is_sealed_anew_by_a_changed_import(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])
        await db.execute("UPDATE trade_order SET recipient_key = NULL WHERE merchant_id = $1", MERCHANT)
        await service.keep(db, KEYS, [draft(quantity=2)])
        assert await one(db) == (OrderState.TO_SHIP, 2, WEI)


async def test_of_two_drafts_of_one_order_the_later_counts(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        kept = await service.keep(db, KEYS, [draft(quantity=1), draft(quantity=5)])
        order = (await service.find_orders(db, MERCHANT, [REF]))[REF]
    assert kept.new == (REF,)
    assert order.lines[0].quantity == 5


async def test_what_the_back_office_closes_is_closed_and_an_older_export_does_not_reopen_it(
    fresh_database: FreshDatabase,
) -> None:
    closed = [
        SetAside(order_id, "shop-1", OrderState.REFUNDED, Refusal("orders.refunded", line=2), (2,))
        for order_id in ("A1", "never-kept")
    ]
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])
        assert await service.set_aside(db, MERCHANT, closed) == (REF,)
        assert await service.set_aside(db, MERCHANT, closed) == ()
        await service.keep(db, KEYS, [draft(quantity=9)])
        assert (await one(db))[0] is OrderState.REFUNDED


async def test_what_the_back_office_says_of_many_orders_waits_for_who_holds_some_of_them(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft(f"A{number}") for number in range(500)])
        await db.execute("ANALYZE trade_order")  # among many each order is looked up, in the order named
        asides = [
            SetAside(order_id, "shop-1", OrderState.REFUNDED, Refusal("orders.refunded", line=2), (2,))
            for order_id in ("A2", "A1")
        ]
        async with db.transaction() as tx:  # as somebody who ships both
            await hold_for_update(tx, MERCHANT, [REF])
            telling = asyncio.create_task(service.set_aside(db, MERCHANT, asides))
            await until_a_lock_is_waited_for(db)
            await hold_for_update(tx, MERCHANT, [OrderRef("shop-1", "A2")])
        assert sorted(await telling) == [REF, OrderRef("shop-1", "A2")]


async def test_a_hold_by_hand_survives_an_import_and_is_released_by_hand(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])
        assert await service.hold_order(db, MERCHANT, REF, 1) == 2
        await service.keep(db, KEYS, [draft(quantity=4)])
        order = (await service.find_orders(db, MERCHANT, [REF]))[REF]
        assert (order.state, order.held_reason, order.version) == (OrderState.HELD, HELD_BY_HAND, 3)
        await service.release_order(db, MERCHANT, REF, 3)
        assert (await one(db))[:2] == (OrderState.TO_SHIP, 4)


async def test_an_order_held_for_its_ciphertext_cannot_be_released(fresh_database: FreshDatabase) -> None:
    held = replace(
        draft(), state=OrderState.HELD, held_reason=Refusal("orders.ciphertext_held", line=2, column="收件人")
    )
    async with fresh_database() as db:
        await service.keep(db, KEYS, [held])
        with pytest.raises(Refusal, match=r"orders\.not_releasable"):
            await service.release_order(db, MERCHANT, REF, 1)


async def test_a_change_at_another_version_is_refused(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])
        with pytest.raises(Refusal, match=r"orders\.changed_meanwhile"):
            await service.close_order(db, MERCHANT, REF, 5, OrderState.CLOSED)
        with pytest.raises(Refusal, match=r"orders\.unknown"):
            await service.close_order(db, MERCHANT, OrderRef("shop-1", "A2"), 1, OrderState.CLOSED)
        await service.close_order(db, MERCHANT, REF, 1, OrderState.CLOSED)
        with pytest.raises(Refusal, match=r"orders\.finished"):
            await service.hold_order(db, MERCHANT, REF, 2)
        assert (await one(db))[0] is OrderState.CLOSED


async def test_imports_at_the_same_moment_agree(fresh_database: FreshDatabase) -> None:
    drafts = [draft(f"A{number}") for number in range(300)]
    async with fresh_database() as db:
        orders = (drafts, drafts[::-1], drafts[100:], drafts[:200])
        outcomes = await asyncio.gather(*(service.keep(db, KEYS, some) for some in orders))
        kept = await service.find_orders(db, MERCHANT, [ref_of(some) for some in drafts])
    assert sum(len(outcome.new) for outcome in outcomes) == 300
    assert sum(len(outcome.changed) for outcome in outcomes) == 0
    assert {order.version for order in kept.values()} == {1}


async def test_no_column_holds_a_plain_name_phone_address_or_remark(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.keep(db, KEYS, [draft()])
        row = await db.fetchrow("SELECT * FROM trade_order WHERE merchant_id = $1", MERCHANT)
    assert row is not None
    raw = "\n".join(v.decode(errors="ignore") if isinstance(v, bytes) else str(v) for v in row.values())
    for plain in ("魏小满", "19000004411", "虚构路", "放门口"):
        assert plain not in raw
    assert "垫子" in raw
