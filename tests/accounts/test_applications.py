"""Applications: who may apply, what a decision does, whose turn it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from miandan.accounts import applications, service
from miandan.accounts.applications import Tracked
from miandan.accounts.model import AccountState, ApplicationState, Billing, Supply
from miandan.branches import service as branches
from miandan.branches.model import HEAD_OFFICE, Branch
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal, Turn
from miandan.merchants import service as merchants
from tests.accounts.trade import CARRIER, OTHER_SENDER, SENDER, new_town
from tests.conftest import FreshDatabase

MONDAY = datetime(2025, 5, 5, 1, tzinfo=UTC)


async def new_merchant(db: Database) -> int:
    return (await merchants.register_merchant(db, "示例商家", "enterprise")).merchant_id


async def only(db: Database, merchant: int) -> Tracked:
    (tracked,) = await applications.track(db, merchant)
    return tracked


def turn_of(tracked: Tracked) -> tuple[Turn, str] | None:
    return None if tracked.waiting is None else (tracked.waiting.turn, tracked.waiting.step.step)


async def test_an_application_goes_from_the_branch_to_the_merchant_and_is_ready_after_a_recharge(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        town = await new_town(db, stock=100)
        merchant = await new_merchant(db)
        asked = await applications.apply(
            db, merchant, CARRIER, branch_code=town.branch_code, ship_from=[SENDER], at=MONDAY
        )
        tracked = await only(db, merchant)
        assert turn_of(tracked) == (Turn.BRANCH, "decide")
        assert tracked.waiting is not None
        assert tracked.waiting.since == MONDAY
        account = await applications.approve(db, merchant, asked.application_id, carrier_reads=True)
        assert (account.state, account.billing, account.supply) == (
            AccountState.ACTIVE,
            Billing.PREPAID,
            Supply.SEGMENT,
        )
        assert turn_of(await only(db, merchant)) == (Turn.BRANCH, "recharge")
        await service.recharge(db, merchant, account.account_id, 10)
        assert (await only(db, merchant)).waiting is None
        senders = await service.ship_from_of(db, merchant, account.account_id)
        assert [row.sender for row in senders] == [SENDER]


async def test_a_rejected_merchant_learns_why_and_may_apply_again(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        merchant = await new_merchant(db)
        wish: dict[str, Any] = {"branch_code": town.branch_code, "ship_from": [SENDER]}
        first = await applications.apply(db, merchant, CARRIER, **wish)
        with pytest.raises(Refusal, match=r"application\.undecided"):
            await applications.apply(db, merchant, CARRIER, **wish)
        with pytest.raises(Refusal, match=r"application\.reason_missing"):
            await applications.reject(db, merchant, first.application_id, "  ")
        rejected = await applications.reject(db, merchant, first.application_id, "地址不在本网点范围")
        assert (rejected.state, rejected.reason) == (ApplicationState.REJECTED, "地址不在本网点范围")
        assert turn_of(await only(db, merchant)) == (Turn.MERCHANT, "apply_again")
        with pytest.raises(Refusal, match=r"application\.decided"):
            await applications.approve(db, merchant, first.application_id, carrier_reads=True)
        second = await applications.apply(db, merchant, CARRIER, **wish)
        await applications.approve(db, merchant, second.application_id, carrier_reads=True)
        assert len(await service.accounts_of(db, merchant)) == 1


async def test_applying_again_with_another_address_adds_it_to_the_account(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db, stock=100)
        account = await town.account(units=30)
        again = await applications.apply(
            db, account.merchant_id, CARRIER, branch_code=town.branch_code, ship_from=[SENDER, OTHER_SENDER]
        )
        same = await applications.approve(db, account.merchant_id, again.application_id, carrier_reads=False)
        assert (same.account_id, same.received, same.carrier_reads) == (account.account_id, 30, True)
        senders = await service.ship_from_of(db, account.merchant_id, account.account_id)
        assert [row.sender for row in senders] == [SENDER, OTHER_SENDER]


async def test_nobody_applies_to_a_retired_carrier(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await new_merchant(db)
        with pytest.raises(Refusal, match=r"carrier\.retired"):
            await applications.apply(db, merchant, "fengwang", branch_code="1", ship_from=[SENDER])


async def test_what_is_missing_is_named(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        merchant = await new_merchant(db)
        branch = town.branch_code
        wishes: list[tuple[str, str, int, dict[str, Any]]] = [
            ("application.branch_missing", CARRIER, merchant, {"ship_from": [SENDER]}),
            ("application.settlement_missing", "sf", merchant, {"ship_from": [SENDER]}),
            ("application.sender_missing", CARRIER, merchant, {"ship_from": [], "branch_code": branch}),
            ("branch.unknown", CARRIER, merchant, {"ship_from": [SENDER], "branch_code": "999"}),
            ("merchant.unknown", CARRIER, 1, {"ship_from": [SENDER], "branch_code": branch}),
        ]
        for code, carrier, who, wish in wishes:
            with pytest.raises(Refusal) as refused:
                await applications.apply(db, who, carrier, **wish)
            assert refused.value.code == code


async def test_a_direct_carrier_is_asked_with_a_settlement_code_and_is_monthly(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        await branches.open_branch(db, Branch("sf", HEAD_OFFICE, "示例总部", now()))
        merchant = await new_merchant(db)
        asked = await applications.apply(db, merchant, "sf", settlement_code="0215550000", ship_from=[SENDER])
        account = await applications.approve(db, merchant, asked.application_id, carrier_reads=False, unit_limit=50)
        assert (account.billing, account.supply, account.spendable) == (Billing.MONTHLY, Supply.LIVE, 50)
        assert turn_of(await only(db, merchant)) == (Turn.MERCHANT, "choose_label")
        chosen = await service.choose_full_label(db, merchant, account.account_id, "clerk-7", MONDAY)
        assert (chosen.full_label_by, chosen.full_label_at) == ("clerk-7", MONDAY)
        assert (await only(db, merchant)).waiting is None
        await service.withdraw_full_label(db, merchant, account.account_id)
        assert turn_of(await only(db, merchant)) == (Turn.MERCHANT, "choose_label")


async def test_a_branch_that_lets_an_application_lie_is_reminded(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        town = await new_town(db)
        merchant = await new_merchant(db)
        await applications.apply(db, merchant, CARRIER, branch_code=town.branch_code, ship_from=[SENDER], at=MONDAY)
        assert await applications.overdue(db, MONDAY + timedelta(hours=71)) == []
        (late,) = await applications.overdue(db, MONDAY + timedelta(hours=72))
        assert late.application.merchant_id == merchant
        assert [one.application for one in await applications.undecided_at(db, CARRIER, town.branch_code)] == [
            late.application
        ]
