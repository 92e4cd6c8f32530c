"""Letting apps in: a subject agrees, the app fetches tokens, renews them, is seen by them, and is shown the door.

Tokens live as section 1 of the Doudian reference says (terms.toml). A refresh that comes early answers the same pair,
and so does asking a second time, because an ERP's many servers refresh on their own and none must cut off another. So
a pair must be shown again: it lies wrapped by the root key beside the hashes it is found by, and nowhere in plain.
"""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from miandan.access import token_queries
from miandan.access.model import (
    App,
    AppKind,
    AppState,
    Authorisation,
    Caller,
    Subject,
    SubjectKind,
    Tokens,
    hashed,
    must_fit,
)
from miandan.access.queries import scope_texts
from miandan.access.scopes import Scope
from miandan.access.service import OPERATOR, find_app
from miandan.access.terms import terms_at
from miandan.access.token_queries import Consent, Pair
from miandan.kernel import audit
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.kernel.wrapping import Wraps

# What a text is, for people and for scanners that look for leaked ones.
_CODE, _ACCESS, _REFRESH = "mdc_", "mda_", "mdr_"
_RANDOM_BYTES: Final = 32
_BETWEEN: Final = "\n"


async def authorise(
    db: Database,
    app_key: str,
    subject: Subject,
    scopes: Collection[Scope],
    redirect_url: str = "",
    *,
    by: str = "",
    at: datetime | None = None,
) -> str:
    """The subject agrees that a tool acts for it: a code for the tool's servers, good once and for ten minutes.

    `by` is the login of who agreed (the subject's name where it is empty); `redirect_url` is where the code goes, ""
    where a person copies it. Raises access.app_unknown, access.app_forbidden, access.grant_type_wrong (a self-use
    app), access.scopes_empty, access.scope_beyond_app, access.scope_not_for_subject, access.redirect_unknown.
    """
    moment, code = at or now(), _new(_CODE)
    async with db.transaction() as tx:
        app = await _active_app(tx, app_key)
        if app.kind is not AppKind.TOOL:
            raise Refusal("access.grant_type_wrong")
        if redirect_url and redirect_url not in app.redirect_urls:
            raise Refusal("access.redirect_unknown", app=app_key)
        consent = Consent(subject, _grantable(app, subject, scopes), by or subject.name)
        until = moment + terms_at(moment).code
        await token_queries.insert_code(tx, app_key, hashed(code), consent, moment, until)
        await write_down(tx, subject, consent.granted_by, "app.code_issued", _about(app_key, consent.scopes), moment)
    return code


async def authorise_own(
    db: Database,
    app_key: str,
    subject: Subject,
    scopes: Collection[Scope] | None = None,
    *,
    by: str = OPERATOR,
    at: datetime | None = None,
) -> Authorisation:
    """A self-use app also belongs to this subject: no code is needed. `scopes` None: all that the app may be granted.

    Raises access.app_unknown, access.app_forbidden, access.grant_type_wrong (a tool), access.scopes_empty,
    access.scope_beyond_app, access.scope_not_for_subject.
    """
    moment = at or now()
    async with db.transaction() as tx:
        app = await _active_app(tx, app_key)
        if app.kind is not AppKind.SELF_USE:
            raise Refusal("access.grant_type_wrong")
        wanted = _grantable(app, subject, app.scopes if scopes is None else scopes)
        return await _let_in(tx, app_key, Consent(subject, wanted, by), moment)


async def exchange_code(db: Database, root: Wraps, app_key: str, code: str, *, at: datetime | None = None) -> Tokens:
    """The tool trades its code for tokens. Where it has a pair for the subject that is still good, that pair.

    Raises access.app_unknown, access.app_forbidden, access.code_unknown, access.code_used, access.code_expired.
    """
    moment = at or now()
    async with db.transaction() as tx:
        await _active_app(tx, app_key)
        consent = await token_queries.use_code(tx, app_key, hashed(code), moment)
        if consent is None:
            raise await _why_not(tx, app_key, code)
        authorisation = await _let_in(tx, app_key, consent, moment)
        return await _pair_of(tx, root, authorisation, moment)


