"""The desk: one worker that takes numbers for everybody in this process, many takes in one statement.

Takes are gathered while the statements before them are under way (group commit): `lanes` statements at a time, each
one round trip that advances leases and writes keys, answers and waybills, or nothing at all.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime

import msgspec
from asyncpg import DeadlockDetectedError, DivisionByZeroError, UniqueViolationError

from miandan.accounts import leases
from miandan.accounts.leases import AccountRef, Lease
from miandan.carriers.model import Carrier
from miandan.carriers.numbers import NumberKind, NumberRule
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.waybills import months
from miandan.waybills.guard import Guard
from miandan.waybills.holdings import Holdings, spend
from miandan.waybills.model import NumberRef, Outcome, Refused, Taken, TakeRequest
from miandan.waybills.prepare import Issued, Prepared, RequestRows, taken
from miandan.waybills.writing import Draw, KeptAnswer, TakeRows, draw_and_write

MOST_PARCELS = 400
"""Parcels in one statement; beyond that it gains nothing and holds its locks longer."""
TIDY_SECONDS = 5.0
"""How often the desk returns what is idle or was left behind."""
DEAD_SECONDS = 60.0
"""How often it looks for leases of other programs that died."""


class Occupied(Exception):
    """A parcel key was taken by somebody else, or the fate of the statement is unknown: look before trying again."""


@dataclass(slots=True)
class Work:
    """Parcels of one request that wait for numbers together, in the order of their keys."""

    request: TakeRequest
    account: AccountRef
    carrier: Carrier
    parcels: Sequence[Prepared]
    alone: bool = False
    answer: KeptAnswer | None = None
    done: "asyncio.Future[list[Outcome]]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def units(self) -> int:
        return sum(parcel.ask.pieces for parcel in self.parcels)


@dataclass(slots=True)
class _Batch:
    """The works of one statement with the leases they draw on."""

    at: datetime = field(default_factory=now)
    month: date = field(init=False)
    works: list[Work] = field(default_factory=list)
    before: dict[AccountRef, list[Lease]] = field(default_factory=dict)
    after: dict[AccountRef, list[Lease]] = field(default_factory=dict)
    outcomes: list[list[Outcome]] = field(default_factory=list)
    rows: TakeRows = field(default_factory=TakeRows)
    parcels: int = 0
    rules: dict[tuple[str, str], NumberRule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.month = month_of(self.at)

    def draws(self) -> list[Draw]:
        """What each lease gave: from where it stood to where it stands."""
        return [
            Draw(before.merchant_id, before.lease_id, before.next, after.next - before.next)
            for account, leases_before in self.before.items()
            for before, after in zip(leases_before, self.after[account], strict=True)
            if after.next > before.next
        ]


class Desk:
    """One worker, or one after another when the database restarts. Open it with `open_desk`; `take` is in
    waybills.service."""

    def __init__(self, db: Database, lanes: int, most_parcels: int) -> None:
        self.db = db
        self.worker = 0
        self._past: list[int] = []
        self._most_parcels = most_parcels
        self._closed = False
        self._queue: deque[Work] = deque()
        self._filled = asyncio.Event()
        self._untidy = asyncio.Event()
        self._guard = Guard(db, self._begin)
        self._holdings: Holdings[Work] = Holdings(db, lanes, self._resume, self._guard.doubt)
        self._tasks = [asyncio.create_task(self._lane()) for _ in range(lanes)]

    async def open(self) -> None:
        """Become a worker. Raises what the database raises."""
        await self._guard.start()
        self._tasks.append(asyncio.create_task(self._tidy_always()))

    async def number(self, work: Work) -> list[Outcome]:
        """Numbers for the parcels of `work`; raises Occupied when a key may not be free, take.closing too late,
        take.database_lost when the database stays away."""
        await self.present()
        if self._closed:
            raise Refusal("take.closing")
        self._queue.append(work)
        self._filled.set()
        return await work.done

    async def present(self) -> None:
        """Return at once while the database is there, wait some seconds otherwise. Raises take.database_lost."""
        if not self._closed:
            await self._guard.present()

    async def close(self) -> None:
        """Stop the lanes and return every lease; who still waits is told to look for itself."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._holdings.close()
        _fail(self._queue, Occupied())
        await self._guard.stop()

    def _begin(self, worker: int) -> None:
        """Go on as a new worker: the lock of the one before is lost, and with it the right to its leases."""
        if self.worker:
            self._past.append(self.worker)
            self._untidy.set()
        self.worker = worker
        self._holdings.renew(worker)

    async def _tidy_always(self) -> None:
        """Return leases: of the workers that this desk was before, of idle accounts, of programs that died."""
        time = asyncio.get_running_loop().time
        looked = time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TIDY_SECONDS):
                    await self._untidy.wait()
            self._untidy.clear()
            with suppress(Exception):  # tried again the next time
                while self._past:
                    await leases.close_leases_of(self.db, self._past[0])
                    self._past.pop(0)
                await self._holdings.tidy()
                if time() - looked > DEAD_SECONDS:
                    await leases.close_leases_of_the_dead(self.db)
                    looked = time()

    def _resume(self, works: Iterable[Work]) -> None:
        self._queue.extendleft(reversed(list(works)))
        self._filled.set()

    async def _lane(self) -> None:
        while True:
            await self._filled.wait()
            batch = self._gather()
            if not batch.works:
                self._filled.clear()
                continue
            await self._serve(batch)

    def _gather(self) -> _Batch:
        """As many waiting works as one statement takes. Work whose account has too few units waits in the holdings."""
        batch = _Batch()
        while self._queue and batch.parcels < self._most_parcels:
            if self._queue[0].alone and batch.works:
                break
            work = self._queue.popleft()
            if work.done.done():
                continue
            if not self._check_out(batch, work):
                self._hold_or_refuse(batch, work)
                continue
            try:
                self._fill(batch, work)
            except Exception as error:  # a number that its rule cannot form, say: nobody else may suffer from it
                return self._drop(batch, work, error)
            if work.alone:
                break
        return batch

    def _drop(self, batch: _Batch, work: Work, error: Exception) -> _Batch:
        """Give up a batch before anything was sent: `work` gets its error, the others try again one by one."""
        self._check_in(batch, batch.before)
        _fail([work], error)
        _fail(batch.works, Occupied())
        return self._gather()

    def _check_out(self, batch: _Batch, work: Work) -> bool:
        """Have leases in the batch that serve `work` whole."""
        have = sum(lease.left for lease in batch.after.get(work.account, ()))
        if have < work.units:
            more = self._holdings.check_out(work.account, work.units - have)
            if more is None:
                return False
            batch.before.setdefault(work.account, []).extend(more)
            batch.after.setdefault(work.account, []).extend(more)
        return True

    def _hold_or_refuse(self, batch: _Batch, work: Work) -> None:
        """Let the work wait for units; when none can come, serve the parcels that fit and refuse the rest."""
        end = self._holdings.exhausted(work.account) if work.account not in batch.before else None
        if end is None:
            self._holdings.wait(work.account, work.units, work)
            return
        left, refusal = end
        fitting = 0
        while left >= work.parcels[fitting].ask.pieces:
            left -= work.parcels[fitting].ask.pieces
            fitting += 1
        refused: list[Outcome] = [Refused(parcel.ask.keys, refusal) for parcel in work.parcels[fitting:]]
        if fitting == 0:
            work.done.set_result(refused)
            return
        part = Work(work.request, work.account, work.carrier, work.parcels[:fitting], work.alone)
        part.done.add_done_callback(lambda done: _join(work, done, refused))
        self._queue.appendleft(part)

    def _fill(self, batch: _Batch, work: Work) -> None:
        """Give every parcel its numbers and write down its rows."""
        cursor = batch.after[work.account]
        carrier, merchant_id = work.carrier.code, work.request.merchant_id
        outcomes: list[Outcome] = []
        drawn, given = draw_numbers(work.carrier, cursor, work.units, batch.rules), 0
        rows = RequestRows(batch.rows, work.request, carrier)
        for parcel in work.parcels:
            parent, *children = issued = drawn[given : given + parcel.ask.pieces]
            given += len(issued)
            rows.add_parcel(parcel, issued)
            ref = NumberRef(merchant_id, carrier, parent.number, batch.month)
            outcomes.append(taken(parcel, ref, tuple([one.number for one in children])))
        if work.answer is not None:
            batch.rows.answers.append(with_numbers(work.answer, outcomes))
        batch.works.append(work)
        batch.outcomes.append(outcomes)
        batch.parcels += len(work.parcels)

    async def _serve(self, batch: _Batch) -> None:
        try:
            async with self.db.connection() as connection:
                await draw_and_write(connection, batch.at, batch.month, batch.rows, batch.draws())
        except (UniqueViolationError, DeadlockDetectedError) as error:
            if _is_about_number(error):
                await self._reload(batch)
            else:
                self._check_in(batch, batch.before)
            _fail(batch.works, Occupied())
        except DivisionByZeroError:
            await self._reload(batch)
            self._resume(batch.works)
        except Exception:  # the connection broke: whether the statement was committed is found out by key
            await self._reload(batch)
            _fail(batch.works, Occupied())
        except BaseException:
            _fail(batch.works, Occupied())
            raise
        else:
            self._check_in(batch, batch.after)
            for work, outcomes in zip(batch.works, batch.outcomes, strict=True):
                if not work.done.done():
                    work.done.set_result(outcomes)

    def _check_in(self, batch: _Batch, stand: Mapping[AccountRef, list[Lease]]) -> None:
        for account, before in batch.before.items():
            self._holdings.check_in(account, before, [lease for lease in stand[account] if lease.left])

    async def _reload(self, batch: _Batch) -> None:
        for account, before in batch.before.items():
            await self._holdings.reload(account, before)


