"""The XML of a template with its scripts taken out first, as elements that know line and column.

Scripts stand where XML allows none (in attributes, between quotes, with `<` and `&`), so they are cut out and a mark
is left in their place; what remains is read by expat with document types refused, so there are no entities at all.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from miandan.kernel.errors import Refusal
from miandan.labels.importers.imported import MOST_LEVELS, Notes
from miandan.labels.importers.reading import broken, decoded

_MOST_ELEMENTS = 20_000
_MOST_SCRIPTS = 20_000


@dataclass(frozen=True, slots=True)
class Script:
    """`<% code %>`; `kind` is "=" for a value, "@" for an include, "" for statements."""

    kind: str
    code: str
    place: str


@dataclass(frozen=True, slots=True)
class Chars:
    """Text between tags; `literal` when it stood in a CDATA section."""

    text: str
    literal: bool
    place: str


Pieces = tuple[str | Script, ...]
"""An attribute's text with the scripts in it."""


@dataclass(slots=True)
class Element:
    """An element without the prefix of its name."""

    tag: str
    attributes: dict[str, Pieces]
    place: str
    children: "list[Element | Chars | Script]" = field(default_factory=list)


def read_markup(data: bytes, notes: Notes) -> Element:
    """The root element; scripts around it stand at its beginning.

    Raises Refusal labels.import_broken with the place, and labels.import_too_complex.
    """
    text = decoded(data)
    cut = _Cut(text, notes)
    return _Tree(cut).root


_STATES = {
    "text": re.compile(r"<!--|<!\[CDATA\[|<\\?%|<"),
    "comment": re.compile(r"-->|<%"),
    "cdata": re.compile(r"\]\]>|<%"),
    "tag": re.compile(r"""[>"']|<%"""),
    '"': re.compile(r'"|<%'),
    "'": re.compile(r"'|<%"),
}
_INTO = {"<!--": "comment", "<![CDATA[": "cdata", "<": "tag", "-->": "text", "]]>": "text", ">": "text"}


class _Cut:
    """The text without scripts, each replaced by a mark that keeps its line breaks."""

    def __init__(self, text: str, notes: Notes) -> None:
        self.scripts: list[Script] = []
        self.outside: list[Script] = []  # before and behind the root element
        self._notes = notes
        self._source = re.sub(r"^\s*<\?xml.*?\?>", lambda found: _blank(found[0]), text, count=1, flags=re.DOTALL)
        self._mark = next((chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text), None)
        self._starts = [0, *(match.end() for match in re.finditer("\n", self._source))]
        self._shifts: dict[int, list[tuple[int, int]]] = {}  # by line: column in `text`, what to add to it
        self._depth = 0
        self._line = self._column = 0  # in `text`, from 0
        self._written: list[str] = []
        self._run()
        self.text = "".join(self._written)

    def place(self, offset: int) -> str:
        """Line and column of an offset in the source, from 1."""
        line = bisect_right(self._starts, offset)
        return f"{line}:{offset - self._starts[line - 1] + 1}"

    def original(self, line: int, column: int) -> str:
        """The place in the source of a line (from 1) and column (from 0) of what was parsed."""
        shifts = self._shifts.get(line - 1, [])
        at = bisect_right(shifts, (column, 1 << 60))
        return f"{line}:{column + (shifts[at - 1][1] if at else 0) + 1}"

    def pieces(self, text: str) -> Iterator[str | Script]:
        """A text of the tree taken apart at the marks."""
        mark = self._mark or "\0"
        for index, part in enumerate(text.split(mark)):
            if index % 2:
                yield self.scripts[int(part.split(None, 1)[0])]
            elif part:
                yield part

    def _run(self) -> None:
        source, place, state, tag = self._source, 0, "text", 0
        while match := _STATES[state].search(source, place):
            token = match[0]
            self._write(source[place : match.start()])
            place = match.end()
            if token == "<%":
                place = self._script(match.start(), state)
            elif token == r"<\%":
                self._replace("&lt;%", match.start(), place)
            else:
                self._write(token)
                if state == "text" and token == "<":
                    tag = match.start()
                if state == "tag" and token == ">":
                    self._count(source[tag : tag + 2], source[place - 2])
                state = self._next(state, token)
        self._write(source[place:])

    def _next(self, state: str, token: str) -> str:
        if token in "\"'":
            return token if state == "tag" else "tag"
        return _INTO[token]

    def _count(self, opening: str, before: str) -> None:
        if opening == "</":
            self._depth -= 1
        elif before != "/" and opening not in ("<!", "<?"):
            self._depth += 1

    def _script(self, start: int, state: str) -> int:
        """Cuts out the script that begins at `start`; where it ends."""
        source = self._source
        end = source.find("%>", start + 2)
        place = self.place(start)
        if end < 0:
            broken(place, "脚本 <% 没有结束", "the script <% does not end")
        if len(self.scripts) >= _MOST_SCRIPTS or self._mark is None:
            raise Refusal("labels.import_too_complex", most=_MOST_SCRIPTS)
        kind = source[start + 2] if source[start + 2] in "=@" else ""
        script = Script(kind, source[start + 2 + len(kind) : end].strip(), place)
        breaks = "\n" * source.count("\n", start, end)
        if state == "tag":
            self._notes.add(place, script.code, "script_in_tag")
            self._replace(" " + breaks, start, end + 2)
        elif self._depth < 1 and state == "text":
            self.outside.append(script)
            self._replace(breaks, start, end + 2)
        else:
            self._replace(f"{self._mark}{len(self.scripts)} {breaks}{self._mark}", start, end + 2)
            self.scripts.append(script)
        return end + 2

    def _write(self, text: str) -> None:
        self._written.append(text)
        line, _, last = text.rpartition("\n")
        if line or text.startswith("\n"):
            self._line += text.count("\n")
            self._column = len(last)
        else:
            self._column += len(text)

    def _replace(self, by: str, start: int, end: int) -> None:
        """Writes something else for a part of the source; from there on columns are counted anew."""
        self._write(by)
        line = bisect_right(self._starts, end) - 1
        self._shifts.setdefault(self._line, []).append((self._column, end - self._starts[line] - self._column))


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


