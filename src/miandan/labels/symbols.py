"""Barcodes of every kind as modules, and where a symbol stands on the printer's dots.

Code 128 and QR codes are our own and quick; the kinds that labels seldom carry come from zxing-cpp.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import zxingcpp

from miandan.labels import code128, qr
from miandan.labels.compiled import BarcodeSlot, Layer
from miandan.labels.model import LabelData
from miandan.labels.template import Box

MICROMETRES = 25_400  # per inch


class Symbol(NamedTuple):
    """A symbol without its quiet zone: `rows` rows of `stride` bytes, first module the highest bit, 1 is dark.

    A linear symbol is one row, to be drawn as high as there is room.
    """

    bits: int
    columns: int
    rows: int

    @property
    def stride(self) -> int:
        return (self.columns + 7) // 8

    @property
    def is_linear(self) -> bool:
        return self.rows == 1


_QUIET = {"code128": 10, "code39": 10, "itf": 10, "ean13": 11, "qr": 4, "pdf417": 2, "datamatrix": 1}
"""Modules kept white on each side: ISO/IEC 15417, 16388, 16390, 15420, 18004, 15438, 16022."""

_OTHERS = {
    "code39": zxingcpp.BarcodeFormat.Code39,
    "itf": zxingcpp.BarcodeFormat.ITF,
    "ean13": zxingcpp.BarcodeFormat.EAN13,
    "pdf417": zxingcpp.BarcodeFormat.PDF417,
    "datamatrix": zxingcpp.BarcodeFormat.DataMatrix,
}

# A square Data Matrix has modules twice as large in its place as the flat one that short texts would get.
_OPTIONS = {"datamatrix": {"force_square": True}}


class Encoder:
    """Makes symbols and keeps the last bars, since a label shows the same ones twice or three times."""

    def __init__(self) -> None:
        self._text = ""
        self._bars = Symbol(0, 0, 1)

    def encode(self, symbology: str, text: str) -> Symbol:
        """Raises ValueError when the symbology cannot hold `text`."""
        if symbology == "code128":
            return self._code128(text)
        if symbology == "qr":
            bits, size = qr.encode(text)
            return Symbol(bits, size, size)
        return _other(symbology, text)

    def _code128(self, text: str) -> Symbol:
        if text != self._text:
            bars = code128.encode(text)
            self._bars = Symbol(bars.bits << (-bars.width % 8), bars.width, 1)
            self._text = text
        return self._bars


def _other(symbology: str, text: str) -> Symbol:
    try:
        barcode = zxingcpp.create_barcode(text, _OTHERS[symbology], **_OPTIONS.get(symbology, {}))
        image: Any = zxingcpp.write_barcode_to_image(barcode, scale=1, add_quiet_zones=False)
    except (ValueError, RuntimeError) as wrong:
        raise ValueError(f"{symbology} cannot hold this text") from wrong
    height, width = image.shape
    pixels = bytes(image)
    pad = "0" * (-width % 8)
    lines = ["".join("1" if level < 128 else "0" for level in pixels[y * width :][:width]) + pad for y in range(height)]
    if symbology in ("code39", "itf", "ean13"):
        lines = lines[:1]
    return Symbol(int("".join(lines), 2), width, len(lines))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a symbol stands, in dots from the page's top left corner; `rotate` is that of its slot."""

    x: int
    y: int
    w: int
    h: int
    module: int


def dots(micrometres: float, dpi: int) -> float:
    """A length in the printer's dots."""
    return micrometres * dpi / MICROMETRES


def whole_dots(box: Box, dpi: int) -> tuple[int, int, int, int]:
    """The dots that lie wholly in the box: x, y, width, height."""
    left, top = -(-box.x * dpi // MICROMETRES), -(-box.y * dpi // MICROMETRES)
    right, bottom = (box.x + box.w) * dpi // MICROMETRES, (box.y + box.h) * dpi // MICROMETRES
    return left, top, max(0, right - left), max(0, bottom - top)


def largest_module(slot: BarcodeSlot, dpi: int) -> int:
    """Dots of the widest module that the slot wants; a length that is a hair short of whole dots counts as whole."""
    return max(1, int(dots(slot.module, dpi) + 0.05))


def place(slot: BarcodeSlot, columns: int, rows: int, dpi: int) -> Place | None:
    """Where a symbol of so many modules stands in its slot, or None when the slot is too small for it."""
    x, y, width, height = whole_dots(slot.box, dpi)
    turned = slot.rotate in (90, 270)
    along, across = (height, width) if turned else (width, height)
    quiet = 2 * _QUIET[slot.symbology]
    module = min(largest_module(slot, dpi), along // (columns + quiet))
    if rows > 1:
        module = min(module, across // (rows + quiet))
    if module < 1 or across < 1:
        return None
    length, depth = columns * module, across if rows == 1 else rows * module
    w, h = (depth, length) if turned else (length, depth)
    return Place(x + (width - w) // 2, y + (height - h) // 2, w, h, module)


def placed_modules(layer: Layer, label: LabelData, dpi: int) -> Iterator[tuple[str, int]]:
    """Name and module (in dots) of every symbol that a sheet shows."""
    encoder = Encoder()
    for slot in (*layer.static, *layer.slots):
        if not isinstance(slot, BarcodeSlot) or (slot.shown is not None and not slot.shown(label)):
            continue
        try:
            symbol = encoder.encode(slot.symbology, slot.read(label))
        except ValueError:
            continue
        stands = place(slot, symbol.columns, symbol.rows, dpi)
        if stands is not None:
            yield slot.name, stands.module
