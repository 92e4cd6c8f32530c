"""A sandbox that the tests of one room share: loaded once, checked at its end, every promise of it."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from miandan.cli.check import check, promises
from miandan.cli.sandbox import load_sandbox, load_sandbox_apps
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.vault.root import open_root_key
from tests.conftest import _TEMPLATE, _command, _url


@contextmanager
def shared_sandbox(server: Settings, folder: Path, name: str, *, leave_out: Collection[str] = ()) -> Iterator[Settings]:
    """Settings of a loaded sandbox in a database of its own; at the end `miandan check` finds every promise kept.

    `leave_out` names promises that the room's tests go round on purpose.
    """
    asyncio.run(_command(server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
    settings = Settings(data=folder / "data", database_url=_url(server, name), sandbox=True)
    settings.data.mkdir()
    asyncio.run(load(settings))
    yield settings
    asyncio.run(check_kept(settings, leave_out))
    asyncio.run(_command(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def load(settings: Settings) -> None:
    """The sandbox and its apps, with the root key of the data folder."""
    async with open_database(settings, pool_size=4) as db:
        await load_sandbox(db)
        await load_sandbox_apps(db, open_root_key(settings.data, None, sandbox=True))


async def check_kept(settings: Settings, leave_out: Collection[str] = ()) -> None:
    """Every promise holds, but those of `leave_out`, which are not looked at."""
    chosen = [promise for promise in promises() if promise.name not in leave_out]
    async with open_database(settings, pool_size=2) as db:
        report = await check(db, chosen)
    assert report.ok, [verdict for verdict in report.promises if verdict.name in report.broken]
