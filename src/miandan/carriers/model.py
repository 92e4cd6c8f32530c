"""Carriers as the trade knows them: names, codes, number rules and terms, every fact with dates and a source."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from miandan.carriers.dated import Dated
from miandan.carriers.numbers import LOOSE_SHAPE, NumberKind, NumberRule
from miandan.kernel.clock import now, trade_day
from miandan.kernel.errors import Refusal

__all__ = [
    "CancelRule",
    "Carrier",
    "CarrierModel",
    "ChildNumbers",
    "Code",
    "NameKind",
    "Names",
    "NumberKind",
    "NumberRule",
    "NumberSource",
    "RouteSource",
    "Settlement",
    "Term",
    "Terms",
]


class CarrierModel(StrEnum):
    """How a carrier runs its branches: franchise 加盟 with a prepaid balance at a branch, direct 直营 with a bill."""

    FRANCHISE = "franchise"
    DIRECT = "direct"


class NameKind(StrEnum):
    """What stands behind a name. A hint is never resolved: it only brings its carrier into the list of near names."""

    ALIAS = "alias"
    MISSPELLING = "misspelling"
    HINT = "hint"


class NumberSource(StrEnum):
    """Where a carrier's numbers come from unless an account says otherwise."""

    SEGMENT = "segment"
    LIVE = "live"
    LIST = "list"


class RouteSource(StrEnum):
    """Where sort code, big mark and bag centre come from."""

    LIVE = "live"
    TABLE = "table"


class CancelRule(StrEnum):
    """Whether the carrier takes a number back when asked."""

    BEFORE_PICKUP = "before_pickup"
    NEVER = "never"


class ChildNumbers(StrEnum):
    """How the second and later parcels of one shipment are numbered."""

    OWN = "own"
    SUFFIX = "suffix"


