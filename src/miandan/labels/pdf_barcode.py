"""Barcode slots on PDF pages: 1-bit masks on whole dots of the printer.

Filled rectangles would grow by every pixel they touch (reference/rendering.md, section 2). A linear symbol is a mask
one module high, stretched.
"""

from miandan.labels import symbols
from miandan.labels.compiled import BarcodeSlot
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.setting import Note
from miandan.labels.symbols import Encoder, Place, Symbol

# A mask that ends exactly between two dots is drawn one dot longer by poppler, so it keeps this far away (in dots).
_SHY = 0.02


class BarcodeDrawer:
    """One barcode slot on PDF pages; the geometry of each symbol size is worked out once."""

    def __init__(self, slot: BarcodeSlot, encoder: Encoder, height: float, dpi: int) -> None:
        self._slot = slot
        self._encode = encoder.encode
        self._height = height  # of the page, in points
        self._dpi = dpi
        self._placed: dict[tuple[int, int], tuple[str | None, int]] = {}

    def draw(self, label: LabelData, note: Note) -> str:
        """Operators that draw the symbol; nothing where the label has no text for it."""
        text = self._slot.read(label)
        if not text:
            return ""
        drawn = self._drawn(text)
        if drawn is None:
            note(WarningKind.BARCODE_OMITTED, self._slot.name)
            return ""
        return drawn

    def _drawn(self, text: str) -> str | None:
        try:
            symbol = self._encode(self._slot.symbology, text)
        except ValueError:
            return None
        size = symbol.columns, symbol.rows
        known = self._placed.get(size)
        if known is None:
            place = symbols.place(self._slot, *size, self._dpi)
            before = None if place is None else self._mask(place, symbol)
            known = self._placed[size] = before, symbol.stride * symbol.rows
        before, length = known
        return None if before is None else f"{before}{symbol.bits.to_bytes(length).hex()}>\nEI\nQ\n"

    def _mask(self, place: Place, symbol: Symbol) -> str:
        """Operators up to the hexadecimal modules."""
        dot = 72 / self._dpi
        left, top = (place.x + _SHY) * dot, self._height - (place.y + _SHY) * dot
        width, height = (place.w - 2 * _SHY) * dot, (place.h - 2 * _SHY) * dot
        right, bottom = left + width, top - height
        # Where the mask's unit square goes: its x axis along the symbol, its y axis up from the last row.
        a, b, c, d, e, f = {
            0: (width, 0, 0, height, left, bottom),
            90: (0, -height, width, 0, left, top),
            180: (-width, 0, 0, -height, right, top),
            270: (0, height, -width, 0, right, bottom),
        }[self._slot.rotate]
        matrix = f"{a:.4f} {b:.4f} {c:.4f} {d:.4f} {e:.4f} {f:.4f}"
        return f"q {matrix} cm\nBI /IM true/W {symbol.columns}/H {symbol.rows}/BPC 1/D[1 0]/F/AHx\nID "
