"""Which refusals a call through the Doudian gateway can meet, read from the source: what its methods lead to, by name.

A name leads to what it was imported from or what it is in its own file. `thing.verb` of a thing that is no module leads
to the methods of that name of every class that was met by then, so the list is a little too long, never too short.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.docs.raised import ROOT, SOURCE, raised

_LOADED = """
import sys
import miandan.dialects.doudian.gateway
from miandan.dialects.doudian.calls import methods
methods()
print(*(name for name in sys.modules if name.split(".")[0] == "miandan"))
"""
_BEGINNINGS = ("miandan.dialects.doudian.gateway", "miandan.dialects.doudian.methods.")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Part(NamedTuple):
    """A function, a class or a constant of a module."""

    module: str
    node: ast.stmt


class _Module(NamedTuple):
    """What the names of a module stand for: its own parts, and parts of other modules or those modules themselves."""

    parts: dict[str, ast.stmt]
    imported: dict[str, tuple[str, str]]


@cache
def met() -> frozenset[str]:
    """Codes of the refusals that the gateway can answer."""
    walk = _Walk()
    lines = {
        f"{_path(part.module).relative_to(ROOT)}:{line}"
        for part in walk.found.values()
        for line in range(part.node.lineno, (part.node.end_lineno or 0) + 1)
        if not isinstance(part.node, ast.ClassDef)
    }
    return frozenset(one.code for one in raised() if one.place in lines)


class _Walk:
    """Every part that a call may run, found from the gateway and the methods on."""

    def __init__(self) -> None:
        self._modules = {name: _read(name) for name in _loaded()}
        self._verbs: set[str] = set()
        self._methods: dict[str, list[Part]] = {}
        self.found: dict[int, Part] = {}
        self._waiting = [
            Part(name, node)
            for name, module in self._modules.items()
            if name.startswith(_BEGINNINGS)
            for node in module.parts.values()
        ]
        while self._waiting:
            part = self._waiting.pop()
            if id(part.node) not in self.found:
                self.found[id(part.node)] = part
                self._look_into(part)

    def _look_into(self, part: Part) -> None:
        inside: list[ast.stmt] = [part.node]
        if isinstance(part.node, ast.ClassDef):
            inside = [node for node in part.node.body if not isinstance(node, _FUNCTIONS)]
            for method in part.node.body:
                if isinstance(method, _FUNCTIONS):
                    self._meet(Part(part.module, method), method.name)
        for node in (node for one in inside for node in ast.walk(one)):
            if isinstance(node, ast.Name):
                self._waiting += self._named(part.module, node.id)
            elif isinstance(node, ast.Attribute):
                module = self._module_named(part.module, node.value)
                if module is not None:
                    self._waiting += self._named(module, node.attr)
                elif node.attr not in self._verbs:
                    self._verbs.add(node.attr)
                    self._waiting += self._methods.get(node.attr, [])

    def _meet(self, method: Part, verb: str) -> None:
        """A method of a class that was met; it runs once somebody says its name."""
        self._methods.setdefault(verb, []).append(method)
        if verb in self._verbs or verb.startswith("__"):
            self._waiting.append(method)

    def _named(self, module: str, name: str) -> Iterator[Part]:
        known = self._modules.get(module)
        if known is not None and name in known.parts:
            yield Part(module, known.parts[name])
        elif known is not None and name in known.imported:
            yield from self._named(*known.imported[name])

    def _module_named(self, module: str, value: ast.expr) -> str | None:
        """The module that a name stands for, as after `from miandan.waybills import lives`."""
        where = self._modules[module].imported.get(value.id) if isinstance(value, ast.Name) else None
        full = ".".join(where) if where else ""
        return full if full in self._modules else None


def _loaded() -> list[str]:
    run = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    return [name for name in run.stdout.split() if _path(name).is_file()]


def _path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split(".")[1:])
    file = path.with_suffix(".py")  # a folder of data may lie beside it
    return file if file.is_file() else path / "__init__.py"


def _read(module: str) -> _Module:
    parts: dict[str, ast.stmt] = {}
    imported: dict[str, tuple[str, str]] = {}
    tree = ast.parse(_path(module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            parts[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    for inner in ast.walk(tree):
        if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("miandan"):
            imported |= {name.asname or name.name: (inner.module or "", name.name) for name in inner.names}
    return _Module(parts, imported)
