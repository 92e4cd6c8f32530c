"""What a program that will be killed is to do, and the journal in which it says what it has done.

The journal is the program's standard output: a line before each step and one after it, each in one write, so that a
SIGKILL leaves whole lines only. What stands there as answered must be in the database for ever.
"""

import json
import random
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from miandan.connectors.faults import Fault, FaultPlan
from tests.crash.era import LISTED, LIVE, SEGMENT
from tests.crash.judges import Keys, Number

CALLERS = 4


class Verb(StrEnum):
    """What one step does."""

    TAKE = "take"
    CANCEL = "cancel"
    RETAKE = "retake"
    JOBS = "jobs"
    """Settle what is in doubt, close the leases of the dead, recycle."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one caller; parcels are tuples of orders, which no other caller touches."""

    verb: Verb
    carrier: str = ""
    parcels: tuple[tuple[str, ...], ...] = ()
    pieces: int = 1
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Everything that follows from the seed of a kill."""

    units: dict[str, int]
    callers: tuple[tuple[Step, ...], ...]
    faults: dict[str, tuple[FaultPlan, ...]]


def task_of(seed: int) -> Task:
    rng = random.Random(f"task {seed}")
    plenty, scarce = rng.sample(SEGMENT, 2)
    live = rng.sample(LIVE, 2)
    carriers = [plenty, plenty, plenty, scarce, LISTED, *live]
    callers = tuple(_steps(rng, f"{seed}-{caller}", carriers) for caller in range(CALLERS))
    dropped: dict[str, tuple[FaultPlan, ...]] = {
        carrier: (FaultPlan(Fault.DROP_ANSWER, times=2, chance=0.3, seed=seed),) for carrier in live if seed % 2
    }
    return Task({plenty: 400, scarce: rng.randint(3, 30), LISTED: 0, **dict.fromkeys(live, 0)}, callers, dropped)


def _steps(rng: random.Random, name: str, carriers: list[str]) -> tuple[Step, ...]:
    """Takes first; then whatever a parcel can go through. A step may ask for parcels that were refused before."""
    steps: list[Step] = []
    known: list[tuple[tuple[str, ...], str, int]] = []
    for place in range(rng.randint(5, 8)):
        verb = (
            rng.choice((Verb.TAKE, Verb.TAKE, Verb.TAKE, Verb.CANCEL, Verb.RETAKE, Verb.JOBS)) if place else Verb.TAKE
        )
        if verb is Verb.JOBS:
            steps.append(Step(verb))
        elif verb is Verb.TAKE and (not known or rng.random() < 0.75):
            step = _new_parcels(rng, f"{name}-{place}", rng.choice(carriers))
            known += [(orders, step.carrier, step.pieces) for orders in step.parcels]
            steps.append(step)
        else:
            at = rng.randrange(len(known))
            orders, carrier, pieces = known[at]
            if verb is Verb.RETAKE:
                carrier = rng.choice([other for other in carriers if other != carrier])
                known[at] = orders, carrier, pieces
            steps.append(Step(verb, carrier, (orders,), pieces))
    return tuple(steps)


def _new_parcels(rng: random.Random, name: str, carrier: str) -> Step:
    """Mostly a few; now and then so many of one carrier that its lease has to be refilled."""
    many = carrier in SEGMENT and rng.random() < 0.4
    count = rng.randint(40, 90) if many else rng.randint(1, 3)
    parcels = tuple(
        tuple(f"{name}-{place}-{order}" for order in range(rng.choice((1, 1, 1, 2)))) for place in range(count)
    )
    pieces = 1 if many else rng.choice((1, 1, 1, 2))
    return Step(Verb.TAKE, carrier, parcels, pieces, f"idem-{name}" if rng.random() < 0.3 else None)


@dataclass(slots=True)
class Journal:
    """What a program has said so far, over all its lives."""

    done: set[tuple[int, int]] = field(default_factory=set)
    begun: set[tuple[int, int]] = field(default_factory=set)
    numbers: dict[Keys, Number | None] = field(default_factory=dict)
    """Per parcel the number of the last answer; None once its cancellation was answered."""
    cancelled: set[Number] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    hurt: list[str] = field(default_factory=list)

    @property
    def under_way(self) -> set[tuple[int, int]]:
        return self.begun - self.done

    @classmethod
    def read(cls, file: Path) -> "Journal":
        journal = cls()
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            journal._hear(json.loads(line))
        return journal

    def _hear(self, line: dict[str, Any]) -> None:
        if "hurt" in line:
            self.hurt.append(line["hurt"])
            return
        at = line["caller"], line["step"]
        if line["said"] == "begin":
            self.begun.add(at)
            return
        self.done.add(at)
        for keys, carrier, number in line["given"]:
            self._given(tuple(keys), (carrier, number), line["verb"])
        for keys, carrier, number in line["void"]:
            self.numbers[tuple(keys)] = None
            self.cancelled.add((carrier, number))

    def _given(self, keys: Keys, number: Number, verb: str) -> None:
        before = self.numbers.get(keys)
        if before not in (None, number) and verb != Verb.RETAKE:
            self.wrong.append(f"{keys} was answered {before} and then {number}")
        if number in self.cancelled:
            self.wrong.append(f"{keys} was answered {number}, which had been cancelled")
        self.numbers[keys] = number