class _Tree:
    """Builds the elements from what expat tells."""

    def __init__(self, cut: _Cut) -> None:
        self._cut = cut
        self._open: list[Element] = []
        self._count = 0
        self._literal = False
        self._text: list[str] = []  # what expat gives in pieces, cut anywhere
        self._text_place = ""
        self._root: Element | None = None
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True  # fewer, longer pieces
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartCdataSectionHandler = lambda: self._turn_literal(True)
        parser.EndCdataSectionHandler = lambda: self._turn_literal(False)
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(cut.text.encode("utf-8", "replace"), True)
        except expat.ExpatError as error:
            self._broken(error.lineno, error.offset, expat.errors.messages.get(error.code, "") or str(error))
        self.root = self._whole()
        self.root.children[:0] = cut.outside

    def _whole(self) -> Element:
        return self._root or broken("1:1", "没有根元素", "no root element")

    def _broken(self, line: int, column: int, message: str) -> NoReturn:
        broken(self._cut.original(line, column), f"XML 有误（{message}）", f"faulty XML ({message})")

    def _place(self) -> str:
        return self._cut.original(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber)

    def _doctype(self, *_: object) -> NoReturn:
        broken(self._place(), "不接受 DOCTYPE 声明", "document types are not accepted")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) >= MOST_LEVELS:
            raise Refusal("labels.import_too_complex", most=_MOST_ELEMENTS)
        read = {key: tuple(self._cut.pieces(value)) for key, value in attributes.items()}
        element = Element(name.rpartition(":")[2], read, self._place())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._flush()
        self._open.pop()

    def _turn_literal(self, literal: bool) -> None:
        self._flush()
        self._literal = literal

    def _characters(self, text: str) -> None:
        if not self._text:
            self._text_place = self._place()
        self._text.append(text)

    def _flush(self) -> None:
        if not self._text or not self._open:
            return
        children = self._open[-1].children
        for piece in self._cut.pieces("".join(self._text)):
            children.append(Chars(piece, self._literal, self._text_place) if isinstance(piece, str) else piece)
        self._text.clear()
