"""Pictures of one bit a dot: read from PNG files, drawn by every output."""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from miandan.labels.deflate import packed_dots

_MOST_DOTS = 4_000_000  # a label of 300 dpi has half of that
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_DARK = 128
_WHITE_IS_ONE = bytes(byte ^ 0xFF for byte in range(256))


@dataclass(frozen=True, slots=True)
class Bits:
    """Rows of whole bytes, the first dot the highest bit; 1 is black."""

    width: int
    height: int
    data: bytes

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return (self.width + 7) // 8

    def rows(self) -> Iterator[int]:
        """Each row as a number of `stride` bytes."""
        for start in range(0, len(self.data), self.stride):
            yield int.from_bytes(self.data[start : start + self.stride])

    def scaled(self, width: int, height: int) -> "Bits":
        """The picture with another number of dots, nearest dot taken."""
        if (width, height) == (self.width, self.height):
            return self
        lines = [f"{row:0{8 * self.stride}b}"[: self.width] for row in self.rows()]
        across = [x * self.width // width for x in range(width)]
        pad = "0" * (-width % 8)
        wide = [int("".join([line[x] for x in across]) + pad, 2).to_bytes((width + 7) // 8) for line in lines]
        return Bits(width, height, b"".join([wide[y * self.height // height] for y in range(height)]))


@lru_cache(maxsize=32)
def read_png(text: str) -> Bits:
    """The picture of a PNG file in base64. Raises ValueError with what is wrong, in English."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if not data.startswith(_SIGNATURE):
        raise ValueError("not a PNG file")
    try:
        return _decoded(data)
    except (zlib.error, struct.error, IndexError, KeyError):
        raise ValueError("a damaged PNG file") from None


def write_png(bits: Bits) -> bytes:
    """A PNG file of the picture in black and white."""
    stride = bits.stride
    rows = bits.data.translate(_WHITE_IS_ONE)
    lines = b"\0" + b"\0".join([rows[start : start + stride] for start in range(0, len(rows), stride)])
    header = struct.pack(">IIBBBBB", bits.width, bits.height, 1, 0, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed_dots(lines)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _decoded(data: bytes) -> Bits:
    parts: dict[bytes, bytes] = {}
    for kind, body in _chunks(data):
        parts[kind] = parts.get(kind, b"") + body
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    if interlaced or depth not in (1, 2, 4, 8):
        raise ValueError("an interlaced PNG file, or one of 16 bits a channel; save it as a plain 8-bit one")
    if not 0 < width * height <= _MOST_DOTS:
        raise ValueError(f"a picture of {width} x {height} dots; at most {_MOST_DOTS:,} are printed")
    channels = _CHANNELS[colour]
    stride = (width * depth * channels + 7) // 8
    inflater = zlib.decompressobj()
    raw = inflater.decompress(parts[b"IDAT"], (stride + 1) * height)
    if len(raw) < (stride + 1) * height:
        raise ValueError("a damaged PNG file")
    step = max(1, depth * channels // 8)
    rows, above = [], bytes(stride)
    for start in range(0, len(raw), stride + 1):
        above = _unfiltered(raw[start], raw[start + 1 : start + 1 + stride], above, step)
        rows.append(_packed(_levels(above, width, depth, colour, parts)))
    return Bits(width, height, b"".join(rows))


def _unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    """A row without its filter (PNG specification, section 9)."""
    done = bytearray(line)
    for place in range(len(done)):
        left = done[place - step] if place >= step else 0
        up, corner = above[place], above[place - step] if place >= step else 0
        done[place] = (done[place] + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 0xFF
    return bytes(done)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))


def _levels(row: bytes, width: int, depth: int, colour: int, parts: dict[bytes, bytes]) -> list[int]:
    """Grey of each dot, on white paper."""
    channels = _CHANNELS[colour]
    if depth < 8:
        mask, per = (1 << depth) - 1, 8 // depth
        samples = [row[i // per] >> (8 - depth * (i % per + 1)) & mask for i in range(width * channels)]
    else:
        samples = list(row)
    top = (1 << depth) - 1
    if colour == 3:
        palette, clear = parts[b"PLTE"], parts.get(b"tRNS", b"")
        seen = [palette[3 * index : 3 * index + 3] for index in samples[:width]]
        alphas = [clear[index] if index < len(clear) else 255 for index in samples[:width]]
        return [_on_paper(sum(rgb) // 3, alpha) for rgb, alpha in zip(seen, alphas, strict=True)]
    dots = [samples[channels * x : channels * (x + 1)] for x in range(width)]
    if colour in (4, 6):
        return [_on_paper(sum(dot[:-1]) // (channels - 1), dot[-1]) for dot in dots]
    return [sum(dot) * 255 // (top * channels) for dot in dots]


def _on_paper(level: int, alpha: int) -> int:
    return (level * alpha + 255 * (255 - alpha)) // 255


def _packed(levels: list[int]) -> bytes:
    line = "".join(["1" if level < _DARK else "0" for level in levels]) + "0" * (-len(levels) % 8)
    return int(line, 2).to_bytes(len(line) // 8)
