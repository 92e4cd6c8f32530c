"""The address book: ids that never meet, one default per shop and way, nobody's phone in a repr."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.merchants import address_book, service
from miandan.merchants.address_book import add_address, addresses_of, find_address, return_here, ship_from_here
from miandan.merchants.address_book_model import AddressDraft, LinkType, Sorting
from miandan.merchants.model import Place, Platform, new_entry_id, read_entry_id
from tests.conftest import FreshDatabase

PLACE = Place("浙江省", "杭州市", "余杭区", "示例路 1 号")
DRAFT = AddressDraft("示例仓库", PLACE, phone="19000000001", shop_id="S1")
MONDAY = datetime(2025, 5, 5, 1, tzinfo=UTC)


async def shopkeeper(db: Database, *shops: str) -> int:
    merchant = (await service.register_merchant(db, "示例商家", "enterprise")).merchant_id
    for shop in shops or ("S1",):
        await service.open_shop(db, merchant, shop, "示例店", Platform.DOUDIAN, "enterprise")
    return merchant


async def test_an_address_is_kept_with_the_code_of_its_county(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        written = await add_address(db, merchant, replace(DRAFT, remark="后门"))
        assert written.place == replace(PLACE, division_code="330110")
        assert await find_address(db, merchant, written.address_id) == written
        with pytest.raises(Refusal, match=r"address_book\.unknown"):
            await find_address(db, await shopkeeper(db), written.address_id)


async def test_codes_alone_give_the_names(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        draft = replace(DRAFT, place=Place("", "", "", "示例路 1 号", "330106109"))
        written = await add_address(db, merchant, draft)
        assert (written.place.province, written.place.city, written.place.district) == ("浙江省", "杭州市", "西湖区")
        assert written.town.endswith(("街道", "镇"))
        assert written.place.division_code == "330106109"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"contact": " "}, "address_book.contact_missing"),
        ({"phone": ""}, "address_book.phone_missing"),
        ({"link_type": LinkType.LANDLINE}, "address_book.phone_missing"),
        ({"link_type": LinkType.BUSINESS_LINE, "fixed_phone": "\t"}, "address_book.phone_missing"),
        ({"place": replace(PLACE, detail="")}, "address_book.place_unknown"),
        ({"place": Place("", "", "", "示例路 1 号", "999999")}, "address_book.place_unknown"),
        ({"place": Place("", "", "", "示例路 1 号", "330000")}, "address_book.place_unknown"),
        ({"remark": "很" * 201}, "address_book.too_long"),
        ({"shop_id": "S9"}, "shop.unknown"),
        ({"store_id": "7"}, "store.unknown"),
    ],
)
async def test_what_nobody_could_ship_from_is_refused(
    fresh_database: FreshDatabase, changes: dict[str, object], code: str
) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        with pytest.raises(Refusal) as refused:
            await add_address(db, merchant, replace(DRAFT, **changes))  # type: ignore[arg-type]
        assert refused.value.code == code
        assert refused.value.zh
        assert (await addresses_of(db, merchant)).total == 0


async def test_a_merchant_that_does_not_exist_has_no_book(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        with pytest.raises(Refusal, match=r"merchant\.unknown"):
            await add_address(db, 5, replace(DRAFT, shop_id=""))


async def test_many_at_once_get_ids_of_their_own_and_one_default(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        merchant = await shopkeeper(db)
        written = await asyncio.gather(*(add_address(db, merchant, DRAFT) for _ in range(60)))
        assert len({one.address_id for one in written}) == 60
        assert all(0 < one.address_id < 2**53 for one in written)
        page = await addresses_of(db, merchant)
        assert (page.total, sum(row.ships_here for row in page.rows), sum(row.returns_here for row in page.rows)) == (
            60,
            1,
            1,
        )


async def test_an_id_that_is_taken_costs_another_try(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        coming = iter([11, 11, 11, 12])
        monkeypatch.setattr(address_book, "new_entry_id", lambda: next(coming))
        ids = [(await add_address(db, merchant, DRAFT)).address_id for _ in range(2)]
        assert ids == [11, 12]


async def test_each_shop_has_its_own_default_for_either_way(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=8) as db:
        merchant = await shopkeeper(db, "S1", "S2")
        first, second = [await add_address(db, merchant, DRAFT) for _ in range(2)]
        other = await add_address(db, merchant, replace(DRAFT, shop_id="S2"))
        await asyncio.gather(*(ship_from_here(db, merchant, one.address_id) for one in (first, second) * 4))
        await return_here(db, merchant, first.address_id)
        moved = await return_here(db, merchant, second.address_id)
        assert moved.returns_here
        rows = {row.address_id: row for row in (await addresses_of(db, merchant)).rows}
        assert not rows[first.address_id].returns_here
        assert rows[first.address_id].ships_here + rows[second.address_id].ships_here == 1
        assert rows[other.address_id].ships_here
        with pytest.raises(Refusal, match=r"address_book\.unknown"):
            await ship_from_here(db, merchant, 5)


async def test_pages_come_in_either_order_by_either_time_and_by_shop(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db, "S1", "S2")
        days = [MONDAY + timedelta(days=day) for day in range(5)]
        ids = [(await add_address(db, merchant, DRAFT, at=day)).address_id for day in days]
        await add_address(db, merchant, replace(DRAFT, shop_id="S2"), at=MONDAY)
        await ship_from_here(db, merchant, ids[1], at=MONDAY + timedelta(days=9))

        async def listed(sorting: Sorting, limit: int = 100, offset: int = 0) -> list[int]:
            found = await addresses_of(db, merchant, shop_id="S1", sorting=sorting, limit=limit, offset=offset)
            assert found.total == 5
            return [row.address_id for row in found.rows]

        assert await listed(Sorting.OLDEST_FIRST) == ids
        assert await listed(Sorting.NEWEST_FIRST) == ids[::-1]
        assert (await listed(Sorting.CHANGED_LAST))[0] == ids[1]
        assert (await listed(Sorting.CHANGED_FIRST))[-1] == ids[1]
        assert await listed(Sorting.OLDEST_FIRST, limit=2, offset=4) == ids[4:]
        assert (await addresses_of(db, merchant)).total == 6


def test_neither_contact_nor_phone_shows_in_a_repr() -> None:
    assert "19000000001" not in repr(DRAFT)
    assert "示例仓库" not in repr([DRAFT])


def test_entry_ids_are_below_two_to_the_53_and_in_the_order_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < new_entry_id() < 2**53
    monkeypatch.setattr("time.time_ns", lambda: int(datetime(2080, 1, 1, tzinfo=UTC).timestamp()) * 10**9)
    assert new_entry_id() < 2**53


@pytest.mark.parametrize(
    ("text", "read"), [("17", 17), ("0", None), ("-1", None), ("1.0", None), ("９", None), ("", None)]
)
def test_a_door_reads_ids_from_digits_only(text: str, read: int | None) -> None:
    assert read_entry_id(text) == read
