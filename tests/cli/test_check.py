"""`miandan check` on a database with some of everything, whole and damaged: it finds each damage, and nothing else."""

import ast
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from miandan.cli import check as checking
from miandan.cli.check import SHOWN, Promise, Report, Severity, check, promises, verify
from miandan.kernel.database import Database, open_database
from miandan.kernel.settings import Settings
from tests.cli.damages import DAMAGES, Damage
from tests.cli.mix import GONE_WORKER, make_mix
from tests.cli.more_damages import MORE_DAMAGES
from tests.cli.order_damages import ORDER_DAMAGES
from tests.cli.print_damages import PRINT_DAMAGES
from tests.cli.ship_damages import SHIP_DAMAGES
from tests.conftest import _TEMPLATE, FreshDatabase, _url
from tests.waybills.world import SOMEBODY, open_world, parcel

ALL_DAMAGES = DAMAGES + MORE_DAMAGES + ORDER_DAMAGES + SHIP_DAMAGES + PRINT_DAMAGES
_FOREIGN_KEYS = """
    SELECT conrelid::regclass::text AS held_by, conname
      FROM pg_constraint
     WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'public'::regnamespace
"""
LEFT_OPEN = ("no_lease_of_the_dead",)
"""What the mix itself is warned of: it holds a lease that a killed program left."""


class Undo(Exception):
    """Rolls a planted damage back."""


