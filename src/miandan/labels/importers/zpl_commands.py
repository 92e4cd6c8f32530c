"""A ZPL II file as its commands, each with the byte where it begins; the ZPL II programming guide is the source."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_COMMANDS = 50_000
_RESET = re.compile(rb"\s*(\x10)?CT~~CD,~CC\^~CT~")
"""With which Zebra's own programs begin a file, whatever signs the printer was left with."""

_BINARY = re.compile(rb"B\s*,\s*(\d{1,7})\s*,\s*(\d{1,7})\s*,\s*(\d{1,5})\s*,")


@dataclass(frozen=True, slots=True)
class Command:
    """`name` as ^FO or ~SD; `data` is everything up to the next command, line breaks removed."""

    name: str
    data: bytes
    place: int
    separator: bytes = b","

    @property
    def words(self) -> list[str]:
        """The parameters, as far as they are letters and digits."""
        return [word.strip() for word in self.data.decode("latin-1").split(self.separator.decode("latin-1"))]

    def word(self, at: int, default: str = "") -> str:
        """One parameter; an empty one is the default."""
        words = self.words
        return words[at] if at < len(words) and words[at] else default

    def number(self, at: int, default: int) -> int:
        """A whole number; what is none, or beyond what a label can be, is the default."""
        found = re.match(r"-?\d{1,6}", self.word(at))
        return int(found[0]) if found else default


def commands(data: bytes) -> Iterator[Command]:
    """The commands in their order; ^CC, ^CT and ^CD change the signs, as they do in a printer."""
    caret, tilde, comma = b"^", b"~", b","
    reset = _RESET.match(data)
    place = _next(data, reset.end() if reset else 0, caret, tilde)
    for _ in range(_MOST_COMMANDS):
        if place < 0:
            return
        if data[place + 1 : place + 2] in (caret, tilde):
            place += 1
            continue
        sign = "^" if data[place : place + 1] == caret else "~"
        name, start = _named(data, place, sign)
        if name in ("^CC", "~CC", "^CT", "~CT", "^CD", "~CD"):
            changed = data[start : start + 1]
            caret, tilde, comma = _signs(name, changed, (caret, tilde, comma))
            yield Command(name, changed, place)
            place = _next(data, start + 1, caret, tilde)
            continue
        binary = _BINARY.match(data, start) if name == "^GF" else None
        end = _next(data, binary.end() + int(binary[1]) if binary else start, caret, tilde)
        whole = data[start : end if end >= 0 else len(data)]
        yield Command(name, whole if binary else re.sub(rb"[\r\n\t]", b"", whole), place, comma)
        place = end


def _signs(name: str, sign: bytes, now: tuple[bytes, bytes, bytes]) -> tuple[bytes, bytes, bytes]:
    if not sign:
        return now
    at = "CTD".index(name[2])
    return tuple(sign if place == at else one for place, one in enumerate(now))  # type: ignore[return-value]


def _next(data: bytes, start: int, caret: bytes, tilde: bytes) -> int:
    places = [place for place in (data.find(caret, start), data.find(tilde, start)) if place >= 0]
    return min(places, default=-1)


def _named(data: bytes, place: int, sign: str) -> tuple[str, int]:
    """The command's name and where its parameters begin; the font of ^A is a parameter."""
    letters = data[place + 1 : place + 3].decode("latin-1").upper()
    if sign == "^" and letters[:1] == "A" and letters[1:2] != "@":
        return "^A", place + 2
    return sign + letters, place + 3
