"""PNG pictures as others write them: every colour type, depth and filter, judged against a decoder that is not ours."""

import base64
import random
import struct
import zlib
from pathlib import Path

import pytest

from miandan.labels.pictures import Bits, read_png, write_png
from tests.labels import public_judges
from tests.labels.pictures import _chunk

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (6, 8)]
WIDTH, HEIGHT = 37, 23


def png(colour: int, depth: int, seed: int = 1) -> bytes:
    """A picture of noise whose rows go through all five filters; as written, any filter decodes to some picture."""
    luck = random.Random(seed)
    stride = (WIDTH * depth * CHANNELS[colour] + 7) // 8
    rows = b"".join(bytes([y % 5]) + luck.randbytes(stride) for y in range(HEIGHT))
    palette = luck.randbytes(3 * (1 << depth)) if colour == 3 else b""
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks if data or kind == b"IEND")


@pytest.mark.parametrize(("colour", "depth"), [kind for kind in KINDS if kind[0] in (0, 2, 3)])
def test_a_picture_without_transparency_has_the_dots_that_another_decoder_sees(
    colour: int, depth: int, tmp_path: Path
) -> None:
    data = png(colour, depth)
    [theirs] = public_judges.png_pictures(tmp_path, [data])
    ours = read_png(base64.b64encode(data).decode())
    assert (ours.width, ours.height) == (WIDTH, HEIGHT)
    dots = [int(bit) for row in ours.rows() for bit in f"{row:0{8 * ours.stride}b}"[:WIDTH]]
    assert dots == [1 if level < 128 else 0 for level in theirs.pixels]


@pytest.mark.parametrize(("colour", "depth"), [(4, 8), (6, 8)])
def test_what_is_clear_is_white_paper(colour: int, depth: int) -> None:
    stride = WIDTH * CHANNELS[colour]
    pixel = {4: (b"\x00\x00", b"\x00\xff"), 6: (b"\x00\x00\x00\x00", b"\x00\x00\x00\xff")}[colour]
    rows = b"".join(b"\0" + (pixel[y % 2] * WIDTH)[:stride] for y in range(HEIGHT))
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, body) for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    black = [bool(row) for row in read_png(base64.b64encode(data).decode()).rows()]
    assert black == [y % 2 == 1 for y in range(HEIGHT)]


def test_what_we_write_we_read() -> None:
    bits = Bits(19, 3, bytes.fromhex("ffff20 000000 80a5c0".replace(" ", "")))
    assert read_png(base64.b64encode(write_png(bits)).decode()) == bits


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:60], "damaged"),
        (lambda data: data.replace(struct.pack(">II", WIDTH, HEIGHT), struct.pack(">II", 60_000, 60_000)), "at most"),
        (lambda data: data[: 8 + 8 + 12] + b"\x01" + data[8 + 8 + 13 :], "interlaced"),
        (lambda data: b"GIF89a" + data, "not a PNG"),
    ],
)
def test_what_cannot_be_printed_is_said(spoil: object, told: str) -> None:
    data = spoil(png(0, 8))  # type: ignore[operator]
    with pytest.raises(ValueError, match=told):
        read_png(base64.b64encode(data).decode())
