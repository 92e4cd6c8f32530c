"""What the parts of a PDF page share: its unit, the dots of the printer, and how a drawer tells what it met."""

from collections.abc import Callable

from miandan.labels.model import LabelData, WarningKind

POINTS = 72 / 25_400  # per micrometre
DPI = 203  # of the printers that labels are made for
DOT = 72 / DPI  # points

Note = Callable[[WarningKind, str], None]
Draw = Callable[[LabelData, Note], str]
