"""One document of a page on its way (文档): its steps so far, and whoever wants to hear of the next one."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from msgspec.structs import replace as changed

from miandan.agent.components.ledger import Entry, State
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence


@dataclass(frozen=True, slots=True)
class Change:
    """A step of a document. `at` is in seconds of a clock that only runs forward."""

    state: State
    at: float
    evidence: Evidence = Evidence.NONE
    why: Refusal | None = None


class Work:
    """One document as it is known here."""

    def __init__(self, document_id: str, entry: Entry) -> None:
        self.document_id = document_id
        self.entry = entry
        self.started = time.monotonic()
        self.opened = self.started
        self.copies = 1  # wanted
        self.copies_printed = 0
        self.changes: list[Change] = []
        self._watchers: list[asyncio.Queue[tuple[Work, Change]]] = []

    @property
    def state(self) -> State:
        return self.entry.state

    @property
    def last(self) -> Change:
        return self.changes[-1] if self.changes else Change(self.state, self.started)

    def tell(self, state: State, evidence: Evidence = Evidence.NONE, why: Refusal | None = None) -> None:
        """The next step; after an end there is none."""
        if self.changes and self.changes[-1].state.has_ended:
            return
        reason = why.code if why is not None else ""
        self.entry = changed(self.entry, state=state, evidence=evidence, reason=reason, at=time.time())
        change = Change(state, time.monotonic(), evidence, why)
        self.changes.append(change)
        for queue in self._watchers:
            queue.put_nowait((self, change))

    def watched_by(self, queue: "asyncio.Queue[tuple[Work, Change]]") -> None:
        """What has happened so far and whatever follows goes into the queue."""
        for change in self.changes:
            queue.put_nowait((self, change))
        if not self.last.state.has_ended:
            self._watchers.append(queue)


async def steps(works: Iterable[Work]) -> AsyncIterator[tuple[Work, Change]]:
    """Every step of these documents, from the first on, until all have ended."""
    queue: asyncio.Queue[tuple[Work, Change]] = asyncio.Queue()
    left = {id(work): work for work in works}
    for work in left.values():
        work.watched_by(queue)
    while left:
        work, change = await queue.get()
        if change.state.has_ended:
            left.pop(id(work), None)
        yield work, change


async def follow(work: Work, other: Work) -> None:
    """What happens to `other` happens to `work`."""
    async for _, change in steps([other]):
        work.tell(change.state, change.evidence, change.why)
