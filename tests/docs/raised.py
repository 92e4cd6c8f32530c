"""Every place of the program that raises or answers a refusal, read from its source: which codes, with which fields."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

from miandan.kernel.errors import ErrorEntry

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "miandan"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Raised:
    """One call of `Refusal`. An empty `code` could not be read; `fields` is None where they come from a mapping."""

    place: str
    room: str
    code: str
    fields: frozenset[str] | None


@cache
def raised() -> tuple[Raised, ...]:
    """All calls of the program, one row for each code that a call may name."""
    return tuple(one for file in sorted(SOURCE.rglob("*.py")) for one in _in_file(file))


def placeholders(entry: ErrorEntry) -> frozenset[str]:
    """The fields that the four texts of an entry want."""
    texts = entry.zh, entry.next_zh, entry.en, entry.next_en
    return frozenset(name.partition(".")[0] for text in texts for _, name, _, _ in Formatter().parse(text) if name)


def _in_file(file: Path) -> Iterator[Raised]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    room = file.relative_to(SOURCE).parts[0]
    for call, function in _calls(tree, "Refusal"):
        place = f"{file.relative_to(ROOT)}:{call.lineno}"
        if _passes_on(call):  # the same refusal again, with a field more
            continue
        named = [keyword.arg for keyword in call.keywords]
        fields = None if None in named else frozenset(name for name in named if name)
        for code in _codes(call.args[0], tree, function) or [""]:
            yield Raised(place, room, code, fields)


def _calls(tree: ast.AST, name: str) -> Iterator[tuple[ast.Call, Function | None]]:
    """Calls of a function by its name, with the function they stand in."""

    def walk(node: ast.AST, inside: Function | None) -> Iterator[tuple[ast.Call, Function | None]]:
        if isinstance(node, Function):
            inside = node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node, inside
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(tree, None)


def _passes_on(call: ast.Call) -> bool:
    return isinstance(call.args[0], ast.Attribute) and call.args[0].attr == "code"


def _codes(node: ast.AST, tree: ast.Module, function: Function | None) -> list[str]:
    """What the first argument may be: a text, one of two, a constant, a parameter, or a text with holes (`*`)."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.IfExp):
        return _codes(node.body, tree, function) + _codes(node.orelse, tree, function)
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)]
    if not isinstance(node, ast.Name):
        return []
    if function is not None:
        names = [argument.arg for argument in function.args.args]
        if node.id in names:
            return _given(tree, function.name, names, node.id)
    return [code for value in _assigned(function or tree, tree, node.id) for code in _codes(value, tree, function)]


def _given(tree: ast.Module, function: str, names: Sequence[str], wanted: str) -> list[str]:
    """What the callers in the same file pass for a parameter."""
    codes: list[str] = []
    for call, caller in _calls(tree, function):
        keyword = next((one.value for one in call.keywords if one.arg == wanted), None)
        place = names.index(wanted)
        argument = keyword or (call.args[place] if place < len(call.args) else None)
        codes += _codes(argument, tree, caller) if argument is not None else []
    return codes


def _assigned(here: ast.AST, tree: ast.Module, name: str) -> list[ast.AST]:
    """What a name was set to, in the function or else in the file."""
    for scope in (here, tree):
        values: list[ast.AST] = [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign)
            and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
        ]
        if values:
            return values
    return []
