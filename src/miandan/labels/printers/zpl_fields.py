"""Slots of a compiled template as ZPL fields that the printer draws itself: text in its fonts, its bars, its boxes.

Whatever a label says goes through `escaped`, so that only letters, digits and a few harmless marks stand in a field as
they are: a recipient called `^XZ` prints as that. (ZPL II Programming Guide: ^A@, ^FH, ^FT, ^FR, ^BC, ^BQ, ^GB.)
"""

import re
from collections.abc import Callable

import numpy as np

from miandan.labels import cleaning, fonts, symbols
from miandan.labels.compiled import BarcodeSlot, FillSlot, ImageSlot, TextSlot
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.pictures import Bits
from miandan.labels.printers import zpl
from miandan.labels.printers.profile import Profile
from miandan.labels.raster import shapes
from miandan.labels.raster.barcode import BarcodeDrawer
from miandan.labels.raster.page import Page, sheet_dots, snapped
from miandan.labels.setting import Note, Setter
from miandan.labels.symbols import Encoder, Place

Field = Callable[[LabelData, Note], bytes]
"""What a slot prints of a label; empty where it prints nothing."""

_TURNS = {0: b"N", 90: b"R", 180: b"I", 270: b"B"}
_SAFE = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz -./:()+")
_ESCAPED = tuple(bytes([byte]) if byte in _SAFE else b"_%02X" % byte for byte in range(256))
_WIDEST_MODULE = 10  # dots that ^BY and ^BQ take
_PLAIN_BARS = re.compile(r"[0-9A-Za-z ./+#*-]+")
"""What the printer's own Code 128 is trusted with: nothing that it could take for an invocation code or a command."""
_PLAIN_QR = re.compile(r"[0-9A-Za-z ./+#*:?&=%@;_-]+")
_QR_DROP = 10  # dots by which printers set a QR code below its ^FO


def escaped(text: str) -> bytes:
    """Field data for ^FH_: every byte of UTF-8 that is not plainly harmless is written as _ and two digits."""
    return b"".join(map(_ESCAPED.__getitem__, text.encode("utf-8", "replace")))


class Sheet:
    """The paper in dots, and where things come to stand on it once they are moved by the profile's offset.

    What would then leave the paper on the left or above stands at its edge, since ZPL has no negative places; on the
    other two sides the printer cuts it. Either is counted in `lost`.
    """

    def __init__(self, profile: Profile, width_um: int, height_um: int) -> None:
        self.profile = profile
        self.dpi = profile.dpi
        self.width, self.height = sheet_dots(width_um, self.dpi), sheet_dots(height_um, self.dpi)
        self._right, self._down = profile.offset
        self.lost = 0

    def dots(self, micrometres: float) -> float:
        return symbols.dots(micrometres, self.dpi)

    def at(self, x: int, y: int, w: int = 1, h: int = 1) -> tuple[int, int]:
        """Where the top left corner of something of that size comes to stand."""
        x, y = x + self._right, y + self._down
        if x < 0 or y < 0 or x + w > self.width or y + h > self.height:
            self.lost += 1
        return max(0, x), max(0, y)


def fill(slot: FillSlot, sheet: Sheet) -> Field:
    boxes = [snapped(box, sheet.dpi) for box in slot.boxes]
    return lambda label, note: b"".join([_filled(sheet, *box) for box in boxes])


def _filled(sheet: Sheet, x: int, y: int, w: int, h: int) -> bytes:
    return b"^FO%d,%d^GB%d,%d,%d^FS" % (*sheet.at(x, y, w, h), w, h, min(w, h))


def image(slot: ImageSlot, sheet: Sheet) -> Field:
    """The picture with the dots of the raster."""
    patch = shapes.image(slot, sheet.dpi)
    if patch is None:
        return lambda label, note: b""
    page = Page(sheet.width, sheet.height)
    patch.lay(page)
    box = symbols.whole_dots(slot.box, sheet.dpi)
    picture = _cut(page, *box)
    return lambda label, note: _picture(sheet, *box[:2], picture)


def _cut(page: Page, x: int, y: int, w: int, h: int) -> Bits:
    """That part of a page."""
    dots = np.unpackbits(page.dots[y : y + h], axis=1)[:, x : x + w]
    return Bits(w, h, np.packbits(dots, axis=1).tobytes())


def _picture(sheet: Sheet, x: int, y: int, picture: Bits) -> bytes:
    return zpl.graphic(*sheet.at(x, y, picture.width, picture.height), picture, sheet.profile) + b"^FS"


