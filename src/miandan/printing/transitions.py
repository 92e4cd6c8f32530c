"""What a sheet may become, and what an agent's word makes of it: rules without I/O, told apart by a table.

Truth wins over order: an agent's last word about the lease that it holds or held last counts, also when the sheet was
taken back or cancelled in the meantime, because paper does not go away. A word about an earlier lease changes nothing
and is kept beside the sheet.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from miandan.labels.agent_link import Outcome
from miandan.printing.job_model import Decider, PrintSheet, Proof, SheetState, Word

Q, L, S = SheetState.QUEUED, SheetState.LEASED, SheetState.SENT
P, F, D = SheetState.PRINTED, SheetState.FAILED, SheetState.DOUBTFUL
X, C = SheetState.STOPPED, SheetState.CANCELLED

MAY_BECOME: Final[Mapping[SheetState, frozenset[SheetState]]] = {
    Q: frozenset((L, S, P, D, X, C)),  # begun or printed after all: taken back by hand from an agent that was silent
    L: frozenset((Q, S, P, F, D, X, C)),
    S: frozenset((P, F, D, Q, X, C)),  # the last three where the device knows that nothing came out
    D: frozenset((P, F)),
    P: frozenset(),
    F: frozenset((P,)),  # a person said that nothing came out, the device knew better later
    X: frozenset((P, D)),
    C: frozenset((P, D)),
}
"""Which state may follow which."""

BEGUN_AND_GIVEN_BACK: Final = "printing.begun_and_given_back"
"""Reason of a doubt: the agent has said both without a device's word for either, so nobody knows."""

GIVEN_BACK: Final = "printing.given_back"
"""Reason of a failure: a person had declared a doubt, then the agent said that nothing came out."""

NO_REASON: Final = "printing.no_reason_given"

HARD_PROOF: Final = frozenset((Proof.DEVICE, Proof.SPOOLER))


class Copies(StrEnum):
    """What a step does to the copy that was counted for the sheet."""

    KEEP = "keep"  # there may be paper that says it
    FREE = "free"  # there is none; the sheet itself may use it
    UNCOUNT = "uncount"  # there is none, and the sheet will not need it


def begun(sheet: PrintSheet, at: datetime) -> PrintSheet | None:
    """The sheet once its agent has begun; None where that changes nothing (it has ended, or has begun before)."""
    if sheet.state not in (L, Q):
        return None
    return replace(sheet, state=S, copy_free=False, begun_at=at)


def told(sheet: PrintSheet, word: Word, at: datetime) -> tuple[PrintSheet, Copies] | None:
    """The sheet after the word of the agent that holds it or held it last; None where the word changes nothing."""
    match word.outcome:
        case Outcome.GIVEN_BACK:
            return _given_back(sheet, word, at)
        case Outcome.PRINTED:
            return _printed(sheet, word, at)
        case Outcome.DOUBTFUL:
            return _doubtful(sheet, word, at)
        case Outcome.FAILED:
            return _failed(sheet, word, at)


def _given_back(sheet: PrintSheet, word: Word, at: datetime) -> tuple[PrintSheet, Copies] | None:
    hard = word.evidence in list(HARD_PROOF)
    if sheet.state is L or (sheet.state is S and hard):
        return handed_back(sheet, at)
    if sheet.state is S:
        doubt = Word(Outcome.DOUBTFUL, reason=BEGUN_AND_GIVEN_BACK)
        return _ended(sheet, D, doubt, at), Copies.KEEP
    if sheet.state is Q and sheet.drawn and not sheet.copy_free:  # what was taken back by hand was not begun
        return replace(sheet, copy_free=True), Copies.FREE
    if sheet.state is D and sheet.decided_by == Decider.PERSON and (sheet.begun_at is None or hard):
        return _ended(sheet, F, Word(Outcome.FAILED, reason=GIVEN_BACK), at), Copies.UNCOUNT
    return None


def handed_back(sheet: PrintSheet, at: datetime) -> tuple[PrintSheet, Copies]:
    """A sheet of which no byte went out: back in the queue, or where it was recalled to."""
    back = _back(sheet, at)
    return (replace(back, copy_free=True), Copies.FREE) if back.state is Q else (back, Copies.UNCOUNT)


