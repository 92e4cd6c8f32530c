"""Verbs about a merchant's address book (地址库). The first address of a shop becomes its default for both ways."""

from dataclasses import replace
from datetime import datetime

from miandan.addresses import division_of
from miandan.addresses.areas import names_of
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.merchants import address_queries, queries, store_queries
from miandan.merchants.address_book_model import AddressDraft, AddressPage, BusinessAddress, LinkType, Sorting
from miandan.merchants.model import Place, new_entry_id

MOST_ROWS = 100
LONGEST = 200
"""Characters of a contact, a phone, a detail, a remark."""
_TRIES = 20


async def add_address(
    db: Database, merchant_id: int, draft: AddressDraft, *, at: datetime | None = None
) -> BusinessAddress:
    """Write an address down; its id is a number below 2^53.

    Raises merchant.unknown, shop.unknown, store.unknown, address_book.contact_missing, address_book.phone_missing,
    address_book.place_unknown, address_book.too_long.
    """
    place, town = _check(draft)
    async with db.transaction() as tx:
        if not await address_queries.hold_book_for_update(tx, merchant_id):
            raise Refusal("merchant.unknown", merchant=str(merchant_id))
        await _check_where(tx, merchant_id, draft)
        first = not await address_queries.has_any(tx, merchant_id, draft.shop_id)
        written_at = at or now()
        address = BusinessAddress(
            merchant_id,
            new_entry_id(),
            draft.shop_id,
            draft.store_id,
            draft.link_type,
            draft.contact.strip(),
            draft.phone.strip(),
            draft.fixed_phone.strip(),
            place,
            town,
            draft.remark.strip(),
            first,
            first,
            written_at,
            written_at,
        )
        return await _insert(tx, address)


async def _insert(tx: Transaction, address: BusinessAddress) -> BusinessAddress:
    for _ in range(_TRIES):
        if await address_queries.insert(tx, address):
            return address
        address = replace(address, address_id=new_entry_id())
    raise RuntimeError("ids of addresses do not come free; the clock stands still")


def _check(draft: AddressDraft) -> tuple[Place, str]:
    """The place with full names and code, and the town."""
    if not draft.contact.strip():
        raise Refusal("address_book.contact_missing")
    if not (draft.phone if draft.link_type is LinkType.MOBILE else draft.fixed_phone).strip():
        raise Refusal("address_book.phone_missing", link_type=draft.link_type.value)
    if max(map(len, (draft.contact, draft.phone, draft.fixed_phone, draft.place.detail, draft.remark))) > LONGEST:
        raise Refusal("address_book.too_long", most=LONGEST)
    place, town = _named(draft.place, draft.town.strip())
    if not (place.province and place.city and place.detail.strip()):
        raise Refusal("address_book.place_unknown")
    return place, town


def _named(place: Place, town: str) -> tuple[Place, str]:
    if not place.division_code:
        return replace(place, division_code=division_of(place.province, place.city, place.district)), town
    names = names_of(place.division_code)
    if names is None:
        raise Refusal("address_book.place_unknown")
    given = (place.province or names.province, place.city or names.city, place.district or names.district)
    return Place(*given, place.detail, place.division_code), town or names.town


async def _check_where(tx: Transaction, merchant_id: int, draft: AddressDraft) -> None:
    if draft.shop_id and await queries.shop(tx, merchant_id, draft.shop_id) is None:
        raise Refusal("shop.unknown", shop=draft.shop_id)
    if draft.store_id and await store_queries.store(tx, merchant_id, draft.store_id) is None:
        raise Refusal("store.unknown", store=draft.store_id)


async def find_address(db: Reads, merchant_id: int, address_id: int) -> BusinessAddress:
    """Raises address_book.unknown."""
    address = await address_queries.address(db, merchant_id, address_id)
    if address is None:
        raise Refusal("address_book.unknown", address=str(address_id))
    return address


async def addresses_of(
    db: Reads,
    merchant_id: int,
    *,
    shop_id: str | None = None,
    store_id: str | None = None,
    sorting: Sorting = Sorting.NEWEST_FIRST,
    limit: int = MOST_ROWS,
    offset: int = 0,
) -> AddressPage:
    """The book, of one shop or store or whole; 100 rows at most."""
    rows, total = await address_queries.page(db, merchant_id, shop_id, store_id, sorting, min(limit, MOST_ROWS), offset)
    return AddressPage(rows, total)


async def return_here(db: Database, merchant_id: int, address_id: int, at: datetime | None = None) -> BusinessAddress:
    """Make it the shop's default for what comes back. Raises address_book.unknown."""
    async with db.transaction() as tx:
        await address_queries.hold_book_for_update(tx, merchant_id)
        await address_queries.let_return(tx, await find_address(tx, merchant_id, address_id), at or now())
        return await find_address(tx, merchant_id, address_id)


async def ship_from_here(
    db: Database, merchant_id: int, address_id: int, at: datetime | None = None
) -> BusinessAddress:
    """Make it the shop's default for what leaves. Raises address_book.unknown."""
    async with db.transaction() as tx:
        await address_queries.hold_book_for_update(tx, merchant_id)
        await address_queries.let_ship(tx, await find_address(tx, merchant_id, address_id), at or now())
        return await find_address(tx, merchant_id, address_id)
