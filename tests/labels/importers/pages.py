"""Pages in Cainiao's language, and what becomes of them."""

from miandan.labels.importers import import_template
from miandan.labels.importers.imported import Imported, Unsupported
from miandan.labels.template import Node, Template, Text


def read(inside: str, head: str = 'width="76" height="130"') -> Imported:
    return import_template(f"<page {head}>{inside}</page>".encode(), "cainiao", "own")


def nodes(inside: str, head: str = 'width="76" height="130"') -> tuple[Node, ...]:
    """The nodes of a page of which everything is taken over."""
    imported = read(inside, head)
    assert imported.unsupported == ()
    assert isinstance(imported.template, Template)
    return imported.template.nodes


def one(inside: str) -> Node:
    (node,) = nodes(inside)
    return node


def layout(inside: str, more: str = "") -> str:
    return f'<layout left="1" top="2" width="40" height="10" {more}>{inside}</layout>'


def text_of(content: str, style: str = "") -> Text:
    node = one(layout(f'<text style="{style}"><![CDATA[{content}]]></text>'))
    assert isinstance(node, Text)
    return node


def noted(inside: str) -> list[Unsupported]:
    return list(read(inside).unsupported)
