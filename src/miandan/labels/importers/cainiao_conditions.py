"""A script's condition as the conditions of our nodes: set, equal, at least, holding; several joined by `&&`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from msgspec.structs import replace

from miandan.labels.importers.cainiao_expressions import Binary, Call, Constant, Expression, Member, NotSimple, Unary
from miandan.labels.importers.cainiao_paths import is_goods, ours_of
from miandan.labels.importers.cainiao_values import Scope, path_of
from miandan.labels.model import LabelData
from miandan.labels.template import When, Whens

_LISTS = frozenset(one.name for one in fields(LabelData) if "tuple" in str(one.type))
_NUMBERS = frozenset(one.name for one in fields(LabelData) if one.type is int)
_OTHER_WAY = {"<": ">=", "<=": ">", "!=": "==", "!==": "==="}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def is_list(path: str) -> bool:
    """Whether a field of ours is a list."""
    return path in _LISTS


def is_number(path: str) -> bool:
    """Whether a field of ours is a whole number."""
    return path in _NUMBERS


@dataclass(frozen=True, slots=True)
class _Held:
    """One condition and the foreign path that it asks for."""

    when: When
    source: str


def whens_of(condition: Expression, scope: Scope) -> tuple[When, ...]:
    """The conditions that all have to hold; none for `true`. Raises NotSimple."""
    held = _all(condition, scope)
    return tuple(one.when for one in held if not _only_guards(one, held))


def turned(when: When) -> When:
    """What holds where `when` does not."""
    return replace(when, unless=not when.unless)


def otherwise(whens: Sequence[When]) -> list[tuple[When, ...]]:
    """The ways in which not all of `whens` hold, one for each that is the first to fail."""
    return [(*whens[:place], turned(when)) for place, when in enumerate(whens)]


def as_whens(all_of: Sequence[When]) -> Whens | None:
    """As a node has them, each once."""
    each = tuple(dict.fromkeys(all_of))
    if not each:
        return None
    return each[0] if len(each) == 1 else each


def _only_guards(one: _Held, held: Sequence[_Held]) -> bool:
    """`_data.recipient` before `_data.recipient.name` only keeps a script from failing."""
    plain = not one.when.unless and one.when == When(one.when.path)
    return plain and any(other.source.startswith(f"{one.source}.") for other in held)


def _all(condition: Expression, scope: Scope) -> list[_Held]:
    match condition:
        case Binary("&&", left, right):
            return _all(left, scope) + _all(right, scope)
        case Unary("!", Unary("!", of)):
            return _all(of, scope)
        case Unary("!", of):
            return [_turned(_one(of, scope))]
        case Constant(True):
            return []
        case Binary(sign, left, right) if sign != "||":
            return [_compared(sign, left, right, scope)]
    return [_set(condition, scope)]


def _one(condition: Expression, scope: Scope) -> _Held:
    held = _all(condition, scope)
    if len(held) != 1:
        raise NotSimple("not one condition")
    return held[0]


def _turned(held: _Held) -> _Held:
    return _Held(turned(held.when), held.source)


def _set(condition: Expression, scope: Scope) -> _Held:
    match condition:
        case Member(of, "length"):
            return _set(of, scope)
        case Call(Member(of, "includes"), (Constant(str() as text),)):
            return _holding(of, text, scope)
        case Call(Member(of, "trim"), ()):
            return _set(of, scope)
    path, source = _path(condition, scope)
    return _Held(When(path), source)


def _path(expression: Expression, scope: Scope) -> tuple[str, str]:
    """The field of ours and the foreign path; `mobile || phone` are two paths for one field."""
    if isinstance(expression, Binary) and expression.sign == "||":
        one, other = _path(expression.left, scope), _path(expression.right, scope)
        if one[0] == other[0]:
            return one
    source = path_of(expression, scope)
    if not source:
        raise NotSimple("all of the data")
    meaning = ours_of(source, scope.use)
    if not meaning.known and is_goods(source):
        return "goods_lines", source
    return meaning.path, source


def _compared(sign: str, left: Expression, right: Expression, scope: Scope) -> _Held:
    if isinstance(left, Constant | Unary) and not isinstance(right, Constant | Unary):
        left, right, sign = right, left, _MIRRORED.get(sign, sign)
    if isinstance(left, Unary) and left.sign == "typeof":
        return _typed(sign, left.of, right, scope)
    if sign in _OTHER_WAY:
        return _turned(_compared(_OTHER_WAY[sign], left, right, scope))
    value = _value(right)
    match left:
        case Call(Member(of, "indexOf"), (Constant(str() as text),)):
            return _found(sign, value, of, text, scope)
        case Member(of, "length"):
            return _long(sign, value, of, scope)
    path, source = _path(left, scope)
    if sign in ("==", "==="):
        return _equal(path, source, value)
    if sign in (">=", ">") and isinstance(value, int):
        return _at_least(sign, value, source, scope)
    raise NotSimple(sign)


def _value(expression: Expression) -> str | int | bool | None:
    match expression:
        case Constant(str() | int() | None as value):
            return value
        case Unary("-", Constant(int() as value)):
            return -value
    raise NotSimple("no constant")


def _equal(path: str, source: str, value: str | int | bool | None) -> _Held:
    if value is None or value == "" or value is False:
        return _Held(When(path, unless=True), source)
    if value is True:
        return _Held(When(path), source)
    return _Held(When(path, equals=str(value)), source)


def _at_least(sign: str, value: int, source: str, scope: Scope) -> _Held:
    """A number; "above" is one more, which is true of whole numbers only."""
    meaning = ours_of(source, scope.use)
    if is_list(meaning.path) or (sign == ">" and not is_number(meaning.path) and value):
        raise NotSimple("above")
    if meaning.money:
        value *= 100
    return _Held(When(meaning.path, at_least=value + (sign == ">")), source)


def _long(sign: str, value: object, of: Expression, scope: Scope) -> _Held:
    """list.length > 0, list.length >= n"""
    path, source = _path(of, scope)
    if (sign, value) in ((">", 0), (">=", 1)):
        return _Held(When(path), source)
    if sign in ("==", "===") and value == 0:
        return _Held(When(path, unless=True), source)
    if is_list(path) and path != "goods_lines" and sign in (">", ">=") and isinstance(value, int):
        return _Held(When(path, at_least=value + (sign == ">")), source)
    raise NotSimple("length")


def _found(sign: str, value: object, of: Expression, text: str, scope: Scope) -> _Held:
    """x.indexOf('text') >= 0, > -1, != -1"""
    if (sign, value) in ((">=", 0), (">", -1)):
        return _holding(of, text, scope)
    if (sign, value) in (("==", -1), ("===", -1)):
        return _turned(_holding(of, text, scope))
    raise NotSimple("indexOf")


def _holding(of: Expression, text: str, scope: Scope) -> _Held:
    path, source = _path(of, scope)
    if is_number(path) or path in ("sandbox", "goods_lines"):
        raise NotSimple("no text")
    return _Held(When(path, has=text), source)


def _typed(sign: str, of: Expression, right: Expression, scope: Scope) -> _Held:
    """typeof x != 'undefined'"""
    if right != Constant("undefined"):
        raise NotSimple("typeof")
    path, source = _path(of, scope)
    if sign in ("!=", "!=="):
        return _Held(When(path), source)
    if sign in ("==", "==="):
        return _Held(When(path, unless=True), source)
    raise NotSimple("typeof")
