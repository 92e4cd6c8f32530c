"""Serials that come back from leases: each lies in one place, whatever plan the database chooses."""

import pytest

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef
from miandan.accounts.model import Supply
from miandan.branches import service as branches
from tests.accounts import trade
from tests.accounts.trade import new_town
from tests.conftest import FreshDatabase

WORKERS = range(1, 9)


@pytest.mark.parametrize("counted", range(4))
async def test_a_lease_takes_one_rest_and_leaves_the_others(fresh_database: FreshDatabase, counted: int) -> None:
    async with fresh_database() as db:
        town = await new_town(db, stock=200)
        account = await town.account(units=100, supply=Supply.SEGMENT)
        await branches.load_segment(db, trade.CARRIER, town.branch_code, 0, 999)
        ref = AccountRef(account.merchant_id, account.account_id)
        async with db.transaction() as tx:
            for worker in WORKERS:
                await leases.open_lease(tx, ref, worker, 2, 2)
            for worker in WORKERS[:counted]:
                assert await leases.close_held(tx, ref, worker) == 2
        await db.execute("ANALYZE slice_rest")  # plans are made for so many rests from now on
        async with db.transaction() as tx:
            await leases.close_open(tx, account.merchant_id, account.account_id)
        lease = await trade.lease(db, account, 2)
        rests = [row["first"] for row in await db.fetch("SELECT first FROM slice_rest ORDER BY first")]
        assert (lease.next, rests) == (0, list(range(2, 16, 2)))
