"""Kills: a program is killed again and again while it works through its task, or its server is; nothing may be lost.

`run_kills(era, seed)` kills one program up to three times, lets it end, and judges after every kill and at the end.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from miandan.connectors.fake import FakeCarrier
from miandan.kernel.database import open_database
from tests.crash.era import Era, parcel
from tests.crash.ground import Ground, open_merchant
from tests.crash.judges import (
    Facts,
    Given,
    Keys,
    facts_of,
    wrong_with_answers,
    wrong_with_books,
    wrong_with_numbers,
    wrong_with_units,
)
from tests.crash.promises import RECOVERY_SECONDS, wrong_with_check
from tests.crash.steps import CALLERS, Journal, Task, Verb, task_of
from tests.crash.triggers import Place, Trigger

LIFE_SECONDS = 240.0
"""No life of a program takes this long, so one that does hangs."""

LIVES = 4
"""The last one is not killed."""

_ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Case:
    """One program with its task, its merchant and what it has said."""

    ground: Ground
    era: Era
    seed: int
    merchant_id: int
    task: Task
    rng: random.Random
    accompanied: bool = False
    """Whether another program does half of the callers' work meanwhile, and goes on when this one is killed."""
    struck: list[str] = field(default_factory=list)
    """What was killed, kind by kind."""
    told: list[str] = field(default_factory=list)
    """How it was meant to be killed, for the report."""

    @property
    def journal(self) -> Path:
        return self.era.folder / f"journal-{self.seed}"

    @property
    def stderr(self) -> Path:
        return self.era.folder / f"stderr-{self.seed}"


@dataclass(frozen=True, slots=True)
class Result:
    """The kills that happened, kind by kind, and what was wrong."""

    struck: list[str]
    wrong: list[str]


async def run_kills(ground: Ground, era: Era, seed: int, most: int = LIVES - 1) -> Result:
    """The kills of one seed, at most `most`."""
    task = task_of(seed)
    rng = random.Random(f"kill {seed}")
    case = Case(ground, era, seed, await _merchant(era, task), task, rng, accompanied=rng.random() < 0.3)
    plan_faults(era, task)
    for life in range(min(most, LIVES - 1) + 1):
        last = life == min(most, LIVES - 1)
        ended = await (_live(case) if last else _killed_life(case))
        complaints = await _judge(case, ended=ended == 0)
        if ended not in (0, -signal.SIGKILL):
            complaints.append(f"ended with {ended}: {case.stderr.read_text(encoding='utf-8')[-2000:]}")
        if complaints or ended == 0:
            return Result(case.struck, [f"after {case.told}: {one}" for one in complaints])
    return Result(case.struck, [f"after {case.told}: never ended"])


async def _merchant(era: Era, task: Task) -> int:
    async with open_database(era.settings, pool_size=2) as db:
        return await open_merchant(db, task.units)


def plan_faults(era: Era, task: Task) -> None:
    """Tell the fake carriers; faults are counted down in their books, over all lives of the program."""
    for code, plans in task.faults.items():
        carrier = FakeCarrier(code, era.folder / "fakes.sqlite")
        carrier.behave()
        carrier.plan(*plans)
        carrier.close()


async def _killed_life(case: Case) -> int:
    """One life with a kill in it. How it ended: the program may be through before its time comes."""
    kind = case.rng.choices(("statement", "time", "carrier", "server"), (9, 4, 4, 3))[0]
    before = _lines(case.journal)
    after = before + case.rng.randint(1, 2 * CALLERS * 6)
    if kind == "time":
        ended = await _live(case, watch=lambda process: _kill_at(case, process, after))
        case.struck += ["at any time"] * (ended == -signal.SIGKILL)
        return ended
    if kind == "server":
        return await _live(case, watch=lambda process: _kill_server_at(case, process, after))
    trigger = _carrier_trigger(case.rng) if kind == "carrier" else _statement_trigger(case.rng)
    case.told.append(f"{trigger.place} {trigger.nth} {trigger.when}")
    ended = await _live(case, trigger)
    case.struck += [str(trigger.place)] * (ended == -signal.SIGKILL)
    return ended


def _statement_trigger(rng: random.Random) -> Trigger:
    place = rng.choices((Place.ANY, Place.REFILL, Place.CLOSE, Place.DEAD), (6, 2, 1, 1))[0]
    most = {Place.ANY: 160, Place.REFILL: 14, Place.CLOSE: 8, Place.DEAD: 8}[place]
    return Trigger(place, rng.randint(1, most), rng.choice(("before", "during", "after")))


def _carrier_trigger(rng: random.Random) -> Trigger:
    place = rng.choices((Place.CARRIER_TAKE, Place.CARRIER_CANCEL), (4, 1))[0]
    return Trigger(place, rng.randint(1, 5 if place is Place.CARRIER_TAKE else 2), "after")


