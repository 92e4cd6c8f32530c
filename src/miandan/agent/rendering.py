"""From what was sealed to what a printer takes: label data and its template become one document, in memory only."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock
from typing import Any, Final

import msgspec
from msgspec import Struct

from miandan.agent.printers.model import Loaded, MediaType
from miandan.kernel.errors import Refusal
from miandan.labels.checking import read_template
from miandan.labels.model import LabelData, LabelWarning, Purpose
from miandan.labels.pdf.imposing import Office, impose
from miandan.labels.pictures import Bits, write_png
from miandan.labels.printers.paper import moved
from miandan.labels.printers.profile import Profile
from miandan.labels.records import BadRecord, label_of
from miandan.labels.rendering import Format, Job, render
from miandan.labels.standards import standard, standard_for
from miandan.labels.template import Template

_MOST_TEMPLATES: Final = 64
"""Of a merchant's own that are kept read."""

_FULL: Final = Purpose.PRINT_FULL  # masked already, as its account wants it


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
class Drawn:
    """A sheet as its printer takes it; `warnings` name fields, never what stands in them."""

    document: bytes = field(repr=False)
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
        return read_template(written, standard, _FULL)
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
    label = label_of(read.label, purpose=_FULL)
    if isinstance(label, BadRecord) or (label.number, label.copy) != (number, copy):
        raise Refusal("labels.sealed_sheet_damaged")
    return Content(label, templates.find(bytes(read.template)))


def drawn(content: Content, takes: MediaType, profile: Profile) -> Drawn:
    """One document of everything that a sheet needs; a label whose goods continue has several pages, as a picture one
    below the other. Raises what rendering raises."""
    template = content.template or standard_for(content.label.carrier)
    if takes is MediaType.PNG:
        return _picture(content.label, template, profile)
    out = BytesIO()
    job = Job(format_of(takes, profile), template, profile.dpi, profile, _FULL)
    report = render([content.label], job, out)
    return Drawn(out.getvalue(), report.warnings)


def imposed(contents: Sequence[Content], loaded: Loaded) -> bytes:
    """One PDF of labels that share sheets of office paper. Raises what `impose` raises."""
    out = BytesIO()
    templates = {id(one.label): one.template or standard_for(one.label.carrier) for one in contents}
    labels = [one.label for one in contents]
    impose(labels, out, Office(loaded.office), loaded.per_sheet, lambda label: templates[id(label)], purpose=_FULL)
    return out.getvalue()


def format_of(takes: MediaType, profile: Profile) -> Format:
    """What is made for a printer that takes such documents."""
    match takes:
        case MediaType.RAW:
            return Format(profile.language.value)
        case MediaType.PDF:
            return Format.PDF
        case MediaType.PNG:
            return Format.PNG
        case MediaType.DOTS:
            return Format.RASTER


def _picture(label: LabelData, template: Template, profile: Profile) -> Drawn:
    """With the dots that the printer burns."""
    from miandan.labels.raster import rasterise  # draws with numpy, which not every printer needs

    sheets = list(rasterise([label], template, dpi=profile.dpi, purpose=_FULL))
    pages = [moved(sheet.bits, *profile.offset).bits for sheet in sheets]
    return Drawn(write_png(stacked(pages)), tuple(one for sheet in sheets for one in sheet.warnings))


def stacked(pages: Sequence[Bits]) -> Bits:
    """Pages of one width below each other."""
    return Bits(pages[0].width, sum(page.height for page in pages), b"".join(page.data for page in pages))
