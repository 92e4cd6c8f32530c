"""Barcode commands of ZPL: which symbol, how many modules its content takes, and how it is written in ^FD."""

import re
from dataclasses import dataclass
from functools import cache

from miandan.labels.importers.imported import Notes
from miandan.labels.importers.zpl_commands import Command
from miandan.labels.symbols import Encoder
from miandan.labels.template import Symbology

QUIET = {"code128": 10, "code39": 10, "itf": 10, "ean13": 11, "qr": 4, "datamatrix": 1}
"""Modules that the engine keeps white on each side (see `symbols.py`)."""

SYMBOLS: dict[str, Symbology] = {
    "^BC": "code128",
    "^B3": "code39",
    "^B2": "itf",
    "^BE": "ean13",
    "^BQ": "qr",
    "^BX": "datamatrix",
}
_HEIGHT_AT = {"^BC": 1, "^B3": 2, "^B2": 1, "^BE": 1}
_TEXT_AT = {"^BC": 2, "^B3": 3, "^B2": 2, "^BE": 2}
_MODE_AT = 5  # of ^BC
_GUESSED_QR = 33  # modules of a code for some forty letters
_QR_DOTS = 2  # a module where ^BQ names none
QR_BELOW = 10  # dots that a QR code stands below its ^FO, as printers and emulators do
_STARTS = re.compile(r">[:;9567]")
_SIGNS = {">0": ">", ">=": "~", "><": "^"}


@dataclass(frozen=True, slots=True)
class Code:
    """A symbol's content and size: `columns` modules (0: not known) of `module` dots; `height` in dots."""

    symbology: Symbology
    text: str
    columns: int
    module: int
    height: int
    with_text: bool = False
    text_above: bool = False

    @property
    def is_square(self) -> bool:
        """Whether it has modules in both directions."""
        return self.symbology in ("qr", "datamatrix")


def code_of(command: Command, text: str, module: int, height: int, notes: Notes) -> Code:
    """What a barcode command and its field's data make."""
    symbology = SYMBOLS[command.name]
    place = str(command.place)
    if command.name in ("^BQ", "^BX"):
        if command.name == "^BQ":
            text = _of_qr(text)
        module = max(1, min(100, command.number(2 if symbology == "qr" else 1, _QR_DOTS)))
        columns = _modules(symbology, text)
        side = (columns or _GUESSED_QR) * module
        return Code(symbology, text, columns or _GUESSED_QR, module, side)
    if command.name == "^BC" and command.word(_MODE_AT, "N").upper() == "N":
        plain = _STARTS.sub("", text)
        if ">8" in plain:
            notes.add(place, command.name, "bars_control")
        text = re.sub(r">[0=<]", lambda match: _SIGNS[match[0]], plain.replace(">8", ""))
    height = max(1, min(command.number(_HEIGHT_AT[command.name], height), 10_000))
    flag = _TEXT_AT[command.name]
    with_text = command.word(flag, "Y").upper() != "N"
    above = command.word(flag + 1, "N").upper() == "Y"
    return Code(symbology, text, _modules(symbology, text), module, height, with_text, above)


def _of_qr(text: str) -> str:
    """The content behind error correction and input mode: QA,... or MM,A..."""
    found = re.match(r"[HQML]?A,|[HQML]?M,(?:N|A|K|B\d{4})", text)
    return text[found.end() :] if found else text


@cache
def _encoder() -> Encoder:
    return Encoder()


def _modules(symbology: str, text: str) -> int:
    """Modules across; 0 where there is no content, or none that the symbol can hold."""
    try:
        return _encoder().encode(symbology, text).columns if text else 0
    except ValueError:
        return 0
