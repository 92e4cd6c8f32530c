"""Golden pictures: 1-bit PNG files, written and read here, compared with a picture that was just drawn."""

import struct
import zlib

from tests.labels.judges import Picture


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(picture: Picture) -> bytes:
    """The picture in black and white."""
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 1, 0, 0, 0, 0)
    stride = (picture.width + 7) // 8
    full = (1 << 8 * stride) - 1
    lines = (b"\0" + (row ^ full).to_bytes(stride, "big") for row in _rows(picture))
    packed = zlib.compress(b"".join(lines), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def read_png(data: bytes) -> list[int]:
    """Rows of a file that `png` wrote, a number each: the first dot is the highest bit, black is 1."""
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    width = struct.unpack(">I", data[16:20])[0]
    stride = (width + 7) // 8
    lines = zlib.decompress(data[start + 4 : start + 4 + length])
    full = (1 << 8 * stride) - 1
    rows = (lines[first + 1 : first + 1 + stride] for first in range(0, len(lines), stride + 1))
    return [int.from_bytes(row, "big") ^ full for row in rows]


def _rows(picture: Picture) -> list[int]:
    pad = "0" * (-picture.width % 8)
    rows = (picture.row(y) for y in range(picture.height))
    return [int("".join("1" if level < 128 else "0" for level in row) + pad, 2) for row in rows]


def astray(picture: Picture, golden: list[int]) -> int:
    """Dots of either picture that have no dark dot of the other one on or beside them."""
    ours = _rows(picture)
    assert len(ours) == len(golden)
    return _lonely(ours, golden) + _lonely(golden, ours)


def _lonely(rows: list[int], others: list[int]) -> int:
    wide = [row | row << 1 | row >> 1 for row in others]
    near = [a | b | c for a, b, c in zip([0, *wide[:-1]], wide, [*wide[1:], 0], strict=True)]
    return sum((row & ~around).bit_count() for row, around in zip(rows, near, strict=True))
