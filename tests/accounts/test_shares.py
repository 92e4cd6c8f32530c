"""Share grants: units lent to another merchant, heard of, taken back to the last one."""

import asyncio

import pytest

from miandan.accounts import service, shares
from miandan.accounts.model import Account, AccountState, Balance, Billing, GrantState, ShareGrant
from miandan.kernel import outbox
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.merchants import service as merchants
from tests.accounts.trade import SENDER, Town, cancel, lease, new_town, recycle, take
from tests.conftest import FreshDatabase


async def lent(town: Town, units: int = 40, owned: int = 100) -> tuple[Account, ShareGrant, Account]:
    """Owner's account, grant, user's account."""
    owner = await town.account(units=owned)
    user = await merchants.register_merchant(town.db, "示例代发厂", "enterprise")
    share, shared = await shares.grant(town.db, owner.merchant_id, owner.account_id, user.merchant_id, units)
    return owner, share, shared


async def balance_of(db: Database, account: Account) -> Balance:
    found = await service.balance(db, account.merchant_id, account.account_id)
    assert found.adds_up
    return found


async def grant_of(db: Database, owner: Account) -> ShareGrant:
    (share,) = await shares.grants_of(db, owner.merchant_id)
    return share


async def test_a_grant_moves_units_from_the_owner_to_an_account_of_the_user(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        owner, share, shared = await lent(await new_town(db))
        assert (shared.owner_id, shared.grant_id) == (owner.merchant_id, share.grant_id)
        assert (shared.received, shared.available, shared.billing) == (40, 40, Billing.PREPAID)
        held = await balance_of(db, owner)
        assert (held.available, held.granted) == (60, 40)
        assert (await balance_of(db, shared)).available == 40
        assert (await lease(db, shared, 5)).left == 5


async def test_the_owners_addresses_go_along_when_they_are_named(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        owner, _, shared = await lent(town)
        assert await service.ship_from_of(db, shared.merchant_id, shared.account_id) == ()
        (row,) = await service.ship_from_of(db, owner.merchant_id, owner.account_id)
        _, second = await shares.grant(
            db, owner.merchant_id, owner.account_id, shared.merchant_id, 5, ship_from=[row.ship_from_id]
        )
        (copied,) = await service.ship_from_of(db, second.merchant_id, second.account_id)
        assert copied.sender == SENDER
        with pytest.raises(Refusal, match=r"account\.sender_not_approved"):
            await shares.grant(
                db, owner.merchant_id, owner.account_id, shared.merchant_id, 5, ship_from=[copied.ship_from_id]
            )
        assert (await balance_of(db, owner)).granted == 45


async def test_who_has_nothing_to_lend_is_refused(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        owner, _, shared = await lent(town)
        third = await merchants.register_merchant(db, "第三家", "enterprise")
        mine, theirs = (owner.merchant_id, owner.account_id), (shared.merchant_id, shared.account_id)
        for code, account, user, units in (
            ("share.units_short", mine, third.merchant_id, 61),
            ("share.same_merchant", mine, owner.merchant_id, 1),
            ("share.not_owner", theirs, third.merchant_id, 1),
            ("merchant.unknown", mine, 5, 1),
            ("units.not_positive", mine, third.merchant_id, 0),
        ):
            with pytest.raises(Refusal) as refused:
                await shares.grant(db, *account, user, units)
            assert refused.value.code == code
        for verb in (service.recharge, service.reclaim):
            with pytest.raises(Refusal, match=r"account\.shared"):
                await verb(db, *theirs, 1)
        await service.suspend(db, *mine, "停用")
        with pytest.raises(Refusal, match=r"account\.not_active"):
            await shares.grant(db, *mine, third.merchant_id, 1)


async def test_a_monthly_owner_lends_within_its_limit(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        owner = await town.account(billing=Billing.MONTHLY, limit=10)
        user = await merchants.register_merchant(db, "示例代发厂", "enterprise")
        with pytest.raises(Refusal, match=r"share\.units_short"):
            await shares.grant(db, owner.merchant_id, owner.account_id, user.merchant_id, 11)
        _, shared = await shares.grant(db, owner.merchant_id, owner.account_id, user.merchant_id, 10)
        assert (await balance_of(db, owner)).available == -10
        assert shared.spendable == 10


async def test_grants_given_at_once_never_lend_more_than_there_is(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        town = await new_town(db)
        owner, _, shared = await lent(town, units=10, owned=100)
        grants = [shares.grant(db, owner.merchant_id, owner.account_id, shared.merchant_id, 20) for _ in range(8)]
        outcomes = await asyncio.gather(*grants, return_exceptions=True)
        assert sum(not isinstance(one, BaseException) for one in outcomes) == 4
        held = await balance_of(db, owner)
        assert (held.available, held.granted) == (10, 90)


async def test_the_owner_hears_of_use_and_older_news_changes_nothing(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        owner, _, shared = await lent(await new_town(db))
        held = await lease(db, shared, 10)
        await take(db, held, 3)
        assert await shares.tell_owners(db) == 1
        assert (await grant_of(db, owner)).used == 0
        await outbox.deliver(db, shares.HANDLERS)
        heard = await grant_of(db, owner)
        assert (heard.used, heard.units - heard.returned) == (3, 40)
        body = {"owner": str(owner.merchant_id), "grant": str(heard.grant_id), "used": 1, "at": "2024-01-01T00:00:00Z"}
        async with db.transaction() as tx:
            await outbox.put(tx, str(shared.merchant_id), shares.USED, body)
        await outbox.deliver(db, shares.HANDLERS)
        assert (await grant_of(db, owner)).used == 3


async def test_revoking_closes_the_users_leases_and_returns_what_nobody_took(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        owner, share, shared = await lent(await new_town(db))
        held = await lease(db, shared, 10)
        await take(db, held, 3)
        assert (await shares.revoke(db, owner.merchant_id, share.grant_id)).state is GrantState.REVOKING
        assert (await shares.revoke(db, owner.merchant_id, share.grant_id)).state is GrantState.REVOKING
        await balance_of(db, owner)
        await outbox.deliver(db, shares.HANDLERS)
        assert await take(db, held) is None
        with pytest.raises(Refusal, match=r"account\.not_active"):
            await lease(db, shared, 1)
        user, mine = await balance_of(db, shared), await balance_of(db, owner)
        assert (user.received, user.reclaimed, user.available, user.allocated) == (40, 37, 0, 3)
        assert (mine.available, mine.granted) == (97, 3)
        revoked = await grant_of(db, owner)
        assert (revoked.state, revoked.returned, revoked.used) == (GrantState.REVOKED, 37, 3)
        assert (await shares.revoke(db, owner.merchant_id, share.grant_id)).state is GrantState.REVOKED
        closed = await service.find_account(db, shared.merchant_id, shared.account_id)
        assert closed.state is AccountState.CLOSED
        with pytest.raises(Refusal, match=r"account\.closed"):
            await service.reactivate(db, shared.merchant_id, shared.account_id)
        with pytest.raises(Refusal, match=r"share\.unknown"):
            await shares.revoke(db, shared.merchant_id, share.grant_id)


async def test_a_number_that_is_recycled_after_the_revocation_still_returns_to_the_owner(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        owner, share, shared = await lent(await new_town(db))
        number = await take(db, await lease(db, shared, 10))
        await shares.revoke(db, owner.merchant_id, share.grant_id)
        await outbox.deliver(db, shares.HANDLERS)
        assert number is not None
        assert await cancel(db, shared.merchant_id, number)
        assert (await balance_of(db, shared)).waiting == 1
        await recycle(db, shared.merchant_id, number)
        assert await shares.return_rests(db) == 1
        assert await shares.return_rests(db) == 0
        await outbox.deliver(db, shares.HANDLERS)
        mine = await balance_of(db, owner)
        assert (mine.available, mine.granted) == (100, 0)
        assert (await balance_of(db, shared)).recycled == 1


async def test_messages_that_come_twice_change_nothing_the_second_time(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        owner, share, shared = await lent(await new_town(db))
        await lease(db, shared, 10)
        await shares.revoke(db, owner.merchant_id, share.grant_id)
        await outbox.deliver(db, shares.HANDLERS)
        rows = await db.fetch("SELECT source, id, topic, body FROM outbox ORDER BY created_at")
        assert {row["topic"] for row in rows} == set(shares.HANDLERS)
        for row in rows:
            async with db.transaction() as tx:
                await shares.HANDLERS[row["topic"]](tx, outbox.Message(**row))
        await outbox.deliver(db, shares.HANDLERS)
        assert (await balance_of(db, owner)).available == 100
        assert (await balance_of(db, shared)).reclaimed == 40


async def test_a_grant_with_an_id_of_its_own_is_lent_once_however_often_it_is_asked_for(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        owner = await town.account(units=100)
        user = await merchants.register_merchant(db, "示例代发厂", "enterprise")
        asked = (owner.merchant_id, owner.account_id, user.merchant_id)
        grant_id = new_id()
        answers = await asyncio.gather(*(shares.grant(db, *asked, 60, grant_id=grant_id) for _ in range(8)))
        assert {share.grant_id for share, _ in answers} == {grant_id}
        assert len({shared.account_id for _, shared in answers}) == 1
        assert (await balance_of(db, owner)).available == 40
        with pytest.raises(Refusal, match=r"share\.grant_reused"):
            await shares.grant(db, *asked, 10, grant_id=grant_id)
