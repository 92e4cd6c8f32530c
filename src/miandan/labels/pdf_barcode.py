"""Barcode slots on PDF pages: 1-bit masks on whole dots of a 203 dpi printer.

Filled rectangles would grow by every pixel they touch (reference/rendering.md, section 2). A linear symbol is a mask
one module high, stretched.
"""

from collections.abc import Callable

from miandan.labels import code128, qr
from miandan.labels.compiled import BarcodeSlot
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.pdf_units import DOT, DPI, POINTS, Note
from miandan.labels.template import Box

# A mask that ends exactly between two dots is drawn one dot longer by poppler, so it keeps this far away (in dots).
_SHY = 0.02
_QUIET_LINEAR = 10  # modules on each side, ISO/IEC 15417
_QUIET_SQUARE = 4  # modules on each side, ISO/IEC 18004


class BarsOfLabel:
    """The last linear symbol as width in modules and hexadecimal mask: a label shows the same one twice."""

    def __init__(self) -> None:
        self._text = ""
        self._shown = (0, "")

    def of(self, text: str) -> tuple[int, str]:
        """Raises ValueError when Code 128 cannot hold `text`."""
        if text != self._text:
            bars = code128.encode(text)
            digits = (bars.width + 7) // 8 * 2
            self._shown = bars.width, f"{bars.bits << (-bars.width % 8):0{digits}x}"
            self._text = text
        return self._shown


class BarcodeDrawer:
    """One barcode slot on PDF pages; the geometry of each symbol size is worked out once."""

    def __init__(self, slot: BarcodeSlot, bars: BarsOfLabel, height: int) -> None:
        self._bars = bars
        self._slot = slot
        self._height = height * POINTS
        self._dots = _whole_dots(slot.box)
        self._placed: dict[int, str | None] = {}

    def draw(self, label: LabelData, note: Note) -> str:
        text = self._slot.read(label)
        if not text:
            return ""
        drawn = self._square(text) if self._slot.symbology == "qr" else self._linear(text)
        if drawn is None:
            note(WarningKind.BARCODE_OMITTED, self._slot.name)
            return ""
        return drawn

    def _linear(self, text: str) -> str | None:
        try:
            width, modules = self._bars.of(text)
        except ValueError:
            return None
        placed = self._placement(width, self._bar_place)
        return None if placed is None else f"{placed}{modules}>\nEI\nQ\n"

    def _square(self, text: str) -> str | None:
        try:
            symbol = qr.encode(text)
        except ValueError:
            return None
        placed = self._placement(symbol.size, self._square_place)
        return None if placed is None else f"{placed}{symbol.bits:0{2 * symbol.stride * symbol.size}x}>\nEI\nQ\n"

    def _placement(self, modules: int, place: Callable[[int], str | None]) -> str | None:
        if modules not in self._placed:
            self._placed[modules] = place(modules)
        return self._placed[modules]

    def _bar_place(self, modules: int) -> str | None:
        x, y, width, height = self._dots
        along, across = (height, width) if self._slot.rotate else (width, height)
        module = min(self._slot.max_module, along // (modules + 2 * _QUIET_LINEAR))
        if module < 1:
            return None
        length = modules * module
        if self._slot.rotate:
            return self._mask((x, y + (along - length) // 2, across, length), modules, 1)
        return self._mask((x + (along - length) // 2, y, length, across), modules, 1)

    def _square_place(self, modules: int) -> str | None:
        x, y, width, height = self._dots
        module = min(self._slot.max_module, min(width, height) // (modules + 2 * _QUIET_SQUARE))
        if module < 1:
            return None
        side = modules * module
        return self._mask((x + (width - side) // 2, y + (height - side) // 2, side, side), modules, modules)

    def _mask(self, place: tuple[int, int, int, int], columns: int, rows: int) -> str:
        """Operators up to the hexadecimal modules of a mask at a place given in dots from the top left."""
        x, y = ((dots + _SHY) * DOT for dots in place[:2])
        width, height = ((dots - 2 * _SHY) * DOT for dots in place[2:])
        if self._slot.rotate:  # read from the top down
            matrix = f"0 {-height:.4f} {width:.4f} 0 {x:.4f} {self._height - y:.4f}"
        else:
            matrix = f"{width:.4f} 0 0 {height:.4f} {x:.4f} {self._height - y - height:.4f}"
        return f"q {matrix} cm\nBI /IM true/W {columns}/H {rows}/BPC 1/D[1 0]/F/AHx\nID "


def _whole_dots(box: Box) -> tuple[int, int, int, int]:
    """The dots that lie wholly in the box: x, y, width, height."""
    per_um = DPI / 25_400
    left, top = -int(-box.x * per_um // 1), -int(-box.y * per_um // 1)
    right, bottom = int((box.x + box.w) * per_um), int((box.y + box.h) * per_um)
    return left, top, right - left, bottom - top
