"""Decides how a text is set in its slot - which size, which lines - once for every output.

What is known before the label comes is worked out beforehand: text that surely fits is neither measured nor broken.
"""

from collections.abc import Callable, Sequence

from miandan.labels import cleaning, fonts
from miandan.labels.compiled import TextSlot
from miandan.labels.fitting import fit
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

    `set` does all of it. An output that looks at many texts together to see whether all characters are ordinary
    (`fonts.plain`), which is quicker, takes `set_plain` and `set_unusual`. Ordinary text flush left of up to
    `surely_fits` characters is one line at the first step as it stands; `widths` and `step_for` answer for many texts
    of one line each.
    """

    def __init__(self, slot: TextSlot) -> None:
        self._slot = slot
        self._read = slot.read
        self._face = fonts.BOLD if slot.bold else fonts.REGULAR
        self.advance = fonts.face(self._face).advance
        self._all_plain = fonts.all_plain()
        self._ladder = slot.ladder
        self._steps = slot.ladder.steps
        self._width = self._steps[0].width
        # Nothing that is printed is wider than its font size, so short text flush left needs no measuring.
        self.surely_fits = self._width // fonts.UNITS if slot.align == "left" else 0
        self._widest = slot.ladder.widest
        self._may_fit = self._widest // _WIDE
        self._may_fit_ascii = self._widest // _NARROW

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
        length = len(text)
        if length <= self.surely_fits:
            return 0, (text,), -1, True
        if length <= self._may_fit or (length <= self._may_fit_ascii and text.isascii()):
            width = sum(self.advance.of(text))
            if width <= self._widest:
                return self.step_for(width), (text,), width, True
        step, lines, shortened = fit(text[:LONGEST], self._ladder, self.advance)
        if shortened:
            note(WarningKind.TEXT_SHORTENED, self._slot.name)
        return step, lines, -1, True

    def widths(self, texts: Sequence[str]) -> Sequence[int] | None:
        """Widths of ordinary texts (thousandths) of which each stands on one line, at the step that `step_for` names;
        zeros where no width is needed, None when one of them does not stand on one line."""
        longest = max(map(len, texts))
        if longest <= self.surely_fits:
            return (0,) * len(texts)
        if longest > self._may_fit and not (longest <= self._may_fit_ascii and all(map(str.isascii, texts))):
            return None
        widths = self.advance.totals(texts)
        return widths if max(widths) <= self._widest else None

    def step_for(self, width: int) -> int:
        """The step at which text of that width stands on one line."""
        return 0 if width <= self._width else self._ladder.first_for(width)

    def set_unusual(self, text: str, note: Note) -> Set | None:
        """Any text, made printable and set; None when nothing of it can be seen."""
        cleaned = cleaning.clean(text[:LONGEST], self._face)
        for kind in sorted(cleaned.kinds):
            note(kind, self._slot.name)
        if not cleaned.text:
            return None
        step, lines, width, _ = self.set_plain(cleaned.text, note)
        return step, lines, width, False

    def width_of(self, line: str) -> int:
        """Thousandths of the font size."""
        return sum(self.advance.of(line))
