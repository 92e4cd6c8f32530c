"""Labels in, a file of any format out: one verb for whoever has data, a template and a place to write.

Sheets are written as they are made, so that 100,000 of them take no more memory than ten.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from miandan.kernel.errors import Refusal
from miandan.labels import symbols
from miandan.labels.choosing import Choice
from miandan.labels.model import LabelData, LabelWarning, Purpose, RenderReport, WarningKind
from miandan.labels.pdf import render_pdf
from miandan.labels.pictures import write_png
from miandan.labels.printers import zpl_native
from miandan.labels.printers.documents import document
from miandan.labels.printers.profile import Language, Profile
from miandan.labels.raster import RasterSheet, rasterise
from miandan.labels.svg import render_svg
from miandan.labels.whole_file import written_whole

DEFAULT_DPI = 203


class Format(StrEnum):
    """What can be made of a label."""

    PDF = "pdf"
    PNG = "png"
    SVG = "svg"
    RASTER = "raster"  # PBM: the dots, a picture after the other
    ZPL = "zpl"
    TSPL = "tspl"
    CPCL = "cpcl"
    ESCPOS = "escpos"

    @property
    def language(self) -> Language | None:
        """The printer language, where it is one."""
        return next((language for language in Language if language == self.value), None)

    @property
    def is_picture(self) -> bool:
        """Whether a file of it holds one sheet only."""
        return self in (Format.PNG, Format.SVG)


@dataclass(frozen=True, slots=True)
class Job:
    """How labels are made. `dpi` is that of the profile where there is one."""

    to: Format
    choice: Choice = None
    dpi: int = DEFAULT_DPI
    profile: Profile | None = None
    purpose: Purpose = Purpose.LABEL


def render(labels: Iterable[LabelData], job: Job, out: Path | BinaryIO) -> RenderReport:
    """Write the labels to a file that appears complete or not at all, or into a stream.

    Pictures of several sheets go into files numbered beside `out`: preview.png, preview-0002.png, ... Raises Refusal
    labels.nothing_to_print, labels.stream_needs_one for several pictures into one stream, those of a wrong template, of
    a sheet that the printer cannot hold, and of writing a file.
    """
    if job.to.is_picture:
        return _pictures(labels, job, out)
    with _opened(out) as file:
        if job.to is Format.PDF:
            return render_pdf(labels, file, job.choice, dpi=job.dpi, purpose=job.purpose)
        tally = _Tally()
        for sheet in _documents(labels, job, tally):
            file.write(sheet)
        return tally.report()


def _opened(out: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    return written_whole(out) if isinstance(out, Path) else nullcontext(out)


class _Tally:
    """Counts sheets and keeps what is to be told of them."""

    def __init__(self) -> None:
        self.pages = 0
        self.warnings: list[LabelWarning] = []

    def add(self, warnings: Iterable[LabelWarning]) -> None:
        self.pages += 1
        self.warnings.extend(warnings)

    def report(self) -> RenderReport:
        """Raises labels.nothing_to_print."""
        if not self.pages:
            raise Refusal("labels.nothing_to_print")
        return RenderReport(self.pages, tuple(self.warnings))


def _documents(labels: Iterable[LabelData], job: Job, tally: _Tally) -> Iterator[bytes]:
    """Each sheet in the printer's language, or as PBM."""
    if job.profile is not None and job.profile.has_fonts:
        for native in zpl_native.documents(labels, job.profile, job.choice, purpose=job.purpose):
            off = LabelWarning(tally.pages, native.label.number, WarningKind.OFF_THE_PAPER, job.profile.name)
            tally.add((*native.warnings, *([off] if native.lost else [])))
            yield native.data
        return
    for sheet in rasterise(labels, job.choice, dpi=job.dpi, purpose=job.purpose):
        if job.profile is None:
            tally.add(sheet.warnings)
            yield b"P4\n%d %d\n%b" % (sheet.bits.width, sheet.bits.height, sheet.bits.data)
            continue
        made = document(sheet.bits, job.profile)
        tally.add((*sheet.warnings, *_of_printer(sheet, job.profile, made.lost, tally.pages)))
        yield made.data


def _of_printer(sheet: RasterSheet, profile: Profile, lost: int, page: int) -> Iterator[LabelWarning]:
    """What is to be told of a sheet on this printer, beyond what is to be told of it anywhere."""
    number = sheet.label.number
    if lost:
        yield LabelWarning(page, number, WarningKind.OFF_THE_PAPER, profile.name)
    if profile.finest_module > 1:
        layer = sheet.compiled.layer(sheet.label)
        for name, module in symbols.placed_modules(layer, sheet.label, profile.dpi):
            if module < profile.finest_module:
                yield LabelWarning(page, number, WarningKind.BARCODE_TOO_FINE, name)


def _pictures(labels: Iterable[LabelData], job: Job, out: Path | BinaryIO) -> RenderReport:
    tally, waiting = _Tally(), b""
    for picture, warnings in _drawn(labels, job):
        tally.add(warnings)
        if isinstance(out, Path):
            with written_whole(_numbered(out, tally.pages)) as file:
                file.write(picture)
        elif waiting:
            raise Refusal("labels.stream_needs_one", format=job.to.value)
        waiting = picture
    if not isinstance(out, Path):
        out.write(waiting)
    return tally.report()


def _drawn(labels: Iterable[LabelData], job: Job) -> Iterator[tuple[bytes, tuple[LabelWarning, ...]]]:
    if job.to is Format.SVG:
        yield from render_svg(labels, job.choice, dpi=job.dpi, purpose=job.purpose)
        return
    for sheet in rasterise(labels, job.choice, dpi=job.dpi, purpose=job.purpose):
        yield write_png(sheet.bits), sheet.warnings


def _numbered(path: Path, sheet: int) -> Path:
    return path if sheet == 1 else path.with_name(f"{path.stem}-{sheet:04d}{path.suffix}")
