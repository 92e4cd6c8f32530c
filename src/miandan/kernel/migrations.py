"""Brings the schema up to date: the numbered plain SQL files of the folder `migrations/`, each once, in order.

Every file runs in a transaction of its own under an advisory lock, so that programs which start together do not
race, and is recorded with its checksum. A file that has been applied is never edited; a change gets a new number.
Numbers may have gaps, and a gap may be filled later.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from miandan.kernel.errors import Refusal

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK_KEY = 0x6D69616E64616E  # "miandan"

_CREATE_LIST = """
    -- keyed by: version
    CREATE TABLE IF NOT EXISTS schema_migration (
        version     integer     NOT NULL PRIMARY KEY,
        name        text        NOT NULL,
        checksum    text        NOT NULL,
        applied_at  timestamptz NOT NULL DEFAULT now()
    )
"""
_LIST_EXISTS = "SELECT to_regclass('schema_migration') IS NOT NULL"
_APPLIED = "SELECT version, name, checksum FROM schema_migration ORDER BY version"
_LOCK = "SELECT pg_advisory_xact_lock($1)"
_RECORD = "INSERT INTO schema_migration (version, name, checksum) VALUES ($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name and its text."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text; line ends do not count, since version control may change them."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()


@cache
def known() -> tuple[Migration, ...]:
    """The migrations of this program in order. Raises ValueError for a misnamed file or a number used twice."""
    found: dict[int, Migration] = {}
    for file in resources.files("miandan.kernel").joinpath("migrations").iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise ValueError(f"{file.name} is not named NNNN_words.sql")
        version = int(match[1])
        if version in found:
            raise ValueError(f"migration number {version} is used by {found[version].name} and {file.name}")
        found[version] = Migration(version, file.name, file.read_text(encoding="utf-8"))
    return tuple(found[version] for version in sorted(found))


async def apply(connection: Any, files: tuple[Migration, ...] | None = None) -> list[str]:
    """Apply what is missing and return the names of the files applied now.

    Raises Refusal `database.migration_changed`, `database.newer_than_program` or `database.migration_failed`.
    """
    files = known() if files is None else files
    done: list[str] = []
    for migration in _missing(files, await _applied(connection)):
        if await _apply_one(connection, migration, files):
            done.append(migration.name)
    return done


async def _applied(connection: Any) -> dict[int, tuple[str, str]]:
    """Version -> (file name, checksum) of what the database has."""
    if not await connection.fetchval(_LIST_EXISTS):
        return {}
    return {version: (name, checksum) for version, name, checksum in await connection.fetch(_APPLIED)}


def _missing(files: tuple[Migration, ...], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    """What has yet to run. Refuses a database that this program does not understand."""
    ours = {migration.version: migration for migration in files}
    for version, (name, checksum) in applied.items():
        if version not in ours:
            raise Refusal("database.newer_than_program", found=name, known=files[-1].name if files else "-")
        if ours[version].checksum != checksum:
            raise Refusal("database.migration_changed", file=name)
    return [migration for migration in files if migration.version not in applied]


async def _apply_one(connection: Any, migration: Migration, files: tuple[Migration, ...]) -> bool:
    """False when another program applied it while this one waited for the lock."""
    import asyncpg

    try:
        async with connection.transaction():
            await connection.execute(_LOCK, _LOCK_KEY)
            await connection.execute(_CREATE_LIST)
            if migration not in _missing(files, await _applied(connection)):
                return False
            await connection.execute(migration.sql)
            await connection.execute(_RECORD, migration.version, migration.name, migration.checksum)
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        raise  # the server went away: nothing is wrong with the file
    except asyncpg.PostgresError as error:
        reason = f"{error.sqlstate} {type(error).__name__}"
        raise Refusal("database.migration_failed", file=migration.name, reason=reason) from error
    return True
