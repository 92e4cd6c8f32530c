"""Everything that can be wrong with a template, each with its place and what was expected, in both languages."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from miandan.kernel.errors import Refusal
from miandan.labels.bindings import ForbiddenMask, MaskOfNobody, WrongPath, condition, reader
from miandan.labels.compiled import CompiledTemplate, compile_template, inset, table_rows
from miandan.labels.model import Purpose
from miandan.labels.pictures import read_png
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
    Value,
    Whens,
    with_custom_area,
)
from miandan.labels.wording import worded


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `place` is a path such as $.nodes[3].box.w."""

    place: str
    zh: str
    en: str


Standards = Callable[[str], Template | None]
"""Finds a standard template by its name."""


def read_template(text: str | bytes, standards: Standards | None = None, purpose: Purpose = Purpose.LABEL) -> Template:
    """The template written in `text`; a custom area is put into its standard template.

    Raises Refusal `labels.template_wrong` with the first problem and how many there are.
    """
    return _whole(read_own(text, standards, purpose), standards)


def read_own(
    text: str | bytes, standards: Standards | None = None, purpose: Purpose = Purpose.LABEL
) -> Template | CustomArea:
    """The template written in `text`, a custom area not yet put into its standard. Raises like `read_template`."""
    found = problems(text, standards, purpose)
    if found:
        raise _refusal(found)
    plain = json.loads(text)
    own: Template | CustomArea = msgspec.convert(plain, _kind(plain))
    return own


def checked(template: Template, purpose: Purpose = Purpose.LABEL) -> CompiledTemplate:
    """The template compiled. Raises Refusal `labels.template_wrong`, also when it asks for more of a person than
    `purpose` allows."""
    try:
        return compile_template(template, purpose)
    except ValueError:  # WrongPath, ForbiddenMask, MaskOfNobody, or a picture that cannot be read
        raise _refusal(list(_Walk(purpose).template(template))) from None


def problems(text: str | bytes, standards: Standards | None = None, purpose: Purpose = Purpose.LABEL) -> list[Problem]:
    """All that is wrong with a template file; empty when it can be used."""
    try:
        plain = json.loads(text)
        json.dumps(plain, ensure_ascii=False).encode()  # half a character cannot be kept
    except (ValueError, RecursionError) as wrong:
        return [_no_json(wrong)]
    if not isinstance(plain, dict):
        return [Problem("$", "应为一个对象 {…}", "expected an object {...}")]
    if too_much := _too_much(plain):
        return [too_much]
    kind = _kind(plain)
    found = list(_structure(plain, kind))
    if found:
        return found
    template = msgspec.convert(plain, kind)
    walk = _Walk(purpose)
    return list(walk.template(template) if isinstance(template, Template) else walk.area(template, standards))


_MOST_NODES = 2_000  # of a template, those in groups too
_DEEPEST = 20  # groups in groups
_MOST_CELLS = 2_000  # of all tables


def _no_json(wrong: Exception) -> Problem:
    """Why a file could not be read at all."""
    if isinstance(wrong, json.JSONDecodeError):
        zh, en = f"第 {wrong.lineno} 行第 {wrong.colno} 列", f"line {wrong.lineno} column {wrong.colno}"
    elif isinstance(wrong, UnicodeError):
        zh, en = "请另存为 UTF-8", "save it as UTF-8"
    else:
        zh, en = "嵌套过深，或数字过大", "nested too deeply, or a number is too large"
    return Problem("$", f"不是有效的 JSON（{zh}）", f"no valid JSON ({en})")


def _too_much(plain: dict[str, Any]) -> Problem | None:
    """More nodes, or deeper groups, than a label can need."""
    level: list[Any] = [plain]
    count = 0
    for _ in range(_DEEPEST + 1):
        inner = [one.get("nodes") for one in level if isinstance(one, dict)]
        level = [node for nodes in inner if isinstance(nodes, list) for node in nodes]
        count += len(level)
        if not level:
            return None
        if count > _MOST_NODES:
            return Problem("$.nodes", f"节点多于 {_MOST_NODES} 个", f"more than {_MOST_NODES} nodes")
    return Problem("$.nodes", f"组嵌套多于 {_DEEPEST} 层", f"groups nested deeper than {_DEEPEST}")


def _kind(plain: Any) -> type[Template] | type[CustomArea]:
    return CustomArea if isinstance(plain, dict) and "base" in plain else Template


def _whole(template: Template | CustomArea, standards: Standards | None) -> Template:
    if isinstance(template, Template):
        return template
    standard = standards(template.base) if standards else None
    if standard is None:
        raise ValueError(f"no standard template {template.base}")
    return with_custom_area(standard, template)