async def _live(
    case: Case, trigger: Trigger | None = None, watch: Callable[[asyncio.subprocess.Process], Any] | None = None
) -> int:
    """Run the program until it ends or is killed, and its companion until it ends; how they ended."""
    mine, others = (range(2), range(2, CALLERS)) if case.accompanied else (range(CALLERS), range(0))
    program = await _start(case, mine, trigger)
    companions = [await _start(case, others, None)] if others else []
    watcher = asyncio.create_task(watch(program)) if watch is not None else None
    try:
        async with asyncio.timeout(LIFE_SECONDS):
            ended = [await one.wait() for one in (program, *companions)]
        return next((code for code in reversed(ended) if code), 0)
    except TimeoutError:
        for one in (program, *companions):
            if one.returncode is None:
                one.kill()
                await one.wait()
        return -signal.SIGALRM
    finally:
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


async def _start(case: Case, callers: range, trigger: Trigger | None) -> asyncio.subprocess.Process:
    """One program with these callers; both programs of a case write into one journal, a line at a time."""
    arguments = [str(case.era.folder), case.era.url, str(case.merchant_id), str(case.seed), str(case.journal)]
    arguments.append(",".join(map(str, callers)))
    if trigger is not None:
        arguments += [trigger.place, str(trigger.nth), trigger.when]
    with case.journal.open("ab") as said, case.stderr.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.worker", *arguments, cwd=_ROOT, stdout=said, stderr=errors
        )


async def _kill_at(case: Case, process: asyncio.subprocess.Process, lines: int) -> None:
    await _wait_for(case, lines)
    case.told.append(f"SIGKILL after line {lines}")
    if process.returncode is None:
        process.kill()


async def _kill_server_at(case: Case, process: asyncio.subprocess.Process, lines: int) -> None:
    """The whole server, or one backend of the program, which makes the server start again."""
    await _wait_for(case, lines)
    if process.returncode is not None:
        return
    if case.rng.random() < 0.5:
        case.told.append(f"postmaster after line {lines}")
        case.ground.kill_server()
        case.struck.append("postmaster")
    else:
        case.told.append(f"backend after line {lines}")
        async with case.era.judge() as judge:
            backends = await judge.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'miandan'"
            )
            if not backends:
                return
            os.kill(case.rng.choice(backends)["pid"], signal.SIGKILL)
            case.struck.append("backend")


async def _wait_for(case: Case, lines: int) -> None:
    while _lines(case.journal) < lines:  # noqa: ASYNC110 - a file of another process signals nothing
        await asyncio.sleep(0.001)
    await asyncio.sleep(case.rng.random() * 0.02)


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


async def _judge(case: Case, *, ended: bool) -> list[str]:
    journal = Journal.read(case.journal)
    facts = await _facts(case)
    complaints = [*journal.wrong, *wrong_with_journal(facts, journal, case.task)]
    complaints += wrong_with_numbers(facts) + wrong_with_units(facts)
    for code in case.task.units:
        if code in ("sf", "jd", "deppon", "ems"):
            carrier = FakeCarrier(code, case.era.folder / "fakes.sqlite")
            complaints += wrong_with_books(facts, carrier.issued(), code)
            carrier.close()
    if ended and journal.under_way:
        complaints.append(f"ended with steps not done: {journal.under_way}")
    return complaints + await wrong_with_check(case.era)


async def _facts(case: Case) -> Facts:
    """What the database says once it is quiet. The server may only now notice that a backend was killed, and then it
    ends every connection."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            async with case.era.judge() as judge:
                await case.era.quiet(judge)
                return await facts_of(judge, case.merchant_id)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def wrong_with_journal(facts: Facts, journal: Journal, task: Task) -> list[str]:
    """Every number that was answered is live, unless a cancel or retake of it has begun since."""
    touched: set[Keys] = set()
    for caller, place in journal.under_way:
        step = task.callers[caller][place]
        if step.verb in (Verb.CANCEL, Verb.RETAKE):
            touched |= {parcel(*orders).keys for orders in step.parcels}
    sure: list[Given] = []
    unsure: list[Given] = []
    for keys, number in journal.numbers.items():
        if number is not None:
            (unsure if keys in touched else sure).append(Given(keys, number))
    complaints = wrong_with_answers(facts, sure, may_void=False) + wrong_with_answers(facts, unsure, may_void=True)
    for number in journal.cancelled:
        waybill = facts.waybills.get(number)
        if waybill is None or not waybill.void:
            complaints.append(f"{number} was answered as cancelled, but is {waybill}")
    return complaints
