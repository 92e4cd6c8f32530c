"""The nodes of a template without its groups, each in its place on the page: what a test looks at one by one."""

from collections.abc import Iterator

import msgspec

from miandan.labels.bindings import condition, reader
from miandan.labels.model import LabelData, Purpose
from miandan.labels.template import Barcode, Box, Group, Line, Node, Rect, Table, Template, Text, When, Whens


def leaves(template: Template) -> list[Node]:
    """Every node that draws something; it carries the conditions and sheets of the groups it was in."""
    return list(_of(template.nodes, 0, 0, (), None))


def shown(template: Template, label: LabelData) -> list[Node]:
    """The nodes that draw something for a label, on its first sheet or on a further one."""
    kinds = ("first", "all") if label.sheet == 1 else ("further", "all")
    return [node for node in leaves(template) if node.sheets in kinds and _says_something(node, label)]


def alone(template: Template, nodes: list[Node]) -> Template:
    """The paper with these nodes only, all on one sheet."""
    return msgspec.structs.replace(template, nodes=tuple(map(_on_one_sheet, nodes)))


def _on_one_sheet(node: Node) -> Node:
    if isinstance(node, Table):
        return msgspec.structs.replace(node, sheets="first", overflow="count")
    return msgspec.structs.replace(node, sheets="first")


def text_of(node: Text | Barcode, label: LabelData) -> str:
    """What the node says of a label."""
    return reader(node.value, Purpose.LABEL)(label)


def _of(nodes: tuple[Node, ...], x: int, y: int, whens: tuple[When, ...], sheets: str | None) -> Iterator[Node]:
    for node in nodes:
        conditions = whens + _each(node.when)
        if isinstance(node, Group):
            yield from _of(node.nodes, x + node.box.x, y + node.box.y, conditions, sheets or node.sheets)
            continue
        box = Box(x + node.box.x, y + node.box.y, node.box.w, node.box.h)
        yield msgspec.structs.replace(node, box=box, when=conditions or None, sheets=sheets or node.sheets)


def _each(whens: Whens | None) -> tuple[When, ...]:
    if whens is None:
        return ()
    return whens if isinstance(whens, tuple) else (whens,)


def _says_something(node: Node, label: LabelData) -> bool:
    if node.when is not None and not condition(node.when)(label):
        return False
    if isinstance(node, Text | Barcode):
        return bool(text_of(node, label).strip())
    return bool(label.goods_lines) if isinstance(node, Table) else isinstance(node, Rect | Line)
