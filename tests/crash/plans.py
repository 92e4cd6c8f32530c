"""What the callers of a race ask for: everything follows from the seed."""

import random
from dataclasses import dataclass, field

from miandan.connectors.faults import Fault, FaultPlan
from miandan.waybills.model import ParcelAsk
from tests.crash.era import LISTED, LIVE, SEGMENT, parcel

WORKERS = 3
"""Two counters in our program, one in another process."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one caller."""

    carrier: str
    asks: tuple[ParcelAsk, ...]
    pause_ms: float = 0.0
    retake: bool = False
    idempotency_key: str | None = None
    cancels: bool = False
    """Cancels what it was given."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One race. `callers` ask side by side, each its calls one after the other, on worker `caller % workers`."""

    seed: int
    kind: str
    units: dict[str, int]
    workers: int
    callers: tuple[tuple[Call, ...], ...]
    faults: dict[str, tuple[FaultPlan, ...]] = field(default_factory=dict)

    @property
    def may_void(self) -> bool:
        return any(call.retake or call.cancels for calls in self.callers for call in calls)


def race_plan(seed: int) -> Plan:
    """The plan of a seed."""
    rng = random.Random(f"race {seed}")
    kind = rng.choice(("same", "same", "overlap", "overlap", "scarce", "retake", "cancel"))
    carriers = _carriers(rng, kind)
    orders = rng.choice((1, 2, 5, 12))
    shapes = _shapes(rng, seed, orders) if kind == "same" else None
    width = rng.choice((2, 3, 4, 8, 8, 16, 32))
    callers = tuple(
        tuple(_call(rng, seed, kind, carriers, orders, shapes) for _ in range(rng.choice((1, 1, 2))))
        for _ in range(width)
    )
    units = {carrier: rng.randint(0, 9) if kind == "scarce" else 300 for carrier in carriers}
    workers = WORKERS if seed % 4 == 0 else rng.choice((1, 2, 2))
    return Plan(seed, kind, units, workers, callers, _faults(rng, kind, carriers))


def _carriers(rng: random.Random, kind: str) -> list[str]:
    segment = rng.choice(SEGMENT)
    if kind == "scarce":
        return [segment]
    if kind in ("retake", "cancel"):
        return rng.sample((segment, LISTED, *LIVE), rng.choice((2, 3)) if kind == "retake" else 1)
    return [rng.choice((segment, segment, segment, LISTED, *LIVE))]


def _shapes(rng: random.Random, seed: int, orders: int) -> list[ParcelAsk]:
    """The parcels that every caller asks for; orders merged at random, no order in two parcels."""
    names = [f"{seed}-{place}" for place in range(orders)]
    shapes = []
    while names:
        size = min(len(names), rng.choice((1, 1, 1, 2, 3)))
        merged, names = names[:size], names[size:]
        shapes.append(parcel(*merged, pieces=rng.choice((1, 1, 1, 1, 3))))
    return shapes


def _call(
    rng: random.Random, seed: int, kind: str, carriers: list[str], orders: int, shapes: list[ParcelAsk] | None
) -> Call:
    if shapes is not None:
        count = rng.randint(1, len(shapes))
        asks = tuple(shapes if rng.random() < 0.5 else rng.sample(shapes, count))
    else:
        merging = (1, 1, 1, 2, 3) if kind == "overlap" else (1,)
        asks = _asks(rng, seed, orders, merging)
    keeps = kind in ("same", "scarce") and rng.random() < 0.2
    return Call(
        rng.choice(carriers),
        asks,
        pause_ms=rng.choice((0.0, 0.0, rng.random() * 5)),
        retake=kind == "retake" and rng.random() < 0.6,
        idempotency_key=f"{seed}-{[(ask.keys, ask.pieces) for ask in asks]}" if keeps else None,
        cancels=kind == "cancel" and rng.random() < 0.4,
    )


def _asks(rng: random.Random, seed: int, orders: int, merging: tuple[int, ...]) -> tuple[ParcelAsk, ...]:
    """Some of the orders, merged by chance, so that callers disagree about what belongs together."""
    names = [f"{seed}-{place}" for place in rng.sample(range(orders), rng.randint(1, orders))]
    asks = []
    while names:
        size = min(len(names), rng.choice(merging))
        asks.append(parcel(*names[:size], pieces=rng.choice((1, 1, 1, 1, 1, 2))))
        names = names[size:]
    return tuple(asks)


_LIVE_FAULTS = (
    Fault.REFUSE,
    Fault.DROP_ANSWER,
    Fault.DROP_ANSWER,
    Fault.SETTLE_LATE,
    Fault.SAME_NUMBER,
    Fault.BREAK_RULE,
    Fault.NO_ROUTE,
    Fault.SILENT_QUERY,
    Fault.REFUSE_CANCEL,
    Fault.DROP_CANCEL_ANSWER,
    Fault.HANG,
)


def _faults(rng: random.Random, kind: str, carriers: list[str]) -> dict[str, tuple[FaultPlan, ...]]:
    """For live carriers of every other race; a fault strikes some calls and ends after a few."""
    return {
        carrier: tuple(
            FaultPlan(fault, times=rng.randint(1, 4), chance=0.5, seed=rng.randrange(10**6), seconds=0.02)
            for fault in rng.sample(_LIVE_FAULTS, rng.choice((1, 2)))
        )
        for carrier in carriers
        if carrier in LIVE and rng.random() < 0.5
    }
