"""Previews (预览): PDF or pictures of a task, masked, in memory for ten minutes under an address nobody guesses."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Final

from miandan.agent.components.model import PrinterCard
from miandan.agent.components.opening import Opened
from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData, Purpose
from miandan.labels.pdf import render_pdf
from miandan.labels.pictures import write_png
from miandan.labels.printers.paper import moved
from miandan.labels.records import masked
from miandan.labels.symbols import dots
from miandan.labels.template import Template

FOLDER: Final = "/preview/"
SECONDS: Final = 600
_MOST_BYTES: Final = 64_000_000  # of all previews together
_MOST_SHEETS: Final = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """One file, for the page that asked for it."""

    content: bytes = field(repr=False)
    kind: str
    origin: str
    until: float


class Previews:
    """The previews of one agent."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Preview] = OrderedDict()

    def find(self, path: str) -> Preview | None:
        found = self._kept.get(path)
        return found if found is not None and found.until > time.monotonic() else None

    def put(self, content: bytes, kind: str, origin: str) -> str:
        """The path that shows it from now on."""
        path = f"{FOLDER}{secrets.token_urlsafe(24)}.{kind}"
        self._kept[path] = Preview(content, kind, origin, time.monotonic() + SECONDS)
        while self._size() > _MOST_BYTES and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return path

    def _size(self) -> int:
        now = time.monotonic()
        for path in [path for path, one in self._kept.items() if one.until <= now]:
            del self._kept[path]
        return sum(len(one.content) for one in self._kept.values())


async def pdf_of(opened: Sequence[Opened], dpi: int) -> bytes:
    """One page for each sheet. Raises agent.component_too_many_documents, and the Refusals of templates."""
    return await asyncio.to_thread(_pdf, opened, dpi)


async def pictures_of(opened: Sequence[Opened], printer: PrinterCard | None) -> list[bytes]:
    """A PNG for each sheet, the very dots of the printer, moved by what it is set to. Raises like `pdf_of`."""
    return await asyncio.to_thread(_pictures, opened, printer)


def _pdf(opened: Sequence[Opened], dpi: int) -> bytes:
    labels, chosen = _chosen(opened)
    out = BytesIO()
    render_pdf(labels, out, lambda label: chosen[id(label)], dpi=dpi, purpose=Purpose.PRINT_FULL)
    return out.getvalue()


def _pictures(opened: Sequence[Opened], printer: PrinterCard | None) -> list[bytes]:
    from miandan.labels.raster import rasterise  # draws with numpy, which a preview as PDF does without

    labels, chosen = _chosen(opened)
    card = printer or PrinterCard("")
    right, down = (round(dots(um, card.dpi)) for um in (card.offset_x_um, card.offset_y_um))
    sheets = rasterise(labels, lambda label: chosen[id(label)], dpi=card.dpi, purpose=Purpose.PRINT_FULL)
    return [write_png(moved(sheet.bits, right, down).bits) for sheet in sheets]


def _chosen(opened: Sequence[Opened]) -> tuple[list[LabelData], dict[int, Template]]:
    """The labels as a screen may show them, and the template of each."""
    if len(opened) > _MOST_SHEETS:
        raise Refusal("agent.component_too_many_documents", limit=_MOST_SHEETS, asked=len(opened))
    labels = [masked(replace(one.label)) for one in opened]
    return labels, {id(label): one.template for label, one in zip(labels, opened, strict=True)}
