"""The program that is killed: `python -m tests.crash.worker FOLDER URL MERCHANT SEED JOURNAL CALLERS [PLACE NTH WHEN]`.

It does what the seed says and is not done yet by its journal, several callers side by side, and says each answer
before it goes on.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from miandan.accounts import leases
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings
from miandan.waybills import live, lives
from miandan.waybills import service as waybills
from miandan.waybills.model import Outcome, ParcelAsk, Taken, TakeRequest
from tests.crash.era import SETTLE, Era, Worker, account_of, parcel, patient_connect
from tests.crash.judges import Keys
from tests.crash.steps import Journal, Step, Verb, task_of
from tests.crash.triggers import Place, Trigger, install

PATIENCE_SECONDS = 60.0
"""How long a step is tried again while the database is away or the outcome of a call is not known."""

_PASSING = frozenset({"take.contended", "take.in_doubt", "take.database_lost", "carrier.lost", "cancel.in_doubt"})
_LASTING_DOUBT = frozenset({"ems"})
"""Carriers that can neither repeat nor be asked: a person has to decide, so nobody here waits long for them."""
DOUBT_SECONDS = 4 * SETTLE.total_seconds()


def say(**line: object) -> None:
    """One line, one write."""
    os.write(1, (json.dumps(line, ensure_ascii=False) + "\n").encode())


class Program:
    """One life of the program."""

    def __init__(self, worker: Worker, merchant_id: int, journal: Journal, seed: int) -> None:
        self.worker = worker
        self.merchant_id = merchant_id
        self.journal = journal
        self.numbers = dict(journal.numbers)
        self.carriers = {step.carrier for steps in task_of(seed).callers for step in steps}

    async def caller(self, caller: int, steps: Sequence[Step]) -> None:
        """Every step that the journal does not know as done."""
        for place, step in enumerate(steps):
            if (caller, place) not in self.journal.done:
                say(said="begin", caller=caller, step=place)
                given, void = await self._until_done(step)
                say(said="end", caller=caller, step=place, verb=step.verb, given=given, void=void)

    async def _until_done(self, step: Step) -> tuple[list[Any], list[Any]]:
        started = asyncio.get_running_loop().time()
        in_doubt = False
        while True:
            waited = asyncio.get_running_loop().time() - started
            patience = DOUBT_SECONDS if in_doubt and self.carriers & _LASTING_DOUBT else PATIENCE_SECONDS
            late = waited > patience
            try:
                if step.verb is Verb.JOBS:
                    await self._jobs()
                elif step.verb is Verb.CANCEL:
                    return [], await self._cancel(step, late=late)
                else:
                    return await self._take(step, late=late), []
                return [], []
            except _Passing as passing:
                in_doubt = "doubt" in str(passing)
                await asyncio.sleep(SETTLE.total_seconds() / 2 if in_doubt else 0.02)
            except Exception as error:  # the server was killed under us; what was asked may have happened or not
                if waited > PATIENCE_SECONDS:
                    raise
                say(hurt=f"{type(error).__name__}: {str(error)[:120]}")
                await asyncio.sleep(0.05)

    async def _take(self, step: Step, *, late: bool) -> list[Any]:
        account_id, sender = await account_of(self.worker.db, self.merchant_id, step.carrier)
        request = TakeRequest(
            self.merchant_id,
            account_id,
            sender,
            tuple(_asked(orders, step.pieces) for orders in step.parcels),
            retake=step.verb is Verb.RETAKE,
            idempotency_key=step.idempotency_key,
        )
        outcomes = await waybills.take(self.worker.counter, request)
        if not late and (passing := _passing(outcomes)):
            raise _Passing(passing)
        taken = [outcome for outcome in outcomes if isinstance(outcome, Taken)]
        self.numbers |= {outcome.keys: (outcome.ref.carrier, outcome.number) for outcome in taken}
        return [[outcome.keys, outcome.ref.carrier, outcome.number] for outcome in taken]

    async def _cancel(self, step: Step, *, late: bool) -> list[Any]:
        keys: Keys = _asked(step.parcels[0], step.pieces).keys
        number = self.numbers.get(keys)
        if number is None:
            return []
        try:
            await lives.cancel(self.worker.counter, self.merchant_id, *number)
        except Refusal as refusal:
            if refusal.code in _PASSING and not late:
                raise _Passing(refusal.code) from refusal
            return []
        self.numbers[keys] = None
        return [[keys, *number]]

    async def _jobs(self) -> None:
        await live.settle_all(self.worker.counter)
        await leases.close_leases_of_the_dead(self.worker.db)
        await lives.recycle_due(self.worker.db)


class _Passing(Exception):
    """A refusal that a caller gets over by asking again."""


def _passing(outcomes: Sequence[Outcome]) -> str | None:
    codes = {outcome.refusal.code for outcome in outcomes if not isinstance(outcome, Taken)} & _PASSING
    return min(codes, default=None)


def _asked(orders: tuple[str, ...], pieces: int) -> ParcelAsk:
    return parcel(*orders, pieces=pieces)


async def main() -> None:
    folder, url, merchant, seed, journal, callers, *trigger = sys.argv[1:]
    if trigger:
        install(Trigger(Place(trigger[0]), int(trigger[1]), trigger[2]))
    era = Era(Settings(data=Path(folder), database_url=url, sandbox=True), Path(folder))
    task = task_of(int(seed))
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    opened = False
    while not opened:
        await (await patient_connect(url)).close()
        try:
            async with era.program(pool_size=6) as [worker]:
                opened = True
                program = Program(worker, int(merchant), Journal.read(Path(journal)), int(seed))
                await asyncio.gather(*(program.caller(one, task.callers[one]) for one in map(int, callers.split(","))))
        except Exception:  # a server that is killed while a program starts makes it fail, and its user start it again
            if opened or asyncio.get_running_loop().time() > deadline:
                raise


if __name__ == "__main__":
    asyncio.run(main())
