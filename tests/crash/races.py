"""Races: many callers of several workers ask for the same and overlapping parcels at the same moment.

`run_race(arena, seed)` runs one, judges it and returns what is wrong. The third worker of a race is another process
(`python -m tests.crash.races FOLDER`), which derives its share of the calls from the same seed.
"""

import asyncio
import json
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from miandan.accounts import leases
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings
from miandan.waybills import live, lives
from miandan.waybills import service as waybills
from miandan.waybills.model import ParcelAsk, Taken, TakeRequest
from tests.crash.era import SETTLE, Era, Worker, account_of
from tests.crash.ground import open_merchant
from tests.crash.judges import (
    Facts,
    Given,
    facts_of,
    wrong_with_answers,
    wrong_with_books,
    wrong_with_numbers,
    wrong_with_units,
)
from tests.crash.plans import WORKERS, Call, Plan, race_plan

_ROOT = Path(__file__).parents[2]

RACE_SECONDS = 180.0
"""No race of sandbox carriers takes this long, so one that does hangs."""

_EXPECTED = frozenset(
    {
        "parcel.overlaps", "parcel.account_differs", "parcel.differs", "take.contended", "take.in_doubt",
        "units.exhausted", "carrier.refused", "carrier.lost", "carrier.number_breaks_rule", "carrier.number_repeated",
        "cancel.never", "cancel.refused_by_carrier", "cancel.in_doubt",
    }
)  # fmt: skip
"""Refusals that a race may end in."""

_NO_MORE = frozenset({"take.contended"})
"""Refusals that must be gone once everybody else has finished."""


@dataclass(slots=True)
class Answers:
    """What the callers of one process were told."""

    given: list[tuple[tuple[str, ...], str, str]] = field(default_factory=list)
    """Keys, carrier, number."""
    refused: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """What no caller should ever see: errors without a code, waits without an end."""


@dataclass(slots=True)
class Arena:
    """Where races of one era run: two workers in this process and one elsewhere."""

    era: Era
    workers: list[Worker]
    judge: Any
    other: asyncio.subprocess.Process


@asynccontextmanager
async def open_arena(era: Era) -> AsyncIterator[Arena]:
    """Open for as many races as the era takes."""
    async with era.program(pool_size=10, counters=WORKERS - 1) as workers, era.judge() as judge:
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.races", str(era.folder), era.url, cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
        )  # fmt: skip
        try:
            yield Arena(era, workers, judge, other)
        finally:
            assert other.stdin is not None
            other.stdin.close()
            await asyncio.wait_for(other.wait(), RACE_SECONDS)


async def run_race(arena: Arena, seed: int) -> list[str]:
    """What was wrong in the race of this seed; empty when it kept every promise."""
    plan = race_plan(seed)
    merchant_id = await open_merchant(arena.workers[0].db, plan.units)
    carriers = arena.workers[0].carriers
    for carrier, faults in plan.faults.items():
        carriers[carrier].plan(*faults)
    try:
        async with asyncio.timeout(RACE_SECONDS):
            answers = await _race(arena, plan, merchant_id)
            for carrier in plan.faults:
                carriers[carrier].behave()
            after = await _ask_again(arena.workers[0], plan, merchant_id)
    except TimeoutError:
        return [f"{plan.kind} hangs"]
    facts = await facts_of(arena.judge, merchant_id)
    return [f"{plan.kind} {list(plan.units)}: {one}" for one in _judge(arena, plan, facts, answers, after)]


def _judge(arena: Arena, plan: Plan, facts: Facts, answers: list[Answers], after: Answers) -> list[str]:
    everyone = [*answers, after]
    given = [Given(keys, (carrier, number)) for one in everyone for keys, carrier, number in one.given]
    complaints = [broken for one in everyone for broken in one.broken]
    complaints += [f"refused {code}" for one in everyone for code in one.refused if code not in _EXPECTED]
    complaints += [f"still {code} after the race" for code in after.refused if code in _NO_MORE]
    complaints += wrong_with_answers(facts, given, may_void=plan.may_void)
    complaints += wrong_with_numbers(facts) + wrong_with_units(facts)
    for code, carrier in arena.workers[0].carriers.items():
        if code in plan.units:
            complaints += wrong_with_books(facts, carrier.issued(), code)
    return complaints


