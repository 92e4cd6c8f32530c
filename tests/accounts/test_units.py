"""Units: they come out of a branch's stock and nowhere else, and stop when the account does."""

import asyncio

import pytest
from msgspec import structs

from miandan.accounts import service
from miandan.accounts.model import AccountState, Billing
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from tests.accounts.trade import OTHER_SENDER, SENDER, lease, new_town, take
from tests.conftest import FreshDatabase


async def test_sixteen_recharges_at_once_never_sell_more_than_the_stock(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        town = await new_town(db, stock=1000)
        accounts = [await town.account() for _ in range(4)]
        sales = [service.recharge(db, accounts[n % 4].merchant_id, accounts[n % 4].account_id, 90) for n in range(16)]
        outcomes = await asyncio.gather(*sales, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, Refusal)]
        assert [one.code for one in refused] == ["stock.short"] * 5
        assert all(one.fields == {"branch": "57101", "left": 10, "wanted": 90} for one in refused)
        held = [await service.find_account(db, one.merchant_id, one.account_id) for one in accounts]
        assert sum(one.available for one in held) == 990
        assert (await town.stock()).left == 10


async def test_recharges_and_reclaims_at_once_do_not_block_each_other_for_ever(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        town = await new_town(db, stock=1000)
        accounts = [await town.account(units=100) for _ in range(2)]
        verbs = [service.recharge, service.reclaim]
        await asyncio.gather(
            *(verbs[n // 2 % 2](db, accounts[n % 2].merchant_id, accounts[n % 2].account_id, 5) for n in range(32))
        )
        stock = await town.stock()
        assert (stock.left, stock.sold) == (1000, 200)


async def test_both_books_carry_the_same_entry_and_a_repeat_is_booked_once(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=4) as db:
        town = await new_town(db, stock=1000)
        account = await town.account()
        who, entry = (account.merchant_id, account.account_id), new_id()
        await asyncio.gather(*(service.recharge(db, *who, 70, entry) for _ in range(4)))
        (booked,) = await service.ledger(db, *who)
        assert (booked.entry_id, booked.kind, booked.units) == (entry, "recharge", 70)
        assert await db.fetchval("SELECT units FROM stock_entry WHERE entry_id = $1 AND account_id = $2", entry, who[1])
        with pytest.raises(Refusal, match=r"stock\.entry_reused"):
            await service.recharge(db, *who, 71, entry)
        assert (await town.stock()).sold == 70


async def test_units_that_workers_hold_cannot_be_reclaimed_until_the_account_is_suspended(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        account = await town.account(units=100)
        who = (account.merchant_id, account.account_id)
        held = await lease(db, account, 20)
        assert await take(db, held) is not None
        with pytest.raises(Refusal) as refused:
            await service.reclaim(db, *who, 81)
        assert refused.value.code == "units.short_to_reclaim"
        assert refused.value.fields == {"left": 80, "wanted": 81}
        assert await service.suspend(db, *who, "欠费") == 19
        after = await service.reclaim(db, *who, 99)
        assert (after.available, after.state, after.state_reason) == (0, AccountState.SUSPENDED, "欠费")
        balance = await service.balance(db, *who)
        assert (balance.allocated, balance.adds_up) == (1, True)


async def test_a_suspended_account_gives_nothing_until_it_is_active_again(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db, stock=100)
        account = await town.account(units=100)
        who = (account.merchant_id, account.account_id)
        held = await lease(db, account, 20)
        await service.suspend(db, *who, "欠费")
        assert await take(db, held) is None
        with pytest.raises(Refusal, match=r"account\.not_active"):
            await lease(db, account, 1)
        with pytest.raises(Refusal, match=r"account\.not_active"):
            await service.recharge(db, *who, 1)
        assert (await town.stock()).left == 100
        with pytest.raises(Refusal, match=r"account\.not_active"):
            await service.let_rest(db, *who)
        assert (await service.reactivate(db, *who)).state is AccountState.ACTIVE
        assert (await lease(db, account, 1)).left == 1
        await service.let_rest(db, *who)
        with pytest.raises(Refusal, match=r"account\.not_active"):
            await lease(db, account, 1)
        assert (await service.reactivate(db, *who)).available == 100


async def test_a_suspension_stops_leases_that_are_opened_at_the_same_moment(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        town = await new_town(db)
        for _ in range(5):
            account = await town.account(units=100)
            who = (account.merchant_id, account.account_id)
            racers = [lease(db, account, 3) for _ in range(6)]
            await asyncio.gather(*racers, service.suspend(db, *who, "停用"), return_exceptions=True)
            balance = await service.balance(db, *who)
            assert (balance.available, balance.leased, balance.adds_up) == (100, 0, True)


async def test_a_monthly_account_counts_below_zero_down_to_its_limit(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db, stock=100)
        account = await town.account(billing=Billing.MONTHLY, limit=5)
        who = (account.merchant_id, account.account_id)
        for verb in (service.recharge, service.reclaim):
            with pytest.raises(Refusal, match=r"account\.monthly"):
                await verb(db, *who, 1)
        held = await lease(db, account, 5)
        assert await take(db, held, 2) is not None
        with pytest.raises(Refusal, match=r"units\.exhausted"):
            await lease(db, account, 1)
        await service.set_unit_limit(db, *who, None)
        await lease(db, account, 50)
        balance = await service.balance(db, *who)
        assert (balance.available, balance.leased, balance.allocated, balance.adds_up) == (-55, 53, 2, True)
        prepaid = await town.account()
        with pytest.raises(Refusal, match=r"account\.not_monthly"):
            await service.set_unit_limit(db, prepaid.merchant_id, prepaid.account_id, 5)


async def test_a_sender_that_is_none_of_the_approved_ones_is_refused(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        account = await town.account()
        who = (account.merchant_id, account.account_id)
        (approved,) = await service.ship_from_of(db, *who)
        assert await service.approved_sender(db, *who, approved.ship_from_id) == approved
        spaced = structs.replace(SENDER, contact="另一人", detail=" 示例路1号")
        assert await service.approved_sender(db, *who, spaced) == approved
        for stranger in (OTHER_SENDER, new_id()):
            with pytest.raises(Refusal, match=r"account\.sender_not_approved") as refused:
                await service.approved_sender(db, *who, stranger)
            assert "示例" not in str(refused.value) + repr(refused.value.fields)
        other = await service.approve_ship_from(db, *who, OTHER_SENDER)
        assert await service.approve_ship_from(db, *who, OTHER_SENDER) == other
        assert await service.approved_sender(db, *who, OTHER_SENDER) == other
        await service.withdraw_ship_from(db, account.merchant_id, other.ship_from_id)
        with pytest.raises(Refusal, match=r"account\.sender_not_approved"):
            await service.approved_sender(db, *who, other.ship_from_id)
        with pytest.raises(Refusal, match=r"account\.sender_unknown"):
            await service.withdraw_ship_from(db, account.merchant_id, other.ship_from_id)


def test_a_sender_never_shows_itself() -> None:
    assert "示例" not in repr(SENDER) + str(SENDER) + f"{[SENDER]}"
