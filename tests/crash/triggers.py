"""How a program kills itself at a chosen moment: by a count of its statements, or after the carrier has committed.

Installed in the worker's own process only (`install`), around asyncpg and the fake carrier; the product knows nothing
of it.
"""

import asyncio
import functools
import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

import asyncpg

from miandan.accounts import leases
from miandan.connectors.fake import FakeCarrier
from miandan.waybills.holdings import Holdings


class Place(StrEnum):
    """What is counted until the kill."""

    ANY = "any"  # statements of any kind
    REFILL = "refill"  # statements of a lease being opened beside the takes
    CLOSE = "close"  # statements of leases going back at the end
    DEAD = "dead"  # statements of close_leases_of_the_dead
    CARRIER_TAKE = "carrier_take"  # numbers that the carrier has committed, answers not yet heard
    CARRIER_CANCEL = "carrier_cancel"  # the same with cancellations


@dataclass(frozen=True, slots=True)
class Trigger:
    """Die at the `nth` event of `place`: before it, during it (sent, no answer yet) or after it."""

    place: Place
    nth: int
    when: str


_inside: ContextVar[frozenset[Place]] = ContextVar("inside", default=frozenset())


def install(trigger: Trigger) -> None:
    """Arm it for the life of this process."""
    count = iter(range(1, trigger.nth + 1))

    def is_due() -> bool:
        return next(count, None) == trigger.nth

    if trigger.place in (Place.CARRIER_TAKE, Place.CARRIER_CANCEL):
        name = "take" if trigger.place is Place.CARRIER_TAKE else "cancel"
        setattr(FakeCarrier, name, _dies_after(getattr(FakeCarrier, name), is_due))
        return
    for kind, function in (("_execute", None), ("execute", _has_arguments), ("_executemany", None)):
        real = getattr(asyncpg.connection.Connection, kind)
        setattr(asyncpg.connection.Connection, kind, _counted(real, trigger, is_due, function))
    Holdings._refill = _marked(Holdings._refill, Place.REFILL)  # type: ignore[method-assign]
    Holdings.close = _marked(Holdings.close, Place.CLOSE)  # type: ignore[method-assign]
    leases.close_leases_of_the_dead = _marked(leases.close_leases_of_the_dead, Place.DEAD)


def _counted(
    real: Callable[..., Awaitable[Any]],
    trigger: Trigger,
    is_due: Callable[[], bool],
    skips: Callable[[tuple[Any, ...]], bool] | None,
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(real)
    async def statement(*args: Any, **named: Any) -> Any:
        counts = trigger.place is Place.ANY or trigger.place in _inside.get()
        if not counts or (skips is not None and skips(args)) or not is_due():
            return await real(*args, **named)
        if trigger.when == "before":
            _die()
        running = asyncio.ensure_future(real(*args, **named))
        if trigger.when == "during":
            await asyncio.sleep(0.0005)
            _die()
        await running
        return _die()

    return statement


def _has_arguments(args: tuple[Any, ...]) -> bool:
    """`execute` with arguments goes through `_execute`, counted there; without, it begins or ends transactions."""
    return len(args) > 2


def _marked(real: Callable[..., Awaitable[Any]], place: Place) -> Any:
    @functools.wraps(real)
    async def marked(*args: Any, **named: Any) -> Any:
        token = _inside.set(_inside.get() | {place})
        try:
            return await real(*args, **named)
        finally:
            _inside.reset(token)

    return marked


def _dies_after(real: Callable[..., Awaitable[Any]], is_due: Callable[[], bool]) -> Any:
    @functools.wraps(real)
    async def call(*args: Any, **named: Any) -> Any:
        answer = await real(*args, **named)
        if is_due():
            _die()
        return answer

    return call


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a dead program went on")
