"""Decides how a text is set in its slot - which size, which lines - once for every output.

What is known before the label comes is worked out beforehand: text that surely fits is neither measured nor broken.
"""

from collections.abc import Callable, Sequence

from miandan.labels import cleaning, fonts
from miandan.labels.compiled import TextSlot
from miandan.labels.fitting import Fitted, fit
from miandan.labels.model import LabelData, WarningKind

Note = Callable[[WarningKind, str], None]
"""Tells what a sheet's reader should know: kind of the warning and name of the field."""

Set = tuple[int, Sequence[str], int, bool]
"""Step of the ladder, lines, width of a single line in thousandths (-1 where nobody measured), and whether all of it
is ordinary text of our own faces. A plain tuple: one is made for every text of every label."""

LONGEST = 1_000  # characters of a field looked at; no box holds more
# Thousandths of the font size that ASCII and other text has on average at least, or else is measured in vain: what
# cannot fit is measured when it is broken.
_NARROW, _WIDE = 400, 700


class Setter:
    """Sets the text of one slot.

    `set` does all of it. An output that reads all texts of a sheet and looks at them together, which is quicker,
    takes `set_plain` and `set_unusual`; text flush left of up to `surely_fits` characters of `fonts.plain()` is one
    line at the first step as it stands.
    """

    def __init__(self, slot: TextSlot) -> None:
        self._slot = slot
        self._read = slot.read
        self._face = fonts.BOLD if slot.bold else fonts.REGULAR
        self.advance = fonts.face(self._face).advance
        self._advance = self.advance.__getitem__
        self._all_plain = fonts.all_plain()
        self._width = slot.ladder.steps[0].width
        # Nothing that is printed is wider than its font size, so short text flush left needs no measuring.
        self.surely_fits = self._width // fonts.UNITS if slot.align == "left" else 0
        self._may_fit = self._width // _WIDE
        self._may_fit_ascii = self._width // _NARROW

    def set(self, label: LabelData, note: Note) -> Set | None:
        """The slot's text of a label, set; None when there is none."""
        text = self._read(label)
        if not text:
            return None
        if self._all_plain(text):
            return self.set_plain(text, note)
        return self.set_unusual(text, note)

    def set_plain(self, text: str, note: Note) -> Set:
        """Some text of ordinary characters only, set."""
        if len(text) <= self.surely_fits:
            return 0, (text,), -1, True
        width = self.one_line(text)
        if width >= 0:
            return 0, (text,), width, True
        fitted = self.fit(text, note)
        return fitted.step, fitted.lines, -1, True

    def one_line(self, text: str) -> int:
        """Width of ordinary text that stands on one line at the first step, in thousandths; else -1."""
        length = len(text)
        if length <= self._may_fit or (length <= self._may_fit_ascii and text.isascii()):
            width = sum(map(self._advance, text))
            if width <= self._width:
                return width
        return -1

    def fit(self, text: str, note: Note) -> Fitted:
        """Step and lines of text that needs some; noted where it has to be shortened."""
        fitted = fit(text[:LONGEST], self._slot.ladder, self.advance)
        if fitted.shortened:
            note(WarningKind.TEXT_SHORTENED, self._slot.name)
        return fitted

    def set_unusual(self, text: str, note: Note) -> Set | None:
        """Any text, made printable and set; None when nothing of it can be seen."""
        cleaned = cleaning.clean(text[:LONGEST], self._face)
        for kind in sorted(cleaned.kinds):
            note(kind, self._slot.name)
        if not cleaned.text:
            return None
        fitted = self.fit(cleaned.text, note)
        return fitted.step, fitted.lines, -1, False

    def width_of(self, line: str) -> int:
        """Thousandths of the font size."""
        return sum(map(self._advance, line))
