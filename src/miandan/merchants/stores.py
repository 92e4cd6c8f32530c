"""Verbs about stores (门店) as a platform lists them: written down in batches, changed, found, suspended."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec
from asyncpg import UniqueViolationError

from miandan.addresses import division_of
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.merchants import queries, store_queries
from miandan.merchants.model import MerchantId, Place, Store, StoreState, SuspendedBy, new_entry_id
from miandan.merchants.store_queries import StoreFilter

__all__ = [
    "StoreChange",
    "StoreDraft",
    "StoreFilter",
    "StorePage",
    "create_stores",
    "edit_store",
    "find_store",
    "resume_store",
    "set_store_state",
    "stores_like",
    "suspend_store",
]

MOST_ROWS = 100
LONGEST_NAME = 100
LONGEST_CODE = 64
LARGEST_HOURS = 4_000
"""Bytes of the opening hours as JSON."""
_COORDINATE = re.compile(r"-?\d{1,3}(\.\d{1,12})?")
_WEEKDAYS = frozenset("1234567")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class StoreDraft:
    """A store to be written down; `row_id` is the caller's name for the row."""

    row_id: str
    name: str
    store_code: str
    place: Place
    contact: str = field(default="", repr=False)
    hours: Mapping[str, Any] = field(default_factory=dict)
    longitude: str = ""
    latitude: str = ""
    shop_id: str = ""


@dataclass(frozen=True, slots=True)
class StoreChange:
    """What of a store becomes different; None stays. A place is given whole or level by level."""

    name: str | None = None
    store_code: str | None = None
    contact: str | None = field(default=None, repr=False)
    hours: Mapping[str, Any] | None = None
    longitude: str | None = None
    latitude: str | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class StorePage:
    """Rows of `total`."""

    rows: tuple[Store, ...]
    total: int


async def create_stores(
    db: Database, merchant_id: int, drafts: Sequence[StoreDraft], *, at: datetime | None = None
) -> tuple[Store | Refusal, ...]:
    """Write stores down, one answer per draft; ids are made here, as digits.

    Refusals: store.name_missing, store.code_missing, store.code_taken, store.place_incomplete, store.coordinates,
    store.hours, shop.unknown. Raises merchant.unknown.
    """
    opened_at = at or now()
    answers: dict[int, Store | Refusal] = {}
    async with db.transaction() as tx:
        if await queries.merchant(tx, merchant_id) is None:
            raise Refusal("merchant.unknown", merchant=str(merchant_id))
        shops = {shop.shop_id for shop in await queries.open_shops(tx, merchant_id)} | {""}
        # In the order of codes, so that two batches wait for each other instead of deadlocking.
        for place in sorted(range(len(drafts)), key=lambda row: drafts[row].store_code):
            answers[place] = await _create(tx, merchant_id, drafts[place], shops, opened_at)
    return tuple(answers[place] for place in range(len(drafts)))


async def _create(
    tx: Transaction, merchant_id: int, draft: StoreDraft, shops: set[str], at: datetime
) -> Store | Refusal:
    store = Store(
        merchant_id=MerchantId(merchant_id),
        store_id="",
        name=draft.name.strip(),
        place=_with_code(draft.place),
        opened_at=at,
        shop_id=draft.shop_id,
        store_code=draft.store_code.strip(),
        contact=draft.contact.strip(),
        hours=draft.hours,
        longitude=draft.longitude.strip(),
        latitude=draft.latitude.strip(),
        updated_at=at,
    )
    obstacle = _obstacle(store)
    if obstacle is not None:
        return obstacle
    if draft.shop_id not in shops:
        return Refusal("shop.unknown", shop=draft.shop_id)
    for _ in range(_TRIES):  # an id that is taken costs one more
        numbered = replace(store, store_id=str(new_entry_id()))
        if await store_queries.insert(tx, numbered):
            return numbered
        if await store_queries.code_stands(tx, merchant_id, store.store_code, but=""):
            break
    return Refusal("store.code_taken", code=store.store_code)


