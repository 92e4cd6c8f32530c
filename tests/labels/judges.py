"""Programs and a decoder that we did not write, asked what a PDF or a symbol says.

poppler draws and extracts, zbar and zxing-cpp read barcodes, qpdf checks the file. Missing programs skip the test.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zxingcpp


def _run(program: str, *arguments: str | Path) -> bytes:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (python -m tests.parts)")
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, timeout=60).stdout


@dataclass(frozen=True, slots=True)
class Picture:
    """Grey pixels, row by row; 0 is black."""

    width: int
    height: int
    pixels: bytes

    def part(self, left: int, top: int, right: int, bottom: int) -> "Picture":
        rows = (self.pixels[y * self.width + left : y * self.width + right] for y in range(top, bottom))
        return Picture(right - left, bottom - top, b"".join(rows))

    def row(self, y: int) -> bytes:
        return self.pixels[y * self.width : (y + 1) * self.width]

    def column(self, x: int) -> bytes:
        return self.pixels[x :: self.width]

    def pgm(self) -> bytes:
        return b"P5 %d %d 255\n" % (self.width, self.height) + self.pixels


def pictures(pdf: Path, dpi: int = 203) -> list[Picture]:
    """The pages as poppler draws them."""
    _run("pdftoppm", "-r", str(dpi), "-gray", pdf, pdf.with_suffix(""))
    return [_read_pgm(file.read_bytes()) for file in sorted(pdf.parent.glob(f"{pdf.stem}-*.pgm"))]


def _read_pgm(data: bytes) -> Picture:
    _, width, height, _, pixels = data.split(maxsplit=4)
    # The header ends with one blank; split would also have eaten leading blanks among the pixels.
    size = int(width) * int(height)
    return Picture(int(width), int(height), data[-size:] if len(pixels) != size else pixels)


def texts(pdf: Path) -> list[str]:
    """The pages' text as poppler extracts it, in the order it stands in the file, without blanks."""
    pages = _run("pdftotext", "-raw", "-enc", "UTF-8", pdf, "-").decode().split("\f")[:-1]
    return ["".join(page.split()) for page in pages]


def is_well_formed(pdf: Path) -> bool:
    return b"No syntax or stream encoding errors" in _run("qpdf", "--check", pdf)


def zbar(folder: Path, *symbols: Picture) -> list[str]:
    """What zbar reads in each picture, which holds one symbol; empty where it reads none."""
    found = []
    for index, picture in enumerate(symbols):
        file = folder / f"symbol-{index}.pgm"
        file.write_bytes(picture.pgm())
        found.append(file)
    answers = _run("zbarimg", "--quiet", "--xml", *found).decode()
    read = [""] * len(symbols)
    for source in answers.split("<source ")[1:]:
        index = int(source.partition("symbol-")[2].partition(".")[0])
        read[index] = source.partition("<![CDATA[")[2].partition("]]>")[0]
    return read


def zxing(picture: Picture) -> list[tuple[str, str]]:
    """Format and content of every symbol that zxing-cpp finds."""
    shaped: Any = memoryview(picture.pixels).cast("B", (picture.height, picture.width))
    return sorted((found.format.name, found.bytes.decode()) for found in zxingcpp.read_barcodes(shaped))


def of_modules(rows: list[str], quiet: int, scale: int = 3) -> Picture:
    """A picture of a symbol given as rows of 0 and 1."""
    side = b"\xff" * quiet
    lines = [side + bytes(0 if module == "1" else 255 for module in row) + side for row in rows]
    blank = [b"\xff" * len(lines[0])] * quiet
    wide = [b"".join(bytes([level]) * scale for level in line) for line in [*blank, *lines, *blank]]
    return Picture(len(wide[0]), len(wide) * scale, b"".join(line * scale for line in wide))
