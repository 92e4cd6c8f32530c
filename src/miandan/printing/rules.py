"""Dated rules of printing: why labels are printed again, how often they may be, how long print keys and pairing codes
live, what a parcel can weigh (rules.toml)."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from miandan.carriers.dated import Confidence, Dated

D = TypeVar("D", bound=Dated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Dated):
    """Why a label is printed again. `words`: a person has to say more."""

    code: str
    zh: str
    en: str
    words: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Dated):
    """Reprints of one number on a Beijing day: from `alert` on somebody hears of it, more than `most` are refused."""

    alert: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing(Dated):
    """How long a pairing code lives, and after how many wrong tries it is worth nothing."""

    minutes: int
    tries: int

    @property
    def life(self) -> timedelta:
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life(Dated):
    """How long a shop's print key seals, and how long print data may be printed."""

    key_seals_days: int
    print_data_days: int

    @property
    def key_seals(self) -> timedelta:
        return timedelta(days=self.key_seals_days)

    @property
    def print_data(self) -> timedelta:
        return timedelta(days=self.print_data_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Dated):
    """What a parcel can weigh, in grams."""

    least_g: int
    most_g: int


def reasons_on(day: date) -> dict[str, Reason]:
    """The reasons that hold on a Beijing day, by code."""
    return {one.code: one for one in _rows("reason", Reason) if one.holds_on(day)}


def limits_on(day: date) -> Limits:
    """How often a number may be printed again on a Beijing day."""
    return _newest("limit", Limits, day)


def pairing_on(day: date) -> Pairing:
    """How pairing codes live on a Beijing day."""
    return _newest("pairing", Pairing, day)


def life_on(day: date) -> Life:
    """How long print keys and print data live on a Beijing day."""
    return _newest("life", Life, day)


def scale_on(day: date) -> Scale:
    """What is a weight on a Beijing day."""
    return _newest("scale", Scale, day)


def _newest(kind: str, row: type[D], day: date) -> D:
    """The newest row that holds; the first one before there was any."""
    rows = _rows(kind, row)
    holding = [one for one in rows if one.holds_on(day)]
    return max(holding, key=lambda one: one.valid_from) if holding else rows[0]


@cache
def _table() -> dict[str, list[dict[str, Any]]]:
    text = resources.files(__package__).joinpath("rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _rows(kind: str, row: type[D]) -> tuple[D, ...]:
    return tuple(row(**one | {"confidence": Confidence(one["confidence"])}) for one in _table()[kind])


def spoken(code: str, reason: str = "") -> str:
    """What a station says aloud (Chinese), short enough to be heard in passing; by the reason where one is known. The
    texts of the code say more."""
    return _spoken().get(reason) or _spoken()[code]


@cache
def _spoken() -> dict[str, str]:
    text = resources.files(__package__).joinpath("spoken.toml").read_text(encoding="utf-8")
    words: dict[str, str] = tomllib.loads(text)["spoken"]
    return words
