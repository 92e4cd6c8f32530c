"""The bench (打印台位): the sheets of one printer in their order, the next one drawn while the last one is printed.

A sheet that cannot be drawn is failed with its code and the next one goes on. Nothing is begun while the printer cannot
print, stands still after a doubt, or the journal cannot be written; sheets that wait can still be taken back.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from miandan.agent.journal import RECALLED, STOPPED_BEFORE, STOPPED_PRINTING, Ended, Journal, Slip
from miandan.agent.log import Log
from miandan.agent.printers.model import NOT_READY, UNREACHABLE, Condition, NothingSent, Printer, State
from miandan.agent.rendering import Content
from miandan.agent.standing import Standing
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained
from miandan.labels.agent_link import Evidence, Outcome

AHEAD: Final = 2
"""Sheets that are drawn before the printer is free."""

FIRST_LOOK_SECONDS: Final = 0.5
LONGEST_LOOK_SECONDS: Final = 5.0
"""How often a printer that cannot print is asked again."""

FINE_SECONDS: Final = 3.0
"""So long after a sheet came out a printer is not asked whether it can print."""

_AGAIN: Final = frozenset((UNREACHABLE, NOT_READY))  # what passes; nothing was sent, so it is tried again


@dataclass(frozen=True, slots=True)
class Done:
    """How a sheet ended at its printer."""

    outcome: Outcome
    evidence: Evidence = Evidence.NONE
    reason: str = ""


@dataclass(slots=True, eq=False)
class Task:
    """One sheet on the bench. `draw` makes its document in a worker thread and may raise a Refusal; the hooks are
    called in the event loop, after the journal has it. `content` lets it share office paper with others."""

    slip: Slip
    draw: Callable[[], bytes] = field(repr=False)
    content: Callable[[], Content] | None = field(default=None, repr=False, kw_only=True)
    on_drawn: Callable[[Slip], None] = lambda _slip: None
    on_begun: Callable[[Slip], None] = lambda _slip: None
    on_end: Callable[[Slip, Ended], None] = lambda _slip, _ended: None
    begun: bool = False  # a byte may have left
    told: bool = False  # whoever gave it knows that it had begun
    over: bool = False


@dataclass(slots=True)
class Counts:
    """Sheets of a printer since the agent started."""

    printed: int = 0
    failed: int = 0
    doubtful: int = 0


class Bench:
    """Works through the tasks of one printer until it is stopped."""

    def __init__(
        self,
        printer: Printer,
        journal: Journal,
        drawers: Executor,
        log: Log,
        on_condition: Callable[[str, Condition], None] = lambda _name, _condition: None,
    ) -> None:
        self.printer = printer
        self.counts = Counts()
        self.condition = Condition(State.UNKNOWN)
        self._journal = journal
        self._drawers = drawers
        self._log = log
        self._on_condition = on_condition
        self._waiting: deque[Task] = deque()
        self._by_id: dict[str, Task] = {}
        self._drawn: asyncio.Queue[tuple[Task, bytes]] = asyncio.Queue(AHEAD)
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        self._work: list[asyncio.Task[None]] = []
        self._printing: Sequence[Task] = ()
        self._fine_until = 0.0  # by the loop's clock
        self._standing = Standing()
        self._went_on = asyncio.Event()
        self._looking = asyncio.Lock()

    @property
    def name(self) -> str:
        return self.printer.name

    @property
    def waiting(self) -> int:
        """Sheets that are here and have not ended."""
        return len(self._by_id)

    def put(self, task: Task) -> None:
        """A sheet for this printer, behind those that are here."""
        self._journal.got(task.slip)
        self._by_id[task.slip.sheet_id] = task
        self._waiting.append(task)
        self._arrived.set()

    def recall(self, sheet_id: str) -> bool:
        """Give a sheet back unless it has begun; False where it is not here or too late."""
        task = self._by_id.get(sheet_id)
        if task is None or task.begun:
            return False
        self._end(task, _unprinted(task, RECALLED))
        return True

    @property
    def stands_still(self) -> bool:
        """Whether it begins no sheet until its printer, or a person, says that it is well."""
        return self._standing.stands

    def go_on(self) -> bool:
        """A person has seen to the printer; False where it did not stand still."""
        stood = self._standing.stands
        self._standing.go_on()
        self._went_on.set()
        if stood:
            self._log.event("printer.goes_on", printer=self.name)
        if self.condition.state is State.STANDS_STILL:
            self.note(Condition(State.UNKNOWN))
        return stood

    async def look(self) -> Condition:
        """Ask the printer how it is, and note it."""
        async with self._looking:  # a printer that is being asked answers another question with what it said before
            said = await self.printer.condition()
            self.note(self._standing.look(said, asyncio.get_running_loop().time()))
            return self.condition

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._work = [loop.create_task(self._draw_always()), loop.create_task(self._print_always())]

    async def stop(self, seconds: float) -> None:
        """End the sheet that is being printed if it takes no longer than this; the others are given back."""
        self._stopping.set()
        drawing, printing = self._work
        drawing.cancel()
        if not any(task.begun for task in self._printing):
            printing.cancel()
        _, late = await asyncio.wait({printing}, timeout=seconds)
        for one in late:
            one.cancel()
        for one in self._work:
            with suppress(asyncio.CancelledError):
                await one
        for task in list(self._by_id.values()):
            self._end(task, _broken_off(task))

    # drawing

    async def _draw_always(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                task = self._waiting.popleft()
                if task.over:
                    continue
                try:
                    document = await loop.run_in_executor(self._drawers, task.draw)
                except Exception as failed:  # whatever it is, it costs this sheet only
                    self._refuse(task, explained(failed))
                    continue
                task.on_drawn(task.slip)
                await self._drawn.put((task, document))
                del task, document  # what it shows is not kept until the next sheet comes

    def _refuse(self, task: Task, refusal: Refusal) -> None:
        self._log.refused("sheet.not_drawn", refusal, printer=self.name, sheet=task.slip.sheet_id)
        if not task.over:
            self._end(task, Done(Outcome.FAILED, reason=refusal.code))

    # printing

    async def _print_always(self) -> None:
        while not self._stopping.is_set():
            task, document = await self._drawn.get()
            await self._print_or_end([task], document)
            del task, document  # what it shows is not kept until the next sheet comes

    async def _print_or_end(self, tasks: Sequence[Task], document: bytes) -> Sequence[Task]:
        """Sheets that share a document, to their end; when some of them were taken back before it began, the others
        are returned: they need one that does not show those."""
        self._printing = tasks
        try:
            while await self._can_print(tasks):
                if len(left := _not_over(tasks)) < len(tasks):
                    return left
                if await self._print(tasks, document):
                    break
        except Exception as failed:  # nobody foresaw it; the next sheet goes on
            self._break(tasks, failed)
        self._printing = ()
        return ()

    def _break(self, tasks: Sequence[Task], failed: Exception) -> None:
        if any(task.begun for task in _not_over(tasks)):
            self._standing.doubted(asyncio.get_running_loop().time())
        for task in _not_over(tasks):
            self._end(task, self._broken(task, failed))

    async def _can_print(self, tasks: Sequence[Task]) -> bool:
        """Wait until the printer can print; False when all sheets were taken back before."""
        rest = FIRST_LOOK_SECONDS
        loop = asyncio.get_running_loop()
        while _not_over(tasks):
            if loop.time() < self._fine_until:
                return True
            self._went_on.clear()
            if (await self.look()).state.can_print:
                return True
            left = self._standing.left(loop.time())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._went_on.wait(), min(rest, left) if left else rest)
            rest = min(rest * 2, LONGEST_LOOK_SECONDS)
        return False

    async def _print(self, tasks: Sequence[Task], document: bytes) -> bool:
        """Begin and end; False when certainly no byte left and it is tried again."""
        for task in tasks:
            task.begun = True  # from here on nothing is taken back
        try:
            await asyncio.gather(*(self._journal.begun(task.slip) for task in tasks))
        except asyncio.CancelledError:
            for task in tasks:
                task.begun = False
            raise
        self._tell_begun(tasks)
        done = await self._sent(tasks[0], document)
        for task in tasks:
            if done is not None:
                self._end(task, done)
            else:
                task.begun = False
                self._journal.unsent(task.slip)
        if done is None:
            await asyncio.sleep(FIRST_LOOK_SECONDS)
        return done is not None

    def _tell_begun(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            self._log.event("sheet.begun", printer=self.name, sheet=task.slip.sheet_id)
            if not task.told:
                task.told = True
                task.on_begun(task.slip)

    async def _sent(self, task: Task, document: bytes) -> Done | None:
        """What became of it; None when certainly no byte left, and it may be tried again."""
        self._fine_until = 0.0
        loop = asyncio.get_running_loop()
        try:
            outcome = await self.printer.print_sheet(task.slip, document, self.printer.takes)
        except NothingSent as nothing:
            self._log.refused("sheet.not_sent", nothing, printer=self.name, sheet=task.slip.sheet_id)
            return None if nothing.code in _AGAIN else Done(Outcome.FAILED, reason=nothing.code)
        except Exception as failed:
            self._standing.doubted(loop.time())
            return self._broken(task, failed)
        self._standing.came_out()
        self._fine_until = loop.time() + FINE_SECONDS
        return Done(Outcome.PRINTED, outcome.evidence)

    def _broken(self, task: Task, failed: Exception) -> Done:
        refusal = explained(failed)
        self._log.refused("sheet.broken", refusal, printer=self.name, sheet=task.slip.sheet_id)
        return Done(Outcome.DOUBTFUL if task.begun else Outcome.FAILED, reason=refusal.code)

    def _end(self, task: Task, done: Done) -> None:
        slip = task.slip
        task.over = True
        self._by_id.pop(slip.sheet_id, None)
        ended = self._journal.end(slip, done.outcome, done.evidence, done.reason)
        match ended.outcome:
            case Outcome.PRINTED:
                self.counts.printed += 1
            case Outcome.FAILED:
                self.counts.failed += 1
            case Outcome.DOUBTFUL:
                self.counts.doubtful += 1
        said: dict[str, Any] = {"printer": self.name, "sheet": slip.sheet_id, "number": slip.number}
        event = self._log.event if ended.outcome in (Outcome.PRINTED, Outcome.GIVEN_BACK) else self._log.wrong
        event(f"sheet.{ended.outcome}", **said, evidence=ended.evidence, reason=ended.reason)
        task.on_end(slip, ended)

    def note(self, condition: Condition) -> None:
        """What is known of the printer now."""
        if condition != self.condition:
            self.condition = condition
            self._log.event("printer.condition", printer=self.name, state=condition.state, detail=condition.detail)
            self._on_condition(self.name, condition)


def _not_over(tasks: Sequence[Task]) -> Sequence[Task]:
    return [task for task in tasks if not task.over]


def _broken_off(task: Task) -> Done:
    if task.begun:
        return Done(Outcome.DOUBTFUL, reason=STOPPED_PRINTING)
    return _unprinted(task, STOPPED_BEFORE)


def _unprinted(task: Task, reason: str) -> Done:
    """Given back; but whoever was told that it had begun must not take it for that."""
    return Done(Outcome.FAILED if task.told else Outcome.GIVEN_BACK, reason=reason)
