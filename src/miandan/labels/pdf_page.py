"""Turns the slots of a compiled template into the content of PDF pages.

Everything that does not depend on the label is worked out beforehand; a page is then the joined answers of its slots.
"""

from collections.abc import Iterable

from miandan.labels import fonts
from miandan.labels.bindings import Condition
from miandan.labels.compiled import BarcodeSlot, CompiledTemplate, FillSlot, ImageSlot, Layer, Slot, TextSlot
from miandan.labels.model import LabelData, LabelWarning, WarningKind
from miandan.labels.pdf_barcode import BarcodeDrawer
from miandan.labels.pdf_fonts import DrawnFonts, OwnFont
from miandan.labels.pdf_text import TextBlock, TextDrawer
from miandan.labels.pdf_units import POINTS, Draw
from miandan.labels.symbols import Encoder

# Pages whose texts are kept before their characters are noted: fewer take longer, as by the next time the processor's
# cache has forgotten the characters known; those of 256 take half a megabyte.
_GATHER = 256


class Ink:
    """What the pages of one file share: fonts, the characters they need, warnings, and the dots of the printer."""

    def __init__(self, dpi: int) -> None:
        self.dpi = dpi
        self.regular = OwnFont(fonts.REGULAR, "F0")
        self.bold = OwnFont(fonts.BOLD, "F1")
        self.drawn = DrawnFonts()
        self.encoder = Encoder()
        self.warnings: list[LabelWarning] = []
        self._page = 0
        self._number = ""

    def turn_to(self, page: int, number: str) -> None:
        """Warnings from now on are about this page."""
        self._page, self._number = page, number
        if page % _GATHER == 0:
            self.regular.gather()
            self.bold.gather()

    def note(self, kind: WarningKind, detail: str) -> None:
        self.warnings.append(LabelWarning(self._page, self._number, kind, detail))


class LayerWriter:
    """Writes the pages of one layer of one template; `resource` is what its static part is called in the file."""

    def __init__(self, template: CompiledTemplate, layer: Layer, ink: Ink, resource: str) -> None:
        self._height = template.height
        self._ink = ink
        self.resource = resource
        self.box = b"0 0 %.3f %.3f" % (template.width * POINTS, template.height * POINTS)
        """The paper as a PDF rectangle."""
        self._static = self._shapes(layer.static), self._texts(layer.static)
        self._slots = self._shapes(layer.slots), self._texts(layer.slots)

    def static(self, any_label: LabelData) -> bytes:
        """The layer that is the same on every page, so any label will do."""
        return self._drawn(*self._static, any_label)

    def page(self, label: LabelData) -> bytes:
        """The content of one page over the static layer. Texts stand in one block, over the shapes."""
        return b"/%b Do\n%b" % (self.resource.encode(), self._drawn(*self._slots, label))

    def _drawn(self, shapes: list[Draw], texts: TextBlock, label: LabelData) -> bytes:
        note = self._ink.note
        below = "".join([draw(label, note) for draw in shapes])
        return f"{below}{texts.draw(label, note)}".encode("ascii")

    def _texts(self, slots: Iterable[Slot]) -> TextBlock:
        ink = self._ink
        return TextBlock(
            [
                TextDrawer(slot, ink.bold if slot.bold else ink.regular, ink.drawn, self._height)
                for slot in slots
                if isinstance(slot, TextSlot)
            ]
        )

    def _shapes(self, slots: Iterable[Slot]) -> list[Draw]:
        return [self._shape(slot) for slot in slots if not isinstance(slot, TextSlot)]

    def _shape(self, slot: FillSlot | BarcodeSlot | ImageSlot) -> Draw:
        draw: Draw
        match slot:
            case FillSlot():
                draw = _fill(slot, self._height)
            case BarcodeSlot():
                draw = BarcodeDrawer(slot, self._ink.encoder, self._height * POINTS, self._ink.dpi).draw
            case ImageSlot():
                draw = _image(slot, self._height)
        return draw if slot.shown is None else _when(slot.shown, draw)


def _when(shown: Condition, draw: Draw) -> Draw:
    return lambda label, note: draw(label, note) if shown(label) else ""


def _fill(slot: FillSlot, height: int) -> Draw:
    rectangles = (
        f"{box.x * POINTS:.3f} {(height - box.y - box.h) * POINTS:.3f} {box.w * POINTS:.3f} {box.h * POINTS:.3f} re\n"
        for box in slot.boxes
    )
    drawn = "".join(rectangles) + "f\n"
    return lambda label, note: drawn


def _image(slot: ImageSlot, height: int) -> Draw:
    box, picture = slot.box, slot.picture
    scale = min(box.w / picture.width, box.h / picture.height) * POINTS
    width, tall = picture.width * scale, picture.height * scale
    x = box.x * POINTS + (box.w * POINTS - width) / 2
    y = (height - box.y - box.h) * POINTS + (box.h * POINTS - tall) / 2
    drawn = (
        f"q {width:.4f} 0 0 {tall:.4f} {x:.4f} {y:.4f} cm\n"
        f"BI /IM true/W {picture.width}/H {picture.height}/BPC 1/D[1 0]/F/AHx\nID {picture.data.hex()}>\nEI\nQ\n"
    )
    return lambda label, note: drawn
