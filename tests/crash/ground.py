"""Where races and kills happen: an embedded server of their own, and one sandbox after another on it.

An `Era` is a database with the books of its fake carriers. Every race and every kill has a merchant of its own; after
some hundreds a new era begins, so that `miandan check`, which reads everything, stays quick.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from miandan.accounts import service as accounts
from miandan.branches import service as branches
from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import NumberKind
from miandan.cli.sandbox import load_sandbox
from miandan.connectors.fake import PROFILES, FakeCarrier, Profile
from miandan.kernel.database import Database, open_database
from miandan.kernel.postgres.layout import Layout
from miandan.kernel.postgres.locks import opened
from miandan.kernel.settings import Settings
from miandan.vault.root import FileRootKey
from miandan.vault.service import Vault
from miandan.waybills.counter import open_counter
from tests.conftest import _command, _url
from tests.kernel import programs
from tests.waybills.stall import Stall, open_stall
from tests.waybills.world import World

SEGMENT = ("zto", "yto", "yunda", "sto", "jt")
LIVE = ("sf", "jd", "deppon", "ems")
LISTED = "zto_intl"

SETTLE = timedelta(seconds=0.3)
"""Settle time of the fake carriers here: long beside a call, short beside a test."""

_LISTED_NUMBERS = 30_000
_TEMPLATE = "ground"
_LINGER_SECONDS = 0.3


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
    async def program(self, *, pool_size: int = 8, lanes: int = 2, counters: int = 1) -> AsyncIterator[list[World]]:
        """One program with so many counters, each a worker with leases of its own."""
        async with open_database(self.settings, pool_size=pool_size) as db:
            vault = await Vault.open(db, _root_key(self.folder))
            async with _worlds(db, vault, self.folder, lanes, counters) as worlds:
                yield worlds

    async def open_merchant(self, units: Mapping[str, int]) -> int:
        """A merchant with an account at each of these carriers and so many units where they are sold."""
        async with open_database(self.settings, pool_size=2) as db:
            return await open_merchant(db, units)

    @asynccontextmanager
    async def judge(self) -> AsyncIterator[Any]:
        """A plain connection that is no program's, as soon as the server has one to give."""
        connection = await _patient_connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()

    async def quiet(self, connection: Any) -> None:
        """Wait until nothing that a killed program had under way is still going on in the server."""
        deadline = time.monotonic() + 10
        while await connection.fetchval(_BACKENDS):
            assert time.monotonic() < deadline, "a backend of a killed program does not end"
            await asyncio.sleep(0.005)


_BACKENDS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'miandan'
"""


class Ground:
    """The server and its eras; made by `open_ground`."""

    def __init__(self, data: Path) -> None:
        self.server = Settings(data=data, sandbox=True, linger_seconds=_LINGER_SECONDS)
        self._numbers = count(1)

    @contextmanager
    def era(self) -> Iterator[Era]:
        """A new sandbox; dropped afterwards."""
        name = f"era_{next(self._numbers)}"
        folder = self.server.data.parent / name
        folder.mkdir()
        asyncio.run(_command(self.server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
        yield Era(Settings(data=folder, database_url=_url(self.server, name), sandbox=True), folder)
        asyncio.run(_drop(self.server, name))

    def kill_server(self) -> None:
        """SIGKILL the postmaster."""
        os.kill(programs.postmaster(self.server.data), signal.SIGKILL)

    def prepare(self) -> None:
        asyncio.run(self._make_template())

    async def _make_template(self) -> None:
        async with open_database(self.server, pool_size=1) as db:
            await db.execute(f"CREATE DATABASE {_TEMPLATE}")
        template = Settings(data=self.server.data, database_url=_url(self.server, _TEMPLATE), sandbox=True)
        async with open_database(template, pool_size=2) as db:
            await load_sandbox(db)
            rule = catalogue().get(LISTED).rule(NumberKind.SANDBOX)
            more = [rule.format(100_000 + place) for place in range(_LISTED_NUMBERS)]
            await branches.load_list(db, LISTED, "57199", more)


@contextmanager
def open_ground() -> Iterator[Ground]:
    """A server with durability on, for the length of the block."""
    with programs.folder() as data:
        layout = Layout.of(data)
        layout.make()
        with opened(layout.users_lock) as users:  # our seat: the server stays while programs come and go
            assert users.try_shared()
            ground = Ground(data)
            ground.prepare()
            yield ground


async def open_merchant(db: Database, units: Mapping[str, int]) -> int:
    """See Era.open_merchant."""
    stall: Stall = await open_stall(World(db, None, None, {}))  # type: ignore[arg-type]
    stall.world.counter = _Catalogue()  # type: ignore[assignment]
    for carrier, count_of_units in units.items():
        await stall.account(carrier, units=count_of_units)
    return stall.merchant_id


class _Catalogue:
    """As much of a counter as opening accounts needs."""

    carrier = staticmethod(lambda code: catalogue().get(code))


@asynccontextmanager
async def _worlds(db: Database, vault: Vault, folder: Path, lanes: int, counters: int) -> AsyncIterator[list[World]]:
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
            _worlds(db, vault, folder, lanes, counters - 1) as others,
        ):
            yield [World(db, vault, counter, carriers), *others]
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


async def _patient_connect(url: str, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection: Any = await asyncpg.connect(url, server_settings={"application_name": "judge"})
            return connection
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


async def _drop(server: Settings, name: str) -> None:
    connection = await _patient_connect(_url(server, "postgres"))
    try:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
