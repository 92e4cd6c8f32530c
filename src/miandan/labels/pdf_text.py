"""Text slots on PDF pages: what can be known before the label comes is written down once per size and line count."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from miandan.labels import cleaning, fonts
from miandan.labels.compiled import TextSlot
from miandan.labels.fitting import ELLIPSIS, Fitted, fit
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.pdf_fonts import DrawnFonts, OwnFont
from miandan.labels.pdf_units import POINTS, Note

_LONGEST = 1_000  # characters of a field looked at; no box holds more
_NARROW = 400  # thousandths of the font size; what is on average wider than this is measured when it is broken


class _Start(NamedTuple):
    """Operators that bring the pen to the beginning of a line: flush left as one piece, else around its x."""

    flush: str
    before: str
    after: str


class TextDrawer:
    """One text slot on PDF pages."""

    def __init__(self, slot: TextSlot, font: OwnFont, drawn: DrawnFonts, height: int) -> None:
        self._slot = slot
        self._font = font
        self._advance = font.face.advance
        self._remember = font.texts.append
        self._plain = fonts.plain()
        self._all_plain = fonts.all_plain()
        self._drawn = drawn
        self._height = height
        self._starts: dict[tuple[int, int], tuple[_Start, ...]] = {}
        self._end = " Tj 0 g\n" if slot.white else " Tj\n"
        # Nothing that is printed is wider than its font size, so short text flush left needs no measuring.
        self._width = slot.ladder.steps[0].width
        self._surely_fits = self._width // fonts.UNITS if slot.align == "left" else 0
        self._may_fit = self._width // _NARROW
        self._first = self._lines(0, 1)[0]

    def draw(self, label: LabelData, note: Note) -> str:
        """Operators that print the slot's text."""
        text = self._slot.read(label)
        if not text:
            return ""
        if not self._all_plain(text):
            return self._draw_unusual(text, note)
        self._remember(text)
        if len(text) <= self._surely_fits:
            return f"{self._first.flush}<{text.encode('utf-16-be').hex()}>{self._end}"
        width = sum(map(self._advance.__getitem__, text)) if len(text) <= self._may_fit else self._width + 1
        if width <= self._width:
            return f"{self._begin(self._first, width, 0)}<{text.encode('utf-16-be').hex()}>{self._end}"
        fitted = self._fitted(text, note)
        end = self._end
        begins = self._begins(fitted)
        return "".join(
            [f"{b}<{line.encode('utf-16-be').hex()}>{end}" for b, line in zip(begins, fitted.lines, strict=True)]
        )

    def _fitted(self, text: str, note: Note) -> Fitted:
        fitted = fit(text[:_LONGEST], self._slot.ladder, self._advance)
        if fitted.shortened:
            self._remember(ELLIPSIS)
            note(WarningKind.TEXT_SHORTENED, self._slot.name)
        return fitted

    def _draw_unusual(self, text: str, note: Note) -> str:
        """Text with characters that our faces lack: those are set in fonts of drawings, amid the ordinary ones."""
        cleaned = cleaning.clean(text[:_LONGEST], self._font.name)
        for kind in sorted(cleaned.kinds):
            note(kind, self._slot.name)
        if not cleaned.text:
            return ""
        self._remember("".join(self._plain.intersection(cleaned.text)))
        fitted = self._fitted(cleaned.text, note)
        points = self._slot.ladder.steps[fitted.step].size * POINTS
        return "".join(
            f"{start}{self._mixed(line, points)}{'0 g' if self._slot.white else ''}\n"
            for start, line in zip(self._begins(fitted), fitted.lines, strict=True)
        )

    def _mixed(self, line: str, points: float) -> str:
        runs = []
        for ordinary, run in groupby(line, self._plain.__contains__):
            if ordinary:
                runs.append(f"<{''.join(run).encode('utf-16-be').hex()}> Tj\n")
                continue
            for character in run:
                resource, code = self._drawn.code(character, self._font.name)
                runs.append(f"/{resource} {points:.2f} Tf <{code}> Tj /{self._font.resource} {points:.2f} Tf\n")
        return "".join(runs)

    def _begins(self, fitted: Fitted) -> Sequence[str]:
        """Operators before each line."""
        starts = self._lines(fitted.step, len(fitted.lines))
        if self._slot.align == "left":
            return [start.flush for start in starts]
        return [
            self._begin(start, sum(map(self._advance.__getitem__, line)), fitted.step)
            for start, line in zip(starts, fitted.lines, strict=True)
        ]

    def _begin(self, start: _Start, width: int, step: int) -> str:
        """Operators before one line of `width` thousandths."""
        slot = self._slot
        if slot.align == "left":
            return start.flush
        spare = slot.box.w - width * slot.ladder.steps[step].size / fonts.UNITS
        x = slot.box.x + (spare if slot.align == "right" else spare / 2)
        return f"{start.before}{x * POINTS:.2f}{start.after}"

    def _lines(self, step: int, lines: int) -> tuple[_Start, ...]:
        """Beginnings of `lines` lines at one size."""
        known = self._starts.get((step, lines))
        if known is None:
            size = self._slot.ladder.steps[step]
            known = tuple(self._start(size.size, base) for base in self._slot.baselines(size, lines))
            self._starts[step, lines] = known
        return known

    def _start(self, size: float, base: float) -> _Start:
        colour = " 1 g" if self._slot.white else ""
        before = f"/{self._font.resource} {size * POINTS:.2f} Tf{colour} 1 0 0 1 "
        after = f" {(self._height - base) * POINTS:.2f} Tm "
        return _Start(f"{before}{self._slot.box.x * POINTS:.2f}{after}", before, after)
