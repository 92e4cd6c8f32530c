"""The register of apps: written down, forbidden and allowed again, their secrets changed without a pause.

An app may have two live secrets: the vendor takes the new one into use server by server, then the old one is retired.
Secrets are needed in plain to check signatures, so they lie wrapped by the root key; each is shown once.
"""

import hmac
import re
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from miandan.access import queries, token_queries
from miandan.access.model import (
    LIVE_SECRETS,
    App,
    AppState,
    Authorisation,
    Registration,
    Secret,
    SecretMark,
    Subject,
)
from miandan.access.queries import WrappedSecret
from miandan.access.terms import terms_at
from miandan.kernel import audit
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.kernel.wrapping import Wraps

OPERATOR: Final = "operator"
"""Who does what nobody else is named for."""

_SECRET_BYTES: Final = 32
_SMALLEST_KEY: Final = 10**18  # of 19 digits, as the Doudian platform has them
_KEYS: Final = 5 * 10**18  # below the sandbox's and below 2^63
_SANDBOX_KEY: Final = re.compile(r"7000000000000000\d{3}", re.ASCII)


async def register_app(
    db: Database, root: Wraps, form: Registration, *, by: str = OPERATOR, at: datetime | None = None
) -> tuple[App, str]:
    """A new app with its first secret, which nobody can ask for again; its own subjects have let it in at once.

    Raises what `Registration.check` raises.
    """
    form.check()
    moment = at or now()
    secret = _new_secret()
    async with db.transaction() as tx:
        app = _app_of(form, _new_key(), moment)
        while not await queries.insert_app(tx, app):
            app = _app_of(form, _new_key(), moment)
        await _equip(tx, root, app, secret, form.own, by)
    return app, secret


async def register_sandbox_app(
    db: Database, root: Wraps, form: Registration, app_key: str, secret: str, at: datetime | None = None
) -> bool:
    """An app whose key and secret everybody knows: for invented data only, which the caller answers for.

    False where it was there already; then nothing is changed. Raises access.sandbox_key (such keys begin with
    7000000000000000, no real app gets one), and what `Registration.check` raises.
    """
    if not _SANDBOX_KEY.fullmatch(app_key) or not secret:
        raise Refusal("access.sandbox_key")
    form.check()
    app = _app_of(form, app_key, at or now())
    async with db.transaction() as tx:
        if not await queries.insert_app(tx, app):
            return False
        await _equip(tx, root, app, secret, form.own, "sandbox")
    return True


def _app_of(form: Registration, app_key: str, at: datetime) -> App:
    limit = form.calls_per_second or terms_at(at).calls_per_second
    urls = tuple(dict.fromkeys(form.redirect_urls))
    return App(app_key, form.name, form.kind, urls, form.scopes, limit, AppState.ACTIVE, "", at, at)


async def _equip(tx: Transaction, root: Wraps, app: App, secret: str, own: tuple[Subject, ...], by: str) -> None:
    """Its secret, the authorisations of its own subjects, and what is written down about it."""
    await queries.insert_secret(tx, app.app_key, _wrapped(root, app.app_key, secret, app.created_at))
    for subject in dict.fromkeys(own):
        granted = Authorisation(app.app_key, new_id(), subject, app.scopes, app.created_at, by)
        await token_queries.put_authorisation(tx, granted)
    subject_of_entry: dict[str, object] = {
        "app": app.app_key,
        "kind": app.kind.value,
        "scopes": queries.scope_texts(app.scopes),
        "own": [{"kind": one.kind.value, "name": one.name} for one in own],
    }
    await _write_down(tx, by, "app.registered", subject_of_entry, app.created_at)


async def apps(db: Reads) -> list[App]:
    """Every app, oldest first."""
    return await queries.apps(db)


async def find_app(db: Reads, app_key: str) -> App:
    """An app in whatever state. Raises access.app_unknown."""
    app = await queries.app(db, app_key)
    if app is None:
        raise Refusal("access.app_unknown")
    return app


async def forbid(
    db: Database, app_key: str, reason: str = "", *, by: str = OPERATOR, at: datetime | None = None
) -> App:
    """No call of the app is answered any more, whatever tokens it holds; they stay for when it is allowed again.

    Raises access.app_unknown.
    """
    return await _change_state(db, app_key, AppState.FORBIDDEN, reason, by, at or now())


async def allow(db: Database, app_key: str, *, by: str = OPERATOR, at: datetime | None = None) -> App:
    """Take `forbid` back. Raises access.app_unknown."""
    return await _change_state(db, app_key, AppState.ACTIVE, "", by, at or now())