@asynccontextmanager
async def open_desk(db: Database, *, lanes: int = 2, most_parcels: int = MOST_PARCELS) -> AsyncIterator[Desk]:
    """A desk that lives as long as the block; leases of workers that died before are closed first."""
    await months.prepare(db)
    await leases.close_leases_of_the_dead(db)
    desk = Desk(db, lanes, most_parcels)
    try:
        await desk.open()
        yield desk
    finally:
        await desk.close()


def with_numbers(answer: KeptAnswer, outcomes: Sequence[Outcome]) -> KeptAnswer:
    """The answer with what was issued written into it: null for a parcel that was refused."""
    numbers = [
        [one.ref.carrier, one.ref.number, one.ref.month.isoformat(), list(one.children), one.sorted]
        if isinstance(one, Taken)
        else None
        for one in outcomes
    ]
    return KeptAnswer(
        answer.merchant_id, answer.idempotency_key, answer.fingerprint, msgspec.json.encode(numbers).decode()
    )


def month_of(at: datetime) -> date:
    return trade_day(at).replace(day=1)


def draw_numbers(
    carrier: Carrier, cursor: list[Lease], count: int, rules: dict[tuple[str, str], NumberRule] | None = None
) -> list[Issued]:
    """`count` numbers from the leases in turn; the leases in `cursor` move on. `rules` keeps the rules looked up.

    Raises ValueError where the leases hold fewer, or a rule cannot form one.
    """
    rules = {} if rules is None else rules
    issued: list[Issued] = []
    for place, lease in enumerate(cursor):
        here = min(lease.left, count - len(issued))
        if here:
            rule = rules.get((carrier.code, lease.kind))
            if rule is None:
                rule = rules[carrier.code, lease.kind] = carrier.rule(NumberKind(lease.kind))
            issued += [Issued(number, lease.lease_id) for number in rule.consecutive(lease.next, here)]
            cursor[place] = spend(lease, here)
        if len(issued) == count:
            return issued
    raise ValueError(f"{len(issued)} numbers for {count} pieces")


def _is_about_number(error: Exception) -> bool:
    """Whether a number was given already, not a key: then the lease was called in, and another one drew from it."""
    constraint = getattr(error, "constraint_name", None) or ""
    return constraint.startswith("waybill") or "number" in constraint


def _fail(works: Iterable[Work], error: Exception) -> None:
    for work in works:
        if not work.done.done():
            work.done.set_exception(error)


def _join(work: Work, done: "asyncio.Future[list[Outcome]]", refused: list[Outcome]) -> None:
    """Answer the whole work once its part is served."""
    if work.done.done():
        return
    error = done.exception()
    if error is not None:
        work.done.set_exception(error)
    else:
        work.done.set_result(done.result() + refused)
