"""The two faces that every label is set in, and where a character comes from when they lack it.

Noto Sans SC regular and bold lie beside the code (OFL, font_files/OFL.txt). `plain()` is the set of characters that
both hold and that are safe to print; the rest is looked for in installed fonts or drawn as a box.
"""

import re
import tomllib
import unicodedata
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import uharfbuzz as hb

REGULAR = "NotoSansSC-Regular.ttf"
BOLD = "NotoSansSC-Bold.ttf"
UNITS = 1000  # glyph lengths are given in thousandths of the font size
# Nothing but glyphs and their widths: a PDF's reader looks characters up in our own tables.
_DROPPED = (
    "GSUB",
    "GPOS",
    "GDEF",
    "BASE",
    "STAT",
    "vhea",
    "vmtx",
    "VORG",
    "name",
    "post",
    "OS/2",
    "DSIG",
    "gasp",
    "cmap",
)
_DROPPED_FOR_WEB = tuple(tag for tag in _DROPPED if tag not in ("cmap", "name", "post", "OS/2"))
_UNPRINTABLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Subset:
    """A font file with the asked characters only; `glyphs` holds at each code point the number of the glyph that draws
    it, up to the last one that has any."""

    data: bytes
    glyphs: "array[int]"


class Face:
    """One font file, opened; `advance` maps a character to its width in thousandths of the font size."""

    def __init__(self, path: Path, index: int = 0) -> None:
        self.path = path
        self.index = index
        self._hb = hb.Face(hb.Blob.from_file_path(str(path)), index)
        self._font = hb.Font(self._hb)
        self._scale: float = UNITS / self._hb.upem
        self.advance = Advances(self)

    def characters(self) -> Iterable[int]:
        """Code points that the face can draw."""
        codes: Iterable[int] = self._hb.unicodes
        return codes

    def glyph(self, character: str) -> int | None:
        """Number of the character's glyph in the file."""
        found: int | None = self._font.get_nominal_glyph(ord(character))
        return found

    def width(self, glyph: int) -> int:
        """Advance of a glyph, in thousandths of the font size."""
        advance: int = self._font.get_glyph_h_advance(glyph)
        return round(advance * self._scale)

    def outline(self, glyph: int) -> str:
        """The glyph as PDF path operators, in thousandths of the font size; empty for a blank one."""
        pen = _PathPen(self._scale)
        self._font.draw_glyph_with_pen(glyph, pen)
        return " ".join(pen.operators)

    def subset(self, characters: Collection[int]) -> Subset:
        """The file reduced to the code points `characters` (up to U+FFFF), all of which it must hold; hints are left
        out."""
        plan = self._plan(characters, _DROPPED)
        new = plan.old_to_new_glyph_mapping
        glyphs = array("H", bytes(2 * (max(characters) + 1)))
        for code, old in plan.unicode_to_old_glyph_mapping.items():
            glyphs[code] = new[old]
        return Subset(plan.execute().blob.data, glyphs)

    def web_subset(self, characters: Iterable[int]) -> bytes:
        """The same as a font file of its own, which a browser takes: it looks characters up in the file."""
        data: bytes = self._plan(characters, _DROPPED_FOR_WEB).execute().blob.data
        return data

    def _plan(self, characters: Iterable[int], dropped: Iterable[str]) -> Any:
        wanted = hb.SubsetInput()
        wanted.unicode_set.update(characters)
        wanted.drop_table_tag_set.update(int.from_bytes(tag.encode()) for tag in dropped)
        wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NO_LAYOUT_CLOSURE
        return hb.SubsetPlan(self._hb, wanted)


# ASCII without the question mark, ideographs, and the marks that are made as wide as ideographs.
_all_even = re.compile("[ ->@-~\u3001-\u3020\u3400-\u9fff\uff01-\uff5e]*").fullmatch


