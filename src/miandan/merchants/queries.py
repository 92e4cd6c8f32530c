"""Every statement about merchants, shops and stores."""

from datetime import datetime

from asyncpg import Record

from miandan.kernel.database import Reads, Transaction
from miandan.merchants.model import Merchant, MerchantId, Place, Platform, Shop, Store, StoreState, SuspendedBy

_INSERT_MERCHANT = """
    INSERT INTO merchant (merchant_id, name, applicant, created_at)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
 RETURNING merchant_id
"""

_MERCHANT = "SELECT merchant_id, name, applicant, created_at FROM merchant WHERE merchant_id = $1"

_MERCHANTS = "SELECT merchant_id, name, applicant, created_at FROM merchant ORDER BY created_at, merchant_id"

# Two-part keys: nobody else locks by this first one.
_LOCK_NAME = "SELECT pg_advisory_xact_lock(1835364967, hashtext($1))"

_MERCHANTS_NAMED = """
    SELECT merchant_id, name, applicant, created_at FROM merchant WHERE name = $1 ORDER BY created_at, merchant_id
"""

# A shop that was closed may be opened again, then with the type it has now.
_OPEN_SHOP = """
    INSERT INTO shop (merchant_id, shop_id, name, platform, shop_type, opened_at)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (merchant_id, shop_id) DO UPDATE
       SET name = $3, platform = $4, shop_type = $5, opened_at = $6, closed_at = NULL
     WHERE shop.closed_at IS NOT NULL
 RETURNING shop_id
"""

_CLOSE_SHOP = """
    UPDATE shop
       SET closed_at = $3
     WHERE merchant_id = $1 AND shop_id = $2 AND closed_at IS NULL
 RETURNING shop_id
"""

_SHOPS = """
    SELECT merchant_id, shop_id, name, platform, shop_type, opened_at, closed_at
      FROM shop
     WHERE merchant_id = $1 AND closed_at IS NULL
     ORDER BY shop_id
"""

_ALL_SHOPS = """
    SELECT merchant_id, shop_id, name, platform, shop_type, opened_at, closed_at
      FROM shop
     WHERE closed_at IS NULL
     ORDER BY merchant_id, shop_id
"""

_SHOP = """
    SELECT merchant_id, shop_id, name, platform, shop_type, opened_at, closed_at
      FROM shop
     WHERE merchant_id = $1 AND shop_id = $2
"""

_MERCHANTS_OF_SHOP = """
    SELECT merchant_id
      FROM shop
     WHERE shop_id = $1 AND ($2::text IS NULL OR platform = $2) AND closed_at IS NULL
     LIMIT 2
"""

_CLOSE_STORE = """
    UPDATE store
       SET closed_at = $3
     WHERE merchant_id = $1 AND store_id = $2 AND closed_at IS NULL
 RETURNING store_id
"""

_STORES = """
    SELECT merchant_id, store_id, name, province, city, district, detail, division_code, opened_at, closed_at, shop_id,
           store_code, contact, hours, longitude, latitude, state, suspended_by, updated_at
      FROM store
     WHERE merchant_id = $1 AND closed_at IS NULL
     ORDER BY store_id
"""


async def insert_merchant(tx: Transaction, merchant: Merchant) -> bool:
    """Whether the id was free."""
    return (
        await tx.fetchval(
            _INSERT_MERCHANT, merchant.merchant_id, merchant.name, merchant.applicant, merchant.created_at
        )
        is not None
    )


async def merchant(tx: Transaction, merchant_id: int) -> Merchant | None:
    row = await tx.fetchrow(_MERCHANT, merchant_id)
    return None if row is None else Merchant(**row)


async def merchants(db: Reads) -> tuple[Merchant, ...]:
    """All of them, the oldest first."""
    return tuple(Merchant(**row) for row in await db.fetch(_MERCHANTS))


async def lock_name_for_update(tx: Transaction, name: str) -> None:
    """Whoever else registers this name waits until the transaction ends."""
    await tx.execute(_LOCK_NAME, name)


async def merchants_named(db: Reads, name: str) -> tuple[Merchant, ...]:
    return tuple(Merchant(**row) for row in await db.fetch(_MERCHANTS_NAMED, name))


async def open_shop(tx: Transaction, shop: Shop) -> bool:
    """Whether it is open now; False where it stood open already."""
    opened = await tx.fetchval(
        _OPEN_SHOP, shop.merchant_id, shop.shop_id, shop.name, shop.platform, shop.shop_type, shop.opened_at
    )
    return opened is not None


async def close_shop(tx: Transaction, merchant_id: int, shop_id: str, at: datetime) -> bool:
    return await tx.fetchval(_CLOSE_SHOP, merchant_id, shop_id, at) is not None


async def open_shops(tx: Transaction, merchant_id: int) -> tuple[Shop, ...]:
    return tuple(_shop(row) for row in await tx.fetch(_SHOPS, merchant_id))


async def all_open_shops(db: Reads) -> tuple[Shop, ...]:
    return tuple(_shop(row) for row in await db.fetch(_ALL_SHOPS))


async def shop(tx: Transaction, merchant_id: int, shop_id: str) -> Shop | None:
    row = await tx.fetchrow(_SHOP, merchant_id, shop_id)
    return None if row is None else _shop(row)


async def merchants_of_shop(tx: Transaction, shop_id: str, platform: Platform | None) -> list[MerchantId]:
    """At most two, since the second is enough to know that the id alone does not tell."""
    return [MerchantId(row["merchant_id"]) for row in await tx.fetch(_MERCHANTS_OF_SHOP, shop_id, platform)]


async def close_store(tx: Transaction, merchant_id: int, store_id: str, at: datetime) -> bool:
    return await tx.fetchval(_CLOSE_STORE, merchant_id, store_id, at) is not None


async def open_stores(tx: Transaction, merchant_id: int) -> tuple[Store, ...]:
    return tuple(read_store(row) for row in await tx.fetch(_STORES, merchant_id))


def _shop(row: Record) -> Shop:
    return Shop(**dict(row) | {"platform": Platform(row["platform"])})


def read_store(row: Record) -> Store:
    """A store out of a row with the columns of `_STORES`."""
    columns = dict(row)
    place = Place(**{name: columns.pop(name) for name in Place.__match_args__})
    suspended_by = columns.pop("suspended_by")
    return Store(
        **columns | {"place": place, "state": StoreState(columns["state"])},
        suspended_by=None if suspended_by is None else SuspendedBy(suspended_by),
    )
