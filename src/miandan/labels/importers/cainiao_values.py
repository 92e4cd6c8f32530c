"""What an expression of a script reads: a field of the label, of a goods line, or texts put together from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as altered

from msgspec.structs import replace

from miandan.labels.importers.cainiao_expressions import (
    Binary,
    Call,
    Choice,
    Constant,
    Expression,
    Item,
    Member,
    Name,
    NotSimple,
    Unary,
)
from miandan.labels.importers.cainiao_paths import Meaning, Use, goods_field, is_goods, ours_of
from miandan.labels.template import Field, Literally, Value

ROOT = "_data"
_SEPARATORS = frozenset({"", "/", ",", "，", "、", "|", ";", "；"})  # between a mobile and a fixed number


@dataclass(frozen=True, slots=True)
class Scope:
    """What names stand for at a place: parts of the data, and in a loop over goods its row and index."""

    names: Mapping[str, str] = field(default_factory=lambda: {ROOT: ""})  # to the path below the data
    rows: str = ""  # the path of the list that a loop goes through
    item: str = ""
    index: str = ""
    use: Use = "text"

    def naming(self, name: str, path: str) -> "Scope":
        """With a variable more."""
        return altered(self, names={**self.names, name: path})

    def in_loop(self, rows: str, index: str, item: str) -> "Scope":
        """Within a loop over the list `rows`."""
        return altered(self, rows=rows, index=index, item=item)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a value, with the foreign path that it came from."""

    part: Field | Literally
    meaning: Meaning | None = None


def path_of(expression: Expression, scope: Scope) -> str:
    """The path below the data that an expression names. Raises NotSimple."""
    match expression:
        case Name(name) if name in scope.names and name not in (scope.item, scope.index):
            return scope.names[name]
        case Member(of, key):
            before = path_of(of, scope)
            return f"{before}.{key}" if before else key
    raise NotSimple("no path")


def row_field_of(expression: Expression, scope: Scope) -> str | None:
    """The name of a row's field inside a loop: list[i].name or item.name; None for what is no such thing."""
    if not scope.rows:
        return None
    match expression:
        case Member(Name(item), key) if scope.item and item == scope.item:
            return key
        case Member(Item(over, index), key) if scope.index and index == scope.index:
            return key if _path_or_none(over, scope) == scope.rows else None
        case Member(of, key):
            before = row_field_of(of, scope)
            return None if before is None else f"{before}.{key}"
    return None


def _path_or_none(expression: Expression, scope: Scope) -> str | None:
    try:
        return path_of(expression, scope)
    except NotSimple:
        return None


def list_of(expression: Expression, scope: Scope) -> tuple[str, bool]:
    """The path of a list, and whether it is known to be that of the goods. Raises NotSimple."""
    path = path_of(expression, scope)
    return path, is_goods(path)


def pieces_of(expression: Expression, scope: Scope) -> list[Piece]:
    """The parts of the text that an expression writes. Raises NotSimple."""
    match expression:
        case Constant(value):
            return [Piece(Literally(_written(value)))]
        case Binary("+", left, right):
            return _joined(left, right, scope)
        case Binary("||", left, Constant(value)):
            one = _only(pieces_of(left, scope))
            return [altered(one, part=replace(one.part, default=_written(value)))] if _is_field(one) else [one]
        case Binary("||", left, right):
            return _same(pieces_of(left, scope), pieces_of(right, scope))
        case Choice(condition, yes, Constant(value)):
            return _chosen(condition, yes, value, scope)
        case Call():
            return [_called(expression, scope)]
    return [_field(expression, scope)]


def _joined(left: Expression, right: Expression, scope: Scope) -> list[Piece]:
    match left, right:
        case Name(index), Constant(1) if scope.index and index == scope.index:
            return [Piece(Field("index"))]
        case (_, Constant(int() | float())) | (Constant(int() | float()), _):
            raise NotSimple("arithmetic")
    return pieces_of(left, scope) + pieces_of(right, scope)


def _chosen(condition: Expression, yes: Expression, otherwise: object, scope: Scope) -> list[Piece]:
    """a ? a : 'text', and yuan from fen: a ? (a / 100).toFixed(2) : ''"""
    if condition == yes:
        one = _only(pieces_of(yes, scope))
    else:
        one = _only([_called(yes, scope)] if isinstance(yes, Call) else [])
        of_fen = isinstance(yes, Call) and isinstance(yes.function, Member) and yes.function.key == "toFixed"
        if not of_fen or _only(pieces_of(condition, scope)).meaning != one.meaning:
            raise NotSimple("choice")
    if isinstance(one.part, Field):
        return [altered(one, part=replace(one.part, default=_written(otherwise)))]
    return [one]


def _called(call: Expression, scope: Scope) -> Piece:
    match call:
        case Call(Name("String"), (of,)) | Call(Member(of, "toString" | "trim"), ()):
            return _only(pieces_of(of, scope))
        case Call(Member(Binary("/", of, Constant(100)), "toFixed"), (Constant(2),)):
            return _changed(of, scope, money=True)
        case Call(Member(of, "toUpperCase"), ()):
            return _changed(of, scope, upper=True)
        case Call(Member(of, "join"), (Constant(str() as join),)):
            return _changed(of, scope, join=join)
        case Call(Member(of, "slice" | "substring" | "substr" as how), arguments):
            return _changed(of, scope, slice=_slice(how, arguments))
    raise NotSimple("function")


