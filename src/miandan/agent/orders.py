"""What the server gives and takes back: its sheets put on the benches, and everything that came of them told again.

The journal is what the server is answered from. A link may break at any moment: the next one begins with the sheets
that are held and with the end of each that the server has not settled.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from miandan.agent.bench import Bench, Task
from miandan.agent.data_sheets import DataSheets
from miandan.agent.journal import JOURNAL_FULL, RECALLED, SERVER, Ended, Entry, Journal, Slip, Step
from miandan.agent.link import LinkStatus
from miandan.agent.log import Log
from miandan.agent.printers.model import Condition, State
from miandan.labels import agent_link as wire

PRINTER_UNKNOWN = "agent.printer_unknown"

ROOM: Final = 6
"""Sheets that the agent holds for a printer beyond those that the printer itself has room for: enough to hide the way
to the server, few enough to take back."""

ROOM_AT_ONCE: Final = 4
"""Room is told when so much has become free, so that the server gives several sheets in one go."""

_MOST_RECALLED: Final = 1_000


class ServerOrders:
    """Hears the server (`link.Hears`). `task` says how a sheet is drawn; `test` prints a page."""

    def __init__(
        self,
        journal: Journal,
        benches: Mapping[str, Bench],
        task: Callable[[wire.Sheet, Slip], Task],
        test: Callable[[str, str], None],
        said: Callable[[], Sequence[wire.PrinterSaid]],
        data_sheets: DataSheets,
        log: Log,
    ) -> None:
        self._journal = journal
        self._benches = benches
        self._task = task
        self._test = test
        self._said = said
        self._data_sheets = data_sheets
        self._log = log
        self._held: Counter[str] = Counter()  # sheets by printer
        self._unsettled: set[str] = set()
        """Ends of earlier sheets that the server has to know before it gives more: what was given back comes first."""
        self._free: Counter[str] = Counter()  # room that the server does not know of yet
        self._recalled: OrderedDict[str, None] = OrderedDict()  # before they came
        self.say: Callable[[Any], None] = lambda _message: None
        """The link's; until there is one, nobody hears."""

    # what the link asks

    def opening(self) -> Sequence[Any]:
        """The first messages of a new link."""
        open_now = [entry for entry in self._journal.open_sheets if entry.slip.source == SERVER]
        told = [word for entry in open_now if (word := _told(entry)) is not None]
        self._unsettled = {entry.slip.sheet_id for entry in open_now if entry.ended is not None}
        holding = wire.Holding(tuple(entry.slip.sheet_id for entry in open_now))
        rooms = [] if self._unsettled else self._rooms()
        return [holding, wire.Printers(tuple(self._said())), *told, *rooms, *self._data_sheets.opening()]

    def _rooms(self) -> list[wire.Room]:
        """All the room there is, on a link on which none was said."""
        self._free.clear()
        return [
            wire.Room(name, max(0, bench.printer.room + ROOM - self._held[name]))
            for name, bench in self._benches.items()
        ]

    def on_sheet(self, sheet: wire.Sheet) -> None:
        """One sheet more for a printer."""
        known = self._journal.entry(sheet.sheet_id)
        if known is not None:  # sent again over a new link
            if (word := _told(known)) is not None:
                self.say(word)
            return
        bench = self._benches.get(sheet.printer)
        if bench is None or self._recalled.pop(sheet.sheet_id, self) is None:
            reason = PRINTER_UNKNOWN if bench is None else RECALLED
            self.say(wire.Report(sheet.sheet_id, wire.Outcome.GIVEN_BACK, reason=reason))
            return
        slip = Slip(sheet.sheet_id, sheet.printer, sheet.copy, sheet.job_id, sheet.place, sheet.number)
        self._held[sheet.printer] += 1
        task = self._task(sheet, slip)
        task.on_begun, task.on_end = self._on_begun, self._on_end
        bench.put(task)

    def on_stop(self, sheet_id: str) -> None:
        """Give a sheet back that has not begun; one that is still on its way, when it comes."""
        known = self._journal.entry(sheet_id)
        if known is not None:
            bench = self._benches.get(known.slip.printer)
            if bench is not None:
                bench.recall(sheet_id)
            return
        self._recalled[sheet_id] = None
        if len(self._recalled) > _MOST_RECALLED:
            self._recalled.popitem(last=False)

    def on_settled(self, settled: wire.Settled) -> None:
        """The server knows it."""
        if self._data_sheets.on_settled(settled.sheet_id):
            return
        self._journal.settled(settled.sheet_id, settled.outcome)
        if settled.sheet_id in self._unsettled:
            self._unsettled.remove(settled.sheet_id)
            if not self._unsettled:
                for room in self._rooms():
                    self.say(room)

    def on_not_taken(self, answer: wire.NotTaken) -> None:
        self._data_sheets.on_not_taken(answer)

    def on_test(self, test: wire.Test) -> None:
        self._test(test.printer, test.kind)

    def on_link(self, status: LinkStatus) -> None:
        self._log.event("link.state", state=status.state, reason=status.reason)

    # what the benches say

    def _on_begun(self, slip: Slip) -> None:
        self.say(wire.Begun(slip.sheet_id))

    def _on_end(self, slip: Slip, ended: Ended) -> None:
        printer = slip.printer
        self._held[printer] -= 1
        self._free[printer] += 1
        self.say(report(slip, ended))
        if not self._unsettled and (self._free[printer] >= ROOM_AT_ONCE or not self._held[printer]):
            self.say(wire.Room(printer, self._free.pop(printer)))

    def on_condition(self, printer: str, condition: Condition) -> None:
        self.say(wire.Condition(printer, *said(condition)))


def said(condition: Condition) -> tuple[wire.PrinterState, str]:
    """A printer's condition in the words of the link: its state, and as detail the finer one, or that the disk is
    full."""
    match condition.state:
        case State.READY | State.BUSY | State.OFFLINE | State.UNKNOWN:
            return wire.PrinterState(condition.state.value), ""
        case _:
            full = condition.detail == JOURNAL_FULL
            return wire.PrinterState.TROUBLE, condition.detail if full else condition.state.value


def _told(entry: Entry) -> Any:
    """What the server is to know of an open sheet; None while it has only arrived."""
    if entry.ended is not None:
        return report(entry.slip, entry.ended)
    return wire.Begun(entry.slip.sheet_id) if entry.step is Step.BEGUN else None


def report(slip: Slip, ended: Ended) -> wire.Report:
    """How a sheet ended, as the server is told."""
    return wire.Report(slip.sheet_id, ended.outcome, ended.evidence, ended.reason, ended.at)