def _back(sheet: PrintSheet, at: datetime) -> PrintSheet:
    if sheet.recalled_to in (X, C):
        return _not_recalled(replace(sheet, state=sheet.recalled_to, reason=sheet.recall_reason, ended_at=at))
    return _not_recalled(replace(sheet, state=Q, begun_at=None))


def _printed(sheet: PrintSheet, word: Word, at: datetime) -> tuple[PrintSheet, Copies] | None:
    hard = word.evidence in list(HARD_PROOF)
    by_person = sheet.decided_by == Decider.PERSON
    if sheet.state is P or not sheet.copy or (sheet.state is D and not (hard or by_person)):
        return None
    if sheet.state is F and not (hard and by_person):
        return None
    return _ended(sheet, P, word, at), Copies.KEEP


def _doubtful(sheet: PrintSheet, word: Word, at: datetime) -> tuple[PrintSheet, Copies] | None:
    if sheet.copy and sheet.state in (L, S, Q, X, C):
        return _ended(sheet, D, word, at), Copies.KEEP
    return None


def _failed(sheet: PrintSheet, word: Word, at: datetime) -> tuple[PrintSheet, Copies] | None:
    hard_or_declared = word.evidence in list(HARD_PROOF) or sheet.decided_by == Decider.PERSON
    if sheet.state in (L, S) or (sheet.state is D and hard_or_declared):
        return _ended(sheet, F, word, at), Copies.UNCOUNT
    return None


def _ended(sheet: PrintSheet, state: SheetState, word: Word, at: datetime) -> PrintSheet:
    printed = state is P
    ended = replace(
        sheet,
        state=state,
        evidence=(word.evidence or Proof.SENT_ONLY.value) if printed else "",
        reason="" if printed else word.reason or NO_REASON,
        decided_by=Decider.AGENT.value,
        copy_free=False,
        ended_at=at,
    )
    return _not_recalled(ended)


def _not_recalled(sheet: PrintSheet) -> PrintSheet:
    return replace(sheet, recalled_to=None, recall_reason="")


# --- persons ----------------------------------------------------------------------------------------------------------


def declared(sheet: PrintSheet, reason: str, at: datetime) -> PrintSheet | None:
    """A person says that nobody knows what has become of a sheet whose agent is silent; None unless it is out."""
    if sheet.state not in (L, S):
        return None
    return replace(_ended(sheet, D, Word(Outcome.DOUBTFUL, reason=reason), at), decided_by=Decider.PERSON.value)


def settled(sheet: PrintSheet, outcome: Outcome, reason: str, at: datetime) -> PrintSheet | None:
    """A person has looked: printed or failed; None unless the sheet is in doubt. Its copy stays counted, since the
    agent may know better later."""
    if sheet.state is not D or outcome not in (Outcome.PRINTED, Outcome.FAILED):
        return None
    word = Word(outcome, Proof.PERSON.value if outcome is Outcome.PRINTED else "", reason)
    ended = _ended(sheet, P if outcome is Outcome.PRINTED else F, word, at)
    return replace(ended, decided_by=Decider.PERSON.value)


def taken_back(sheet: PrintSheet, at: datetime) -> PrintSheet | None:
    """Back in the queue, or where it was recalled to, although its agent has said nothing: what it may have printed
    keeps the copy, the sheet gets the next one. None unless the sheet is leased and not begun."""
    return _back(sheet, at) if sheet.state is L else None


def recalled(sheet: PrintSheet, to: SheetState, reason: str, at: datetime) -> PrintSheet | None:
    """The sheet on its way to `to` (queued, stopped or cancelled): there at once while it is queued, when its agent
    gives it back while it is leased. None where it is too late, or on its way to an end already."""
    if sheet.state is Q and to is not Q:
        return replace(sheet, state=to, reason=reason, copy_free=False, ended_at=at)
    if sheet.state is L and sheet.recalled_to in (None, Q) and sheet.recalled_to is not to:
        return replace(sheet, recalled_to=to, recall_reason=reason)
    return None
