"""What the parts of a PDF page share: its unit, the dots of the printers, and how they tell what a reader should know."""

from collections.abc import Callable

from miandan.labels.model import WarningKind

POINTS = 72 / 25_400  # per micrometre
DPI = 203  # of the printers that labels are made for

NoteFor = Callable[[int, WarningKind, str], None]
"""Tells what a sheet's reader should know: which of the sheets drawn together, kind of the warning, name of the
field."""
