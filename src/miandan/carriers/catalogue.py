"""The carriers of this installation, found by any name or code that people and platforms use for them."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from miandan.carriers.dated import Confidence
from miandan.carriers.model import Carrier, CarrierModel, Code, NameKind, Names, Term, rows_for, today
from miandan.carriers.numbers import CheckDigit, NumberKind, NumberRule
from miandan.kernel.errors import Refusal

Row = dict[str, Any]

_DATA = Path(__file__).parent / "data"
_NOT_A_NAME = re.compile(r"[\s\-_·.,，。()（）\[\]【】&]+")
_TRADE = re.compile(r"快递|速递|速运|快运|物流|邮政|express|logistics|^[A-Za-z0-9_]{1,12}$", re.IGNORECASE)
_LONG_DIGITS = re.compile(r"\d{5,}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All carriers, with the indexes that `find` uses."""

    carriers: tuple[Carrier, ...]
    _by_name: dict[str, tuple[Carrier, Names | Carrier]]
    _by_code: dict[tuple[str, str], tuple[tuple[Carrier, Code], ...]]
    _hints: dict[str, Carrier]

    def __iter__(self) -> Iterator[Carrier]:
        return iter(self.carriers)

    def get(self, code: str) -> Carrier:
        """The carrier of one of our own codes, as it stands in the database. Raises carrier.unknown."""
        for carrier in self.carriers:
            if carrier.code == code:
                return carrier
        raise self._unknown(code)

    def find(self, name_or_code: str, namespace: str | None = None, on: date | None = None) -> Carrier:
        """The carrier meant by a name, misspelling or code on that day.

        With a namespace, its codes and numeric ids come first, then names; without one, our own codes, names, and
        any namespace's code that means the same carrier everywhere. Raises carrier.unknown with the near names.
        """
        day, wanted = on or today(), plain(name_or_code)
        found = None
        if namespace is not None:
            found = self._by_code_in(namespace, wanted, day) or self._named(wanted, day)
        elif wanted:
            found = self._own(wanted) or self._named(wanted, day) or self._by_code_anywhere(wanted, day)
        if found is None:
            raise self._unknown(name_or_code)
        return found

    def find_for_new_account(self, name_or_code: str, namespace: str | None = None, on: date | None = None) -> Carrier:
        """`find` for somebody who wants to open an account. Raises carrier.retired as well."""
        carrier = self.find(name_or_code, namespace, on)
        carrier.must_take_new_accounts(on)
        return carrier

    def recognise(self, number: str, on: date | None = None) -> list[Carrier]:
        """Carriers that such a number could be of, current shapes before older ones.

        Advisory only: shapes overlap (13 digits are Yunda, EMS and China Post), so nothing may be decided by it.
        """
        day, text = on or today(), number.strip().upper()
        strict, lenient = [], []
        for carrier in self.carriers:
            rules = [rule for rule in carrier.rules if rule.holds_on(day)]
            whole = carrier.whole_number(text)
            if any(rule.accepts(whole) for rule in rules):
                strict.append(carrier)
            elif any(rule.tolerates(whole) for rule in rules):
                lenient.append(carrier)
        return strict + lenient

    def _own(self, wanted: str) -> Carrier | None:
        return next((carrier for carrier in self.carriers if plain(carrier.code) == wanted), None)

    def _named(self, wanted: str, day: date) -> Carrier | None:
        carrier, row = self._by_name.get(wanted, (None, None))
        return carrier if row is not None and row.holds_on(day) else None

    def _by_code_in(self, namespace: str, wanted: str, day: date) -> Carrier | None:
        rows = self._by_code.get((namespace, wanted), ())
        return next((carrier for carrier, code in rows if code.holds_on(day)), None)

    def _by_code_anywhere(self, wanted: str, day: date) -> Carrier | None:
        """Numeric ids are left out: 15 means one carrier here and another there."""
        found = {
            carrier.code: carrier
            for (_, code_text), rows in self._by_code.items()
            if code_text == wanted and not wanted.isdecimal()
            for carrier, code in rows
            if code.holds_on(day)
        }
        return next(iter(found.values())) if len(found) == 1 else None

    def _unknown(self, name: str) -> Refusal:
        near = self._near(plain(name))
        # a mistaken column may hand us a person: only what resembles a carrier enters a refusal, and no long digits
        shown = _LONG_DIGITS.sub("…", name.strip())[:20] if near or _TRADE.search(name) else "…"
        near = near or list(self.carriers)
        return Refusal(
            "carrier.unknown",
            name=shown,
            near_zh="、".join(f"{carrier.zh}（{carrier.code}）" for carrier in near),
            near_en=", ".join(f"{carrier.en} ({carrier.code})" for carrier in near),
        )

    def _near(self, wanted: str) -> list[Carrier]:
        from difflib import get_close_matches  # only a refusal needs it

        if wanted in self._hints:
            return [self._hints[wanted]]
        by_text = {name: carrier for name, (carrier, _) in self._by_name.items()}
        by_text |= {plain(carrier.code): carrier for carrier in self.carriers}
        near = get_close_matches(wanted, by_text, n=8, cutoff=0.5) if wanted else []
        return list({by_text[name].code: by_text[name] for name in near}.values())[:3]


