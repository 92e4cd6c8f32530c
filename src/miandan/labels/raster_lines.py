"""The lines of text of one sheet, gathered as columns of dots and laid on the page together.

A column is 64 dots in eight bytes. Columns stand eight to a tile, so that a tile's columns become one byte of each row:
one 8 x 8 bit transpose in numpy, of all lines at once, turns columns into rows. (reference/performance.md, "Raster and
printer languages")
"""

import numpy as np
import numpy.typing as npt

from miandan.labels.raster_glyphs import COLUMN
from miandan.labels.raster_page import Page, Patch

BAND = 8  # rows that one byte of a column holds
_BLANK = tuple(bytes(COLUMN * columns) for columns in range(8))
_Words = npt.NDArray[np.uint64]
_HALF, _QUARTER, _EIGHTH = (
    (np.uint64(shift), np.uint64(mask))
    for shift, mask in ((4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333), (1, 0x5555555555555555))
)

Placed = list[tuple[bytes, int, int, int]]
"""Lines: their columns, the dot of the page's row where they begin, that row as its first byte in the page, and how many
bands they are high. Plain tuples: there are some twenty on a sheet."""


class Lines:
    """Upright lines wait as columns, turned ones as patches; those that are white on black apart from the others."""

    def __init__(self) -> None:
        self.black: Placed = []
        self.white: Placed = []
        self.black_patches: list[Patch] = []
        self.white_patches: list[Patch] = []

    def burn(self, page: Page) -> None:
        """Lay all lines on the page."""
        if self.black or self.white:
            self._burn_upright(page)
        for patch in self.black_patches:
            patch.lay(page)
        for patch in self.white_patches:
            patch.clear(page)

    def _burn_upright(self, page: Page) -> None:
        tiles, columns, places = 0, [], []
        for ink, x, at, bands in self.black + self.white:
            before = x & 7
            width = before + (len(ink) >> 3)
            columns += (_BLANK[before], ink, _BLANK[-width & 7])
            places.append(((BAND, bands, (width + 7) >> 3), COLUMN * tiles, at + (x >> 3)))
            tiles += (width + 7) >> 3
        rows = _transposed(b"".join(columns), tiles)
        ink, stride = page.ink, page.stride
        in_rows, on_page = (COLUMN * tiles, 1, COLUMN), (stride, BAND * stride, 1)
        array, byte, lay = np.ndarray, np.uint8, np.bitwise_or
        for shape, first, at in places[: len(self.black)]:
            place = array(shape, byte, ink, at, on_page)
            lay(place, array(shape, byte, rows, first, in_rows), place)
        for shape, first, at in places[len(self.black) :]:
            place = array(shape, byte, ink, at, on_page)
            np.bitwise_and(place, ~array(shape, byte, rows, first, in_rows), place)


def _transposed(columns: bytes, tiles: int) -> _Words:
    """The same dots as rows: a plane for each of the eight rows of a band, in it the tiles, of each its bands."""
    words = np.frombuffer(columns, np.uint64).reshape(tiles, 8).T.copy()
    _swap(words[:4], words[4:], *_HALF)
    halves = words.reshape(2, 4, tiles)
    _swap(halves[:, :2], halves[:, 2:], *_QUARTER)
    quarters = words.reshape(4, 2, tiles)
    _swap(quarters[:, 0], quarters[:, 1], *_EIGHTH)
    return words


def _swap(upper: _Words, lower: _Words, shift: np.uint64, mask: np.uint64) -> None:
    """One step of the transpose: the later bits of `upper` change places with the earlier ones of `lower`."""
    moved = lower >> shift
    moved ^= upper
    moved &= mask
    upper ^= moved
    moved <<= shift
    lower ^= moved
