"""Every statement about a merchant's address book."""

from datetime import datetime

from miandan.kernel.database import Reads, Record, Transaction
from miandan.merchants.address_book_model import BusinessAddress, LinkType, Sorting
from miandan.merchants.model import Place

_COLUMNS = """merchant_id, address_id, shop_id, store_id, link_type, contact, phone, fixed_phone, province, city,
           district, town, detail, division_code, remark, returns_here, ships_here, created_at, updated_at"""

# Whoever writes in the book holds its merchant, so that a shop has one default. Orders and accounts are not in the way.
_HOLD_BOOK = "SELECT merchant_id FROM merchant WHERE merchant_id = $1 FOR NO KEY UPDATE"

_INSERT = """
    INSERT INTO business_address (merchant_id, address_id, shop_id, store_id, link_type, contact, phone, fixed_phone,
                                  province, city, district, town, detail, division_code, remark, returns_here,
                                  ships_here, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
        ON CONFLICT (merchant_id, address_id) DO NOTHING
 RETURNING address_id
"""
_HAS_ANY = "SELECT 1 FROM business_address WHERE merchant_id = $1 AND shop_id = $2 LIMIT 1"
_ADDRESS = f"SELECT {_COLUMNS} FROM business_address WHERE merchant_id = $1 AND address_id = $2"

# In two steps: a unique index is checked row by row.
_NO_RETURNS = (
    "UPDATE business_address SET returns_here = false WHERE merchant_id = $1 AND shop_id = $2 AND returns_here"
)
_RETURNS = "UPDATE business_address SET returns_here = true, updated_at = $3 WHERE merchant_id = $1 AND address_id = $2"
_NO_SHIPS = "UPDATE business_address SET ships_here = false WHERE merchant_id = $1 AND shop_id = $2 AND ships_here"
_SHIPS = "UPDATE business_address SET ships_here = true, updated_at = $3 WHERE merchant_id = $1 AND address_id = $2"

_WANTED = """
      FROM business_address
     WHERE merchant_id = $1 AND ($2::text IS NULL OR shop_id = $2) AND ($3::text IS NULL OR store_id = $3)
"""
_COUNT = "SELECT count(*)" + _WANTED
_PAGES = {
    Sorting.OLDEST_FIRST: f"SELECT {_COLUMNS}{_WANTED} ORDER BY created_at, address_id LIMIT $4 OFFSET $5",
    Sorting.NEWEST_FIRST: f"SELECT {_COLUMNS}{_WANTED} ORDER BY created_at DESC, address_id DESC LIMIT $4 OFFSET $5",
    Sorting.CHANGED_FIRST: f"SELECT {_COLUMNS}{_WANTED} ORDER BY updated_at, address_id LIMIT $4 OFFSET $5",
    Sorting.CHANGED_LAST: f"SELECT {_COLUMNS}{_WANTED} ORDER BY updated_at DESC, address_id DESC LIMIT $4 OFFSET $5",
}


async def hold_book_for_update(tx: Transaction, merchant_id: int) -> bool:
    """Whether there is such a merchant."""
    return await tx.fetchval(_HOLD_BOOK, merchant_id) is not None


async def insert(tx: Transaction, address: BusinessAddress) -> bool:
    """False where the id is taken."""
    place = address.place
    inserted = await tx.fetchval(
        _INSERT,
        address.merchant_id,
        address.address_id,
        address.shop_id,
        address.store_id,
        address.link_type,
        address.contact,
        address.phone,
        address.fixed_phone,
        place.province,
        place.city,
        place.district,
        address.town,
        place.detail,
        place.division_code,
        address.remark,
        address.returns_here,
        address.ships_here,
        address.created_at,
    )
    return inserted is not None


async def has_any(tx: Transaction, merchant_id: int, shop_id: str) -> bool:
    return await tx.fetchval(_HAS_ANY, merchant_id, shop_id) is not None


async def address(db: Reads, merchant_id: int, address_id: int) -> BusinessAddress | None:
    row = await db.fetchrow(_ADDRESS, merchant_id, address_id)
    return None if row is None else _address(row)


async def let_return(tx: Transaction, address: BusinessAddress, at: datetime) -> None:
    await tx.execute(_NO_RETURNS, address.merchant_id, address.shop_id)
    await tx.execute(_RETURNS, address.merchant_id, address.address_id, at)


async def let_ship(tx: Transaction, address: BusinessAddress, at: datetime) -> None:
    await tx.execute(_NO_SHIPS, address.merchant_id, address.shop_id)
    await tx.execute(_SHIPS, address.merchant_id, address.address_id, at)


async def page(
    db: Reads, merchant_id: int, shop_id: str | None, store_id: str | None, sorting: Sorting, limit: int, offset: int
) -> tuple[tuple[BusinessAddress, ...], int]:
    rows = await db.fetch(_PAGES[sorting], merchant_id, shop_id, store_id, limit, offset)
    return tuple(_address(row) for row in rows), int(await db.fetchval(_COUNT, merchant_id, shop_id, store_id))


def _address(row: Record) -> BusinessAddress:
    columns = dict(row)
    place = Place(**{name: columns.pop(name) for name in Place.__match_args__})
    return BusinessAddress(**columns | {"place": place, "link_type": LinkType(columns["link_type"])})
