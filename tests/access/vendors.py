"""What the tests of this room stand on: a root key in memory, apps as a vendor brings them, refusals by their code."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from miandan.access import service, tokens
from miandan.access.model import App, AppKind, Registration, Scope, Subject, Tokens, carrier, shop
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from tests.conftest import FreshDatabase

SHOP: Final = shop(1001, "S10001")
OTHER_SHOP: Final = shop(1001, "S10002")
NO_SHOP: Final = shop(1002)
ZTO: Final = carrier("zto")
NOON: Final = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
URL: Final = "https://erp.example/callback"
SCOPES: Final = frozenset({Scope.ORDERS, Scope.WAYBILLS, Scope.PRINT})

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


class Root:
    """The vault's root key does the same; this room may not import the vault."""

    version = 3

    def __init__(self, byte: bytes = b"r") -> None:
        self._lock = AESGCM(byte * 32)
        self._nonce = 0

    def wrap(self, plain: bytes, context: bytes) -> bytes:
        self._nonce += 1
        nonce = self._nonce.to_bytes(12, "big")
        return nonce + self._lock.encrypt(nonce, plain, context)

    def unwrap(self, wrapped: bytes, context: bytes, version: int) -> bytes:
        assert version == self.version
        try:
            return self._lock.decrypt(wrapped[:12], wrapped[12:], context)
        except InvalidTag:
            raise Refusal("vault.root_differs", version=version) from None


def tool_form(name: str = "示例 ERP", **changes: object) -> Registration:
    return Registration(**{"name": name, "kind": AppKind.TOOL, "scopes": SCOPES, "redirect_urls": (URL,)} | changes)  # type: ignore[arg-type]


def own_form(*own: Subject, scopes: frozenset[Scope] = SCOPES) -> Registration:
    return Registration("自家打单", AppKind.SELF_USE, scopes, own or (SHOP,))


async def tool(db: Database, root: Root, **changes: object) -> App:
    app, _ = await service.register_app(db, root, tool_form(**changes), at=NOON)  # type: ignore[arg-type]
    return app


@asynccontextmanager
async def one_tool(
    fresh_database: FreshDatabase, *, pool_size: int | None = None
) -> AsyncIterator[tuple[Database, Root, App]]:
    """A database, the root key to it, and a tool that is registered there."""
    async with fresh_database(pool_size=pool_size) as db:
        root = Root()
        yield db, root, await tool(db, root)


async def own_app(db: Database, root: Root, *own: Subject) -> App:
    app, _ = await service.register_app(db, root, own_form(*own), at=NOON)
    return app


async def let_in(db: Database, root: Root, app: App, subject: Subject = SHOP, at: datetime = NOON) -> Tokens:
    """A shop agrees and the tool fetches its tokens."""
    code = await tokens.authorise(db, app.app_key, subject, SCOPES, URL, at=at)
    return await tokens.exchange_code(db, root, app.app_key, code, at=at)


async def refused(code: str, act: Awaitable[object]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await act
    assert refusal.value.code == code
    assert refusal.value.zh
    assert refusal.value.next_zh
    assert refusal.value.en
    assert refusal.value.next_en
    return refusal.value
