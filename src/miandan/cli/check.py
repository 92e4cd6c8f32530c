"""`miandan check`: every promise that the database can show, proven by SQL that uses none of the service's code.

The promises are data (`promises/*.toml`, explained in docs/check.md): a name, its meaning, and a statement whose every
row is a difference. All of them see one snapshot, so a check may run beside live takes. Differences name ids, numbers
and counts, never a person. Only settings, the connection and dated knowledge are shared with the service.
"""

import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from miandan.cli.session import say
from miandan.cli.streams import put
from miandan.kernel.database import Database, Transaction, open_database
from miandan.kernel.settings import Settings

SHOWN = 10
"""Differences shown of one promise; all are counted."""
FAILED = 1

# One moment for everything, and no write by mistake. Every statement reads whole tables: hash joins serve them whatever
# the statistics of a freshly loaded database say, and compiling would cost more than it saves.
_SNAPSHOT = (
    "SET LOCAL transaction_isolation = 'repeatable read'",
    "SET LOCAL transaction_read_only = on",
)
_PLANNING = ("SET LOCAL enable_nestloop = off", "SET LOCAL jit = off", "SET LOCAL work_mem = '64MB'")
_COUNT = "SELECT count(*) FROM {table}"
_DIFFERENCES = """
    SELECT count(*) OVER () AS differences, to_jsonb(difference) AS shown
      FROM ({sql}) AS difference
     LIMIT {shown}
"""


class Severity(StrEnum):
    """Whether a difference breaks a promise or only wants to be looked at."""

    FAILURE = "failure"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that must hold. `sql` returns what does not; `over` is the table whose rows it looks at."""

    name: str
    zh: str
    en: str
    over: str
    sql: str
    severity: Severity = Severity.FAILURE
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one promise; `first` are its first differences, `checked` the rows of its table."""

    name: str
    severity: Severity
    checked: int
    differences: int
    milliseconds: int
    zh: str
    en: str
    first: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All verdicts of one snapshot. `ok` unless a promise is broken; warnings do not count."""

    ok: bool
    at: datetime
    seconds: float
    counts: dict[str, int]
    broken: tuple[str, ...]
    warned: tuple[str, ...]
    promises: tuple[Verdict, ...]


@cache
def promises() -> tuple[Promise, ...]:
    """Every promise, in the order of the files."""
    files = sorted(resources.files("miandan.cli").joinpath("promises").iterdir(), key=lambda file: file.name)
    rows = [row for file in files for row in tomllib.loads(file.read_text(encoding="utf-8"))["promise"]]
    return tuple(
        Promise(
            row["name"],
            row["zh"],
            row["en"],
            row["over"],
            row["sql"],
            Severity(row.get("severity", "failure")),
            tuple(row.get("needs", ())),
        )
        for row in rows
    )


async def check(db: Database, chosen: Sequence[Promise] | None = None) -> Report:
    """Verify every promise (or the chosen ones) in one read-only snapshot; takes may go on meanwhile."""
    async with db.transaction() as tx:
        for setting in _SNAPSHOT:
            await tx.execute(setting)
        return await verify(tx, promises() if chosen is None else chosen)


async def verify(tx: Transaction, chosen: Sequence[Promise]) -> Report:
    """The same on a transaction that is open already, for callers who bring their own snapshot."""
    started, at = time.perf_counter(), datetime.now(UTC)
    for setting in _PLANNING:
        await tx.execute(setting)
    tables = sorted({promise.over for promise in chosen})
    counts = {table: int(await tx.fetchval(_COUNT.format(table=table))) for table in tables}
    knowledge = {"rules": number_rules()}
    verdicts = [await _judge(tx, promise, counts[promise.over], knowledge) for promise in chosen]
    found = [verdict for verdict in verdicts if verdict.differences]
    broken = tuple(verdict.name for verdict in found if verdict.severity is Severity.FAILURE)
    warned = tuple(verdict.name for verdict in found if verdict.severity is Severity.WARNING)
    seconds = round(time.perf_counter() - started, 3)
    return Report(not broken, at, seconds, counts, broken, warned, tuple(verdicts))


async def _judge(tx: Transaction, promise: Promise, checked: int, knowledge: dict[str, Any]) -> Verdict:
    from asyncpg import DataError

    started = time.perf_counter()
    try:
        async with tx.transaction():
            statement = _DIFFERENCES.format(sql=promise.sql, shown=SHOWN)
            rows = await tx.fetch(statement, *(knowledge[name] for name in promise.needs))
            differences = int(rows[0]["differences"]) if rows else 0
            first = tuple(row["shown"] for row in rows)
    except DataError as error:  # a value that cannot even be read is a difference too
        differences, first = 1, ({"unreadable": error.sqlstate},)
    took = round(1000 * (time.perf_counter() - started))
    return Verdict(promise.name, promise.severity, checked, differences, took, promise.zh, promise.en, first)


@cache
def number_rules() -> list[dict[str, Any]]:
    """The number rules as rows of our data files; `packages`: children carry the parent's number with a suffix."""
    folder = resources.files("miandan.carriers").joinpath("data")
    rules = tomllib.loads(folder.joinpath("numbers.toml").read_text(encoding="utf-8"))["row"]
    terms = tomllib.loads(folder.joinpath("terms.toml").read_text(encoding="utf-8"))["row"]
    suffixing = {row["carrier"] for row in terms if row["term"] == "child_numbers" and row["value"] == "suffix"}
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in rule.items()}
        | {"packages": rule["carrier"] in suffixing}
        for rule in rules
    ]


async def command() -> int:
    """Check the database of the environment, print the report as JSON; 0 when every promise holds, else 1."""
    async with open_database(Settings.from_environment(), pool_size=1) as db:
        report = await check(db)
    put(as_json(report) + "\n")
    for verdict in report.promises:
        if verdict.differences:
            mark = "✗" if verdict.severity is Severity.FAILURE else "!"
            say(f"{mark} {verdict.name} ({verdict.differences}): {verdict.zh}。/ {verdict.en}.")
    if report.ok:
        held = len(report.promises) - len(report.warned)
        say(f"✓ {held} 项承诺成立，{len(report.warned)} 项提醒。/ {held} promises hold, {len(report.warned)} warnings.")
    return 0 if report.ok else FAILED


def as_json(report: Report) -> str:
    """The report for people and programs: what is broken first, then every promise."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode()
