"""Labels on office paper (拼版): two or four on a sheet of A4 or A5, for whoever has no label printer.

A label is never enlarged. It is turned where it then fits better, and made smaller where it does not fit, by a factor
that leaves every bar on whole dots of the printer. Dashed lines show where to cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import BinaryIO, Final

from miandan.kernel.errors import Refusal
from miandan.labels.choosing import Choice, Compiler
from miandan.labels.compiled import CompiledTemplate
from miandan.labels.model import LabelData, LabelWarning, Purpose, RenderReport, WarningKind
from miandan.labels.pdf.file import PdfFile
from miandan.labels.pdf.layers import Layers
from miandan.labels.pdf.page import Ink
from miandan.labels.pdf.units import POINTS, NoteFor

OFFICE_DPI: Final = 600
"""Dots of the printers that take office paper."""

_EDGE_UM: Final = 4_000
"""Between a label and the edge of its part of the sheet: what such printers leave white."""

_SMALLEST: Final = 0.6
"""A label below this size has bars that no scanner likes."""


class Office(StrEnum):
    """Office paper, upright."""

    A4 = "A4"
    A5 = "A5"

    @property
    def size_um(self) -> tuple[int, int]:
        return (210_000, 297_000) if self is Office.A4 else (148_000, 210_000)


_GRIDS: Final = {2: (1, 2), 4: (2, 2)}
"""Columns and rows by labels on a sheet."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a template's labels stand in their part of the sheet: turned or not, and at how many of our dots an inch, so
    that they shrink to the printer's."""

    turned: bool
    dpi: int
    width: int
    height: int

    @property
    def scale(self) -> float:
        return self.dpi / OFFICE_DPI


class _Plan:
    """The parts of a sheet."""

    def __init__(self, sheet: Office, per_sheet: int) -> None:
        self.columns, self.rows = _GRIDS[per_sheet]
        self.name = f"{sheet} / {per_sheet}"
        self.width, self.height = sheet.size_um
        self.part = self.width // self.columns, self.height // self.rows

    @property
    def box(self) -> bytes:
        return b"0 0 %.3f %.3f" % (self.width * POINTS, self.height * POINTS)

    def fit(self, compiled: CompiledTemplate) -> _Fit:
        """Raises Refusal labels.sheet_too_large when the labels would become too small to scan."""
        width, height = compiled.width, compiled.height
        room = self.part[0] - 2 * _EDGE_UM, self.part[1] - 2 * _EDGE_UM
        upright = min(1.0, room[0] / width, room[1] / height)
        lying = min(1.0, room[0] / height, room[1] / width)
        scale = max(upright, lying)
        if scale < _SMALLEST:
            most = " x ".join(f"{one / _SMALLEST / 1000:.0f}" for one in room)
            shown = f"{width / 1000:g} x {height / 1000:g}"
            raise Refusal("labels.sheet_too_large", profile=self.name, sheet=shown, most=most)
        return _Fit(lying > upright, int(OFFICE_DPI * scale), width, height)

    def placed(self, content: bytes, fit: _Fit, place: int) -> bytes:
        """A label's content in the part of the sheet with this number, from 0, in the middle of it."""
        row, column = divmod(place, self.columns)
        wide, tall = (fit.height, fit.width) if fit.turned else (fit.width, fit.height)
        left = _on_dot(column * self.part[0] + (self.part[0] - wide * fit.scale) / 2)
        top = _on_dot(row * self.part[1] + (self.part[1] - tall * fit.scale) / 2)
        page, width, height = self.height * POINTS, fit.width * POINTS, fit.height * POINTS
        scale = fit.scale
        if fit.turned:  # its upper edge to the left
            bottom = page - _on_dot(top / POINTS + tall * scale)
            matrix = b"0 %.6f %.6f 0 %.4f %.4f" % (scale, -scale, left + scale * height, bottom)
        else:
            matrix = b"%.6f 0 0 %.6f %.4f %.4f" % (scale, scale, left, page - top - scale * height)
        return b"q\n%b cm\n0 0 %.3f %.3f re W n\n%bQ\n" % (matrix, width, height, content)

    def cuts(self) -> bytes:
        """Dashed lines between the parts."""
        width, height = self.width * POINTS, self.height * POINTS
        upright = [width * column / self.columns for column in range(1, self.columns)]
        level = [height * row / self.rows for row in range(1, self.rows)]
        lines = [b"%.3f 0 m %.3f %.3f l\n" % (x, x, height) for x in upright]
        lines += [b"0 %.3f m %.3f %.3f l\n" % (y, width, y) for y in level]
        return b"q 0.6 G 0.4 w [2 4] 0 d\n%bS\nQ\n" % b"".join(lines)


