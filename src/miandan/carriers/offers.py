"""What carriers sell and print on: products, value-added services, label sizes. Read when first asked for."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from miandan.carriers.catalogue import read_rows
from miandan.carriers.dated import Dated
from miandan.carriers.model import today


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Dated):
    """A way to send. `carrier_code` is what the carrier's own interface calls it, empty where unknown."""

    carrier: str
    code: str
    zh: str
    en: str
    carrier_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Dated):
    """A value-added service 增值服务. Money in fen; `ends_at` is the instant after which no order gets it any more."""

    carrier: str
    code: str
    zh: str
    en: str
    carrier_code: str = ""
    price_fen: int | None = None
    charged_at: str = ""
    compensation_fen: int | None = None
    ends_at: datetime | None = None
    statements_until: datetime | None = None
    merges: bool = True

    def can_be_ordered(self, at: datetime) -> bool:
        """Whether an order of that instant (aware) can still get the service."""
        return self.ends_at is None or at < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSize(Dated):
    """A paper in use, in micrometres; sources differ by a millimetre, so compare with `fits`."""

    carrier: str
    width: int
    height: int
    layers: int = 1

    def fits(self, width: int, height: int) -> bool:
        """Whether a paper (micrometres) is this size within one millimetre."""
        return abs(width - self.width) <= 1_000 and abs(height - self.height) <= 1_000


def products_of(carrier: str, on: date | None = None) -> list[Product]:
    """The first one is the usual."""
    day = on or today()
    return [row for row in products() if row.carrier == carrier and row.holds_on(day)]


def services_of(carrier: str, on: date | None = None) -> list[Service]:
    day = on or today()
    return [row for row in services() if row.carrier == carrier and row.holds_on(day)]


def label_sizes_of(carrier: str, on: date | None = None) -> list[LabelSize]:
    """The first one is the usual."""
    day = on or today()
    return [row for row in label_sizes() if row.carrier == carrier and row.holds_on(day)]


@cache
def products() -> tuple[Product, ...]:
    return tuple(Product(**row) for row in read_rows("offers", "product"))


@cache
def services() -> tuple[Service, ...]:
    return tuple(Service(**row) for row in read_rows("offers", "service"))


@cache
def label_sizes() -> tuple[LabelSize, ...]:
    return tuple(LabelSize(**row) for row in read_rows("labels", "row"))