async def self_authorise(
    db: Database,
    root: Wraps,
    app_key: str,
    kind: SubjectKind = SubjectKind.SHOP,
    name: str = "",
    *,
    at: datetime | None = None,
) -> Tokens:
    """Tokens of a self-use app for its own subject called `name` (`Subject.name`; "" where it has only one).

    Asked again it answers the same pair until the last hour. Raises access.app_unknown, access.app_forbidden,
    access.grant_type_wrong (a tool), access.no_authorization, access.subject_ambiguous.
    """
    moment = at or now()
    async with db.transaction() as tx:
        app = await _active_app(tx, app_key)
        if app.kind is not AppKind.SELF_USE:
            raise Refusal("access.grant_type_wrong")
        found = await token_queries.standing_for_update(tx, app_key, kind, name)
        if not found:
            raise Refusal("access.no_authorization")
        if len(found) > 1:
            raise Refusal("access.subject_ambiguous")
        return await _pair_of(tx, root, found[0], moment)


async def refresh(db: Database, root: Wraps, app_key: str, refresh_token: str, *, at: datetime | None = None) -> Tokens:
    """More than an hour before the access token ends: the same pair. Later: a new one; the old one lives one more hour.

    In that hour the old refresh token answers the new pair again, so an answer that was lost on the way is no harm.
    Of two at once one wins and the other is told. Raises access.app_unknown, access.app_forbidden,
    access.refresh_unknown, access.refresh_expired, access.refresh_replaced, access.refresh_under_way,
    access.token_revoked.
    """
    moment, wanted = at or now(), hashed(refresh_token)
    terms = terms_at(moment)
    async with db.transaction() as tx:
        await _active_app(tx, app_key)
        pair = await token_queries.pair_by_refresh(tx, app_key, wanted)
        if pair is None:
            raise Refusal("access.refresh_unknown")
        if pair.replaced_at is None and moment < pair.access_until - terms.renewal:
            authorisation = await token_queries.authorisation(tx, app_key, pair.authorisation_id)
            return _shown(root, pair, _standing(authorisation))
        held = await token_queries.free_authorisation_for_update(tx, app_key, pair.authorisation_id)
        if held is None:
            raise Refusal("access.refresh_under_way")
        _standing(held)
        pair = await token_queries.pair_by_refresh(tx, app_key, wanted) or pair  # as the one before us left it
        if pair.replaced_at is not None and moment >= pair.replaced_at + terms.grace:
            raise Refusal("access.refresh_replaced")
        if pair.replaced_at is None and moment >= pair.refresh_until:
            raise Refusal("access.refresh_expired")
        return await _pair_of(tx, root, held, moment)


async def revoke(
    db: Database, app_key: str, authorisation_id: UUID, *, by: str = OPERATOR, at: datetime | None = None
) -> Authorisation:
    """The app acts for this subject no more: tokens and unused codes are worth nothing, doors feel it within seconds.

    A self-use app gets no new ones until `authorise_own`. Asked again nothing changes. Raises
    access.authorisation_unknown.
    """
    moment = at or now()
    async with db.transaction() as tx:
        known = await token_queries.authorisation(tx, app_key, authorisation_id)
        if known is None:
            raise Refusal("access.authorisation_unknown")
        if known.revoked_at is not None:  # codes that wait by now belong to a consent given since
            return known
        # Codes before the authorisation, the order in which `exchange_code` holds them.
        await token_queries.drop_codes(tx, app_key, known.subject)
        held = await token_queries.authorisation_for_update(tx, app_key, authorisation_id)
        assert held is not None, "authorisations are never deleted"
        if held.revoked_at is not None:
            return held
        await token_queries.revoke(tx, app_key, authorisation_id, moment, by)
        await write_down(tx, held.subject, by, "app.revoked", _about(app_key, held.scopes), moment)
        revoked = await token_queries.authorisation(tx, app_key, authorisation_id)
        assert revoked is not None, "it was locked"
    return revoked


async def authorisations_of_app(db: Reads, app_key: str) -> list[Authorisation]:
    """Who has let the app in, oldest first, revoked ones too. Raises access.app_unknown."""
    await find_app(db, app_key)
    return await token_queries.authorisations_of_app(db, app_key)


async def authorisations_of_subject(db: Reads, subject: Subject) -> list[Authorisation]:
    """Which apps a shop or a carrier has let in, oldest first, revoked ones too."""
    return await token_queries.authorisations_of_subject(db, subject)


async def who(db: Reads, access_token: str, *, at: datetime | None = None) -> Caller:
    """Who holds this access token. Raises access.token_unknown, access.token_revoked, access.token_expired,
    access.app_forbidden."""
    known = await token_queries.who(db, hashed(access_token))
    if known is None:
        raise Refusal("access.token_unknown")
    if known.revoked:
        raise Refusal("access.token_revoked")
    if (at or now()) >= known.caller.expires_at:
        raise Refusal("access.token_expired")
    if known.app_state is AppState.FORBIDDEN:
        raise Refusal("access.app_forbidden", app=known.caller.app_key)
    return known.caller


