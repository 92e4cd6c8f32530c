"""Labels in, a file of any format out: one verb for whoever has data, a template and a place to write.

Sheets are written as they are made, so that 100,000 of them take no more memory than ten. What draws dots is imported
where it is needed: it loads numpy, and most labels become a PDF.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from miandan.kernel.errors import Refusal
from miandan.labels import symbols
from miandan.labels.choosing import Choice
from miandan.labels.model import LabelData, LabelWarning, Purpose, RenderReport, WarningKind
from miandan.labels.pdf import render_pdf
from miandan.labels.pictures import Bits, write_png
from miandan.labels.printers.documents import document
from miandan.labels.printers.paper import moved, refuse_too_large
from miandan.labels.printers.profile import Language, Profile
from miandan.labels.svg import render_svg
from miandan.labels.whole_file import is_device, remove_leftovers, written_in_series, written_whole

if TYPE_CHECKING:
    from miandan.labels.raster import RasterSheet

DEFAULT_DPI = 203
_NUMBERED = r"-\d{4,}"
"""What follows the stem of a picture's name where there are several."""


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
    """How labels are made. With a profile its dpi counts, and pictures show the dots that its printer burns."""

    to: Format
    choice: Choice = None
    dpi: int = DEFAULT_DPI
    profile: Profile | None = None  # a printer language needs one
    purpose: Purpose = Purpose.LABEL

    @property
    def resolution(self) -> int:
        """Dots per inch of what is made."""
        return self.dpi if self.profile is None else self.profile.dpi


def render(labels: Iterable[LabelData], job: Job, out: Path | BinaryIO) -> RenderReport:
    """Write the labels to a file that appears complete or not at all, or into a stream.

    Pictures of several sheets go into files numbered beside `out`: preview.png, preview-0002.png, ... Raises Refusal
    labels.nothing_to_print, labels.stream_needs_one for several pictures into one stream or device, those of a wrong
    template, of a sheet that the printer cannot hold, and of writing a file.
    """
    if job.to.is_picture:
        return _pictures(labels, job, out)
    with _opened(out) as file:
        if job.to is Format.PDF:
            return render_pdf(labels, file, job.choice, dpi=job.resolution, purpose=job.purpose)
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
    if job.to.language is None:
        for bits, warnings in _dots(labels, job):
            tally.add(warnings)
            yield b"P4\n%d %d\n%b" % (bits.width, bits.height, bits.data)
        return
    if job.profile is not None and job.profile.has_fonts:
        from miandan.labels.printers import zpl_native

        for native in zpl_native.documents(labels, job.profile, job.choice, purpose=job.purpose):
            off = LabelWarning(tally.pages, native.label.number, WarningKind.OFF_THE_PAPER, job.profile.name)
            tally.add((*native.warnings, *([off] if native.lost else [])))
            yield native.data
        return
    for sheet in _rasterised(labels, job):
        if job.profile is None:
            raise ValueError(f"{job.to} needs a printer's profile")
        made = document(sheet.bits, job.profile)
        tally.add((*sheet.warnings, *_of_printer(sheet, job.profile, made.lost, tally.pages)))
        yield made.data


def _dots(labels: Iterable[LabelData], job: Job) -> Iterator[tuple[Bits, tuple[LabelWarning, ...]]]:
    """Each sheet as a picture: with a profile the dots that its printer burns, moved by what it is out by."""
    for page, sheet in enumerate(_rasterised(labels, job)):
        if job.profile is None:
            yield sheet.bits, sheet.warnings
            continue
        refuse_too_large(sheet.bits.width, sheet.bits.height, job.profile)
        on_paper = moved(sheet.bits, *job.profile.offset)
        yield on_paper.bits, (*sheet.warnings, *_of_printer(sheet, job.profile, on_paper.lost, page))


def _rasterised(labels: Iterable[LabelData], job: Job) -> Iterator["RasterSheet"]:
    from miandan.labels.raster import rasterise

    return rasterise(labels, job.choice, dpi=job.resolution, purpose=job.purpose)


def _of_printer(sheet: "RasterSheet", profile: Profile, lost: int, page: int) -> Iterator[LabelWarning]:
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
    """A file for each sheet; a stream, or a device that is named like a file, takes one sheet."""
    if not isinstance(out, Path) or (is_device(out) and not out.is_dir()):
        return _one_picture(labels, job, out)
    tally = _Tally()
    for picture, warnings in _drawn(labels, job):
        tally.add(warnings)
        if tally.pages == 1:
            remove_leftovers(out.resolve(), _NUMBERED)
        with written_in_series(_numbered(out, tally.pages)) as file:
            file.write(picture)
    return tally.report()


def _one_picture(labels: Iterable[LabelData], job: Job, out: Path | BinaryIO) -> RenderReport:
    tally = _Tally()
    pictures: list[bytes] = []
    for picture, warnings in _drawn(labels, job):
        if pictures:
            raise Refusal("labels.stream_needs_one", format=job.to.value)
        tally.add(warnings)
        pictures.append(picture)
    report = tally.report()
    with _opened(out) as file:
        file.writelines(pictures)
    return report


def _drawn(labels: Iterable[LabelData], job: Job) -> Iterator[tuple[bytes, tuple[LabelWarning, ...]]]:
    if job.to is Format.SVG:
        yield from render_svg(labels, job.choice, dpi=job.resolution, purpose=job.purpose)
        return
    for bits, warnings in _dots(labels, job):
        yield write_png(bits), warnings


def _numbered(path: Path, sheet: int) -> Path:
    return path if sheet == 1 else path.with_name(f"{path.stem}-{sheet:04d}{path.suffix}")
