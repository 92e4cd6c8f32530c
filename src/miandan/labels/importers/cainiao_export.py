"""Our templates written in Cainiao's print language, so that they can be moved there and back.

Each node becomes a layout with one element; conditions and the loop over goods become scripts of the simplest form.
What that language has no words for is listed with the path of our node.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from miandan.kernel.errors import Refusal
from miandan.labels.checking import Standards
from miandan.labels.compiled import inset
from miandan.labels.importers.cainiao_leaves import DASHES
from miandan.labels.importers.cainiao_written import condition, goods, plain, spoken
from miandan.labels.importers.imported import Notes, Unsupported
from miandan.labels.importers.measures import MICROMETRES_PER_PT
from miandan.labels.importers.placing import AS_LARGE_AS_FITS, across, lines_in
from miandan.labels.standards import standard
from miandan.labels.template import (
    Barcode,
    Box,
    CustomArea,
    Group,
    Image,
    Line,
    Node,
    Rect,
    Table,
    Template,
    Text,
    Whens,
)

_SPACES = (
    'xmlns="http://cloudprint.cainiao.com/print" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://cloudprint.cainiao.com/print '
    'http://cloudprint-docs-resource.oss-cn-shanghai.aliyuncs.com/lpml_schema.xsd" '
    'xmlns:editor="http://cloudprint.cainiao.com/schema/editor"'
)
_TYPES = {
    "code128": "code128",
    "qr": "qrcode",
    "code39": "code39",
    "itf": "c25inter",
    "ean13": "ean13",
    "pdf417": "pdf417",
    "datamatrix": "datamatrix",
}
_MOST_CELL_LINES = 20  # that a table of ours can ask for
_UNCONFIRMED = frozenset({"pdf417", "datamatrix"})
_ID = re.compile(r"[^\W\d][\w.-]{0,59}")
_ALIGN = {"left": "left", "centre": "center", "right": "right"}


def export_cainiao(
    template: Template | CustomArea, standards: Standards = standard
) -> tuple[bytes, tuple[Unsupported, ...]]:
    """The template as XML in UTF-8, and what of it could not be written.

    A custom area becomes a layout as large as that of its standard template; raises Refusal labels.import_base when
    there is none.
    """
    notes = Notes()
    writer = _Writer(template, notes)
    if isinstance(template, Template):
        if template.custom is not None:
            notes.add("$.custom", "custom", "export_custom")
        splits = ' splitable="true"' if writer.splits else ""
        head = f'<page {_SPACES} width="{_mm(template.width)}" height="{_mm(template.height)}"{splits}>'
        return writer.document(head, "</page>"), notes.all()
    found = standards(template.base)
    if found is None or found.custom is None:
        raise Refusal("labels.import_base", base=template.base)
    own = found.custom
    head = f'<layout id="CUSTOM_AREA" {_SPACES} top="{_mm(own.y)}" width="{_mm(own.w)}" height="{_mm(own.h)}">'
    return writer.document(head, "</layout>"), notes.all()


class _Writer:
    def __init__(self, template: Template | CustomArea, notes: Notes) -> None:
        self._template = template
        self._notes = notes
        self._lines: list[str] = []
        self._depth = 1
        self._ids = {"CUSTOM_AREA"}
        self.splits = isinstance(template, Template) and any(map(_continues, template.nodes))

    def document(self, head: str, tail: str) -> bytes:
        """The whole file between the tags of its root."""
        self._nodes(self._template.nodes, "$.nodes")
        text = "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *self._lines, tail, ""])
        return text.encode("utf-8", "replace")

    def _put(self, line: str) -> None:
        self._lines.append("  " * self._depth + line)

    def _nodes(self, nodes: tuple[Node, ...], place: str) -> None:
        for index, node in enumerate(nodes):
            here = f"{place}[{index}]"
            if self._is_written(node, here):
                with self._if(node.when, here):
                    self._node(node, here)

    def _is_written(self, node: Node, here: str) -> bool:
        """Notes what is meant for further sheets; what stands on those only is not written."""
        if node.sheets == "further":
            self._notes.add(f"{here}.sheets", "further", "export_sheets", what_zh="没有导出", what_en="left out")
            return False
        repeats = (isinstance(node, Table) and node.overflow == "sheet") or _is_section(node, self._template)
        if node.sheets == "all" and not repeats:
            self._notes.add(f"{here}.sheets", "all", "export_sheets", what_zh="只在第一张", what_en="on the first only")
        return True

    @contextmanager
    def _if(self, whens: Whens | None, here: str) -> Iterator[None]:
        if whens is None:
            yield
            return
        self._put(f"<% if ({condition(whens)}) {{ %>")
        self._depth += 1
        yield
        self._depth -= 1
        self._put("<% } %>")

    @contextmanager
    def _layout(self, box: Box, more: str = "") -> Iterator[None]:
        self._put(f"<layout {_sized(box)}{more}>")
        self._depth += 1
        yield
        self._depth -= 1
        self._put("</layout>")

    def _node(self, node: Node, here: str) -> None:
        match node:
            case Text():
                self._text(node, here)
            case Barcode():
                self._barcode(node, here)
            case Rect():
                style = f"borderWidth:{_pt(node.stroke)};" if node.stroke else "borderWidth:0;fillColor:#000;"
                with self._layout(node.box):
                    self._put(f'<rect style="{style}"/>')
            case Line():
                self._line(node, here)
            case Image():
                with self._layout(node.box):
                    self._put(f'<image src="data:image/png;base64,{node.png}"/>')
            case Table():
                self._table(node, here)
            case Group():
                self._group(node, here)

    def _group(self, group: Group, here: str) -> None:
        if _is_section(group, self._template) and self.splits:
            self._put(f'<{group.name} height="{_mm(group.box.h)}">')
            self._depth += 1
            self._nodes(group.nodes, f"{here}.nodes")
            self._depth -= 1
            self._put(f"</{group.name}>")
            return
        name = group.name if _ID.fullmatch(group.name) and group.name not in self._ids else ""
        self._ids.add(name)
        with self._layout(group.box, f' id="{name}"' if name else ""):
            self._nodes(group.nodes, f"{here}.nodes")

    def _text(self, text: Text, here: str) -> None:
        box = text.box
        if text.pad and text.inverse:
            self._notes.add(f"{here}.pad", "pad", "export_pad")
        elif text.pad:
            box = inset(box, text.pad)
        self._setting(text, box.w if text.rotate in (90, 270) else box.h, here)
        style = [
            f"fontSize:{_pt(text.size)}",
            "fontWeight:bold" if text.bold else "",
            f"align:{_ALIGN[text.align]}",
            f"valign:{text.valign}",
            "fontColor:#fff;backgroundColor:#000" if text.inverse else "",
            f"rotation:{text.rotate}" if text.rotate else "",
        ]
        with self._layout(across(box) if text.rotate in (90, 270) else box):
            content = self._content(text, f"{here}.value")
            self._put(f'<text style="{_style(style)}">{content}</text>')

    def _setting(self, text: Text | Table, height: int, here: str) -> None:
        """Notes how a text of ours gives way and theirs does not."""
        if text.min_size and text.min_size < text.size:
            self._notes.add(f"{here}.min_size", "min_size", "export_min_size")
        fit = lines_in(height, text.size)
        if text.lines != (min(fit, _MOST_CELL_LINES) if isinstance(text, Table) else fit):
            self._notes.add(f"{here}.lines", "lines", "export_lines")

    def _content(self, node: Text | Barcode, place: str) -> str:
        use = "barcode" if isinstance(node, Barcode) else "text"
        return f"<![CDATA[{spoken(node.value, place, self._notes, use=use)}]]>"  # type: ignore[arg-type]

    def _barcode(self, code: Barcode, here: str) -> None:
        if code.module < AS_LARGE_AS_FITS:
            self._notes.add(f"{here}.module", "module", "export_module")
        if code.symbology in _UNCONFIRMED:
            self._notes.add(f"{here}.symbology", code.symbology, "export_symbology")
        style = _style(["hideText:true", f"rotation:{code.rotate}" if code.rotate else ""])
        with self._layout(across(code.box) if code.rotate in (90, 270) else code.box):
            content = self._content(code, f"{here}.value")
            kind = _TYPES[code.symbology]
            self._put(f'<barcode type="{kind}" ratioMode="keepRatio" style="{style}">{content}</barcode>')

    def _line(self, line: Line, here: str) -> None:
        box = line.box
        kind = "solid"
        if line.dash:
            kind = min(DASHES, key=lambda name: abs(DASHES[name] - line.dash))
            if line.dash != DASHES[kind]:
                self._notes.add(f"{here}.dash", "dash", "export_dash")
        end = f'endX="{_mm(box.w)}" endY="0"' if box.w >= box.h else f'endX="0" endY="{_mm(box.h)}"'
        style = f"lineType:{kind};lineWidth:{_pt(min(box.w, box.h))};"
        with self._layout(box):
            self._put(f'<line startX="0" startY="0" {end} style="{style}"/>')

    def _table(self, table: Table, here: str) -> None:
        self._setting(table, table.row_height, here)
        if table.overflow == "count":
            self._notes.add(here, "overflow", "export_overflow")
        rules, height = _pt(table.rules), _mm(table.row_height)
        with self._layout(table.box, ' style="overflow:hidden;"'):
            self._put(f'<table width="{_mm(table.box.w)}" style="borderWidth:{rules};cellBorderWidth:{rules};">')
            self._depth += 1
            if table.head:
                titles = (plain(column.title, f"{here}.columns", self._notes) for column in table.columns)
                self._row(table, "th", height, titles)
            self._put(f"<% for (var i = 0; i < {goods()}.length; i++) {{ %>")
            cells = (
                spoken(column.value, f"{here}.columns[{place}].value", self._notes, of_row=True)
                for place, column in enumerate(table.columns)
            )
            self._row(table, "td", height, cells)
            self._put("<% } %>")
            self._depth -= 1
            self._put("</table>")

    def _row(self, table: Table, tag: str, height: str, contents: Iterator[str]) -> None:
        self._put("<tr>")
        for column, content in zip(table.columns, contents, strict=True):
            bold = "fontWeight:bold" if tag == "th" else ""
            style = _style([f"fontSize:{_pt(table.size)}", bold, f"align:{_ALIGN[column.align]}", "valign:middle"])
            text = f'<text style="{style}"><![CDATA[{content}]]></text>'
            self._put(f'  <{tag} width="{_mm(column.w)}" height="{height}">{text}</{tag}>')
        self._put("</tr>")


def _continues(node: Node) -> bool:
    if isinstance(node, Group):
        return any(map(_continues, node.nodes))
    return isinstance(node, Table) and node.overflow == "sheet" and node.sheets == "all"


def _is_section(node: Node, template: Template | CustomArea) -> bool:
    """Whether a group is what that language calls a header or a footer: at the end of the page, on every sheet."""
    if not isinstance(node, Group) or not isinstance(template, Template) or node.sheets != "all":
        return False
    at = {"header": 0, "footer": template.height - node.box.h}.get(node.name)
    return node in template.nodes and (node.box.x, node.box.y, node.box.w) == (0, at, template.width)


def _sized(box: Box) -> str:
    return f'left="{_mm(box.x)}" top="{_mm(box.y)}" width="{_mm(box.w)}" height="{_mm(box.h)}"'


def _mm(micrometres: int) -> str:
    return _short(f"{micrometres / 1000:.3f}")


def _pt(micrometres: int) -> str:
    """Points with no more digits than lead back to the same micrometres."""
    points = micrometres / MICROMETRES_PER_PT
    every = (f"{points:.{digits}f}" for digits in range(5))
    return next((one for one in every if round(float(one) * MICROMETRES_PER_PT) == micrometres), f"{points:.5f}")


def _short(number: str) -> str:
    return number.rstrip("0").rstrip(".")


def _style(entries: list[str]) -> str:
    return "".join(f"{entry};" for entry in entries if entry)