@pytest.fixture(scope="module")
def mix(server_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One database for all damages, since each of them is rolled back."""
    settings = replace(server_settings, database_url=_url(server_settings, "check_mix"), pool=4)
    asyncio.run(_execute(server_settings, f"CREATE DATABASE check_mix TEMPLATE {_TEMPLATE}"))
    asyncio.run(_fill(settings, tmp_path_factory.mktemp("mix")))
    yield settings
    asyncio.run(_execute(server_settings, "DROP DATABASE check_mix WITH (FORCE)"))


async def _execute(settings: Settings, sql: str) -> None:
    async with open_database(settings, pool_size=1) as db:
        await db.execute(sql)


async def _fill(settings: Settings, folder: Path) -> None:
    """The mix, without foreign keys: a check must not lean on what a restored dump may have lost."""
    async with open_database(settings) as db:
        await make_mix(db, folder)
        for row in await db.fetch(_FOREIGN_KEYS):
            await db.execute(f"ALTER TABLE {row['held_by']} DROP CONSTRAINT {row['conname']}")


async def planted(db: Database, damage: Damage, chosen: Sequence[Promise]) -> Report:
    """What a check says while the damage is there."""
    with suppress(Undo):
        async with db.transaction() as tx:
            await tx.execute(damage.sql)
            report = await verify(tx, chosen)
            raise Undo
    return report


def run_check(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    environment = os.environ | {"MIANDAN_DATABASE_URL": url, "MIANDAN_DATA": str(folder)}
    source = "from miandan.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", source, "check"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


async def test_a_database_with_some_of_everything_keeps_every_promise(mix: Settings) -> None:
    async with open_database(mix) as db:
        report = await check(db)
    assert report.broken == ()
    assert report.warned == LEFT_OPEN
    assert report.ok
    unseen = {table for table, rows in report.counts.items() if not rows}
    assert not unseen, "the mix has nothing in tables that promises are about"


async def test_an_empty_database_keeps_every_promise(fresh_database: FreshDatabase) -> None:
    async with fresh_database() as db:
        report = await check(db)
    assert (report.broken, report.warned) == ((), ())


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise.name)
async def test_every_kind_of_damage_is_found(mix: Settings, promise: Promise) -> None:
    async with open_database(mix, pool_size=1) as db:
        whole = await check(db, [promise])
        for damage in ALL_DAMAGES:
            if damage.promise == promise.name:
                report = await planted(db, damage, [promise])
                assert report.promises[0].differences > whole.promises[0].differences, damage.what
                assert report.broken + report.warned == (promise.name,)


def test_every_promise_has_a_damage_that_breaks_it() -> None:
    assert {damage.promise for damage in ALL_DAMAGES} == {promise.name for promise in promises()}
    assert len({promise.name for promise in promises()}) == len(promises())
    assert len({(damage.promise, damage.what) for damage in ALL_DAMAGES}) == len(ALL_DAMAGES)


async def test_the_first_differences_are_shown_and_all_are_counted(mix: Settings) -> None:
    damage = Damage("list_taken_once", "every listed number", "UPDATE pool_list_number SET taken_at = now()")
    async with open_database(mix, pool_size=1) as db:
        report = await planted(db, damage, promises())
    verdict = next(verdict for verdict in report.promises if verdict.name == "list_taken_once")
    assert verdict.differences > 400
    assert len(verdict.first) == SHOWN
    assert verdict.first[0]["carrier"] == "zto_intl"


async def test_no_difference_shows_anything_of_a_person(mix: Settings) -> None:
    secrets = (SOMEBODY.name, SOMEBODY.phone, SOMEBODY.detail, "示例发货仓", "0571-00000000")
    async with open_database(mix, pool_size=1) as db:
        for damage in ALL_DAMAGES[::3]:
            text = checking.as_json(await planted(db, damage, promises()))
            assert not [secret for secret in secrets if secret in text]


async def test_all_promises_see_one_read_only_snapshot(fresh_database: FreshDatabase) -> None:
    sql = """
        SELECT 'other' AS what
         WHERE current_setting('transaction_isolation') <> 'repeatable read'
            OR current_setting('transaction_read_only') <> 'on'
    """
    async with fresh_database() as db:
        report = await check(db, [Promise("snapshot", "", "", "merchant", sql)])
        assert report.ok
        assert await db.fetchval("SELECT current_setting('transaction_read_only')") == "off"


async def test_it_holds_while_numbers_are_being_taken(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    async def take(taker: int) -> None:
        for place in count():
            carrier = ("zto", "sf", "yto")[place % 3]
            await world.take(carrier, *(parcel(f"{taker}-{place}-{one}") for one in range(4)))
            if enough.is_set():
                break

    async with fresh_database(pool_size=8) as db, open_world(db, tmp_path) as world:
        seen: set[int] = set()
        enough = asyncio.Event()
        takers = asyncio.gather(*(take(taker) for taker in range(4)))
        while len(seen) < 4 and not takers.done():
            report = await check(db)
            assert report.broken == (), report.broken
            seen.add(report.counts["waybill"])
        enough.set()
        await takers
        last = await check(db)
        assert last.ok
        assert last.counts["waybill"] == await db.fetchval("SELECT count(*) FROM waybill") >= max(seen)


async def test_a_lease_of_a_living_worker_is_no_reason_to_warn(mix: Settings) -> None:
    async with open_database(mix, pool_size=2) as db, db.connection() as worker:
        await worker.execute("SELECT pg_advisory_lock($1)", GONE_WORKER)
        assert (await check(db)).warned == ()
        await worker.execute("SELECT pg_advisory_unlock($1)", GONE_WORKER)


async def test_a_value_that_cannot_be_read_is_a_difference(fresh_database: FreshDatabase) -> None:
    unreadable = Promise("unreadable", "", "", "merchant", "SELECT 'x'::bigint")
    async with fresh_database() as db:
        report = await check(db, [unreadable, replace(unreadable, name="fine", sql="SELECT 1 WHERE false")])
    assert report.broken == ("unreadable",)
    assert report.promises[0].first == ({"unreadable": "22P02"},)


async def test_a_warning_does_not_fail_the_check(fresh_database: FreshDatabase) -> None:
    warned = Promise("old", "", "", "merchant", "SELECT 1 AS one", severity=Severity.WARNING)
    async with fresh_database() as db:
        report = await check(db, [warned])
    assert report.ok
    assert report.warned == ("old",)


def test_the_command_prints_json_and_exits_0_when_all_is_well(mix: Settings, tmp_path: Path) -> None:
    assert mix.database_url is not None
    ended = run_check(mix.database_url, tmp_path)
    assert ended.returncode == 0, ended.stderr
    printed = json.loads(ended.stdout)
    assert printed["ok"] is True
    assert len(printed["promises"]) == len(promises())
    assert printed["counts"]["waybill"] > 30


def test_the_command_exits_1_with_the_first_differences(
    settings: Settings, fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    asyncio.run(_execute(settings, "INSERT INTO audit_head VALUES ('platform', 3, '\\x00')"))
    assert settings.database_url is not None
    ended = run_check(settings.database_url, tmp_path)
    assert ended.returncode == 1
    printed = json.loads(ended.stdout)
    assert printed["broken"] == ["audit_head"]
    [verdict] = [verdict for verdict in printed["promises"] if verdict["differences"]]
    assert verdict["first"] == [{"chain": "platform", "head": 3, "end": None}]
    assert "audit_head" in ended.stderr


def test_the_check_uses_none_of_the_services_code() -> None:
    """Settings, the connection and the line to the person at the keyboard are all that it imports."""
    assert checking.__file__ is not None
    tree = ast.parse(Path(checking.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    ours = {module for module in imported if module.startswith("miandan")}
    assert ours == {f"miandan.{name}" for name in ("cli.session", "cli.streams", "kernel.database", "kernel.settings")}


def test_the_documentation_lists_every_promise_in_both_languages() -> None:
    text = (Path(__file__).parents[2] / "docs" / "check.md").read_text(encoding="utf-8")
    for promise in promises():
        assert f"| `{promise.name}` | {promise.zh} | {promise.en} |" in text


def test_numbers_are_read_from_the_data_and_not_from_the_code() -> None:
    rules = checking.number_rules()
    assert {"zto", "ems", "zto_intl"} <= {rule["carrier"] for rule in rules}
    assert {rule["carrier"] for rule in rules if rule["packages"]} == {"jd"}
