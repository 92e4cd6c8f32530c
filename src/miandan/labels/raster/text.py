"""Text slots on a raster page: sizes and line breaks as everywhere (`setting.Setter`), advances in whole dots."""

from codecs import charmap_encode
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from miandan.labels import fonts
from miandan.labels.bindings import Condition, Reader
from miandan.labels.compiled import ASCENT, PITCH, TextSlot
from miandan.labels.fitting import Step
from miandan.labels.model import LabelData
from miandan.labels.raster.glyphs import Glyphs, glyphs
from miandan.labels.raster.lines import ALONE, BLACK, BLANK, COLUMN, STRIP, WHITE, Lines, Placed
from miandan.labels.raster.page import Dots, Page, Patch, bytes_under
from miandan.labels.setting import Note, Setter
from miandan.labels.symbols import dots, whole_dots

_SMALLEST = 6  # dots; a line that rounding made too wide is set in ever smaller sizes down to this one, then cut


class TextBlock:
    """All texts of one layer."""

    def __init__(self, slots: Sequence[TextSlot], dpi: int, taken: Dots) -> None:
        drawers = [TextDrawer(slot, dpi, taken) for slot in slots]
        self._drawers = [drawer for drawer in drawers if drawer.has_room]
        self._reads = [drawer.read for drawer in self._drawers]
        self._all_plain = fonts.all_plain()

    def draw(self, label: LabelData, note: Note, page: Page) -> None:
        """Lay the label's texts on the page."""
        lines = Lines()
        texts = [read(label) for read in self._reads]
        # One look at all texts together; only where one of them is unusual each is looked at.
        if self._all_plain("".join(texts)):
            for drawer, text in zip(self._drawers, texts, strict=True):
                if text:
                    drawer.plain(text, lines, note)
        else:
            for drawer, text in zip(self._drawers, texts, strict=True):
                if text:
                    drawer.any(text, lines, note)
        lines.burn(page)


class _Piece(NamedTuple):
    """One strip of one line: which rows of it are shown, and on which rows of the page."""

    line: int
    strip: int
    shown: slice
    down: slice


class _Plan(NamedTuple):
    """How so many lines are drawn at one size."""

    pieces: tuple[_Piece, ...]
    glyphs: Glyphs


