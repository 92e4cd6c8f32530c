"""Whom and what an operator means: merchants and accounts by what was typed, entries by their key."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from miandan.accounts import overview
from miandan.accounts.model import Account
from miandan.branches import loaded
from miandan.cli import typed
from miandan.cli.session import shown
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.merchants import service as merchants

_T = TypeVar("_T")


async def merchant(db: Database, text: str) -> int:
    """Raises merchant.id_malformed, merchant.unknown."""
    return (await merchants.find_merchant(db, typed.merchant(text))).merchant_id


async def merchant_or_all(db: Database, text: str | None) -> int | None:
    """The same for a list, which is of every merchant where none was typed."""
    return None if text is None else await merchant(db, text)


async def account(db: Database, text: str) -> Account:
    """Raises account.unknown."""
    return await overview.find_account(db, typed.own_id(text, Refusal("account.unknown", account=shown(text))))


async def booked(
    db: Database, carrier: str, entry: UUID, key: str, book: Callable[[], Awaitable[_T]]
) -> tuple[_T, bool]:
    """What `book` answers of an entry of this id, and whether it was booked before. Refusals call it by the key that
    was typed."""
    before = await loaded.is_booked(db, carrier, entry)
    try:
        return await book(), before
    except Refusal as refusal:
        raise typed.by_key(refusal, key) from None
