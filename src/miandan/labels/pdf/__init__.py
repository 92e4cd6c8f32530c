"""Labels in, a PDF out: `render_pdf` into any binary stream, `write_pdf` into a file that is complete or untouched.

Text can be copied out exactly as it went in, barcodes lie on whole printer dots, the fonts are embedded with the
characters used. The same labels give the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from miandan.kernel.errors import Refusal
from miandan.labels.choosing import Choice, Compiler
from miandan.labels.compiled import CompiledTemplate
from miandan.labels.model import LabelData, LabelWarning, Purpose, RenderReport, WarningKind
from miandan.labels.pdf.file import PdfFile
from miandan.labels.pdf.layers import Layers
from miandan.labels.pdf.page import Ink
from miandan.labels.pdf.units import DPI, of_rows
from miandan.labels.whole_file import written_whole

_BATCH = 64  # sheets drawn together

_Sheet = tuple[CompiledTemplate, LabelData]
"""What one page shows."""


def render_pdf(
    labels: Iterable[LabelData],
    out: BinaryIO,
    template: Choice = None,
    *,
    dpi: int = DPI,
    purpose: Purpose = Purpose.LABEL,
) -> RenderReport:
    """Write one page per sheet into `out`, in one pass and without holding the pages.

    `template` is one for all labels, a function that chooses one for each, or None for each carrier's standard one.
    `dpi` is the printer's, whose dots the bars lie on. Raises Refusal `labels.nothing_to_print` when there is no
    label, and those of `checking.checked` for a wrong template. What cannot be printed as it is written stands in
    the report's warnings.
    """
    document = _Document(out, dpi)
    compiler = Compiler(template, purpose)
    sheets = _sheets(labels, compiler)
    while batch := list(islice(sheets, _BATCH)):
        document.add(batch)
    return document.close()


def write_pdf(
    labels: Iterable[LabelData],
    path: Path,
    template: Choice = None,
    *,
    dpi: int = DPI,
    purpose: Purpose = Purpose.LABEL,
) -> RenderReport:
    """`render_pdf` into `path`. Whatever fails, a file that stood there before is still whole.

    Raises Refusal `labels.disk_full` or `labels.not_writable` besides those of `render_pdf`.
    """
    with written_whole(path) as out:
        return render_pdf(labels, out, template, dpi=dpi, purpose=purpose)


def _sheets(labels: Iterable[LabelData], compiler: Compiler) -> Iterator[_Sheet]:
    for label in labels:
        compiled = compiler.of(label)
        for sheet in compiled.sheets(label):
            yield compiled, sheet


class _Document:
    """A PDF that grows by sheets; the static layer of each template stands in it once."""

    def __init__(self, out: BinaryIO, dpi: int) -> None:
        self._pdf = PdfFile(out)
        self._ink = Ink(dpi)
        self._layers = Layers(self._pdf, self._ink)
        self._warnings: list[LabelWarning] = []
        self._last: LabelData | None = None

    def add(self, sheets: Sequence[_Sheet]) -> None:
        """Further pages, drawn together as far as they show the same layer."""
        layers = [self._layers.of(compiled, label) for compiled, label in sheets]
        pages = [b""] * len(sheets)
        noted: list[tuple[int, WarningKind, str]] = []

        def note(row: int, kind: WarningKind, detail: str) -> None:
            noted.append((row, kind, detail))

        for layer in dict.fromkeys(layers):
            rows = [row for row, of in enumerate(layers) if of is layer]
            drawn = layer.writer.pages([sheets[row][1] for row in rows], of_rows(rows, note))
            for row, page in zip(rows, drawn, strict=True):
                pages[row] = page
        first = self._pdf.pages
        for row, kind, detail in sorted(noted, key=itemgetter(0)):
            self._warnings.append(LabelWarning(first + row, sheets[row][1].number, kind, detail))
        # The paper of the first sheet is the whole file's; a sheet of another size says so itself.
        usual = self._layers.first_box
        for layer, page in zip(layers, pages, strict=True):
            box = layer.writer.box
            self._pdf.add_page(page, b"" if box == usual else b"/MediaBox[%b]" % box)
        self._ink.turned(len(pages))
        self._last = sheets[-1][1]

    def close(self) -> RenderReport:
        """Write what all pages share. Raises labels.nothing_to_print."""
        last = self._last
        if last is None:
            raise Refusal("labels.nothing_to_print")

        def note(row: int, kind: WarningKind, detail: str) -> None:
            self._warnings.append(LabelWarning(self._pdf.pages - 1, last.number, kind, detail))

        resources = self._layers.put(last, note)
        self._pdf.close(self._layers.first_box or b"", resources, b"<</Producer(miandan)>>")
        return RenderReport(self._pdf.pages, tuple(self._warnings))
