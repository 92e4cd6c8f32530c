"""The agent put together: journal, benches, link, and what commands and pages may ask of it while it runs.

    agent = Agent(folder, printers, paired, keys)
    await agent.start()
    ...
    await agent.stop()

One agent per data folder: whoever starts one holds `folder.alone()`.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import metadata
from typing import Any, Final

from miandan.agent.bench import Bench, Task
from miandan.agent.data_sheets import DataSheets, told_as
from miandan.agent.folder import Folder, Paired, empty
from miandan.agent.journal import (
    JOURNAL_FULL,
    LAST_ENDED,
    SERVER,
    STOPPED_BEFORE,
    Ended,
    Entry,
    Journal,
    Slip,
    Step,
    after_a_kill,
    open_journal,
)
from miandan.agent.keys import AgentKeys
from miandan.agent.link import Link, LinkState, LinkStatus
from miandan.agent.log import Log
from miandan.agent.office import OfficeBench
from miandan.agent.orders import ServerOrders, said
from miandan.agent.pages import page
from miandan.agent.printers.model import Condition, Printer, State
from miandan.agent.printers.model import Outcome as CameOut
from miandan.agent.rendering import Content, Templates, drawn, read_content
from miandan.agent.status import (
    GO_ON,
    LOOK_SECONDS,
    STOOD_NOT,
    WENT_ON,
    AgentStatus,
    Answer,
    LinkShown,
    PrinterStatus,
    answer_to,
    clear_questions,
    questions,
    write_status,
)
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id
from miandan.labels import agent_link as wire

STOP_SECONDS: Final = 10.0
"""How long a sheet that is being printed may take after the agent was told to stop."""

TELL_SECONDS: Final = 2.0
"""How long the agent waits for the server to settle what it gave back at the end."""

WATCH_SECONDS: Final = 15.0
"""How often a printer without work is asked how it is."""

DRAWERS: Final = 2
"""Threads that draw; more than that starve the link on a small machine."""

PAGES: Final = "pages"
"""The source of test and calibration pages in the journal."""


class Agent:
    """The program beside the printers. Without a pairing it prints pages and what components give it."""

    def __init__(
        self,
        folder: Folder,
        printers: Sequence[Printer],
        paired: Paired | None,
        keys: AgentKeys,
        log: Log | None = None,
    ) -> None:
        self.folder = folder
        self.paired = paired
        self.keys = keys
        self.log = log or Log(folder.log)
        self.link = LinkStatus()
        self.benches: dict[str, Bench] = {}
        self.left_over: list[tuple[Slip, Ended]] = []
        """What an earlier run left of sheets that components gave, and what is true of each."""
        self.seen_to: deque[str] = deque(maxlen=LAST_ENDED)
        """Sheets that went wrong and that a person here has settled."""
        self._printers = printers
        self._templates = Templates()
        self._drawers = ThreadPoolExecutor(DRAWERS, "drawer")
        self._loops: list[asyncio.Task[None]] = []
        self._started_at = ""

    # --- from start to stop

    async def start(self) -> None:
        """Open the journal, say what an earlier run left, begin to work. Raises agent.journal_unusable and what a
        device raises that cannot be used at all."""
        self._started_at = now().isoformat()
        self.journal: Journal = open_journal(self.folder.journal)
        self.journal.start()
        clear_questions(self.folder)
        self._data_sheets = DataSheets(self.journal, self.log)
        self.orders = ServerOrders(
            self.journal, self.benches, self._task, self._test, self.described, self._data_sheets, self.log
        )
        empty(self.folder.spool)
        for printer in self._printers:
            kind = OfficeBench if printer.loaded.per_sheet > 1 else Bench
            bench = kind(printer, self.journal, self._drawers, self.log, self.orders.on_condition)
            self.benches[printer.name] = bench
        await self._settle_what_was_left()
        for bench in self.benches.values():
            bench.start()
        self._beside(self._answer_always())
        self._beside(self._watch_always())
        if self.paired is not None:
            link = Link(self.paired, self.keys, self.orders, metadata.version("miandan"), self.link)
            self.orders.say = self._data_sheets.say = link.say
            self._beside(link.run())
        self.log.event("agent.started", printers=len(self.benches), server=self.paired.server if self.paired else "-")

    async def stop(self) -> None:
        """End what is being printed, give back the rest, tell the server as far as it hears, close everything."""
        await asyncio.gather(*(bench.stop(STOP_SECONDS) for bench in self.benches.values()))
        await self._heard_to_the_end()
        for one in self._loops:
            one.cancel()
            with suppress(asyncio.CancelledError, Exception):  # it is over
                await one
        for printer in self._printers:
            with suppress(Exception):  # it is being left anyway
                await printer.close()
        empty(self.folder.spool)
        await self.journal.close()
        self._drawers.shutdown()
        self.log.event("agent.stopped")
        await write_status(self.folder, self.status())
        self.log.close()

    async def _settle_what_was_left(self) -> None:
        """What is true of the sheets of an earlier run goes into the journal before anything new."""
        for entry in self.journal.open_sheets:
            ended = after_a_kill(entry)
            bench = self.benches.get(entry.slip.printer)
            if entry.step is Step.BEGUN and bench is not None:
                ended = await _remembered(bench.printer, entry.slip) or ended
            ended = self.journal.end(entry.slip, ended.outcome, ended.evidence, ended.reason)
            what = {"sheet": entry.slip.sheet_id, "outcome": ended.outcome, "reason": ended.reason}
            self.log.event("sheet.left_over", printer=entry.slip.printer, number=entry.slip.number, **what)
            if entry.slip.source != SERVER:
                self.left_over.append((entry.slip, ended))
                if told_as(replace(entry, ended=ended)) is None:
                    self.journal.settled(entry.slip.sheet_id, ended.outcome)

    async def _heard_to_the_end(self) -> None:
        """Until the server has settled everything, or there is no link, or it takes too long."""
        until = asyncio.get_running_loop().time() + TELL_SECONDS
        while self.link.state is LinkState.CONNECTED and asyncio.get_running_loop().time() < until:
            open_now = any(entry.slip.source == SERVER for entry in self.journal.open_sheets)
            if not open_now and not self._data_sheets.waits:
                return
            await asyncio.sleep(0.02)

    # --- what may be asked of it

    def bench(self, printer: str) -> Bench:
        """Raises agent.printer_unknown."""
        found = self.benches.get(printer)
        if found is None:
            raise Refusal("agent.printer_unknown", printer=printer[:80])
        return found

    def put(self, task: Task, is_heard: Callable[[], bool] = lambda: True) -> None:
        """One sheet of a component, with a source of its own. The server is told of the platform's print data; the next
        run of what nobody hears. Raises agent.printer_unknown."""
        told = task.on_end

        def ended(slip: Slip, how: Ended) -> None:
            self._data_sheets.ended(slip, how, has_begun=task.told, is_heard=is_heard())
            told(slip, how)

        task.on_end = ended
        self.bench(task.slip.printer).put(task)

    async def print_page(self, printer: str, kind: str) -> Ended:
        """A page that no job knows of: `test` or `calibration`. Raises agent.printer_unknown, agent.page_unknown."""
        bench = self.bench(printer)
        draw = page(kind, bench.printer)
        over: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

        def ended(_slip: Slip, how: Ended) -> None:
            if not over.done():
                over.set_result(how)

        self.put(Task(Slip(str(new_id()), printer, source=PAGES), draw, on_end=ended))
        return await over

    async def print_page_now(self, printer: str, kind: str) -> Ended:
        """`print_page`, for whoever waits for it. Raises agent.page_not_now and agent.journal_full too."""
        bench = self.bench(printer)
        if self.journal.trouble is not None:
            raise self.journal.trouble
        state = (await bench.look()).state
        if not state.can_print:
            raise Refusal("agent.page_not_now", printer=printer, state_zh=state.zh, state_en=state.en)
        return await self.print_page(printer, kind)

    def to_check(self) -> list[Entry]:
        """What failed or is in doubt in this run and wants a person, newest first."""
        wrong = (wire.Outcome.FAILED, wire.Outcome.DOUBTFUL)
        return [
            one
            for one in reversed(self.journal.ended)
            if one.ended is not None and one.ended.outcome in wrong and one.slip.sheet_id not in self.seen_to
        ]

    def see_to(self, sheet_id: str) -> None:
        """A person has settled a sheet; a printer that stands still goes on when it was the last one in doubt."""
        printers = {one.slip.printer for one in self.to_check() if one.slip.sheet_id == sheet_id}
        self.seen_to.append(sheet_id)
        left = {one.slip.printer for one in self.to_check() if one.ended and one.ended.outcome is wire.Outcome.DOUBTFUL}
        for name in printers - left:
            if (bench := self.benches.get(name)) is not None:
                bench.go_on()

    def described(self) -> list[wire.PrinterSaid]:
        """The printers as the server is told of them."""
        return [_described(bench) for bench in self.benches.values()]

    def status(self) -> AgentStatus:
        """What can be seen of it now."""
        paired, link, trouble = self.paired, self.link, self.journal.trouble
        return AgentStatus(
            pid=os.getpid(),
            started_at=self._started_at,
            written_at=now().isoformat(),
            server=paired.server if paired else "",
            agent_id=paired.agent_id if paired else "",
            name=paired.name if paired else "",
            link=LinkShown(link.state, link.since, link.reason, link.zh, link.en),
            open_sheets=len(self.journal.open_sheets),
            trouble="" if trouble is None else trouble.code,
            printers=[_shown(bench) for bench in self.benches.values()],
            errors=list(self.log.errors),
            trouble_zh="" if trouble is None else trouble.zh,
            trouble_en="" if trouble is None else trouble.en,
            to_check=len(self.to_check()),
        )

    # --- the work behind it

    def _contents(self, sheet: wire.Sheet) -> Callable[[], Content]:
        """How a sheet of the server is opened and read, where it is drawn; never kept."""
        paired = self.paired
        assert paired is not None

        def content() -> Content:
            plain = wire.open_sheet(
                sheet.sealed,
                self.keys.opening,
                sheet_id=sheet.sheet_id,
                agent_id=paired.agent_id,
                printer=sheet.printer,
                copy=sheet.copy,
            )
            return read_content(plain, sheet.number, sheet.copy, self._templates)

        return content

    def _draw(self, sheet_id: str, printer: Printer, content: Callable[[], Content]) -> bytes:
        made = drawn(content(), printer.takes, printer.profile)
        for warning in made.warnings:
            self.log.event("sheet.warning", sheet=sheet_id, kind=warning.kind, field=warning.detail)
        return made.document

    def _task(self, sheet: wire.Sheet, slip: Slip) -> Task:
        content = self._contents(sheet)
        printer = self.benches[sheet.printer].printer
        return Task(slip, partial(self._draw, sheet.sheet_id, printer, content), content=content)

    def _test(self, printer: str, kind: str) -> None:
        """A page that the server asked for; what comes of it is seen in the log and in the printer's condition."""
        self._beside(self._answered(printer, kind))

    async def _answered(self, printer: str, kind: str) -> None:
        try:
            await self.print_page(printer, kind)
        except Refusal as refusal:
            self.log.refused("page.refused", refusal, printer=printer)

    async def _answer_always(self) -> None:
        """Answer what commands ask, and write down how it stands when that has changed."""
        last: tuple[object, ...] = ()
        while True:
            for answer_file, question in questions(self.folder):
                self._beside(answer_to(answer_file, self._answer(question.printer, question.kind)))
            status = self.status()
            seen = (status.link, status.printers, status.open_sheets, status.trouble, status.errors, status.to_check)
            if seen != last:
                last = seen
                await write_status(self.folder, status)
            await asyncio.sleep(LOOK_SECONDS)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run until it ends or the agent does."""
        self._loops = [one for one in self._loops if not one.done()]
        self._loops.append(asyncio.get_running_loop().create_task(work))

    async def _answer(self, printer: str, kind: str) -> Answer:
        try:
            if kind == GO_ON:
                return Answer(WENT_ON if self.bench(printer).go_on() else STOOD_NOT)
            ended = await self.print_page_now(printer, kind)
        except Refusal as refusal:
            return Answer("", code=refusal.code, zh=refusal.zh, en=refusal.en)
        return Answer(ended.outcome, ended.evidence, ended.reason)

    async def _watch_always(self) -> None:
        """Ask printers without work how they are; say that nothing is printed while the journal cannot be written."""
        loop = asyncio.get_running_loop()
        looked = dict.fromkeys(self.benches, -WATCH_SECONDS)
        while True:
            for name, bench in self.benches.items():
                trouble = self.journal.trouble
                if trouble is not None:
                    bench.note(Condition(State.ERROR, trouble.code))
                elif bench.condition.detail == JOURNAL_FULL or (
                    not bench.waiting and loop.time() - looked[name] > WATCH_SECONDS
                ):
                    looked[name] = loop.time()
                    with suppress(Exception):  # asked again soon
                        await bench.look()
            await asyncio.sleep(0.5)


def _described(bench: Bench) -> wire.PrinterSaid:
    printer = bench.printer
    state, detail = said(bench.condition)
    return wire.PrinterSaid(
        printer.name,
        printer.driver,
        printer.profile.name,
        printer.profile.dpi,
        printer.loaded.width_um,
        printer.loaded.height_um,
        state,
        detail,
    )


def _shown(bench: Bench) -> PrinterStatus:
    printer, counts = bench.printer, bench.counts
    return PrinterStatus(
        name=printer.name,
        driver=printer.driver,
        profile=printer.profile.name,
        state=bench.condition.state,
        detail=bench.condition.detail,
        waiting=bench.waiting,
        printed=counts.printed,
        failed=counts.failed,
        doubtful=counts.doubtful,
    )


async def _remembered(printer: Printer, slip: Slip) -> Ended | None:
    """What a device knows of a sheet that an earlier run had begun; None where it cannot tell.

    Where nothing came out the sheet goes back with the device's word for it.
    """
    known = await printer.recalled(slip) if printer.loaded.per_sheet == 1 else None  # it knows sheets, not labels
    if known is None:
        return None
    if isinstance(known, CameOut):
        return Ended(wire.Outcome.PRINTED, known.evidence)
    return Ended(wire.Outcome.GIVEN_BACK, wire.Evidence.DEVICE, STOPPED_BEFORE)
