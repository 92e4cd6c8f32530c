"""Every statement about print keys and merchants' own templates, and what a batch reads of waybills."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from miandan.kernel.database import Reads, Record, Transaction
from miandan.printing.model import Asked, OwnTemplate, PrintKey, SigningKey
from miandan.waybills.model import Waybill
from miandan.waybills.queries import read_waybill

_WAYBILLS = """
    SELECT w.*
      FROM unnest($2::text[], $3::text[]) AS asked (carrier, number)
      JOIN parcel_key k ON k.merchant_id = $1 AND k.carrier = asked.carrier AND k.number = asked.number AND k.seat = 0
      JOIN waybill w ON w.merchant_id = $1 AND w.carrier = k.carrier AND w.number = k.number AND w.month = k.month
"""

# Two carriers may issue the same digits; whoever asks says which templates it means.
_WAYBILLS_BY_NUMBER = """
    SELECT w.*
      FROM parcel_key k
      JOIN waybill w ON w.merchant_id = $1 AND w.carrier = k.carrier AND w.number = k.number AND w.month = k.month
     WHERE k.merchant_id = $1 AND k.carrier = ANY($2) AND k.number = ANY($3) AND k.seat = 0
     ORDER BY w.carrier, w.number
"""

# Ended keys too: those of a number that was cancelled name the orders that it was for.
_KEYS_OF = """
    SELECT k.carrier, k.number, k.parcel_key
      FROM unnest($2::text[], $3::text[]) AS asked (carrier, number)
      JOIN parcel_key k ON k.merchant_id = $1 AND k.carrier = asked.carrier AND k.number = asked.number
     ORDER BY k.carrier, k.number, k.seat
"""

_CHILDREN_OF = """
    SELECT w.carrier, w.parent_number, w.number
      FROM unnest($2::text[], $3::text[]) AS asked (carrier, number)
      JOIN waybill w ON w.merchant_id = $1 AND w.carrier = asked.carrier AND w.parent_number = asked.number
     ORDER BY w.carrier, w.parent_number, w.piece
"""

_KEY_COLUMNS = "merchant_id, shop_id, key_id, wrapped, root_version, made_at, good_until, readable_until"

_NEWEST_KEY = f"""
    SELECT {_KEY_COLUMNS}
      FROM print_key
     WHERE merchant_id = $1 AND shop_id = $2
     ORDER BY key_id DESC
     LIMIT 1
"""

_KEY = f"""
    SELECT {_KEY_COLUMNS}
      FROM print_key
     WHERE merchant_id = $1 AND shop_id = $2 AND key_id = $3
