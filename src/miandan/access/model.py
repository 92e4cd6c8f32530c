"""Apps, their secrets, for whom they may act, and what a token says of its bearer."""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from miandan.access.scopes import Scope as Scope
from miandan.access.scopes import scopes_for
from miandan.kernel.errors import Refusal

LIVE_SECRETS: Final = 2
"""Secrets of an app that count at once: the one in use and the one that replaces it."""

MOST_CALLS_PER_SECOND: Final = 100_000
_LONGEST_NAME: Final = 100
_LONGEST_URL: Final = 500
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


class SubjectKind(StrEnum):
    """Who can let an app act for them."""

    SHOP = "shop"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Subject:
    """For whom a token acts: one shop of one merchant ("" for a merchant without shops), or one carrier (our code)."""

    kind: SubjectKind
    merchant_id: int = 0
    shop_id: str = ""
    carrier: str = ""

    def __post_init__(self) -> None:
        whole = (
            self.merchant_id > 0 and not self.carrier
            if self.kind is SubjectKind.SHOP
            else bool(self.carrier) and not self.merchant_id and not self.shop_id
        )
        if not whole:
            raise ValueError(f"not a subject: {self}")

    @property
    def name(self) -> str:
        """What a door calls it: the shop's id, the carrier's code, the merchant's id where there is no shop."""
        return self.carrier or self.shop_id or str(self.merchant_id)


def shop(merchant_id: int, shop_id: str = "") -> Subject:
    """A shop, or a merchant without one."""
    return Subject(SubjectKind.SHOP, merchant_id=merchant_id, shop_id=shop_id)


def carrier(code: str) -> Subject:
    return Subject(SubjectKind.CARRIER, carrier=code)


class AppKind(StrEnum):
    """TOOL serves many and is let in by each with a code; SELF_USE belongs to its subjects and needs none."""

    TOOL = "tool"
    SELF_USE = "self_use"


class AppState(StrEnum):
    ACTIVE = "active"
    FORBIDDEN = "forbidden"


class GrantType(StrEnum):
    """How an app asks for tokens, in the words of the protocol."""

    AUTHORIZATION_CODE = "authorization_code"
    AUTHORIZATION_SELF = "authorization_self"
    REFRESH_TOKEN = "refresh_token"


def read_grant_type(text: str) -> GrantType:
    """Raises access.grant_type_wrong."""
    if text not in list(GrantType):
        raise Refusal("access.grant_type_wrong")
    return GrantType(text)


@dataclass(frozen=True, slots=True)
class App:
    """A program of a vendor. `scopes` is the most that anybody may grant it; the limit holds for all its calls."""

    app_key: str
    name: str
    kind: AppKind
    redirect_urls: tuple[str, ...]
    scopes: frozenset[Scope]
    calls_per_second: int
    state: AppState
    state_reason: str
    state_at: datetime
    created_at: datetime

    def must_be_active(self) -> None:
        """Raises access.app_forbidden."""
        if self.state is AppState.FORBIDDEN:
            raise Refusal("access.app_forbidden", app=self.app_key)


@dataclass(frozen=True, slots=True)
class Registration:
    """What is written on the form for a new app. `own`: whom a self-use app belongs to; `redirect_urls`: where a
    tool's codes may be sent. `calls_per_second` None: the usual limit (terms.toml)."""

    name: str
    kind: AppKind
    scopes: frozenset[Scope]
    own: tuple[Subject, ...] = ()
    redirect_urls: tuple[str, ...] = ()
    calls_per_second: int | None = None

    def check(self) -> None:
        """Raises access.name_bad, access.scopes_empty, access.subject_missing, access.subject_not_for_tool,
        access.limit_bad, access.redirect_bad, and what `must_fit` raises."""
        if not self.name.strip() or len(self.name) > _LONGEST_NAME or _UNPRINTABLE.search(self.name):
            raise Refusal("access.name_bad", longest=_LONGEST_NAME)
        if not self.scopes:
            raise Refusal("access.scopes_empty", scopes="、".join(Scope))
        if self.kind is AppKind.SELF_USE and not self.own:
            raise Refusal("access.subject_missing")
        if self.kind is AppKind.TOOL and self.own:
            raise Refusal("access.subject_not_for_tool")
        for subject in self.own:
            must_fit(self.scopes, subject)
        if self.calls_per_second is not None and not 0 < self.calls_per_second <= MOST_CALLS_PER_SECOND:
            raise Refusal("access.limit_bad", most=MOST_CALLS_PER_SECOND)
        for url in self.redirect_urls:
            _check_url(url)


def must_fit(scopes: Collection[Scope], subject: Subject) -> None:
    """A shop cannot grant what is a carrier's, nor the other way round. Raises access.scope_not_for_subject."""
    foreign = sorted(set(scopes) - scopes_for(subject.kind))
    if foreign:
        raise Refusal("access.scope_not_for_subject", scopes="、".join(foreign), subject=subject.name)


def _check_url(url: str) -> None:
    """A code in a URL must travel encrypted, unless it does not leave the machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.netloc.encode("idna")  # as the page will write it
    except ValueError:
        raise Refusal("access.redirect_bad") from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE)
    odd = parts.fragment or "@" in parts.netloc or len(url) > _LONGEST_URL or _UNPRINTABLE.search(url)
    if not safe or not host or odd:
        raise Refusal("access.redirect_bad")


@dataclass(frozen=True, slots=True)
class Secret:
    """A live key of an app, in plain because signatures are computed with it. Never in a repr."""

    secret_id: UUID
    created_at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretMark:
    """That a secret is or was there, without it."""

    secret_id: UUID
    created_at: datetime
    retired_at: datetime | None


def hashed(text: str) -> bytes:
    """How codes, tokens and words lie where they are only to be recognised: SHA-256, as all of them are random."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A subject lets an app act for it. `until`: when the app's last tokens end for good, None before it had any."""

    app_key: str
    authorisation_id: UUID
    subject: Subject
    scopes: frozenset[Scope]
    granted_at: datetime
    granted_by: str
    revoked_at: datetime | None = None
    revoked_by: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair, with for whom and for what it is. Never in a repr."""

    app_key: str
    authorisation_id: UUID
    subject: Subject
    scopes: frozenset[Scope]
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_until: datetime
    refresh_until: datetime

    def expires_in(self, at: datetime) -> int:
        """Whole seconds that the access token still has."""
        return max(0, int((self.access_until - at).total_seconds()))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: what a valid access token says."""

    app_key: str
    subject: Subject
    scopes: frozenset[Scope]
    expires_at: datetime

    def must_be_of(self, app_key: str) -> None:
        """A token only counts in the hands of its app. Raises access.token_of_another_app."""
        if self.app_key != app_key:
            raise Refusal("access.token_of_another_app")

    def must_have(self, scope: Scope) -> None:
        """Raises access.scope_missing."""
        if scope not in self.scopes:
            raise Refusal("access.scope_missing", scope=scope.value)


def read_scopes(texts: Iterable[str]) -> frozenset[Scope]:
    """Raises access.scope_unknown."""
    words = frozenset(texts)
    unknown = sorted(words - set(Scope))
    if unknown:
        raise Refusal("access.scope_unknown", scopes="、".join(Scope))
    return frozenset(Scope(word) for word in words)
