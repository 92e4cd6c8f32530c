"""How long a shop's print key seals, and how long print data may be printed: lives.toml."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

from miandan.carriers.dated import Confidence, Dated


@dataclass(frozen=True, slots=True, kw_only=True)
class Life(Dated):
    """One row of lives.toml."""

    key_seals_days: int
    print_data_days: int

    @property
    def key_seals(self) -> timedelta:
        """For how long a new key seals."""
        return timedelta(days=self.key_seals_days)

    @property
    def print_data(self) -> timedelta:
        """For how long print data may be printed."""
        return timedelta(days=self.print_data_days)


def life_on(day: date) -> Life:
    """The lives that hold on a Beijing day; the first row before there was any."""
    holding = [row for row in _rows() if row.holds_on(day)]
    return max(holding, key=lambda row: row.valid_from) if holding else _rows()[0]


@cache
def _rows() -> tuple[Life, ...]:
    text = resources.files(__package__).joinpath("lives.toml").read_text(encoding="utf-8")
    return tuple(Life(**row | {"confidence": Confidence(row["confidence"])}) for row in tomllib.loads(text)["life"])
