"""Whether an answer has the names and types of its method's table."""

from collections.abc import Iterator
from typing import Any

from miandan.dialects.doudian.fields import responses

_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Int16": (int,),
    "Int32": (int,),
    "Int64": (int,),
    "Bool": (bool,),
    "Number": (int, float),
    "Map": (dict,),
    "Struct": (dict,),
}
_TEXT_INSTEAD = ("shop_id",)
"""Numbers in the documentation that any client reads only as text."""


def misfits(method: str, data: Any) -> list[str]:
    """What is not as the table says, field by field: missing, unknown, of another type."""
    table = responses()[method]
    if list(table) and all(path.split(".")[0] == "data" for path in table):
        data = {"data": data}
    return list(_compared(table, "", data))


def _compared(table: Any, above: str, given: dict[str, Any]) -> Iterator[str]:
    here = {path.removeprefix(above): kind for path, kind in table.items() if path.startswith(above)}
    names = {path: kind for path, kind in here.items() if "." not in path}
    yield from (f"{above}{name} is missing" for name in names.keys() - given.keys())
    yield from (f"{above}{name} is not in the table" for name in given.keys() - names.keys())
    for name in names.keys() & given.keys():
        kind = names[name]
        items = given[name] if kind.startswith("List<") else [given[name]]
        if not isinstance(items, list):
            yield f"{above}{name} is no list"
            continue
        for item in items:
            if not _is(kind.removeprefix("List<").removesuffix(">"), name, item):
                yield f"{above}{name} is no {kind}"
            elif isinstance(item, dict) and any(path.startswith(f"{name}.") for path in here):
                yield from _compared(table, f"{above}{name}.", item)


def _is(kind: str, name: str, value: Any) -> bool:
    types = _TYPES[kind] + ((str,) if name in _TEXT_INSTEAD else ())
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))
