"""A trade order as it is shipped: who receives it, which lines go out, and what stands in the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from miandan.kernel.errors import Refusal
from miandan.vault.model import Recipient, Sealed

HELD_BY_HAND = "orders.held_by_hand"
"""Reason of a hold that a person put on; only such a hold can be released by a person."""

HELD_FOR_REVIEW = "orders.held_for_review"
"""Reason of a hold that the marketplace's risk review put on; only the marketplace releases it."""


class OrderState(StrEnum):
    """Only `to_ship` takes a number. `held` waits for a person; the rest are what the back office says."""

    TO_SHIP = "to_ship"
    HELD = "held"
    AWAITING_PAYMENT = "awaiting_payment"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    SHIPPED = "shipped"

    @property
    def has_recipient(self) -> bool:
        """Whether the file reader keeps the recipient: nobody's data is kept for an order that will not ship."""
        return self in (OrderState.TO_SHIP, OrderState.HELD)

    @property
    def is_finished(self) -> bool:
        """Whether an order stays so, whatever an older export says."""
        return self in (OrderState.CLOSED, OrderState.CANCELLED, OrderState.REFUNDED, OrderState.SHIPPED)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One sub-order: `quantity` pieces of one article. `paid_fen` is None where the file does not say it readably."""

    line_id: str
    title: str
    spec: str = ""
    sku: str = ""
    quantity: int = 1
    paid_fen: int | None = None


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """One order read from a file: `to_ship`, or `held` for the reason in `held_reason`.

    `rows` are the line numbers of the file (the header is line 1) that were merged into it. `warnings` do not stop
    it. Lines that are refunded, closed or shipped on their own are already left out. A marketplace that puts its orders
    by itself may say any state, and when the buyer ordered.
    """

    order_id: str
    shop_id: str | None
    recipient: Recipient
    lines: tuple[OrderLine, ...]
    state: OrderState = OrderState.TO_SHIP
    held_reason: Refusal | None = None
    paid_at: datetime | None = None
    rows: tuple[int, ...] = ()
    warnings: tuple[Refusal, ...] = ()
    created_at: datetime | None = None

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class SetAside:
    """An order that the back office itself says is not to be shipped, and why."""

    order_id: str
    shop_id: str | None
    state: OrderState
    reason: Refusal
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Rows of one order, or one row whose order is unknown, that cannot be read safely; `reasons` is never empty.

    `order_id` is what stands in the cell, so that a clerk finds it again; empty where nothing readable stands there.
    """

    order_id: str
    rows: tuple[int, ...]
    reasons: tuple[Refusal, ...]

    @property
    def refusal(self) -> Refusal:
        return self.reasons[0]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a file holds: every order stands in exactly one of `orders`, `set_aside` and `refused`."""

    layout: str
    orders: list[OrderDraft] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)


class OrderRef(NamedTuple):
    """An order within its merchant; `shop_id` is "" for a merchant without a shop."""

    shop_id: str
    order_id: str

    @property
    def bound_to(self) -> str:
        """What the order's recipient is sealed for."""
        return f"{self.shop_id}/{self.order_id}"


@dataclass(frozen=True, slots=True)
class Kept:
    """What an import did to the orders that are kept."""

    new: tuple[OrderRef, ...]
    unchanged: tuple[OrderRef, ...]
    changed: tuple[OrderRef, ...]


@dataclass(frozen=True, slots=True)
class TradeOrder:
    """An order as it is kept: its recipient sealed for `ref.bound_to`, its version counting every change."""

    ref: OrderRef
    state: OrderState
    held_reason: str | None
    version: int
    lines: tuple[OrderLine, ...]
    division_code: str
    recipient: Sealed
    paid_at: datetime | None
    imported_at: datetime
    created_at: datetime
    changed_at: datetime
    source_version: int | None = None
    """The highest version that its marketplace has spoken at; None where only files and hands speak for it."""
    shipped_pieces: int = 0
    """Pieces that stand stated as shipped; above 0 while the state is `to_ship`: partly shipped."""

    @property
    def paid_fen(self) -> int:
        """What the buyer paid for all lines whose amount is known, in fen."""
        return sum(line.paid_fen or 0 for line in self.lines)


class Seals(Protocol):
    """One merchant's keys, as the vault hands them out (`miandan.vault.keys.MerchantKeys`)."""

    merchant_id: int

    def seal(self, recipient: Recipient, bound_to: str) -> Sealed: ...

    def digest(self, recipient: Recipient) -> bytes: ...


def goods_summary(lines: Sequence[OrderLine], limit: int = 60) -> str:
    """What a packer reads, at most `limit` characters: "垫子 粉 x3; 毛巾 x1", or "垫子 粉 x3…等 9 件" when cut."""
    pieces = [_line_text(line) for line in lines]
    whole = "; ".join(pieces)
    if len(whole) <= limit:
        return whole
    tail = f"…等 {sum(line.quantity for line in lines)} 件"
    kept = pieces[0][: max(0, limit - len(tail))].rstrip()
    for piece in pieces[1:]:
        longer = f"{kept}; {piece}"
        if len(kept) < len(pieces[0]) or len(longer) + len(tail) > limit:
            break
        kept = longer
    return kept + tail


def _line_text(line: OrderLine) -> str:
    name = f"{line.title} {line.spec}".strip()
    return f"{name} x{line.quantity}"
