"""How a printer of each language is asked for its status, and how its answer reads.

Sources, read in public copies: Zebra's ZPL II guide (~HS, ~HQES), TSC's TSPL/TSPL2 manual (<ESC>!?), Zebra's CPCL
manual (ESC h: an answer means that the label before is finished), Epson's command reference (DLE EOT n, GS r n). The
bits of ~HQES beyond media, ribbon and head are from public drivers. Nothing here is tried on a printer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from miandan.agent.printers.model import State
from miandan.labels.printers.profile import Language

_ESC, _DLE_EOT, _GS_R = b"\x1b", b"\x10\x04", b"\x1dr"


@dataclass(frozen=True, slots=True)
class Said:
    """What a printer answered. `queued` sheets are with it and not out; None where the language does not count."""

    state: State
    queued: int | None = None
    detail: str = ""


class Proof(Enum):
    """What shows that the sheet before a question is out."""

    COUNTED = "ready, and nothing queued"
    BUSY_THEN_READY = "seen printing, then ready"
    IN_TURN = "ready, answered behind the sheet"


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language as far as status goes. `read` answers None while the answer is not complete.

    `fence` goes right behind a sheet and is answered in its turn, by a byte that `answers_fence` knows. `why` is asked
    where the first answer names no reason. `keeps_sheets` says that a printer whose error was cleared prints the sheet
    again by itself.
    """

    question: bytes
    read: Callable[[bytes], Said | None]
    proof: Proof
    fence: bytes = b""
    answers_fence: Callable[[int], bool] = lambda byte: False
    why: bytes = b""
    reads_why: Callable[[bytes], Said | None] = lambda heard: None
    keeps_sheets: bool = False


# ZPL

_HS = re.compile(rb"\x02([0-9, ]{10,80})\x03\s*\x02([0-9, ]{10,80})\x03\s*\x02([^\x02\x03]{1,40})\x03")
_HQES = re.compile(rb"ERRORS:\s+(\d)\s+([0-9A-Fa-f]{8})\s+([0-9A-Fa-f]{8})")
_HQES_ERRORS = (
    (0x01, State.PAPER_OUT),
    (0x02, State.RIBBON_OUT),
    (0x04, State.LID_OPEN),
    (0x08, State.ERROR),  # cutter
    (0x30, State.HEAD_HOT),  # head, motor
    (0x4000, State.PAPER_JAM),  # paper feed
)


def _zpl(heard: bytes) -> Said | None:
    """The three lines of ~HS."""
    lines = _HS.search(heard)
    if lines is None:
        return None
    try:
        one = [int(field) for field in lines[1].split(b",")]
        two = [int(field) for field in lines[2].split(b",")]
        paper_out, paused, formats, partial, hot = one[1], one[2], one[4], one[7], one[11]
        head_up, ribbon_out, remaining = two[2], two[3], two[8]
    except (ValueError, IndexError):
        return None
    queued = formats + remaining + partial
    flags = (
        (paper_out, State.PAPER_OUT),
        (head_up, State.LID_OPEN),
        (ribbon_out, State.RIBBON_OUT),
        (hot, State.HEAD_HOT),
        (paused, State.PAUSED),
    )
    state = next((state for flag, state in flags if flag), State.BUSY if queued else State.READY)
    return Said(state, queued, f"queued {queued}")


def _zpl_why(heard: bytes) -> Said | None:
    found = _HQES.search(heard)
    if found is None:
        return None
    errors = int(found[3], 16) if found[1] != b"0" else 0
    state = next((state for bits, state in _HQES_ERRORS if errors & bits), State.ERROR if errors else State.PAUSED)
    return Said(state, None, f"ERRORS {found[2].decode()} {found[3].decode()}")


# TSPL

_TSPL_BITS = (
    (0x01, State.LID_OPEN),  # head opened
    (0x40, State.LID_OPEN),
    (0x04, State.PAPER_OUT),
    (0x02, State.PAPER_JAM),
    (0x08, State.RIBBON_OUT),
    (0x80, State.ERROR),
    (0x10, State.PAUSED),
    (0x20, State.BUSY),
)


def _tspl(heard: bytes) -> Said | None:
    """One byte; the last one, should a printer have said more."""
    return _of_byte(heard[-1], _TSPL_BITS) if heard else None


# CPCL

_CPCL_BITS = ((0x04, State.LID_OPEN), (0x02, State.PAPER_OUT), (0x01, State.BUSY))


def _cpcl(heard: bytes) -> Said | None:
    return _of_byte(heard[-1], _CPCL_BITS) if heard else None


def _of_byte(byte: int, bits: tuple[tuple[int, State], ...]) -> Said:
    state = next((state for bit, state in bits if byte & bit), State.READY)
    return Said(state, None, f"{byte:02X}")


# ESC/POS

_ESCPOS_FIXED, _ESCPOS_MARK = 0x93, 0x12  # bits that every answer to DLE EOT has, those to GS r have not
_ESCPOS_BITS: tuple[tuple[int, int, State], ...] = (
    (1, 0x04, State.LID_OPEN),
    (1, 0x20, State.PAPER_OUT),  # printing stopped by paper end
    (3, 0x60, State.PAPER_OUT),
    (2, 0x40, State.HEAD_HOT),  # recovers by itself
    (2, 0x08, State.PAPER_JAM),  # cutter
    (2, 0x20, State.ERROR),
    (1, 0x40, State.ERROR),
    (0, 0x08, State.OFFLINE),
)


def _escpos(heard: bytes) -> Said | None:
    """The answers to DLE EOT 1 to 4, in that order."""
    answers = [byte for byte in heard if byte & _ESCPOS_FIXED == _ESCPOS_MARK][-4:]
    if len(answers) < 4:
        return None
    said = "".join(f"{byte:02X}" for byte in answers)
    state = next((state for which, bits, state in _ESCPOS_BITS if answers[which] & bits), State.READY)
    return Said(state, None, said)


def _answers_gs_r(byte: int) -> bool:
    return byte & 0x90 == 0


_TONGUES = {
    Language.ZPL: Tongue(b"~HS", _zpl, Proof.COUNTED, why=b"~HQES", reads_why=_zpl_why, keeps_sheets=True),
    Language.TSPL: Tongue(_ESC + b"!?", _tspl, Proof.BUSY_THEN_READY),
    Language.CPCL: Tongue(_ESC + b"h", _cpcl, Proof.IN_TURN),
    Language.ESCPOS: Tongue(
        b"".join(_DLE_EOT + bytes([n]) for n in (1, 2, 3, 4)),
        _escpos,
        Proof.IN_TURN,
        fence=_GS_R + b"\x01",
        answers_fence=_answers_gs_r,
    ),
}


def tongue(language: Language) -> Tongue:
    """How printers of this language are asked."""
    return _TONGUES[language]
