"""Which column of a back-office export means what, recognised by the header; the knowledge is layouts.toml."""

import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal

from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderState

RecipientForm = Literal["columns", "address", "pasted"]


@dataclass(frozen=True, slots=True)
class Layout:
    """One export layout; `columns` holds, per field, the names it may have in a header, folded."""

    name: str
    zh: str
    recipient: RecipientForm
    valid_from: date
    valid_until: date | None
    source: str
    required: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]

    def find(self, header: Mapping[str, int]) -> dict[str, int]:
        """Field -> index of its column, for every field that `header` (folded name -> index) has."""
        found = {}
        for field, names in self.columns.items():
            index = next((header[name] for name in names if name in header), None)
            if index is not None:
                found[field] = index
        return found


@dataclass(frozen=True, slots=True)
class Columns:
    """A header that was understood: the layout, where each field stands, and the names as the file writes them."""

    layout: Layout
    index: Mapping[str, int]
    names: Mapping[str, str]
    width: int
    quantities: tuple[int, ...]
    """Every column that may hold the quantity: lines of JSON may write it under different names."""

    def title(self, field: str) -> str:
        """The column's name as the clerk sees it in the file."""
        return self.names.get(field, field)


def fold(text: str) -> str:
    """A name or status without blanks, in half-width and small letters, so that exports of all years compare equal."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split()).strip("\ufeff\u200b")


def recognise(header: Sequence[str]) -> Columns | None:
    """The layout of which `header` has all required columns and the most columns; the first in the file at a tie."""
    positions = _positions(header)
    fitting = [(layout, layout.find(positions)) for layout in layouts()]
    fitting = [(layout, found) for layout, found in fitting if all(field in found for field in layout.required)]
    if not fitting:
        return None
    layout, found = max(fitting, key=lambda pair: len(set(pair[1].values())))
    names = {field: header[index].strip().lstrip("\ufeff") for field, index in found.items()}
    quantity_names = layout.columns.get("quantity", ())
    quantities = tuple(index for index, name in enumerate(header) if fold(name) in quantity_names)
    return Columns(layout, found, names, len(header), quantities)


def unknown_layout(header: Sequence[str]) -> Refusal:
    """`orders.columns_missing` naming what the closest layout lacks, or `orders.columns_unknown` when none is near."""
    positions = _positions(header)
    closest = max(layouts(), key=lambda layout: _nearness(layout, positions))
    found = closest.find(positions)
    missing = [closest.columns[field][0] for field in closest.required if field not in found]
    if len(missing) == len(closest.required):
        return Refusal("orders.columns_unknown", layouts="、".join(layout.zh for layout in layouts()))
    return Refusal("orders.columns_missing", layout=closest.zh, missing="、".join(missing))


def nearness(header: Sequence[str]) -> tuple[float, int]:
    """How much of its closest layout a row of cells has; tells the header among the first rows of a file."""
    positions = _positions(header)
    return max(_nearness(layout, positions) for layout in layouts())


def _nearness(layout: Layout, positions: Mapping[str, int]) -> tuple[float, int]:
    found = layout.find(positions)
    return sum(field in found for field in layout.required) / len(layout.required), len(found)


def _positions(header: Sequence[str]) -> dict[str, int]:
    positions: dict[str, int] = {}
    for index, name in enumerate(header):
        positions.setdefault(fold(name), index)
    return positions


@cache
def layouts() -> tuple[Layout, ...]:
    """Every known layout in the order of the file."""
    return tuple(
        Layout(
            name=row["name"],
            zh=row["zh"],
            recipient=row["recipient"],
            valid_from=row["valid_from"],
            valid_until=row.get("valid_until"),
            source=row["source"],
            required=tuple(row["required"]),
            columns={field: tuple(map(fold, names)) for field, names in row["columns"].items()},
        )
        for row in _knowledge()["layout"]
    )


@lru_cache(maxsize=256)
def state_of(column: Literal["status", "after_sale"], text: str) -> OrderState | None:
    """What a status cell means; None for a text that nobody has written down yet."""
    folded = fold(text)
    known = _statuses()[column]
    if folded in known:
        return known[folded]
    beginnings = [status for status in known if len(status) > 1 and folded.startswith(status)]
    return known[max(beginnings, key=len)] if beginnings else None


@cache
def _statuses() -> dict[str, dict[str, OrderState]]:
    known: dict[str, dict[str, OrderState]] = {"status": {}, "after_sale": {}}
    for row in _knowledge()["status"]:
        known[row["column"]] |= {fold(text): OrderState(row["state"]) for text in row["texts"]}
    return known


@cache
def _knowledge() -> dict[str, list[dict[str, Any]]]:
    text = resources.files("miandan.orders").joinpath("layouts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
