"""Which paper of a number counts, for every way in which its copies can have gone: printed, failed, in doubt, on their
way, given back, forgotten, or counted by files."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Final, cast
from uuid import UUID, uuid4

import pytest

from miandan.kernel.errors import Refusal
from miandan.printing.job_model import PrintSheet, SheetState
from miandan.printing.papers import last_copy, passing_words, wrong_paper
from miandan.printing.rules import spoken
from miandan.waybills.model import NumberRef, Waybill

NUMBER: Final = "YT1234567890123"
AT: Final = datetime(2026, 9, 1, tzinfo=UTC)
MONTH: Final = date(2026, 9, 1)
VERSION: Final = 3

# One letter for each copy, copy 1 first.
STATES: Final = {
    "p": (SheetState.PRINTED, False),
    "f": (SheetState.FAILED, False),  # by a person: what its device knows to have failed is not counted
    "d": (SheetState.DOUBTFUL, False),
    "l": (SheetState.LEASED, False),
    "s": (SheetState.SENT, False),
    "b": (SheetState.QUEUED, True),  # given back before a byte, waits for its turn
    "t": (SheetState.QUEUED, False),  # taken back from an agent that is silent
    "x": (SheetState.STOPPED, False),  # the same, stopped meanwhile
    "c": (SheetState.CANCELLED, False),
}
NO_SHEET: Final = "-"  # of a file, of a forgotten job, of an agent that lost its sheet to the next copy

OK, HALF, UNMARKED = "ok", "doubtful", "unmarked"
ASK, OLD, OPEN, ASK_OPEN = "scan_small_code", "scan_old_copy", "scan_copy_open", "scan_small_code_open"
FAILED, NONE, NO_SUCH = "scan_failed_copy", "scan_not_printed", "scan_no_such_copy"

# copies, the one that counts, what a plain number is answered, then #1, #2, #3 as far as there is one and one more
TABLE: Final = (
    ("", 0, NONE, (NONE,)),
    ("p", 1, OK, (OK, NO_SUCH)),
    ("-", 1, OK, (OK, NO_SUCH)),
    ("d", 1, HALF, (HALF, NO_SUCH)),
    ("l", 1, OK, (OK, NO_SUCH)),
    ("s", 1, OK, (OK, NO_SUCH)),
    ("t", 1, OK, (OK, NO_SUCH)),
    ("x", 1, OK, (OK, NO_SUCH)),
    ("c", 1, OK, (OK, NO_SUCH)),
    ("f", 0, NONE, (NONE, NONE)),
    ("b", 0, NONE, (NONE, NONE)),
    # a marked copy is there: the unmarked one is stopped
    ("pp", 2, ASK, (OLD, OK, NO_SUCH)),
    ("--", 2, ASK, (OLD, OK, NO_SUCH)),
    ("-p", 2, ASK, (OLD, OK, NO_SUCH)),
    ("p-", 2, ASK, (OLD, OK, NO_SUCH)),
    ("dp", 2, ASK, (OLD, OK, NO_SUCH)),
    ("fp", 2, ASK, (FAILED, OK, NO_SUCH)),
    ("f-", 2, ASK, (FAILED, OK, NO_SUCH)),
    ("xp", 2, ASK, (OLD, OK, NO_SUCH)),
    # nobody knows of the marked one: neither is destroyed
    ("pd", 2, ASK_OPEN, (OPEN, HALF, NO_SUCH)),
    ("-d", 2, ASK_OPEN, (OPEN, HALF, NO_SUCH)),
    ("dd", 2, ASK_OPEN, (OPEN, HALF, NO_SUCH)),
    ("fd", 2, ASK_OPEN, (FAILED, HALF, NO_SUCH)),
    ("pl", 2, ASK_OPEN, (OPEN, OK, NO_SUCH)),
    ("ps", 2, ASK_OPEN, (OPEN, OK, NO_SUCH)),
    ("pt", 2, ASK_OPEN, (OPEN, OK, NO_SUCH)),
    ("px", 2, ASK_OPEN, (OPEN, OK, NO_SUCH)),
    ("pc", 2, ASK_OPEN, (OPEN, OK, NO_SUCH)),
    # the marked one came to nothing: the unmarked one is the only label, and its number is enough
    ("pf", 1, UNMARKED, (OK, FAILED, NO_SUCH)),
    ("-f", 1, UNMARKED, (OK, FAILED, NO_SUCH)),
    ("df", 1, HALF, (HALF, FAILED, NO_SUCH)),
    ("lf", 1, UNMARKED, (OK, FAILED, NO_SUCH)),
    ("pb", 1, OK, (OK, FAILED, NO_SUCH)),
    ("-b", 1, OK, (OK, FAILED, NO_SUCH)),
    ("ff", 0, NONE, (NONE, NONE, NONE)),
    ("fb", 0, NONE, (NONE, NONE, NONE)),
    # three
    ("ppp", 3, ASK, (OLD, OLD, OK, NO_SUCH)),
    ("pfp", 3, ASK, (OLD, FAILED, OK, NO_SUCH)),
    ("ppf", 2, ASK, (OLD, OK, FAILED, NO_SUCH)),
    ("ppd", 3, ASK_OPEN, (OPEN, OPEN, HALF, NO_SUCH)),
    ("pfd", 3, ASK_OPEN, (OPEN, FAILED, HALF, NO_SUCH)),
    ("pdf", 2, ASK_OPEN, (OPEN, HALF, FAILED, NO_SUCH)),
    ("pff", 1, UNMARKED, (OK, FAILED, FAILED, NO_SUCH)),
    ("pfb", 1, UNMARKED, (OK, FAILED, FAILED, NO_SUCH)),
    ("p-f", 2, ASK, (OLD, OK, FAILED, NO_SUCH)),
    ("f-f", 2, ASK, (FAILED, OK, FAILED, NO_SUCH)),
    ("-pf", 2, ASK, (OLD, OK, FAILED, NO_SUCH)),
    ("fff", 0, NONE, (NONE, NONE, NONE, NONE)),
)


def sheet(copy: int, letter: str) -> PrintSheet:
    state, is_free = STATES[letter]
    return PrintSheet(
        1001, uuid4(), UUID(int=1), copy, "yto", NUMBER, MONTH, VERSION, AT,
        printed_version=VERSION, state=state, copy=copy, copy_free=is_free,
    )  # fmt: skip


def number(copies: str) -> tuple[Waybill, list[PrintSheet]]:
    waybill = SimpleNamespace(ref=NumberRef(1001, "yto", NUMBER, MONTH), copies=len(copies), version=VERSION)
    sheets = [sheet(copy, letter) for copy, letter in enumerate(copies, 1) if letter != NO_SHEET]
    return cast(Waybill, waybill), sheets


def answer(copies: str, scanned: int | None) -> str:
    waybill, sheets = number(copies)
    refusal = wrong_paper(waybill, sheets, scanned)
    if refusal is None:
        return passing_words(waybill, sheets, scanned)
    assert refusal.zh.endswith("。")
    assert spoken(refusal.code)
    return refusal.code.removeprefix("printing.")


@pytest.mark.parametrize(("copies", "last", "plain", "marked"), TABLE, ids=[row[0] or "none" for row in TABLE])
def test_the_paper_in_hand_is_answered_by_what_became_of_every_copy(
    copies: str, last: int, plain: str, marked: tuple[str, ...]
) -> None:
    assert last_copy(*number(copies)) == last
    assert answer(copies, None) == plain
    assert tuple(answer(copies, copy) for copy in range(1, len(marked) + 1)) == marked


def test_every_number_that_has_a_paper_has_one_that_passes() -> None:
    letters = [*STATES, NO_SHEET]
    for copies in (one + two + three for one in letters for two in letters for three in letters):
        last = last_copy(*number(copies))
        passing = [copy for copy in range(1, 4) if answer(copies, copy) in (OK, HALF)]
        assert passing == ([last] if last else []), copies
        assert (answer(copies, None) in (OK, HALF, UNMARKED)) == (last == 1), copies


def test_nobody_is_told_to_destroy_a_label_while_the_one_that_counts_may_not_exist() -> None:
    for open_one in ("pd", "pl", "ps", "pt", "px", "pc", "ppd"):
        waybill, sheets = number(open_one)
        for scanned in (None, 1):
            refusal = wrong_paper(waybill, sheets, scanned)
            assert isinstance(refusal, Refusal)
            assert "请撕掉" not in refusal.next_zh
            assert "不要撕" in refusal.next_zh


def test_a_content_that_changed_after_the_print_wants_another_label_whichever_copy_it_is() -> None:
    for copies, copy in (("pf", 1), ("p", 1), ("pp", 2)):
        waybill, sheets = number(copies)
        changed = cast(Waybill, SimpleNamespace(ref=waybill.ref, copies=waybill.copies, version=VERSION + 1))
        for scanned in {copy, None if copy == 1 else copy}:
            refusal = wrong_paper(changed, sheets, scanned)
            assert refusal is not None
            assert refusal.code == "printing.scan_outdated"