class TextDrawer:
    """One text slot. `taken` are the bytes of a page that are not sure to be white; those of the slot are added."""

    def __init__(self, slot: TextSlot, dpi: int, taken: Dots) -> None:
        self.read: Reader = slot.read if slot.shown is None else _where(slot.shown, slot.read)
        self._slot = slot
        self._dpi = dpi
        self._setter = Setter(slot)
        self._surely_fits = self._setter.surely_fits
        self._left, self._top, self._width, self._height = whole_dots(slot.box, dpi)
        self._turned = slot.rotate
        sides = self._width, self._height
        self._room, self._depth = sides[::-1] if slot.rotate in (90, 270) else sides
        self.has_room = self._room > 0 and self._depth > 0
        self._most = COLUMN * self._room
        self._halves = {"left": 0, "centre": 1, "right": 2}[slot.align]  # of the free width that lie before a line
        self._plans: dict[tuple[int, int, int], _Plan] = {}
        place = taken[bytes_under(self._left, self._top, self._width, self._height)]
        self._kind = WHITE if slot.white else BLACK if place.any() else ALONE
        place[:] = 1

    def plain(self, text: str, lines: Lines, note: Note) -> None:
        """Add some text of `fonts.plain()`."""
        if len(text) <= self._surely_fits:
            self._put(0, (text,), lines)
        else:
            step, broken, _, _ = self._setter.set_plain(text, note)
            self._put(step, broken, lines)

    def any(self, text: str, lines: Lines, note: Note) -> None:
        """Add any text."""
        if fonts.all_plain()(text):
            self.plain(text, lines, note)
        elif done := self._setter.set_unusual(text, note):
            self._put(done[0], done[1], lines)

    def _put(self, step: int, texts: Sequence[str], lines: Lines) -> None:
        """Add lines at the size of a step; a dot smaller, again and again, where advances in whole dots have made one
        wider than it was measured."""
        most, halves, left = self._most, self._halves, self._left
        count, less = len(texts), 0
        while True:
            pieces, own = self._plans.get((step, count, less)) or self._planned(step, count, less)
            if self._turned or own.ppem <= _SMALLEST or (own.marks and not own.marks.isdisjoint("".join(texts))):
                break
            # The loop that a label spends most of its time in: nothing is called that need not be.
            columns: list[bytes] = []
            placed: list[Placed] = []
            strips, tile = own.strips, lines.tiles
            try:
                for line, strip, shown, down in pieces:
                    ink = charmap_encode(texts[line], "strict", strips[strip])[0]
                    free = most - len(ink)
                    if free < 0:
                        break
                    x = left + (halves * free >> 4)  # half a column is four bytes
                    before = x & 7
                    width = before + (len(ink) >> 3)
                    end = tile + (width + 7 >> 3)
                    columns += (BLANK[before], ink, BLANK[-width & 7])
                    placed.append((down, x >> 3, shown, tile, end))
                    tile = end
                else:
                    lines.columns += columns
                    lines.tiles = tile
                    lines.kinds[self._kind].extend(placed)
                    return
            except UnicodeEncodeError:  # a character that has not been drawn yet, or can stand in no list
                break
            less += 1
        self._put_by_characters(step, texts, less, lines)

    def _put_by_characters(self, step: int, texts: Sequence[str], less: int, lines: Lines) -> None:
        """Lines that are turned, hold marks or characters that are not in lists, or have to be cut."""
        while True:
            pieces, own = self._plans.get((step, len(texts), less)) or self._planned(step, len(texts), less)
            inks = [own.line(texts[piece.line], piece.strip) for piece in pieces]
            if max(map(len, inks)) <= self._most or own.ppem <= _SMALLEST:
                break
            less += 1
        for piece, ink in zip(pieces, inks, strict=True):
            if self._turned:
                self._turn(piece, ink[: self._most], lines)
            else:
                self._place(piece, ink[: self._most], lines)

    def _place(self, piece: _Piece, ink: bytes, lines: Lines) -> None:
        x = self._left + self._before(len(ink) // COLUMN)
        width = x % 8 + len(ink) // COLUMN
        end = lines.tiles + (width + 7) // 8
        lines.columns += (BLANK[x % 8], ink, BLANK[-width % 8])
        lines.kinds[self._kind].append((piece.down, x // 8, piece.shown, lines.tiles, end))
        lines.tiles = end

    def _turn(self, piece: _Piece, ink: bytes, lines: Lines) -> None:
        packed = np.frombuffer(ink, np.uint8).reshape(-1, COLUMN)
        upright = np.unpackbits(packed, axis=1).T[piece.shown]
        rows, columns = upright.shape
        along, down = self._before(columns), piece.down.start - self._top
        back, up = self._room - along - columns, self._depth - down - rows
        x, y, turns = {90: (up, along, 3), 180: (back, up, 2), 270: (down, back, 1)}[self._turned]
        patch = Patch(self._left + x, self._top + y, np.rot90(upright, turns))
        (lines.white_patches if self._slot.white else lines.black_patches).append(patch)

    def _before(self, columns: int) -> int:
        """Free dots before a line."""
        return self._halves * (self._room - columns) // 2

    def _planned(self, step: int, count: int, less: int) -> _Plan:
        """The plan for `count` lines, `less` dots smaller than the step's size."""
        size = self._slot.ladder.steps[step]
        # Broken text fills its lines, mostly with ideographs; those have to find room at a size that is rounded up.
        ideographs = size.width // fonts.UNITS if count > 1 else 0
        widest = self._room // max(1, ideographs)
        ppem = max(1, min(round(dots(size.size, self._dpi)), widest, self._depth // count) - less)
        own = glyphs(fonts.BOLD if self._slot.bold else fonts.REGULAR, ppem)
        plan = self._plans[step, count, less] = _Plan(tuple(self._pieces(own, self._tops(size, ppem, count))), own)
        return plan

    def _tops(self, size: Step, ppem: int, count: int) -> list[int]:
        """Rows of the frame where em squares begin: as in the PDF, but all as many whole dots apart and in the box."""
        bases = [round(dots(base, self._dpi) + self._above) for base in self._slot.baselines(size, count)]
        pitch = min(round(dots(PITCH * size.size, self._dpi)), (self._depth - ppem) // max(1, count - 1))
        lines = pitch * (count - 1)
        first = {"top": bases[0], "middle": (bases[0] + bases[-1] - lines) // 2, "bottom": bases[-1] - lines}
        top = max(0, min(first[self._slot.valign] - round(ASCENT * ppem), self._depth - ppem - lines))
        return [top + pitch * line for line in range(count)]

    def _pieces(self, own: Glyphs, tops: list[int]) -> Iterator[_Piece]:
        """Strips of cells around em squares that begin at `tops`. What leaves the box is not shown, and each row
        between two lines belongs to one of them."""
        ends = [*_between(tops, own.ppem), self._depth]
        begins = [0, *ends[:-1]]
        for line, (top, begin, end) in enumerate(zip(tops, begins, ends, strict=True)):
            for strip in range(len(own.strips)):
                start = top - own.over + STRIP * strip
                down, until = max(start, begin), min(start + STRIP, top + own.ppem + own.over, end)
                if down < until:
                    place = slice(self._top + down, self._top + until)
                    yield _Piece(line, strip, slice(down - start, until - start), place)

    @property
    def _above(self) -> float:
        """Dots that the top of the frame lies above its first whole dot; negative."""
        box, x, y = self._slot.box, self._left, self._top
        return {
            0: dots(box.y, self._dpi) - y,
            90: x + self._width - dots(box.x + box.w, self._dpi),
            180: y + self._height - dots(box.y + box.h, self._dpi),
            270: dots(box.x, self._dpi) - x,
        }[self._turned]


def _between(tops: list[int], ppem: int) -> list[int]:
    """Where a line ends and the next begins: two thirds of the gap are for what hangs down from the upper one."""
    ends = [top + ppem for top in tops]
    return [end + max(0, 2 * (top - end) + 2) // 3 for end, top in zip(ends, tops[1:], strict=False)]


def _where(shown: Condition, read: Reader) -> Reader:
    """The text, empty on a label that does not show it."""
    return lambda label: read(label) if shown(label) else ""
