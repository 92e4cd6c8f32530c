"""Consent at the authorisation page: a shop or a carrier that has no login here proves itself by a word, used once.

The operator makes a consent word (授权口令) and hands it over; typed in, it opens a ticket for one app, and with the
ticket the subject agrees. A word looks like `7K3M-Q2RD-X9TB-4FWH`: its first group finds the row, where wrong tries are
counted too, the other sixty random bits lie there as SHA-256 only. Where people can log in, a door that knows the
subject needs no word and no ticket: it calls `tokens.authorise` with the login as `by`.
"""

import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from miandan.access import consent_queries, tokens
from miandan.access.consent_queries import NewWord, Ticket, Word
from miandan.access.model import App, AppKind, Subject, SubjectKind, hashed
from miandan.access.scopes import Scope, ScopeMeaning, meanings
from miandan.access.service import OPERATOR, find_app
from miandan.access.terms import terms_at
from miandan.access.tokens import write_down
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.kernel.letters import LETTERS, as_written, new_letters

_SELECTOR, _WHOLE, _GROUP = 4, 16, 4  # letters
_LONGEST_TYPED: Final = 100
_TICKET_BYTES: Final = 32
_TICKET: Final = re.compile(f"[{LETTERS}]{{{_SELECTOR}}}\\.[A-Za-z0-9_-]{{20,60}}")


class Asking(NamedTuple):
    """A tool at the page, and where its code will go ("" where a person copies it)."""

    app: App
    redirect_url: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Who has proved itself to one app's page, and the ticket to agree with until a moment. Never in a repr."""

    subject: Subject
    ticket: str = field(repr=False)
    until: datetime


async def asking(db: Reads, app_key: str, redirect_url: str = "") -> Asking:
    """Who asks for consent; without a redirect URL the first that the app has registered counts.

    Raises access.app_unknown, access.app_forbidden, consent.app_not_tool, access.redirect_unknown.
    """
    app = await find_app(db, app_key)
    app.must_be_active()
    if app.kind is not AppKind.TOOL:
        raise Refusal("consent.app_not_tool")
    if redirect_url and redirect_url not in app.redirect_urls:
        raise Refusal("access.redirect_unknown", app=app_key)
    return Asking(app, redirect_url or next(iter(app.redirect_urls), ""))


def offered(app: App, kind: SubjectKind) -> tuple[ScopeMeaning, ...]:
    """What a subject of this kind can let the app do. Raises consent.nothing_to_grant."""
    found = tuple(one for one in meanings() if one.scope in app.scopes and kind in one.subjects)
    if not found:
        raise Refusal("consent.nothing_to_grant")
    return found


async def make_word(
    db: Database, subject: Subject, *, by: str = OPERATOR, at: datetime | None = None
) -> tuple[str, datetime]:
    """A word for one consent of the subject, and when it ends; nobody can ask for it again.

    Words of the subject that were not used yet count no more, so a word that got lost is replaced by the next.
    """
    moment = at or now()
    until = moment + terms_at(moment).word
    async with db.transaction() as tx:
        await consent_queries.lock_subject(tx, subject)
        await consent_queries.replace_waiting(tx, subject, moment)
        text, made = _new_word(subject, moment, by, until)
        while not await consent_queries.insert_word(tx, made):
            text, made = _new_word(subject, moment, by, until)
        entry = {"consent": str(made.consent_id), "until": until.isoformat()}
        await write_down(tx, subject, by, "consent.word_made", entry, moment)
    return "-".join(text[i : i + _GROUP] for i in range(0, _WHOLE, _GROUP)), until


async def prove(db: Database, app_key: str, word: str, *, at: datetime | None = None) -> Proof:
    """The word as a person typed it opens a ticket for this app; a ticket that it opened before counts no more.

    A wrong try is counted against the word that begins alike; after a few the word is worth nothing, even typed right.
    Raises consent.word_wrong, consent.word_used, consent.word_replaced, consent.word_dead, consent.word_expired, and
    what `asking` and `offered` raise; the word then stays as good as it was.
    """
    moment = at or now()
    text = _read_word(word)
    app = (await asking(db, app_key)).app
    async with db.transaction() as tx:
        held = await consent_queries.word_for_update(tx, text[:_SELECTOR])
        if held is not None and hmac.compare_digest(held.word_hash, hashed(text)):
            _must_stand(held, moment)
            offered(app, held.subject.kind)
            return await _open_ticket(tx, held, app_key, moment)
        if held is not None and _ended(held, moment) is None:
            await _count_wrong_try(tx, held, app_key, moment)
    raise Refusal("consent.word_wrong", tries=terms_at(moment).word_tries)


