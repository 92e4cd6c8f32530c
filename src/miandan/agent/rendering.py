"""From what was sealed to what a printer takes: label data and its template become one document, in memory only."""

from collections import OrderedDict
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock
from typing import Any, Final

import msgspec
from msgspec import Struct

from miandan.kernel.errors import Refusal
from miandan.labels.checking import read_template
from miandan.labels.model import LabelData, LabelWarning, Purpose
from miandan.labels.pictures import write_png
from miandan.labels.printers.paper import moved
from miandan.labels.printers.profile import Profile
from miandan.labels.raster import rasterise
from miandan.labels.records import BadRecord, label_of
from miandan.labels.rendering import DEFAULT_DPI, Format, Job, render
from miandan.labels.standards import standard, standard_for
from miandan.labels.template import Template

_MOST_TEMPLATES: Final = 64
"""Of a merchant's own that are kept read."""


class _Plain(Struct, frozen=True):
    """What is sealed: a label as `records.py` reads it, and `template`: a standard one by name and version, a whole one
    as JSON, or "" for the carrier's usual one."""

    label: dict[str, Any]
    template: msgspec.Raw = msgspec.Raw(b'""')


@dataclass(frozen=True, slots=True)
class Content:
    """What one sheet shows. Its repr says nothing of it."""

    label: LabelData = field(repr=False)
    template: Template | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """What a printer's documents are drawn for. A printer language needs a profile; sizes are micrometres of paper, 0
    where nothing is known."""

    to: Format
    profile: Profile | None = None
    dpi: int = DEFAULT_DPI
    width_um: int = 0
    height_um: int = 0

    @property
    def profile_name(self) -> str:
        return "" if self.profile is None else self.profile.name


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sheet as its printer takes it, in documents that are sent one after the other; `warnings` name fields, never
    what stands in them."""

    documents: tuple[bytes, ...] = field(repr=False)
    warnings: tuple[LabelWarning, ...] = ()


class Templates:
    """Templates that came with sheets, each read once. Threads may share it."""

    def __init__(self) -> None:
        self._read: OrderedDict[bytes, Template] = OrderedDict()
        self._lock = Lock()

    def find(self, written: bytes) -> Template | None:
        """The template of a sheet; None for the carrier's usual one. Raises labels.template_unknown,
        labels.template_wrong."""
        if written in (b'""', b"null"):
            return None
        with self._lock:
            found = self._read.get(written)
            if found is None:
                found = self._read[written] = _template(written)
                if len(self._read) > _MOST_TEMPLATES:
                    self._read.popitem(last=False)
            else:
                self._read.move_to_end(written)
            return found


def _template(written: bytes) -> Template:
    if not written.startswith(b'"'):
        return read_template(written, standard, Purpose.PRINT_FULL)
    wanted: str = msgspec.json.decode(written)
    name, _, version = wanted.partition("@")
    found = standard(name)
    if found is None or version not in ("", str(found.version)):
        raise Refusal("labels.template_unknown", name=wanted[:80], near=name[:80] if found is not None else "-")
    return found


def read_content(plain: bytes, number: str, copy: int, templates: Templates) -> Content:
    """What was sealed for this number and copy. Raises labels.sealed_sheet_damaged for anything else, and the Refusals
    of its template."""
    try:
        read = msgspec.json.decode(plain, type=_Plain)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refusal("labels.sealed_sheet_damaged") from None
    label = label_of(read.label, purpose=Purpose.PRINT_FULL)  # masked already, as its account wants it
    if isinstance(label, BadRecord) or (label.number, label.copy) != (number, copy):
        raise Refusal("labels.sealed_sheet_damaged")
    return Content(label, templates.find(bytes(read.template)))


def drawn(content: Content, target: Target) -> Drawn:
    """Everything that a sheet needs; a label whose goods continue has several pages, as pictures one document each.
    Raises the Refusals of `labels.rendering.render`."""
    template = content.template or standard_for(content.label.carrier)
    job = Job(target.to, template, target.dpi, target.profile, Purpose.PRINT_FULL)
    if target.to.is_picture:
        return _pictures(content.label, template, job)
    out = BytesIO()
    report = render([content.label], job, out)
    return Drawn((out.getvalue(),), report.warnings)


def _pictures(label: LabelData, template: Template, job: Job) -> Drawn:
    """A picture for each sheet, with the dots that the printer burns."""
    documents, warnings = list[bytes](), list[LabelWarning]()
    for sheet in rasterise([label], template, dpi=job.resolution, purpose=job.purpose):
        bits = sheet.bits if job.profile is None else moved(sheet.bits, *job.profile.offset).bits
        documents.append(write_png(bits))
        warnings += sheet.warnings
    return Drawn(tuple(documents), tuple(warnings))