class Advances(dict[str, int]):
    """Widths of a face's characters in thousandths of the font size.

    Thousands of ideographs take up more memory than the processor keeps at hand, and nearly each look-up of one would
    wait for it; as all are of one width, `of` and `totals` turn them into question marks before they look.
    """

    def __init__(self, face: Face) -> None:
        super().__init__()
        self._face = face
        self._by_byte = [self[chr(code)] for code in range(128)]
        self._by_byte[ord("?")] = UNITS

    def of(self, text: str) -> Iterator[int]:
        """The width of each character."""
        if not text.isascii() and _all_even(text):
            return map(self._by_byte.__getitem__, text.encode("ascii", "replace"))
        return map(self.__getitem__, text)

    def totals(self, texts: Sequence[str]) -> list[int]:
        """The width of each text."""
        together = "".join(texts)
        if not together.isascii() and _all_even(together):
            by_byte = self._by_byte.__getitem__
            return [sum(map(by_byte, text.encode("ascii", "replace"))) for text in texts]
        one = self.__getitem__
        return [sum(map(one, text)) for text in texts]

    def __missing__(self, character: str) -> int:
        glyph = self._face.glyph(character)
        # What the face lacks is drawn as wide as an ideograph at most (see pdf/fonts.py).
        width = UNITS if glyph is None else min(UNITS, self._face.width(glyph))
        self[character] = width
        return width


class _PathPen:
    """Writes an outline down as PDF operators; PDF has no quadratic curves, so those are raised to cubic ones."""

    def __init__(self, scale: float) -> None:
        self.operators: list[str] = []
        self._scale = scale
        self._at = (0.0, 0.0)

    def _put(self, operator: str, *points: tuple[float, float]) -> None:
        numbers = " ".join(f"{x * self._scale:.0f} {y * self._scale:.0f}" for x, y in points)
        self.operators.append(f"{numbers} {operator}")
        self._at = points[-1]

    def moveTo(self, to: tuple[float, float]) -> None:
        self._put("m", to)

    def lineTo(self, to: tuple[float, float]) -> None:
        self._put("l", to)

    def curveTo(self, first: tuple[float, float], second: tuple[float, float], to: tuple[float, float]) -> None:
        self._put("c", first, second, to)

    def qCurveTo(self, off: tuple[float, float], to: tuple[float, float]) -> None:
        first = tuple(a + 2 / 3 * (b - a) for a, b in zip(self._at, off, strict=True))
        second = tuple(a + 2 / 3 * (b - a) for a, b in zip(to, off, strict=True))
        self._put("c", (first[0], first[1]), (second[0], second[1]), to)

    def closePath(self) -> None:
        self.operators.append("h")


@cache
def face(name: str) -> Face:
    """One of our own two faces, opened at first need."""
    with resources.as_file(resources.files(__package__).joinpath("font_files", name)) as path:
        return Face(path)


@cache
def plain() -> frozenset[str]:
    """Characters that both faces hold, that one UTF-16 unit names, and that take up space as one expects."""
    both = set(face(REGULAR).characters()) & set(face(BOLD).characters())
    return frozenset(
        character
        for character in map(chr, both)
        if character <= "\uffff"
        and unicodedata.category(character) not in _UNPRINTABLE
        and (_is_ideograph(character) or face(BOLD).advance[character] <= UNITS)
    )


@cache
def all_plain() -> Callable[[str], object | None]:
    """Answers whether a text is all of `plain()`; asked for every text, so it is a pattern: ten times a set's speed."""
    codes = sorted(map(ord, plain()))
    starts = [code for code, before in zip(codes, [-1, *codes], strict=False) if code != before + 1]
    ends = [code for code, behind in zip(codes, [*codes[1:], -1], strict=True) if code + 1 != behind]
    ranges = (f"\\u{start:04x}-\\u{end:04x}" for start, end in zip(starts, ends, strict=True))
    return re.compile(f"[{''.join(ranges)}]*").fullmatch


def _is_ideograph(character: str) -> bool:
    """One of the 28,000 that are all of one width and need no measuring."""
    return "\u3400" <= character <= "\u9fff"


@cache
def fallbacks() -> tuple[Face, ...]:
    """The installed fonts of fonts.toml that exist here, in its order."""
    rows = tomllib.loads(resources.files(__package__).joinpath("fonts.toml").read_text(encoding="utf-8"))["fallback"]
    return tuple(Face(Path(row["path"]), row["index"]) for row in rows if Path(row["path"]).is_file())


@cache
def drawn_by(character: str, own: str) -> tuple[Face, int] | None:
    """Face and glyph that draw a character outside `plain()`, our own face `own` first; None when nothing has it."""
    for candidate in (face(own), *fallbacks()):
        glyph = candidate.glyph(character)
        if glyph:
            return candidate, glyph
    return None