def _refusal(found: list[Problem]) -> Refusal:
    first = found[0]
    more_zh = f"；另有 {len(found) - 1} 处" if len(found) > 1 else ""
    more_en = f"; {len(found) - 1} more" if len(found) > 1 else ""
    return Refusal(
        "labels.template_wrong",
        wrong_zh=f"{first.place} {first.zh}{more_zh}",
        wrong_en=f"{first.place} {first.en}{more_en}",
    )


# --- structure --------------------------------------------------------------------------------------------------------


def _structure(plain: dict[str, Any], kind: type[Template] | type[CustomArea]) -> Iterator[Problem]:
    """Problems of form: of the file's head, then of each node by itself, so that one does not hide the others."""
    nodes = plain.get("nodes")
    head = plain | {"nodes": []} if isinstance(nodes, list) else plain
    yield from _of_form(head, kind, "$")
    if isinstance(nodes, list):
        yield from _nodes(nodes, "$.nodes")


def _nodes(nodes: list[Any], place: str) -> Iterator[Problem]:
    for index, node in enumerate(nodes):
        here = f"{place}[{index}]"
        inner = node.get("nodes") if isinstance(node, dict) and node.get("type") == "group" else None
        yield from _of_form(node | {"nodes": []} if isinstance(inner, list) else node, Node, here)
        if isinstance(inner, list):
            yield from _nodes(inner, f"{here}.nodes")


def _of_form(plain: Any, kind: Any, place: str) -> Iterator[Problem]:
    try:
        msgspec.convert(plain, kind)
    except msgspec.ValidationError as wrong:
        yield Problem(*worded(wrong, place))


# --- meaning ----------------------------------------------------------------------------------------------------------


_THICKEST_UM = 5_000  # of a line
_SHORTEST_DASH_UM = 250  # two dots of a 203 dpi printer


