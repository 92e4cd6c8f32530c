"""Pieces added to a parcel that has its number."""

import asyncio

import pytest

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef
from miandan.kernel.errors import Refusal
from miandan.waybills.appending import append_pieces
from miandan.waybills.queries import sibling
from miandan.waybills.superseding import family_for_update
from tests.waiting import until_a_lock_is_waited_for
from tests.waybills.conftest import CONNECTIONS, Heart
from tests.waybills.stall import Stall
from tests.waybills.world import parcel


async def _append(stall: Stall, carrier: str, number: str, more: int) -> tuple[str, ...]:
    return await append_pieces(stall.world.counter, stall.merchant_id, carrier, number, more, app="test")


@pytest.mark.parametrize("carrier", ["yto", "zto_intl"])
async def test_added_pieces_have_numbers_and_units_and_every_sheet_says_how_many(heart: Heart, carrier: str) -> None:
    async with heart.stall() as stall:
        taken = await stall.one(carrier, parcel("1", "2"))
        added = await _append(stall, carrier, taken.number, 2) + await _append(stall, carrier, taken.number, 1)
        assert len({taken.number, *added}) == 4
        assert await stall.used(carrier) == 4
        waybills = [await stall.waybill(taken.ref)]
        waybills += [await stall.waybill(sibling(taken.ref, number)) for number in added]
        assert [(one.piece, one.pieces) for one in waybills] == [(1, 4), (2, 4), (3, 4), (4, 4)]
        assert {one.sealed.digest for one in waybills} == {waybills[0].sealed.digest}


async def test_what_was_added_is_cancelled_with_its_parent(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1"))
        [added] = await _append(stall, "yto", taken.number, 1)
        assert await stall.cancel(taken) == "cancelled"
        assert (await stall.waybill(sibling(taken.ref, added))).state == "cancelled"


async def test_two_appends_at_once_give_different_pieces(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1"))
        added = await asyncio.gather(*(_append(stall, "yto", taken.number, 3) for _ in range(4)))
        numbers = [number for one in added for number in one]
        assert len(set(numbers)) == 12
        pieces = {(await stall.waybill(sibling(taken.ref, number))).piece for number in numbers}
        assert pieces == set(range(2, 14))


async def test_an_append_and_a_scan_of_a_void_number_do_not_block_each_other_for_good(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = await stall.one("yto", parcel("1"))
        account = AccountRef(stall.merchant_id, (await stall.account("yto")).account_id)
        async with stall.world.db.transaction() as tx:  # the number is held first, its account then, as everywhere
            await family_for_update(tx, taken.ref)
            appending = asyncio.create_task(_append(stall, "yto", taken.number, 1))
            await until_a_lock_is_waited_for(stall.world.db)
            await leases.give_back(tx, account, 0, "re_debit", taken.number)
        assert len(await appending) == 1
        assert await stall.used("yto") == 2


@pytest.mark.parametrize(
    ("carrier", "more", "code"),
    [
        ("yto", 0, "parcel.pieces"),
        ("yto", 99, "parcel.pieces"),
        ("jd", 1, "append.not_here"),
        ("sf", 1, "append.not_here"),
    ],
)
async def test_what_cannot_be_added_is_refused_and_costs_nothing(
    heart: Heart, carrier: str, more: int, code: str
) -> None:
    async with heart.stall() as stall:
        taken = await stall.one(carrier, parcel("1"))
        with pytest.raises(Refusal) as refused:
            await _append(stall, carrier, taken.number, more)
        assert refused.value.code == code
        assert await stall.used(carrier) == 1


async def test_nothing_is_added_to_a_child_or_a_cancelled_number(heart: Heart) -> None:
    async with heart.stall() as stall:
        parent = await stall.one("yto", parcel("1", pieces=2))
        gone = await stall.one("yto", parcel("2"))
        await stall.cancel(gone)
        found = await asyncio.gather(
            _append(stall, "yto", parent.children[0], 1), _append(stall, "yto", gone.number, 1), return_exceptions=True
        )
        codes = [one.code for one in found if isinstance(one, Refusal)]
        assert codes == ["waybill.is_child", "waybill.not_live"]


async def test_as_many_appends_at_once_as_there_are_connections_wait_for_no_further_one(heart: Heart) -> None:
    async with heart.stall() as stall:
        taken = [await stall.one("yto", parcel(str(place))) for place in range(CONNECTIONS)]
        stall.world.counter._cards.clear()
        async with asyncio.timeout(30):
            added = await asyncio.gather(*(_append(stall, "yto", one.number, 1) for one in taken))
        assert len({number for one in added for number in one}) == CONNECTIONS
