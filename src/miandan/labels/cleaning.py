"""Makes any text printable without hiding that something was in it.

Line breaks become spaces, characters without a picture go, direction marks and what no font can draw leave a box.
Texts of ordinary characters never come here (see `fonts.plain`).
"""

import unicodedata
from dataclasses import dataclass

from miandan.labels import fonts
from miandan.labels.model import WarningKind

BOX = "□"
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Joiners and variation selectors choose among shapes; without them the ordinary shape is printed.
_SHAPERS = frozenset(
    map(chr, [0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)
_EMOJI = ((0x1F000, 0x1FAFF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x2300, 0x23FF), (0xE0020, 0xE007F))


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Printable text, and why it differs from, or needs more fonts than, the ordinary."""

    text: str
    kinds: frozenset[WarningKind]


def clean(text: str, own: str) -> Cleaned:
    """`text` as it can be set with our own face `own`, the installed fonts and boxes."""
    kinds: set[WarningKind] = set()
    plain = fonts.plain()
    kept = [character if character in plain else _printable(character, own, kinds) for character in text]
    return Cleaned("".join(kept), frozenset(kinds))


def _printable(character: str, own: str, kinds: set[WarningKind]) -> str:
    if character in "\t\n\r\v\f\x85\u2028\u2029":
        return " "
    if character in _SHAPERS:
        return ""
    category = unicodedata.category(character)
    if character in _DIRECTION or category == "Cs":
        kinds.add(WarningKind.CONTROL_CHARACTER)
        return BOX
    if category in ("Cc", "Cf"):
        kinds.add(WarningKind.CONTROL_CHARACTER)
        return ""
    if drawer(character, own) is None:
        kinds.add(WarningKind.EMOJI if _is_emoji(character) else WarningKind.RARE_CHARACTER)
    return character


def drawer(character: str, own: str) -> tuple[fonts.Face, int] | None:
    """Face and glyph for a character that our face `own` lacks; None when a box has to stand for it.

    Emoji are boxes whether or not a font has them, and so are private characters, which every font draws as it likes.
    """
    if _is_emoji(character) or unicodedata.category(character) == "Co":
        return None
    return fonts.drawn_by(character, own)


def _is_emoji(character: str) -> bool:
    code = ord(character)
    return any(first <= code <= last for first, last in _EMOJI)
