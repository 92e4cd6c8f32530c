"""Documents on their way to paper (文档进度): each known by page, task and document, printed once, heard by many.

The same again is answered with what is known. What failed or was taken back left nothing on paper, so the same again is
tried again. Other content under the same names is refused, and the same content under other names is asked about, or
printed as a copy that says so.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from msgspec.structs import replace as changed

from miandan.agent.components import questions
from miandan.agent.components.ledger import AGAIN_SECONDS, Entry, Ledger, State
from miandan.agent.components.model import (
    Canceled,
    Doubtful,
    Failed,
    Notice,
    Printed,
    Rendered,
    Sheet,
    Workshop,
)
from miandan.agent.components.opening import Opened, Opener
from miandan.agent.components.origins import Caller
from miandan.agent.components.profiles import Component, Options
from miandan.agent.components.questions import Question, Questions
from miandan.agent.components.reading import Document, Task
from miandan.agent.components.work import Change, Work, follow
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import LONGEST_NAME, DataOf
from miandan.labels.print_data import Header
from miandan.labels.records import record_of

AGAIN_MINUTES: Final = AGAIN_SECONDS // 60

_MOST_KEPT: Final = 20_000
_DATED: Final = ("copy", "printed_at", "position")
"""Fields of a label that differ between two prints of the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A task as it came: who asks, where, and for which printer."""

    caller: Caller
    component: Component
    options: Options
    task: Task
    printer: str
    answer_seconds: float = 60.0


@dataclass(slots=True)
class Fresh:
    """A document that is printed now; `other` has its names already."""

    work: Work
    document: Document
    other: Work | None = None
    opened: Opened | None = None
    copy: int = 1
    sheets: list[Sheet] = field(default_factory=list)


class Works:
    """All documents of one agent."""

    def __init__(self, workshop: Workshop, opener: Opener, ledger: Ledger, asking: Questions) -> None:
        self._workshop = workshop
        self._opener = opener
        self._ledger = ledger
        self._questions = asking
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()
        self._ended_now: list[Work] = []
        self._writing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop what waits; sheets that are at the printers end there. What has ended is written down."""
        for one in list(self._running):
            one.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._writing is not None:
            await self._writing

    # --- what is known ------------------------------------------------------------------------------------------------

    def of_task(self, origin: str, task_id: str) -> list[Work]:
        """The documents of a page's task, also of an earlier run of the agent."""
        entries = self._ledger.of_task(self._ledger.digest("task", origin, task_id))
        return [self._works.get(one.key) or self._restored(one) for one in entries]

    def of_documents(self, origin: str, document_ids: Sequence[str]) -> list[Work]:
        """The latest work on each document of a page, of this run."""
        found: dict[str, Work] = {}
        wanted = set(document_ids)
        page = self._ledger.digest("page", origin)
        for work in self._works.values():
            if work.document_id in wanted and work.entry.key.startswith(page[:8]):
                found[work.document_id] = work
        return list(found.values())

    def _key(self, origin: str, task_id: str, document_id: str) -> str:
        page = self._ledger.digest("page", origin)[:8]
        return page + self._ledger.digest("document", origin, task_id, document_id)

    def _restored(self, entry: Entry) -> Work:
        work = Work(self._ledger.unlocked(entry.document), entry)
        why = _known_refusal(entry.reason) if entry.state in (State.FAILED, State.DOUBTFUL) else None
        work.changes.append(Change(entry.state, work.started, entry.evidence, why))
        self._keep(work)
        return work

    def _keep(self, work: Work) -> None:
        self._works[work.entry.key] = work
        self._works.move_to_end(work.entry.key)
        if len(self._works) > _MOST_KEPT:
            for key, one in list(self._works.items())[: _MOST_KEPT // 10]:
                if one.last.state.has_ended:
                    del self._works[key]

    # --- what is asked for --------------------------------------------------------------------------------------------

    def start(self, asked: Asked) -> list[Work]:
        """The documents of a task, in its order; what is new is on its way."""
        works, fresh = self.admit(asked)
        if fresh:
            self._spawn(self._run(asked, fresh))
        return works

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        running = asyncio.create_task(work)
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    def admit(self, asked: Asked) -> tuple[list[Work], list[Fresh]]:
        """Each document as a work, and those among them that nobody prints yet."""
        works: list[Work] = []
        fresh: list[Fresh] = []
        task = self._ledger.digest("task", asked.caller.origin, asked.task.task_id)
        for place, document in enumerate(asked.task.documents):
            key = self._key(asked.caller.origin, asked.task.task_id, document.document_id)
            raw = self._ledger.digest("said", document.said)
            entry = self._ledger.entry(key)
            known = self._works.get(key) or (self._restored(entry) if entry is not None else None)
            if known is not None and known.state.may_be_on_paper and known.entry.raw == raw:
                works.append(known)
                continue
            named = self._ledger.locked(document.document_id)
            work = Work(
                document.document_id,
                Entry(key, task, raw, "", State.PENDING, time.time(), named, place, printer=asked.printer),
            )
            work.copies = document.copies
            other = known if known is not None and known.state.may_be_on_paper else None
            if other is None:
                self._keep(work)
                self._ledger.reserve(work.entry)
            works.append(work)
            fresh.append(Fresh(work, document, other))
        return works, fresh

    async def _run(self, asked: Asked, fresh: list[Fresh]) -> None:
        """To the end of every document. Until it is written down that a sheet may come out, none does."""
        state = State.FAILED
        why = Refusal("agent.component_failed")
        ours = [one.work for one in fresh if one.other is None]
        try:
            await asyncio.gather(*(self._prepare(asked, one) for one in fresh))
            ready = [one for one in fresh if one.sheets and not one.work.last.state.has_ended]
            if ready:
                await self._ledger.write(*(one.work.entry for one in ready))
                state, why = State.DOUBTFUL, Refusal("agent.component_doubtful")
                await self._print(ready)
        except asyncio.CancelledError:
            if state is State.DOUBTFUL:  # the journal tells the next run what becomes of those that are at the printers
                ours = [work for work in ours if work.last.state.has_ended]
            raise
        except Exception as failed:  # its text may hold what a page has sent
            self._workshop.note("component.task_failed", documents=len(fresh), error=type(failed).__name__)
        finally:
            for work in ours:
                work.tell(state, why=why)
            self._put_down([work for work in ours if self._ledger.entry(work.entry.key) != work.entry])

    def _put_down(self, works: Sequence[Work]) -> None:
        """Have it written how they ended, whoever stops waiting; what ends meanwhile goes out with the next write.

        One that has been tried again since has nothing more to say.
        """
        current = [work for work in works if self._is_current(work)]
        for work in current:
            self._ledger.reserve(work.entry)
        self._ended_now += current
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_ends())

    def _is_current(self, work: Work) -> bool:
        return self._works.get(work.entry.key) is work

    async def _write_ends(self) -> None:
        """A disk that takes nothing leaves what stood there: begun, and so in doubt after a restart."""
        while self._ended_now:
            works = [work for work in self._ended_now if self._is_current(work)]
            self._ended_now = []
            try:
                await self._ledger.write(*(work.entry for work in works))
            except OSError as failed:
                self._note_ledger(failed)

    async def _prepare(self, asked: Asked, one: Fresh) -> None:
        """Open the document and settle whether it is to be printed; what is not has ended."""
        try:
            opened = await self._opener.open(one.document, asked.caller.origin, asked.component, asked.options)
            one.opened = opened
            one.work.opened = time.monotonic()
            content = self._ledger.digest("content", *_shown(opened))
            if one.other is not None:
                self._mirror(one, content)
                return
            number = self._ledger.digest("number", opened.label.carrier, opened.label.number)
            await self.settle_again(asked, one.work, content, number, opened.label.copy, opened.label.number)
            one.copy = one.work.entry.copy
            last = one.copy + one.document.copies - 1
            one.work.entry = changed(one.work.entry, copy=last)
            self._ledger.reserve(one.work.entry)
            one.sheets = _sheets(one, asked)
        except Refusal as why:
            one.work.tell(State.FAILED, why=why)
            self._put_down([one.work])
        except Exception as failed:
            self._workshop.note("component.document_failed", error=type(failed).__name__)
            one.work.tell(State.FAILED, why=Refusal("agent.component_failed"))

    def _mirror(self, one: Fresh, content: str) -> None:
        """The same label in other words is the same document; anything else has taken its names. Raises
        agent.component_same_name."""
        assert one.other is not None
        if one.other.entry.content != content:
            raise Refusal("agent.component_same_name")
        self._spawn(follow(one.work, one.other))

    async def settle_again(self, asked: Asked, work: Work, content: str, number: str, least: int, shown: str) -> None:
        """Take the content as this document's, after asking where it was printed lately under another name.

        Raises agent.component_duplicate when it is not to be printed again.
        """
        if self._ledger.lately(content, work.entry.key) is not None and asked.options.duplicates == "ask":
            await self._may_repeat(asked, self._ledger.next_copy(number, least), shown)
        copy = self._ledger.next_copy(number, least)
        work.entry = changed(work.entry, content=content, number=number, copy=copy)
        self._ledger.reserve(work.entry)  # before anything waits, so that two tasks at once see each other

    async def _may_repeat(self, asked: Asked, copy: int, shown: str) -> None:
        """Raises agent.component_duplicate unless the user says so in time."""
        now = time.time()
        number = questions.shown_number(shown)
        name, origin = asked.component.name, asked.caller.origin
        question = Question(number, copy, asked.printer, origin, name, now, now + asked.answer_seconds)
        if await self._questions.ask(question) != "print":
            raise Refusal("agent.component_duplicate", minutes=AGAIN_MINUTES)

    # --- what another component prints --------------------------------------------------------------------------------

    async def take_foreign(self, asked: Asked, fresh: Sequence[Fresh]) -> None:
        """Write down what is passed on, after the same questions as for what is printed here.

        Raises agent.component_same_name, agent.component_duplicate, and agent.component_failed where the disk takes
        nothing; then nothing of it is to be passed on.
        """
        works = [one.work for one in fresh]
        try:
            if any(one.other is not None for one in fresh):
                raise Refusal("agent.component_same_name")
            for one in fresh:
                number = self._ledger.digest("number", asked.component.name, one.document.document_id)
                named = one.document.document_id
                await self.settle_again(asked, one.work, one.work.entry.raw, number, 1, named)
            await self._written(works)
        except Refusal as why:
            for work in works:
                work.entry = changed(work.entry, content="", number="", copy=0)
                work.tell(State.FAILED, why=why)
                if self._is_current(work):  # else the entry is of the document whose names it has taken
                    self._ledger.reserve(work.entry)
            raise

    async def _written(self, works: Sequence[Work]) -> None:
        """Raises agent.component_failed where the disk takes nothing."""
        try:
            await self._ledger.write(*(work.entry for work in works))
        except OSError as failed:
            self._note_ledger(failed)
            raise Refusal("agent.component_failed") from failed

    def _note_ledger(self, failed: OSError) -> None:
        self._workshop.note("component.ledger_failed", error=type(failed).__name__)

    def end_foreign(self, works: Sequence[Work]) -> None:
        """The other component says nothing more: what it has not told of is in doubt."""
        for work in works:
            work.tell(State.DOUBTFUL, why=Refusal("agent.component_doubtful"))
        self._put_down([work for work in works if self._ledger.entry(work.entry.key) != work.entry])

    # --- printing -----------------------------------------------------------------------------------------------------

    async def _print(self, ready: list[Fresh]) -> None:
        """Every sheet in the order of the task; each document ends with its last sheet."""
        by_sheet = {sheet.key: one for one in ready for sheet in one.sheets}
        left = {id(one): len(one.sheets) for one in ready}
        sheets = [sheet for one in ready for sheet in one.sheets]
        async with aclosing(self._workshop.submit(sheets)) as notices:  # type: ignore[type-var]
            async for notice in notices:
                one = by_sheet.get(notice.key)
                if one is None:
                    continue
                if isinstance(notice, Rendered):
                    if one.work.last.state is State.PENDING:
                        one.work.tell(State.RENDERED)
                    continue
                left[id(one)] -= 1
                self._ended(one, notice, left[id(one)])
                if one.work.last.state.has_ended:
                    self._put_down([one.work])

    def _ended(self, one: Fresh, notice: Notice, left: int) -> None:
        """One sheet of a document has ended; where some are on paper and others not, the whole is in doubt."""
        work = one.work
        match notice:
            case Printed(evidence=evidence):
                work.copies_printed += 1
                if left == 0 and work.copies_printed == len(one.sheets):
                    work.tell(State.PRINTED, evidence)
                    return
            case Doubtful(reason=reason):
                work.tell(State.DOUBTFUL, why=_known_refusal(reason))
            case Failed(why=why) if len(one.sheets) == 1:
                work.tell(State.FAILED, why=why)
            case Canceled() if len(one.sheets) == 1:
                work.tell(State.CANCELED, why=Refusal("agent.component_canceled"))
        if left == 0:
            state = State.DOUBTFUL if work.copies_printed else State.FAILED
            work.tell(state, why=Refusal("agent.component_some_copies", done=work.copies_printed, all=len(one.sheets)))