async def _race(arena: Arena, plan: Plan, merchant_id: int) -> list[Answers]:
    here = [_callers(arena.workers[place], plan, merchant_id, place) for place in range(min(plan.workers, 2))]
    elsewhere = [_ask_other(arena.other, plan, merchant_id)] if plan.workers == WORKERS else []
    return list(await asyncio.gather(*here, *elsewhere))


async def _ask_other(other: asyncio.subprocess.Process, plan: Plan, merchant_id: int) -> Answers:
    assert other.stdin is not None
    assert other.stdout is not None
    other.stdin.write(f"{plan.seed} {merchant_id}\n".encode())
    said = json.loads(await other.stdout.readline())
    given = [(tuple(keys), carrier, number) for keys, carrier, number in said["given"]]
    return Answers(given, said["refused"], said["broken"])


async def _callers(worker: Worker, plan: Plan, merchant_id: int, place: int) -> Answers:
    """Everybody who asks at this worker, side by side."""
    answers = Answers()
    mine = [calls for caller, calls in enumerate(plan.callers) if caller % plan.workers == place]
    await asyncio.gather(*(_caller(worker, calls, merchant_id, answers) for calls in mine))
    return answers


async def _caller(worker: Worker, calls: Sequence[Call], merchant_id: int, answers: Answers) -> None:
    for call in calls:
        try:
            await asyncio.sleep(call.pause_ms / 1000)
            numbers = await _take(worker, call, merchant_id, call.asks, answers)
            for number in numbers if call.cancels else ():
                await _cancel(worker, merchant_id, call.carrier, number, answers)
        except Refusal as refusal:
            answers.refused.append(refusal.code)
        except Exception:  # whatever it is, no caller should have to meet it
            answers.broken.append(traceback.format_exc())


async def _take(worker: Worker, call: Call, merchant_id: int, asks: Sequence[ParcelAsk], answers: Answers) -> list[str]:
    account_id, sender = await account_of(worker.db, merchant_id, call.carrier)
    request = TakeRequest(
        merchant_id, account_id, sender, tuple(asks), retake=call.retake, idempotency_key=call.idempotency_key
    )
    outcomes = await waybills.take(worker.counter, request)
    taken = [outcome for outcome in outcomes if isinstance(outcome, Taken)]
    answers.given += [(outcome.keys, outcome.ref.carrier, outcome.number) for outcome in taken]
    answers.refused += [outcome.refusal.code for outcome in outcomes if not isinstance(outcome, Taken)]
    return [outcome.number for outcome in taken]


async def _cancel(worker: Worker, merchant_id: int, carrier: str, number: str, answers: Answers) -> None:
    try:
        await lives.cancel(worker.counter, merchant_id, carrier, number)
    except Refusal as refusal:
        answers.refused.append(refusal.code)


async def _ask_again(worker: Worker, plan: Plan, merchant_id: int) -> Answers:
    """Everybody has gone and the carriers behave: who asks now is served, or refused for a lasting reason."""
    answers = Answers()
    if plan.faults:
        await asyncio.sleep(SETTLE.total_seconds())
        await live.settle_all(worker.counter)
    asked: set[tuple[str, ...]] = set()
    for call in (call for calls in plan.callers for call in calls):
        new = [ask for ask in call.asks if ask.keys not in asked]
        asked |= {ask.keys for ask in new}
        if new:
            again = Call(call.carrier, tuple(new))
            await _caller(worker, [again], merchant_id, answers)
    return answers


async def _serve() -> None:
    """The other process: a line with seed and merchant comes in, a line with the answers goes out."""
    folder, url = Path(sys.argv[1]), sys.argv[2]
    era = Era(Settings(data=folder, database_url=url, sandbox=True), folder)
    async with era.program(pool_size=6) as [worker]:
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            seed, merchant_id = map(int, line.split())
            answers = await _callers(worker, race_plan(seed), merchant_id, WORKERS - 1)
            sys.stdout.write(json.dumps(asdict(answers)) + "\n")
            sys.stdout.flush()
        await leases.close_leases_of_the_dead(worker.db)


if __name__ == "__main__":
    asyncio.run(_serve())
