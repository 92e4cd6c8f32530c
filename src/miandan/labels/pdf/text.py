"""Text on PDF pages: a slot answers for many labels at once, and what does not depend on them is written down once.

Slot by slot is quicker than label by label: all lines become codes together, and the processor stays with one thing.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from miandan.labels import fonts
from miandan.labels.compiled import TextSlot
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.pdf.fonts import DrawnFonts, OwnFont
from miandan.labels.pdf.units import POINTS, NoteFor
from miandan.labels.setting import Note, Setter

_SHOW = "(%s) Tj"
# Stands between lines while they become codes, and between labels. No plain character's code begins with the byte EE
# (U+EExx is for private use), so FE EE is found there only and never across the end of one character and the next.
_BETWEEN = "\ufeee"
_BETWEEN_CODES = "\xfe\xee"


def codes(lines: Sequence[str]) -> list[str]:
    """Each line as the bytes of a PDF string, a byte a character: the UTF-16 units, without the brackets around.

    There is one line or more, all of characters of `fonts.plain()`.
    """
    units = _BETWEEN.join(lines).encode("utf-16-be")
    escaped = units.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)").replace(b"\r", rb"\r")
    return escaped.decode("latin-1").split(_BETWEEN_CODES)


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
        self._slot = slot
        self._font = font
        self._drawn = drawn
        self._height = height
        self._set = Setter(slot)
        self._all_plain = fonts.all_plain()
        # How much of a line's spare room lies before it.
        self._share = {"left": 0.0, "centre": 0.5, "right": 1.0}[slot.align]
        self._end = " 0 g\n" if slot.white else "\n"
        self._lines: dict[tuple[int, int], _Lines] = {}
        self._flush_left: dict[tuple[int, int], str] = {}

    def column(self, labels: Sequence[LabelData], note: NoteFor) -> list[str]:
        """Operators that print what each of the labels says in the slot."""
        read = self._slot.read
        texts = [read(label) for label in labels]
        together = "".join(texts)
        plain = self._all_plain(together) is not None
        if plain:
            widths = self._set.widths(texts)
            if widths is not None:
                self._font.texts.append(together)
                return self._one_line_each(texts, widths)
        lines: list[str] = []
        forms: list[str] = []

        def note_here(kind: WarningKind, detail: str) -> None:
            note(len(forms), kind, detail)

        for text in texts:
            if not text:
                forms.append("")
            elif plain or self._all_plain(text):
                forms.append(self._plain(text, lines, note_here))
            else:
                forms.append(self._unusual(text, lines, note_here))
        return (_BETWEEN_CODES.join(forms) % tuple(codes(lines))).split(_BETWEEN_CODES) if lines else forms

    def _one_line_each(self, texts: Sequence[str], widths: Sequence[int]) -> list[str]:
        """Texts that need no breaking."""
        end = f") Tj{self._end}"
        step_for = self._set.step_for
        full_size = step_for(max(widths)) == 0
        if full_size and not self._share:
            head, ((before, start, after),), _ = self._sized(0, 1)
            begin = f"{head}{before}{start:.2f}{after}("
            return [f"{begin}{code}{end}" if code else "" for code in codes(texts)]
        sizes = [self._sized(0, 1)] * len(texts) if full_size else [self._sized(step_for(w), 1) for w in widths]
        return [
            f"{head}{before}{start - pull * width:.2f}{after}({code}{end}" if code else ""
            for (head, ((before, start, after),), pull), width, code in zip(sizes, widths, codes(texts), strict=True)
        ]

    def _plain(self, text: str, lines: list[str], note: Note) -> str:
        """Operators that print a text of plain characters, with %s for the codes of each of the `lines` added."""
        step, broken, width, _ = self._set.set_plain(text, note)
        self._font.texts.extend(broken)
        lines.extend(broken)
        count = len(broken)
        if self._share:
            widths = [width] if width >= 0 else [self._set.width_of(line) for line in broken]
            return self._form(step, [_SHOW] * count, widths)
        known = self._flush_left.get((step, count))
        if known is None:
            known = self._flush_left[step, count] = self._form(step, [_SHOW] * count, [0] * count)
        return known

    def _unusual(self, text: str, lines: list[str], note: Note) -> str:
        done = self._set.set_unusual(text, note)
        if done is None:
            return ""
        step, broken, _, _ = done
        points = self._slot.ladder.steps[step].size * POINTS
        widths = [self._set.width_of(line) for line in broken]
        return self._form(step, [self._mixed(line, points, lines) for line in broken], widths)

    def _mixed(self, line: str, points: float, lines: list[str]) -> str:
        """Characters that our faces lack are set in fonts of drawings, amid the ordinary ones."""
        shows = []
        for ordinary, run in groupby(line, fonts.plain().__contains__):
            if ordinary:
                lines.append("".join(run))
                self._font.texts.append(lines[-1])
                shows.append(_SHOW)
                continue
            for character in run:
                resource, code = self._drawn.code(character, self._font.name)
                shows.append(f"/{resource} {points:.2f} Tf <{code}> Tj /{self._font.resource} {points:.2f} Tf")
        return " ".join(shows)

    def _form(self, step: int, shows: Sequence[str], widths: Sequence[int]) -> str:
        """Operators for lines of these widths, each shown by operators of its own."""
        head, lines, pull = self._sized(step, len(shows))
        placed = [
            f"{before}{start - pull * width:.2f}{after}{show}"
            for (before, start, after), width, show in zip(lines, widths, shows, strict=True)
        ]
        return f"{head}{' '.join(placed)}{self._end}"

    def _sized(self, step: int, count: int) -> _Lines:
        """What `count` lines at a step of the ladder are set with, whatever they say."""
        known = self._lines.get((step, count))
        if known is None:
            slot, size = self._slot, self._slot.ladder.steps[step]
            head = f"/{self._font.resource} {size.size * POINTS:.2f} Tf{' 1 g' if slot.white else ''} "
            lines = tuple(self._line(self._share * slot.frame[0], base) for base in slot.baselines(size, count))
            forward = 1 if slot.rotate in (0, 270) else -1
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
