"""Which carriers a shop may ship with, and which orders may share a parcel."""

import pytest
from msgspec import structs

from miandan.orders.model import OrderLine, OrderRef, OrderState
from miandan.outbound import companies
from miandan.outbound.merging import mergeable
from miandan.outbound.model import Parcel
from tests.outbound.conftest import Harbour
from tests.outbound.dock import SOMEBODY_ELSE, Dock, refuses, typed
from tests.waybills.world import SHOP, SOMEBODY


async def groups(dock: Dock, *order_ids: str) -> list[list[str]]:
    keys = await dock.desk.vault.keys_of(dock.merchant_id)
    refs = [OrderRef(SHOP, order_id) for order_id in order_ids]
    return [[ref.order_id for ref in one] for one in await mergeable(dock.desk.db, keys, dock.merchant_id, refs)]


async def test_orders_to_one_recipient_may_share_a_parcel(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        for order in "135":
            await dock.keep(order)
        for order in "24":
            await dock.keep(order, recipient=SOMEBODY_ELSE)
        await dock.keep("6", recipient=structs.replace(SOMEBODY, detail="测试路 1 号 2 幢 302 室"))
        assert await groups(dock, *"123456", "nowhere", "1") == [["1", "3", "5"], ["2", "4"]]


async def test_remarks_do_not_make_another_recipient(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        await dock.keep("2", recipient=structs.replace(SOMEBODY, buyer_remark="请放门口"))
        assert await groups(dock, "1", "2") == [["1", "2"]]


async def test_what_does_not_wait_whole_is_not_merged(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        await dock.keep("2", OrderLine("cup", "杯子", quantity=2))
        await dock.in_packs("2", (typed(), {"cup": 1}))
        await dock.keep("3", state=OrderState.REFUNDING)
        await dock.keep("4", shop_id="S2")
        assert await groups(dock, "1", "2", "3", "4") == []


@pytest.mark.parametrize("count", [0, 1, 101])
async def test_a_question_names_two_to_a_hundred_orders(harbour: Harbour, count: int) -> None:
    async with harbour.dock() as dock:
        with refuses("merge_count"):
            await groups(dock, *map(str, range(count)))


async def test_a_shop_ships_with_carriers_that_take_customers_and_with_its_own(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        codes = {carrier.code for carrier in await companies.companies_of(dock.desk.db, dock.merchant_id)}
        assert {"yto", "sf", "jd"} <= codes
        assert "fengwang" not in codes
        await dock.desk.db.execute(
            "INSERT INTO account (merchant_id, account_id, carrier, branch_code, billing, supply, state, state_at, "
            "carrier_reads, opened_at) "
            "VALUES ($1, gen_random_uuid(), 'fengwang', '', 'prepaid', 'list', 'active', now(), true, '2022-01-01Z')",
            dock.merchant_id,
        )
        codes = {carrier.code for carrier in await companies.companies_of(dock.desk.db, dock.merchant_id)}
        assert "fengwang" in codes
        await dock.keep("1")
        await dock.ship("1", Parcel("fengwang", "FW1234567890"))


async def test_orders_that_cannot_be_asked_about_are_named_with_the_reason(harbour: Harbour) -> None:
    async with harbour.dock() as dock:
        await dock.keep("1")
        await dock.keep("2", shop_id="S2")
        offered = await companies.offered_to(dock.desk.db, dock.merchant_id, SHOP, ["1", "2", "3"])
        assert offered.order_ids == ("1",)
        assert {order: why.code for order, why in offered.failed.items()} == {
            "2": "outbound.order_unknown",
            "3": "outbound.order_unknown",
        }
