"""What came of an import: the template, and everything of the original that it does not hold, each with its place."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from miandan.labels.template import CustomArea, Template

MOST_BYTES = 5_000_000  # of a file; a template with pictures is a tenth of that
MOST_NODES = 2_000
MOST_LEVELS = 60  # of elements within each other
_MOST_NOTES = 1_000
_LONGEST_WHAT = 80  # characters of a script that a note repeats


@dataclass(frozen=True, slots=True)
class Unsupported:
    """One thing that was not taken over as it stood.

    `place` is line:column of an XML file, a JSON path, the byte offset of a ZPL command or, of an export, the path
    of our node; `what` the element, attribute, script or command.
    """

    place: str
    what: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A template that passes every check, and what it lacks of the original."""

    template: Template | CustomArea
    unsupported: tuple[Unsupported, ...]


class Notes:
    """Collects what is not taken over, in the order in which it is met; the same thing at the same place once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Unsupported] = {}
        self._left_out = 0

    def add(self, place: str, what: str, reason: str, **fields: object) -> None:
        """`reason` is a key of reasons.toml, `fields` what its texts name."""
        what = " ".join(what.split())
        what = what if len(what) <= _LONGEST_WHAT else f"{what[:_LONGEST_WHAT]}…"
        key = (place, what, reason)
        if key in self._found:
            return
        if len(self._found) >= _MOST_NOTES:
            self._left_out += 1
            return
        zh, en = _reasons()[reason]
        self._found[key] = Unsupported(place, what, zh.format_map(fields), en.format_map(fields))

    def first(self, what: str, place: str, reason: str, **fields: object) -> None:
        """Like `add`, but once for a file: at the first place where `what` is met."""
        if not any(found[1:] == (what, reason) for found in self._found):
            self.add(place, what, reason, **fields)

    def all(self) -> tuple[Unsupported, ...]:
        """The notes by place; the last one counts those for which there was no room."""
        found = tuple(sorted(self._found.values(), key=lambda note: _position(note.place)))
        if not self._left_out:
            return found
        zh, en = _reasons()["more"]
        return (*found, Unsupported("", "…", zh.format(count=self._left_out), en.format(count=self._left_out)))


def _position(place: str) -> list[tuple[int, str]]:
    """Numbers in a place compare as numbers: 9:2 comes before 10:1."""
    return [(int(part[:9]), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", place)]


@cache
def _reasons() -> dict[str, tuple[str, str]]:
    text = resources.files(__package__).joinpath("reasons.toml").read_text(encoding="utf-8")
    return {key: (row["zh"], row["en"]) for key, row in tomllib.loads(text).items()}
