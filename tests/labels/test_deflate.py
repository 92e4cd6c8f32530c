"""Deflated dots: what any zlib unpacks, in fewer bytes than a plain compressor makes of them."""

import zlib

import pytest

from miandan.labels.deflate import packed_dots
from miandan.labels.raster import rasterise
from tests.labels.printers.sheets import noise
from tests.labels.sheets import CROWDED, ORDINARY


@pytest.mark.parametrize("data", [b"", b"\0", bytes(80_000), noise(608, 1_040).data, b"\xaa" * 5_000])
def test_any_zlib_unpacks_it(data: bytes) -> None:
    assert zlib.decompress(packed_dots(data)) == data


def test_labels_take_no_more_than_a_tenth_above_what_zlib_makes_of_them() -> None:
    sheets = [page.bits.data for page in rasterise([ORDINARY, CROWDED])]
    assert sum(len(packed_dots(data)) for data in sheets) <= 1.1 * sum(len(zlib.compress(data, 1)) for data in sheets)
