"""Every statement about authorisations, codes and tokens. `..._for_update` holds its row until the transaction ends."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from miandan.access.model import AppState, Authorisation, Caller, Subject, SubjectKind
from miandan.access.queries import SUBJECT, read_scope_texts, scope_texts, subject_columns, subject_of
from miandan.access.scopes import Scope
from miandan.kernel.database import Reads, Record, Transaction

# Letting an app in again changes what it may do; its tokens go on.
_PUT_AUTHORISATION = f"""
    INSERT INTO app_authorisation (app_key, authorisation_id, {SUBJECT}, scopes, granted_at, granted_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (app_key, {SUBJECT}) WHERE revoked_at IS NULL DO UPDATE
       SET scopes = excluded.scopes, granted_at = excluded.granted_at, granted_by = excluded.granted_by
 RETURNING authorisation_id
"""
_AUTHORISATION = f"""
    SELECT app_key, authorisation_id, {SUBJECT}, scopes, granted_at, granted_by, revoked_at, revoked_by,
           (SELECT max(t.refresh_until)
              FROM app_tokens t
             WHERE t.app_key = a.app_key AND t.authorisation_id = a.authorisation_id AND t.replaced_at IS NULL) AS until
      FROM app_authorisation a
"""
_ONE = _AUTHORISATION + "WHERE app_key = $1 AND authorisation_id = $2"
_ONE_FOR_UPDATE = _ONE + " FOR UPDATE OF a"
_ONE_UNLESS_LOCKED_FOR_UPDATE = _ONE_FOR_UPDATE + " SKIP LOCKED"
_STANDING_FOR_UPDATE = (
    _AUTHORISATION
    + """
     WHERE app_key = $1 AND subject_kind = $2 AND revoked_at IS NULL
       AND ($3 = '' OR $3 = CASE WHEN carrier <> '' THEN carrier WHEN shop_id <> '' THEN shop_id
                                 ELSE merchant_id::text END)
     ORDER BY granted_at, authorisation_id
     LIMIT 2
       FOR UPDATE OF a
"""
)
_OF_APP = _AUTHORISATION + "WHERE app_key = $1 ORDER BY granted_at, authorisation_id"
_OF_SUBJECT = (
    _AUTHORISATION
    + """
     WHERE subject_kind = $1 AND merchant_id = $2 AND shop_id = $3 AND carrier = $4
     ORDER BY granted_at, authorisation_id
"""
)
_REVOKE = """
    UPDATE app_authorisation SET revoked_at = $3, revoked_by = $4 WHERE app_key = $1 AND authorisation_id = $2
"""
_FORGET_WRAPPED = "UPDATE app_tokens SET wrapped = NULL WHERE app_key = $1 AND authorisation_id = $2"

_INSERT_CODE = f"""
    INSERT INTO app_code (app_key, code_hash, {SUBJECT}, scopes, granted_by, issued_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_USE_CODE = f"""
    UPDATE app_code
       SET used_at = $3
     WHERE app_key = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at > $3
 RETURNING {SUBJECT}, scopes, granted_by
"""
_CODE_WAS_USED = "SELECT used_at IS NOT NULL FROM app_code WHERE app_key = $1 AND code_hash = $2"

_DROP_CODES = """
    DELETE FROM app_code
     WHERE app_key = $1 AND subject_kind = $2 AND merchant_id = $3 AND shop_id = $4 AND carrier = $5
       AND used_at IS NULL
"""

_PAIR = """
    SELECT app_key, pair_id, authorisation_id, wrapped, root_version, access_until, refresh_until, replaced_at
      FROM app_tokens
"""
_BY_REFRESH = _PAIR + "WHERE app_key = $1 AND refresh_hash = $2"
_CURRENT = _PAIR + "WHERE app_key = $1 AND authorisation_id = $2 AND replaced_at IS NULL"

_INSERT_PAIR = """
    INSERT INTO app_tokens (app_key, pair_id, authorisation_id, access_hash, refresh_hash, wrapped, root_version,
                            issued_at, access_until, refresh_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
# An access token that is still good gets the hour of grace, one that has ended stays ended.
_REPLACE_PAIR = """
    UPDATE app_tokens
       SET replaced_at = $3, wrapped = NULL, access_until = CASE WHEN access_until > $3 THEN $4 ELSE access_until END
     WHERE app_key = $1 AND pair_id = $2
"""
_WHO = f"""
    SELECT app_key, {SUBJECT}, a.scopes, t.access_until, a.revoked_at, app.state
      FROM app_tokens t
      JOIN app_authorisation a USING (app_key, authorisation_id)
      JOIN app USING (app_key)
     WHERE t.access_hash = $1
"""


class Pair(NamedTuple):
    """A pair of tokens as it lies."""

    app_key: str
    pair_id: UUID
    authorisation_id: UUID
    wrapped: bytes | None
    root_version: int
    access_until: datetime
    refresh_until: datetime
    replaced_at: datetime | None


class Consent(NamedTuple):
    """What a code stands for."""

    subject: Subject
    scopes: frozenset[Scope]
    granted_by: str


class Known(NamedTuple):
    """What is known of the bearer of an access token, before anything is judged."""

    caller: Caller
    revoked: bool
    app_state: AppState


async def put_authorisation(tx: Transaction, granted: Authorisation) -> UUID:
    """Write it down; where the subject has let the app in before, that authorisation gets the new scopes. Its id."""
    authorisation_id: UUID = await tx.fetchval(
        _PUT_AUTHORISATION,
        granted.app_key,
        granted.authorisation_id,
        *subject_columns(granted.subject),
        scope_texts(granted.scopes),
        granted.granted_at,
        granted.granted_by,
    )
    return authorisation_id


async def authorisation(db: Reads, app_key: str, authorisation_id: UUID) -> Authorisation | None:
    row = await db.fetchrow(_ONE, app_key, authorisation_id)
    return None if row is None else _authorisation(row)


async def authorisation_for_update(tx: Transaction, app_key: str, authorisation_id: UUID) -> Authorisation | None:
    row = await tx.fetchrow(_ONE_FOR_UPDATE, app_key, authorisation_id)
    return None if row is None else _authorisation(row)


async def free_authorisation_for_update(tx: Transaction, app_key: str, authorisation_id: UUID) -> Authorisation | None:
    """None where somebody else holds it right now."""
    row = await tx.fetchrow(_ONE_UNLESS_LOCKED_FOR_UPDATE, app_key, authorisation_id)
    return None if row is None else _authorisation(row)


async def standing_for_update(tx: Transaction, app_key: str, kind: SubjectKind, name: str) -> list[Authorisation]:
    """Authorisations that count, of the subject called `name` ("": of any); two at most: enough to be unclear."""
    return [_authorisation(row) for row in await tx.fetch(_STANDING_FOR_UPDATE, app_key, kind, name)]


async def authorisations_of_app(db: Reads, app_key: str) -> list[Authorisation]:
    return [_authorisation(row) for row in await db.fetch(_OF_APP, app_key)]


async def authorisations_of_subject(db: Reads, subject: Subject) -> list[Authorisation]:
    return [_authorisation(row) for row in await db.fetch(_OF_SUBJECT, *subject_columns(subject))]


async def revoke(tx: Transaction, app_key: str, authorisation_id: UUID, at: datetime, by: str) -> None:
    """Its tokens can be shown to nobody any more."""
    await tx.execute(_REVOKE, app_key, authorisation_id, at, by)
    await tx.execute(_FORGET_WRAPPED, app_key, authorisation_id)


async def insert_code(
    tx: Transaction, app_key: str, code_hash: bytes, consent: Consent, issued_at: datetime, expires_at: datetime
) -> None:
    await tx.execute(
        _INSERT_CODE,
        app_key,
        code_hash,
        *subject_columns(consent.subject),
        scope_texts(consent.scopes),
        consent.granted_by,
        issued_at,
        expires_at,
    )


async def use_code(tx: Transaction, app_key: str, code_hash: bytes, at: datetime) -> Consent | None:
    """What the code stands for, spent now; None where it cannot be used."""
    row = await tx.fetchrow(_USE_CODE, app_key, code_hash, at)
    return None if row is None else Consent(subject_of(row), read_scope_texts(row["scopes"]), row["granted_by"])


async def code_was_used(tx: Transaction, app_key: str, code_hash: bytes) -> bool | None:
    """None where the app was never given such a code."""
    used: bool | None = await tx.fetchval(_CODE_WAS_USED, app_key, code_hash)
    return used


async def drop_codes(tx: Transaction, app_key: str, subject: Subject) -> None:
    """Codes of the subject that the app has not used yet are worth nothing any more."""
    await tx.execute(_DROP_CODES, app_key, *subject_columns(subject))


async def pair_by_refresh(tx: Transaction, app_key: str, refresh_hash: bytes) -> Pair | None:
    row = await tx.fetchrow(_BY_REFRESH, app_key, refresh_hash)
    return None if row is None else Pair(*row)


async def current_pair(tx: Transaction, app_key: str, authorisation_id: UUID) -> Pair | None:
    row = await tx.fetchrow(_CURRENT, app_key, authorisation_id)
    return None if row is None else Pair(*row)


async def insert_pair(tx: Transaction, pair: Pair, hashes: tuple[bytes, bytes], issued_at: datetime) -> None:
    """`hashes` of the access and of the refresh token."""
    await tx.execute(
        _INSERT_PAIR,
        pair.app_key,
        pair.pair_id,
        pair.authorisation_id,
        *hashes,
        pair.wrapped,
        pair.root_version,
        issued_at,
        pair.access_until,
        pair.refresh_until,
    )


async def replace_pair(tx: Transaction, pair: Pair, at: datetime, grace_until: datetime) -> None:
    await tx.execute(_REPLACE_PAIR, pair.app_key, pair.pair_id, at, grace_until)


async def who(db: Reads, access_hash: bytes) -> Known | None:
    row = await db.fetchrow(_WHO, access_hash)
    if row is None:
        return None
    caller = Caller(row["app_key"], subject_of(row), read_scope_texts(row["scopes"]), row["access_until"])
    return Known(caller, row["revoked_at"] is not None, AppState(row["state"]))


def _authorisation(row: Record) -> Authorisation:
    return Authorisation(
        row["app_key"],
        row["authorisation_id"],
        subject_of(row),
        read_scope_texts(row["scopes"]),
        row["granted_at"],
        row["granted_by"],
        row["revoked_at"],
        row["revoked_by"],
        row["until"],
    )
