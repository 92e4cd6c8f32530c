"""Shop types: which kind of applicant may open which shop, and what it may do on a day. Read from shop_types.toml."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from miandan.carriers.dated import Confidence, Dated


@dataclass(frozen=True, slots=True)
class Applicant:
    """Kind of legal subject, with the documents it brings."""

    code: str
    zh: str
    en: str
    documents: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopType(Dated):
    """A type of shop during one span of its life; types were closed and opened again."""

    code: str
    zh: str
    en: str
    applicants: frozenset[str]
    brand_rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance(Dated):
    """What the shops of some types may do (capabilities) or sell (categories) during a span."""

    types: frozenset[str]
    allows: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnoverCap(Dated):
    """What a shop may turn over in a year, in fen, and what it has to do beyond."""

    types: frozenset[str]
    yearly_fen: int
    action_zh: str
    action_en: str


@dataclass(frozen=True, slots=True)
class ShopTypes:
    """The whole table. Never count the types in code: they come and go."""

    applicants: tuple[Applicant, ...]
    types: tuple[ShopType, ...]
    capabilities: tuple[Allowance, ...]
    categories: tuple[Allowance, ...]
    turnover_caps: tuple[TurnoverCap, ...]

    def find(self, code: str, on: date) -> ShopType | None:
        """The type as it stands on a Beijing day; None where it is unknown or not open then."""
        return next((row for row in self.types if row.code == code and row.holds_on(on)), None)

    def open_on(self, on: date) -> tuple[ShopType, ...]:
        return tuple(row for row in self.types if row.holds_on(on))

    def applicant(self, code: str) -> Applicant | None:
        return next((row for row in self.applicants if row.code == code), None)

    def capabilities_of(self, code: str, on: date) -> frozenset[str]:
        """What shops of a type may do: shelf, live, video, affiliate, ads. A waybill never depends on it."""
        nothing: frozenset[str] = frozenset()
        return nothing.union(*(row.allows for row in _standing(self.capabilities, code, on)))

    def may_sell(self, code: str, category: str, on: date) -> bool:
        """Whether the category is on the type's allow-list; a type without a list sells anything."""
        listed = _standing(self.categories, code, on)
        return not listed or any(category in row.allows for row in listed)

    def turnover_cap(self, code: str, on: date) -> TurnoverCap | None:
        return next((row for row in self.turnover_caps if code in row.types and row.holds_on(on)), None)


def _standing(rows: Iterable[Allowance], code: str, on: date) -> list[Allowance]:
    return [row for row in rows if code in row.types and row.holds_on(on)]


@cache
def shop_types() -> ShopTypes:
    """The table of this installation, read once."""
    file = resources.files("miandan.merchants") / "shop_types.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return ShopTypes(
        applicants=tuple(Applicant(**row | {"documents": tuple(row["documents"])}) for row in tables["applicant"]),
        types=tuple(ShopType(**_typed(row)) for row in tables["type"]),
        capabilities=tuple(Allowance(**_typed(row)) for row in tables["capability"]),
        categories=tuple(Allowance(**_typed(row)) for row in tables["category"]),
        turnover_caps=tuple(TurnoverCap(**_typed(row)) for row in tables["turnover_cap"]),
    )


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    lists = {name: frozenset(value) for name, value in row.items() if isinstance(value, list)}
    return row | lists | {"confidence": Confidence(row["confidence"])}
