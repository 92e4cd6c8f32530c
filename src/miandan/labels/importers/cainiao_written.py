"""Our values and conditions as scripts of Cainiao's language: paths of its print data, and the functions it has too."""

import re

from miandan.labels.importers.cainiao_conditions import is_list, is_number
from miandan.labels.importers.cainiao_expressions import quoted
from miandan.labels.importers.cainiao_paths import Use, goods_list, theirs_of, theirs_of_goods
from miandan.labels.importers.cainiao_values import ROOT
from miandan.labels.importers.imported import Notes
from miandan.labels.template import Field, Literally, Value, When, Whens

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # in XML 1.0
_BLANKS = re.compile("[\n\r\x0b\x0c\x85\u2028\u2029]+")  # the engine prints a blank for each
_PHONES = {
    "recipient_phone": ("recipient.mobile", "recipient.phone"),
    "sender_phone": ("sender.mobile", "sender.phone"),
}
_MAYBE = ("recipient.address.town", "sender.address.town")
"""Pieces of an address that print data may lack."""


def goods() -> str:
    """The list that a goods table goes through."""
    return path(goods_list())


def path(theirs: str) -> str:
    """A path below the print data as a script writes it."""
    return ROOT + "".join(map(_key, theirs.split(".")))


def _key(key: str) -> str:
    if _NAME.fullmatch(key):
        return f".{key}"
    return f"[{key}]" if key.isdecimal() and key.isascii() and str(int(key[:9])) == key else f"[{quoted(key)}]"


def condition(whens: Whens) -> str:
    """The conditions of a node in one expression."""
    return " && ".join(map(_one, whens if isinstance(whens, tuple) else (whens,)))


def _one(when: When) -> str:
    holds = _holds(when)
    if not when.unless:
        return holds
    return f"!{holds}" if re.fullmatch(r"[\w$.\[\]]+", holds) else f"!({holds})"


def _holds(when: When) -> str:
    listed = is_list(when.path)
    of = goods() if when.path == "goods_lines" else _asked(when.path)
    if when.path == "goods_lines":
        return f"{of}.length > 0"
    if when.at_least is not None:
        return f"{of}.length >= {when.at_least}" if listed else f"{of} >= {when.at_least}"
    if when.equals is not None:
        return f"{of} == {quoted(when.equals)}"
    if when.has is not None:
        return f"{of}.indexOf({quoted(when.has)}) >= 0"
    return f"{of}.length > 0" if listed else of


def _asked(ours: str) -> str:
    """What a condition asks for: of an address its detail, of a phone either of the two."""
    if ours in _PHONES:
        return f"({_either(ours)})"
    return path(theirs_of(ours)[-1])


def _either(ours: str) -> str:
    return " || ".join(map(path, _PHONES[ours]))


def spoken(value: Value, place: str, notes: Notes, *, use: Use = "text", of_row: bool = False) -> str:
    """A value as the text of a CDATA section."""
    found = []
    for index, part in enumerate(value):
        here = f"{place}[{index}]"
        if isinstance(part, Literally):
            found.append(plain(part.text, here, notes))
        else:
            found.append(f"<%={_row(part, here, notes) if of_row else _field(part, here, notes, use)}%>")
    return "".join(found)


def plain(text: str, place: str, notes: Notes) -> str:
    """A literal text as it stands in a CDATA section."""
    text = _BLANKS.sub(" ", text)
    kept = _FORBIDDEN.sub("", text)
    if kept != text:
        notes.add(place, "text", "export_character")
    if "<%" in kept or r"<\%" in kept:
        return f"<%={quoted(kept)}%>"
    return kept.replace("]]>", "]]]]><![CDATA[>")


def _row(field: Field, place: str, notes: Notes) -> str:
    if field.path == "index":
        return _finished("i + 1", field, place, notes, is_text=False)
    of = f"{goods()}[i].{theirs_of_goods(field.path)}"
    return _finished(of, field, place, notes, is_text=field.path != "quantity")


def _field(field: Field, place: str, notes: Notes, use: Use) -> str:
    theirs = theirs_of(field.path, use)
    if field.money:
        of = path(theirs[0])
        return _finished(f"{of} ? ({of} / 100).toFixed(2) : ''", field, place, notes)
    if is_list(field.path):
        return _finished(f"{path(theirs[0])}.join({quoted(field.join)})", field, place, notes)
    if field.path in _PHONES:
        return _finished(_either(field.path), field, place, notes)
    if len(theirs) > 1:
        pieces = [f"({path(one)} || '')" if one in _MAYBE else path(one) for one in theirs]
        return _finished(" + ".join(pieces), field, place, notes)
    return _finished(path(theirs[0]), field, place, notes, is_text=not is_number(field.path))


def _finished(expression: str, field: Field, place: str, notes: Notes, *, is_text: bool = True) -> str:
    """The expression with the field's functions around it; those that are not known there are noted."""
    for name, asked in (("mask", field.mask), ("date", field.date)):
        if asked:
            notes.add(f"{place}.{name}", name, "export_function", name=name)
    calls = ""
    if field.slice is not None:
        start, end = field.slice
        calls += f".slice({start}, {end})" if end else f".slice({start})"
    if field.upper:
        calls += ".toUpperCase()"
    if calls:
        expression = f"{_grouped(expression) if is_text else f'String({expression})'}{calls}"
    if field.default:
        expression = f"{_grouped(expression)} || {quoted(field.default)}"
    return expression


def _grouped(expression: str) -> str:
    return expression if re.fullmatch(r"[\w$.\[\]]+(\(('[^']*'|[-\d, ]*)\))?", expression) else f"({expression})"
