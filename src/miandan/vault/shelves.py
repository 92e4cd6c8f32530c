"""Where sealed recipients lie: tables of the rooms above, which the vault knows as data (`retention.toml`) only.

Every statement that touches such a table stands here. Names come from our own data file and are checked, never from
a request.
"""

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, NamedTuple
from uuid import UUID

from miandan.kernel.database import Reads, Transaction
from miandan.vault.model import Sealed

_NAME = re.compile(r"[a-z][a-z_]*")

_EXISTING = "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
_FIND = """
    SELECT {bound_to}, recipient_token, recipient_key, recipient, recipient_digest
      FROM {table}
     WHERE merchant_id = $1 AND recipient_token = ANY($2::uuid[]) AND {bound_to} = ANY($3::text[])
       AND recipient_key IS NOT NULL
"""
_FIND_CITED = """
    SELECT recipient_token, recipient_key, recipient, recipient_digest
      FROM {table}
     WHERE merchant_id = $1 AND recipient_token = ANY($2::uuid[]) AND {bound_to} = ANY($3::text[])
"""
# Digests make way for random bytes: what they were made from could otherwise be tried out by who has the index key.
_RANDOM = "uuid_send(gen_random_uuid())"
_SHRED = """
    UPDATE {table}
       SET recipient_key = NULL{forgotten}
     WHERE merchant_id = $1 AND recipient_token = ANY($2::uuid[]) AND recipient_key IS NOT NULL
 RETURNING recipient_token
"""
_SHRED_OLD = """
    WITH old AS (
        SELECT merchant_id, recipient_token
          FROM {table}
         WHERE recipient_key IS NOT NULL AND {clock} < $1
         LIMIT $2
           FOR UPDATE SKIP LOCKED
    )
    UPDATE {table} AS shelf
       SET recipient_key = NULL{forgotten}
      FROM old
     WHERE shelf.merchant_id = old.merchant_id AND shelf.recipient_token = old.recipient_token
       AND shelf.recipient_key IS NOT NULL AND shelf.{clock} < $1
 RETURNING shelf.merchant_id, shelf.recipient_token
"""
# A place on disk is told by ctid within one partition only; the clock on the outside spares the partitions of today.
_DELETE_OLD = """
    DELETE FROM {table}
     WHERE {clock} < $1
       AND (tableoid, ctid) IN (SELECT tableoid, ctid FROM {table} WHERE {clock} < $1 LIMIT $2)
 RETURNING 1
"""
_STILL_KEPT = """
    SELECT merchant_id, recipient_token
      FROM {table}
      JOIN unnest($1::bigint[], $2::uuid[]) AS gone (merchant_id, recipient_token)
           USING (merchant_id, recipient_token)
     WHERE recipient_key IS NOT NULL
"""
_PENDING_FOR_UPDATE = """
    SELECT merchant_id, {bound_to} AS bound_to, recipient_token, {index} AS packed
      FROM {table}
     WHERE {index} IS NOT NULL
     LIMIT $1
       FOR UPDATE SKIP LOCKED
"""
_INDEXED = """
    UPDATE {table} AS shelf
       SET {index} = NULL
      FROM unnest($1::bigint[], $2::uuid[]) AS done (merchant_id, token)
     WHERE shelf.merchant_id = done.merchant_id AND shelf.recipient_token = done.token AND shelf.{index} IS NOT NULL
"""


class Holder(NamedTuple):
    """A recipient of a merchant."""

    merchant_id: int
    token: UUID


class Pending(NamedTuple):
    """A row whose packed indexes are not in `vault_index` yet."""

    merchant_id: int
    bound_to: str
    token: UUID
    packed: bytes


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table with sealed recipients. Where `bound_to` is several columns, they are joined by a slash.

    `index` is "" where the rows carry no packed indexes; `digests` are the columns with keyed digests of the person.
    Ciphertext that we issue cites the rows of shelves that are `cited`; they have an index by token.
    """

    table: str
    bound_to: tuple[str, ...]
    index: str = ""
    digests: tuple[str, ...] = ("recipient_digest",)
    cited: bool = False

    def __post_init__(self) -> None:
        _check_names(self.table, *self.bound_to, *self.digests, *filter(None, [self.index]))

    def sql(self, pattern: str, **names: str) -> str:
        """A statement about this table."""
        forgotten = "".join(f", {column} = {_RANDOM}" for column in self.digests)
        return pattern.format(
            table=self.table,
            bound_to=f"concat_ws('/', {', '.join(self.bound_to)})" if len(self.bound_to) > 1 else self.bound_to[0],
            index=self.index,
            forgotten=forgotten + (f", {self.index} = NULL" if self.index else ""),
            **names,
        )


class RetentionAction(StrEnum):
    SHRED = "shred"
    DELETE = "delete"
    KEEP = "keep"
    """Only states the period; nothing is done."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How many days after its clock a row of a table keeps what it holds."""

    table: str
    clock: str
    days: int
    action: RetentionAction
    valid_from: date
    source: str
    valid_until: date | None = None

    def __post_init__(self) -> None:
        _check_names(self.table, self.clock)

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@cache
def shelves() -> tuple[Shelf, ...]:
    """Every table that holds sealed recipients, whether or not it exists in a given database."""
    return tuple(
        Shelf(row["table"], tuple(row["bound_to"]), row["index"], tuple(row["digests"]), row.get("cited", False))
        for row in _data()["shelf"]
    )


