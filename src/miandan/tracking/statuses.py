"""What a carrier's or platform's status code means to us, and which code we answer with: `statuses.toml`, read once.

A code is read by its own table first, then by the words of the text; what neither tells is Action.OTHER. A code that
is unknown is never refused: carriers add codes without saying so.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from miandan.carriers.dated import Confidence, Dated
from miandan.kernel.clock import now, trade_day
from miandan.tracking.model import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Dated):
    """A code of a namespace; without a `sub_code` it holds for all that have no row of their own."""

    namespace: str
    code: str
    action: Action
    sub_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording(Dated):
    """Words in a text that tell the action; the first row that fits wins."""

    words: re.Pattern[str]
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Dated):
    """How an action is told to who speaks a namespace."""

    namespace: str
    action: Action
    code: str
    zh: str


@dataclass(frozen=True, slots=True)
class Statuses:
    """The three tables of the file."""

    read: dict[tuple[str, str, str], tuple[Status, ...]]
    wordings: tuple[Wording, ...]
    told: dict[tuple[str, Action], tuple[State, ...]]


def action_of(namespace: str, code: str, sub_code: str = "", text: str = "", on: date | None = None) -> Action:
    """What a code and its text mean on a day; Action.OTHER where nobody knows."""
    day, tables = on or trade_day(now()), statuses()
    code, sub_code = code.strip().upper(), sub_code.strip().upper()
    for key in ((namespace, code, sub_code), (namespace, code, "")):
        for row in tables.read.get(key, ()):
            if row.holds_on(day) and row.action is not Action.OTHER:
                return row.action
    return action_in(text, day)


def action_in(text: str, on: date | None = None) -> Action:
    """What the words of a text tell; Action.OTHER where they tell nothing."""
    day = on or trade_day(now())
    for row in statuses().wordings:
        if row.holds_on(day) and row.words.search(text):
            return row.action
    return Action.OTHER


def state_of(namespace: str, action: Action, on: date | None = None) -> State:
    """How an action is told in a namespace. Raises KeyError for a namespace without such a table."""
    day = on or trade_day(now())
    return next(row for row in statuses().told[namespace, action] if row.holds_on(day))


@cache
def statuses() -> Statuses:
    """The tables, patterns compiled."""
    data = tomllib.loads(resources.files("miandan.tracking").joinpath("statuses.toml").read_text(encoding="utf-8"))
    read: dict[tuple[str, str, str], tuple[Status, ...]] = {}
    for row in _rows(data["status"]):
        codes = row.pop("codes")
        for code in codes:
            status = Status(code=code, **row)
            key = status.namespace, code.upper(), status.sub_code.upper()
            read[key] = (*read.get(key, ()), status)
    told: dict[tuple[str, Action], tuple[State, ...]] = {}
    for row in _rows(data["state"]):
        state = State(**row)
        told[state.namespace, state.action] = (*told.get((state.namespace, state.action), ()), state)
    wordings = tuple(Wording(**row | {"words": re.compile(row["words"])}) for row in _rows(data["wording"]))
    return Statuses(read, wordings, told)


def _rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"action": Action(row["action"]), "confidence": Confidence(row["confidence"])} for row in rows]
