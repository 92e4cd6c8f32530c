"""The few expressions of a template's scripts that are understood, as a tree. Nothing is ever evaluated.

ECMAScript as far as templates need it: paths, texts, numbers, `+ / && || ! == >= ?:` and calls. What is not of this
form raises `NotSimple`, and the importer lists the script.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

_LONGEST = 4_000  # characters of a script
_DEEPEST = 40  # expressions within each other
_MOST_LINKS = 100  # of a chain such as a + b + c or a.b.c
_MOST_DIGITS = 15


class NotSimple(ValueError):
    """A script that says more than this file reads."""


class Token(NamedTuple):
    """`kind` is name, number, text, sign or end."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number, true, false, null or undefined (both None)."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`of.key`, also written of['key'] and of[0]."""

    of: "Expression"
    key: str


@dataclass(frozen=True, slots=True)
class Item:
    """`of[index]` with a variable as index."""

    of: "Expression"
    index: str


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`."""

    function: "Expression"
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`sign of`: ! - typeof."""

    sign: str
    of: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left sign right`."""

    sign: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? yes : no`."""

    condition: "Expression"
    yes: "Expression"
    no: "Expression"


Expression = Constant | Name | Member | Item | Call | Unary | Binary | Choice

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<name>(?:[^\W\d]|\$)[\w$]*)
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
      | (?P<sign>===|!==|==|!=|>=|<=|=>|&&|\|\||\+\+|--|\+=|-=|[-+*/%<>=!?:.,;(){}\[\]&|^~])""",
    re.VERBOSE | re.DOTALL,
)
_BINDING = (("||",), ("&&",), ("==", "===", "!=", "!=="), (">", ">=", "<", "<="), ("+", "-"), ("*", "/", "%"))
"""Signs between two expressions, those that bind least first."""

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "undefined": None}


def tokens(code: str) -> list[Token]:
    """The words and signs of a script, with an end. Raises NotSimple."""
    if len(code) > _LONGEST:
        raise NotSimple("too long")
    found, place = [], 0
    while place < len(code):
        match = _TOKEN.match(code, place)
        if match is None:
            raise NotSimple(f"at {place}")
        place = match.end()
        if match.lastgroup not in (None, "blank"):
            found.append(Token(str(match.lastgroup), match[0]))
    return [*found, Token("end", "")]


def parse(code: str) -> Expression:
    """The expression that is all of `code`. Raises NotSimple."""
    reader = Reader(tokens(code))
    expression = reader.expression()
    reader.take_if(";")
    if reader.kind != "end":
        raise NotSimple(reader.text)
    return expression


class Reader:
    """Reads tokens one after the other."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self.place = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        return self._tokens[self.place].kind

    @property
    def text(self) -> str:
        return self._tokens[self.place].text

    def is_sign(self, *signs: str) -> bool:
        """Whether one of the signs comes next."""
        return self.kind == "sign" and self.text in signs

    def is_word(self, *words: str) -> bool:
        """Whether one of the words comes next."""
        return self.kind == "name" and self.text in words

    def take_if(self, *texts: str) -> bool:
        """Steps over the sign or word if it is the next."""
        if self.kind in ("sign", "name") and self.text in texts:
            self.place += 1
            return True
        return False

    def take(self, text: str) -> None:
        """Steps over the sign or word. Raises NotSimple when another one comes."""
        if not self.take_if(text):
            raise NotSimple(self.text)

    def name(self) -> str:
        """The name that comes next. Raises NotSimple."""
        if self.kind != "name":
            raise NotSimple(self.text)
        self.place += 1
        return self._tokens[self.place - 1].text

    def expression(self) -> Expression:
        """Raises NotSimple."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotSimple("too deep")
        condition = self._binary(0)
        if self.take_if("?"):
            yes = self.expression()
            self.take(":")
            condition = Choice(condition, yes, self.expression())
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Expression:
        if level == len(_BINDING):
            return self._unary()
        left = self._binary(level + 1)
        for _ in range(_MOST_LINKS):
            if not self.is_sign(*_BINDING[level]):
                return left
            sign = self.text
            self.place += 1
            left = Binary(sign, left, self._binary(level + 1))
        raise NotSimple("too long")

    def _unary(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotSimple("too deep")
        for sign in ("!", "-", "typeof"):
            if self.take_if(sign):
                found: Expression = Unary(sign, self._unary())
                break
        else:
            found = self._behind(self._primary())
        self._depth -= 1
        return found

    def _primary(self) -> Expression:
        kind, text = self._tokens[self.place]
        if self.take_if("("):
            inner = self.expression()
            self.take(")")
            return inner
        self.place += 1
        if kind == "name":
            return Constant(_WORDS[text]) if text in _WORDS else Name(text)
        if kind == "number":
            if len(text) > _MOST_DIGITS:
                raise NotSimple(text)
            return Constant(float(text) if "." in text else int(text))
        if kind == "text":
            return Constant(_unquoted(text))
        raise NotSimple(text)

    def _behind(self, of: Expression) -> Expression:
        for _ in range(_MOST_LINKS):
            if self.take_if("."):
                of = Member(of, self.name())
            elif self.take_if("["):
                of = self._item(of)
                self.take("]")
            elif self.take_if("("):
                of = Call(of, self._arguments())
            else:
                return of
        raise NotSimple("too long")

    def _item(self, of: Expression) -> Expression:
        index = self.expression()
        match index:
            case Constant(str() as key):
                return Member(of, key)
            case Constant(int() as place) if not isinstance(place, bool):
                return Member(of, str(place))
            case Name(variable):
                return Item(of, variable)
            case _:
                raise NotSimple("index")

    def _arguments(self) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self.take_if(")"):
            if found:
                self.take(",")
            found.append(self.expression())
        return tuple(found)


def _unquoted(text: str) -> str:
    def meant(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if code:
            return chr(int(code, 16))
        return _LETTERS.get(match[3], match[3])

    units = _ESCAPE.sub(meant, text[1:-1])
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_PLAIN = re.compile(r"[^\x20-\x7e一-鿿　-〿！-～]|['\\]|[<>%&\]]")


def quoted(text: str) -> str:
    """A text as a script writes it; what could end the script, the markup or the text is written by its number."""
    return f"'{_PLAIN.sub(lambda match: _numbered(match[0]), text)}'"


def _numbered(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