def _changed(of: Expression, scope: Scope, **changes: object) -> Piece:
    piece = _only(pieces_of(of, scope))
    if not isinstance(piece.part, Field) or piece.part.default or (piece.part.slice and "slice" in changes):
        raise NotSimple("functions in another order")
    return altered(piece, part=replace(piece.part, **changes))


def _slice(how: str, arguments: tuple[Expression, ...]) -> tuple[int, int]:
    start, *rest = (_whole(argument) for argument in arguments or (Constant(0),))
    end = rest[0] if rest else 0
    if rest and how == "substr":
        end += start
    if len(rest) > 1 or (rest and end == 0) or (how != "slice" and min(start, end) < 0):
        raise NotSimple("slice")
    return start, end


def _whole(expression: Expression) -> int:
    match expression:
        case Constant(int() as value) if not isinstance(value, bool):
            return value
        case Unary("-", Constant(int() as value)):
            return -value
    raise NotSimple("no whole number")


def _field(expression: Expression, scope: Scope) -> Piece:
    row = row_field_of(expression, scope)
    if row is not None:
        ours = goods_field(row)
        if ours is None:
            raise NotSimple("no field of a goods line")
        return Piece(Field(ours))
    path = path_of(expression, scope)
    if not path:
        raise NotSimple("all of the data")
    meaning = ours_of(path, scope.use)
    return Piece(Field(meaning.path, money=meaning.money), meaning)


def _only(pieces: list[Piece]) -> Piece:
    """The one piece that there is, or all pieces of one address as one."""
    if len(pieces) == 1:
        return pieces[0]
    meanings = [piece.meaning for piece in pieces]
    whole = next((piece for piece in pieces if piece.meaning is not None and piece.meaning.whole), None)
    if whole is None or any(one is None or one.path != whole.meaning.path for one in meanings if whole.meaning):
        raise NotSimple("not one")
    return whole


def _is_field(piece: Piece) -> bool:
    return isinstance(piece.part, Field)


def _same(left: list[Piece], right: list[Piece]) -> list[Piece]:
    """mobile || phone: two names for one field of ours."""
    one, other = _only(left), _only(right)
    if one.part == other.part and _is_field(one):
        return left
    raise NotSimple("alternatives")


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def value_of(pieces: list[Piece]) -> tuple[Value, list[str]]:
    """Pieces as a value: pieces of one address or of one person's two phones become one field.

    The second answer names the pieces of an address that stand without their detail; they stay custom, since our
    field would print the whole address.
    """
    alone: list[str] = []
    found: list[Piece] = []
    run: list[Piece] = []  # of one address
    for piece in [*pieces, Piece(Literally("x"))]:
        if run and not _continues(run, piece):
            found += _address(run, alone)
            run = []
        if run or (piece.meaning is not None and piece.meaning.part):
            run.append(piece)
        elif not _repeats(found, piece):
            found.append(piece)
    return merged([piece.part for piece in found[:-1]]), alone


def _continues(run: list[Piece], piece: Piece) -> bool:
    if isinstance(piece.part, Literally):
        return not piece.part.text.strip()
    first = run[0].meaning
    return piece.meaning is not None and piece.meaning.part and first is not None and piece.meaning.path == first.path


def _address(run: list[Piece], alone: list[str]) -> list[Piece]:
    """The run of pieces as one field, with the blanks behind it."""
    behind = [piece for piece in run[-1:] if isinstance(piece.part, Literally)]
    parts = [piece for piece in run if piece.meaning is not None]
    whole = next((piece for piece in parts if piece.meaning and piece.meaning.whole), None)
    if whole is not None:
        return [whole, *behind]
    alone += [piece.meaning.source for piece in parts if piece.meaning]
    return [
        altered(piece, part=replace(piece.part, path=f"custom.{piece.meaning.source}"))
        if piece.meaning is not None and isinstance(piece.part, Field)
        else piece
        for piece in run
    ]


def _repeats(found: list[Piece], piece: Piece) -> bool:
    """Whether the piece is the same field by its other name (mobile, then phone); what stood between goes too."""
    if piece.meaning is None or not found:
        return False
    at = len(found) - 1
    between = found[at].part
    if isinstance(between, Literally) and between.text.strip() in _SEPARATORS and at:
        at -= 1
    before = found[at]
    if before.part != piece.part or before.meaning is None or before.meaning.source == piece.meaning.source:
        return False
    del found[at + 1 :]
    return True


def merged(parts: Iterable[Field | Literally]) -> Value:
    """The parts with texts that follow each other joined, and empty ones left out."""
    found: list[Field | Literally] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Literally) and isinstance(last, Literally):
            found[-1] = Literally(last.text + part.text)
        elif not isinstance(part, Literally) or part.text:
            found.append(part)
    return tuple(found)
