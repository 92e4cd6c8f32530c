"""Calls from outside as they were answered, so that a log_id in a complaint leads to what happened.

Notes wait in memory and are written in one statement about every second: a program that is killed loses the last
second of them, never an answer. No parameter and no body is kept.
"""

import asyncio
import os
import time
from contextlib import suppress
from datetime import datetime
from typing import Final, NamedTuple

from miandan.kernel.clock import BEIJING
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal

FLUSH_SECONDS: Final = 1.0
MOST_WAITING: Final = 20_000
"""Notes kept while the database does not answer; beyond that the oldest are lost, not the memory."""

LONGEST_METHOD: Final = 100
"""Characters; a caller writes what it likes where a method stands."""

# Notes whose writing was not confirmed come again; those that are there must not keep the others out.
_INSERT = """
    INSERT INTO api_call (log_id, at, door, app_key, method, subject, code, sub_code, milliseconds)
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[],
                         $8::text[], $9::int[])
        ON CONFLICT (log_id) DO NOTHING
"""
_FIND = "SELECT * FROM api_call WHERE log_id = $1"
_LATEST = """
    SELECT *
      FROM api_call
     WHERE app_key = $1
     ORDER BY at DESC
     LIMIT $2
"""


class CallNote(NamedTuple):
    """One call: which door and method, for whom, how it was answered and how long that took."""

    log_id: str
    at: datetime
    door: str
    app_key: str
    method: str
    subject: str
    code: int
    sub_code: str
    milliseconds: int


_clock: tuple[int, str] = (0, "")
"""The last second that was written out, and how: a busy server asks for it thousands of times."""


def new_log_id() -> str:
    """Time in Beijing to the second, then 12 random characters: what users paste into a complaint."""
    global _clock
    second = int(time.time())
    if _clock[0] != second:
        _clock = second, f"{datetime.fromtimestamp(second, BEIJING):%Y%m%d%H%M%S}"
    return f"{_clock[1]}{os.urandom(6).hex().upper()}"


class CallLog:
    """Notes of one process. `run` writes them until it is told to stop."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[CallNote] = []

    @property
    def waiting(self) -> int:
        """Notes that are not written yet."""
        return len(self._waiting)

    def note(self, call: CallNote) -> None:
        """Keep a note; costs next to nothing."""
        method = _printable(call.method)
        self._waiting.append(call if method is call.method else call._replace(method=method))
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[: MOST_WAITING // 2]

    async def flush(self) -> int:
        """Write what waits; how many. What cannot be written now waits for the next time."""
        notes, self._waiting = self._waiting, []
        if not notes:
            return 0
        try:
            await self._db.execute(_INSERT, *(list(column) for column in zip(*notes, strict=True)))
        except BaseException:  # also where the writing is given up: what was written all the same does no harm
            self._waiting = notes + self._waiting
            raise
        return len(notes)

    async def run(self, stop: asyncio.Event) -> None:
        """Write about every second until `stop`, then once more."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FLUSH_SECONDS)
            with suppress(Exception):  # the database may be away for a while; the notes wait
                await self.flush()


def _printable(method: str) -> str:
    if len(method) <= LONGEST_METHOD and method.isprintable():
        return method
    return "".join(character if character.isprintable() else "?" for character in method[:LONGEST_METHOD])


async def find_call(db: Database, log_id: str) -> CallNote:
    """The call of a log_id. Raises access.call_unknown (also within the second before it is written)."""
    row = await db.fetchrow(_FIND, log_id)
    if row is None:
        raise Refusal("access.call_unknown", log_id=log_id[:80])
    return CallNote(**dict(row))


async def latest_calls(db: Database, app_key: str, limit: int = 20) -> list[CallNote]:
    """What an app called lately, newest first."""
    return [CallNote(**dict(row)) for row in await db.fetch(_LATEST, app_key, limit)]
