"""Finding recipients by what a clerk knows of them, and erasing one person on request; confirmed inside the vault."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from miandan.kernel import audit
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.vault import queries
from miandan.vault.keys import MerchantKeys
from miandan.vault.model import Found, IndexKind, Recipient
from miandan.vault.retention import index_pending, shred
from miandan.vault.service import Vault
from miandan.vault.shelves import Shelf, existing, find_sealed, shelves
from miandan.vault.spelling import TAIL_DIGITS, spelled_phone, spelled_text

ERASE_CHECK: Final = "erase_check"
_CANDIDATES: Final = 10_000  # of one look; a search asks for no more


@dataclass(frozen=True, slots=True)
class Erased:
    """What the erasure of a person came to: merchants that held it, recipients (tokens), rows shredded."""

    merchants: int
    recipients: int
    rows: int


async def search(
    db: Database,
    vault: Vault,
    merchant_id: int,
    kind: IndexKind,
    text: str,
    *,
    all_shelves: Sequence[Shelf] | None = None,
) -> list[Found]:
    """The merchant's recipients with this phone, last four digits or name, newest token last.

    Free, because it shows nothing: candidates of the truncated index are confirmed in here. Recipients whose index
    is still pending are not found yet.
    """
    keys = await vault.reload(merchant_id)  # another program may have made a newer index key
    there = await existing(db, shelves() if all_shelves is None else all_shelves)
    candidates = await queries.find(db, merchant_id, keys.search_indexes(kind, text), _CANDIDATES)
    return sorted(await _confirmed(db, keys, there, candidates, kind, text))


async def erase_person(
    db: Database,
    vault: Vault,
    phone: str,
    *,
    actor: str,
    extension: str | None = None,
    at: datetime | None = None,
    all_shelves: Sequence[Shelf] | None = None,
) -> Erased:
    """Shred every recipient with this phone at every merchant, written down in each merchant's chain.

    `extension` narrows a virtual number, which many share, to one person. Each merchant is a transaction of its own;
    run again after an interruption it finishes the rest.
    """
    wanted = shelves() if all_shelves is None else all_shelves
    await index_pending(db, all_shelves=wanted)
    there = await existing(db, wanted)
    merchants = recipients = rows = 0
    for merchant_id in await queries.merchants_with_keys(db):
        keys = await vault.reload(merchant_id)
        found = await _everybody(db, keys, there, phone, extension)
        if found:
            tokens = sorted({person.token for person in found})
            rows += await _erase(db, merchant_id, tokens, wanted, actor, at or now())
            merchants += 1
            recipients += len(tokens)
    return Erased(merchants, recipients, rows)


async def _everybody(
    db: Database, keys: MerchantKeys, there: Sequence[Shelf], phone: str, extension: str | None
) -> set[Found]:
    """Whoever has this phone, however many others share it."""
    entries = keys.search_indexes(IndexKind.PHONE, phone)
    found: set[Found] = set()
    after: Found | None = None
    while page := await queries.find(db, keys.merchant_id, entries, _CANDIDATES, after):
        found |= await _confirmed(db, keys, there, page, IndexKind.PHONE, phone, extension)
        after = page[-1]
    return found


async def _confirmed(
    db: Database,
    keys: MerchantKeys,
    there: Sequence[Shelf],
    candidates: Sequence[Found],
    kind: IndexKind,
    text: str,
    extension: str | None = None,
) -> set[Found]:
    if not candidates:
        return set()
    tokens, bound = [person.token for person in candidates], [person.bound_to for person in candidates]
    found = set()
    for shelf in there:
        for bound_to, sealed in await find_sealed(db, shelf, keys.merchant_id, tokens, bound):
            plain = keys.open(sealed, bound_to)
            if _is_meant(plain, kind, text) and extension in (None, plain.extension):
                found.add(Found(sealed.token, bound_to))
    return found


def _is_meant(plain: Recipient, kind: IndexKind, text: str) -> bool:
    if kind is IndexKind.NAME:
        return spelled_text(plain.name) == spelled_text(text)
    phone, wanted = spelled_phone(plain.phone), spelled_phone(text)
    return phone == wanted if kind is IndexKind.PHONE else phone[-TAIL_DIGITS:] == wanted[-TAIL_DIGITS:]


async def _erase(
    db: Database, merchant_id: int, tokens: list[UUID], wanted: Sequence[Shelf], actor: str, at: datetime
) -> int:
    async with db.transaction() as tx:
        rows = await shred(tx, merchant_id, tokens, all_shelves=wanted)
        await audit.append(
            tx,
            audit.merchant_chain(merchant_id),
            actor=actor,
            action="recipient.erased",
            purpose=ERASE_CHECK,
            subject={"tokens": [str(token) for token in tokens], "rows": rows},
            at=at,
        )
    return rows
