"""The bench (打印台位): the sheets of one printer in their order, the next one drawn while the last one is printed.

A sheet that cannot be drawn is failed with its code and the next one goes on. Nothing is begun while the printer cannot
print or the journal cannot be written; sheets that wait can still be taken back.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from miandan.agent.journal import Ended, Journal, Slip
from miandan.agent.log import Log
from miandan.agent.rendering import Target
from miandan.kernel.errors import Refusal
from miandan.kernel.failures import explained
from miandan.labels.agent_link import Evidence, Outcome, PrinterState

AHEAD: Final = 2
"""Sheets that are drawn before the printer is free."""

FIRST_LOOK_SECONDS: Final = 0.5
LONGEST_LOOK_SECONDS: Final = 5.0
"""How often a printer that cannot print is asked again."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a printer is; `detail` is a code such as paper_out."""

    state: PrinterState
    detail: str = ""

    @property
    def can_print(self) -> bool:
        return self.state not in (PrinterState.OFFLINE, PrinterState.TROUBLE)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a document that was sent."""

    outcome: Outcome
    evidence: Evidence = Evidence.NONE
    reason: str = ""


class Device(Protocol):
    """A printer as the bench uses it."""

    @property
    def name(self) -> str: ...

    @property
    def driver(self) -> str: ...

    @property
    def target(self) -> Target:
        """What its documents are drawn for now."""

    async def open(self) -> None:
        """Once, before anything else; what an earlier run left in its spool is removed."""

    async def close(self) -> None:
        """Once, at the end; its spool is empty then."""

    async def condition(self) -> Condition:
        """How it is now, as far as it can be asked."""

    async def print(self, documents: Sequence[bytes], slip: Slip) -> Done:
        """Send one sheet, document by document. Never raises for what a printer does."""

    async def remembered(self, slip: Slip) -> Done | None:
        """What the device itself knows of a sheet that had begun when an earlier run ended; None where it cannot
        tell."""


@dataclass(slots=True, eq=False)
class Task:
    """One sheet on the bench. `draw` makes its documents in a worker thread and may raise a Refusal; the hooks are
    called in the event loop, after the journal has it."""

    slip: Slip
    draw: Callable[[], Sequence[bytes]] = field(repr=False)
    on_drawn: Callable[[Slip], None] = lambda _slip: None
    on_begun: Callable[[Slip], None] = lambda _slip: None
    on_end: Callable[[Slip, Ended], None] = lambda _slip, _ended: None
    recalled: bool = False
    begun: bool = False


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
        device: Device,
        journal: Journal,
        drawers: Executor,
        log: Log,
        on_condition: Callable[[str, Condition], None] = lambda _name, _condition: None,
    ) -> None:
        self.device = device
        self.counts = Counts()
        self.condition = Condition(PrinterState.UNKNOWN)
        self._journal = journal
        self._drawers = drawers
        self._log = log
        self._on_condition = on_condition
        self._waiting: deque[Task] = deque()
        self._by_id: dict[str, Task] = {}
        self._drawn: asyncio.Queue[tuple[Task, Sequence[bytes]]] = asyncio.Queue(AHEAD)
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        self._work: list[asyncio.Task[None]] = []
        self._printing: Task | None = None

    @property
    def name(self) -> str:
        return self.device.name

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
        task.recalled = True
        self._end(task, Done(Outcome.GIVEN_BACK, reason="agent.recalled"))
        return True

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._work = [loop.create_task(self._draw_always()), loop.create_task(self._print_always())]

    async def stop(self, seconds: float) -> None:
        """End the sheet that is being printed if it takes no longer than this; the others are given back."""
        self._stopping.set()
        drawing, printing = self._work
        drawing.cancel()
        if self._printing is None or not self._printing.begun:
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
                if task.recalled:
                    continue
                try:
                    documents = await loop.run_in_executor(self._drawers, task.draw)
                except Exception as failed:  # whatever it is, it costs this sheet only
                    self._refuse(task, explained(failed))
                    continue
                task.on_drawn(task.slip)
                await self._drawn.put((task, documents))

    def _refuse(self, task: Task, refusal: Refusal) -> None:
        self._log.refused("sheet.not_drawn", refusal, printer=self.name, sheet=task.slip.sheet_id)
        if not task.recalled:
            self._end(task, Done(Outcome.FAILED, reason=refusal.code))

    # printing

    async def _print_always(self) -> None:
        while not self._stopping.is_set():
            task, documents = await self._drawn.get()
            self._printing = task
            await self._can_print(task)
            if not task.recalled:
                await self._print(task, documents)
            self._printing = None
            del task, documents  # what they show is not kept until the next sheet comes

    async def _can_print(self, task: Task) -> None:
        """Wait until the printer can print, or the sheet is taken back."""
        rest = FIRST_LOOK_SECONDS
        while not task.recalled:
            self.note(await self.device.condition())
            if self.condition.can_print:
                return
            await asyncio.sleep(rest)
            rest = min(rest * 2, LONGEST_LOOK_SECONDS)

    async def _print(self, task: Task, documents: Sequence[bytes]) -> None:
        task.begun = True  # from here on nothing is taken back
        try:
            await self._journal.begun(task.slip)
        except asyncio.CancelledError:
            task.begun = False
            raise
        self._log.event("sheet.begun", printer=self.name, sheet=task.slip.sheet_id)
        task.on_begun(task.slip)
        try:
            done = await self.device.print(documents, task.slip)
        except asyncio.CancelledError:
            raise
        except Exception as failed:
            refusal = explained(failed)
            self._log.refused("sheet.broken", refusal, printer=self.name, sheet=task.slip.sheet_id)
            done = Done(Outcome.DOUBTFUL, reason=refusal.code)
        self._end(task, done)

    def _end(self, task: Task, done: Done) -> None:
        slip = task.slip
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


def _broken_off(task: Task) -> Done:
    if task.begun:
        return Done(Outcome.DOUBTFUL, reason="agent.stopped_while_printing")
    return Done(Outcome.GIVEN_BACK, reason="agent.stopped_before_printing")
