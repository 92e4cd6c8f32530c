"""Barcode slots on a raster page: every module is exactly as many dots as `symbols.place` says.

Eight modules are one byte of the symbol and a few bytes at the printer's scale, looked up in a table; the page's rows
then take the widened row as often as a module is high.
"""

from functools import cache
from typing import Protocol

import numpy as np

from miandan.labels import symbols
from miandan.labels.compiled import BarcodeSlot
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.raster_page import MARGIN, Dots, Page, Patch
from miandan.labels.setting import Note
from miandan.labels.symbols import Encoder, Place, Symbol


class BarcodeDrawer:
    """One barcode slot; where and how a symbol of so many modules is laid is worked out once."""

    def __init__(self, slot: BarcodeSlot, dpi: int) -> None:
        self._slot = slot
        self._dpi = dpi
        self._layers: dict[tuple[int, int], _Layer | None] = {}

    def draw(self, label: LabelData, note: Note, page: Page, encoder: Encoder) -> None:
        """Lay the symbol on the page, where the label has a text for it."""
        slot = self._slot
        text = slot.read(label)
        if not text:
            return
        try:
            symbol = encoder.encode(slot.symbology, text)
        except ValueError:
            note(WarningKind.BARCODE_OMITTED, slot.name)
            return
        size = symbol.columns, symbol.rows
        if size not in self._layers:
            self._layers[size] = self._layer(*size)
        layer = self._layers[size]
        if layer is None:
            note(WarningKind.BARCODE_OMITTED, slot.name)
        else:
            layer.lay(symbol, page)

    def _layer(self, columns: int, rows: int) -> "_Layer | None":
        place, rotate = symbols.place(self._slot, columns, rows, self._dpi), self._slot.rotate
        if place is None:
            return None
        if rows > 1 and rotate:
            return _Turned(place, rotate)
        across: _Layer = _Downwards(place) if rotate in (90, 270) else _Upright(place, columns, rows)
        return across if rotate in (0, 90) else _Backwards(across)


class _Layer(Protocol):
    def lay(self, symbol: Symbol, page: Page) -> None:
        """Blacken the symbol's dots."""


@cache
def _widened(module: int) -> tuple[bytes, ...]:
    """Eight modules, as each byte has them, `module` dots wide."""
    rows = ("".join(bit * module for bit in f"{byte:08b}") for byte in range(256))
    return tuple(int(row, 2).to_bytes(module) for row in rows)


class _Upright:
    """A symbol that is read from left to right."""

    def __init__(self, place: Place, columns: int, rows: int) -> None:
        self._get = _widened(place.module).__getitem__
        self._phase = place.x % 8
        stride = (columns + 7) // 8
        self._stride = stride * place.module
        self._size = stride * rows
        # Shifting moves dots across the end of a row when the row has not that much to spare.
        self._crowded = 8 * self._stride - columns * place.module < self._phase
        self._shape = rows, self._stride + self._crowded
        self._bytes = (self._phase + columns * place.module + 7) // 8
        self._rows = slice(MARGIN + place.y, MARGIN + place.y + place.h)
        self._columns = slice(place.x // 8, place.x // 8 + self._bytes)
        self._page_shape = rows, place.h // rows, self._bytes

    def lay(self, symbol: Symbol, page: Page) -> None:
        wide = b"".join(map(self._get, symbol.bits.to_bytes(self._size)))
        if self._crowded:
            wide = b"".join(
                [wide[start : start + self._stride] + b"\0" for start in range(0, len(wide), self._stride)]
            )
        wide = (int.from_bytes(wide) >> self._phase).to_bytes(len(wide))
        dots = np.frombuffer(wide, np.uint8).reshape(self._shape)[:, None, : self._bytes]
        place = page.dots[self._rows, self._columns].reshape(self._page_shape)
        np.bitwise_or(place, dots, place)


class _Downwards:
    """Bars lying across, read from the top down."""

    def __init__(self, place: Place) -> None:
        before = place.x % 8
        self._bytes = (before + place.w + 7) // 8
        bar = (1 << place.w) - 1 << (8 * self._bytes - before - place.w)
        self._get = _Across(bar.to_bytes(self._bytes), place.module).__getitem__
        self._rows = slice(MARGIN + place.y, MARGIN + place.y + place.h)
        self._columns = slice(place.x // 8, place.x // 8 + self._bytes)
        self._height = place.h

    def lay(self, symbol: Symbol, page: Page) -> None:
        rows = b"".join(map(self._get, symbol.bits.to_bytes(symbol.stride)))
        dots = np.frombuffer(rows, np.uint8).reshape(-1, self._bytes)[: self._height]
        place = page.dots[self._rows, self._columns]
        np.bitwise_or(place, dots, place)


class _Across(dict[int, bytes]):
    """Eight modules, as each byte has them, as rows of the bar's bytes; made when first asked for."""

    def __init__(self, bar: bytes, module: int) -> None:
        super().__init__()
        self._rows = {"0": bytes(len(bar)) * module, "1": bar * module}

    def __missing__(self, byte: int) -> bytes:
        rows = self[byte] = b"".join([self._rows[bit] for bit in f"{byte:08b}"])
        return rows


class _Backwards:
    """Bars that are read the other way: from right to left, or from the bottom up."""

    def __init__(self, forwards: _Layer) -> None:
        self._forwards = forwards

    def lay(self, symbol: Symbol, page: Page) -> None:
        spare = 8 * symbol.stride - symbol.columns
        turned = int(f"{symbol.bits >> spare:0{symbol.columns}b}"[::-1], 2) << spare
        self._forwards.lay(symbol._replace(bits=turned), page)


class _Turned:
    """A square or stacked symbol that is turned."""

    def __init__(self, place: Place, rotate: int) -> None:
        self._place = place
        self._turns = -rotate // 90  # of numpy, which turns the other way

    def lay(self, symbol: Symbol, page: Page) -> None:
        packed = np.frombuffer(symbol.bits.to_bytes(symbol.stride * symbol.rows), np.uint8)
        modules: Dots = np.unpackbits(packed.reshape(symbol.rows, -1), axis=1)[:, : symbol.columns]
        dots = modules.repeat(self._place.module, 0).repeat(self._place.module, 1)
        Patch(self._place.x, self._place.y, np.rot90(dots, self._turns)).lay(page)
