"""Every statement about consent words. `..._for_update` holds its row until the transaction ends."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from miandan.access.model import Subject
from miandan.access.queries import SUBJECT, subject_columns, subject_of
from miandan.kernel.database import Record, Transaction

_LOCK_SUBJECT = "SELECT pg_advisory_xact_lock(1668247155, hashtext($1))"

_REPLACE_WAITING = """
    UPDATE consent_word
       SET replaced_at = $5
     WHERE subject_kind = $1 AND merchant_id = $2 AND shop_id = $3 AND carrier = $4
       AND used_at IS NULL AND replaced_at IS NULL AND expires_at > $5
"""
_INSERT_WORD = f"""
    INSERT INTO consent_word (selector, consent_id, word_hash, {SUBJECT}, made_at, made_by, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT DO NOTHING
 RETURNING selector
"""
_WORD_FOR_UPDATE = f"""
    SELECT selector, consent_id, word_hash, {SUBJECT}, expires_at, wrong_tries, replaced_at, used_at,
           ticket_hash, ticket_app, ticket_until
      FROM consent_word
     WHERE selector = $1
       FOR UPDATE
"""
_COUNT_WRONG_TRY = "UPDATE consent_word SET wrong_tries = wrong_tries + 1 WHERE selector = $1 RETURNING wrong_tries"
_SET_TICKET = """
    UPDATE consent_word SET ticket_hash = $2, ticket_app = $3, ticket_until = $4 WHERE selector = $1
"""
_SPEND = "UPDATE consent_word SET used_at = $2 WHERE selector = $1"


class NewWord(NamedTuple):
    """What is written down of a word when it is made."""

    selector: str
    consent_id: UUID
    word_hash: bytes
    subject: Subject
    made_at: datetime
    made_by: str
    expires_at: datetime


class Ticket(NamedTuple):
    """Of the page where scopes are chosen, for one app."""

    hash: bytes
    app_key: str
    until: datetime


class Word(NamedTuple):
    """A word as it lies."""

    selector: str
    consent_id: UUID
    word_hash: bytes
    subject: Subject
    expires_at: datetime
    wrong_tries: int
    replaced_at: datetime | None
    used_at: datetime | None
    ticket: Ticket | None


async def lock_subject(tx: Transaction, subject: Subject) -> None:
    """Words of one subject are made one after the other: of two made at once neither would see the other."""
    await tx.execute(_LOCK_SUBJECT, "|".join(map(str, subject_columns(subject))))


async def replace_waiting(tx: Transaction, subject: Subject, at: datetime) -> None:
    """Words of the subject that nobody has used yet are worth nothing any more."""
    await tx.execute(_REPLACE_WAITING, *subject_columns(subject), at)


async def insert_word(tx: Transaction, word: NewWord) -> bool:
    """Whether the selector was free."""
    inserted = await tx.fetchval(
        _INSERT_WORD,
        word.selector,
        word.consent_id,
        word.word_hash,
        *subject_columns(word.subject),
        word.made_at,
        word.made_by,
        word.expires_at,
    )
    return inserted is not None


async def word_for_update(tx: Transaction, selector: str) -> Word | None:
    row = await tx.fetchrow(_WORD_FOR_UPDATE, selector)
    return None if row is None else _word(row)


async def count_wrong_try(tx: Transaction, selector: str) -> int:
    """How many there were, with this one."""
    tries: int = await tx.fetchval(_COUNT_WRONG_TRY, selector)
    return tries


async def set_ticket(tx: Transaction, selector: str, ticket: Ticket) -> None:
    """In place of the one before it."""
    await tx.execute(_SET_TICKET, selector, *ticket)


async def spend(tx: Transaction, selector: str, at: datetime) -> None:
    await tx.execute(_SPEND, selector, at)


def _word(row: Record) -> Word:
    ticket = row["ticket_hash"] and Ticket(row["ticket_hash"], row["ticket_app"], row["ticket_until"])
    return Word(
        row["selector"],
        row["consent_id"],
        row["word_hash"],
        subject_of(row),
        row["expires_at"],
        row["wrong_tries"],
        row["replaced_at"],
        row["used_at"],
        ticket or None,
    )
