"""What an account forbids: takes on it stop with a reason, and nothing is taken."""

from uuid import uuid4

import pytest

from miandan.accounts import applications
from miandan.accounts import service as accounts
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.waybills import counter as counters
from miandan.waybills import service as waybills
from miandan.waybills.model import TakeRequest
from tests.waybills.conftest import Heart
from tests.waybills.stall import SENDER, codes
from tests.waybills.world import parcel


@pytest.fixture(autouse=True)
def _cards_are_always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test need not wait for what a merchant waits some seconds for."""
    monkeypatch.setattr(counters, "FRESH_SECONDS", -1.0)


async def test_an_account_that_does_not_exist(heart: Heart) -> None:
    async with heart.stall() as stall:
        with pytest.raises(Refusal, match=r"account\.unknown"):
            await waybills.take(stall.world.counter, TakeRequest(stall.merchant_id, uuid4(), uuid4(), (parcel("1"),)))


async def test_an_account_of_somebody_else(heart: Heart) -> None:
    async with heart.stall() as stall, heart.stall() as other:
        theirs = await other.account("yto")
        request = TakeRequest(stall.merchant_id, theirs.account_id, await other.sender(theirs), (parcel("1"),))
        with pytest.raises(Refusal, match=r"account\.unknown"):
            await waybills.take(stall.world.counter, request)


@pytest.mark.parametrize("carrier", ["yto", "sf", "zto_intl"], ids=["segment", "live", "list"])
async def test_a_suspended_and_a_dormant_account(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        account = await stall.account(carrier)
        where = stall.world.db, stall.merchant_id, account.account_id
        await accounts.let_rest(*where)
        with pytest.raises(Refusal, match=r"account\.not_active.*dormant"):
            await stall.take(carrier, parcel("1"))
        await accounts.reactivate(*where)
        await stall.one(carrier, "1")
        await accounts.suspend(*where, "示例：核查")
        with pytest.raises(Refusal, match=r"account\.not_active.*suspended"):
            await stall.take(carrier, parcel("2"))
        assert await stall.used(carrier) == 1


async def test_a_sender_that_was_never_approved_and_one_that_was_withdrawn(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto")
        request = TakeRequest(stall.merchant_id, account.account_id, uuid4(), (parcel("1"),))
        with pytest.raises(Refusal, match=r"account\.sender_not_approved"):
            await waybills.take(stall.world.counter, request)
        sender = await stall.sender(account)
        await accounts.withdraw_ship_from(stall.world.db, stall.merchant_id, sender)
        request = TakeRequest(stall.merchant_id, account.account_id, sender, (parcel("1"),))
        with pytest.raises(Refusal, match=r"account\.sender_not_approved"):
            await waybills.take(stall.world.counter, request)
        assert await stall.used("yto") == 0


async def test_a_sender_approved_for_another_account(heart: Heart) -> None:
    async with heart.stall() as stall:
        elsewhere = await stall.sender(await stall.account("sto"))
        account = await stall.account("yto")
        with pytest.raises(Refusal, match=r"account\.sender_not_approved"):
            await waybills.take(
                stall.world.counter,
                TakeRequest(stall.merchant_id, account.account_id, elsewhere, (parcel("1"),)),
            )


async def test_a_carrier_that_cannot_read_by_number_waits_for_the_full_label(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto", reads=False)
        where = stall.world.db, stall.merchant_id, account.account_id
        with pytest.raises(Refusal, match=r"account\.carrier_cannot_read"):
            await stall.take("yto", parcel("1"))
        await accounts.choose_full_label(*where, "clerk-1")
        assert codes(await stall.take("yto", parcel("1"))) == [""]
        await accounts.withdraw_full_label(*where)
        with pytest.raises(Refusal, match=r"account\.carrier_cannot_read"):
            await stall.take("yto", parcel("2"))
        await accounts.let_carrier_read(*where)
        assert codes(await stall.take("yto", parcel("2"))) == [""]


async def test_a_retired_carrier_opens_no_account_but_its_parcels_are_known(heart: Heart) -> None:
    async with heart.stall() as stall:
        with pytest.raises(Refusal, match=r"carrier\.retired"):
            await applications.apply(
                stall.world.db, stall.merchant_id, "fengwang", ship_from=[SENDER], branch_code="x", at=now()
            )
        assert stall.world.counter.carrier("fengwang").zh