def _obstacle(store: Store) -> Refusal | None:
    if not 0 < len(store.name) <= LONGEST_NAME:
        return Refusal("store.name_missing", most=LONGEST_NAME)
    if not 0 < len(store.store_code) <= LONGEST_CODE:
        return Refusal("store.code_missing", most=LONGEST_CODE)
    if not (store.place.province and store.place.city and store.place.detail):
        return Refusal("store.place_incomplete")
    if not (_is_coordinate(store.longitude, 180) and _is_coordinate(store.latitude, 90)):
        return Refusal("store.coordinates")
    if not store.hours.keys() <= _WEEKDAYS or len(msgspec.json.encode(store.hours)) > LARGEST_HOURS:
        return Refusal("store.hours")
    return None


def _is_coordinate(text: str, most: int) -> bool:
    """Degrees as text; a store need not have any."""
    return not text or (_COORDINATE.fullmatch(text) is not None and abs(float(text)) <= most)


def _with_code(place: Place) -> Place:
    parts = Place(*(part.strip() for part in (place.province, place.city, place.district, place.detail)))
    return replace(parts, division_code=division_of(parts.province, parts.city, parts.district))


async def edit_store(
    db: Database, merchant_id: int, store_id: str, change: StoreChange, *, at: datetime | None = None
) -> Store:
    """Change a store; what the change leaves out stays. Raises store.unknown and what `create_stores` answers."""
    edited_at = at or now()
    try:
        async with db.transaction() as tx:
            before = await _open_for_update(tx, merchant_id, store_id)
            after = _changed(before, change)
            obstacle = _obstacle(after)
            if obstacle is not None:
                raise obstacle
            await store_queries.edit(tx, after, edited_at)
    except UniqueViolationError:
        raise Refusal("store.code_taken", code=change.store_code or "") from None
    return replace(after, updated_at=edited_at)


def _changed(store: Store, change: StoreChange) -> Store:
    given = {name: value for name in StoreChange.__match_args__ if (value := getattr(change, name)) is not None}
    levels = {name: given.pop(name) for name in ("province", "city", "district", "detail") if name in given}
    texts: dict[str, Any] = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
    place = _with_code(replace(store.place, **levels)) if levels else store.place
    return replace(store, place=place, **texts)


async def find_store(db: Reads, merchant_id: int, store_id: str) -> Store:
    """An open store. Raises store.unknown."""
    store = await store_queries.store(db, merchant_id, store_id)
    if store is None:
        raise Refusal("store.unknown", store=store_id)
    return store


async def stores_like(
    db: Reads, merchant_id: int, wanted: StoreFilter, *, limit: int = MOST_ROWS, offset: int = 0
) -> StorePage:
    """Open stores that pass the filter, oldest first; 100 rows at most."""
    rows, total = await store_queries.page(db, merchant_id, wanted, min(limit, MOST_ROWS), offset)
    return StorePage(rows, total)


async def suspend_store(
    db: Database, merchant_id: int, store_id: str, by: SuspendedBy, at: datetime | None = None
) -> None:
    """Nothing leaves from there for now. What the platform suspended, a merchant cannot. Raises store.unknown."""
    async with db.transaction() as tx:
        store = await _open_for_update(tx, merchant_id, store_id)
        if store.suspended_by is not SuspendedBy.PLATFORM:
            await store_queries.set_state(tx, store, store.state, by, at or now())


async def resume_store(
    db: Database, merchant_id: int, store_id: str, by: SuspendedBy, at: datetime | None = None
) -> None:
    """Open again. Raises store.unknown, store.suspended_by_platform for a merchant who did not suspend it."""
    async with db.transaction() as tx:
        store = await _open_for_update(tx, merchant_id, store_id)
        if store.suspended_by is SuspendedBy.PLATFORM and by is SuspendedBy.MERCHANT:
            raise Refusal("store.suspended_by_platform", store=store_id)
        await store_queries.set_state(tx, store, store.state, None, at or now())


async def set_store_state(
    db: Database, merchant_id: int, store_id: str, state: StoreState, at: datetime | None = None
) -> None:
    """How far the platform's checks of a store are. Raises store.unknown."""
    async with db.transaction() as tx:
        store = await _open_for_update(tx, merchant_id, store_id)
        await store_queries.set_state(tx, store, state, store.suspended_by, at or now())


async def _open_for_update(tx: Transaction, merchant_id: int, store_id: str) -> Store:
    store = await store_queries.store_for_update(tx, merchant_id, store_id)
    if store is None:
        raise Refusal("store.unknown", store=store_id)
    return store