class _Walk:
    """Goes through the nodes and tells what cannot be drawn as it is written."""

    def __init__(self, purpose: Purpose) -> None:
        self._purpose = purpose
        self._continued: list[str] = []
        self._further = False
        self._cells = 0

    def template(self, template: Template) -> Iterator[Problem]:
        paper = Box(0, 0, template.width, template.height)
        if template.custom is not None:
            yield from self._within(template.custom, paper, "$.custom")
        yield from self._all(template.nodes, paper, "$.nodes")
        yield from self._continuing()

    def area(self, area: CustomArea, standards: Standards | None) -> Iterator[Problem]:
        standard = standards(area.base) if standards else None
        if standard is None:
            yield Problem("$.base", f"没有标准模板 {area.base}", f"there is no standard template {area.base}")
        elif standard.custom is None:
            yield Problem("$.base", f"{area.base} 没有自定义区", f"{area.base} has no custom area")
        else:
            yield from self._all(area.nodes, standard.custom, "$.nodes")
            yield from self._continuing()

    def _continuing(self) -> Iterator[Problem]:
        for place in self._continued[1:]:
            yield Problem(
                place, "一张模板只能有一个续页表格", "only one table of a template can continue on further sheets"
            )
        if self._continued and not self._further:
            yield Problem(
                self._continued[0],
                '续页上没有表格：请把它的 sheets 设为 "all"，或另加一个 sheets 为 "further" 的表格',
                'no table on the further sheets: set its sheets to "all" or add one whose sheets is "further"',
            )

    def _all(self, nodes: tuple[Node, ...], around: Box, place: str) -> Iterator[Problem]:
        for index, node in enumerate(nodes):
            here = f"{place}[{index}]"
            yield from self._within(node.box, around, f"{here}.box")
            yield from self._whens(node.when, f"{here}.when")
            yield from self._node(node, here)

    def _within(self, box: Box, around: Box, place: str) -> Iterator[Problem]:
        if not box.w or not box.h:
            yield Problem(place, "宽和高都必须大于 0", "width and height must both be above 0")
        for name, end, room in (("x+w", box.x + box.w, around.w), ("y+h", box.y + box.h, around.h)):
            if end > room:
                yield Problem(
                    place,
                    f"超出了范围：{name} = {end}，最多 {room} 微米",
                    f"leaves its area: {name} = {end}, at most {room} micrometres",
                )

    def _node(self, node: Node, here: str) -> Iterator[Problem]:
        match node:
            case Text():
                yield from self._text(node, here)
            case Barcode():
                yield from self._value(node.value, f"{here}.value")
            case Image():
                yield from _picture(node, here)
            case Table():
                yield from self._table(node, here)
            case Group():
                yield from self._all(node.nodes, node.box, f"{here}.nodes")
            case Line():
                yield from _line(node, here)
            case Rect() if 2 * node.stroke > min(node.box.w, node.box.h):
                most = min(node.box.w, node.box.h) // 2
                yield Problem(f"{here}.stroke", f"应不大于 {most}", f"must be at most {most}")
            case _:
                return

    def _text(self, node: Text, here: str) -> Iterator[Problem]:
        yield from self._value(node.value, f"{here}.value")
        box = inset(node.box, node.pad)
        width, height = (box.h, box.w) if node.rotate in (90, 270) else (box.w, box.h)
        smallest = node.min_size or node.size
        if smallest > node.size:
            yield Problem(f"{here}.min_size", f"应不大于 size（{node.size}）", f"must not be above size ({node.size})")
        elif smallest > height or smallest > width:
            yield Problem(
                f"{here}.box",
                f"放不下一个 {smallest} 微米的字",
                f"has no room for one character of {smallest} micrometres",
            )

    def _table(self, table: Table, here: str) -> Iterator[Problem]:
        if not table.columns:
            yield Problem(f"{here}.columns", "至少要有一列", "at least one column is needed")
        for index, column in enumerate(table.columns):
            yield from self._value(column.value, f"{here}.columns[{index}].value", of_row=True)
            if column.w < 2_000:
                yield Problem(f"{here}.columns[{index}].w", "应不小于 2000", "must be at least 2000")
        total = sum(column.w for column in table.columns)
        if total > table.box.w:
            yield Problem(
                f"{here}.columns",
                f"各列共宽 {total}，超过表格的 {table.box.w} 微米",
                f"the columns are {total} wide, the table {table.box.w} micrometres",
            )
        if table_rows(table) < 1:
            yield Problem(f"{here}.row_height", "表格放不下一行", "the table has no room for one row")
        if table.size > table.row_height:
            yield Problem(f"{here}.size", "字高于行", "the text is higher than a row")
        self._cells += table_rows(table) * len(table.columns)
        if self._cells > _MOST_CELLS:
            yield Problem(f"{here}.columns", f"表格共多于 {_MOST_CELLS} 格", f"more than {_MOST_CELLS} cells in all")
        if table.sheets != "first" and table.overflow != "sheet":
            yield Problem(
                f"{here}.overflow", '续页上的表格应为 "sheet"', 'must be "sheet" for a table on further sheets'
            )
        self._further |= table.sheets != "first"
        if table.overflow == "sheet" and table.sheets != "further":
            self._continued.append(here)

    def _value(self, value: Value, place: str, *, of_row: bool = False) -> Iterator[Problem]:
        if not value:
            yield Problem(place, "不能为空", "must not be empty")
        for index, part in enumerate(value):
            try:
                reader((part,), self._purpose, of_row=of_row)
            except WrongPath as wrong:
                yield _wrong_path(wrong, f"{place}[{index}].path")
            except MaskOfNobody as wrong:
                yield Problem(
                    f"{place}[{index}].mask",
                    f"只能用于收寄件人的姓名、电话、地址，{wrong.path} 不是",
                    f"is for names, phones and addresses of recipient and sender only, which {wrong.path} is not",
                )
            except ForbiddenMask as wrong:
                yield Problem(
                    f"{place}[{index}].mask",
                    f"用途 {wrong.purpose} 不允许以 {wrong.mask} 显示 {wrong.path}",
                    f"the purpose {wrong.purpose} does not allow {wrong.path} to be shown as {wrong.mask}",
                )

    def _whens(self, whens: Whens | None, place: str) -> Iterator[Problem]:
        if whens is None:
            return
        several = isinstance(whens, tuple)
        for index, when in enumerate(whens if isinstance(whens, tuple) else (whens,)):
            here = f"{place}[{index}]" if several else place
            try:
                condition(when)
            except WrongPath as wrong:
                yield _wrong_path(wrong, f"{here}.path")
            if sum(asked is not None for asked in (when.at_least, when.equals, when.has)) > 1:
                yield Problem(
                    here, "at_least、equals、has 只能用一个", "only one of at_least, equals and has can be used"
                )


def _line(node: Line, here: str) -> Iterator[Problem]:
    if min(node.box.w, node.box.h) > _THICKEST_UM:
        yield Problem(f"{here}.box", "线条粗于 5 毫米，请用 rect", "thicker than 5 mm: use a rect")
    if 0 < node.dash < _SHORTEST_DASH_UM:
        least = _SHORTEST_DASH_UM
        yield Problem(f"{here}.dash", f"应为 0 或不小于 {least}", f"must be 0 or at least {least}")


def _wrong_path(wrong: WrongPath, place: str) -> Problem:
    near = [*wrong.known, "custom.…"]
    return Problem(
        place,
        f"没有数据项 {wrong.path}；可用的有 {'、'.join(near)}",
        f"there is no field {wrong.path}; there are {', '.join(near)}",
    )


def _picture(node: Image, here: str) -> Iterator[Problem]:
    try:
        read_png(node.png)
    except ValueError as wrong:
        yield Problem(f"{here}.png", f"图片无法使用：{wrong}", f"the picture cannot be used: {wrong}")
