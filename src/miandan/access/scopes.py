"""Scopes: what an app may be allowed to do, in words that a shop's owner understands (scopes.toml)."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class Scope(StrEnum):
    """Few and by the trade's verbs; their meanings stand in scopes.toml."""

    ORDERS = "orders"
    WAYBILLS = "waybills"
    PRINT = "print"
    SHIP = "ship"
    TRACK = "track"
    SUPPLY = "supply"
    REVEAL = "reveal"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class ScopeMeaning:
    """What stands on the page where a subject agrees; `subjects` are the kinds that can grant it."""

    scope: Scope
    zh: str
    en: str
    subjects: frozenset[str]


@cache
def meanings() -> tuple[ScopeMeaning, ...]:
    """Every scope in the order in which it is shown."""
    text = resources.files("miandan.access").joinpath("scopes.toml").read_text(encoding="utf-8")
    return tuple(
        ScopeMeaning(Scope(row["code"]), row["zh"], row["en"], frozenset(row["subjects"]))
        for row in tomllib.loads(text)["scope"]
    )


@cache
def scopes_for(kind: str) -> frozenset[Scope]:
    """What a subject of this kind can grant."""
    return frozenset(meaning.scope for meaning in meanings() if kind in meaning.subjects)


@cache
def usual_scopes(kind: str) -> frozenset[Scope]:
    """What an app gets where nothing is said: everything but plain recipients."""
    return scopes_for(kind) - {Scope.REVEAL}
