"""Fonts in the PDF. A character's code is its UTF-16 unit, so what is copied out of the file is what was written in.

`OwnFont` embeds one of our faces reduced to what was used; codes lead to glyphs by a CIDToGIDMap stream. `DrawnFonts`
holds every other character, the box included, as a drawing of its own with a code of its own (Type 3 fonts).
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from functools import cache

from miandan.labels import cleaning, fonts
from miandan.labels.pdf.file import PdfFile

_UNITS_HERE = "utf-16-le" if sys.byteorder == "little" else "utf-16-be"  # as an array of this machine holds them
_IDENTITY_HEAD = b"""/CIDInit /ProcSet findresource begin
12 dict begin begincmap
/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def
/CMapName /Miandan-UCS def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
"""
_CMAP_TAIL = b"endcmap CMapName currentdict /CMap defineresource pop end end\n"
_RANGES = 100  # a CMap section holds no more


@cache
def _identity_map() -> bytes:
    """ToUnicode for codes that are UTF-16 units already: 256 ranges, one per high byte."""
    ranges = [b"<%02X00> <%02XFF> <%02X00>\n" % (high, high, high) for high in range(256)]
    sections = [ranges[first : first + _RANGES] for first in range(0, len(ranges), _RANGES)]
    bodies = [b"%d beginbfrange\n%bendbfrange\n" % (len(section), b"".join(section)) for section in sections]
    return _IDENTITY_HEAD + b"".join(bodies) + _CMAP_TAIL


class OwnFont:
    """One of our two faces in one file, with the characters used so far."""

    def __init__(self, name: str, resource: str) -> None:
        self.name = name
        self.resource = resource
        self.face = fonts.face(name)
        self.texts: list[str] = []  # set in the font since `gather`
        self._used = {ord(" ")}

    def gather(self) -> None:
        """Note the characters of `texts`: as numbers and many at once, which is ten times faster than one by one."""
        self._used.update(array("H", "".join(self.texts).encode(_UNITS_HERE)))
        self.texts.clear()

    def put(self, pdf: PdfFile, to_unicode: int) -> int:
        """Write the font and return its object."""
        self.gather()
        characters = sorted(self._used)
        subset = self.face.subset(characters)
        base = b"MDSUBS+" + self.name.removesuffix(".ttf").encode()
        program = pdf.add_stream(b"/Length1 %d" % len(subset.data), subset.data)
        descriptor = pdf.add(
            b"<</Type/FontDescriptor/FontName/%b/Flags 4/FontBBox[-1002 -1048 2928 1808]/ItalicAngle 0"
            b"/Ascent 1160/Descent -288/CapHeight 733/StemV 80/FontFile2 %d 0 R>>" % (base, program)
        )
        glyphs = pdf.add_stream(b"", _glyph_table(subset.glyphs))
        descendant = pdf.add(
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            b"/Supplement 0>>/FontDescriptor %d 0 R/DW 1000/W[%b]/CIDToGIDMap %d 0 R>>"
            % (base, descriptor, self._widths(characters), glyphs)
        )
        return pdf.add(
            b"<</Type/Font/Subtype/Type0/BaseFont/%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
            % (base, descendant, to_unicode)
        )

    def _widths(self, characters: list[int]) -> bytes:
        advance = self.face.advance
        # Ideographs have the default width; thousands of them need not be looked at one by one.
        first, end = bisect_left(characters, 0x3400), bisect_right(characters, 0x9FFF)
        widths = [(code, advance[chr(code)]) for code in (*characters[:first], *characters[end:])]
        return b"".join([b"%d[%d]" % (code, width) for code, width in widths if width != fonts.UNITS])


def _glyph_table(glyphs: "array[int]") -> bytes:
    if sys.byteorder == "little":
        glyphs.byteswap()
    return glyphs.tobytes()


_PER_FONT = 255  # codes 1 to 255
_FRAME = (
    "60 -60 m 940 -60 l 940 820 l 60 820 l h 120 0 m 120 760 l 880 760 l 880 0 l h "
    "120 0 m 840 760 l 880 760 l 160 0 l h"
)


class DrawnFonts:
    """Characters that our faces lack, in the order they were met; each is one drawing."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], int] = {}

    def code(self, character: str, own: str) -> tuple[str, str]:
        """Resource name of the font and hexadecimal code that draw `character` beside our face `own`."""
        place = self._codes.setdefault((character, own), len(self._codes))
        font, code = divmod(place, _PER_FONT)
        return f"R{font}", f"{code + 1:02x}"

    def put(self, pdf: PdfFile) -> list[tuple[str, int]]:
        """Write the fonts; resource names and objects."""
        drawn = list(self._codes)
        return [
            (f"R{first // _PER_FONT}", _put_drawn(pdf, drawn[first : first + _PER_FONT]))
            for first in range(0, len(drawn), _PER_FONT)
        ]


def _put_drawn(pdf: PdfFile, drawn: list[tuple[str, str]]) -> int:
    widths, procedures, names = [], [], []
    for code, (character, own) in enumerate(drawn, start=1):
        width = fonts.face(own).advance[character]
        stream = pdf.add_stream(b"", f"{width} 0 -500 -500 1500 1500 d1 {_drawing(character, own)}".encode())
        widths.append(b"%d" % width)
        names.append(b"/c%d" % code)
        procedures.append(b"/c%d %d 0 R" % (code, stream))
    to_unicode = pdf.add_stream(b"", _drawn_map(drawn))
    return pdf.add(
        b"<</Type/Font/Subtype/Type3/FontBBox[-500 -500 1500 1500]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 1"
        b"/LastChar %d/Widths[%b]/Encoding<</Type/Encoding/Differences[1%b]>>/CharProcs<<%b>>/Resources<<>>"
        b"/ToUnicode %d 0 R>>" % (len(drawn), b" ".join(widths), b"".join(names), b"".join(procedures), to_unicode)
    )


def _drawing(character: str, own: str) -> str:
    """Path operators of the character: by our face or an installed font, otherwise the box."""
    found = cleaning.drawer(character, own)
    if found is None:
        return f"{_FRAME} f"
    face, glyph = found
    wide = face.width(glyph)
    scale = f"{fonts.UNITS / wide:.4f} 0 0 1 0 0 cm " if wide > fonts.UNITS else ""
    # Installed fonts have one weight; a stroke makes them as dark as the bold text around them.
    paint = "40 w B" if own == fonts.BOLD and face is not fonts.face(own) else "f"
    outline = face.outline(glyph)
    return f"{scale}{outline} {paint}" if outline else ""


def _drawn_map(drawn: list[tuple[str, str]]) -> bytes:
    lines = [
        f"<{code:02x}> <{character.encode('utf-16-be', 'replace').hex()}>\n".encode()
        for code, (character, _) in enumerate(drawn, start=1)
    ]
    sections = [lines[first : first + _RANGES] for first in range(0, len(lines), _RANGES)]
    bodies = [b"%d beginbfchar\n%bendbfchar\n" % (len(section), b"".join(section)) for section in sections]
    head = _IDENTITY_HEAD.replace(b"<0000> <FFFF>", b"<00> <FF>")
    return head + b"".join(bodies) + _CMAP_TAIL


def put_fonts(pdf: PdfFile, own: tuple[OwnFont, ...], drawn: DrawnFonts) -> bytes:
    """Write all fonts; the entries of the pages' font resources."""
    to_unicode = pdf.add_stream(b"", _identity_map())
    entries = [(font.resource, font.put(pdf, to_unicode)) for font in own] + drawn.put(pdf)
    return b"".join(b"/%b %d 0 R" % (resource.encode(), number) for resource, number in entries)