def plain(name: str) -> str:
    """A name without what people add or drop: width, case, spaces and punctuation."""
    return _NOT_A_NAME.sub("", unicodedata.normalize("NFKC", name)).casefold()


@cache
def catalogue() -> Catalogue:
    """Read once, about 5 ms."""
    names = [Names(**row | {"kind": NameKind(row["kind"]), "names": tuple(row["names"])}) for row in _rows("names")]
    codes = [Code(**row) for row in _rows("codes")]
    rules = [_rule(row) for row in _rows("numbers")]
    terms = [Term(**row) for row in _rows("terms")]
    carriers = tuple(
        Carrier(
            **row | {"model": CarrierModel(row["model"])},
            names=tuple(n for n in names if n.carrier == row["code"]),
            codes=tuple(c for c in codes if c.carrier == row["code"]),
            rules=tuple(r for r in rules if r.carrier == row["code"]),
            term_rows=rows_for(terms, row["code"]),
        )
        for row in _rows("carriers")
    )
    return Catalogue(carriers, _index_names(carriers), _index_codes(carriers), _index_hints(carriers))


def _rule(row: Row) -> NumberRule:
    return NumberRule(**row | {"kind": NumberKind(row["kind"]), "check": CheckDigit(row.get("check", "none"))})


def _index_names(carriers: Iterable[Carrier]) -> dict[str, tuple[Carrier, Names | Carrier]]:
    index: dict[str, tuple[Carrier, Names | Carrier]] = {}
    for carrier in carriers:
        index |= {plain(name): (carrier, carrier) for name in (carrier.zh, carrier.en)}
        for row in carrier.names:
            if row.kind is not NameKind.HINT:
                index |= {plain(name): (carrier, row) for name in row.names}
    return index


def _index_hints(carriers: Iterable[Carrier]) -> dict[str, Carrier]:
    return {
        plain(name): carrier
        for carrier in carriers
        for row in carrier.names
        if row.kind is NameKind.HINT
        for name in row.names
    }


def _index_codes(carriers: Iterable[Carrier]) -> dict[tuple[str, str], tuple[tuple[Carrier, Code], ...]]:
    index: dict[tuple[str, str], tuple[tuple[Carrier, Code], ...]] = {}
    for carrier in carriers:
        for row in carrier.codes:
            for text in {plain(row.code), row.id} - {""}:
                index[row.namespace, text] = (*index.get((row.namespace, text), ()), (carrier, row))
    return index


def _rows(subject: str) -> list[Row]:
    return read_rows(subject, "row")


def read_rows(subject: str, table: str) -> list[Row]:
    """The rows of one table of one data file, confidence already a `Confidence`."""
    text = (_DATA / f"{subject}.toml").read_text(encoding="utf-8")
    rows: list[Row] = tomllib.loads(text)[table]
    return [row | {"confidence": Confidence(row["confidence"])} for row in rows]
