"""Turns the slots of a compiled template into the content of PDF pages, many pages at a time.

What does not depend on the label is worked out beforehand; each slot then answers for all labels at once, and a page is
the joined answers of its slots.
"""

from collections.abc import Iterable, Sequence
from copy import copy

from miandan.labels import fonts
from miandan.labels.compiled import BarcodeSlot, CompiledTemplate, FillSlot, ImageSlot, Layer, Slot, TextSlot
from miandan.labels.model import LabelData
from miandan.labels.pdf.barcode import BarcodeDrawer, Symbols
from miandan.labels.pdf.fonts import DrawnFonts, OwnFont
from miandan.labels.pdf.text import TextDrawer
from miandan.labels.pdf.units import POINTS, NoteFor, of_rows

# Pages whose texts are kept before their characters are noted. Fewer take longer, as by then the processor's cache has
# forgotten the characters known; those of so many take two megabytes.
_GATHER = 1_024
_PLANS = 256  # kept; labels of one shop differ in a few ways, and what is worked out anew costs as much as ten pages


class Ink:
    """What the pages of one file share: fonts, the characters they need, barcodes, and the dots of the printer."""

    def __init__(self, dpi: int) -> None:
        self.dpi = dpi
        self.regular = OwnFont(fonts.REGULAR, "F0")
        self.bold = OwnFont(fonts.BOLD, "F1")
        self.drawn = DrawnFonts()
        self.symbols = Symbols()
        self._turned = 0

    def at(self, dpi: int) -> "Ink":
        """The same ink for labels whose bars lie on other dots."""
        other = copy(self)
        other.dpi = dpi
        return other

    def turned(self, pages: int) -> None:
        """So many more pages have been drawn."""
        self._turned += pages
        if self._turned >= _GATHER:
            self._turned = 0
            self.regular.gather()
            self.bold.gather()


class _Plan:
    """What is drawn on sheets that show the same slots: what is the same on all of them, barcodes, texts.

    Everything but text is black, so it does not matter in which order it is drawn; text lies over it.
    """

    def __init__(self, fixed: str, barcodes: Sequence[BarcodeDrawer], texts: Sequence[TextDrawer]) -> None:
        self._fixed = fixed
        self._barcodes = barcodes
        self._texts = texts

    def pages(self, labels: Sequence[LabelData], note: NoteFor) -> list[bytes]:
        """The contents of the labels' pages."""
        barcodes = [barcode.column(labels, note) for barcode in self._barcodes]
        texts = [text.column(labels, note) for text in self._texts]
        fixed, begin, end = ([constant] * len(labels) for constant in (self._fixed, "BT\n", "ET\n"))
        rows = zip(fixed, *barcodes, begin, *texts, end, strict=True)
        return ["".join(row).encode("latin-1") for row in rows]


class LayerWriter:
    """Writes the pages of one layer of one template; `resource` is what its static part is called in the file.

    Most slots of a standard template have conditions, and few of those hold: which slots are shown is worked out once
    for every combination of answers that occurs.
    """

    def __init__(self, template: CompiledTemplate, layer: Layer, ink: Ink, resource: str) -> None:
        self._height = template.height
        self._layer = layer
        self._ink = ink
        self.resource = resource
        self.box = b"0 0 %.3f %.3f" % (template.width * POINTS, template.height * POINTS)
        """The paper as a PDF rectangle."""
        self._conditions = list(dict.fromkeys([slot.shown for slot in layer.slots if slot.shown is not None]))
        self._plans: dict[tuple[bool, ...], _Plan] = {}
        # By the ids of their slots, which the layer keeps.
        self._texts: dict[int, TextDrawer] = {}
        self._barcodes: dict[int, BarcodeDrawer] = {}

    def static(self, any_label: LabelData, note: NoteFor) -> bytes:
        """The layer that is the same on every page, so any label will do."""
        return self._sorted("", self._layer.static).pages([any_label], note)[0]

    def pages(self, labels: Sequence[LabelData], note: NoteFor) -> list[bytes]:
        """The contents of the labels' pages, over the static layer."""
        answers = list(zip(*[[holds(label) for label in labels] for holds in self._conditions], strict=True))
        alike: dict[tuple[bool, ...], list[int]] = {}
        for row, answer in enumerate(answers or [()] * len(labels)):
            alike.setdefault(answer, []).append(row)
        pages = [b""] * len(labels)
        for answer, rows in alike.items():
            plan = self._plans.get(answer) or self._new_plan(answer)
            drawn = plan.pages([labels[row] for row in rows], of_rows(rows, note))
            for row, page in zip(rows, drawn, strict=True):
                pages[row] = page
        return pages

    def _new_plan(self, answers: tuple[bool, ...]) -> _Plan:
        hidden = {condition for condition, holds in zip(self._conditions, answers, strict=True) if not holds}
        if len(self._plans) == _PLANS:
            self._plans.clear()
        shown = [slot for slot in self._layer.slots if slot.shown not in hidden]
        plan = self._plans[answers] = self._sorted(f"/{self.resource} Do\n", shown)
        return plan

    def _sorted(self, fixed: str, slots: Iterable[Slot]) -> _Plan:
        texts, barcodes = [], []
        for slot in slots:
            match slot:
                case FillSlot():
                    fixed += _fill(slot, self._height)
                case ImageSlot():
                    fixed += _image(slot, self._height)
                case TextSlot():
                    texts.append(self._texts.get(id(slot)) or self._new_text(slot))
                case BarcodeSlot():
                    barcodes.append(self._barcodes.get(id(slot)) or self._new_barcode(slot))
        return _Plan(fixed, barcodes, texts)

    def _new_text(self, slot: TextSlot) -> TextDrawer:
        font = self._ink.bold if slot.bold else self._ink.regular
        new = self._texts[id(slot)] = TextDrawer(slot, font, self._ink.drawn, self._height)
        return new

    def _new_barcode(self, slot: BarcodeSlot) -> BarcodeDrawer:
        new = BarcodeDrawer(slot, self._ink.symbols, self._height * POINTS, self._ink.dpi)
        self._barcodes[id(slot)] = new
        return new


def _fill(slot: FillSlot, height: int) -> str:
    rectangles = (
        f"{box.x * POINTS:.3f} {(height - box.y - box.h) * POINTS:.3f} {box.w * POINTS:.3f} {box.h * POINTS:.3f} re\n"
        for box in slot.boxes
    )
    return "".join(rectangles) + "f\n"


def _image(slot: ImageSlot, height: int) -> str:
    box, picture = slot.box, slot.picture
    scale = min(box.w / picture.width, box.h / picture.height) * POINTS
    width, tall = picture.width * scale, picture.height * scale
    x = box.x * POINTS + (box.w * POINTS - width) / 2
    y = (height - box.y - box.h) * POINTS + (box.h * POINTS - tall) / 2
    return (
        f"q {width:.4f} 0 0 {tall:.4f} {x:.4f} {y:.4f} cm\n"
        f"BI /IM true/W {picture.width}/H {picture.height}/BPC 1/D[1 0]/F/AHx\nID {picture.data.hex()}>\nEI\nQ\n"
    )
