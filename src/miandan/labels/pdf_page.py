"""Turns the slots of a compiled template into the content of PDF pages.

Everything that does not depend on the label is worked out beforehand; a page is then the joined answers of its slots.
"""

from collections.abc import Callable

from miandan.labels import fonts
from miandan.labels.compiled import BarcodeSlot, CompiledTemplate, FillSlot, Slot, TextSlot
from miandan.labels.model import LabelData, LabelWarning, WarningKind
from miandan.labels.pdf_barcode import BarcodeDrawer, BarsOfLabel
from miandan.labels.pdf_fonts import DrawnFonts, OwnFont
from miandan.labels.pdf_text import TextDrawer
from miandan.labels.pdf_units import POINTS, Draw

_GATHER = 64  # pages whose texts are kept before their characters are noted


class PageWriter:
    """Writes the content of pages of one template and remembers which characters their fonts need."""

    def __init__(self, template: CompiledTemplate) -> None:
        self._template = template
        self.regular = OwnFont(fonts.REGULAR, "F0")
        self.bold = OwnFont(fonts.BOLD, "F1")
        self.drawn = DrawnFonts()
        self.warnings: list[LabelWarning] = []
        self._bars = BarsOfLabel()
        self._static = self._drawers(template.static)
        self._slots = self._drawers(template.slots)
        self._page = 0
        self._number = ""

    def static(self, any_label: LabelData) -> bytes:
        """The layer that is the same on every page, so any label will do."""
        return self._drawn(self._static, any_label).encode()

    def page(self, label: LabelData, index: int) -> bytes:
        """The content of one page over the static layer."""
        self._page, self._number = index, label.number
        if index % _GATHER == 0:
            self.regular.gather()
            self.bold.gather()
        return f"/S Do\n{self._drawn(self._slots, label)}".encode("ascii")

    def _note(self, kind: WarningKind, detail: str) -> None:
        self.warnings.append(LabelWarning(self._page, self._number, kind, detail))

    def _drawn(self, drawers: tuple[list[Draw], list[Draw]], label: LabelData) -> str:
        note = self._note
        shapes = "".join([draw(label, note) for draw in drawers[0]])
        texts = "".join([draw(label, note) for draw in drawers[1]])
        return f"{shapes}BT\n{texts}ET\n"

    def _drawers(self, slots: tuple[Slot, ...]) -> tuple[list[Draw], list[Draw]]:
        """Those of shapes and those of texts: text stands in one block, over the shapes."""
        shapes = [self._drawer(slot) for slot in slots if not isinstance(slot, TextSlot)]
        return shapes, [self._drawer(slot) for slot in slots if isinstance(slot, TextSlot)]

    def _drawer(self, slot: Slot) -> Draw:
        draw: Draw
        match slot:
            case FillSlot():
                draw = _fill(slot, self._template.height)
            case BarcodeSlot():
                draw = BarcodeDrawer(slot, self._bars, self._template.height).draw
            case TextSlot():
                font = self.bold if slot.bold else self.regular
                draw = TextDrawer(slot, font, self.drawn, self._template.height).draw
        return draw if slot.shown is None else _when(slot.shown, draw)


def _when(shown: Callable[[LabelData], bool], draw: Draw) -> Draw:
    return lambda label, note: draw(label, note) if shown(label) else ""


def _fill(slot: FillSlot, height: int) -> Draw:
    rectangles = (
        f"{box.x * POINTS:.3f} {(height - box.y - box.h) * POINTS:.3f} {box.w * POINTS:.3f} {box.h * POINTS:.3f} re\n"
        for box in slot.boxes
    )
    drawn = "".join(rectangles) + "f\n"
    return lambda label, note: drawn