async def _change_state(db: Database, app_key: str, state: AppState, reason: str, by: str, at: datetime) -> App:
    async with db.transaction() as tx:
        before = await _app_for_update(tx, app_key)
        if before.state is state:
            return before
        await queries.set_state(tx, app_key, state, reason, at)
        action = "app.forbidden" if state is AppState.FORBIDDEN else "app.allowed"
        await _write_down(tx, by, action, {"app": app_key, "reason": reason}, at)
        return await find_app(tx, app_key)


async def add_secret(
    db: Database, root: Wraps, app_key: str, *, by: str = OPERATOR, at: datetime | None = None
) -> tuple[SecretMark, str]:
    """A second secret beside the one in use; both count until one is retired. Its text is shown only here.

    Raises access.app_unknown, access.secrets_full.
    """
    moment = at or now()
    text = _new_secret()
    async with db.transaction() as tx:
        await _app_for_update(tx, app_key)
        live = await queries.live_secrets(tx, app_key)
        if len(live) >= LIVE_SECRETS:
            raise Refusal("access.secrets_full", app=app_key, most=LIVE_SECRETS)
        added = _wrapped(root, app_key, text, moment)
        await queries.insert_secret(tx, app_key, added)
        await _write_down(tx, by, "secret.added", {"app": app_key, "secret": str(added.secret_id)}, moment)
    return SecretMark(added.secret_id, moment, None), text


async def retire_secret(
    db: Database, app_key: str, secret_id: UUID, *, by: str = OPERATOR, at: datetime | None = None
) -> None:
    """The secret counts no more and is gone for good; doors feel it within seconds. Retired before: nothing happens.

    Raises access.app_unknown, access.secret_unknown, access.secret_last.
    """
    moment = at or now()
    async with db.transaction() as tx:
        await _app_for_update(tx, app_key)
        marks = {mark.secret_id: mark for mark in await queries.secret_marks(tx, app_key)}
        if secret_id not in marks:
            raise Refusal("access.secret_unknown", app=app_key)
        if marks[secret_id].retired_at is not None:
            return
        if sum(mark.retired_at is None for mark in marks.values()) < LIVE_SECRETS:
            raise Refusal("access.secret_last", app=app_key)
        await queries.retire_secret(tx, app_key, secret_id, moment)
        await _write_down(tx, by, "secret.retired", {"app": app_key, "secret": str(secret_id)}, moment)


async def secrets_of(db: Reads, root: Wraps, app_key: str) -> tuple[Secret, ...]:
    """The live secrets in plain, newest first; none for an app that is unknown. Raises vault.root_differs."""
    return tuple(
        Secret(row.secret_id, row.created_at, _unwrapped(root, app_key, row))
        for row in await queries.live_secrets(db, app_key)
    )


async def secret_marks(db: Reads, app_key: str) -> list[SecretMark]:
    """Which secrets the app has and had, newest first, without them."""
    return await queries.secret_marks(db, app_key)


async def authenticate(db: Reads, root: Wraps, app_key: str, secret: str) -> App:
    """The app that proves itself by one of its secrets.

    Raises access.app_unknown, access.secret_wrong, access.app_forbidden.
    """
    app = await find_app(db, app_key)
    given = secret.encode("utf-8", errors="surrogatepass")
    found = False
    for known in await secrets_of(db, root, app_key):  # all of them, so that the time says nothing
        found |= hmac.compare_digest(given, known.text.encode())
    if not found:
        raise Refusal("access.secret_wrong", app=app_key)
    app.must_be_active()
    return app


async def _app_for_update(tx: Transaction, app_key: str) -> App:
    app = await queries.app_for_update(tx, app_key)
    if app is None:
        raise Refusal("access.app_unknown")
    return app


async def _write_down(tx: Transaction, by: str, action: str, subject: dict[str, object], at: datetime) -> None:
    await audit.append(tx, audit.PLATFORM, actor=by, action=action, subject=subject, at=at)


def _new_key() -> str:
    return str(_SMALLEST_KEY + secrets.randbelow(_KEYS))


def _new_secret() -> str:
    return secrets.token_hex(_SECRET_BYTES)


def _wrapped(root: Wraps, app_key: str, text: str, at: datetime) -> WrappedSecret:
    secret_id = new_id()
    return WrappedSecret(secret_id, root.wrap(text.encode(), _context(app_key, secret_id)), root.version, at)


def _unwrapped(root: Wraps, app_key: str, row: WrappedSecret) -> str:
    return root.unwrap(row.wrapped, _context(app_key, row.secret_id), row.root_version).decode()


def _context(app_key: str, secret_id: UUID) -> bytes:
    return f"app secret|{app_key}|{secret_id}".encode()
