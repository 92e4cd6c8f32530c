"""Refusals: every failure a user can meet has a stable code and an entry in an `errors.toml` beside its noun.

The catalogue says in Chinese and English what is wrong and what to do next, whose turn it is and whether a
retry is safe. Code raises `Refusal("units.exhausted", branch=..., left=..., wanted=...)`; a door turns it into words.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable


class Cause(StrEnum):
    """What kind of thing stands in the way."""

    ACCOUNT = "account"
    BALANCE = "balance"
    ADDRESS = "address"
    AREA = "area"
    ORDER = "order"
    CARRIER = "carrier"
    THROTTLED = "throttled"
    DATA = "data"
    POLICY = "policy"
    SYSTEM = "system"


class Turn(StrEnum):
    """Who has to act next."""

    MERCHANT = "merchant"
    BRANCH = "branch"
    CARRIER = "carrier"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One row of the catalogue; the four texts are `str.format` patterns over the refusal's fields."""

    code: str
    cause: Cause
    turn: Turn
    retry_safe: bool
    zh: str
    next_zh: str
    en: str
    next_en: str


class Refusal(Exception):
    """Something a user asked for that is not done, with its code. Fields never hold a person's data."""

    def __init__(self, code: str, /, **fields: object) -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields

    @property
    def entry(self) -> ErrorEntry:
        return catalogue()[self.code]

    @property
    def zh(self) -> str:
        return self.entry.zh.format_map(self.fields)

    @property
    def next_zh(self) -> str:
        return self.entry.next_zh.format_map(self.fields)

    @property
    def en(self) -> str:
        return self.entry.en.format_map(self.fields)

    @property
    def next_en(self) -> str:
        return self.entry.next_en.format_map(self.fields)

    def __str__(self) -> str:
        entry = catalogue().get(self.code)
        return self.code if entry is None else f"{self.code}: {self.en} {self.next_en}"


def _error_files(folder: Traversable) -> list[Traversable]:
    return [
        room / "errors.toml"
        for room in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if room.is_dir() and (room / "errors.toml").is_file()
    ]


@cache
def catalogue() -> dict[str, ErrorEntry]:
    """Every error code of the installation. Raises ValueError when two nouns use one code."""
    entries: dict[str, ErrorEntry] = {}
    for file in _error_files(resources.files("miandan")):
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["error"]:
            if row["code"] in entries:
                raise ValueError(f"error code {row['code']} stands twice in the catalogue")
            entries[row["code"]] = ErrorEntry(**row | {"cause": Cause(row["cause"]), "turn": Turn(row["turn"])})
    return entries
