"""Text on PDF pages: what can be known before the label comes is written down once per size and line count.

A slot answers with operators in which `%s` stands for each piece of its text. All pieces of a page become codes
together and fill those places at the end, which takes a third of the time that piece by piece would.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from miandan.labels import fonts
from miandan.labels.bindings import Condition, Reader
from miandan.labels.compiled import TextSlot
from miandan.labels.model import LabelData
from miandan.labels.pdf_fonts import DrawnFonts, OwnFont
from miandan.labels.pdf_units import POINTS
from miandan.labels.setting import Note, Setter

_SHOW = "<%s> Tj"
# Stands between pieces of text while they become codes. No plain character's code begins with an e (U+Exxx is for
# private use), so "feee" is found between two pieces only and never across the end of one character and the next.
_BETWEEN, _BETWEEN_CODES = "\ufeee", "feee"


def codes(pieces: Sequence[str]) -> tuple[str, ...]:
    """The UTF-16 units of each piece in hexadecimal; there is one or more, all of characters of `fonts.plain()`."""
    return tuple(_BETWEEN.join(pieces).encode("utf-16-be").hex().split(_BETWEEN_CODES))


class TextBlock:
    """All texts of one layer."""

    def __init__(self, drawers: Sequence["TextDrawer"]) -> None:
        self._drawers = drawers
        self._reads = [drawer.read for drawer in drawers]
        self._all_plain = fonts.all_plain()

    def draw(self, label: LabelData, note: Note) -> str:
        """Operators that print the label's texts, from BT to ET."""
        texts = [read(label) for read in self._reads]
        pieces: list[str] = []
        # One look at all texts together; only where one of them is unusual each is looked at.
        if self._all_plain("".join(texts)):
            forms = [drawer.plain(text, pieces, note) for drawer, text in zip(self._drawers, texts, strict=True) if text]
        else:
            forms = [drawer.any(text, pieces, note) for drawer, text in zip(self._drawers, texts, strict=True) if text]
        operators = "".join(forms)
        return f"BT\n{operators % codes(pieces) if pieces else operators}ET\n"


class _Line(NamedTuple):
    """Operators that bring the pen to a line, around the coordinate that depends on the line's width where it is not
    flush left: x, or y where the text is turned by a quarter. `start` is that of a line of no width, in points."""

    before: str
    start: float
    after: str


class _Lines(NamedTuple):
    """Lines of one size: operators that choose the font, where lines begin, and by how much of a point each
    thousandth of a line's width pulls its beginning back."""

    head: str
    lines: tuple[_Line, ...]
    pull: float


class TextDrawer:
    """One text slot on PDF pages."""

    def __init__(self, slot: TextSlot, font: OwnFont, drawn: DrawnFonts, height: int) -> None:
        self.read: Reader = slot.read if slot.shown is None else _where(slot.shown, slot.read)
        self._slot = slot
        self._font = font
        self._drawn = drawn
        self._height = height
        self._set = Setter(slot)
        self._surely_fits = self._set.surely_fits
        self._remember = font.texts.append
        # How much of a line's spare room lies before it.
        self._share = {"left": 0.0, "centre": 0.5, "right": 1.0}[slot.align]
        self._tail = " 0 g\n" if slot.white else "\n"
        self._lines: dict[tuple[int, int], _Lines] = {}
        self._flush_left: dict[tuple[int, int], str] = {}
        # One line of the full size is by far the most frequent: its operators, as a whole where it is flush left, else
        # around its coordinate.
        self._one_line = self._form(0, [_SHOW], [0])
        head, lines, self._pull = self._begun(0, 1)
        before, self._start, after = lines[0]
        self._before, self._after = f"{head}{before}", f"{after}{_SHOW}{self._tail}"

    def plain(self, text: str, pieces: list[str], note: Note) -> str:
        """Operators that print `text`, which is all of `fonts.plain()`, with a %s for each of the `pieces` added."""
        if len(text) <= self._surely_fits:
            self._remember(text)
            pieces.append(text)
            return self._one_line
        width = self._set.one_line(text)
        if width >= 0:
            self._remember(text)
            pieces.append(text)
            return f"{self._before}{self._start - self._pull * width:.2f}{self._after}" if self._share else self._one_line
        step, lines, _ = self._set.fit(text, note)
        self._font.texts.extend(lines)
        pieces.extend(lines)
        if self._share:
            return self._form(step, [_SHOW] * len(lines), [self._set.width_of(line) for line in lines])
        size = step, len(lines)
        known = self._flush_left.get(size)
        if known is None:
            known = self._flush_left[size] = self._form(step, [_SHOW] * len(lines), [0] * len(lines))
        return known

    def any(self, text: str, pieces: list[str], note: Note) -> str:
        """`plain` for a text that may hold any character."""
        if fonts.all_plain()(text):
            return self.plain(text, pieces, note)
        done = self._set.set_unusual(text, note)
        if done is None:
            return ""
        step, lines, _, _ = done
        points = self._slot.ladder.steps[step].size * POINTS
        widths = [self._set.width_of(line) for line in lines]
        return self._form(step, [self._mixed(line, points, pieces) for line in lines], widths)

    def _mixed(self, line: str, points: float, pieces: list[str]) -> str:
        """Characters that our faces lack are set in fonts of drawings, amid the ordinary ones."""
        shows = []
        for ordinary, run in groupby(line, fonts.plain().__contains__):
            if ordinary:
                pieces.append("".join(run))
                self._remember(pieces[-1])
                shows.append(_SHOW)
                continue
            for character in run:
                resource, code = self._drawn.code(character, self._font.name)
                shows.append(f"/{resource} {points:.2f} Tf <{code}> Tj /{self._font.resource} {points:.2f} Tf")
        return " ".join(shows)

    def _form(self, step: int, shows: Sequence[str], widths: Sequence[int]) -> str:
        """Operators for lines of these widths, each shown by operators of its own."""
        head, lines, pull = self._lines.get((step, len(shows))) or self._begun(step, len(shows))
        placed = [
            f"{before}{start - pull * width:.2f}{after}{show}"
            for (before, start, after), width, show in zip(lines, widths, shows, strict=True)
        ]
        return f"{head}{' '.join(placed)}{self._tail}"

    def _begun(self, step: int, count: int) -> _Lines:
        """What `count` lines at a step of the ladder have in common, whatever they say."""
        slot, size = self._slot, self._slot.ladder.steps[step]
        head = f"/{self._font.resource} {size.size * POINTS:.2f} Tf{' 1 g' if slot.white else ''} "
        forward = 1 if slot.rotate in (0, 270) else -1
        lines = tuple(self._line(self._share * slot.frame[0], base) for base in slot.baselines(size, count))
        pull = forward * self._share * size.size * POINTS / fonts.UNITS
        known = self._lines[step, count] = _Lines(head, lines, pull)
        return known

    def _line(self, along: float, base: float) -> _Line:
        x, y = self._slot.on_page(along, base)
        x, y = x * POINTS, (self._height - y) * POINTS
        match self._slot.rotate:
            case 0:
                return _Line("1 0 0 1 ", x, f" {y:.2f} Tm ")
            case 180:
                return _Line("-1 0 0 -1 ", x, f" {y:.2f} Tm ")
            case 90:
                return _Line(f"0 -1 1 0 {x:.2f} ", y, " Tm ")
            case _:
                return _Line(f"0 1 -1 0 {x:.2f} ", y, " Tm ")


def _where(shown: Condition, read: Reader) -> Reader:
    """The text, empty on a label that does not show it."""
    return lambda label: read(label) if shown(label) else ""
