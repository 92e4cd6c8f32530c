"""Templates in the print language of Cainiao (CNPL, formerly LPML), which Pinduoduo's and others' resemble.

Elements and the usual simple scripts are read; no script is ever run. What is not understood is listed with its line
and column. Facts: the published specification (article 107047) and templates of the public editor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace as altered

from msgspec.structs import replace

from miandan.kernel.errors import Refusal
from miandan.labels.checking import Standards
from miandan.labels.importers.cainiao_conditions import as_whens
from miandan.labels.importers.cainiao_contents import branch_whens
from miandan.labels.importers.cainiao_expressions import NotSimple
from miandan.labels.importers.cainiao_leaves import LEAVES, Room, leaf, page_index
from miandan.labels.importers.cainiao_markup import Chars, Element, read_markup
from miandan.labels.importers.cainiao_scripts import Alias, Branch, Branching, Looping, Output, Part, structured
from miandan.labels.importers.cainiao_styles import Wishes
from miandan.labels.importers.cainiao_tables import table
from miandan.labels.importers.cainiao_values import Scope, path_of
from miandan.labels.importers.imported import MOST_LEVELS, MOST_NODES, Imported, Notes
from miandan.labels.importers.placing import Draft, settle
from miandan.labels.importers.reading import broken
from miandan.labels.template import Box, CustomArea, Group, Node, Table, Template, When

_SMALLEST_PAPER, _WIDEST_PAPER, _LONGEST_PAPER = 10_000, 300_000, 500_000  # micrometres
_CELL_PAD = 400  # micrometres, as in our own tables
_MOST_COPIES = 5  # of layouts within each other

_Layered = list[tuple[int, Draft]]
"""Nodes with how far in front they lie."""


def import_cainiao(data: bytes, name: str, base: str, standards: Standards) -> Imported:
    """A page becomes a template; a layout as root element the custom area of the standard template `base`.

    Raises Refusal labels.import_broken, labels.import_paper, labels.import_base and labels.import_too_complex.
    """
    notes = Notes()
    root = read_markup(data, notes)
    if root.tag == "layout":
        return _area(root, name, base, standards, notes)
    if root.tag != "page":
        broken(root.place, f"根元素是 {root.tag}，应为 page 或 layout", f"the root is {root.tag}, not page or layout")
    return _page(root, name, notes)


def _page(root: Element, name: str, notes: Notes) -> Imported:
    wishes = Wishes(root, notes)
    width, height = wishes.measure("width"), wishes.measure("height")
    if width is None or height is None:
        broken(root.place, "page 缺少 width 或 height", "the page has no width or height")
    if not (_SMALLEST_PAPER <= width <= _WIDEST_PAPER and _SMALLEST_PAPER <= height <= _LONGEST_PAPER):
        raise Refusal("labels.import_paper", width=f"{width / 1000:g}", height=f"{height / 1000:g}")
    splits = wishes.attribute("splitable").lower() == "true"
    wishes.rest()
    drafts = _Reader(root, notes, splits).page(Room(width, height, Scope(), height))
    return Imported(Template(name, 1, width, height, settle(drafts, width, height, notes)), notes.all())


def _area(root: Element, name: str, base: str, standards: Standards, notes: Notes) -> Imported:
    standard = standards(base) if base else None
    if standard is None or standard.custom is None:
        raise Refusal("labels.import_base", base=base or "—")
    wishes, own = Wishes(root, notes), standard.custom
    width, height = wishes.measure("width") or own.w, wishes.measure("height") or own.h
    for ignored in ("left", "top", "id", "orientation"):  # where the area lies is the standard template's
        wishes.attribute(ignored)
    cuts = wishes.style("overflow") == "hidden"
    wishes.whole("zIndex", 0)
    wishes.rest()
    if width > own.w + 500 or height > own.h + 500:
        size = f"{width / 1000:g} × {height / 1000:g}"
        notes.add(root.place, "<layout>", "area_smaller", was=size, now=f"{own.w / 1000:g} × {own.h / 1000:g}")
    room = Room(width, height, Scope(), own.h, cuts=cuts)
    drafts = _Reader(root, notes, False).page(room)
    return Imported(CustomArea(name, 1, base, settle(drafts, own.w, own.h, notes)), notes.all())


class _Reader:
    """Goes through the elements; what it finds counts from the corner of the element around it."""

    def __init__(self, root: Element, notes: Notes, splits: bool) -> None:
        self._root = root
        self._notes = notes
        self._splits = splits
        self._copied: list[str] = []  # ids of the layouts that are being copied
        self._found = self._depth = 0
        self._by_id = _by_id(root)

    def page(self, room: Room) -> list[Draft]:
        """What stands on the page; tables reach down to its footer at most."""
        footers = [child for child in self._root.children if isinstance(child, Element) and child.tag == "footer"]
        below = room.below - sum(Wishes(footer, Notes()).measure("height") or 0 for footer in footers)
        room = altered(room, below=below)
        return self._in_order(self._all(structured(self._root.children, self._notes), room))

    def _in_order(self, layered: _Layered) -> list[Draft]:
        return [draft for _, draft in sorted(layered, key=lambda one: one[0])]

    def _all(self, parts: Sequence[Part], room: Room) -> _Layered:
        found: _Layered = []
        for part in parts:
            match part:
                case Element():
                    found += self._element(part, room)
                case Branching(branches):
                    found += self._branches(branches, room)
                case Alias():
                    room = self._named(part, room)
                case Looping():
                    self._notes.add(part.place, part.code, "loop")
                case Output():
                    self._notes.add(part.place, part.code, "emits_markup")
                case Chars() if part.text.strip():
                    self._notes.add(part.place, part.text, "loose_text")
        return found

    def _branches(self, branches: list[Branch], room: Room) -> _Layered:
        found: _Layered = []
        for whens, branch in branch_whens(branches, room.scope, self._notes)[0]:
            found += self._all(branch.body, room.under(whens))
        return found

    def _named(self, alias: Alias, room: Room) -> Room:
        try:
            return altered(room, scope=room.scope.naming(alias.name, path_of(alias.expression, room.scope)))
        except NotSimple:
            self._notes.add(alias.place, alias.code, "script")
            return room

    def _element(self, element: Element, room: Room) -> _Layered:
        self._found += 1
        if self._found > 10 * MOST_NODES:  # copies of copies grow fast
            raise Refusal("labels.import_too_complex", most=10 * MOST_NODES)
        if element.tag in LEAVES:
            layer, drafts = leaf(element, room, self._notes)
            return [(layer, draft) for draft in drafts]
        if element.tag == "layout":
            return self._layout(element, room)
        if element.tag == "table":
            found = table(element, room, self._notes, self._splits, self._in_cell)
            return [(0, draft) for draft in found]
        if element.tag in ("header", "footer"):
            return self._section(element, room)
        if element.tag == "pageIndex":
            return [(0, page_index(element, room, self._notes))]
        self._notes.add(element.place, f"<{element.tag}>", "element")
        return []

    def _in_cell(self, cell: Element, room: Room) -> list[Draft]:
        """A cell's elements, or its own text; texts stand off the cell's rules."""
        parts = structured(cell.children, self._notes)
        elements = [child for child in cell.children if isinstance(child, Element)]
        pad = _CELL_PAD if all(element.tag == "text" for element in elements) and room.width > 5 * _CELL_PAD else 0
        room = altered(room, width=room.width - 2 * pad)
        if elements:
            drafts = self._in_order(self._all(parts, room))
        elif any(not isinstance(part, Chars) or part.text.strip() for part in parts):
            drafts = leaf(Element("text", {}, cell.place, cell.children), room, self._notes)[1]
        else:
            drafts = []
        return [draft.moved(pad, 0) for draft in drafts]

    # --- layouts ------------------------------------------------------------------------------------------------------

    def _layout(self, element: Element, room: Room) -> _Layered:
        self._depth += 1
        if self._depth > 2 * MOST_LEVELS:
            raise Refusal("labels.import_too_complex", most=2 * MOST_LEVELS)
        found = self._placed(element, room)
        self._depth -= 1
        return found

    def _placed(self, element: Element, room: Room) -> _Layered:
        element, inherited, copied = self._with_copied(element)
        wishes = Wishes(element, self._notes, inherited)
        name, flow = wishes.attribute("id"), wishes.attribute("orientation").lower()
        places = [wishes.measure(side) for side in ("left", "top", "width", "height")]
        left, top = places[0] or 0, places[1] or 0
        width = room.width - left if places[2] is None else places[2]
        height = room.height - top if places[3] is None else places[3]
        cuts = wishes.style("overflow", "visible").lower() == "hidden"
        layer = wishes.whole("zIndex", 0)
        wishes.rest()
        inside = Room(width, height, room.scope, room.below - top, (), room.cuts or cuts)
        parts = structured(element.children, self._notes)
        found = self._flowing(parts, inside, flow) if flow in ("vertical", "horizontal") else self._all(parts, inside)
        if copied:
            self._copied.pop()
        drafts = self._in_order(found)
        box = Box(left, top, width, height)
        if places[2] is not None and places[3] is not None and _is_group(parts) and _holds(box, drafts):
            nodes = () if name.isdigit() or name.startswith("element_") else name
            group = Group(box, (), nodes or "", as_whens(room.whens))
            return [(layer, Draft(group, element.place, "<layout>", tuple(drafts)))]
        return [(layer, _under(draft.moved(left, top), room.whens)) for draft in drafts]

    def _with_copied(self, element: Element) -> tuple[Element, dict[str, str], bool]:
        """The layout, with what it copies from another one by `ref`: attributes, and content where it has none."""
        ref = "".join(piece for piece in element.attributes.get("ref", ()) if isinstance(piece, str)).strip()
        if not ref:
            return element, {}, False
        source = self._by_id.get(ref)
        if source is None or source is element or ref in self._copied or len(self._copied) >= _MOST_COPIES:
            self._notes.add(element.place, f'ref="{ref}"', "ref")
            return _without(element, "ref"), {}, False
        inherited = {
            key: "".join(piece for piece in pieces if isinstance(piece, str))
            for key, pieces in source.attributes.items()
            if key in ("left", "top", "width", "height", "orientation")
        }
        own = any(isinstance(child, Element) for child in element.children)
        attributes = dict(element.attributes)
        if "style" in source.attributes:
            attributes.setdefault("style", source.attributes["style"])
        copy = Element(element.tag, attributes, element.place, element.children if own else source.children)
        self._copied.append(ref)
        return _without(copy, "ref"), inherited, True

    def _flowing(self, parts: Sequence[Part], room: Room, flow: str) -> _Layered:
        """Layouts one behind the other: each begins where the one before ends."""
        layouts = [part for part in parts if isinstance(part, Element) and part.tag == "layout"]
        if len(layouts) < 2:
            return self._all(parts, room)
        self._notes.add(layouts[0].place, f"orientation={flow}", "flow")
        found: _Layered = []
        behind = 0
        for part in parts:
            here = self._all([part], room)
            x, y = (0, behind) if flow == "vertical" else (behind, 0)
            found += [(layer, draft.moved(x, y)) for layer, draft in here]
            if isinstance(part, Element) and part.tag == "layout":
                behind += _extent(part, room, flow)
        return found

    def _section(self, element: Element, room: Room) -> _Layered:
        """A header or footer; on a page that splits it stands on every sheet."""
        wishes = Wishes(element, self._notes)
        height = wishes.measure("height") or room.height
        wishes.rest()
        top = 0 if element.tag == "header" else room.height - height
        inside = Room(room.width, height, room.scope, room.below - top, (), room.cuts)
        drafts = self._in_order(self._all(structured(element.children, self._notes), inside))
        box = Box(0, top, room.width, height)
        if self._splits and drafts and _holds(box, drafts) and not any(_has_table(draft) for draft in drafts):
            group = Group(box, (), element.tag, as_whens(room.whens), "all")
            return [(0, Draft(group, element.place, f"<{element.tag}>", tuple(drafts)))]
        return [(0, _under(draft.moved(0, top), room.whens)) for draft in drafts]


def _by_id(root: Element) -> dict[str, Element]:
    found: dict[str, Element] = {}
    waiting = [root]
    while waiting:
        element = waiting.pop()
        name = "".join(piece for piece in element.attributes.get("id", ()) if isinstance(piece, str)).strip()
        if element.tag == "layout" and name:
            found.setdefault(name, element)
        waiting += [child for child in element.children if isinstance(child, Element)]
    return found


def _without(element: Element, name: str) -> Element:
    return Element(
        element.tag,
        {key: pieces for key, pieces in element.attributes.items() if key != name},
        element.place,
        element.children,
    )


def _is_group(parts: Iterable[Part]) -> bool:
    """Whether nothing but layouts stands in a layout."""
    elements = [part for part in parts if isinstance(part, Element)]
    bodies = [branch.body for part in parts if isinstance(part, Branching) for branch in part.branches]
    return (
        bool(elements or bodies)
        and all(element.tag == "layout" for element in elements)
        and all(_is_group(body) for body in bodies)
    )


def _holds(box: Box, drafts: Sequence[Draft]) -> bool:
    boxes = [draft.node.box for draft in drafts]
    return bool(boxes) and all(
        one.x >= 0 and one.y >= 0 and one.x + one.w <= box.w and one.y + one.h <= box.h for one in boxes
    )


def _has_table(draft: Draft) -> bool:
    return isinstance(draft.node, Table) or any(_has_table(inner) for inner in draft.within)


def _under(draft: Draft, whens: tuple[When, ...]) -> Draft:
    """The node under the conditions around its layout too."""
    if not whens:
        return draft
    own = draft.node.when
    each = () if own is None else own if isinstance(own, tuple) else (own,)
    node: Node = replace(draft.node, when=as_whens(whens + each))
    return altered(draft, node=node)


def _extent(layout: Element, room: Room, flow: str) -> int:
    """How far a layout reaches from where it begins, with the distance before it."""
    wishes = Wishes(layout, Notes())
    side, size = ("top", "height") if flow == "vertical" else ("left", "width")
    before, length = wishes.measure(side) or 0, wishes.measure(size)
    whole = room.height if flow == "vertical" else room.width
    return before + (whole - before if length is None else length)
