"""Labels in, the printer's dots out: one 1-bit picture per sheet, from the list of slots that drives every output.

`rasterise` is for whoever prints, `render_png` for a preview that shows exactly the dots that will be burnt.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np

from miandan.labels.bindings import Condition
from miandan.labels.choosing import Choice, Compiler
from miandan.labels.compiled import BarcodeSlot, CompiledTemplate, FillSlot, ImageSlot, Layer, Slot, TextSlot
from miandan.labels.model import LabelData, LabelWarning, Purpose, WarningKind
from miandan.labels.pictures import Bits, write_png
from miandan.labels.raster.barcode import BarcodeDrawer
from miandan.labels.raster.page import Dots, Page, Patch, sheet_dots
from miandan.labels.raster.shapes import fill, image
from miandan.labels.raster.text import TextBlock
from miandan.labels.setting import Note
from miandan.labels.symbols import Encoder

DPI = 203
"""Dots per inch of the printers that labels are made for: 8 to the millimetre."""

_MOST_KEPT = 32  # rasterisers; a carrier needs one for each of its papers


@dataclass(frozen=True, slots=True)
class RasterSheet:
    """One sheet as dots, the data it shows and by which template, and what a clerk should look at."""

    bits: Bits
    label: LabelData
    compiled: CompiledTemplate
    warnings: tuple[LabelWarning, ...]


def rasterise(
    labels: Iterable[LabelData],
    template: Choice = None,
    *,
    dpi: int = DPI,
    purpose: Purpose = Purpose.LABEL,
) -> Iterator[RasterSheet]:
    """The sheets of the labels, each drawn when it is asked for and then forgotten.

    `template` is one for all labels, a function that chooses one for each, or None for each carrier's standard one.
    Raises the Refusals of `checking.checked` for a wrong template.
    """
    compiler = Compiler(template, purpose)
    drawers: dict[int, Rasteriser] = {}  # each holds its template, so the id stays its own
    begun: set[int] = set()
    told: list[tuple[WarningKind, str]] = []
    page = 0

    def note(kind: WarningKind, detail: str) -> None:
        told.append((kind, detail))

    for label in labels:
        compiled = compiler.of(label)
        drawer = drawers.get(id(compiled)) or drawers.setdefault(id(compiled), rasteriser(compiled, dpi))
        for sheet in compiled.sheets(label):
            layer = drawer.layer(sheet)
            if id(layer) not in begun:  # what is wrong with the template's own texts is told once
                begun.add(id(layer))
                told += layer.static_warnings
            bits = layer.sheet(sheet, note)
            warnings = tuple([LabelWarning(page, sheet.number, kind, detail) for kind, detail in told])
            told.clear()
            yield RasterSheet(bits, sheet, compiled, warnings)
            page += 1


def render_png(
    labels: Iterable[LabelData],
    template: Choice = None,
    *,
    dpi: int = DPI,
    purpose: Purpose = Purpose.LABEL,
) -> Iterator[bytes]:
    """Each sheet as a PNG file, a pixel for each dot that `rasterise` burns."""
    for sheet in rasterise(labels, template, dpi=dpi, purpose=purpose):
        yield write_png(sheet.bits)


class Rasteriser:
    """Draws the sheets of one template for printers of one resolution. It keeps nothing of the labels it has drawn,
    and threads may share it."""

    def __init__(self, compiled: CompiledTemplate, dpi: int) -> None:
        self.compiled = compiled
        self._dpi = dpi
        self._first: LayerDrawer | None = None
        self._further: LayerDrawer | None = None

    def sheet(self, label: LabelData, note: Note) -> Bits:
        """One sheet; `note` hears what differs from the label's data."""
        return self.layer(label).sheet(label, note)

    def layer(self, label: LabelData) -> "LayerDrawer":
        """What draws the sheet: either kind of sheet has its own."""
        if label.sheet == 1:
            self._first = self._first or LayerDrawer(self.compiled, self.compiled.first, self._dpi, label)
            return self._first
        self._further = self._further or LayerDrawer(self.compiled, self.compiled.further, self._dpi, label)
        return self._further


class LayerDrawer:
    """Draws sheets of one kind: what never changes is drawn once, and copied."""

    def __init__(self, compiled: CompiledTemplate, layer: Layer, dpi: int, any_label: LabelData) -> None:
        self._dpi = dpi
        self._width, self._height = sheet_dots(compiled.width, dpi), sheet_dots(compiled.height, dpi)
        self.static_warnings: list[tuple[WarningKind, str]] = []
        """What differs in the template's own texts, which are on every sheet."""
        page = Page(self._width, self._height)
        self._compile(layer.static, np.ones_like(page.dots))
        self._draw(any_label, lambda kind, detail: self.static_warnings.append((kind, detail)), page)
        taken = np.minimum(page.dots, 1)
        self._static = page.bits().data
        self._compile(layer.slots, taken)

    def sheet(self, label: LabelData, note: Note) -> Bits:
        """One sheet of the label."""
        page = Page(self._width, self._height, self._static)
        self._draw(label, note, page)
        return page.bits()

    def _compile(self, slots: tuple[Slot, ...], taken: Dots) -> None:
        """`taken` are the bytes of a page that are not sure to be white."""
        self._patches: list[tuple[Condition | None, Callable[[Page], None]]] = []
        for slot in slots:
            if patch := self._patch(slot):
                place = taken[patch.place]
                self._patches.append((slot.shown, patch.lay if place.any() else patch.copy))
                place[:] = 1
        self._barcodes = [
            (slot.shown, BarcodeDrawer(slot, self._dpi, taken)) for slot in slots if isinstance(slot, BarcodeSlot)
        ]
        self._texts = TextBlock([slot for slot in slots if isinstance(slot, TextSlot)], self._dpi, taken)

    def _patch(self, slot: Slot) -> Patch | None:
        match slot:
            case FillSlot():
                return fill(slot, self._dpi, self._width, self._height)
            case ImageSlot():
                return image(slot, self._dpi)
            case _:
                return None

    def _draw(self, label: LabelData, note: Note, page: Page) -> None:
        """Text stands over the shapes, as in the PDF."""
        for shown, lay in self._patches:
            if shown is None or shown(label):
                lay(page)
        encoder = Encoder()
        for shown, barcode in self._barcodes:
            if shown is None or shown(label):
                barcode.draw(label, note, page, encoder)
        self._texts.draw(label, note, page)


_kept: OrderedDict[tuple[int, int], Rasteriser] = OrderedDict()
_keeping = Lock()


def rasteriser(compiled: CompiledTemplate, dpi: int = DPI) -> Rasteriser:
    """The rasteriser of a compiled template; those used last are kept, so that a label comes warm."""
    key = id(compiled), dpi  # the kept one holds its template, so the id stays its own
    with _keeping:
        found = _kept.get(key)
        if found is None:
            found = _kept[key] = Rasteriser(compiled, dpi)
            if len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
        else:
            _kept.move_to_end(key)
        return found
