"""Accounts as an ERP lists them, and what a carrier answers to an application of which it knows the id only."""

import pytest

from miandan.accounts import applications, carrier_decisions, service, shares
from miandan.accounts.model import AccountState, ApplicationState, Billing
from miandan.accounts.netsites import netsites_of
from miandan.kernel import outbox
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants
from tests.accounts.trade import CARRIER, SENDER, cancel, lease, new_town, recycle, take
from tests.conftest import FreshDatabase


async def test_net_sites_show_what_each_account_of_the_merchant_holds(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        account = await town.account(units=50)
        merchant = account.merchant_id
        held = await lease(db, account, 10)
        numbers = [await take(db, held) for _ in range(4)]
        assert await cancel(db, merchant, str(numbers[0]))
        assert await cancel(db, merchant, str(numbers[1]))
        await recycle(db, merchant, str(numbers[1]))
        user = await merchants.register_merchant(db, "示例代发厂", "enterprise")
        await shares.grant(db, merchant, account.account_id, user.merchant_id, 7)
        (site,) = await netsites_of(db, merchant, CARRIER)
        assert site.balance == await service.balance(db, merchant, account.account_id)
        assert site.balance.adds_up
        assert (site.balance.allocated, site.balance.waiting, site.balance.recycled) == (2, 1, 1)
        assert site.left == 50 - 7 - 3
        assert (site.branch_name, [row.sender for row in site.senders]) == ("示例网点", [SENDER])
        assert site.account.state is AccountState.ACTIVE
        assert (site.is_direct, site.has_branches) == (False, True)


async def test_net_sites_are_those_of_one_carrier_or_of_all_and_shared_ones_until_revoked(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        first = await (await new_town(db)).account(units=5)
        merchant = first.merchant_id
        monthly = await applications.apply(
            db,
            merchant,
            CARRIER,
            branch_code="57101",
            settlement_code="M1",
            billing=Billing.MONTHLY,
            ship_from=[SENDER],
        )
        await applications.approve(db, merchant, monthly.application_id, carrier_reads=True)
        owner = await (await new_town(db, "57102")).account(units=9)
        grant, _ = await shares.grant(db, owner.merchant_id, owner.account_id, merchant, 4)
        sites = await netsites_of(db, merchant)
        assert [(site.account.branch_code, site.left) for site in sites] == [
            ("57101", 5),
            ("57101", None),
            ("57102", 4),
        ]
        assert await netsites_of(db, merchant, "zto") == ()
        await shares.revoke(db, owner.merchant_id, grant.grant_id)
        await outbox.deliver(db, shares.HANDLERS)
        assert len(await netsites_of(db, merchant)) == 2
        stranger = await merchants.register_merchant(db, "路人", "enterprise")
        assert await netsites_of(db, stranger.merchant_id) == ()


async def test_a_carrier_approves_by_the_id_alone_and_may_say_so_twice(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        merchant = (await merchants.register_merchant(db, "示例商家", "enterprise")).merchant_id
        asked = await applications.apply(db, merchant, CARRIER, branch_code=town.branch_code, ship_from=[SENDER])
        with pytest.raises(Refusal, match=r"application\.unknown"):
            await carrier_decisions.approve(db, "zto", asked.application_id, carrier_reads=True)
        account = await carrier_decisions.approve(db, CARRIER, asked.application_id, carrier_reads=True)
        again = await carrier_decisions.approve(db, CARRIER, asked.application_id, carrier_reads=True)
        assert again == account
        with pytest.raises(Refusal, match=r"application\.decided"):
            await carrier_decisions.reject(db, CARRIER, asked.application_id, "晚了")


async def test_a_carrier_rejects_without_a_reason_and_may_say_so_twice(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        merchant = (await merchants.register_merchant(db, "示例商家", "enterprise")).merchant_id
        asked = await applications.apply(db, merchant, CARRIER, branch_code=town.branch_code, ship_from=[SENDER])
        rejected = await carrier_decisions.reject(db, CARRIER, asked.application_id, " ")
        assert (rejected.state, rejected.reason) == (ApplicationState.REJECTED, carrier_decisions.NO_REASON)
        assert await carrier_decisions.reject(db, CARRIER, asked.application_id, "别的原因") == rejected
        with pytest.raises(Refusal, match=r"application\.decided"):
            await carrier_decisions.approve(db, CARRIER, asked.application_id, carrier_reads=True)
