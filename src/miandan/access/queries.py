"""Every statement about apps and their secrets. `..._for_update` holds its row until the transaction ends."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from miandan.access.model import App, AppKind, AppState, SecretMark, Subject, SubjectKind
from miandan.access.scopes import Scope
from miandan.kernel.database import Reads, Record, Transaction

_INSERT_APP = """
    INSERT INTO app (app_key, name, kind, redirect_urls, scopes, calls_per_second, state, state_reason, state_at,
                     created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT DO NOTHING
 RETURNING app_key
"""
_APP = """
    SELECT app_key, name, kind, redirect_urls, scopes, calls_per_second, state, state_reason, state_at, created_at
      FROM app
"""
_APPS = _APP + "ORDER BY created_at, app_key"
_ONE_APP = _APP + "WHERE app_key = $1"
_APP_FOR_UPDATE = _ONE_APP + " FOR UPDATE"

_SET_STATE = "UPDATE app SET state = $2, state_reason = $3, state_at = $4 WHERE app_key = $1"

_INSERT_SECRET = """
    INSERT INTO app_secret (app_key, secret_id, wrapped, root_version, created_at)
    VALUES ($1, $2, $3, $4, $5)
"""
_LIVE_SECRETS = """
    SELECT secret_id, wrapped, root_version, created_at
      FROM app_secret
     WHERE app_key = $1 AND retired_at IS NULL
     ORDER BY created_at DESC, secret_id DESC
"""
_SECRET_MARKS = """
    SELECT secret_id, created_at, retired_at
      FROM app_secret
     WHERE app_key = $1
     ORDER BY created_at DESC, secret_id DESC
"""
_RETIRE_SECRET = """
    UPDATE app_secret SET wrapped = NULL, retired_at = $3 WHERE app_key = $1 AND secret_id = $2
"""


SUBJECT: Final = "subject_kind, merchant_id, shop_id, carrier"
"""Columns that say for whom a row is, in the order of `subject_columns`."""


class WrappedSecret(NamedTuple):
    """A live secret as it lies."""

    secret_id: UUID
    wrapped: bytes
    root_version: int
    created_at: datetime


async def insert_app(tx: Transaction, app: App) -> bool:
    """Whether the key was free."""
    inserted = await tx.fetchval(
        _INSERT_APP,
        app.app_key,
        app.name,
        app.kind,
        list(app.redirect_urls),
        scope_texts(app.scopes),
        app.calls_per_second,
        app.state,
        app.state_reason,
        app.state_at,
        app.created_at,
    )
    return inserted is not None


async def app(db: Reads, app_key: str) -> App | None:
    row = await db.fetchrow(_ONE_APP, app_key)
    return None if row is None else _app(row)


async def app_for_update(tx: Transaction, app_key: str) -> App | None:
    row = await tx.fetchrow(_APP_FOR_UPDATE, app_key)
    return None if row is None else _app(row)


async def apps(db: Reads) -> list[App]:
    return [_app(row) for row in await db.fetch(_APPS)]


async def set_state(tx: Transaction, app_key: str, state: AppState, reason: str, at: datetime) -> None:
    await tx.execute(_SET_STATE, app_key, state, reason, at)


async def insert_secret(tx: Transaction, app_key: str, secret: WrappedSecret) -> None:
    await tx.execute(_INSERT_SECRET, app_key, secret.secret_id, secret.wrapped, secret.root_version, secret.created_at)


async def live_secrets(db: Reads, app_key: str) -> list[WrappedSecret]:
    """Newest first."""
    return [WrappedSecret(*row) for row in await db.fetch(_LIVE_SECRETS, app_key)]


async def secret_marks(db: Reads, app_key: str) -> list[SecretMark]:
    """Newest first, retired ones too."""
    return [SecretMark(*row) for row in await db.fetch(_SECRET_MARKS, app_key)]


async def retire_secret(tx: Transaction, app_key: str, secret_id: UUID, at: datetime) -> None:
    await tx.execute(_RETIRE_SECRET, app_key, secret_id, at)


def subject_columns(subject: Subject) -> tuple[str, int, str, str]:
    return subject.kind.value, subject.merchant_id, subject.shop_id, subject.carrier


def subject_of(row: Record) -> Subject:
    return Subject(SubjectKind(row["subject_kind"]), row["merchant_id"], row["shop_id"], row["carrier"])


def scope_texts(scopes: Iterable[Scope]) -> list[str]:
    return sorted(scope.value for scope in scopes)


def read_scope_texts(texts: Iterable[str]) -> frozenset[Scope]:
    """Of a column. A scope that this program no longer knows grants nothing."""
    known = set(Scope)
    return frozenset(Scope(text) for text in texts if text in known)


def _app(row: Record) -> App:
    return App(
        **dict(row)
        | {
            "kind": AppKind(row["kind"]),
            "state": AppState(row["state"]),
            "redirect_urls": tuple(row["redirect_urls"]),
            "scopes": read_scope_texts(row["scopes"]),
        }
    )
