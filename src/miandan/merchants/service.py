"""Verbs about merchants, shops and stores. A merchant without any shop is as good as any other."""

from datetime import datetime

from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.merchants import queries, store_queries
from miandan.merchants.model import Merchant, MerchantId, Place, Platform, Shop, Store, new_merchant_id
from miandan.merchants.shop_types import shop_types


async def register_merchant(
    db: Database, name: str, applicant: str, merchant_id: int | None = None, at: datetime | None = None
) -> Merchant:
    """Write a legal subject down; its id is made here unless it is given.

    Raises merchant.applicant_unknown, merchant.exists.
    """
    if shop_types().applicant(applicant) is None:
        raise Refusal("merchant.applicant_unknown", applicant=applicant)
    fresh = new_merchant_id() if merchant_id is None else MerchantId(merchant_id)
    merchant = Merchant(fresh, name, applicant, at or now())
    async with db.transaction() as tx:
        if not await queries.insert_merchant(tx, merchant):
            raise Refusal("merchant.exists", merchant=str(fresh))
    return merchant


async def register_once(db: Database, name: str, applicant: str, at: datetime | None = None) -> tuple[Merchant, bool]:
    """`register_merchant` unless one of this name and kind is there; whether it is new. Two at once write one.

    A second merchant of one name is registered under an id that is given. Raises merchant.applicant_unknown.
    """
    if shop_types().applicant(applicant) is None:
        raise Refusal("merchant.applicant_unknown", applicant=applicant)
    fresh = Merchant(new_merchant_id(), name, applicant, at or now())
    async with db.transaction() as tx:
        await queries.lock_name_for_update(tx, name)
        for known in await queries.merchants_named(tx, name):
            if known.applicant == applicant:
                return known, False
        await queries.insert_merchant(tx, fresh)
    return fresh, True


async def all_merchants(db: Database) -> tuple[Merchant, ...]:
    """Every merchant of the installation, the oldest first."""
    return await queries.merchants(db)


async def find_merchant(db: Database, merchant_id: int) -> Merchant:
    """Raises merchant.unknown."""
    async with db.transaction() as tx:
        merchant = await queries.merchant(tx, merchant_id)
    if merchant is None:
        raise Refusal("merchant.unknown", merchant=str(merchant_id))
    return merchant


async def open_shop(
    db: Database,
    merchant_id: int,
    shop_id: str,
    name: str,
    platform: Platform,
    shop_type: str,
    at: datetime | None = None,
) -> Shop:
    """Open a shop of a type that stands open on that day to the merchant's kind of applicant.

    Raises merchant.unknown, shop.type_not_open, shop.applicant_does_not_fit, shop.exists.
    """
    shop = Shop(MerchantId(merchant_id), shop_id, name, platform, shop_type, at or now())
    async with db.transaction() as tx:
        merchant = await queries.merchant(tx, merchant_id)
        if merchant is None:
            raise Refusal("merchant.unknown", merchant=str(merchant_id))
        _check_type(merchant, shop)
        if not await queries.open_shop(tx, shop):
            raise Refusal("shop.exists", shop=shop_id)
    return shop


def _check_type(merchant: Merchant, shop: Shop) -> None:
    on = trade_day(shop.opened_at)
    wanted = shop_types().find(shop.shop_type, on)
    if wanted is None:
        raise Refusal("shop.type_not_open", shop_type=shop.shop_type, on=on.isoformat())
    if merchant.applicant not in wanted.applicants:
        applicant = shop_types().applicant(merchant.applicant)
        raise Refusal(
            "shop.applicant_does_not_fit",
            type_zh=wanted.zh,
            type_en=wanted.en,
            applicant_zh=applicant.zh if applicant else merchant.applicant,
            applicant_en=applicant.en if applicant else merchant.applicant,
        )


async def close_shop(db: Database, merchant_id: int, shop_id: str, at: datetime | None = None) -> None:
    """Close a shop; its waybills stay. Raises shop.unknown where none stands open."""
    async with db.transaction() as tx:
        if not await queries.close_shop(tx, merchant_id, shop_id, at or now()):
            raise Refusal("shop.unknown", shop=shop_id)


async def shops_of(db: Database, merchant_id: int) -> tuple[Shop, ...]:
    """The merchant's open shops; none is normal."""
    async with db.transaction() as tx:
        return await queries.open_shops(tx, merchant_id)


async def all_open_shops(db: Database) -> tuple[Shop, ...]:
    """Every merchant's open shops, for a single-merchant installation that need not be told which."""
    return await queries.all_open_shops(db)


async def find_shop(db: Database, merchant_id: int, shop_id: str) -> Shop:
    """A shop of the merchant, open or closed. Raises shop.unknown."""
    async with db.transaction() as tx:
        shop = await queries.shop(tx, merchant_id, shop_id)
    if shop is None:
        raise Refusal("shop.unknown", shop=shop_id)
    return shop


async def merchant_of_shop(db: Database, shop_id: str, platform: Platform | None = None) -> MerchantId:
    """Whose open shop it is. Two platforms may use one id, then the platform has to be named.

    Raises shop.unknown, shop.ambiguous.
    """
    async with db.transaction() as tx:
        merchants = await queries.merchants_of_shop(tx, shop_id, platform)
    if not merchants:
        raise Refusal("shop.unknown", shop=shop_id)
    if len(merchants) > 1:
        raise Refusal("shop.ambiguous", shop=shop_id)
    return merchants[0]


async def open_store(
    db: Database, merchant_id: int, store_id: str, name: str, place: Place, at: datetime | None = None
) -> Store:
    """Write down a place that parcels leave from. Raises merchant.unknown, store.exists."""
    at = at or now()
    store = Store(MerchantId(merchant_id), store_id, name, place, at, updated_at=at)
    async with db.transaction() as tx:
        if await queries.merchant(tx, merchant_id) is None:
            raise Refusal("merchant.unknown", merchant=str(merchant_id))
        if not await store_queries.insert(tx, store):
            raise Refusal("store.exists", store=store_id)
    return store


async def close_store(db: Database, merchant_id: int, store_id: str, at: datetime | None = None) -> None:
    """Raises store.unknown where none stands open."""
    async with db.transaction() as tx:
        if not await queries.close_store(tx, merchant_id, store_id, at or now()):
            raise Refusal("store.unknown", store=store_id)


async def stores_of(db: Database, merchant_id: int) -> tuple[Store, ...]:
    async with db.transaction() as tx:
        return await queries.open_stores(tx, merchant_id)
