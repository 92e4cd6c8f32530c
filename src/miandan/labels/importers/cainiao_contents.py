"""What a text, a barcode or a table's cell of the Cainiao language says: values, each under its conditions."""

import re
from collections.abc import Iterable, Sequence
from itertools import product

from miandan.labels.importers.cainiao_conditions import otherwise, turned, whens_of
from miandan.labels.importers.cainiao_expressions import Choice, NotSimple
from miandan.labels.importers.cainiao_markup import Chars, Element
from miandan.labels.importers.cainiao_scripts import Alias, Branch, Branching, Looping, Output, Part
from miandan.labels.importers.cainiao_values import Piece, Scope, list_of, path_of, pieces_of, value_of
from miandan.labels.importers.imported import Notes
from miandan.labels.template import Field, Literally, Value, When

Said = list[tuple[tuple[When, ...], Value]]
"""Values of which one is shown: conditions that shut each other out, where there are several."""

_MOST_WAYS = 8  # of saying one text

_Ways = list[tuple[tuple[When, ...], list[Piece]]]


def said(parts: Sequence[Part], scope: Scope, notes: Notes, place: str) -> Said:
    """The values of a content; empty ones are left out."""
    found: Said = []
    for whens, pieces in _Reading(notes, place).ways(parts, scope):
        value, alone = value_of(pieces)
        for path in alone:
            notes.add(place, path, "address_part")
        if value:
            found.append((whens, value))
    return found


def without_layout(parts: Iterable[Part]) -> list[Part]:
    """The content without the blanks between its tags; where it has CDATA, those sections are the content."""
    kept: list[Part] = []
    for part in parts:
        if not isinstance(part, Chars) or part.literal:
            kept.append(part)
        elif part.text.strip():
            kept.append(Chars(part.text.strip(), False, part.place))
    return kept


def branch_whens(
    branches: Sequence[Branch], scope: Scope, notes: Notes
) -> tuple[list[tuple[tuple[When, ...], Branch]], list[tuple[When, ...]]]:
    """The branches that can be kept, each with its conditions, and the conditions under which none of them applies.

    A branch stands there twice where two ways lead to it. One whose condition cannot be expressed is shown always, and
    those behind it are left out.
    """
    found: list[tuple[tuple[When, ...], Branch]] = []
    before: list[tuple[When, ...]] = [()]
    for place, branch in enumerate(branches):
        try:
            own = _own_whens(branch, scope)
        except NotSimple:
            notes.add(branch.place, branch.code, "condition")
            _left_out(branches[place + 1 :], notes)
            return [*found, *((one, branch) for one in before)], []
        found += [(one + own, branch) for one in before]
        before = [one + other for one in before for other in otherwise(own)] if branch.condition is not None else []
        if len(before) > _MOST_WAYS:
            _left_out(branches[place + 1 :], notes)
            return found, []
    return found, before


def _own_whens(branch: Branch, scope: Scope) -> tuple[When, ...]:
    if branch.odd:
        raise NotSimple("odd")
    return whens_of(branch.condition, scope) if branch.condition is not None else ()


def _left_out(branches: Sequence[Branch], notes: Notes) -> None:
    for branch in branches:
        notes.add(branch.place, branch.code, "branch_left_out")


class _Reading:
    def __init__(self, notes: Notes, place: str) -> None:
        self._notes = notes
        self._place = place

    def ways(self, parts: Sequence[Part], scope: Scope) -> _Ways:
        """The content in all ways that its conditions allow, each condition's way once."""
        found: _Ways = [((), [])]
        for part in without_layout(parts):
            if isinstance(part, Alias):
                scope = self.named(part, scope)
                continue
            options = self._options(part, scope)
            ways = [(one + two, [*a, *b]) for (one, a), (two, b) in product(found, options)]
            found = [way for way in ways if not _contradicts(way[0])]
            if len(found) > _MOST_WAYS:
                self._notes.add(self._place, "if", "too_many_ways")
                found = found[:1]
        return found

    def named(self, alias: Alias, scope: Scope) -> Scope:
        """var name = path;"""
        try:
            return scope.naming(alias.name, path_of(alias.expression, scope))
        except NotSimple:
            self._notes.add(alias.place, alias.code, "script")
            return scope

    def _options(self, part: Part, scope: Scope) -> _Ways:
        match part:
            case Chars():
                return [((), [Piece(Literally(self._plain(part)))])]
            case Output():
                return self._output(part, scope)
            case Branching(branches):
                return self._branches(branches, scope)
            case Looping():
                return self._loop(part, scope)
            case Element():
                self._notes.add(part.place, f"<{part.tag}>", "element_in_text")
        return [((), [])]

    def _plain(self, chars: Chars) -> str:
        text = chars.text.replace(r"<\%", "<%")
        if "\n" in text:
            text = re.sub(r"[ \t]*\n[ \t\n]*", "\n", text).strip("\n")
        if "\n" in text:
            self._notes.add(chars.place, text.partition("\n")[0], "line_break")
        return text.replace("\n", " ")

    def _output(self, output: Output, scope: Scope) -> _Ways:
        try:
            return [((), pieces_of(output.expression, scope))]
        except NotSimple:
            pass
        try:
            return _both(output.expression, scope)
        except NotSimple:
            self._notes.add(output.place, output.code, "script")
            return [((), [])]

    def _branches(self, branches: list[Branch], scope: Scope) -> _Ways:
        found: _Ways = []
        kept, rest = branch_whens(branches, scope, self._notes)
        for whens, branch in kept:
            ways = self.ways(branch.body, scope)
            if _only_shows(whens, ways) and len(branches) == 1:
                return ways
            found += [(whens + inner, pieces) for inner, pieces in ways]
        return [*found, *((whens, []) for whens in rest)]

    def _loop(self, loop: Looping, scope: Scope) -> _Ways:
        try:
            _, known = list_of(loop.over, scope)
        except NotSimple:
            known = False
        if not known:
            self._notes.add(loop.place, loop.code, "loop")
            return [((), [])]
        self._notes.add(loop.place, loop.code, "loop_as_goods")
        return [((), [Piece(Field("goods"))])]


def _both(expression: object, scope: Scope) -> _Ways:
    """condition ? 'one' : 'other' as two ways."""
    if not isinstance(expression, Choice):
        raise NotSimple("no choice")
    whens = whens_of(expression.condition, scope)
    yes, no = pieces_of(expression.yes, scope), pieces_of(expression.no, scope)
    return [(whens, yes), *((other, no) for other in otherwise(whens))]


def _only_shows(whens: tuple[When, ...], ways: _Ways) -> bool:
    """`if (x) { x }`: what is empty shows nothing, so that the condition says nothing."""
    if len(ways) != 1 or len(ways[0][1]) != 1 or len(whens) != 1:
        return False
    part = ways[0][1][0].part
    return isinstance(part, Field) and whens[0] == When(part.path) and not part.default


def _contradicts(whens: tuple[When, ...]) -> bool:
    every = set(whens)
    return any(turned(one) in every for one in every)
