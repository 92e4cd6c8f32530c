"""Tells ciphertext from what people write, by its shape alone: ours, and what other platforms hand to merchants.

No key is needed and none is touched. Whether our own ciphertext opens is for the vault to find out; what a file
reader has to know is only that a cell holds no name, no phone and no address that anybody could print.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

OWN_KEY_BLOCK = b"MD\x01"
"""First bytes of the key block in ciphertext that we issue; others begin with a protobuf tag, never with these."""

_OWN_KEY_BLOCK_TEXT = "TUQB"
"""`OWN_KEY_BLOCK` in base64; three bytes become exactly four characters."""

_BODY = r"[A-Za-z0-9+/=*_.-]{16,}"
_MARKED = re.compile(rf"([$#~])(?P<index>[A-Za-z0-9+/=_.-]*)\1(?P<body>{_BODY})\1\d{{1,3}}\1{{1,2}}")
_MARKED_BARE = re.compile(rf"([$#~])(?P<body>{_BODY})\1")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_PIECES = re.compile(r"[!-+\--9<-{}~]{18,}")
"""Runs of printable ASCII without comma, colon, semicolon and bar."""

_JD_PHONE_LENGTH = 70
"""Characters of a phone in JD's merchant exports since the privacy plan (reference/needs.md, J3)."""

_SHORTEST = 18
"""Characters: nothing shorter can be ciphertext of any known shape."""

_LEAST_CHANGES = 0.40
"""Share of neighbours of another class (capital, small, digit, sign): 0.64 in random base64, 0.25 in CamelCase."""


class CiphertextKind(StrEnum):
    OWN = "own"
    MARKED = "marked"
    """`$...$`, `#...#` or `~...~`, as Doudian and its likes write it."""
    JD_PHONE = "jd_phone"
    OPAQUE = "opaque"
    """Long base64 or hexadecimal of unknown origin."""


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """What the shape of a text says about it."""

    kind: CiphertextKind
    marks_phone: bool
    """True when the shape itself says that a phone is inside (`$...$`, JD's 70 characters)."""

    @property
    def is_own(self) -> bool:
        return self.kind is CiphertextKind.OWN


def recognise(text: str) -> Ciphertext | None:
    """What kind of ciphertext the whole of `text` is, or None when it is something that people write.

    Shapes: reference/doudian.md section 3 (`$index$body$1$$` for phones, `#index#body#1##` for names and addresses,
    `~...~` for ids), JD's phone of 70 characters, base64 or hexadecimal of at least 32 characters. A text with a
    Chinese character, a blank or a comma is never ciphertext; neither is a phone, an e-mail address or a word.
    """
    if len(text) < _SHORTEST or not text.isascii():
        return None
    text = text.strip()
    marked = _MARKED.fullmatch(text) or _MARKED_BARE.fullmatch(text)
    if marked:
        return _of_marked(text[0], marked["body"])
    if _BASE64.fullmatch(text) and _looks_random(text):
        is_jd = len(text) == _JD_PHONE_LENGTH
        return Ciphertext(CiphertextKind.JD_PHONE if is_jd else CiphertextKind.OPAQUE, marks_phone=is_jd)
    if _HEX.fullmatch(text) and _mixes_digits_and_letters(text):
        return Ciphertext(CiphertextKind.OPAQUE, marks_phone=False)
    return None


def find(text: str) -> list[tuple[str, Ciphertext]]:
    """Every piece of `text` that is ciphertext, in reading order, for recipients pasted into one cell.

    Pieces end at blanks, commas, colons, bars and at every Chinese character.
    """
    if len(text) < _SHORTEST:
        return []
    pieces = ((piece, recognise(piece)) for piece in _PIECES.findall(text))
    return [(piece, kind) for piece, kind in pieces if kind is not None]


def _of_marked(mark: str, body: str) -> Ciphertext | None:
    key_block = body.partition("*")[2]
    if key_block.startswith(_OWN_KEY_BLOCK_TEXT):
        return Ciphertext(CiphertextKind.OWN, marks_phone=mark == "$")
    if not (_looks_random(body) or _mixes_digits_and_letters(body)):
        return None
    return Ciphertext(CiphertextKind.MARKED, marks_phone=mark == "$")


def _mixes_digits_and_letters(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= 4 and sum(map(str.isalpha, text)) >= 4


def _looks_random(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text) and _changes(text) >= _LEAST_CHANGES


def _changes(text: str) -> float:
    """Share of neighbouring characters that belong to different classes."""
    classes = [_class_of(character) for character in text]
    return sum(left != right for left, right in pairwise(classes)) / max(1, len(text) - 1)


def _class_of(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "capital" if character.isupper() else "small"
    return "sign"
