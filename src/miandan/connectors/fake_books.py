"""The fake carrier's own books in one SQLite file: what it issued, and the faults it was told to commit.

Every change is committed before anybody hears of it, and outlives a kill -9 of the program; after a power cut the last
changes may be missing. Several programs and carriers share one file. Nothing of a person is ever written.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from miandan.connectors.faults import Fault, FaultPlan, Verb
from miandan.connectors.model import RouteData

_PATIENCE = 10.0  # seconds to wait for another program

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS serial (carrier TEXT PRIMARY KEY, next INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS shipment (
        id        INTEGER PRIMARY KEY,
        carrier   TEXT NOT NULL,
        key       TEXT NOT NULL,
        numbers   TEXT NOT NULL,               -- JSON, mother first
        cancelled TEXT NOT NULL DEFAULT '[]',  -- JSON, those of `numbers` that were given back
        route     TEXT NOT NULL,               -- JSON or null
        hidden    INTEGER NOT NULL,            -- 1: queries do not see it at once
        taken_at  REAL NOT NULL                -- seconds since the epoch
    );
    CREATE INDEX IF NOT EXISTS shipment_key ON shipment (carrier, key);
    CREATE TABLE IF NOT EXISTS attempt (
        carrier TEXT NOT NULL, verb TEXT NOT NULL, key TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (carrier, verb, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS fault (
        id INTEGER PRIMARY KEY, carrier TEXT NOT NULL, fault TEXT NOT NULL, keys TEXT NOT NULL, times INTEGER,
        chance REAL, seed INTEGER NOT NULL, text TEXT NOT NULL, seconds REAL NOT NULL
    );
"""
_SERIALS = """
    INSERT INTO serial (carrier, next) VALUES (?1, ?2 + ?3)
    ON CONFLICT (carrier) DO UPDATE SET next = next + ?3
    RETURNING next - ?3
"""
_ENTER = """
    INSERT INTO shipment (carrier, key, numbers, route, hidden, taken_at) VALUES (?, ?, ?, ?, ?, ?)
"""
_BY_KEY = """
    SELECT id, key, numbers, cancelled, route, hidden, taken_at FROM shipment WHERE carrier = ? AND key = ? ORDER BY id
"""
_LATEST_OF_OTHERS = """
    SELECT id, key, numbers, cancelled, route, hidden, taken_at FROM shipment
     WHERE carrier = ? AND key <> ? AND cancelled = '[]' ORDER BY id DESC LIMIT 1
"""
_ALL = """
    SELECT id, key, numbers, cancelled, route, hidden, taken_at FROM shipment WHERE carrier = ? ORDER BY id
"""
_ATTEMPT = """
    INSERT INTO attempt (carrier, verb, key, count) VALUES (?, ?, ?, 1)
    ON CONFLICT (carrier, verb, key) DO UPDATE SET count = count + 1
    RETURNING count
"""
_PLAN = """
    INSERT INTO fault (carrier, fault, keys, times, chance, seed, text, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_PLANS = """
    SELECT id, fault, keys, times, chance, seed, text, seconds FROM fault WHERE carrier = ? ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One entry of the books."""

    id: int
    key: str
    numbers: tuple[str, ...]
    cancelled: tuple[str, ...]
    route: RouteData | None
    hidden: bool
    taken_at: float


class Books:
    """The books of one carrier."""

    def __init__(self, file: Path, carrier: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._carrier = carrier
        self._lock = Lock()
        self._file = sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        self._prepare()

    def close(self) -> None:
        self._file.close()

    def _prepare(self) -> None:
        """Changing the journal mode does not wait for others as statements do, so two first openers must take turns."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            try:
                self._file.execute("PRAGMA journal_mode = WAL")
                self._file.execute("PRAGMA synchronous = NORMAL")
                self._file.executescript(_SCHEMA)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
                time.sleep(0.01)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One committed change; nobody else writes meanwhile. An exception undoes it."""
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")

    def strike(self, verb: Verb, key: str) -> dict[Fault, FaultPlan]:
        """The faults that strike this call, each counted down. Inside `writing`."""
        plans = self._file.execute(_PLANS, (self._carrier,)).fetchall()
        if not plans:
            return {}
        (attempt,) = self._file.execute(_ATTEMPT, (self._carrier, verb, key)).fetchone()
        struck = {}
        for plan_id, fault, *rest in plans:
            plan = FaultPlan(Fault(fault), *rest)
            if plan.fault not in struck and plan.strikes(verb, key, attempt):
                struck[plan.fault] = plan
                self._file.execute("UPDATE fault SET times = times - 1 WHERE id = ?", (plan_id,))
        return struck

    def draw_serials(self, count: int, first: int) -> int:
        """First of `count` consecutive serials nobody had before; the very first is `first`. Inside `writing`."""
        (serial,) = self._file.execute(_SERIALS, (self._carrier, first, count)).fetchone()
        return int(serial)

    def enter(self, key: str, numbers: tuple[str, ...], route: RouteData | None, hidden: bool, at: float) -> None:
        """Inside `writing`."""
        said = json.dumps(asdict(route) if route else None, ensure_ascii=False)
        self._file.execute(_ENTER, (self._carrier, key, json.dumps(numbers), said, hidden, at))

    def cancel(self, shipment: Shipment, numbers: tuple[str, ...]) -> None:
        """Inside `writing`."""
        gone = json.dumps(sorted({*shipment.cancelled, *numbers}))
        self._file.execute("UPDATE shipment SET cancelled = ? WHERE id = ?", (gone, shipment.id))

    def of_key(self, key: str) -> list[Shipment]:
        return [_shipment(row) for row in self._file.execute(_BY_KEY, (self._carrier, key))]

    def latest_of_others(self, key: str) -> Shipment | None:
        row = self._file.execute(_LATEST_OF_OTHERS, (self._carrier, key)).fetchone()
        return _shipment(row) if row else None

    def all(self) -> list[Shipment]:
        return [_shipment(row) for row in self._file.execute(_ALL, (self._carrier,))]

    def plan(self, plan: FaultPlan) -> None:
        row = (plan.fault, plan.keys, plan.times, plan.chance, plan.seed, plan.text, plan.seconds)
        self._file.execute(_PLAN, (self._carrier, *row))

    def forget_plans(self) -> None:
        self._file.execute("DELETE FROM fault WHERE carrier = ?", (self._carrier,))


def _shipment(row: tuple[int, str, str, str, str, int, float]) -> Shipment:
    shipment_id, key, numbers, cancelled, route, hidden, taken_at = row
    said = json.loads(route)
    return Shipment(
        shipment_id,
        key,
        tuple(json.loads(numbers)),
        tuple(json.loads(cancelled)),
        RouteData(**said) if said else None,
        bool(hidden),
        taken_at,
    )
