"""Stores as a platform lists them: batches that fail row by row, changes, filters, suspensions."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.merchants import service, stores
from miandan.merchants.model import Place, Platform, Store, StoreState, SuspendedBy
from miandan.merchants.stores import StoreChange, StoreDraft, StoreFilter, create_stores, edit_store, find_store
from miandan.merchants.stores import stores_like as listed
from tests.conftest import FreshDatabase

PLACE = Place("浙江省", "杭州市", "余杭区", "示例路 1 号")
HOURS = {"1": "09:00-21:00", "7": [{"start_time": "10:00", "end_time": "18:00"}]}
DRAFT = StoreDraft("1", "余杭店", "YH01", PLACE, "057100000001", HOURS, "120.153576", "30.287459", "S1")


async def shopkeeper(db: Database) -> int:
    merchant = (await service.register_merchant(db, "示例商家", "enterprise")).merchant_id
    await service.open_shop(db, merchant, "S1", "示例店", Platform.DOUDIAN, "enterprise")
    return merchant


async def created(db: Database, merchant: int, **changes: Any) -> Store:
    (store,) = await create_stores(db, merchant, [replace(DRAFT, **changes)])
    assert isinstance(store, Store), store
    return store


async def test_a_store_is_kept_as_it_was_given_with_an_id_of_digits(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        store = await created(db, merchant)
        assert await find_store(db, merchant, store.store_id) == store
        assert store.store_id.isdigit()
        assert (store.hours, store.shop_id, store.state) == (HOURS, "S1", StoreState.OPEN)
        assert store.place.division_code == "330110"
        assert await service.stores_of(db, merchant) == (store,)
        assert "057100000001" not in repr(store)
        with pytest.raises(Refusal, match=r"store\.unknown"):
            await find_store(db, await shopkeeper(db), store.store_id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "store.name_missing"),
        ({"name": "名" * 101}, "store.name_missing"),
        ({"store_code": ""}, "store.code_missing"),
        ({"place": replace(PLACE, detail=" ")}, "store.place_incomplete"),
        ({"longitude": "181"}, "store.coordinates"),
        ({"latitude": "-90.5"}, "store.coordinates"),
        ({"latitude": "NaN"}, "store.coordinates"),
        ({"hours": {"8": "09:00-21:00"}}, "store.hours"),
        ({"hours": {"1": "x" * 5000}}, "store.hours"),
        ({"shop_id": "S2"}, "shop.unknown"),
    ],
)
async def test_one_bad_row_stops_no_other(fresh_database: FreshDatabase, changes: dict[str, Any], code: str) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        rows = [replace(DRAFT, store_code="A"), replace(DRAFT, **changes), replace(DRAFT, store_code="B")]
        first, bad, last = await create_stores(db, merchant, rows)
        assert isinstance(bad, Refusal)
        assert bad.code == code
        assert bad.zh
        assert isinstance(first, Store)
        assert isinstance(last, Store)
        assert (await listed(db, merchant, StoreFilter())).rows == (first, last) or first.opened_at == last.opened_at


async def test_a_code_names_one_open_store(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        first, twice = await create_stores(db, merchant, [DRAFT, DRAFT])
        assert isinstance(first, Store)
        assert isinstance(twice, Refusal)
        assert twice.code == "store.code_taken"
        assert (await created(db, await shopkeeper(db))).store_code == DRAFT.store_code
        await service.close_store(db, merchant, first.store_id)
        assert (await created(db, merchant)).store_id != first.store_id


async def test_two_batches_at_once_share_the_codes_between_them(fresh_database: FreshDatabase) -> None:
    async with fresh_database(pool_size=6) as db:
        merchant = await shopkeeper(db)
        rows = [replace(DRAFT, store_code=f"C{number}") for number in range(12)]
        answers = await asyncio.gather(*(create_stores(db, merchant, rows if i % 2 else rows[::-1]) for i in range(4)))
        assert sum(isinstance(one, Store) for answer in answers for one in answer) == 12
        assert (await listed(db, merchant, StoreFilter())).total == 12


async def test_a_change_leaves_out_what_stays(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        store = await created(db, merchant)
        other = await created(db, merchant, store_code="YH02")
        edited = await edit_store(
            db, merchant, store.store_id, StoreChange(name="新店", city="宁波市", district="海曙区")
        )
        assert await find_store(db, merchant, store.store_id) == edited
        assert (edited.name, edited.hours, edited.contact) == ("新店", HOURS, store.contact)
        assert (edited.place.detail, edited.place.division_code) == (PLACE.detail, "330203")
        with pytest.raises(Refusal, match=r"store\.code_taken"):
            await edit_store(db, merchant, other.store_id, StoreChange(store_code="YH01"))
        with pytest.raises(Refusal, match=r"store\.hours"):
            await edit_store(db, merchant, other.store_id, StoreChange(hours={"x": ""}))
        with pytest.raises(Refusal, match=r"store\.unknown"):
            await edit_store(db, merchant, "7", StoreChange(name="x"))
        assert await find_store(db, merchant, other.store_id) == other


async def test_lists_are_filtered_and_paged(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        ids = [(await created(db, merchant, name=f"店{i}", store_code=f"C{i}%")).store_id for i in range(5)]
        await stores.set_store_state(db, merchant, ids[0], StoreState.CHECKING_PAPERS)

        async def found(wanted: StoreFilter, **page: int) -> list[str]:
            return [store.store_id for store in (await listed(db, merchant, wanted, **page)).rows]

        assert await found(StoreFilter()) == ids
        assert await found(StoreFilter(), limit=2, offset=3) == ids[3:]
        assert await found(StoreFilter(store_ids=[ids[2], "9"])) == [ids[2]]
        assert await found(StoreFilter(store_ids=[])) == []
        assert await found(StoreFilter(names=["店1"], store_codes=["C1%"])) == [ids[1]]
        assert await found(StoreFilter(names=["店1"], store_codes=["C2%"])) == []
        assert await found(StoreFilter(state=StoreState.CHECKING_PAPERS)) == [ids[0]]
        assert await found(StoreFilter(province="浙江省", city="杭州市", district="余杭区")) == ids
        assert await found(StoreFilter(city="宁波市")) == []
        assert await found(StoreFilter(code_part="3%")) == [ids[3]]
        assert await found(StoreFilter(name_part="店_")) == []


async def test_only_the_platform_resumes_what_it_suspended(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await shopkeeper(db)
        store = await created(db, merchant)

        async def suspended() -> SuspendedBy | None:
            return (await find_store(db, merchant, store.store_id)).suspended_by

        await stores.suspend_store(db, merchant, store.store_id, SuspendedBy.MERCHANT)
        assert await suspended() is SuspendedBy.MERCHANT
        await stores.resume_store(db, merchant, store.store_id, SuspendedBy.MERCHANT)
        assert await suspended() is None
        await stores.suspend_store(db, merchant, store.store_id, SuspendedBy.PLATFORM)
        await stores.suspend_store(db, merchant, store.store_id, SuspendedBy.MERCHANT)
        with pytest.raises(Refusal, match=r"store\.suspended_by_platform"):
            await stores.resume_store(db, merchant, store.store_id, SuspendedBy.MERCHANT)
        assert await suspended() is SuspendedBy.PLATFORM
        await stores.resume_store(db, merchant, store.store_id, SuspendedBy.PLATFORM)
        assert await suspended() is None
