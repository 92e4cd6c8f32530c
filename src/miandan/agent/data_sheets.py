"""What components printed from the platform's print data (组件打印的面单), told to the server until it has counted it.

The journal keeps each of these sheets until the server has answered. Some are told at a time: after days without a link
there may be thousands.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from miandan.agent.journal import Ended, Entry, Journal, Slip
from miandan.agent.log import Log
from miandan.labels.agent_link import DataSheet, NotTaken, Outcome

AT_ONCE: Final = 100
"""Sheets that are told and not answered yet."""


class DataSheets:
    """Tells of them over one link after another."""

    def __init__(self, journal: Journal, log: Log) -> None:
        self._journal = journal
        self._log = log
        self._waiting: deque[str] = deque()
        self._under_way: set[str] = set()
        self._unheard: set[str] = set()
        """What the next run has to know too, since whoever gave it has left."""
        self._answered: set[str] = set()  # of those
        self.say: Callable[[Any], None] = lambda _message: None

    @property
    def waits(self) -> bool:
        """Whether the server owes an answer."""
        return bool(self._waiting or self._under_way)

    def opening(self) -> Sequence[DataSheet]:
        """The first messages of a new link."""
        told = [entry.slip.sheet_id for entry in self._journal.open_sheets if told_as(entry) is not None]
        self._waiting = deque(name for name in told if name not in self._answered)
        self._under_way.clear()
        return self._next()

    def ended(self, slip: Slip, how: Ended, *, has_begun: bool, is_heard: bool) -> None:
        """A sheet of a component has ended; `is_heard`: whoever gave it knows. Of what never began nobody is told."""
        entry = self._journal.entry(slip.sheet_id)
        if not is_heard:
            self._unheard.add(slip.sheet_id)
        if entry is not None and told_as(entry) is not None and (has_begun or how.outcome is not Outcome.FAILED):
            self._waiting.append(slip.sheet_id)
            self._go_on()
        elif is_heard:
            self._journal.settled(slip.sheet_id, how.outcome)

    def on_settled(self, sheet_id: str) -> bool:
        """Whether this was one of these sheets."""
        return self._over(sheet_id) is not None

    def on_not_taken(self, answer: NotTaken) -> None:
        """The server will never count it: for whoever reads the log."""
        entry = self._over(answer.sheet_id)
        if entry is not None:
            which = {"sheet": answer.sheet_id, "number": entry.slip.number}
            self._log.wrong("data_sheet.not_taken", code=answer.code, **which, zh=answer.zh)

    def _over(self, sheet_id: str) -> Entry | None:
        entry = self._journal.entry(sheet_id)
        if entry is None or entry.ended is None or entry.slip.data is None:
            return None
        self._under_way.discard(sheet_id)
        if sheet_id in self._unheard:
            self._answered.add(sheet_id)
        else:
            self._journal.settled(sheet_id, entry.ended.outcome)
        self._go_on()
        return entry

    def _go_on(self) -> None:
        for message in self._next():
            self.say(message)

    def _next(self) -> list[DataSheet]:
        found: list[DataSheet] = []
        while self._waiting and len(self._under_way) < AT_ONCE:
            entry = self._journal.entry(self._waiting.popleft())
            told = None if entry is None else told_as(entry)
            if told is not None:
                self._under_way.add(told.sheet_id)
                found.append(told)
        return found


def told_as(entry: Entry) -> DataSheet | None:
    """An open sheet as the server is told of it; None for one of no print data, and while nothing is on paper."""
    slip, ended = entry.slip, entry.ended
    if slip.data is None or ended is None or ended.outcome is Outcome.GIVEN_BACK:
        return None
    said = ended.outcome, ended.evidence, ended.reason, ended.at
    return DataSheet(slip.sheet_id, slip.data, slip.number, slip.copy, slip.printer, *said)
