"""Every step of a sheet, allowed and forbidden, by table: from each state, by each word of an agent or a person."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from uuid import UUID

import pytest

from miandan.labels.agent_link import Outcome
from miandan.printing import transitions
from miandan.printing.job_model import Decider, PrintSheet, SheetState, Word
from miandan.printing.transitions import MAY_BECOME, Copies

AT = datetime(2026, 3, 1, tzinfo=UTC)
AGENT = UUID(int=7)
Q, L, S = SheetState.QUEUED, SheetState.LEASED, SheetState.SENT
P, F, D = SheetState.PRINTED, SheetState.FAILED, SheetState.DOUBTFUL
X, C = SheetState.STOPPED, SheetState.CANCELLED

FRESH = PrintSheet(1, UUID(int=1), UUID(int=2), 1, "yto", "1", date(2026, 3, 1), 1, AT)
OUT = replace(FRESH, state=L, agent_id=AGENT, printer="p", lease=1, copy=1, drawn=1, leased_at=AT)

SHEETS = {
    "fresh": FRESH,
    "given back": replace(OUT, state=Q, copy_free=True),
    "taken back by hand": replace(OUT, state=Q),
    "leased": OUT,
    "leased, recalled to stop": replace(OUT, recalled_to=X, recall_reason="orders.refund_open"),
    "leased, recalled to cancel": replace(OUT, recalled_to=C, recall_reason="r"),
    "leased, recalled to queue": replace(OUT, recalled_to=Q, recall_reason="r"),
    "sent": replace(OUT, state=S, begun_at=AT),
    "sent, recalled to stop": replace(OUT, state=S, begun_at=AT, recalled_to=X, recall_reason="orders.refund_open"),
    "sent, recalled to cancel": replace(OUT, state=S, begun_at=AT, recalled_to=C, recall_reason="r"),
    "printed": replace(OUT, state=P, evidence="device", decided_by=Decider.AGENT, ended_at=AT),
    "failed by agent": replace(OUT, state=F, reason="r", decided_by=Decider.AGENT, ended_at=AT),
    "failed by person": replace(OUT, state=F, reason="r", decided_by=Decider.PERSON, ended_at=AT),
    "doubtful by agent": replace(OUT, state=D, reason="r", decided_by=Decider.AGENT, begun_at=AT, ended_at=AT),
    "doubtful by person": replace(OUT, state=D, reason="r", decided_by=Decider.PERSON, begun_at=AT, ended_at=AT),
    "doubtful by person, not begun": replace(OUT, state=D, reason="r", decided_by=Decider.PERSON, ended_at=AT),
    "stopped": replace(FRESH, state=X, reason="r", ended_at=AT),
    "stopped after taken back": replace(OUT, state=X, reason="r", ended_at=AT),
    "cancelled": replace(FRESH, state=C, ended_at=AT),
    "cancelled after taken back": replace(OUT, state=C, ended_at=AT),
}

GIVEN_BACK, GIVEN_BACK_BY_DEVICE = Word(Outcome.GIVEN_BACK), Word(Outcome.GIVEN_BACK, "device", "x")
BY_DEVICE, BY_QUEUE, SENT_ONLY = (Word(Outcome.PRINTED, one) for one in ("device", "spooler", "sent_only"))
DOUBT, FAIL, FAIL_BY_DEVICE = (
    Word(Outcome.DOUBTFUL, "", "x"),
    Word(Outcome.FAILED, "", "x"),
    Word(Outcome.FAILED, "device", "x"),
)

KEEP, FREE, UNCOUNT = Copies.KEEP, Copies.FREE, Copies.UNCOUNT

OUT_THERE = (
    *("leased", "leased, recalled to stop", "leased, recalled to cancel", "leased, recalled to queue"),
    *("sent", "sent, recalled to stop", "sent, recalled to cancel"),
)
BACK = ("given back", "taken back by hand", "stopped after taken back", "cancelled after taken back")
DECLARED = ("doubtful by person", "doubtful by person, not begun")

EXPECTED: dict[str, dict[str, tuple[SheetState, Copies]]] = {
    "given back": {
        "taken back by hand": (Q, FREE),
        "leased": (Q, FREE),
        "leased, recalled to stop": (X, UNCOUNT),
        "leased, recalled to cancel": (C, UNCOUNT),
        "leased, recalled to queue": (Q, FREE),
        "sent": (D, KEEP),
        "sent, recalled to stop": (D, KEEP),
        "sent, recalled to cancel": (D, KEEP),
        "doubtful by person, not begun": (F, UNCOUNT),
    },
    "given back, the device knows": {
        "taken back by hand": (Q, FREE),
        "leased": (Q, FREE),
        "leased, recalled to stop": (X, UNCOUNT),
        "leased, recalled to cancel": (C, UNCOUNT),
        "leased, recalled to queue": (Q, FREE),
        "sent": (Q, FREE),
        "sent, recalled to stop": (X, UNCOUNT),
        "sent, recalled to cancel": (C, UNCOUNT),
        "doubtful by person": (F, UNCOUNT),
        "doubtful by person, not begun": (F, UNCOUNT),
    },
    "printed by device": dict.fromkeys(
        (*OUT_THERE, *BACK, *DECLARED, "doubtful by agent", "failed by person"), (P, KEEP)
    ),
    "printed, sent only": dict.fromkeys((*OUT_THERE, *BACK, *DECLARED), (P, KEEP)),
    "doubtful": dict.fromkeys((*OUT_THERE, *BACK), (D, KEEP)),
    "failed": dict.fromkeys((*OUT_THERE, *DECLARED), (F, UNCOUNT)),
    "failed by device": dict.fromkeys((*OUT_THERE, *DECLARED, "doubtful by agent"), (F, UNCOUNT)),
}
"""What each word makes of each sheet; a pair that is not named changes nothing."""

WORDS = {
    "given back": GIVEN_BACK,
    "given back, the device knows": GIVEN_BACK_BY_DEVICE,
    "printed by device": BY_DEVICE,
    "printed, sent only": SENT_ONLY,
    "doubtful": DOUBT,
    "failed": FAIL,
    "failed by device": FAIL_BY_DEVICE,
}


@pytest.mark.parametrize(("word", "sheet"), list(product(WORDS, SHEETS)))
def test_a_word_of_the_agent_makes_of_a_sheet_what_the_table_says(word: str, sheet: str) -> None:
    told = transitions.told(SHEETS[sheet], WORDS[word], AT)
    assert (None if told is None else (told[0].state, told[1])) == EXPECTED[word].get(sheet)


@pytest.mark.parametrize("sheet", SHEETS)
def test_the_same_word_again_changes_nothing(sheet: str) -> None:
    for word in WORDS.values():
        told = transitions.told(SHEETS[sheet], word, AT)
        if told is not None and told[1] is not UNCOUNT:
            again = transitions.told(told[0], word, AT)
            assert again is None or word.outcome is Outcome.GIVEN_BACK, (sheet, word)


@pytest.mark.parametrize("sheet", SHEETS)
def test_begun_moves_only_what_is_out_or_was_taken_back(sheet: str) -> None:
    moved = transitions.begun(SHEETS[sheet], AT)
    out = {one for one, it in SHEETS.items() if it.state in (L, Q)}
    assert (moved is not None) == (sheet in out)
    if moved is not None:
        assert moved.state is S
        assert not moved.copy_free


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_person_declares_doubts_only_of_what_is_out_and_takes_back_only_what_has_not_begun(sheet: str) -> None:
    state = SHEETS[sheet].state
    declared, back = transitions.declared(SHEETS[sheet], "r", AT), transitions.taken_back(SHEETS[sheet], AT)
    assert (declared is not None) == (state in (L, S))
    assert (back is not None) == (state is L)
    assert declared is None or (declared.state, declared.decided_by) == (D, Decider.PERSON)
    assert back is None or (back.state, back.copy, back.copy_free) == (SHEETS[sheet].recalled_to or Q, 1, False)


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_person_settles_doubts_and_nothing_else(sheet: str) -> None:
    came_out = transitions.settled(SHEETS[sheet], Outcome.PRINTED, "", AT)
    did_not = transitions.settled(SHEETS[sheet], Outcome.FAILED, "nothing came out", AT)
    if SHEETS[sheet].state is not D:
        assert came_out is did_not is None
        return
    assert came_out is not None
    assert did_not is not None
    assert (came_out.state, came_out.evidence, did_not.state, did_not.copy) == (P, "person", F, 1)
    assert transitions.settled(SHEETS[sheet], Outcome.DOUBTFUL, "", AT) is None


@pytest.mark.parametrize(("sheet", "to"), list(product(SHEETS, (Q, X, C))))
def test_a_recall_ends_what_is_queued_and_asks_for_what_is_leased(sheet: str, to: SheetState) -> None:
    before = SHEETS[sheet]
    after = transitions.recalled(before, to, "why", AT)
    if before.state is Q and to is not Q:
        assert after is not None
        assert (after.state, after.reason) == (to, "why")
    elif before.state is L and before.recalled_to in (None, Q) and before.recalled_to is not to:
        assert after is not None
        assert (after.state, after.recalled_to) == (L, to)
    else:
        assert after is None


def test_every_step_that_rules_make_is_in_the_table_of_what_a_sheet_may_become() -> None:
    made = set()
    for sheet in SHEETS.values():
        moves = [transitions.told(sheet, word, AT) for word in WORDS.values()]
        after = [one[0] for one in moves if one is not None]
        after += [
            one
            for one in (
                transitions.begun(sheet, AT),
                transitions.declared(sheet, "r", AT),
                transitions.taken_back(sheet, AT),
                transitions.settled(sheet, Outcome.PRINTED, "", AT),
                transitions.settled(sheet, Outcome.FAILED, "r", AT),
                *(transitions.recalled(sheet, to, "r", AT) for to in (Q, X, C)),
            )
            if one is not None
        ]
        made |= {(sheet.state, one.state) for one in after if one.state is not sheet.state}
    given_out = {(Q, L)}  # leasing
    assert made | given_out == {(before, after) for before, may in MAY_BECOME.items() for after in may}


def test_what_is_printed_stays_printed() -> None:
    assert MAY_BECOME[P] == frozenset()


def test_a_sheet_without_a_copy_never_becomes_paper() -> None:
    for word in (BY_DEVICE, BY_QUEUE, SENT_ONLY, DOUBT):
        assert transitions.told(SHEETS["fresh"], word, AT) is None
        assert transitions.told(SHEETS["stopped"], word, AT) is None
