"""Characters as printer dots, drawn by FreeType once per face and size and kept for later labels.

A character is kept column by column, the dots of a column packed into eight bytes, the top one the highest bit, so
that a line of text is its characters' bytes joined. Nothing longer than one character is ever kept.
"""

from ctypes import byref
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import freetype
import numpy as np
import numpy.typing as npt
from freetype import raw

from miandan.labels import cleaning, fonts
from miandan.labels.compiled import ASCENT

Dots = npt.NDArray[np.uint8]

COLUMN = 8  # bytes
STRIP = 8 * COLUMN  # dots of a column that one strip of a character holds
_LEVELS = 8  # rows outside of the em square that are told apart
_MOST_OUTSIDE = 5_000  # characters
_MOST_OVER = 100  # rows above and below the em square, for sizes that no label has
_BUDGET = 24_000_000  # bytes of glyphs kept in all; when it is spent, all are drawn anew
_OVERHEAD = 150  # bytes that a kept glyph takes besides its dots
# The automatic hinter's light mode puts horizontal strokes on whole dots and leaves widths alone. Of FreeType's modes
# it is the one in which dense characters of 6 pt keep their strokes apart at 203 dpi (looked at).
_LOAD = freetype.FT_LOAD_TARGET_LIGHT | freetype.FT_LOAD_FORCE_AUTOHINT
# Strokes of small bold text lose a quarter of a dot (in 1/64), or 省 and its like fill in.
_SMALL, _THINNER = 24, -16
# Installed fonts have one weight: beside our bold face their strokes gain this share of the size, as in the PDF.
_BOLDER = 0.04

_drawing = Lock()  # FreeType's faces are not safe between threads


