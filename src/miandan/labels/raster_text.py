"""Text slots on a raster page: sizes and line breaks as everywhere (`setting.Setter`), advances in whole dots."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from miandan.labels import fonts
from miandan.labels.bindings import Condition, Reader
from miandan.labels.compiled import ASCENT, TextSlot
from miandan.labels.model import LabelData
from miandan.labels.raster_glyphs import COLUMN, STRIP, Glyphs, glyphs
from miandan.labels.raster_lines import BAND, Lines, Placed
from miandan.labels.raster_page import MARGIN, Page, Patch
from miandan.labels.setting import Note, Setter
from miandan.labels.symbols import dots, whole_dots

_SMALLEST = 6  # dots; a line that rounding made too wide is set in ever smaller sizes down to this one, then cut


class TextBlock:
    """All texts of one layer."""

    def __init__(self, slots: Sequence[TextSlot], dpi: int, stride: int) -> None:
        drawers = [TextDrawer(slot, dpi, stride) for slot in slots]
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


class _Line(NamedTuple):
    """Where a line stands: the row of its frame in which its cells begin, the byte of the page where that row does,
    and for each strip of the cells the rows that lie in the box, as a column; None for all."""

    start: int
    at: int
    masks: tuple[bytes | None, ...]


class _Plan(NamedTuple):
    """How so many lines are drawn at one size.

    `get` gives a character's first strip. Where `is_simple`, that strip laid at each of the places `ats` is all there
    is to do, but for a mask on lines that hold characters which reach `outside` of the box.
    """

    get: Callable[[str], bytes]
    ats: tuple[int, ...]
    outside: set[str]
    is_simple: bool
    glyphs: Glyphs
    lines: tuple[_Line, ...]


class TextDrawer:
    """One text slot on pages of `stride` bytes a row."""

    def __init__(self, slot: TextSlot, dpi: int, stride: int) -> None:
        self.read: Reader = slot.read if slot.shown is None else _where(slot.shown, slot.read)
        self._slot = slot
        self._white = slot.white
        self._dpi = dpi
        self._stride = stride
        self._setter = Setter(slot)
        self._surely_fits = self._setter.surely_fits
        self._left, self._top, self._width, self._height = whole_dots(slot.box, dpi)
        turned = slot.rotate in (90, 270)
        self._room, self._depth = (self._height, self._width) if turned else (self._width, self._height)
        self._halves = {"left": 0, "centre": 1, "right": 2}[slot.align]  # of the free width that lie before a line
        self._most = COLUMN * self._room
        self._plans: dict[tuple[int, int, int], _Plan] = {}
        self.has_room = self._room > 0 and self._depth > 0

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
        plan = self._plans.get((step, len(texts), 0)) or self._planned(step, len(texts), 0)
        if not plan.is_simple:
            self._put_carefully(plan, step, texts, lines)
            return
        get, outside, most, left, halves = plan.get, plan.outside, self._most, self._left, self._halves
        placed: Placed = []
        for text, line in zip(texts, plan.lines, strict=True):
            ink = b"".join(map(get, text))
            free = most - len(ink)
            if free < 0:
                self._put_carefully(plan, step, texts, lines)
                return
            if outside and not outside.isdisjoint(text):
                ink = _masked(ink, line.masks[0])
            placed.append((ink, left + halves * free // (2 * COLUMN), line.at, plan.glyphs.bands))
        if plan.glyphs.marks:
            self._put_carefully(plan, step, texts, lines)
            return
        to = lines.white if self._white else lines.black
        to += placed

    def _put_carefully(self, plan: _Plan, step: int, texts: Sequence[str], lines: Lines) -> None:
        """Lines that are too wide, reach out of their box, need several strips, or are turned."""
        inks = [plan.glyphs.line(text) for text in texts]
        less = 0
        # Rounding made a line too wide: the largest smaller size at which none is cut.
        while max(map(len, inks)) > self._most and plan.glyphs.ppem > _SMALLEST:
            less += 1
            plan = self._plans.get((step, len(texts), less)) or self._planned(step, len(texts), less)
            inks = [plan.glyphs.line(text) for text in texts]
        for text, ink, line in zip(texts, inks, plan.lines, strict=True):
            rest = [plan.glyphs.line(text, strip) for strip in range(1, len(plan.glyphs.strips))]
            strips = [_masked(strip[: self._most], mask) for strip, mask in zip([ink, *rest], line.masks, strict=True)]
            if self._slot.rotate:
                self._put_turned(strips, line, lines)
            else:
                self._put_strips(strips, line, plan.glyphs.bands, lines)

    def _put_strips(self, strips: Sequence[bytes], line: _Line, bands: int, lines: Lines) -> None:
        to = lines.white if self._white else lines.black
        x = self._left + self._before(strips[0])
        for index, strip in enumerate(strips):
            if index == 0 or any(strip):
                to.append((strip, x, line.at + index * STRIP * self._stride, min(BAND, bands - BAND * index)))

    def _before(self, ink: bytes) -> int:
        """Free dots before a line."""
        return self._halves * (self._room - len(ink) // COLUMN) // 2

    def _put_turned(self, strips: Sequence[bytes], line: _Line, lines: Lines) -> None:
        columns = len(strips[0]) // COLUMN
        cells = np.hstack([np.frombuffer(strip, np.uint8).reshape(columns, COLUMN) for strip in strips])
        upright = np.unpackbits(cells, axis=1).T
        first, end = max(0, -line.start), min(len(upright), self._depth - line.start)
        upright = upright[first:end]
        along, down = self._before(strips[0]), line.start + first
        back, up = self._room - along - columns, self._depth - down - len(upright)
        x, y, turns = {90: (up, along, 3), 180: (back, up, 2), 270: (down, back, 1)}[self._slot.rotate]
        to = lines.white_patches if self._white else lines.black_patches
        to.append(Patch(self._left + x, self._top + y, np.rot90(upright, turns)))

    def _planned(self, step: int, count: int, less: int) -> _Plan:
        size = self._slot.ladder.steps[step]
        ppem = max(1, min(round(dots(size.size, self._dpi)), self._depth) - less)
        own = glyphs(fonts.BOLD if self._slot.bold else fonts.REGULAR, ppem)
        lines, clear = [], self._depth
        for base in self._slot.baselines(size, count):
            # Where the PDF has the line, but its em square moved by what it takes to lie in the box.
            wanted = round(dots(base, self._dpi) + self._shift) - round(ASCENT * ppem)
            top = max(0, min(wanted, self._depth - ppem))
            clear = min(clear, top, self._depth - ppem - top)
            start = top - own.over
            lines.append(_Line(start, (MARGIN + self._top + start) * self._stride, self._masks(own, start)))
        plan = self._plans[step, count, less] = _Plan(
            own.strips[0].__getitem__,
            tuple(line.at for line in lines),
            own.outside[clear] if clear < len(own.outside) else set(),
            len(own.strips) == 1 and not self._slot.rotate,
            own,
            tuple(lines),
        )
        return plan

    @property
    def _shift(self) -> float:
        """How far the top of the frame lies above its first whole dot."""
        box, (x, y) = self._slot.box, (self._left, self._top)
        return {
            0: dots(box.y, self._dpi) - y,
            90: x + self._width - dots(box.x + box.w, self._dpi),
            180: y + self._height - dots(box.y + box.h, self._dpi),
            270: dots(box.x, self._dpi) - x,
        }[self._slot.rotate]

    def _masks(self, own: Glyphs, start: int) -> tuple[bytes | None, ...]:
        masks: list[bytes | None] = []
        for strip in range(len(own.strips)):
            rows = min(STRIP, BAND * own.bands - STRIP * strip)
            inside = "".join("1" if 0 <= start + STRIP * strip + row < self._depth else "0" for row in range(rows))
            masks.append(int(inside.ljust(STRIP, "0"), 2).to_bytes(COLUMN) if "0" in inside else None)
        return tuple(masks)


def _where(shown: Condition, read: Reader) -> Reader:
    """The text, empty on a label that does not show it."""
    return lambda label: read(label) if shown(label) else ""


def _masked(ink: bytes, mask: bytes | None) -> bytes:
    if mask is None:
        return ink
    columns = len(ink) // COLUMN
    return (int.from_bytes(ink) & int.from_bytes(mask * columns)).to_bytes(len(ink))
