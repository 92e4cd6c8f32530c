"""The leases that one worker holds, account by account, checked out by a lane for the time of one statement.

An account has as many leases as lanes want it at once, and no more; they grow with use. Refilling happens beside the
takes where it can: a lane that finds too little leaves the work waiting here and serves others meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef, Lease
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal

FIRST_UNITS = 256
MOST_UNITS = 8192
GROWTH = 4
"""A lease that was used up is followed by one this many times as large."""

Waiting = TypeVar("Waiting")


@dataclass(slots=True)
class _Holding(Generic[Waiting]):
    """One account: leases nobody uses right now, how many are in statements, and who waits for more."""

    free: list[Lease] = field(default_factory=list)
    busy: int = 0
    size: int = FIRST_UNITS
    refill: asyncio.Task[None] | None = None
    refusal: Refusal | None = None
    waiting: deque[Waiting] = field(default_factory=deque)

    @property
    def left(self) -> int:
        return sum(lease.left for lease in self.free)


class Holdings(Generic[Waiting]):
    """Leases of one worker. `resume` is called with waiting work once there may be more for it."""

    def __init__(
        self, db: Database, worker: int, most_leases: int, resume: Callable[[Iterable[Waiting]], None]
    ) -> None:
        self._db = db
        self._worker = worker
        self._most_leases = most_leases
        self._resume = resume
        self._accounts: dict[AccountRef, _Holding[Waiting]] = {}

    def check_out(self, account: AccountRef, units: int) -> list[Lease] | None:
        """Free leases with `units` between them, now in use; None when there are too few."""
        holding = self._accounts.setdefault(account, _Holding())
        if holding.left < units:
            return None
        taken: list[Lease] = []
        while units > 0:
            taken.append(holding.free.pop(0))
            units -= taken[-1].left
        holding.busy += len(taken)
        holding.refusal = None  # whoever was refused more has been served by what came back; the next one asks anew
        if holding.left < holding.size // 4 and len(holding.free) + holding.busy < self._most_leases:
            self._start_refill(account, holding, 1, asked=False)
        return taken

    def check_in(self, account: AccountRef, before: list[Lease], now: list[Lease]) -> None:
        """Leases come back as they now stand; used-up ones and lost ones are missing from `now`."""
        holding = self._accounts[account]
        holding.busy -= len(before)
        if len(now) < len(before):
            holding.size = min(holding.size * GROWTH, MOST_UNITS)
        holding.free.extend(now)
        self._wake(holding)

    def exhausted(self, account: AccountRef) -> tuple[int, Refusal] | None:
        """When no more can be had: the units left here, and why. None while some may still come."""
        holding = self._accounts[account]
        if holding.refusal is None or holding.busy or holding.refill is not None:
            return None
        refusal, holding.refusal = holding.refusal, None
        return holding.left, refusal

    def wait(self, account: AccountRef, units: int, work: Waiting) -> None:
        """Keep `work` until leases with `units` may be there."""
        holding = self._accounts[account]
        holding.waiting.append(work)
        if len(holding.free) + holding.busy < self._most_leases or not holding.busy:
            self._start_refill(account, holding, max(1, units - holding.left), asked=True)

    async def reload(self, account: AccountRef, before: list[Lease]) -> None:
        """Check leases in as the database knows them, after a statement whose fate is not known."""
        try:
            held = {lease.lease_id: lease for lease in await leases.open_leases(self._db, account, self._worker)}
        except Exception:  # still no database: what is not known is dropped here and closed with the worker
            held = {}
        self.check_in(account, before, [held[lease.lease_id] for lease in before if lease.lease_id in held])

    async def close(self) -> None:
        """Return every lease that can be returned now; the others are closed once the worker is gone."""
        for holding in self._accounts.values():
            if holding.refill is not None:
                await asyncio.gather(holding.refill, return_exceptions=True)
        for account, holding in self._accounts.items():
            if holding.free or holding.busy:  # busy now: its statement was cut short, and nobody checked it in
                with suppress(Exception):  # the database may be away, and the takes are all answered
                    async with self._db.transaction() as tx:
                        await leases.close_held(tx, account, self._worker)
        self._accounts.clear()

    def _wake(self, holding: _Holding[Waiting]) -> None:
        if holding.waiting:
            works, holding.waiting = list(holding.waiting), deque()
            self._resume(works)

    def _start_refill(self, account: AccountRef, holding: _Holding[Waiting], needed: int, *, asked: bool) -> None:
        if holding.refill is None and holding.refusal is None:
            holding.refill = asyncio.create_task(self._refill(account, holding, needed, asked))

    async def _refill(self, account: AccountRef, holding: _Holding[Waiting], needed: int, asked: bool) -> None:
        """Open one more lease. Only a refill that work `asked` for leaves a refusal behind: low water is no failure."""
        try:
            async with self._db.transaction() as tx:
                lease = await leases.open_lease(tx, account, self._worker, needed, max(holding.size, needed))
            holding.free.append(lease)
        except Refusal as refusal:
            holding.refusal = refusal if asked else None
        except Exception as error:  # the connection broke; whoever waits is told and may retry
            holding.refusal = Refusal("take.database_lost", kind=type(error).__name__) if asked else None
        finally:
            holding.refill = None
            self._wake(holding)


def spend(lease: Lease, count: int) -> Lease:
    """The lease after `count` serials were drawn."""
    return lease._replace(next=lease.next + count)
