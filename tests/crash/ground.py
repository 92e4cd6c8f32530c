"""Where races and kills happen: an embedded server of their own, and one sandbox after another on it.

An `Era` is a database with the books of its fake carriers. Every race and every kill has a merchant of its own; after
some hundreds a new era begins, so that `miandan check`, which reads everything, stays quick.
"""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from miandan.branches import service as branches
from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import NumberKind
from miandan.cli.sandbox import load_sandbox
from miandan.kernel.database import Database, open_database
from miandan.kernel.postgres.layout import Layout
from miandan.kernel.postgres.locks import opened
from miandan.kernel.settings import Settings
from tests.conftest import _command, _url
from tests.crash.era import LISTED, Era, patient_connect
from tests.kernel import programs
from tests.waybills.stall import open_stall
from tests.waybills.world import World

_LISTED_NUMBERS = 30_000
_TEMPLATE = "ground"
_LINGER_SECONDS = 0.3


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
    """A merchant with an account at each of these carriers and so many units where they are sold."""
    stall = await open_stall(World(db, None, None, {}))  # type: ignore[arg-type]
    stall.world.counter = _Catalogue()  # type: ignore[assignment]
    for carrier, count_of_units in units.items():
        await stall.account(carrier, units=count_of_units)
    return stall.merchant_id


class _Catalogue:
    """As much of a counter as opening accounts needs."""

    carrier = staticmethod(lambda code: catalogue().get(code))


async def _drop(server: Settings, name: str) -> None:
    connection = await patient_connect(_url(server, "postgres"))
    try:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