async def _active_app(tx: Transaction, app_key: str) -> App:
    app = await find_app(tx, app_key)
    app.must_be_active()
    return app


def _grantable(app: App, subject: Subject, scopes: Collection[Scope]) -> frozenset[Scope]:
    wanted = frozenset(scopes)
    if not wanted:
        raise Refusal("access.scopes_empty", scopes="、".join(Scope))
    if beyond := sorted(wanted - app.scopes):
        raise Refusal("access.scope_beyond_app", app=app.app_key, scopes="、".join(beyond))
    must_fit(wanted, subject)
    return wanted


def _standing(authorisation: Authorisation | None) -> Authorisation:
    if authorisation is None or authorisation.revoked_at is not None:
        raise Refusal("access.token_revoked")
    return authorisation


async def _let_in(tx: Transaction, app_key: str, consent: Consent, at: datetime) -> Authorisation:
    """The authorisation, held until the transaction ends."""
    granted = Authorisation(app_key, new_id(), consent.subject, consent.scopes, at, consent.granted_by)
    authorisation_id = await token_queries.put_authorisation(tx, granted)
    held = await token_queries.authorisation_for_update(tx, app_key, authorisation_id)
    assert held is not None, "it was just written"
    await write_down(tx, held.subject, consent.granted_by, "app.authorised", _about(app_key, held.scopes), at)
    return held


async def _pair_of(tx: Transaction, root: Wraps, authorisation: Authorisation, at: datetime) -> Tokens:
    """The current pair of a held authorisation, or the next one where its access token is about to end or has ended."""
    terms = terms_at(at)
    current = await token_queries.current_pair(tx, authorisation.app_key, authorisation.authorisation_id)
    if current is not None and at < current.access_until - terms.renewal:
        return _shown(root, current, authorisation)
    if current is not None:
        await token_queries.replace_pair(tx, current, at, at + terms.grace)
    access, refresh_token, pair_id = _new(_ACCESS), _new(_REFRESH), new_id()
    wrapped = root.wrap(f"{access}{_BETWEEN}{refresh_token}".encode(), _context(authorisation.app_key, pair_id))
    pair = Pair(
        authorisation.app_key,
        pair_id,
        authorisation.authorisation_id,
        wrapped,
        root.version,
        at + terms.access,
        at + terms.refresh,
        None,
    )
    await token_queries.insert_pair(tx, pair, (hashed(access), hashed(refresh_token)), at)
    about = _about(pair.app_key, authorisation.scopes)
    await write_down(tx, authorisation.subject, pair.app_key, "tokens.issued", about, at)
    return _shown(root, pair, authorisation)


def _shown(root: Wraps, pair: Pair, authorisation: Authorisation) -> Tokens:
    if pair.wrapped is None:  # revoked between two reads
        raise Refusal("access.token_revoked")
    texts = root.unwrap(pair.wrapped, _context(pair.app_key, pair.pair_id), pair.root_version).decode()
    access, _, refresh_token = texts.partition(_BETWEEN)
    return Tokens(
        pair.app_key,
        pair.authorisation_id,
        authorisation.subject,
        authorisation.scopes,
        access,
        refresh_token,
        pair.access_until,
        pair.refresh_until,
    )


async def _why_not(tx: Transaction, app_key: str, code: str) -> Refusal:
    used = await token_queries.code_was_used(tx, app_key, hashed(code))
    if used is None:
        return Refusal("access.code_unknown")
    return Refusal("access.code_used" if used else "access.code_expired")


async def write_down(
    tx: Transaction, subject: Subject, by: str, action: str, entry: Mapping[str, object], at: datetime
) -> None:
    """In the chain of the merchant whose shop it is; carriers stand in the platform's. Never a code, token or word."""
    is_shop = subject.kind is SubjectKind.SHOP
    chain = audit.merchant_chain(subject.merchant_id) if is_shop else audit.PLATFORM
    about = {"kind": subject.kind.value, "name": subject.name} | dict(entry)
    await audit.append(tx, chain, actor=by, action=action, subject=about, at=at)


def _about(app_key: str, scopes: Collection[Scope]) -> dict[str, object]:
    return {"app": app_key, "scopes": scope_texts(scopes)}


def _new(kind: str) -> str:
    return kind + secrets.token_urlsafe(_RANDOM_BYTES)


def _context(app_key: str, pair_id: UUID) -> bytes:
    return f"tokens|{app_key}|{pair_id}".encode()
