"""What runs out in the middle: units, numbers, a limit, the account itself. The rest is refused, nothing half taken."""

import asyncio
from itertools import count

import pytest

from miandan.accounts import service as accounts
from miandan.accounts.leases import AccountRef
from miandan.branches import service as branches
from miandan.carriers.numbers import NumberKind
from miandan.waybills import counter as counters
from tests.waiting import until_a_lock_is_waited_for
from tests.waybills.conftest import Heart
from tests.waybills.stall import Stall, codes, numbers, open_office
from tests.waybills.world import parcel

_offices = count(1)


async def in_small_office(stall: Stall, *, serials: int, units: int) -> str:
    """An account of J&T at a branch whose segment holds few serials; the branch's code."""
    place = next(_offices)
    code = f"SMALL{place}"
    first = 10_000_000_000 + place * 1000
    await open_office(stall.world, "jt", code, serials=(first, first + serials - 1), stock=units)
    stall.accounts["jt"] = await stall.opens("jt", code, units=units)
    return code


async def test_when_units_run_out_the_first_parcels_have_theirs_and_the_rest_says_why(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.account("yto", units=3)
        outcomes = await stall.take("yto", *(parcel(order) for order in "12345"))
        assert codes(outcomes) == ["", "", "", "units.exhausted", "units.exhausted"]
        balance = await stall.balance("yto")
        assert (balance.allocated, balance.available + balance.leased) == (3, 0)
        assert len(await stall.live_numbers()) == 3


async def test_after_a_recharge_the_same_request_finishes(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto", units=2)
        asked = [parcel(order) for order in "1234"]
        first = await stall.take("yto", *asked)
        await accounts.recharge(stall.world.db, stall.merchant_id, account.account_id, 2)
        second = await stall.take("yto", *asked)
        assert codes(second) == [""] * 4
        assert numbers(second)[:2] == numbers(first)
        assert await stall.used("yto") == 4


async def test_orders_that_have_their_number_need_no_units(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.account("yto", units=2)
        first = await stall.take("yto", parcel("1"), parcel("2"))
        again = await stall.take("yto", parcel("3"), parcel("1"), parcel("2"))
        assert codes(again) == ["units.exhausted", "", ""]
        assert numbers(again) == numbers(first)


async def test_many_takes_at_once_share_the_last_units_without_losing_one(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto", units=25)
        answers = await asyncio.gather(*(stall.take("yto", parcel(f"{i}"), parcel(f"{i}b")) for i in range(20)))
        assert sum(len(numbers(answer)) for answer in answers) == 25
        assert await stall.used("yto") == 25
        await accounts.recharge(stall.world.db, stall.merchant_id, account.account_id, 15)
        again = await asyncio.gather(*(stall.take("yto", parcel(f"{i}"), parcel(f"{i}b")) for i in range(20)))
        assert sum(len(numbers(answer)) for answer in again) == 40
        assert await stall.used("yto") == 40


async def test_a_recharge_is_seen_although_somebody_was_refused_before(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto", units=4)
        await asyncio.gather(
            stall.take("yto", parcel("1"), parcel("2"), parcel("3")),
            stall.take("yto", parcel("4"), parcel("5")),
            stall.take("yto", parcel("6")),
        )
        for round_ in range(3):
            await accounts.recharge(stall.world.db, stall.merchant_id, account.account_id, 1)
            assert codes(await stall.take("yto", parcel(f"later {round_}"))) == [""]


async def test_a_refusal_that_came_to_nothing_is_not_told_to_the_next_caller(heart: Heart) -> None:
    """One caller waits for units, is refused more, and is served by what another one did not need."""
    async with heart.stall() as stall:
        account = await stall.account("yto", units=20)
        ten = [parcel(f"{i}") for i in range(10)]
        await stall.take("yto", *ten)
        await stall.take("yto", *ten)  # fetches ten units in vain: the worker holds all that is left
        for order in "pqr":  # and now in one lease
            await stall.one("yto", order)
        db = stall.world.db
        async with db.transaction() as tx:  # another program is about to take order A, and thinks better of it
            await tx.execute(
                "INSERT INTO parcel_key (merchant_id, parcel_key, carrier, number, seat, month) "
                "VALUES ($1, 'S10001/A', 'yto', 'nothing', 0, '2026-01-01')",
                stall.merchant_id,
            )
            held_up = asyncio.create_task(stall.take("yto", parcel("A")))
            await until_a_lock_is_waited_for(db)
            waiting = asyncio.create_task(stall.take("yto", parcel("B")))
            holding = stall.world.counter.desk._holdings._accounts[AccountRef(stall.merchant_id, account.account_id)]
            async with asyncio.timeout(30):
                while holding.refusal is None:  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0.005)
            await tx.execute("DELETE FROM parcel_key WHERE merchant_id = $1 AND number = 'nothing'", stall.merchant_id)
        assert codes(await held_up + await waiting) == ["", ""]
        assert codes(await stall.take("yto", *(parcel(f"C{i}") for i in range(5)))) == [""] * 5
        await accounts.recharge(db, stall.merchant_id, account.account_id, 5)
        assert codes(await stall.take("yto", parcel("D"))) == [""]


async def test_a_parcel_of_several_pieces_is_served_whole_or_not_at_all(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.account("yto", units=5)
        outcomes = await stall.take("yto", parcel("1", pieces=3), parcel("2", pieces=3))
        assert codes(outcomes) == ["", "units.exhausted"]
        assert await stall.used("yto") == 3
        assert await stall.one("yto", parcel("3", pieces=2))
        assert await stall.used("yto") == 5


async def test_what_another_program_returned_can_be_used(heart: Heart) -> None:
    async with heart.stall() as stall:
        await stall.account("yto", units=10)
        async with heart.world() as other:
            here, stall.world = stall.world, other
            await stall.one("yto", "1")
        stall.world = here
        assert codes(await stall.take("yto", *(parcel(f"{i}") for i in range(2, 11)))) == [""] * 9
        assert await stall.used("yto") == 10


async def test_at_the_end_of_a_segment_the_rest_is_refused_and_a_new_segment_goes_on(heart: Heart) -> None:
    async with heart.stall() as stall:
        code = await in_small_office(stall, serials=3, units=10)
        outcomes = await stall.take("jt", *(parcel(order) for order in "12345"))
        assert codes(outcomes) == ["", "", "", "numbers.exhausted", "numbers.exhausted"]
        balance = await stall.balance("jt")
        assert (balance.allocated, balance.available) == (3, 7)
        first = 20_000_000_000 + int(code.removeprefix("SMALL")) * 1000
        await branches.load_segment(stall.world.db, "jt", code, first, first + 99, NumberKind.SANDBOX)
        assert codes(await stall.take("jt", *(parcel(order) for order in "12345"))) == [""] * 5
        assert await stall.used("jt") == 5


async def test_a_parcel_may_have_numbers_of_two_segments(heart: Heart) -> None:
    async with heart.stall() as stall:
        code = await in_small_office(stall, serials=3, units=10)
        first = 30_000_000_000 + int(code.removeprefix("SMALL")) * 1000
        await branches.load_segment(stall.world.db, "jt", code, first, first + 99, NumberKind.SANDBOX)
        taken = await stall.one("jt", parcel("1", pieces=5))
        assert len({taken.number, *taken.children}) == 5
        assert await stall.used("jt") == 5


async def test_a_list_gives_its_numbers_one_by_one_until_its_end(heart: Heart) -> None:
    async with heart.stall() as stall:
        code = "LIST"
        await open_office(stall.world, "zto_intl", code, serials=(900_000, 900_000))
        listed = [f"ZTI9000000000{i:02}" for i in range(4)]
        await branches.load_list(stall.world.db, "zto_intl", code, listed)
        stall.accounts["zto_intl"] = await stall.opens("zto_intl", code)
        taken = await stall.one("zto_intl", parcel("1", pieces=2))
        assert [taken.number, *taken.children] == listed[:2]
        outcomes = await stall.take("zto_intl", parcel("2", pieces=3), parcel("3"), parcel("4"), parcel("5"))
        assert codes(outcomes) == ["numbers.exhausted", "", "", "numbers.exhausted"]
        assert numbers(outcomes) == listed[2:]
        assert await stall.used("zto_intl") == 4


@pytest.mark.parametrize("carrier", ["post", "sf", "zto_intl"], ids=["segment", "live", "list"])
async def test_a_monthly_account_stops_at_its_limit(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        account = await stall.account(carrier)
        await accounts.set_unit_limit(stall.world.db, stall.merchant_id, account.account_id, 3)
        outcomes = await stall.take(carrier, *(parcel(order) for order in "12345"))
        assert sorted(codes(outcomes)) == ["", "", "", "units.exhausted", "units.exhausted"]
        await accounts.set_unit_limit(stall.world.db, stall.merchant_id, account.account_id, None)
        assert codes(await stall.take(carrier, *(parcel(order) for order in "12345"))) == [""] * 5
        balance = await stall.balance(carrier)
        assert (balance.allocated, balance.received) == (5, 0)


@pytest.mark.parametrize("carrier", ["yto", "sf", "zto_intl"], ids=["segment", "live", "list"])
async def test_an_account_suspended_in_the_middle_gives_no_further_number(
    heart: Heart, carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "FRESH_SECONDS", 3600.0)
    async with heart.stall() as stall:
        account = await stall.account(carrier)
        before = await stall.one(carrier, "1")
        await accounts.suspend(stall.world.db, stall.merchant_id, account.account_id, "示例：欠费")
        refusal = await stall.refusal(carrier, "2")
        assert (refusal.code, refusal.fields["state"]) == ("account.not_active", "suspended")
        assert await stall.used(carrier) == 1
        assert (await stall.one(carrier, "1")).number == before.number, "what was taken stays"
        await accounts.reactivate(stall.world.db, stall.merchant_id, account.account_id)
        stall.world.counter._cards.clear()  # some seconds later
        assert codes(await stall.take(carrier, parcel("2"))) == [""]
        assert await stall.used(carrier) == 2


async def test_takes_under_way_while_an_account_is_suspended_end_whole(heart: Heart) -> None:
    async with heart.stall() as stall:
        account = await stall.account("yto")
        takes = [asyncio.create_task(stall.take("yto", parcel(f"{i}"), parcel(f"{i}b"))) for i in range(30)]
        await asyncio.sleep(0.02)
        await accounts.suspend(stall.world.db, stall.merchant_id, account.account_id, "示例：核查")
        answers = await asyncio.gather(*takes, return_exceptions=True)
        assert all(isinstance(one, list) or getattr(one, "code", "") == "account.not_active" for one in answers)
        given = sum(len(numbers(answer)) for answer in answers if isinstance(answer, list))
        balance = await stall.balance("yto")
        assert (balance.allocated, balance.leased) == (given, 0)