"""

_INSERT_KEY = f"""
    INSERT INTO print_key ({_KEY_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING
"""

_DESTROY_KEYS = """
    UPDATE print_key
       SET wrapped = NULL, destroyed_at = $1
     WHERE readable_until <= $1 AND destroyed_at IS NULL
 RETURNING key_id
"""

_SIGNING_KEY = """
    SELECT key_id, public_key, wrapped, root_version, made_at
      FROM print_signing_key
     ORDER BY key_id DESC
     LIMIT 1
"""

_INSERT_SIGNING_KEY = """
    INSERT INTO print_signing_key (key_id, public_key, wrapped, root_version, made_at)
    VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
"""

_TEMPLATE_COLUMNS = "merchant_id, name, version, token, base, carrier, title, content, offered_at, withdrawn_at"

_OFFER = f"""
    INSERT INTO print_template ({_TEMPLATE_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)
        ON CONFLICT (merchant_id, name, version) DO UPDATE
       SET withdrawn_at = NULL
     WHERE print_template.content = EXCLUDED.content
 RETURNING {_TEMPLATE_COLUMNS}
"""

_WITHDRAW = """
    UPDATE print_template
       SET withdrawn_at = $3
     WHERE merchant_id = $1 AND name = $2 AND withdrawn_at IS NULL
 RETURNING version
"""

_OFFERED = f"""
    SELECT DISTINCT ON (name) {_TEMPLATE_COLUMNS}
      FROM print_template
     WHERE merchant_id = $1 AND withdrawn_at IS NULL
     ORDER BY name, version DESC
"""

_EVER_OFFERED = "SELECT EXISTS (SELECT FROM print_template WHERE merchant_id = $1 AND name = $2)"

_OWN_TEMPLATE = f"""
    SELECT {_TEMPLATE_COLUMNS}
      FROM print_template
     WHERE merchant_id = $1 AND name = $2 AND version = $3 AND withdrawn_at IS NULL
"""


async def waybills_of(db: Reads, merchant_id: int, asked: Iterable[Asked]) -> dict[Asked, Waybill]:
    """The merchant's waybills of these numbers; unknown ones are left out."""
    rows = await db.fetch(_WAYBILLS, merchant_id, *_columns(asked))
    return {Asked(row["carrier"], row["number"]): read_waybill(row) for row in rows}


async def waybills_by_number(
    db: Reads, merchant_id: int, carriers: Sequence[str], numbers: Sequence[str]
) -> list[Waybill]:
    """The merchant's waybills of these numbers, whichever of these carriers issued them."""
    rows = await db.fetch(_WAYBILLS_BY_NUMBER, merchant_id, list(carriers), list(numbers))
    return [read_waybill(row) for row in rows]


async def keys_of(db: Reads, merchant_id: int, holders: Iterable[Asked]) -> dict[Asked, list[str]]:
    """The parcel keys of each number in the order of their seats, also where they have ended."""
    return _grouped(await db.fetch(_KEYS_OF, merchant_id, *_columns(holders)))


async def children_of(db: Reads, merchant_id: int, parents: Iterable[Asked]) -> dict[Asked, list[str]]:
    """The child numbers of each parent in the order of the pieces."""
    return _grouped(await db.fetch(_CHILDREN_OF, merchant_id, *_columns(parents)))


def _columns(asked: Iterable[Asked]) -> tuple[list[str], list[str]]:
    each = list(dict.fromkeys(asked))
    return [one.carrier for one in each], [one.number for one in each]


def _grouped(rows: Iterable[Record]) -> dict[Asked, list[str]]:
    """The third column by the first two."""
    found: dict[Asked, list[str]] = {}
    for carrier, number, value in rows:
        found.setdefault(Asked(carrier, number), []).append(value)
    return found


async def newest_key(db: Reads, merchant_id: int, shop_id: str) -> PrintKey | None:
    """The shop's latest print key, whatever has become of it."""
    return _print_key(await db.fetchrow(_NEWEST_KEY, merchant_id, shop_id))


async def print_key(db: Reads, merchant_id: int, shop_id: str, key_id: int) -> PrintKey | None:
    """One print key of a shop."""
    return _print_key(await db.fetchrow(_KEY, merchant_id, shop_id, key_id))


def _print_key(row: Record | None) -> PrintKey | None:
    return None if row is None else PrintKey(**dict(row))


async def insert_key(tx: Transaction, key: PrintKey) -> None:
    """Write a shop's next key; one that is there already wins."""
    await tx.execute(
        _INSERT_KEY,
        key.merchant_id,
        key.shop_id,
        key.key_id,
        key.wrapped,
        key.root_version,
        key.made_at,
        key.good_until,
        key.readable_until,
    )


async def destroy_keys(tx: Transaction, at: datetime) -> int:
    """Forget the keys that nothing may be opened with any more; how many."""
    return len(await tx.fetch(_DESTROY_KEYS, at))


async def signing_key(db: Reads) -> SigningKey | None:
    """The platform's newest."""
    row = await db.fetchrow(_SIGNING_KEY)
    return None if row is None else SigningKey(**dict(row))


async def insert_signing_key(tx: Transaction, key: SigningKey) -> None:
    """Write the platform's key; one that is there already wins."""
    await tx.execute(_INSERT_SIGNING_KEY, key.key_id, key.public_key, key.wrapped, key.root_version, key.made_at)


async def offer(tx: Transaction, own: OwnTemplate) -> OwnTemplate | None:
    """Write a version of a template, or offer it again with the token it has; None when it was kept with other
    content."""
    row = await tx.fetchrow(
        _OFFER,
        own.merchant_id,
        own.name,
        own.version,
        own.token,
        own.base,
        own.carrier,
        own.title,
        own.content,
        own.offered_at,
    )
    return None if row is None else OwnTemplate(**dict(row))


async def withdraw(tx: Transaction, merchant_id: int, name: str, at: datetime) -> int:
    """Take back every version of a template; how many were offered."""
    return len(await tx.fetch(_WITHDRAW, merchant_id, name, at))


async def offered(db: Reads, merchant_id: int) -> list[OwnTemplate]:
    """The newest version of each template that the merchant offers, by name."""
    return [OwnTemplate(**dict(row)) for row in await db.fetch(_OFFERED, merchant_id)]


async def ever_offered(db: Reads, merchant_id: int, name: str) -> bool:
    """Whether the merchant offers a template of this name, or did so once."""
    return bool(await db.fetchval(_EVER_OFFERED, merchant_id, name))


async def own_template(db: Reads, merchant_id: int, name: str, version: int) -> OwnTemplate | None:
    """One version of a template that the merchant offers."""
    row = await db.fetchrow(_OWN_TEMPLATE, merchant_id, name, version)
    return None if row is None else OwnTemplate(**dict(row))
