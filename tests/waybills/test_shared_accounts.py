"""Share grants (面单共享): the using merchant takes on what the owner lent, and a revocation in the middle."""

import asyncio
from datetime import timedelta

import pytest

from miandan.accounts import service as accounts
from miandan.accounts import shares
from miandan.accounts.model import Account, Balance, ShareGrant
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.waybills import counter as counters
from miandan.waybills import lives
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall, codes, numbers, open_stall
from tests.waybills.world import parcel


async def lend(owner: Stall, carrier: str, units: int) -> tuple[ShareGrant, Stall]:
    """A merchant that uses `units` of the owner's account, from the owner's address."""
    user = await open_stall(owner.world)
    account = await owner.account(carrier)
    grant, shared = await shares.grant(
        owner.world.db,
        owner.merchant_id,
        account.account_id,
        user.merchant_id,
        units,
        ship_from=[await owner.sender(account)],
    )
    user.accounts[carrier] = shared
    return grant, user


async def deliver(stall: Stall) -> None:
    await outbox.deliver(stall.world.db, shares.HANDLERS)


async def balance_of(stall: Stall, account: Account) -> Balance:
    balance = await accounts.balance(stall.world.db, account.merchant_id, account.account_id)
    assert balance.adds_up
    return balance


@pytest.mark.parametrize("carrier", ["yto", "sf", "zto_intl"], ids=["segment", "live", "list"])
async def test_the_user_takes_on_the_owners_account_up_to_the_grant(heart: Heart, carrier: str) -> None:
    async with heart.stall() as owner:
        _, user = await lend(owner, carrier, 3)
        outcomes = await user.take(carrier, *(parcel(order) for order in "12345"))
        assert sorted(codes(outcomes)) == ["", "", "", "units.exhausted", "units.exhausted"]
        assert (await user.balance(carrier)).allocated == 3
        assert (await owner.balance(carrier)).granted == 3
        assert await owner.live_numbers() == {}, "order, key and waybill lie with the order's merchant"


async def test_the_owner_hears_what_was_used(heart: Heart) -> None:
    async with heart.stall() as owner:
        grant, user = await lend(owner, "yto", 10)
        await user.take("yto", parcel("1"), parcel("2", pieces=2))
        await shares.tell_owners(owner.world.db)
        await deliver(owner)
        [heard] = await shares.grants_of(owner.world.db, owner.merchant_id)
        assert (heard.grant_id, heard.used) == (grant.grant_id, 3)


async def test_after_a_revocation_the_user_takes_no_more_and_the_rest_goes_back(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "FRESH_SECONDS", 3600.0)
    async with heart.stall() as owner:
        before = await owner.balance("yto")
        grant, user = await lend(owner, "yto", 10)
        taken = await user.one("yto", "1")
        await shares.revoke(owner.world.db, owner.merchant_id, grant.grant_id)
        await deliver(owner)
        assert (await user.refusal("yto", "2")).code == "account.not_active"
        assert (await user.one("yto", "1")).number == taken.number, "what was taken stays"
        user.world.counter._cards.clear()  # some seconds later
        with pytest.raises(Refusal, match=r"account\.not_active.*closed"):
            await user.take("yto", parcel("2"))
        balance = await user.balance("yto")
        assert (balance.available, balance.leased, balance.allocated) == (0, 0, 1)
        after = await owner.balance("yto")
        assert (after.granted, after.available) == (1, before.available - 1)


async def test_revoking_in_the_middle_of_takes_loses_no_unit(heart: Heart) -> None:
    async with heart.stall() as owner:
        grant, user = await lend(owner, "yto", 40)
        await user.one("yto", "0")
        takes = [asyncio.create_task(user.take("yto", parcel(f"{i}a"), parcel(f"{i}b"))) for i in range(20)]
        await asyncio.sleep(0.005)
        await shares.revoke(owner.world.db, owner.merchant_id, grant.grant_id)
        await deliver(owner)
        answers = await asyncio.gather(*takes, return_exceptions=True)
        assert all(isinstance(one, list) or getattr(one, "code", "") == "account.not_active" for one in answers)
        given = 1 + sum(len(numbers(answer)) for answer in answers if isinstance(answer, list))
        balance = await user.balance("yto")
        assert (balance.allocated, balance.leased, balance.available) == (given, 0, 0)
        assert (await owner.balance("yto")).granted == given


async def test_a_unit_that_comes_back_after_the_revocation_goes_on_to_the_owner(heart: Heart) -> None:
    async with heart.stall() as owner:
        grant, user = await lend(owner, "sf", 5)
        user.world.carriers["sf"].behave()
        taken = await user.one("sf", "1")
        await shares.revoke(owner.world.db, owner.merchant_id, grant.grant_id)
        await deliver(owner)
        assert await user.cancel(taken) == "cancelled"
        await lives.recycle_due(owner.world.db, now() + timedelta(days=16))
        await shares.return_rests(owner.world.db)
        await deliver(owner)
        assert (await owner.balance("sf")).granted == 0
        balance = await user.balance("sf")
        assert (balance.available, balance.allocated, balance.waiting, balance.recycled) == (0, 0, 0, 1)


async def test_a_retake_from_a_shared_account_to_an_own_one(heart: Heart) -> None:
    async with heart.stall() as owner:
        _, user = await lend(owner, "yto", 5)
        old = await user.one("yto", "1")
        new = await user.one("sto", "1", retake=True)
        assert (await user.waybill(old.ref)).superseded_by == new.number
        assert (await user.balance("yto")).waiting == 1
        assert (await balance_of(owner, owner.accounts["yto"])).granted == 5
