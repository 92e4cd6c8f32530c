"""Every statement about what a platform shows of stores; opening and closing one as a place: queries.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from miandan.kernel.database import Reads, Transaction
from miandan.merchants.model import Store, StoreState, SuspendedBy
from miandan.merchants.queries import read_store

_COLUMNS = """merchant_id, store_id, name, province, city, district, detail, division_code, opened_at, closed_at,
           shop_id, store_code, contact, hours, longitude, latitude, state, suspended_by, updated_at"""

_INSERT = """
    INSERT INTO store (merchant_id, store_id, name, province, city, district, detail, division_code, opened_at, shop_id,
                       store_code, contact, hours, longitude, latitude, state, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $9)
        ON CONFLICT DO NOTHING
 RETURNING store_id
"""

_STORE = f"SELECT {_COLUMNS} FROM store WHERE merchant_id = $1 AND store_id = $2 AND closed_at IS NULL"
_STORE_FOR_UPDATE = _STORE + " FOR UPDATE"

_CODE_STANDS = """
    SELECT 1 FROM store WHERE merchant_id = $1 AND store_code = $2 AND store_id <> $3 AND closed_at IS NULL
"""

_EDIT = """
    UPDATE store
       SET name = $3, province = $4, city = $5, district = $6, detail = $7, division_code = $8, store_code = $9,
           contact = $10, hours = $11, longitude = $12, latitude = $13, updated_at = $14
     WHERE merchant_id = $1 AND store_id = $2
"""
_SET_STATE = """
    UPDATE store SET state = $3, suspended_by = $4, updated_at = $5 WHERE merchant_id = $1 AND store_id = $2
"""

_WANTED = """
      FROM store
     WHERE merchant_id = $1 AND closed_at IS NULL
       AND ($2::text[] IS NULL OR store_id = ANY($2)) AND ($3::text[] IS NULL OR name = ANY($3))
       AND ($4::text[] IS NULL OR store_code = ANY($4)) AND ($5::text IS NULL OR state = $5)
       AND ($6::text IS NULL OR province = $6) AND ($7::text IS NULL OR city = $7)
       AND ($8::text IS NULL OR district = $8) AND ($9::text IS NULL OR position($9 IN name) > 0)
       AND ($10::text IS NULL OR position($10 IN store_code) > 0)
       AND ($11::text IS NULL OR shop_id IN ('', $11))
"""
_PAGE = f"SELECT {_COLUMNS}" + _WANTED + " ORDER BY opened_at, store_id LIMIT $12 OFFSET $13"
_COUNT = "SELECT count(*)" + _WANTED


@dataclass(frozen=True, slots=True)
class StoreFilter:
    """Which stores; what is left out does not filter, and an empty list finds nothing. `shop_id`: those that belong to
    this shop or to none."""

    store_ids: Sequence[str] | None = None
    names: Sequence[str] | None = None
    store_codes: Sequence[str] | None = None
    state: StoreState | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    name_part: str | None = None
    code_part: str | None = None
    shop_id: str | None = None


async def insert(tx: Transaction, store: Store) -> bool:
    """False where its id or its code is taken."""
    place = store.place
    inserted = await tx.fetchval(
        _INSERT,
        store.merchant_id,
        store.store_id,
        store.name,
        place.province,
        place.city,
        place.district,
        place.detail,
        place.division_code,
        store.opened_at,
        store.shop_id,
        store.store_code,
        store.contact,
        dict(store.hours),
        store.longitude,
        store.latitude,
        store.state,
    )
    return inserted is not None


async def store(db: Reads, merchant_id: int, store_id: str) -> Store | None:
    row = await db.fetchrow(_STORE, merchant_id, store_id)
    return None if row is None else read_store(row)


async def store_for_update(tx: Transaction, merchant_id: int, store_id: str) -> Store | None:
    row = await tx.fetchrow(_STORE_FOR_UPDATE, merchant_id, store_id)
    return None if row is None else read_store(row)


async def code_stands(tx: Transaction, merchant_id: int, store_code: str, but: str) -> bool:
    """Whether an open store other than `but` has this code."""
    return await tx.fetchval(_CODE_STANDS, merchant_id, store_code, but) is not None


async def edit(tx: Transaction, store: Store, at: datetime) -> None:
    place = store.place
    await tx.execute(
        _EDIT,
        store.merchant_id,
        store.store_id,
        store.name,
        place.province,
        place.city,
        place.district,
        place.detail,
        place.division_code,
        store.store_code,
        store.contact,
        dict(store.hours),
        store.longitude,
        store.latitude,
        at,
    )


async def set_state(
    tx: Transaction, store: Store, state: StoreState, suspended_by: SuspendedBy | None, at: datetime
) -> None:
    await tx.execute(_SET_STATE, store.merchant_id, store.store_id, state, suspended_by, at)


async def page(
    db: Reads, merchant_id: int, wanted: StoreFilter, limit: int, offset: int
) -> tuple[tuple[Store, ...], int]:
    """Open stores, oldest first, and how many there are in all."""
    filters = (
        wanted.store_ids,
        wanted.names,
        wanted.store_codes,
        wanted.state,
        wanted.province,
        wanted.city,
        wanted.district,
        wanted.name_part,
        wanted.code_part,
        wanted.shop_id,
    )
    rows = await db.fetch(_PAGE, merchant_id, *filters, limit, offset)
    return tuple(read_store(row) for row in rows), int(await db.fetchval(_COUNT, merchant_id, *filters))
