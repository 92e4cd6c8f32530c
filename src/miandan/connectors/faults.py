"""Everything that a carrier can do wrong, on command: which fault, for which keys, how often or how likely."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from hashlib import blake2b


class Verb(StrEnum):
    """The calls that a fault can strike."""

    TAKE = "take"
    FIND = "find"
    CANCEL = "cancel"


class Fault(StrEnum):
    """What goes wrong. Several can strike one call, such as a settled-late commit without route data."""

    REFUSE = "refuse"  # says no, with `text`
    HANG = "hang"  # issues nothing and says nothing until the time-out
    DROP_ANSWER = "drop_answer"  # issues, then the answer is lost
    SETTLE_LATE = "settle_late"  # issues, the answer is lost, and queries say "not found" for half the settle time
    SAME_NUMBER = "same_number"  # answers the number that another key has
    BREAK_RULE = "break_rule"  # answers a number that breaks its rule
    NO_ROUTE = "no_route"  # leaves the route data out
    SILENT_QUERY = "silent_query"  # a query gets no answer
    REFUSE_CANCEL = "refuse_cancel"  # does not take the number back
    DROP_CANCEL_ANSWER = "drop_cancel_answer"  # takes it back, then the answer is lost

    @property
    def verb(self) -> Verb:
        if self is Fault.SILENT_QUERY:
            return Verb.FIND
        return Verb.CANCEL if self in (Fault.REFUSE_CANCEL, Fault.DROP_CANCEL_ANSWER) else Verb.TAKE


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A fault that waits for its call.

    `keys` is a pattern (*, ?, [...]). Without `chance` every matching call is struck, else that share of them: which
    ones follows from `seed`, key and attempt alone, so a run repeats itself. `times` limits the strikes.
    """

    fault: Fault
    keys: str = "*"
    times: int | None = None
    chance: float | None = None
    seed: int = 0
    text: str = ""
    seconds: float = 30.0

    def strikes(self, verb: Verb, key: str, attempt: int) -> bool:
        """Whether the `attempt`-th call (from 1) of this verb for this key is struck."""
        if self.fault.verb is not verb or self.times == 0 or not fnmatchcase(key, self.keys):
            return False
        if self.chance is None:
            return True
        drawn = blake2b(f"{self.seed}/{self.fault}/{key}/{attempt}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn, "big") < self.chance * 2**64