class Glyphs:
    """The characters of our face `own` at `ppem` dots a font size.

    A glyph stands in a cell that is somewhat higher than the em square of its line. Cells of more than 64 rows are cut
    into strips; `strips[k][character]` are the columns of one strip, drawn at first need.
    """

    def __init__(self, own: str, ppem: int) -> None:
        self.own = own
        self.ppem = ppem
        self.bands = -(-(ppem + 2 * min(ppem // 6, _MOST_OVER)) // 8)
        """Height of a cell in bands of eight rows."""
        self.over = (8 * self.bands - ppem) // 2
        """Rows of a cell above the em square."""
        self.strips = tuple(_Strip(self) for _ in range(-(-8 * self.bands // STRIP)))
        self.marks: set[str] = set()
        """Characters met that have no width of their own, such as a lone accent."""
        self.outside: tuple[set[str], ...] = tuple(set() for _ in range(_LEVELS))
        """Characters met whose ink leaves the em square by more than so many rows, such as g or a bracket."""
        self._baseline = self.over + round(ASCENT * ppem)
        self._advance = fonts.face(own).advance

    def draw(self, character: str) -> None:
        """Put the character into every strip."""
        advance = self._advance[character]
        ink = _ink(character, self.own, self.ppem)
        height, width = ink.dots.shape
        # A neighbour must not cover what hangs out of the character's width, so it is moved in or made wider.
        wide = max(1, width, round(advance * self.ppem / fonts.UNITS))
        left = max(0, min(ink.left, wide - width))
        top = self._baseline - ink.top
        cell = np.zeros((wide, STRIP * len(self.strips)), np.uint8)
        first, end = max(0, top), min(8 * self.bands, top + height)
        if first < end:
            cell[left : left + width, first:end] = ink.dots[first - top : end - top].T
        columns = np.packbits(cell, axis=1)
        _spend(columns.nbytes + _OVERHEAD)
        if not advance:
            self.marks.add(character)
        by = max(self.over - top, top + height - self.over - self.ppem) if height else 0
        for outside in self.outside[: max(0, by)]:
            outside.add(character)
        for index, strip in enumerate(self.strips):
            strip[character] = columns[:, index * COLUMN : (index + 1) * COLUMN].tobytes()

    def line(self, text: str, strip: int = 0) -> bytes:
        """One strip of a line. Characters without a width of their own stand over the one before."""
        inks: list[bytes] = []
        for character in text:
            ink = self.strips[strip][character]
            if inks and character in self.marks:
                inks[-1] = _laid_over(inks[-1], ink)
            else:
                inks.append(ink)
        return b"".join(inks)

    def forget(self) -> None:
        """Drop all glyphs; they are drawn anew when next needed."""
        for strip in self.strips:
            strip.clear()
        for outside in self.outside:
            if len(outside) > _MOST_OUTSIDE:
                outside.clear()


def _laid_over(under: bytes, mark: bytes) -> bytes:
    """Both in the columns of `under`, the mark in their middle."""
    spare = len(under) // COLUMN - len(mark) // COLUMN
    if spare < 0:
        mark, spare = mark[COLUMN * (-spare // 2) :][: len(under)], 0
    placed = bytes(COLUMN * (spare // 2)) + mark
    both = int.from_bytes(under) | int.from_bytes(placed.ljust(len(under), b"\0"))
    return both.to_bytes(len(under))


class _Strip(dict[str, bytes]):
    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs

    def __missing__(self, character: str) -> bytes:
        with _drawing:
            if character not in self:
                self._glyphs.draw(character)
            return self[character]


class _Kept:
    """All glyphs of this process and the memory they take."""

    sets: list[Glyphs] = []  # noqa: RUF012  # one for all
    spent = 0


def _spend(size: int) -> None:
    _Kept.spent += size
    if _Kept.spent > _BUDGET:
        for each in _Kept.sets:
            each.forget()
        _Kept.spent = size


@cache
def glyphs(own: str, ppem: int) -> Glyphs:
    """The glyphs of one of our two faces at one size."""
    made = Glyphs(own, ppem)
    _Kept.sets.append(made)
    return made


class _Ink(NamedTuple):
    """Dots of a character, each a byte of 0 or 1; where they begin from the pen, and how far up from its line."""

    dots: Dots
    left: int
    top: int


def _ink(character: str, own: str, ppem: int) -> _Ink:
    """What is drawn for a character, by our face, by an installed font, or a box."""
    if character in fonts.plain():
        return _drawn(fonts.face(own), fonts.face(own).glyph(character) or 0, ppem, own)
    found = cleaning.drawer(character, own)
    return _box(ppem) if found is None else _drawn(*found, ppem, own)


def _drawn(face: fonts.Face, glyph: int, ppem: int, own: str) -> _Ink:
    slot = _opened(face)
    # What is wider than an ideograph is squeezed into the width of one, as in the PDF.
    wide = max(fonts.UNITS, face.width(glyph)) if face is not fonts.face(own) else fonts.UNITS
    slot.set_pixel_sizes(max(1, ppem * fonts.UNITS // wide), ppem)
    slot.load_glyph(glyph, _LOAD)
    drawn = slot.glyph
    if drawn.format == freetype.FT_GLYPH_FORMAT_OUTLINE:
        _weigh(drawn.outline, _weight(face, own, ppem))
    drawn.render(freetype.FT_RENDER_MODE_MONO)
    bitmap = drawn.bitmap
    packed = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, -1) if bitmap.rows else np.zeros((0, 0), np.uint8)
    dots = np.unpackbits(packed, axis=1)[:, : bitmap.width] if bitmap.rows else packed
    return _Ink(dots, drawn.bitmap_left, drawn.bitmap_top)


def _weight(face: fonts.Face, own: str, ppem: int) -> int:
    """By how much strokes become thicker, in 1/64 dot."""
    if own != fonts.BOLD:
        return 0
    if face is not fonts.face(own):
        return round(_BOLDER * ppem * 64)
    return _THINNER if ppem < _SMALL else 0


def _weigh(outline: Any, by: int) -> None:
    if by:
        raw.FT_Outline_Embolden(byref(outline._FT_Outline), by)
        raw.FT_Outline_Translate(byref(outline._FT_Outline), -by // 2, -by // 2)


@cache
def _opened(face: fonts.Face) -> Any:
    """The same font file in FreeType."""
    return freetype.Face(str(face.path), face.index)


def _box(ppem: int) -> _Ink:
    """A frame with a stroke through it, as large as the one in the PDF."""
    left, side, top = (round(share * ppem) for share in (0.06, 0.88, 0.82))
    side = max(3, side)
    wall = max(1, round(0.06 * ppem))
    dots = np.ones((side, side), np.uint8)
    dots[wall:-wall, wall:-wall] = 0
    for row in range(side):
        dots[row, max(0, side - 1 - row) : side - 1 - row + wall] = 1
    return _Ink(dots, left, top)
