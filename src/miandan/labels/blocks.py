"""How the standard layouts are written: out of blocks that fit themselves into the box they are put into.

A layout is a template file that may take three liberties; `expanded` turns each into plain nodes:

- `{"type": "block", "block": "recipient", "box": {...}}` is a group with the nodes that `templates/blocks.json` has
  under that name; `when` and `sheets` go with it.
- A length may be counted from the far side of what the node is in: `"x": -20000` begins 20 mm before the right edge,
  `"w": 0` reaches to that edge, `"w": -2000` ends 2 mm before it; or be a part of it: `"h": "40%"`. The size of a text
  may be a part of the height of its box.
- `"$name"` stands for what is given under `with` where the block is put, else for what the block has under `with`,
  else for what the family of the carrier says (`templates/standards.toml`).
"""

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]

_FAR = {"x": "w", "y": "h"}  # each side and what is measured along it


class Blocks:
    """Named blocks and the values that all of them may ask for."""

    def __init__(self, blocks: Values, family: Values) -> None:
        self._blocks = blocks
        self._family = family

    def expanded(self, layout: Values, width: int, height: int) -> dict[str, Any]:
        """The layout as a plain template of that size (micrometres). Raises KeyError for a name that nobody gives."""
        paper = {"width": width, "height": height}
        plain = {**layout, **paper, "nodes": self._nodes(layout["nodes"], width, height, self._family)}
        if "custom" in layout:
            plain["custom"] = placed(layout["custom"], width, height)
        return plain

    def _nodes(self, nodes: list[Any], width: int, height: int, values: Values) -> list[Any]:
        return [self._node(_said(node, values), width, height) for node in nodes]

    def _node(self, node: dict[str, Any], width: int, height: int) -> dict[str, Any]:
        box = placed(node["box"], width, height)
        if node["type"] != "block":
            return node | {"box": box} | _sizes(node, box) | _columns(node, box)
        block = self._blocks[node["block"]]
        values = {**self._family, **block.get("with", {}), **node.get("with", {})}
        kept: dict[str, Any] = {key: node[key] for key in ("when", "sheets") if key in node}
        inner = self._nodes(block["nodes"], box["w"], box["h"], values)
        return {"type": "group", "name": node["block"], "box": box, **kept, "nodes": inner}


def placed(box: Values, width: int, height: int) -> dict[str, int]:
    """The box as micrometres from the top left corner of a place that is so wide and high."""
    found = {}
    for start, length in _FAR.items():
        room = width if start == "x" else height
        at, long = _length(box[start], room), _length(box[length], room)
        found[start] = at if at >= 0 else room + at
        found[length] = long if long > 0 else room + long - found[start]
    return {key: found[key] for key in ("x", "y", "w", "h")}


def _length(length: int | str, whole: int) -> int:
    if isinstance(length, int):
        return length
    return int(whole * float(length.removesuffix("%")) / 100)


def _sizes(node: Values, box: Values) -> dict[str, int]:
    """The size of a text; no smallest size is above it."""
    if "size" not in node:
        return {}
    size = _length(node["size"], box["h"])
    return {"size": size, "min_size": min(size, node["min_size"])} if "min_size" in node else {"size": size}


def _columns(node: Values, box: Values) -> dict[str, Any]:
    """The columns of a table with their widths."""
    if "columns" not in node:
        return {}
    return {"columns": [column | {"w": _length(column["w"], box["w"])} for column in node["columns"]]}


def _said(part: Any, values: Values) -> Any:
    """`part` with every "$name" replaced."""
    if isinstance(part, dict):
        return {key: _said(one, values) for key, one in part.items()}
    if isinstance(part, list):
        return [_said(one, values) for one in part]
    if isinstance(part, str) and part.startswith("$"):
        return values[part[1:]]
    return part
