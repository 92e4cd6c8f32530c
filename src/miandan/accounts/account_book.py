"""Finds the account for a call that names none: for a merchant's own shop, and for a supplier's take for a seller's.

`AccountBook` keeps what it read for some seconds, since every take asks; the two functions read afresh. What is stale
here harms nothing: a lease is checked at once, and a share that was revoked gives no more numbers.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from miandan.accounts import book_queries, queries
from miandan.accounts.choosing import Card, Chosen, Wish, must_be_lent
from miandan.accounts.model import Account
from miandan.accounts.supply_model import not_active
from miandan.kernel.database import Database, Reads
from miandan.kernel.errors import Refusal
from miandan.kernel.memory import Memory

FRESH_SECONDS = 5.0
"""As long as waybills.counter uses its cards."""
MOST_KEPT = 20_000
"""Entries of one kind that a process keeps; those read longest ago go first."""

CardKey = tuple[int, str]
"""Merchant and carrier."""


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
    refusal = not_active(ground.relation, shop.shop_id)
    if refusal is not None:
        raise refusal
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

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._cards: Memory[CardKey, Card] = Memory(MOST_KEPT, clock)
        self._grounds: Memory[SharedShop, book_queries.Ground] = Memory(MOST_KEPT, clock)
        self._wanted: dict[CardKey, asyncio.Future[Card]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def account_of(self, merchant_id: int, wish: Wish) -> Chosen:
        return (await self._cards.get((merchant_id, wish.carrier), self._read_card)).choose(wish)

    async def account_for(self, caller_id: int, user_id: int, shop_id: str, wish: Wish) -> Chosen:
        if caller_id == user_id:
            return await self.account_of(user_id, wish)
        card = await self._cards.get((user_id, wish.carrier), self._read_card)
        shop = SharedShop(caller_id, user_id, shop_id)
        return _shared_choice(card, shop, await self._grounds.get(shop, self._read_ground), wish)

    def forget(self) -> None:
        """Read everything afresh: after this process itself changed accounts, addresses, shares or relations."""
        self._cards.clear()
        self._grounds.clear()

    async def _read_ground(self, shop: SharedShop) -> tuple[book_queries.Ground, float]:
        ground = await book_queries.ground(self._db, shop.supplier_id, shop.seller_id, shop.shop_id)
        return ground, FRESH_SECONDS

    async def _read_card(self, key: CardKey) -> tuple[Card, float]:
        """In one reading with the others that are wanted by then."""
        future = self._wanted.get(key)
        if future is None:
            future = self._wanted[key] = asyncio.get_running_loop().create_future()
            if self._reader is None:
                self._reader = asyncio.create_task(self._read_wanted())
        return await future, FRESH_SECONDS

    async def _read_wanted(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                await self._serve(wanted)
        finally:
            self._reader = None

    async def _serve(self, wanted: Mapping[CardKey, asyncio.Future[Card]]) -> None:
        try:
            cards = await book_queries.cards(self._db, list(wanted))
        except Exception as error:  # whoever waits is told; the next one asks again
            for future in wanted.values():
                future.set_exception(error)
            return
        for key, future in wanted.items():
            future.set_result(cards[key])
