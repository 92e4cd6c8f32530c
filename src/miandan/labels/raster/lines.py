"""The lines of text of one sheet, gathered as columns of dots and laid on the page together.

A column is 64 dots in eight bytes. Columns stand eight to a tile, so that a tile's columns become one byte of each row:
one 8 x 8 bit transpose in numpy, of all lines at once, turns columns into rows. (reference/performance.md, "Raster and
printer languages")
"""

import numpy as np
import numpy.typing as npt

from miandan.labels.raster.page import Dots, Page, Patch

COLUMN = 8  # bytes
STRIP = 8 * COLUMN  # rows
BLANK = tuple(bytes(COLUMN * columns) for columns in range(8))
"""White columns that fill a tile."""
_Words = npt.NDArray[np.uint64]
_HALF, _QUARTER, _EIGHTH = (
    (np.uint64(shift), np.uint64(mask))
    for shift, mask in ((4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333), (1, 0x5555555555555555))
)

ALONE, BLACK, WHITE = range(3)
"""Kinds of lines. Under one that is alone the page is white in all bytes that it touches, so that it can be copied."""

Placed = tuple[slice, int, slice, int, int]
"""A line: rows of the page, and the first byte of them; rows of its columns that are shown; its first tile and the one
behind it. A plain tuple: there are some twenty on a sheet."""


class Lines:
    """Upright lines wait as columns, turned ones as patches."""

    def __init__(self) -> None:
        self.columns: list[bytes] = []
        self.tiles = 0
        """What all columns fill."""
        self.kinds: tuple[list[Placed], ...] = ([], [], [])
        self.black_patches: list[Patch] = []
        self.white_patches: list[Patch] = []

    def burn(self, page: Page) -> None:
        """Lay all lines on the page."""
        if self.columns:
            self._burn_upright(page.dots)
        for patch in self.black_patches:
            patch.lay(page)
        for patch in self.white_patches:
            patch.clear(page)

    def _burn_upright(self, page: Dots) -> None:
        dots = _rows(b"".join(self.columns), self.tiles)
        for down, byte, shown, tile, end in self.kinds[ALONE]:
            page[down, byte : byte + end - tile] = dots[shown, tile:end]
        for down, byte, shown, tile, end in self.kinds[BLACK]:
            place = page[down, byte : byte + end - tile]
            np.bitwise_or(place, dots[shown, tile:end], place)
        for down, byte, shown, tile, end in self.kinds[WHITE]:
            place = page[down, byte : byte + end - tile]
            np.bitwise_and(place, ~dots[shown, tile:end], place)


def _rows(columns: bytes, tiles: int) -> Dots:
    """Columns as 64 rows of `tiles` bytes."""
    words = np.frombuffer(columns, np.uint64).reshape(tiles, 8).T.copy()
    moved = np.empty((4, tiles), np.uint64)
    _swap(words[:4], words[4:], moved, *_HALF)
    halves = words.reshape(2, 4, tiles)
    _swap(halves[:, :2], halves[:, 2:], moved.reshape(2, 2, tiles), *_QUARTER)
    quarters = words.reshape(4, 2, tiles)
    _swap(quarters[:, 0], quarters[:, 1], moved, *_EIGHTH)
    # Now a plane for each of the eight rows of a band, in it the tiles, of each its bands.
    return words.view(np.uint8).reshape(8, tiles, COLUMN).transpose(2, 0, 1).reshape(STRIP, tiles)


def _swap(upper: _Words, lower: _Words, moved: _Words, shift: np.uint64, mask: np.uint64) -> None:
    """One step of the transpose: the later bits of `upper` change places with the earlier ones of `lower`."""
    np.right_shift(lower, shift, moved)
    np.bitwise_xor(moved, upper, moved)
    np.bitwise_and(moved, mask, moved)
    np.bitwise_xor(upper, moved, upper)
    np.left_shift(moved, shift, moved)
    np.bitwise_xor(lower, moved, lower)
