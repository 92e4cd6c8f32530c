"""Barcode slots on PDF pages: 1-bit masks on whole dots of the printer.

Filled rectangles would grow by every pixel they touch (reference/rendering.md, section 2). A linear symbol is a mask
one module high, stretched.
"""

from collections.abc import Sequence
from typing import NamedTuple

from miandan.labels import symbols
from miandan.labels.compiled import BarcodeSlot
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.pdf.units import NoteFor
from miandan.labels.symbols import Encoder, Place

# A mask that ends exactly between two dots is drawn one dot longer by poppler, so it keeps this far away (in dots).
_SHY = 0.02


class Modules(NamedTuple):
    """A symbol in hexadecimal, row by row."""

    hexadecimal: str
    columns: int
    rows: int


class Symbols:
    """Makes symbols for a batch of labels; what stands on each of them twice is made once."""

    def __init__(self) -> None:
        self._encode = Encoder().encode
        self._last: dict[str, tuple[Sequence[str], list[Modules | None]]] = {}

    def of(self, symbology: str, texts: Sequence[str]) -> list[Modules | None]:
        """The symbol of each text; None where there is no text, or one that the symbology cannot hold."""
        before, made = self._last.get(symbology, ((), []))
        if before != texts:
            made = [self._made(symbology, text) for text in texts]
            self._last[symbology] = texts, made
        return made

    def _made(self, symbology: str, text: str) -> Modules | None:
        if not text:
            return None
        try:
            symbol = self._encode(symbology, text)
        except ValueError:
            return None
        bits, columns, rows = symbol
        return Modules(bits.to_bytes((columns + 7) // 8 * rows).hex(), columns, rows)


class BarcodeDrawer:
    """One barcode slot on PDF pages; the geometry of each symbol size is worked out once."""

    def __init__(self, slot: BarcodeSlot, made: Symbols, height: float, dpi: int) -> None:
        self._slot = slot
        self._made = made
        self._height = height  # of the page, in points
        self._dpi = dpi
        self._before: dict[tuple[int, int], str | None] = {}

    def column(self, labels: Sequence[LabelData], note: NoteFor) -> list[str]:
        """Operators that draw each label's symbol; nothing where it has no text for it."""
        read = self._slot.read
        texts = [read(label) for label in labels]
        column = []
        for row, modules in enumerate(self._made.of(self._slot.symbology, texts)):
            drawn = modules and self._drawn(*modules)
            if drawn is None and texts[row]:
                note(row, WarningKind.BARCODE_OMITTED, self._slot.name)
            column.append(drawn or "")
        return column

    def _drawn(self, hexadecimal: str, columns: int, rows: int) -> str | None:
        size = columns, rows
        if size not in self._before:
            place = symbols.place(self._slot, columns, rows, self._dpi)
            self._before[size] = None if place is None else self._mask(place, columns, rows)
        before = self._before[size]
        return None if before is None else f"{before}{hexadecimal}>\nEI\nQ\n"

    def _mask(self, place: Place, columns: int, rows: int) -> str:
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
        return f"q {matrix} cm\nBI /IM true/W {columns}/H {rows}/BPC 1/D[1 0]/F/AHx\nID "
