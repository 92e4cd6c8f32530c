"""Finds the account for a call that names none: for a merchant's own shop, and for a supplier's take for a seller's.

`AccountBook` keeps what it read for some seconds, since every take asks; the two functions read afresh. What is stale
here harms nothing: a lease is checked at once, and a share that was revoked gives no more numbers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from miandan.accounts import book_queries, queries
from miandan.accounts.choosing import Card, Chosen, Wish, must_be_lent
from miandan.accounts.model import Account
from miandan.accounts.supply import must_be_active
from miandan.kernel.database import Database, Reads
from miandan.kernel.errors import Refusal

FRESH_SECONDS = 5.0
"""As long as waybills.counter uses its cards."""
MOST_KEPT = 20_000
"""Entries of one kind that a process keeps; beyond that it begins anew."""

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class SharedShop:
    """A supplier's claim to take for a shop: it, the seller, the seller's shop ("" for a seller without one)."""

    supplier_id: int
    seller_id: int
    shop_id: str


async def account_of(db: Reads, merchant_id: int, wish: Wish) -> Chosen:
    """The merchant's account, own or lent to it, that a call means. Raises as `choosing.Card.choose`."""
    key = (merchant_id, wish.carrier)
    return (await book_queries.cards(db, [key]))[key].choose(wish)


async def account_for(db: Reads, caller_id: int, user_id: int, shop_id: str, wish: Wish) -> Chosen:
    """The account that a take for `shop_id` of `user_id` rides on: always one of the *using* merchant's.

    The caller's own shop: `account_of`. Another's: an account that the caller lent to it, while the supply relation
    with that shop is active. Raises supply.nothing_lent, supply.share_not_active, supply.no_relation, whichever is
    missing, and what `account_of` raises.
    """
    if caller_id == user_id:
        return await account_of(db, user_id, wish)
    key = (user_id, wish.carrier)
    card = (await book_queries.cards(db, [key]))[key]
    shop = SharedShop(caller_id, user_id, shop_id)
    return _shared_choice(card, shop, (await book_queries.ground(db, caller_id, user_id, shop_id)), wish)


def _shared_choice(card: Card, shop: SharedShop, ground: book_queries.Ground, wish: Wish) -> Chosen:
    lent = must_be_lent(card, shop.supplier_id, ground.grants)
    must_be_active(ground.relation, shop.shop_id)
    return lent.choose(wish)


async def lent_account(db: Reads, owner_id: int, user_id: int, account_id: UUID) -> Account:
    """The account behind a number that a supplier names, where it lent that account; also when it was revoked since.

    Enough to cancel such a number; what takes or changes one needs `account_for`. Raises supply.nothing_lent.
    """
    account = await queries.account(db, user_id, account_id)
    if account is None or account.owner_id != owner_id:
        raise Refusal("supply.nothing_lent", carrier="" if account is None else account.carrier)
    return account


class AccountBook:
    """The same answers for a process that takes all day, at most `FRESH_SECONDS` old. One per process."""

    def __init__(self, db: Database) -> None:
        self._cards: _Kept[tuple[int, str], Card] = _Kept(lambda keys: book_queries.cards(db, keys))
        self._grounds: _Kept[SharedShop, book_queries.Ground] = _Kept(lambda shops: _grounds(db, shops))

    async def account_of(self, merchant_id: int, wish: Wish) -> Chosen:
        return (await self._cards.get((merchant_id, wish.carrier))).choose(wish)

    async def account_for(self, caller_id: int, user_id: int, shop_id: str, wish: Wish) -> Chosen:
        if caller_id == user_id:
            return await self.account_of(user_id, wish)
        card = await self._cards.get((user_id, wish.carrier))
        shop = SharedShop(caller_id, user_id, shop_id)
        return _shared_choice(card, shop, await self._grounds.get(shop), wish)

    def forget(self) -> None:
        """Read everything afresh: after this process itself changed accounts, addresses, shares or relations."""
        self._cards.forget()
        self._grounds.forget()


async def _grounds(db: Reads, shops: list[SharedShop]) -> dict[SharedShop, book_queries.Ground]:
    return {shop: await book_queries.ground(db, shop.supplier_id, shop.seller_id, shop.shop_id) for shop in shops}


class _Kept(Generic[Key, Value]):
    """Values by key, each for some seconds. Whoever misses one at the same time is served by one reading."""

    def __init__(self, read: Callable[[list[Key]], Awaitable[dict[Key, Value]]]) -> None:
        self._read = read
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._missing: dict[Key, asyncio.Future[Value]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Value:
        loop = asyncio.get_running_loop()
        entry = self._kept.get(key)
        if entry is not None and loop.time() - entry[0] <= FRESH_SECONDS:
            return entry[1]
        future = self._missing.get(key)
        if future is None:
            future = self._missing[key] = loop.create_future()
            if self._reader is None:
                self._reader = asyncio.create_task(self._read_missing())
        return await asyncio.shield(future)

    def forget(self) -> None:
        self._kept.clear()

    async def _read_missing(self) -> None:
        """Until nobody waits: everything that is missing at this moment in one reading."""
        try:
            while self._missing:
                waiting, self._missing = self._missing, {}
                await self._serve(waiting)
        finally:
            self._reader = None

    async def _serve(self, waiting: dict[Key, asyncio.Future[Value]]) -> None:
        asked_at = asyncio.get_running_loop().time()
        try:
            values = await self._read(list(waiting))
        except Exception as error:  # whoever waits is told; the next one asks again
            for future in waiting.values():
                future.set_exception(error)
                future.exception()  # nobody may be waiting any more
            return
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()
        for key, future in waiting.items():
            self._kept[key] = asked_at, values[key]
            future.set_result(values[key])