def _sheets(one: Fresh, asked: Asked) -> list[Sheet]:
    """A sheet for each copy, each saying which one it is."""
    assert one.opened is not None
    label, template = one.opened.label, one.opened.template
    data = None if one.opened.header is None else _data_of(one.opened.header, one.work.entry.task, asked.caller.origin)
    return [
        Sheet(
            f"{one.work.entry.key}-{more + 1}of{one.document.copies}",
            asked.printer,
            replace(label, copy=one.copy + more),
            template,
            data,
        )
        for more in range(one.document.copies)
    ]


def _data_of(header: Header, task: str, origin: str) -> DataOf:
    by = f"app:{header.app} {origin}".strip()[:LONGEST_NAME]
    return DataOf(header.merchant, header.carrier, header.document, task, by)


def _shown(opened: Opened) -> tuple[str, str]:
    record = record_of(opened.label)
    kept = {name: value for name, value in record.items() if name not in _DATED}
    return repr(sorted(kept.items())), f"{opened.template.name}@{opened.template.version}"


def _known_refusal(code: str) -> Refusal:
    """What an earlier run or the printer's bench gave as reason, where its text needs no more than the code."""
    match code:
        case "agent.component_duplicate":
            return Refusal("agent.component_duplicate", minutes=AGAIN_MINUTES)
        case "agent.component_canceled":
            return Refusal("agent.component_canceled")
        case "agent.component_failed":
            return Refusal("agent.component_failed")
    return Refusal("agent.component_doubtful")
