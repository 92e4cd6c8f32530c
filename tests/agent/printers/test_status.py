"""What answers of printers mean, by bytes of the manuals, and that no answer breaks the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.agent.printers.model import State
from miandan.agent.printers.status import tongue
from miandan.labels.printers.profile import Language

READY = b"\x02030,0,0,1245,000,0,0,0,000,0,0,0\x03\r\n\x02000,0,0,0,0,2,4,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n"


def zpl(one: bytes, two: bytes) -> bytes:
    return b"\x02%b\x03\r\n\x02%b\x03\r\n\x021234,0\x03\r\n" % (one, two)


@pytest.mark.parametrize(
    ("answer", "state", "queued"),
    [
        (READY, State.READY, 0),
        (zpl(b"030,1,0,1245,000,0,0,0,000,0,0,0", b"000,0,0,0,0,2,4,0,00000001,1,000"), State.PAPER_OUT, 1),
        (zpl(b"030,0,1,1245,000,0,0,0,000,0,0,0", b"000,0,1,0,0,2,4,0,00000000,1,000"), State.LID_OPEN, 0),
        (zpl(b"030,0,0,1245,000,0,0,0,000,0,0,0", b"000,0,0,1,1,2,4,0,00000000,1,000"), State.RIBBON_OUT, 0),
        (zpl(b"030,0,0,1245,000,0,0,0,000,0,0,1", b"000,0,0,0,0,2,4,0,00000000,1,000"), State.HEAD_HOT, 0),
        (zpl(b"030,0,0,1245,002,0,0,1,000,0,0,0", b"000,0,0,0,0,2,4,0,00000003,1,000"), State.BUSY, 6),
    ],
)
def test_the_three_lines_of_a_zebra(answer: bytes, state: State, queued: int) -> None:
    said = tongue(Language.ZPL).read(b"noise" + answer)
    assert said is not None
    assert (said.state, said.queued) == (state, queued)


@pytest.mark.parametrize("size", range(len(READY) - 2))
def test_a_zebras_answer_is_none_before_it_is_whole(size: int) -> None:
    assert tongue(Language.ZPL).read(READY[:size]) is None


@pytest.mark.parametrize(
    ("language", "byte", "state"),
    [
        (Language.TSPL, 0x00, State.READY),
        (Language.TSPL, 0x20, State.BUSY),
        (Language.TSPL, 0x04, State.PAPER_OUT),
        (Language.TSPL, 0x05, State.LID_OPEN),
        (Language.TSPL, 0x02, State.PAPER_JAM),
        (Language.TSPL, 0x08, State.RIBBON_OUT),
        (Language.TSPL, 0x10, State.PAUSED),
        (Language.TSPL, 0x80, State.ERROR),
        (Language.CPCL, 0x00, State.READY),
        (Language.CPCL, 0x01, State.BUSY),
        (Language.CPCL, 0x02, State.PAPER_OUT),
        (Language.CPCL, 0x04, State.LID_OPEN),
        (Language.CPCL, 0x18, State.READY),  # a low battery and a reset stop nothing
    ],
)
def test_the_byte_of_tspl_and_cpcl(language: Language, byte: int, state: State) -> None:
    said = tongue(language).read(bytes([byte]))
    assert said is not None
    assert said.state is state


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ("12 12 12 12", State.READY),
        ("1A 16 12 12", State.LID_OPEN),
        ("1A 32 12 72", State.PAPER_OUT),
        ("12 12 12 1E", State.READY),  # near its end
        ("1A 52 52 12", State.HEAD_HOT),
        ("1A 52 1A 12", State.PAPER_JAM),
        ("1A 52 32 12", State.ERROR),
        ("1A 12 12 12", State.OFFLINE),
    ],
)
def test_the_four_bytes_of_escpos(answers: str, state: State) -> None:
    said = tongue(Language.ESCPOS).read(bytes.fromhex(answers))
    assert said is not None
    assert said.state is state
    assert tongue(Language.ESCPOS).read(bytes.fromhex(answers)[:3]) is None


@pytest.mark.parametrize(
    ("errors", "state"),
    [
        (b"1 00000000 00000001", State.PAPER_OUT),
        (b"1 00000000 00000005", State.PAPER_OUT),
        (b"1 00000000 00000004", State.LID_OPEN),
        (b"1 00000000 00000010", State.HEAD_HOT),
        (b"1 00000000 00000008", State.ERROR),
        (b"0 00000000 00000000", State.PAUSED),
    ],
)
def test_why_a_zebra_stands_still(errors: bytes, state: State) -> None:
    said = tongue(Language.ZPL).reads_why(b"\x02\r\n  PRINTER STATUS\r\n   ERRORS:  %b\r\n\x03" % errors)
    assert said is not None
    assert said.state is state


@given(language=st.sampled_from(list(Language)), heard=st.binary(max_size=200))
def test_no_answer_breaks_the_reader(language: Language, heard: bytes) -> None:
    said = tongue(language).read(heard)
    assert said is None or said.state in list(State)
    why = tongue(language).reads_why(heard)
    assert why is None or why.state in list(State)
