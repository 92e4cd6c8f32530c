"""Every statement about the vault's own tables: root, merchants' keys, search indexes, budgets, texts of apps."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from miandan.kernel.database import Reads, Transaction
from miandan.vault.model import Found, IndexEntry, Sealed

_INSERT_ROOT = """
    INSERT INTO vault_root (version, proof, created_at)
    VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
"""
_ROOT_PROOFS = "SELECT version, proof FROM vault_root ORDER BY version"

_KEYS = """
    SELECT purpose, version, wrapped, root_version
      FROM vault_key
     WHERE merchant_id = $1
"""
_INSERT_KEY = """
    INSERT INTO vault_key (merchant_id, purpose, version, wrapped, root_version, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
"""
_MERCHANTS = "SELECT DISTINCT merchant_id FROM vault_key ORDER BY merchant_id"

_INSERT_INDEX = """
    INSERT INTO vault_index (merchant_id, kind, version, value, token, bound_to)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::bytea[], $5::uuid[], $6::text[])
        ON CONFLICT DO NOTHING
"""
_FIND = """
    SELECT DISTINCT entry.token, entry.bound_to
      FROM vault_index AS entry
      JOIN unnest($3::integer[], $4::bytea[]) AS wanted (version, value) USING (version, value)
     WHERE entry.merchant_id = $1 AND entry.kind = $2
       AND ($6::uuid IS NULL OR (entry.token, entry.bound_to) > ($6, $7::text))
     ORDER BY entry.token, entry.bound_to
     LIMIT $5
"""
_DELETE_INDEX = """
    DELETE FROM vault_index
     WHERE merchant_id = $1 AND token = ANY($2::uuid[])
 RETURNING token
"""
# A day without a row of its own goes on with the limit of the latest day that has one.
_SPEND = """
    INSERT INTO reveal_budget (app, day, used, daily_limit)
    VALUES ($1, $2, $3, (SELECT daily_limit FROM reveal_budget WHERE app = $1 AND day < $2 ORDER BY day DESC LIMIT 1))
        ON CONFLICT (app, day) DO UPDATE SET used = reveal_budget.used + excluded.used
 RETURNING used, daily_limit
"""
_LIMIT = "SELECT daily_limit FROM reveal_budget WHERE app = $1 AND day <= $2 ORDER BY day DESC LIMIT 1"
_SET_LIMIT = """
    INSERT INTO reveal_budget (app, day, used, daily_limit)
    VALUES ($1, $2, 0, $3)
        ON CONFLICT (app, day) DO UPDATE SET daily_limit = excluded.daily_limit
"""

_INSERT_TEXTS = """
    INSERT INTO issued_text (merchant_id, shop_id, app, made_at, auth_id, recipient_token, recipient_key, recipient,
                             recipient_digest, recipient_index)
    SELECT $1, $2, $3, $4, *
      FROM unnest($5::text[], $6::uuid[], $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[])
"""
_DECRYPTED_SINCE = """
    SELECT token, field
      FROM decrypted_text
     WHERE merchant_id = $1 AND app = $2 AND token = ANY($3::uuid[]) AND decrypted_at > $4
"""
_KEEP_DECRYPTED = """
    INSERT INTO decrypted_text (merchant_id, app, decrypted_at, token, field)
    SELECT $1, $2, $3, * FROM unnest($4::uuid[], $5::text[])
        ON CONFLICT (merchant_id, app, token, field) DO UPDATE SET decrypted_at = excluded.decrypted_at
"""


class WrappedKey(NamedTuple):
    """A merchant's key as it lies in its row."""

    purpose: str
    version: int
    wrapped: bytes
    root_version: int


class IndexRow(NamedTuple):
    """One row of `vault_index`."""

    merchant_id: int
    entry: IndexEntry
    token: UUID
    bound_to: str


async def insert_root(tx: Transaction, version: int, proof: bytes, at: datetime) -> None:
    await tx.execute(_INSERT_ROOT, version, proof, at)


async def root_proofs(db: Reads) -> dict[int, bytes]:
    return dict(await db.fetch(_ROOT_PROOFS))


async def wrapped_keys(db: Reads, merchant_id: int) -> list[WrappedKey]:
    return [WrappedKey(*row) for row in await db.fetch(_KEYS, merchant_id)]


async def insert_key(tx: Transaction, merchant_id: int, key: WrappedKey, at: datetime) -> None:
    """Does nothing when the version exists: who came first has won."""
    await tx.execute(_INSERT_KEY, merchant_id, key.purpose, key.version, key.wrapped, key.root_version, at)


async def merchants_with_keys(db: Reads) -> list[int]:
    return [merchant_id for (merchant_id,) in await db.fetch(_MERCHANTS)]


async def insert_index(tx: Transaction, rows: Iterable[IndexRow]) -> None:
    """Add index rows; those that stand already are left."""
    flat = [(m, entry.kind.value, entry.version, entry.value, token, bound) for m, entry, token, bound in rows]
    if flat:
        await tx.execute(_INSERT_INDEX, *(list(column) for column in zip(*flat, strict=True)))


async def find(
    db: Reads, merchant_id: int, entries: Sequence[IndexEntry], limit: int, after: Found | None = None
) -> list[Found]:
    """Candidates of a search, in order, from behind `after` on; a truncated index may name some who are not meant."""
    versions, values = [entry.version for entry in entries], [entry.value for entry in entries]
    rows = await db.fetch(_FIND, merchant_id, entries[0].kind.value, versions, values, limit, *(after or (None, None)))
    return [Found(*row) for row in rows]


async def delete_index(tx: Transaction, merchant_id: int, tokens: Sequence[UUID]) -> int:
    return len(await tx.fetch(_DELETE_INDEX, merchant_id, tokens))


async def spend_for_update(tx: Transaction, app: str, day: date, count: int) -> tuple[int, int | None]:
    """Used on that day with `count` added, and the limit if there is one. The row stays locked."""
    used, limit = await tx.fetchrow(_SPEND, app, day, count)  # type: ignore[misc]  # the upsert always answers
    return used, limit


async def limit_on(db: Reads, app: str, day: date) -> int | None:
    """The limit that holds on that day."""
    limit: int | None = await db.fetchval(_LIMIT, app, day)
    return limit


async def set_limit(tx: Transaction, app: str, day: date, limit: int | None) -> None:
    await tx.execute(_SET_LIMIT, app, day, limit)


async def insert_texts(
    tx: Transaction, merchant_id: int, shop: str, app: str, at: datetime, rows: Sequence[tuple[str, Sealed]]
) -> None:
    """Keep texts that were handed in to be encrypted, as (auth_id, sealed)."""
    columns = zip(*((auth_id, *sealed) for auth_id, sealed in rows), strict=True)
    await tx.execute(_INSERT_TEXTS, merchant_id, shop, app, at, *(list(column) for column in columns))


async def decrypted_since(
    db: Reads, merchant_id: int, app: str, tokens: Collection[UUID], since: datetime
) -> set[tuple[UUID, str]]:
    """(token, field) of what the app has decrypted and was charged for after the moment."""
    rows = await db.fetch(_DECRYPTED_SINCE, merchant_id, app, list(tokens), since)
    return {(token, field) for token, field in rows}


async def keep_decrypted(
    tx: Transaction, merchant_id: int, app: str, at: datetime, texts: Sequence[tuple[UUID, str]]
) -> None:
    """Remember (token, field) as charged for at the moment."""
    await tx.execute(_KEEP_DECRYPTED, merchant_id, app, at, [token for token, _ in texts], [text for _, text in texts])
