"""Invented recipients and a shelf of the tests' own, with the columns that a room's table has."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from hypothesis import strategies as st

from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.vault.keys import KEY_BYTES, MerchantKeys
from miandan.vault.model import Recipient, Sealed
from miandan.vault.root import FileRootKey
from miandan.vault.service import Vault
from miandan.vault.shelves import Shelf

SHELF = Shelf("test_shelf", ("order_ref",), "recipient_index")
OTHER_SHELF = Shelf("test_other_shelf", ("order_ref",))
SHELVES = (SHELF, OTHER_SHELF, Shelf("test_absent_shelf", ("order_ref",)))
MERCHANT = 42

_CREATE = """
    CREATE TABLE {table} (
        merchant_id bigint NOT NULL, order_ref text NOT NULL, taken_at timestamptz NOT NULL,
        recipient_token uuid NOT NULL, recipient_key bytea, recipient bytea NOT NULL, recipient_digest bytea NOT NULL,
        recipient_index bytea,
        PRIMARY KEY (merchant_id, order_ref)
    )
"""
_PUT = """
    INSERT INTO {table} (merchant_id, order_ref, taken_at, recipient_token, recipient_key, recipient,
                         recipient_digest, recipient_index)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


def someone(name: str = "欧阳建国", phone: str = "13912345678", **fields: str) -> Recipient:
    filled = {
        "province": "浙江省",
        "city": "杭州市",
        "district": "滨江区",
        "town": "长河街道",
        "detail": "虚构路1037号示例花园3幢2单元501室",
        "division_code": "330108",
        "buyer_remark": "到了打 139 1234 5678",
    }
    return Recipient(name, phone, **filled | fields)


def keys_in_memory(
    merchant_id: int = MERCHANT, seal: Mapping[int, bytes] | None = None, index: Mapping[int, bytes] | None = None
) -> MerchantKeys:
    """Keys without a database; the bytes are no secret."""
    return MerchantKeys(merchant_id, seal or {1: b"s" * KEY_BYTES}, index or {1: b"i" * KEY_BYTES})


def root_in_memory(byte: bytes = b"r", version: int = 1) -> FileRootKey:
    return FileRootKey({version: byte * KEY_BYTES})


async def vault_of(db: Database) -> Vault:
    return await Vault.open(db, root_in_memory())


async def make_shelves(db: Database) -> None:
    for shelf in (SHELF, OTHER_SHELF):
        await db.execute(_CREATE.format(table=shelf.table))


async def put(
    db: Database,
    order_ref: str,
    sealed: Sealed,
    *,
    merchant_id: int = MERCHANT,
    shelf: Shelf = SHELF,
    at: datetime | None = None,
) -> None:
    index = sealed.index if shelf.index else None
    await db.execute(_PUT.format(table=shelf.table), merchant_id, order_ref, at or now(), *sealed[:4], index)


async def stored(db: Database, order_ref: str, *, merchant_id: int = MERCHANT, shelf: Shelf = SHELF) -> Sealed:
    """The row as a room would read it."""
    token, key, body, digest = await db.fetchrow(
        f"SELECT recipient_token, recipient_key, recipient, recipient_digest FROM {shelf.table}"
        " WHERE merchant_id = $1 AND order_ref = $2",
        merchant_id,
        order_ref,
    )  # type: ignore[misc]  # a missing row fails the test right here
    return Sealed(token, key, body, digest, b"")


async def index_tokens(db: Database) -> set[UUID]:
    return {token for (token,) in await db.fetch("SELECT token FROM vault_index")}


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def recipients() -> st.SearchStrategy[Recipient]:
    """Any text whatever in any field."""
    return st.builds(Recipient, *(_TEXT for _ in range(11)))
