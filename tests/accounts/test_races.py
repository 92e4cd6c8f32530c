"""Everything at once on one account and its shares: no deadlock, no unit lost."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from miandan.accounts import service, shares
from miandan.accounts.model import Account, ShareGrant, Supply
from miandan.branches import service as branches
from miandan.kernel import outbox
from miandan.kernel.errors import Refusal
from tests.accounts import trade
from tests.accounts.trade import Town, new_town
from tests.conftest import FreshDatabase


def verbs(town: Town, owner: Account, user: Account, share: ShareGrant) -> list[Callable[[], Awaitable[object]]]:
    db, who = town.db, (owner.merchant_id, owner.account_id)
    return [
        lambda: service.recharge(db, *who, 3),
        lambda: service.reclaim(db, *who, 2),
        lambda: trade.lease(db, owner, 5),
        lambda: trade.lease(db, user, 5),
        lambda: shares.grant(db, *who, user.merchant_id, 4),
        lambda: shares.revoke(db, owner.merchant_id, share.grant_id),
        lambda: service.suspend(db, *who, "停用"),
        lambda: service.reactivate(db, *who),
        lambda: outbox.deliver(db, shares.HANDLERS),
        lambda: shares.tell_owners(db),
        lambda: shares.return_rests(db),
        lambda: branches.receive_stock(db, trade.CARRIER, town.branch_code, 2),
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_verbs_at_once_end_in_an_answer_or_a_refusal(fresh_database: FreshDatabase, seed: int) -> None:
    chance = random.Random(seed)
    async with fresh_database(pool_size=8) as db:
        town = await new_town(db, stock=200)
        owner = await town.account(units=100, supply=Supply.SEGMENT)
        await branches.load_segment(db, trade.CARRIER, town.branch_code, 0, 999)
        other = await town.account(units=1)
        share, user = await shares.grant(db, owner.merchant_id, owner.account_id, other.merchant_id, 30)
        chosen = chance.choices(verbs(town, owner, user, share), k=60)
        outcomes = await asyncio.gather(*(verb() for verb in chosen), return_exceptions=True)
        assert [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, Refusal)] == []
        await outbox.deliver(db, shares.HANDLERS)
        for account in (owner, other, *await service.accounts_of(db, user.merchant_id)):
            assert (await service.balance(db, account.merchant_id, account.account_id)).adds_up
        failures = await db.fetch("SELECT topic, failure FROM outbox WHERE failure IS NOT NULL")
        assert failures == []
