"""Labels in, a PDF out: `render_pdf` into any binary stream, `write_pdf` into a file that is complete or untouched.

Text can be copied out exactly as it went in, barcodes lie on whole printer dots, the fonts are embedded with the
characters used. The same labels give the same bytes.
"""

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from miandan.kernel.errors import Refusal
from miandan.labels.compiled import compile_template
from miandan.labels.model import LabelData, RenderReport
from miandan.labels.pdf_file import PdfFile
from miandan.labels.pdf_fonts import put_fonts
from miandan.labels.pdf_page import PageWriter
from miandan.labels.pdf_units import POINTS
from miandan.labels.template import Template, standard_template

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def render_pdf(labels: Iterable[LabelData], out: BinaryIO, template: Template | None = None) -> RenderReport:
    """Write one page per label into `out`, in one pass and without holding the pages.

    Raises Refusal `labels.nothing_to_print` when there is no label. What cannot be printed as it is written stands
    in the report's warnings.
    """
    compiled = compile_template(template or standard_template())
    writer = PageWriter(compiled)
    pdf = PdfFile(out)
    static = pdf.reserve()
    for index, label in enumerate(labels):
        pdf.add_page(writer.page(label, index))
    if not pdf.pages:
        raise Refusal("labels.nothing_to_print")
    layer = writer.static(label)
    fonts = b"/Font<<%b>>" % put_fonts(pdf, (writer.regular, writer.bold), writer.drawn)
    box = b"0 0 %.3f %.3f" % (compiled.width * POINTS, compiled.height * POINTS)
    pdf.put(
        static,
        b"<</Type/XObject/Subtype/Form/BBox[%b]/Resources<<%b>>/Length %d>>\nstream\n%b\nendstream"
        % (box, fonts, len(layer), layer),
    )
    pdf.close(box, fonts + b"/XObject<</S %d 0 R>>" % static, b"<</Producer(miandan)>>")
    return RenderReport(pdf.pages, tuple(writer.warnings))


def write_pdf(labels: Iterable[LabelData], path: Path, template: Template | None = None) -> RenderReport:
    """`render_pdf` into `path`. Whatever fails, a file that stood there before is still whole.

    Raises Refusal `labels.disk_full` or `labels.not_writable` besides those of `render_pdf`.
    """
    try:
        if path.exists() and not path.is_file():  # a device or a pipe has nothing to keep
            with path.open("wb") as out:
                return render_pdf(labels, out, template)
        return _write_beside(labels, path.resolve(), template)
    except OSError as failed:
        if failed.errno in _FULL:
            raise Refusal("labels.disk_full", file=path.name) from failed
        raise Refusal("labels.not_writable", file=path.name, reason=failed.strerror) from failed


def _write_beside(labels: Iterable[LabelData], path: Path, template: Template | None) -> RenderReport:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            report = render_pdf(labels, out, template)
            out.flush()
            os.fsync(out.fileno())  # some file systems tell only now that they are full
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return report
