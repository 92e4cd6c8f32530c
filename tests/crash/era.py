"""One sandbox among many: a database, the root key of its vault, and the books of its fake carriers.

Killed programs import this and little else, since each of their lives begins with it; what makes and drops sandboxes
is in ground.py.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from miandan.accounts import service as accounts
from miandan.connectors.fake import PROFILES, FakeCarrier, Profile
from miandan.kernel.database import Database, open_database
from miandan.kernel.settings import Settings
from miandan.vault.model import Recipient
from miandan.vault.root import FileRootKey
from miandan.vault.service import Vault
from miandan.waybills.counter import Counter, open_counter
from miandan.waybills.model import ParcelAsk, parcel_key

SEGMENT = ("zto", "yto", "yunda", "sto", "jt")
LIVE = ("sf", "jd", "deppon", "ems")
LISTED = "zto_intl"

SETTLE = timedelta(seconds=0.3)
"""Settle time of the fake carriers here: long beside a call, short beside a test."""

_SOMEBODY = Recipient(
    "测试甲", "19000000001", "", "浙江省", "杭州市", "余杭区", "仓前街道", "测试路 1 号 2 幢 301 室", "330110"
)
_SHOP = "S1"


def parcel(*orders: str, pieces: int = 1) -> ParcelAsk:
    """A parcel of these orders, always the same for the same orders."""
    keys = tuple(parcel_key(_SHOP, order) for order in orders)
    goods = ({"line_id": orders[0], "title": "杯子", "quantity": 1},)
    return ParcelAsk(keys, f"{_SHOP}/{orders[0]}", _SOMEBODY, goods, _SOMEBODY.division_code, _SHOP, pieces=pieces)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a program takes numbers with."""

    db: Database
    counter: Counter
    carriers: Mapping[str, FakeCarrier]


@dataclass(frozen=True, slots=True)
class Era:
    """A sandbox of its own. `folder` holds the root key and the books of the fake carriers."""

    settings: Settings
    folder: Path

    @property
    def url(self) -> str:
        assert self.settings.database_url is not None
        return self.settings.database_url

    @asynccontextmanager
    async def program(self, *, pool_size: int = 8, lanes: int = 2, counters: int = 1) -> AsyncIterator[list[Worker]]:
        """One program with so many counters, each with leases of its own."""
        async with open_database(self.settings, pool_size=pool_size) as db:
            vault = await Vault.open(db, _root_key(self.folder))
            async with _workers(db, vault, self.folder, lanes, counters) as workers:
                yield workers

    @asynccontextmanager
    async def judge(self) -> AsyncIterator[Any]:
        """A plain connection that is no program's, as soon as the server has one to give."""
        connection = await patient_connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()

    async def quiet(self, connection: Any) -> None:
        """Wait until nothing that a killed program had under way is still going on in the server."""
        deadline = time.monotonic() + 60
        while await connection.fetchval(_BACKENDS):
            assert time.monotonic() < deadline, "a backend of a killed program does not end"
            await asyncio.sleep(0.005)


_BACKENDS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'miandan'
"""


@asynccontextmanager
async def _workers(db: Database, vault: Vault, folder: Path, lanes: int, counters: int) -> AsyncIterator[list[Worker]]:
    if not counters:
        yield []
        return
    carriers = {
        code: FakeCarrier(code, folder / "fakes.sqlite", Profile(known.repeat_safe, known.queryable, SETTLE))
        for code, known in PROFILES.items()
    }
    try:
        async with (
            open_counter(db, vault, carriers, lanes=lanes) as counter,
            _workers(db, vault, folder, lanes, counters - 1) as others,
        ):
            yield [Worker(db, counter, carriers), *others]
    finally:
        for carrier in carriers.values():
            carrier.close()


async def account_of(db: Database, merchant_id: int, carrier: str) -> tuple[UUID, UUID]:
    """Id and ship-from address of the merchant's account with a carrier."""
    [account] = await accounts.accounts_of(db, merchant_id, carrier)
    [sender] = await accounts.ship_from_of(db, merchant_id, account.account_id)
    return account.account_id, sender.ship_from_id


def _root_key(folder: Path) -> FileRootKey:
    key = folder / "root.key"
    return (
        FileRootKey.open(key, "for tests only") if key.exists() else FileRootKey.create(key, "for tests only", cost=2)
    )


async def patient_connect(url: str, seconds: float = 60.0) -> Any:
    """A connection as soon as the server gives one."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection: Any = await asyncpg.connect(url, server_settings={"application_name": "judge"})
            return connection
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)
