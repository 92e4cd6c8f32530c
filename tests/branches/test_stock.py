"""A branch's stock of units comes from the carrier and never runs below what is there."""

import asyncio

import pytest

from miandan.branches import service
from miandan.branches.model import Branch
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from tests.conftest import FreshDatabase


async def test_what_is_received_can_be_given_back_but_no_more(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await service.open_branch(db, Branch("yto", "21001", "示例网点", now()))
        assert (await service.stock_of(db, "yto", "21001")).left == 0
        assert (await service.receive_stock(db, "yto", "21001", 500)).left == 500
        assert (await service.give_back_stock(db, "yto", "21001", 200)).left == 300
        with pytest.raises(Refusal) as refused:
            await service.give_back_stock(db, "yto", "21001", 301)
        assert refused.value.code == "stock.short"
        assert refused.value.fields == {"branch": "21001", "left": 300, "wanted": 301}
        with pytest.raises(Refusal, match=r"units\.not_positive"):
            await service.receive_stock(db, "yto", "21001", 0)


async def test_an_entry_that_is_sent_again_is_booked_once(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=4) as db:
        await service.open_branch(db, Branch("yto", "21001", "示例网点", now()))
        entry = new_id()
        await asyncio.gather(*(service.receive_stock(db, "yto", "21001", 500, entry) for _ in range(8)))
        assert (await service.stock_of(db, "yto", "21001")).received == 500
        with pytest.raises(Refusal, match=r"stock\.entry_reused"):
            await service.receive_stock(db, "yto", "21001", 501, entry)
        with pytest.raises(Refusal, match=r"stock\.entry_reused"):
            await service.give_back_stock(db, "yto", "21001", 500, entry)
