"""The Idempotency-Key: the first answer, for ever, and only for the request it was given to."""

import asyncio

import pytest

from miandan.accounts import service as accounts
from miandan.kernel.errors import Refusal
from miandan.waybills.model import Refused, Taken
from tests.waybills.conftest import Heart
from tests.waybills.stall import codes, numbers
from tests.waybills.world import parcel

EVERY_SUPPLY = pytest.mark.parametrize("carrier", ["yto", "sf", "zto_intl"], ids=["segment", "live", "list"])


@EVERY_SUPPLY
async def test_a_repeated_request_has_the_same_answer(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        asked = parcel("1", pieces=2), parcel("2")
        first = await stall.take(carrier, *asked, idempotency_key="k")
        again = await stall.take(carrier, *asked, idempotency_key="k")
        for before, after in zip(first, again, strict=True):
            assert isinstance(before, Taken)
            assert isinstance(after, Taken)
            assert (after.ref, after.children, after.sorted) == (before.ref, before.children, before.sorted)
            assert (before.known, after.known) == (False, True)
        assert len(set((await stall.live_numbers()).values())) == 3


@EVERY_SUPPLY
async def test_after_a_cancel_a_retry_gets_the_first_answer_and_a_new_request_a_new_number(
    heart: Heart, carrier: str
) -> None:
    async with heart.stall() as stall:
        first = await stall.one(carrier, "1", idempotency_key="k")
        await stall.cancel(first)
        assert (await stall.one(carrier, "1", idempotency_key="k")).number == first.number
        assert await stall.live_numbers() == {}
        fresh = await stall.one(carrier, "1", idempotency_key="another")
        assert fresh.number != first.number
        assert (await stall.one(carrier, "1", idempotency_key="k")).number == first.number


async def test_merchants_may_use_the_same_key(heart: Heart) -> None:
    async with heart.stall() as one, heart.stall() as other:
        first = await one.one("yto", "1", idempotency_key="k")
        assert (await other.one("yto", "1", idempotency_key="k")).number != first.number


@pytest.mark.parametrize("orders", [("2",), ("1", "2"), ()], ids=["other", "more", "none"])
async def test_a_key_for_something_else_is_refused_and_nothing_is_taken(heart: Heart, orders: tuple[str, ...]) -> None:
    async with heart.stall() as stall:
        await stall.one("yto", "1", idempotency_key="k")
        with pytest.raises(Refusal, match=r"take\.idempotency_reused"):
            await stall.take("yto", *(parcel(order) for order in orders), idempotency_key="k")
        with pytest.raises(Refusal, match=r"take\.idempotency_reused"):
            await stall.take("sto", parcel("1"), idempotency_key="k")
        assert list(await stall.live_numbers()) == ["S10001/1"]


async def test_a_request_that_was_partly_refused_finishes_under_its_key(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto", units=2)
        asked = [parcel(order) for order in "1234"]
        first = await stall.take("yto", *asked, idempotency_key="k")
        assert codes(first) == ["", "", "units.exhausted", "units.exhausted"]
        await accounts.recharge(stall.world.db, stall.merchant_id, account.account_id, 10)
        second = await stall.take("yto", *asked, idempotency_key="k")
        assert numbers(second)[:2] == numbers(first)
        assert len(numbers(second)) == 4
        assert numbers(await stall.take("yto", *asked, idempotency_key="k")) == numbers(second)
        assert await stall.used("yto") == 4


async def test_a_parcel_that_no_take_can_serve_does_not_shift_the_kept_answer(heart: Heart) -> None:
    async with heart.stall() as stall:
        asked = parcel("1", pieces=0), parcel("2"), parcel("3")
        first = await stall.take("yto", *asked, idempotency_key="k")
        second = await stall.take("yto", *asked, idempotency_key="k")
        assert codes(first) == codes(second) == ["parcel.pieces", "", ""]
        assert numbers(first) == numbers(second)


async def test_a_request_without_any_number_keeps_nothing(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto", units=0)
        [refused] = await stall.take("yto", parcel("1"), idempotency_key="k")
        assert isinstance(refused, Refused)
        await accounts.recharge(stall.world.db, stall.merchant_id, account.account_id, 1)
        assert not (await stall.one("yto", "1", idempotency_key="k")).known


async def test_the_key_is_asked_before_the_orders_are_compared(heart: Heart) -> None:
    async with heart.stall() as stall:
        first = await stall.one("yto", "1", idempotency_key="k")
        new = await stall.one("sto", "1", retake=True)
        assert (await stall.one("yto", "1", idempotency_key="k")).number == first.number
        assert (await stall.one("sto", "1")).number == new.number


async def test_two_requests_that_race_for_a_key_do_not_mix_their_answers(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.account("yto")
        orders = ("1", "2", "3")
        answers = await asyncio.gather(
            *(stall.take("yto", parcel(one), idempotency_key="k") for one in orders), return_exceptions=True
        )
        said = {
            order: numbers(answer) for order, answer in zip(orders, answers, strict=True) if isinstance(answer, list)
        }
        kept = []
        for order in orders:
            try:
                assert numbers(await stall.take("yto", parcel(order), idempotency_key="k")) == said[order]
                kept.append(order)
            except Refusal as refusal:
                if refusal.code != "take.idempotency_reused":
                    raise
        assert len(kept) == 1
