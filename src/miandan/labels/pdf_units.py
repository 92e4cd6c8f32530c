"""What the parts of a PDF page share: its unit, and how a drawer answers."""

from collections.abc import Callable

from miandan.labels.model import LabelData
from miandan.labels.setting import Note

POINTS = 72 / 25_400  # per micrometre
DPI = 203  # of the printers that labels are made for

Draw = Callable[[LabelData, Note], str]
