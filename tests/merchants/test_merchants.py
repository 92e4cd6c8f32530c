"""Merchants, shops of dated types, stores."""

import asyncio
from datetime import UTC, datetime

import pytest

from miandan.kernel.errors import Refusal
from miandan.merchants import service
from miandan.merchants.model import Place, Platform, new_merchant_id, read_merchant_id
from tests.conftest import FreshDatabase

BEFORE_THE_TRIAL = datetime(2023, 5, 1, tzinfo=UTC)
DURING_THE_TRIAL = datetime(2024, 5, 1, tzinfo=UTC)


async def test_a_merchant_without_any_shop_is_normal(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await service.register_merchant(db, "晨风仓储有限公司", "enterprise")
        assert await service.find_merchant(db, merchant.merchant_id) == merchant
        assert await service.shops_of(db, merchant.merchant_id) == ()


async def test_a_merchant_id_is_given_or_made_but_never_used_twice(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        given = await service.register_merchant(db, "甲", "individual_business", merchant_id=17)
        assert given.merchant_id == 17
        with pytest.raises(Refusal, match=r"merchant\.exists"):
            await service.register_merchant(db, "乙", "enterprise", merchant_id=17)
        with pytest.raises(Refusal, match=r"merchant\.applicant_unknown"):
            await service.register_merchant(db, "丙", "club")


async def test_one_name_registered_by_many_at_once_is_one_merchant(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        answers = await asyncio.gather(*(service.register_once(db, "晨风仓储", "enterprise") for _ in range(8)))
        assert len({merchant.merchant_id for merchant, _ in answers}) == 1
        assert sum(fresh for _, fresh in answers) == 1
        (other, fresh) = await service.register_once(db, "晨风仓储", "individual_business")
        assert fresh
        assert [one.merchant_id for one in await service.all_merchants(db)] == [
            answers[0][0].merchant_id,
            other.merchant_id,
        ]
        with pytest.raises(Refusal, match=r"merchant\.applicant_unknown"):
            await service.register_once(db, "晨风仓储", "club")


async def test_the_applicant_has_to_fit_the_shop_type(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        person = await service.register_merchant(db, "某人", "natural_person")
        with pytest.raises(Refusal) as refused:
            await service.open_shop(
                db, person.merchant_id, "s1", "旗舰", Platform.DOUDIAN, "flagship", DURING_THE_TRIAL
            )
        assert refused.value.code == "shop.applicant_does_not_fit"
        assert "自然人不能开旗舰店" in refused.value.zh
        shop = await service.open_shop(
            db, person.merchant_id, "s1", "小店", Platform.DOUDIAN, "personal", DURING_THE_TRIAL
        )
        assert await service.shops_of(db, person.merchant_id) == (shop,)


async def test_a_type_that_was_closed_on_that_day_cannot_be_opened(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        person = await service.register_merchant(db, "某人", "natural_person")
        with pytest.raises(Refusal, match=r"shop\.type_not_open"):
            await service.open_shop(
                db, person.merchant_id, "s1", "小店", Platform.DOUDIAN, "personal", BEFORE_THE_TRIAL
            )


async def test_a_shop_leads_to_its_merchant_and_needs_its_platform_when_the_id_is_shared(
    fresh_database: FreshDatabase,
) -> None:
    async with fresh_database() as db:
        ours = await service.register_merchant(db, "甲", "enterprise")
        theirs = await service.register_merchant(db, "乙", "enterprise")
        await service.open_shop(db, ours.merchant_id, "88", "甲店", Platform.DOUDIAN, "enterprise")
        assert await service.merchant_of_shop(db, "88") == ours.merchant_id
        await service.open_shop(db, theirs.merchant_id, "88", "乙店", Platform.JD, "enterprise")
        with pytest.raises(Refusal, match=r"shop\.ambiguous"):
            await service.merchant_of_shop(db, "88")
        assert await service.merchant_of_shop(db, "88", Platform.JD) == theirs.merchant_id
        with pytest.raises(Refusal, match=r"shop\.unknown"):
            await service.merchant_of_shop(db, "99")


async def test_a_closed_shop_may_open_again_with_another_type(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await service.register_merchant(db, "甲", "enterprise")
        opened = (db, merchant.merchant_id, "88", "甲店", Platform.OWN)
        await service.open_shop(*opened, "enterprise")
        with pytest.raises(Refusal, match=r"shop\.exists"):
            await service.open_shop(*opened, "flagship")
        await service.close_shop(db, merchant.merchant_id, "88")
        assert not (await service.find_shop(db, merchant.merchant_id, "88")).open
        await service.open_shop(*opened, "flagship")
        assert (await service.find_shop(db, merchant.merchant_id, "88")).shop_type == "flagship"


async def test_stores_are_places_that_open_and_close(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        merchant = await service.register_merchant(db, "甲", "enterprise")
        place = Place("浙江省", "杭州市", "余杭区", "示例路 1 号", "330110")
        store = await service.open_store(db, merchant.merchant_id, "m1", "余杭店", place)
        assert await service.stores_of(db, merchant.merchant_id) == (store,)
        with pytest.raises(Refusal, match=r"store\.exists"):
            await service.open_store(db, merchant.merchant_id, "m1", "余杭店", place)
        await service.close_store(db, merchant.merchant_id, "m1")
        assert await service.stores_of(db, merchant.merchant_id) == ()


def test_made_ids_are_positive_63_bit_numbers_in_the_order_of_time() -> None:
    made = [new_merchant_id() for _ in range(1000)]
    assert all(0 < one < 2**63 for one in made)
    assert len(set(made)) > 990
    assert [one >> 21 for one in made] == sorted(one >> 21 for one in made)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "１２", "9223372036854775808", "12345678901234567890", " 1"])
def test_what_is_not_an_id_is_refused_at_the_door(text: str) -> None:
    with pytest.raises(Refusal, match=r"merchant\.id_malformed"):
        read_merchant_id(text)


def test_the_largest_id_passes_the_door() -> None:
    assert read_merchant_id("9223372036854775807") == 2**63 - 1
