"""The statements of a template's scripts, and what stands between them: if, else and for around text or elements.

`<% if (_data.a) { %> ... <% } else { %> ... <% } %>` becomes a `Branching`, a loop a `Looping`; both hold what stands
in them. Other statements are noted and skipped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from miandan.kernel.errors import Refusal
from miandan.labels.importers.cainiao_expressions import (
    Binary,
    Constant,
    Expression,
    Member,
    Name,
    NotSimple,
    Reader,
    parse,
    tokens,
)
from miandan.labels.importers.cainiao_markup import Chars, Element, Script
from miandan.labels.importers.imported import MOST_LEVELS, Notes


@dataclass(frozen=True, slots=True)
class Output:
    """`<%= expression %>`."""

    expression: Expression
    place: str
    code: str


@dataclass(frozen=True, slots=True)
class Alias:
    """`var name = expression;`"""

    name: str
    expression: Expression
    place: str
    code: str


@dataclass(slots=True)
class Branch:
    """What stands behind one condition; None is the else, and a condition that cannot be read is `odd`."""

    condition: Expression | None
    place: str
    code: str
    odd: bool = False
    body: list["Part"] = field(default_factory=list)


@dataclass(slots=True)
class Branching:
    """if, else if, else."""

    branches: list[Branch]


@dataclass(slots=True)
class Looping:
    """A loop over a list; `index` counts, `item` is the row, where the script names them."""

    over: Expression
    index: str
    item: str
    place: str
    code: str
    body: list["Part"] = field(default_factory=list)


Part = Element | Chars | Output | Alias | Branching | Looping


def structured(children: Iterable[Element | Chars | Script], notes: Notes) -> list[Part]:
    """What stands within one element, put into the blocks that its scripts open and close."""
    building = _Building(notes)
    for child in children:
        if isinstance(child, Script):
            building.script(child)
        else:
            building.put(child)
    return building.closed()


class _Building:
    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._all: list[Part] = []
        self._open: list[Branching | Looping] = []
        self._bodies: list[list[Part]] = [self._all]

    def put(self, part: Part) -> None:
        """Into the innermost open block."""
        self._bodies[-1].append(part)

    def script(self, script: Script) -> None:
        """Opens and closes blocks as the script says."""
        if script.kind == "@":
            self._notes.add(script.place, script.code, "include")
        elif script.kind == "=":
            self._output(script)
        else:
            self._statements(script)

    def _output(self, script: Script) -> None:
        try:
            self.put(Output(parse(script.code), script.place, script.code))
        except NotSimple:
            self._notes.add(script.place, script.code, "script")

    def _statements(self, script: Script) -> None:
        try:
            reader = Reader(tokens(script.code))
        except NotSimple:
            self._notes.add(script.place, script.code, "script")
            return
        while reader.kind != "end":
            before = reader.place
            try:
                self._statement(reader, script)
            except NotSimple:
                self._notes.add(script.place, script.code, "script")
                reader.place = before
                self._skipped(reader, script)
                reader.place = max(reader.place, before + 1)

    def _statement(self, reader: Reader, script: Script) -> None:
        if reader.take_if(";"):
            return
        if reader.take_if("}"):
            self._closing(reader, script)
        elif reader.take_if("if"):
            condition = _condition(reader)
            self._opened(Branching([Branch(condition, script.place, script.code)]))
        elif reader.take_if("for"):
            self._opened(_loop(reader, script))
        elif reader.is_word("var", "let", "const"):
            self.put(_alias(reader, script))
        else:
            self._opened(_for_each(reader, script))

    def _closing(self, reader: Reader, script: Script) -> None:
        if not self._open:
            raise NotSimple("nothing is open")
        block = self._open[-1]
        if isinstance(block, Branching) and reader.take_if("else"):
            branch = self._else(reader, script)
            block.branches.append(branch)
            self._bodies[-1] = branch.body
            return
        reader.take_if(")")
        self._open.pop()
        self._bodies.pop()

    def _else(self, reader: Reader, script: Script) -> Branch:
        before = reader.place
        try:
            if reader.take_if("if"):
                return Branch(_condition(reader), script.place, script.code)
            reader.take("{")
            return Branch(None, script.place, script.code)
        except NotSimple:
            self._notes.add(script.place, script.code, "script")
            reader.place = before
            while reader.kind != "end" and not reader.take_if("{"):
                reader.place += 1
            return Branch(None, script.place, script.code, odd=True)

    def _opened(self, block: Branching | Looping) -> None:
        if len(self._open) >= MOST_LEVELS:
            raise Refusal("labels.import_too_complex", most=MOST_LEVELS)
        self.put(block)
        self._open.append(block)
        self._bodies.append(block.body if isinstance(block, Looping) else block.branches[0].body)

    def _skipped(self, reader: Reader, script: Script) -> None:
        """Past a statement that is not understood; a block that it leaves open is shown whatever its condition says."""
        depth = 0
        is_if = reader.is_word("if")
        while reader.kind != "end":
            if reader.is_sign("{"):
                depth += 1
            elif reader.is_sign("}"):
                if depth == 0:
                    break
                depth -= 1
            ends = depth == 0 and reader.is_sign(";", "}")
            reader.place += 1
            if ends:
                break
        for _ in range(depth):
            if is_if:
                self._opened(Branching([Branch(None, script.place, script.code, odd=True)]))
            else:
                self._opened(Looping(Constant(None), "", "", script.place, script.code))
            is_if = False

    def closed(self) -> list[Part]:
        """All parts; blocks that are still open are noted."""
        for block in self._open:
            place, code = (
                (block.branches[0].place, block.branches[0].code)
                if isinstance(block, Branching)
                else (block.place, block.code)
            )
            self._notes.add(place, code, "not_closed")
        return self._all


def _condition(reader: Reader) -> Expression:
    reader.take("(")
    condition = reader.expression()
    reader.take(")")
    reader.take("{")
    return condition


def _alias(reader: Reader, script: Script) -> Alias:
    reader.place += 1
    name = reader.name()
    reader.take("=")
    alias = Alias(name, reader.expression(), script.place, script.code)
    if reader.kind != "end" and not reader.is_sign("}"):
        reader.take(";")
    return alias


def _loop(reader: Reader, script: Script) -> Looping:
    """for (var i = 0; i < list.length; i++) {, for (var i in list) {, for (var item of list) {"""
    reader.take("(")
    _ = reader.take_if("var", "let", "const")
    name = reader.name()
    is_index = reader.is_word("in")
    if reader.take_if("in", "of"):
        over = reader.expression()
        reader.take(")")
        reader.take("{")
        index, item = (name, "") if is_index else ("", name)
        return Looping(over, index, item, script.place, script.code)
    reader.take("=")
    start = reader.expression()
    reader.take(";")
    over = _counted(reader.expression(), start, name)
    reader.take(";")
    _step(reader, name)
    reader.take(")")
    reader.take("{")
    return Looping(over, name, "", script.place, script.code)


def _counted(condition: Expression, start: Expression, name: str) -> Expression:
    match start, condition:
        case Constant(0), Binary("<", Name(counter), Member(over, "length")) if counter == name:
            return over
    raise NotSimple("not from 0 to the end")


def _step(reader: Reader, name: str) -> None:
    """i++, ++i or i += 1"""
    if reader.take_if("++"):
        reader.take(name)
        return
    reader.take(name)
    if reader.take_if("+="):
        if reader.text != "1":
            raise NotSimple("step")
        reader.place += 1
        return
    reader.take("++")


def _for_each(reader: Reader, script: Script) -> Looping:
    """list.forEach(function (item, i) { or list.forEach((item, i) => {"""
    over: Expression = Name(reader.name())
    names: list[str] = []
    while reader.take_if("."):
        key = reader.name()
        if key == "forEach":
            reader.take("(")
            names = list(_parameters(reader))
            reader.take("{")
            break
        over = Member(over, key)
    if not names:
        raise NotSimple("no loop")
    return Looping(over, names[1] if len(names) > 1 else "", names[0], script.place, script.code)


def _parameters(reader: Reader) -> Iterator[str]:
    arrow = not reader.take_if("function")
    if reader.kind == "name":
        yield reader.name()
    else:
        reader.take("(")
        yield reader.name()
        while reader.take_if(","):
            yield reader.name()
        reader.take(")")
    if arrow:
        reader.take("=>")