class Settlement(StrEnum):
    """Which code an account needs: a branch code 网点编号 or a settlement code 月结账号."""

    BRANCH = "branch"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names(Dated):
    """Names of one kind for one carrier."""

    carrier: str
    kind: NameKind
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Dated):
    """What a namespace calls a carrier; `id` is that namespace's number for it, `product` narrows the code to
    one product, a former code is understood but no longer said."""

    carrier: str
    namespace: str
    code: str
    id: str = ""
    product: str = ""
    former: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Dated):
    """One term of business; carrier "*" is the platform's rule for all that have none of their own."""

    carrier: str
    term: str
    value: int | str


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one carrier on one day.

    `waiting_days` pass without a scan before a cancelled number gives its unit back, `idle_days` before an untouched
    one does. `child_number_cost` is in units per child, `most_parcels` counts the mother.
    """

    waiting_days: int
    idle_days: int
    cancel: CancelRule
    number_source: NumberSource
    route_source: RouteSource
    settlement: Settlement
    child_numbers: ChildNumbers
    child_number_cost: int
    most_parcels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier(Dated):
    """A carrier. Days are Beijing days; where `on` is left out, today."""

    code: str
    zh: str
    en: str
    model: CarrierModel
    new_accounts_until: date | None = None
    names: tuple[Names, ...] = ()
    codes: tuple[Code, ...] = ()
    rules: tuple[NumberRule, ...] = ()
    term_rows: tuple[Term, ...] = ()

    def takes_new_accounts(self, on: date | None = None) -> bool:
        return self.new_accounts_until is None or (on or today()) <= self.new_accounts_until

    def must_take_new_accounts(self, on: date | None = None) -> None:
        """Raises carrier.retired when nobody can open an account any more; its parcels can still be read."""
        if not self.takes_new_accounts(on):
            raise Refusal("carrier.retired", carrier=self.code, zh=self.zh, en=self.en, until=self.new_accounts_until)

    def rule(self, kind: NumberKind = NumberKind.STANDARD, on: date | None = None) -> NumberRule:
        """The number rule of a kind; child and return numbers without a rule of their own follow the standard one.

        Raises carrier.no_rule where none is known, as for carriers whose numbers come as a list.
        """
        day = on or today()
        kinds = (kind, NumberKind.STANDARD) if kind in (NumberKind.CHILD, NumberKind.RETURN) else (kind,)
        for wanted in kinds:
            for rule in self.rules:
                if rule.kind is wanted and rule.holds_on(day):
                    return rule
        raise Refusal("carrier.no_rule", carrier=self.code, zh=self.zh, en=self.en, kind=kind.value)

    def accepts(self, number: str, on: date | None = None) -> bool:
        """Whether a number that this carrier is said to have issued can be one of its own.

        Without a known standard rule anything shaped like a number passes.
        """
        day = on or today()
        rules = [rule for rule in self.rules if rule.holds_on(day)]
        if any(rule.accepts(self.whole_number(number)) for rule in rules):
            return True
        unknown = all(rule.kind is not NumberKind.STANDARD for rule in rules)
        return unknown and LOOSE_SHAPE.fullmatch(number) is not None

    def terms(self, on: date | None = None) -> Terms:
        day = on or today()
        rows = {row.term: row.value for row in self.term_rows if row.holds_on(day)}
        return Terms(
            waiting_days=int(rows["waiting_days"]),
            idle_days=int(rows["idle_days"]),
            cancel=CancelRule(str(rows["cancel"])),
            number_source=NumberSource(str(rows["number_source"])),
            route_source=RouteSource(str(rows["route_source"])),
            settlement=Settlement(str(rows["settlement"])),
            child_numbers=ChildNumbers(str(rows["child_numbers"])),
            child_number_cost=int(rows["child_number_cost"]),
            most_parcels=int(rows["most_parcels"]),
        )

    def code_in(self, namespace: str, on: date | None = None, product: str = "") -> Code:
        """What the namespace calls this carrier, or this product of it. Raises carrier.no_code."""
        day = on or today()
        for row in self.codes:
            if (row.namespace, row.product, row.former) == (namespace, product, False) and row.holds_on(day):
                return row
        raise Refusal("carrier.no_code", carrier=self.code, zh=self.zh, en=self.en, namespace=namespace)

    def child_number(self, parent: str, index: int, total: int, on: date | None = None) -> str:
        """Number of parcel `index` (from 1) of `total`, for a carrier that appends "-index-total-" to the parent's.

        Raises ValueError for carriers whose children have numbers of their own and for an index outside the total.
        """
        if self.terms(on).child_numbers is not ChildNumbers.SUFFIX:
            raise ValueError(f"children of {self.code} have numbers of their own")
        if not 1 <= index <= total:
            raise ValueError(f"no parcel {index} of {total}")
        return f"{parent}-{index}-{total}-"

    def barcode_text(self, number: str, pieces: int = 1, on: date | None = None) -> str:
        """What the bars of a (mother) number say: the number itself, or the code of the first package."""
        if self.terms(on).child_numbers is ChildNumbers.SUFFIX and number == self.whole_number(number):
            return self.child_number(number, 1, pieces, on)
        return number

    def whole_number(self, number: str) -> str:
        """The parent of a suffixed package code; any other number as it stands."""
        parent, _, tail = number.partition("-")
        index, _, total = tail.removesuffix("-").partition("-")
        suffixed = tail.endswith("-") and _is_count(index) and _is_count(total) and int(index) <= int(total)
        carries = any(row.term == "child_numbers" and row.value == "suffix" for row in self.term_rows)
        return parent if suffixed and carries else number


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < len(text) <= 4 and text[0] != "0"


def rows_for(rows: Iterable[Term], carrier: str) -> tuple[Term, ...]:
    """The platform's terms first, so that the carrier's own override them."""
    rows = tuple(rows)
    return tuple(row for owner in ("*", carrier) for row in rows if row.carrier == owner)


def today() -> date:
    return trade_day(now())
