"""Standing still (停下等确认): after a sheet in doubt a printer gets no other one until it is known to be well.

It goes on when the printer itself says that it is ready, when a person says so, or, where it tells nothing, after a
pause: one sheet is its trial. Each doubt more makes the pause longer, also for a printer that calls itself ready and
breaks sheet after sheet.
"""

from dataclasses import dataclass
from typing import Final

from miandan.agent.printers.model import Condition, State

STANDS_STILL = "agent.stands_still"

PAUSES_SECONDS: Final = (5.0, 15.0, 60.0, 300.0)
"""Before a trial, by the doubts since the last sheets came out well; the last one is for all further ones."""

WELL_AFTER: Final = 10
"""Sheets in a row that came out make a printer as good as one that was never in doubt."""


@dataclass(slots=True)
class Standing:
    """Whether one printer stands still. Times are the event loop's."""

    stands: bool = False
    doubts: int = 0
    _came_out: int = 0
    _since: float = 0.0

    def doubted(self, now: float) -> None:
        """A sheet is in doubt."""
        self.stands = True
        self.doubts += 1
        self._came_out = 0
        self._since = now

    def came_out(self) -> None:
        """A sheet came out, as far as its evidence says."""
        self._came_out += 1
        if self._came_out >= WELL_AFTER:
            self.doubts = 0

    def go_on(self) -> None:
        """A person has looked."""
        self.stands = False
        self.doubts = 0

    def left(self, now: float) -> float:
        """Seconds until a trial, should the printer tell nothing."""
        return max(0.0, self._since + _pause(self.doubts) - now) if self.stands else 0.0

    def look(self, condition: Condition, now: float) -> Condition:
        """The printer's own word, or that it stands still; a word that ends this is heard here."""
        if self.stands and condition.state.can_print:
            believed = 1 if condition.state is State.READY else 0  # doubts that the printer's own word outweighs
            if now >= self._since + _pause(self.doubts - believed):
                self.stands = False
            else:
                return Condition(State.STANDS_STILL, STANDS_STILL)
        return condition


def _pause(doubts: int) -> float:
    """No pause for none: the first doubt of a printer that says it is ready."""
    return PAUSES_SECONDS[min(doubts, len(PAUSES_SECONDS)) - 1] if doubts > 0 else 0.0
