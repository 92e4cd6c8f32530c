"""Which paper of a number counts at the packing table (哪一份有效): the highest copy that may be paper. No I/O.

All copies bear one number. Copy 1 has no small code, every later one has: a plain number may be any copy's, and only
where copy 1 is the one that counts is it enough. Nobody is told to destroy a paper while the one that takes its place
may not exist.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from miandan.kernel.errors import Refusal
from miandan.printing.job_model import PrintSheet, SheetState
from miandan.waybills.model import Waybill

UNMARKED: Final = 1
"""The copy without a small code."""


class Fate(StrEnum):
    """What is known of one copy that was counted."""

    PAPER = "paper"  # came out; also what files, commands and forgotten jobs have counted: nothing says otherwise
    OPEN = "open"  # on its way, in doubt, or left with an agent that is silent
    NO_PAPER = "no_paper"  # failed, or given back before a byte


def fate_of(copy: int, sheets: Sequence[PrintSheet]) -> Fate:
    """What is known of a copy, by the sheets of its number."""
    sheet = next((one for one in sheets if one.copy == copy), None)
    if sheet is None or sheet.state is SheetState.PRINTED:
        return Fate.PAPER
    if sheet.state is SheetState.FAILED or (sheet.state is SheetState.QUEUED and sheet.copy_free):
        return Fate.NO_PAPER
    return Fate.OPEN


def last_copy(waybill: Waybill, sheets: Sequence[PrintSheet]) -> int:
    """The copy that counts: the highest that may be paper; 0 where none may."""
    return next(
        (copy for copy in range(waybill.copies, 0, -1) if fate_of(copy, sheets) is not Fate.NO_PAPER),
        0,
    )


def wrong_paper(waybill: Waybill, sheets: Sequence[PrintSheet], scanned: int | None) -> Refusal | None:
    """Why the paper in hand is not the one that counts; `scanned` is the copy of its small code, None where only the
    number was read: printing.scan_not_printed, scan_no_such_copy, scan_small_code, scan_small_code_open,
    scan_old_copy, scan_copy_open, scan_failed_copy, scan_outdated."""
    number, last = waybill.ref.number, last_copy(waybill, sheets)
    if not last:
        return Refusal("printing.scan_not_printed", number=number)
    if scanned is not None and scanned > waybill.copies:
        return Refusal("printing.scan_no_such_copy", number=number, copy=scanned, last=last)
    if scanned is None and last > UNMARKED:
        is_open = fate_of(last, sheets) is Fate.OPEN
        code = "printing.scan_small_code_open" if is_open else "printing.scan_small_code"
        return Refusal(code, number=number, last=last)
    copy = scanned or UNMARKED
    if copy != last:
        return _other_copy(number, copy, last, sheets)
    paper = next((sheet for sheet in sheets if sheet.copy == copy), None)
    if paper is not None and paper.printed_version not in (None, waybill.version):
        return Refusal("printing.scan_outdated", number=number, copy=copy)
    return None


def _other_copy(number: str, copy: int, last: int, sheets: Sequence[PrintSheet]) -> Refusal:
    if fate_of(copy, sheets) is Fate.NO_PAPER:
        return Refusal("printing.scan_failed_copy", number=number, copy=copy, last=last)
    if fate_of(last, sheets) is Fate.OPEN:
        return Refusal("printing.scan_copy_open", number=number, copy=copy, last=last)
    return Refusal("printing.scan_old_copy", number=number, copy=copy, last=last)


def passing_words(waybill: Waybill, sheets: Sequence[PrintSheet], scanned: int | None) -> str:
    """Which words of spoken.toml the paper passes with: it may be half a label, or that of a marked copy which is
    recorded as failed."""
    last = last_copy(waybill, sheets)
    if any(sheet.copy == last and sheet.state is SheetState.DOUBTFUL for sheet in sheets):
        return "doubtful"
    marked_failed = any(sheet.copy > UNMARKED and sheet.state is SheetState.FAILED for sheet in sheets)
    return "unmarked" if scanned is None and marked_failed else "ok"
