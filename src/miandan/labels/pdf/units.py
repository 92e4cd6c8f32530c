"""What the parts of a PDF page share: its unit, the printers' dots, and how they tell what is odd about a sheet."""

from collections.abc import Callable, Sequence

from miandan.labels.model import WarningKind

POINTS = 72 / 25_400  # per micrometre
DPI = 203  # of the printers that labels are made for

NoteFor = Callable[[int, WarningKind, str], None]
"""Tells what a sheet's reader should know: which of the sheets drawn together, kind of the warning, name of the
field."""


def of_rows(rows: Sequence[int], note: NoteFor) -> NoteFor:
    """Tells of some of the sheets that are drawn together by their place among all of them."""
    return lambda place, kind, detail: note(rows[place], kind, detail)
