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
from freetype import raw

from miandan.labels import cleaning, fonts
from miandan.labels.compiled import ASCENT
from miandan.labels.raster.lines import COLUMN, STRIP
from miandan.labels.raster.page import Dots

_BUDGET = 32_000_000  # bytes of glyphs kept in all; when it is spent, all are drawn anew
_OVERHEAD, _POINTER = 40, 8  # bytes that a kept glyph takes besides its dots, and its place in a list
_LAST, _PAGE = 0xFFFF, 0xFFF  # lists of glyphs end with the first plane, and grow by so many characters
_MOST_OVER = 100  # rows, for sizes that no label has
# The automatic hinter's light mode puts horizontal strokes on whole dots and leaves widths alone. Of FreeType's modes
# it is the one in which dense characters of 6 pt keep their strokes apart at 203 dpi (looked at).
_LOAD = freetype.FT_LOAD_TARGET_LIGHT | freetype.FT_LOAD_FORCE_AUTOHINT
# Strokes of small bold text lose a quarter of a dot (in 1/64), or 省 and its like fill in.
_SMALL, _THINNER = 24, -16
# Installed fonts have one weight: beside our bold face their strokes gain this share of the size, as in the PDF.
_BOLDER = 0.04

_drawing = Lock()  # FreeType's faces are not safe between threads


Strip = list[bytes | None]
"""The columns of one strip of each character, by code point: what `codecs.charmap_encode` turns a text into a line by,
which is the quickest way there is. None, or nothing, for characters not drawn yet."""


class Glyphs:
    """The characters of our face `own` at `ppem` dots a font size.

    A glyph stands in a cell that is somewhat higher than the em square of its line. Cells of more than 64 rows are cut
    into strips.
    """

    def __init__(self, own: str, ppem: int) -> None:
        self.own = own
        self.ppem = ppem
        self.over = min(ppem // 6, _MOST_OVER)
        """Rows of a cell above the em square, and below it."""
        self.height = ppem + 2 * self.over
        """Rows of a cell."""
        self.strips: tuple[Strip, ...] = tuple([] for _ in range(-(-self.height // STRIP)))
        self.marks: set[str] = set()
        """Characters met that have no width of their own, such as a lone accent."""
        self._rare: dict[str, tuple[bytes, ...]] = {}  # beyond the first plane
        self._baseline = self.over + round(ASCENT * ppem)
        self._advance = fonts.face(own).advance

    def line(self, text: str, strip: int) -> bytes:
        """One strip of a line of any text. Characters without a width of their own stand over the one before."""
        inks: list[bytes] = []
        with _drawing:
            for character in text:
                ink = self._inks(character)[strip]
                if inks and character in self.marks:
                    inks[-1] = _laid_over(inks[-1], ink)
                else:
                    inks.append(ink)
        return b"".join(inks)

    def forget(self) -> None:
        """Drop all glyphs; they are drawn anew when next needed."""
        for strip in self.strips:
            strip.clear()
        self._rare.clear()

    def _inks(self, character: str) -> tuple[bytes, ...]:
        """The character's columns in each strip."""
        code = ord(character)
        if code > _LAST:
            return self._rare.get(character) or self._rare.setdefault(character, self._drawn(character))
        if code >= len(self.strips[0]) or self.strips[0][code] is None:
            inks = self._drawn(character)
            for strip, ink in zip(self.strips, inks, strict=True):
                _reach(strip, code)
                strip[code] = ink
            return inks
        return tuple(strip[code] or b"" for strip in self.strips)

    def _drawn(self, character: str) -> tuple[bytes, ...]:
        advance = self._advance[character]
        ink = _ink(character, self.own, self.ppem)
        height, width = ink.dots.shape
        # A neighbour must not cover what hangs out of the character's width, so it is moved in or made wider.
        wide = max(1, width, round(advance * self.ppem / fonts.UNITS))
        left = max(0, min(ink.left, wide - width))
        top = self._baseline - ink.top
        cell = np.zeros((wide, STRIP * len(self.strips)), np.uint8)
        first, end = max(0, top), min(self.height, top + height)
        if first < end:
            cell[left : left + width, first:end] = ink.dots[first - top : end - top].T
        columns = np.packbits(cell, axis=1)
        _spend(columns.nbytes + _OVERHEAD)
        if not advance:
            self.marks.add(character)
        return tuple(columns[:, start : start + COLUMN].tobytes() for start in range(0, columns.shape[1], COLUMN))


def _reach(strip: Strip, code: int) -> None:
    """Make the list long enough for a character."""
    _spend(_POINTER * max(0, (code | _PAGE) + 1 - len(strip)))  # which may empty it
    strip.extend([None] * ((code | _PAGE) + 1 - len(strip)))


def _laid_over(under: bytes, mark: bytes) -> bytes:
    """Both in the columns of `under`, the mark in their middle."""
    spare = len(under) // COLUMN - len(mark) // COLUMN
    if spare < 0:
        mark, spare = mark[COLUMN * (-spare // 2) :][: len(under)], 0
    placed = bytes(COLUMN * (spare // 2)) + mark
    both = int.from_bytes(under) | int.from_bytes(placed.ljust(len(under), b"\0"))
    return both.to_bytes(len(under))


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
