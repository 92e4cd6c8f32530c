"""The leases that one worker holds, account by account, checked out by a lane for the time of one statement.

An account has as many leases as lanes want it at once, and no more; they grow with use. Refilling happens beside the
takes where it can: a lane that finds too little leaves the work waiting here and serves others meanwhile. What nobody
draws from goes back to its account.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from asyncpg import DeadlockDetectedError

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef, Lease
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal

FIRST_UNITS = 256
MOST_UNITS = 8192
GROWTH = 4
"""A lease that was used up is followed by one this many times as large."""
IDLE_SECONDS = 180.0
"""A lease nobody drew from for so long goes back: another server, or the branch, may have a use for the units."""
REFILL_SECONDS = 5.0
"""How long a refill is tried again while the database does not answer."""
AGAIN_SECONDS = 0.1
MOST_SPENT = 16
"""Used-up leases of an account that stay open: closing them now and then keeps the index of open ones small."""

Waiting = TypeVar("Waiting")


@dataclass(slots=True)
class _Holding(Generic[Waiting]):
    """One account: leases nobody uses right now, which are in statements, and who waits for more.

    Once `doubtful`, the database may hold leases for us that are not known here; `used` is the loop's time, `spent`
    how many leases were used up and not closed yet.
    """

    free: list[Lease] = field(default_factory=list)
    busy: set[UUID] = field(default_factory=set)
    doubtful: bool = False
    used: float = 0.0
    spent: int = 0
    size: int = FIRST_UNITS
    refill: asyncio.Task[None] | None = None
    refusal: Refusal | None = None
    waiting: deque[Waiting] = field(default_factory=deque)

    @property
    def left(self) -> int:
        return sum(lease.left for lease in self.free)


class Holdings(Generic[Waiting]):
    """Leases of one worker at a time, `renew` names it. `resume` is called with waiting work once there may be more
    for it, `doubt` when a connection broke."""

    def __init__(
        self, db: Database, most_leases: int, resume: Callable[[Iterable[Waiting]], None], doubt: Callable[[], None]
    ) -> None:
        self._db = db
        self._worker = 0
        self._most_leases = most_leases
        self._resume = resume
        self._doubt = doubt
        self._closing = False
        self._time = asyncio.get_running_loop().time
        self._accounts: dict[AccountRef, _Holding[Waiting]] = {}

    def renew(self, worker: int) -> None:
        """Go on as another worker, holding nothing; whoever keeps the old one's books closes its leases."""
        self._worker = worker
        for holding in self._accounts.values():
            holding.free.clear()
            holding.busy.clear()
            holding.doubtful = False
            self._wake(holding)

    def check_out(self, account: AccountRef, units: int) -> list[Lease] | None:
        """Free leases with `units` between them, now in use; None when there are too few."""
        holding = self._accounts.setdefault(account, _Holding())
        if holding.left < units:
            return None
        taken: list[Lease] = []
        while units > 0:
            taken.append(holding.free.pop(0))
            units -= taken[-1].left
        holding.busy.update(lease.lease_id for lease in taken)
        holding.used = self._time()
        holding.refusal = None  # whoever was refused more has been served by what came back; the next one asks anew
        if holding.left < holding.size // 4 and len(holding.free) + len(holding.busy) < self._most_leases:
            self._start_refill(account, holding, 1, asked=False)
        return taken

    def check_in(self, account: AccountRef, before: list[Lease], now: list[Lease]) -> None:
        """Leases come back as they now stand; used-up ones and lost ones are missing from `now`.

        Those of a worker that is over are no longer busy here, and are left out.
        """
        holding = self._accounts.get(account)
        if holding is None:
            return
        if len(now) < len(before):
            holding.size = min(holding.size * GROWTH, MOST_UNITS)
            holding.spent += len(before) - len(now)
        holding.free.extend(lease for lease in now if lease.lease_id in holding.busy)
        holding.busy.difference_update(lease.lease_id for lease in before)
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
        if len(holding.free) + len(holding.busy) < self._most_leases or not holding.busy:
            self._start_refill(account, holding, max(1, units - holding.left), asked=True)

    async def reload(self, account: AccountRef, before: list[Lease]) -> None:
        """Check leases in as the database knows them, after a statement whose fate is not known.

        Where it does not answer they are dropped here, and closed as soon as it does.
        """
        try:
            held = {lease.lease_id: lease for lease in await leases.open_leases(self._db, account, self._worker)}
        except Exception:
            held = {}
            if account in self._accounts:
                self._accounts[account].doubtful = True
            self._doubt()
        self.check_in(account, before, [held[lease.lease_id] for lease in before if lease.lease_id in held])

    async def tidy(self) -> None:
        """Return what nobody draws from, and what a broken connection left behind; forget such accounts."""
        long_ago = self._time() - IDLE_SECONDS
        for account, holding in list(self._accounts.items()):
            if holding.busy or holding.waiting or holding.refill is not None:
                continue
            if holding.doubtful or holding.used < long_ago:
                holding.free.clear()
                holding.refill = asyncio.create_task(self._give_back(account, holding))
                await asyncio.gather(holding.refill, return_exceptions=True)

    async def close(self) -> None:
        """Return every lease that can be returned now; the others are closed once the worker is gone."""
        self._closing = True
        for holding in list(self._accounts.values()):
            if holding.refill is not None:
                await asyncio.gather(holding.refill, return_exceptions=True)
        for _ in range(2):  # one connection may be broken; the takes are all answered, so nothing more is tried
            with suppress(Exception):
                await leases.close_leases_of(self._db, self._worker)
                break
        for holding in self._accounts.values():
            self._wake(holding)
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
        give_up = self._time() + REFILL_SECONDS
        try:
            while not await self._opened(account, holding, needed, asked=asked):
                if self._closing or self._time() > give_up:
                    raise Refusal("take.database_lost", kind="refill")
                await asyncio.sleep(AGAIN_SECONDS)
        except Refusal as refusal:
            holding.refusal = refusal if asked else None
        finally:
            holding.refill = None
            self._wake(holding)

    async def _opened(self, account: AccountRef, holding: _Holding[Waiting], needed: int, *, asked: bool) -> bool:
        """One attempt; False when the connection broke, which leaves open whether the lease is there."""
        worker, known = self._worker, [*holding.busy, *(lease.lease_id for lease in holding.free)]
        doubtful, holding.doubtful = holding.doubtful, False
        close_first = doubtful or holding.spent > MOST_SPENT
        size = max(holding.size, needed)
        open_lease = leases.open_lease_or_call_in if asked else leases.open_lease
        try:
            async with self._db.transaction() as tx:
                if close_first:
                    await leases.close_forgotten(tx, account, worker, known)
                lease = await open_lease(tx, account, worker, needed, size)
        except Refusal:
            holding.doubtful |= doubtful
            raise
        except DeadlockDetectedError:  # a statement drew on two leases that we called in
            holding.doubtful |= doubtful
            return False
        except Exception:
            holding.doubtful = True
            self._doubt()
            return False
        if worker != self._worker:  # its leases were closed meanwhile, this one perhaps not
            with suppress(Exception):
                await leases.close_leases_of(self._db, worker)
            return False
        if close_first:
            holding.spent = 0
        holding.free.append(lease)
        holding.used = self._time()
        return True

    async def _give_back(self, account: AccountRef, holding: _Holding[Waiting]) -> None:
        """Close all that the worker holds of an account, and forget the account unless somebody came meanwhile."""
        holding.doubtful = False
        try:
            async with self._db.transaction() as tx:
                await leases.close_held(tx, account, self._worker)
            if not holding.waiting:
                del self._accounts[account]
        except Exception:  # tried again the next time
            holding.doubtful = True
            self._doubt()
        finally:
            holding.refill = None
            self._wake(holding)


def spend(lease: Lease, count: int) -> Lease:
    """The lease after `count` serials were drawn."""
    return lease._replace(next=lease.next + count)