def _on_dot(micrometres: float) -> float:
    """Points from the paper's upper left corner, on the nearest whole dot of the printer."""
    return round(micrometres * OFFICE_DPI / 25_400) * 72 / OFFICE_DPI


def impose(
    labels: Iterable[LabelData],
    out: BinaryIO,
    sheet: Office,
    per_sheet: int,
    template: Choice = None,
    *,
    purpose: Purpose = Purpose.LABEL,
) -> RenderReport:
    """Write a PDF of office paper into `out`, 2 or 4 labels on each sheet, row by row in their order; `pages` of the
    report counts sheets of paper.

    Raises ValueError for another number, Refusal `labels.nothing_to_print`, `labels.sheet_too_large` for labels that
    would become too small, and those of a wrong template.
    """
    if per_sheet not in _GRIDS:
        raise ValueError(f"{per_sheet} labels on a sheet: 2 or 4")
    document = _Document(out, _Plan(sheet, per_sheet))
    compiler = Compiler(template, purpose)
    sheets = ((compiled, one) for label in labels for compiled, one in _sheets(compiler.of(label), label))
    while batch := list(islice(sheets, per_sheet)):
        document.add(batch)
    return document.close()


def _sheets(compiled: CompiledTemplate, label: LabelData) -> Iterable[tuple[CompiledTemplate, LabelData]]:
    return ((compiled, sheet) for sheet in compiled.sheets(label))


class _Document:
    """A PDF that grows by sheets of paper."""

    def __init__(self, out: BinaryIO, plan: _Plan) -> None:
        self._pdf = PdfFile(out)
        self._ink = Ink(OFFICE_DPI)
        self._plan = plan
        self._layers = Layers(self._pdf, self._ink, lambda compiled: self._ink.at(plan.fit(compiled).dpi))
        self._warnings: list[LabelWarning] = []
        self._last: LabelData | None = None

    def add(self, parts: Sequence[tuple[CompiledTemplate, LabelData]]) -> None:
        """One more sheet of paper."""
        content = [self._plan.cuts()]
        for place, (compiled, label) in enumerate(parts):
            drawn = self._layers.of(compiled, label).writer.pages([label], self._noting(label, self._pdf.pages))[0]
            content.append(self._plan.placed(drawn, self._plan.fit(compiled), place))
        self._pdf.add_page(b"".join(content))
        self._ink.turned(len(parts))
        self._last = parts[-1][1]

    def close(self) -> RenderReport:
        """Write what all sheets share. Raises labels.nothing_to_print."""
        if self._last is None:
            raise Refusal("labels.nothing_to_print")
        resources = self._layers.put(self._last, self._noting(self._last, self._pdf.pages - 1))
        self._pdf.close(self._plan.box, resources, b"<</Producer(miandan)>>")
        return RenderReport(self._pdf.pages, tuple(self._warnings))

    def _noting(self, label: LabelData, page: int) -> NoteFor:
        def note(_row: int, kind: WarningKind, detail: str) -> None:
            self._warnings.append(LabelWarning(page, label.number, kind, detail))

        return note