async def proven(db: Database, app_key: str, ticket: str, *, at: datetime | None = None) -> Proof:
    """What a ticket proves, as long as it can be used. Raises consent.ticket_over, and what `prove` raises of a word
    that has ended."""
    async with db.transaction() as tx:
        held, until = await _of_ticket(tx, app_key, ticket, at or now())
    return Proof(held.subject, ticket, until)


async def agree(
    db: Database,
    app_key: str,
    ticket: str,
    scopes: Collection[Scope],
    redirect_url: str = "",
    *,
    at: datetime | None = None,
) -> str:
    """The subject lets the app in: a code for its servers, and the word is spent. Of two at once one wins.

    Raises consent.nothing_ticked, consent.ticket_over, consent.word_used, consent.word_replaced, consent.word_dead,
    consent.word_expired, and what `tokens.authorise` raises; then nothing is spent.
    """
    if not scopes:
        raise Refusal("consent.nothing_ticked")
    moment = at or now()
    async with db.all_or_nothing() as whole:
        async with whole.transaction() as tx:
            held, _ = await _of_ticket(tx, app_key, ticket, moment)
            await consent_queries.spend(tx, held.selector, moment)
        code = await tokens.authorise(whole, app_key, held.subject, scopes, redirect_url, at=moment)
        async with whole.transaction() as tx:
            entry = {"consent": str(held.consent_id), "app": app_key}
            await write_down(tx, held.subject, held.subject.name, "consent.word_used", entry, moment)
    return code


async def _of_ticket(tx: Transaction, app_key: str, ticket: str, at: datetime) -> tuple[Word, datetime]:
    """The word that opened the ticket, held, and until when the ticket counts."""
    held = await consent_queries.word_for_update(tx, ticket[:_SELECTOR]) if _TICKET.fullmatch(ticket) else None
    known = held.ticket if held is not None else None
    if held is None or known is None or known.app_key != app_key or not hmac.compare_digest(known.hash, hashed(ticket)):
        raise Refusal("consent.ticket_over")
    _must_stand(held, at)
    if at >= known.until:
        raise Refusal("consent.ticket_over")
    return held, known.until


async def _open_ticket(tx: Transaction, held: Word, app_key: str, at: datetime) -> Proof:
    ticket = f"{held.selector}.{secrets.token_urlsafe(_TICKET_BYTES)}"
    until = min(at + terms_at(at).ticket, held.expires_at)
    await consent_queries.set_ticket(tx, held.selector, Ticket(hashed(ticket), app_key, until))
    return Proof(held.subject, ticket, until)


async def _count_wrong_try(tx: Transaction, held: Word, app_key: str, at: datetime) -> None:
    tries = await consent_queries.count_wrong_try(tx, held.selector)
    dead = tries >= terms_at(at).word_tries
    entry = {"consent": str(held.consent_id), "app": app_key, "tries": tries, "dead": dead}
    await write_down(tx, held.subject, "stranger", "consent.word_wrong", entry, at)


def _must_stand(held: Word, at: datetime) -> None:
    ended = _ended(held, at)
    if ended is not None:
        raise ended


def _ended(held: Word, at: datetime) -> Refusal | None:
    """Why the word is worth nothing any more."""
    if held.used_at is not None:
        return Refusal("consent.word_used")
    if held.replaced_at is not None:
        return Refusal("consent.word_replaced")
    most = terms_at(at).word_tries
    if held.wrong_tries >= most:
        return Refusal("consent.word_dead", tries=most)
    if at >= held.expires_at:
        return Refusal("consent.word_expired", hours=terms_at(at).word // timedelta(hours=1))
    return None


def _new_word(subject: Subject, at: datetime, by: str, until: datetime) -> tuple[str, NewWord]:
    text = new_letters(_WHOLE)
    return text, NewWord(text[:_SELECTOR], new_id(), hashed(text), subject, at, by, until)


def _read_word(typed: str) -> str:
    """The letters of a word, whatever stands between them and however they are written. Raises consent.word_wrong."""
    letters = "".join(letter for letter in as_written(typed[:_LONGEST_TYPED]) if letter.isalnum())
    if len(letters) != _WHOLE or not set(letters) <= set(LETTERS):
        raise Refusal("consent.word_wrong", tries=terms_at(now()).word_tries)
    return letters
