"""Barcode slots on a raster page: every module is exactly as many dots as `symbols.place` says.

Eight modules are one byte of the symbol and a few bytes at the printer's scale, looked up in a table; the page's rows
then take the widened row as often as a module is high.
"""

from codecs import charmap_encode
from collections.abc import Callable
from functools import cache
from typing import Protocol

import numpy as np

from miandan.labels import symbols
from miandan.labels.compiled import BarcodeSlot
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.raster.page import Dots, Page, Patch, bytes_under
from miandan.labels.setting import Note
from miandan.labels.symbols import Encoder, Place, Symbol, whole_dots


class BarcodeDrawer:
    """One barcode slot; where and how a symbol of so many modules is laid is worked out once."""

    def __init__(self, slot: BarcodeSlot, dpi: int, taken: Dots) -> None:
        """`taken` are the bytes of a page that are not sure to be white; those of the symbols are added."""
        self._slot = slot
        self._dpi = dpi
        self._layers: dict[tuple[int, int], _Layer | None] = {}
        place = taken[_reach(slot, dpi)]
        self._put = _laid if place.any() else _copied
        place[:] = 1

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
        bars: _Layer
        bars = _Downwards(place, self._put) if rotate in (90, 270) else _Upright(place, columns, rows, self._put)
        return bars if rotate in (0, 90) else _Backwards(bars)


def _reach(slot: BarcodeSlot, dpi: int) -> tuple[slice, slice]:
    """Bytes of a page that symbols of the slot may touch; their quiet zones stay white."""
    x, y, width, height = whole_dots(slot.box, dpi)
    if slot.symbology in ("qr", "code128"):
        sizes = ((count, count if slot.symbology == "qr" else 1) for count in range(21, max(width, height)))
        found = [place for size in sizes if (place := symbols.place(slot, *size, dpi)) is not None]
        if found:
            right, bottom = max(place.x + place.w for place in found), max(place.y + place.h for place in found)
            x, y = min(place.x for place in found), min(place.y for place in found)
            width, height = right - x, bottom - y
    return bytes_under(x, y, width, height)


_Put = Callable[[Dots, Dots], None]


def _copied(place: Dots, dots: Dots) -> None:
    place[:] = dots


def _laid(place: Dots, dots: Dots) -> None:
    np.bitwise_or(place, dots, place)


class _Layer(Protocol):
    def lay(self, symbol: Symbol, page: Page) -> None:
        """Blacken the symbol's dots."""


@cache
def _widened(module: int) -> list[bytes]:
    """Eight modules, as each byte has them, `module` dots wide."""
    rows = ("".join(bit * module for bit in f"{byte:08b}") for byte in range(256))
    return [int(row, 2).to_bytes(module) for row in rows]


class _Upright:
    """A symbol that is read from left to right."""

    def __init__(self, place: Place, columns: int, rows: int, put: _Put) -> None:
        self._put = put
        self._wide = _widened(place.module)
        self._phase = place.x % 8
        stride = (columns + 7) // 8
        self._stride = stride * place.module
        self._size = stride * rows
        # Shifting moves dots across the end of a row when the row has not that much to spare.
        self._crowded = 8 * self._stride - columns * place.module < self._phase
        self._shape = rows, self._stride + self._crowded
        self._bytes = (self._phase + columns * place.module + 7) // 8
        self._place = bytes_under(place.x, place.y, place.w, place.h)
        self._page_shape = rows, place.h // rows, self._bytes

    def lay(self, symbol: Symbol, page: Page) -> None:
        modules = symbol.bits.to_bytes(self._size).decode("latin-1")
        wide, _ = charmap_encode(modules, "strict", self._wide)
        if self._crowded:
            wide = b"".join([wide[start : start + self._stride] + b"\0" for start in range(0, len(wide), self._stride)])
        wide = (int.from_bytes(wide) >> self._phase).to_bytes(len(wide))
        dots = np.frombuffer(wide, np.uint8).reshape(self._shape)[:, None, : self._bytes]
        self._put(page.dots[self._place].reshape(self._page_shape), dots)


class _Downwards:
    """Bars lying across, read from the top down."""

    def __init__(self, place: Place, put: _Put) -> None:
        self._put = put
        before = place.x % 8
        self._bytes = (before + place.w + 7) // 8
        bar = (1 << place.w) - 1 << (8 * self._bytes - before - place.w)
        rows = {"0": bytes(self._bytes * place.module), "1": bar.to_bytes(self._bytes) * place.module}
        self._across = [b"".join([rows[bit] for bit in f"{byte:08b}"]) for byte in range(256)]
        self._place = bytes_under(place.x, place.y, place.w, place.h)
        self._height = place.h

    def lay(self, symbol: Symbol, page: Page) -> None:
        rows, _ = charmap_encode(symbol.bits.to_bytes(symbol.stride).decode("latin-1"), "strict", self._across)
        dots = np.frombuffer(rows, np.uint8).reshape(-1, self._bytes)[: self._height]
        self._put(page.dots[self._place], dots)


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
