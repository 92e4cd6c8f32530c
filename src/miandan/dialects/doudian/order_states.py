"""Our order states in the platform's numbers, by order_states.toml, and back again for a list that asks by number."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from miandan.kernel.errors import Refusal
from miandan.orders.listing import Parts
from miandan.orders.model import OrderState, TradeOrder

_NUMBERS: Final = re.compile(r"\d{1,4}(,\d{1,4}){0,30}")
_WAITING: Final = (OrderState.TO_SHIP, OrderState.REFUNDING)


@dataclass(frozen=True, slots=True)
class Status:
    """A number of the platform and the orders that have it."""

    code: int
    zh: str
    states: tuple[OrderState, ...]
    parts: Parts

    def covers(self, order: TradeOrder) -> bool:
        fits = self.parts is Parts.ANY or (order.shipped_pieces > 0) == (self.parts is Parts.SOME_OUT)
        return fits and order.state in self.states


@dataclass(frozen=True, slots=True)
class Refund:
    """What an order with a refund shows besides; pairs are before and after pieces have left."""

    after_sale_status: int
    after_sale_type: tuple[int, int]
    refund_status: int
    main_status: tuple[int, int] | None
    main_zh: tuple[str, str] | None


@cache
def statuses() -> tuple[Status, ...]:
    """Every number that an order of ours can have."""
    return tuple(
        Status(row["code"], row["zh"], tuple(map(OrderState, row["states"])), Parts(row.get("parts", "any")))
        for row in _data()["status"]
    )


@cache
def _refunds() -> Mapping[OrderState, Refund]:
    return {
        OrderState(row["state"]): Refund(
            row["after_sale_status"],
            (row["after_sale_type"][0], row["after_sale_type"][1]),
            row["refund_status"],
            _pair(row.get("main_status")),
            _pair(row.get("main_zh")),
        )
        for row in _data()["refund"]
    }


def _pair(values: Sequence[Any] | None) -> tuple[Any, Any] | None:
    return None if values is None else (values[0], values[1])


def status_of(order: TradeOrder) -> Status:
    """The number of an order as it stands."""
    return next(status for status in statuses() if status.covers(order))


def main_status_of(order: TradeOrder) -> tuple[int, str]:
    """Number and word of the order's way as a whole: a refund that is through has its own."""
    refund, status = _refunds().get(order.state), status_of(order)
    if refund is None or refund.main_status is None or refund.main_zh is None:
        return status.code, status.zh
    out = int(order.shipped_pieces > 0)
    return refund.main_status[out], refund.main_zh[out]


def after_sale_of(order: TradeOrder) -> dict[str, int]:
    """The refund of an order, zeros where there is none."""
    refund = _refunds().get(order.state)
    if refund is None:
        return {"after_sale_status": 0, "after_sale_type": 0, "refund_status": 0}
    return {
        "after_sale_status": refund.after_sale_status,
        "after_sale_type": refund.after_sale_type[int(order.shipped_pieces > 0)],
        "refund_status": refund.refund_status,
    }


def line_status(order: TradeOrder, ordered: int, out: int) -> tuple[int, str]:
    """Number and word of one sub-order: where its order waits, by how many of its pieces are out."""
    if order.state not in _WAITING:
        return status_of(order).code, status_of(order).zh
    code = 3 if ordered and out >= ordered else 101 if out else 2
    return code, next(status.zh for status in statuses() if status.code == code)


# --- asking by number -------------------------------------------------------------------------------------------------


def asked_codes(combined: Iterable[Mapping[str, str]]) -> set[int] | None:
    """The numbers that combine_status asks for, None where it asks for nothing.

    Each row may name several, parted by commas; a row that names order_status and main_status means orders with both.
    Raises doudian.field_type.
    """
    rows = [row for row in combined if row.get("order_status") or row.get("main_status")]
    if not rows:
        return None
    return set().union(*map(_codes_of_row, rows))


def _codes_of_row(row: Mapping[str, str]) -> set[int]:
    named = _numbers(row, "order_status"), _numbers(row, "main_status")
    codes = {status.code for status in statuses()}
    for numbers in named:
        if numbers is not None:
            codes &= numbers
    return codes


def _numbers(row: Mapping[str, str], name: str) -> set[int] | None:
    text = row.get(name, "").replace(" ", "")
    if not text:
        return None
    if not _NUMBERS.fullmatch(text):
        raise Refusal("doudian.field_type", field=f"combine_status.{name}", kind="1,2,3")
    return {int(number) for number in text.split(",")}


def states_with(codes: Collection[int]) -> tuple[frozenset[OrderState], Parts]:
    """The states behind numbers, empty where no order of ours can have one, and which orders of a state are meant."""
    asked = [status for status in statuses() if status.code in codes]
    parts = {status.parts for status in asked if status.parts is not Parts.ANY}
    states = frozenset(state for status in asked for state in status.states)
    return states, parts.pop() if len(parts) == 1 else Parts.ANY


@cache
def _data() -> Mapping[str, list[dict[str, Any]]]:
    text = resources.files("miandan.dialects.doudian").joinpath("order_states.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