class TextField:
    """One text slot in the printer's own font: the sizes and line breaks of every other output."""

    def __init__(self, slot: TextSlot, sheet: Sheet) -> None:
        self._slot = slot
        self._sheet = sheet
        self._set = Setter(slot)
        self._own = fonts.BOLD if slot.bold else fonts.REGULAR
        font = sheet.profile.font_bold if slot.bold else sheet.profile.font_regular
        self._font = b"^A@%b,%%d,%%d,%b" % (_TURNS[slot.rotate], font.encode())
        self._end = (b"^FR" if slot.white else b"") + b"^FH_^FD%b^FS"

    def field(self, label: LabelData, note: Note) -> bytes:
        done = self._set.set(label, note)
        if done is None:
            return b""
        step, lines, _, plain = done
        size = self._slot.ladder.steps[step]
        # A dot too little and the text keeps to its box; a dot too much and it would leave it.
        dots = max(1, int(self._sheet.dots(size.size)))
        printed: list[bytes] = []
        for line, base in zip(lines, self._slot.baselines(size, len(lines)), strict=True):
            text = line if plain else self._printable(line, note)
            printed.append(self._line(text, base, dots))
        return b"".join(printed)

    def _line(self, text: str, base: float, dots: int) -> bytes:
        """Text with the beginning of its base line where the alignment wants it."""
        width = self._set.width_of(text) / fonts.UNITS * dots / self._sheet.dots(1)
        spare = self._slot.frame[0] - width
        along = {"left": 0.0, "centre": spare / 2, "right": spare}[self._slot.align]
        x, y = self._slot.on_page(max(0.0, along), base)
        place = self._sheet.at(round(self._sheet.dots(x)), round(self._sheet.dots(y)))
        return b"^FT%d,%d%b%b" % (*place, self._font % (dots, dots), self._end % escaped(text))

    def _printable(self, line: str, note: Note) -> str:
        """The line with a box for each character that our font on the printer lacks; other fonts are not there."""
        plain, kept = fonts.plain(), []
        for character in line:
            drawn = None if character in plain else cleaning.drawer(character, self._own)
            if character in plain or (drawn is not None and drawn[0] is fonts.face(self._own)):
                kept.append(character)
                continue
            if drawn is not None:  # the setter saw a font for it and said nothing
                note(WarningKind.RARE_CHARACTER, self._slot.name)
            kept.append(cleaning.BOX)
        return "".join(kept)


class SymbolField:
    """One barcode slot: by the printer where it makes the symbol that was placed, else as a picture of it."""

    def __init__(self, slot: BarcodeSlot, sheet: Sheet, encoder: Encoder) -> None:
        self._slot = slot
        self._sheet = sheet
        self._encoder = encoder

    def field(self, label: LabelData, note: Note) -> bytes:
        text = self._slot.read(label)
        if not text:
            return b""
        try:
            symbol = self._encoder.encode(self._slot.symbology, text)
        except ValueError:
            place = None
        else:
            place = symbols.place(self._slot, symbol.columns, symbol.rows, self._sheet.dpi)
        if place is None:
            note(WarningKind.BARCODE_OMITTED, self._slot.name)
            return b""
        by_printer = {"code128": self._bars, "qr": self._qr}.get(self._slot.symbology)
        field = by_printer(text, place) if by_printer and place.module <= _WIDEST_MODULE else None
        return field or self._burnt(label, place, note)

    def _burnt(self, label: LabelData, place: Place, note: Note) -> bytes:
        """The symbol with the dots of the raster."""
        page = Page(self._sheet.width, self._sheet.height)
        BarcodeDrawer(self._slot, self._sheet.dpi, np.ones_like(page.dots)).draw(label, note, page, self._encoder)
        return _picture(self._sheet, place.x, place.y, _cut(page, place.x, place.y, place.w, place.h))

    def _bars(self, text: str, place: Place) -> bytes | None:
        """Mode A packs digits as tightly as our own symbol, so the printer's is as long as the one placed."""
        if not _PLAIN_BARS.fullmatch(text):
            return None
        at = self._sheet.at(place.x, place.y, place.w, place.h)
        height = place.w if self._slot.rotate in (90, 270) else place.h
        turn = _TURNS[self._slot.rotate]
        return b"^FO%d,%d^BY%d^BC%b,%d,N,N,N,A^FH_^FD%b^FS" % (*at, place.module, turn, height, escaped(text))

    def _qr(self, text: str, place: Place) -> bytes | None:
        """Level M and bytes as our own, so of the same size; the mask is the printer's. Its codes do not turn."""
        if self._slot.rotate or not _PLAIN_QR.fullmatch(text):
            return None
        x, y = self._sheet.at(place.x, place.y, place.w, place.h)
        if y < _QR_DROP:
            return None
        data = b"MM,B%04d%b" % (len(text), escaped(text))
        return b"^FO%d,%d^BQN,2,%d,M,2^FH_^FD%b^FS" % (x, y - _QR_DROP, place.module, data)