@cache
def retention_rules() -> tuple[RetentionRule, ...]:
    """The retention table, current rows and others."""
    return tuple(RetentionRule(**row | {"action": RetentionAction(row["action"])}) for row in _data()["retention"])


async def existing(db: Reads, wanted: Sequence[Shelf]) -> list[Shelf]:
    """Those of the shelves that this database has."""
    there = {name for (name,) in await db.fetch(_EXISTING, [shelf.table for shelf in wanted])}
    return [shelf for shelf in wanted if shelf.table in there]


async def table_exists(db: Reads, table: str) -> bool:
    return bool(await db.fetch(_EXISTING, [table]))


async def find_sealed(
    db: Reads, shelf: Shelf, merchant_id: int, tokens: Sequence[UUID], bound_to: Sequence[str]
) -> list[tuple[str, Sealed]]:
    """(bound_to, sealed) of the rows that hold one of the recipients and can still be opened."""
    rows = await db.fetch(shelf.sql(_FIND), merchant_id, tokens, bound_to)
    return [(bound, Sealed(token, key, body, digest, b"")) for bound, token, key, body, digest in rows]


async def find_cited(
    db: Reads, merchant_id: int, tokens: Collection[UUID], bound_to: Collection[str]
) -> dict[UUID, Sealed]:
    """Recipients that ciphertext cites, also shredded ones (their key is None); one that no row holds is not there."""
    found: dict[UUID, Sealed] = {}
    for shelf in shelves():
        missing = [token for token in set(tokens) if token not in found]
        if shelf.cited and missing:
            rows = await db.fetch(shelf.sql(_FIND_CITED), merchant_id, missing, list(bound_to))
            found |= {token: Sealed(token, key, body, digest, b"") for token, key, body, digest in rows}
    return found


async def shred_tokens(tx: Transaction, shelf: Shelf, merchant_id: int, tokens: Sequence[UUID]) -> int:
    """Destroy the data keys of the recipients on one shelf; the number of rows."""
    return len(await tx.fetch(shelf.sql(_SHRED), merchant_id, tokens))


async def shred_older(tx: Transaction, shelf: Shelf, clock: str, before: datetime, limit: int) -> list[Holder]:
    """Destroy up to about `limit` data keys of rows whose clock is before the moment; a row may repeat a recipient."""
    rows = await tx.fetch(shelf.sql(_SHRED_OLD, clock=clock), before, limit)
    return [Holder(*row) for row in rows]


async def delete_older(tx: Transaction, table: str, clock: str, before: datetime, limit: int) -> int:
    """Delete up to `limit` rows whose clock is before the moment."""
    return len(await tx.fetch(_DELETE_OLD.format(table=table, clock=clock), before, limit))


async def still_kept(db: Reads, shelf: Shelf, holders: Sequence[Holder]) -> set[Holder]:
    """Those of the recipients that some row of the shelf can still open."""
    columns = [holder.merchant_id for holder in holders], [holder.token for holder in holders]
    return {Holder(*row) for row in await db.fetch(shelf.sql(_STILL_KEPT), *columns)}


async def pending_for_update(tx: Transaction, shelf: Shelf, limit: int) -> list[Pending]:
    """Rows that wait for their indexes; rows that another worker holds are passed over."""
    return [Pending(*row) for row in await tx.fetch(shelf.sql(_PENDING_FOR_UPDATE), limit)]


async def mark_indexed(tx: Transaction, shelf: Shelf, rows: Sequence[Pending]) -> None:
    await tx.execute(shelf.sql(_INDEXED), [row.merchant_id for row in rows], [row.token for row in rows])


def _data() -> dict[str, list[dict[str, Any]]]:
    text = resources.files("miandan.vault").joinpath("retention.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _check_names(*names: str) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a table or column")
