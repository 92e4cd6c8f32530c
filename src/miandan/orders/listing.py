"""Lists of a shop's orders, by the time they were made or last changed: with a cursor, or page by page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from miandan.kernel.clock import now
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.orders.model import OrderState, TradeOrder
from miandan.orders.queries import COLUMNS, read_order

MOST_ON_A_PAGE: Final = 100
DEEPEST: Final = 10_000
"""How many orders pages with a number reach; further on only the cursor leads, which costs the same everywhere."""

KEPT_DAYS: Final = 90
"""Pages with a number look no further back (Doudian's order.searchList does not either)."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9000, 1, 1, tzinfo=UTC)


class SortedBy(StrEnum):
    """Which time counts. A list by change that is read oldest first shows an order again when it changes meanwhile."""

    CREATED = "created_at"
    CHANGED = "changed_at"


class Parts(StrEnum):
    """Of orders that wait to be shipped or for a refund: those of which pieces are out already count too, do not
    count, or count alone (部分发货)."""

    ANY = "any"
    NONE_OUT = "none_out"
    SOME_OUT = "some_out"


class Cursor(NamedTuple):
    """The last order of a page: the next page begins behind it."""

    at: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders of a shop: from `since` until before `until` by the time that `by` names; no states means all.

    `other_since` and `other_until` say the same about the time that `by` does not name.
    """

    by: SortedBy = SortedBy.CREATED
    since: datetime | None = None
    until: datetime | None = None
    states: Collection[OrderState] = ()
    other_since: datetime | None = None
    other_until: datetime | None = None
    parts: Parts = Parts.ANY

    def covers(self, order: TradeOrder) -> bool:
        """Whether a list by this would show the order, as _WHICH asks it of the table."""
        at, other = order.created_at, order.changed_at
        if self.by is SortedBy.CHANGED:
            at, other = other, at
        waits = order.state in (OrderState.TO_SHIP, OrderState.REFUNDING)
        return (
            (self.since or _BEGINNING) <= at < (self.until or _END)
            and (self.other_since or _BEGINNING) <= other < (self.other_until or _END)
            and (not self.states or order.state in self.states)
            and (self.parts is Parts.ANY or not waits or (order.shipped_pieces > 0) == (self.parts is Parts.SOME_OUT))
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Orders and the cursor to what comes behind them, None at the end."""

    orders: Sequence[TradeOrder]
    next: Cursor | None


_WHICH = """
      FROM trade_order
     WHERE merchant_id = $1 AND shop_id = $2 AND arrived AND {by} >= $3 AND {by} < $4
       AND (cardinality($5::text[]) = 0 OR state = ANY($5))
       AND {other} >= $6 AND {other} < $7
       AND ($8::text = 'any' OR state NOT IN ('to_ship', 'refunding') OR (shipped_pieces > 0) = ($8 = 'some_out'))
"""
_BEHIND = f"""
    SELECT {COLUMNS}
    {_WHICH}
       AND ({{by}}, order_id) {{sign}} ($9, $10)
     ORDER BY {{by}} {{way}}, order_id {{way}}
     LIMIT $11
"""
_PAGE = f"""
    SELECT {COLUMNS}
    {_WHICH}
     ORDER BY {{by}} {{way}}, order_id {{way}}
     LIMIT $9
    OFFSET $10
"""
_COUNT = f"""
    SELECT count(*)
    {_WHICH}
"""
_RECEIVED = """
    SELECT count(*)
      FROM trade_order
      JOIN unnest($1::bigint[], $2::text[]) AS mine (merchant_id, shop_id) USING (merchant_id, shop_id)
     WHERE arrived AND created_at >= $3
"""
_OLDEST_FIRST, _NEWEST_FIRST = {"sign": ">", "way": "ASC"}, {"sign": "<", "way": "DESC"}


async def orders_of(
    db: Reads, merchant_id: int, shop_id: str, wanted: Wanted, *, after: Cursor | None = None, limit: int = 50
) -> Page:
    """The next orders behind `after`, oldest first, recipients still sealed. Raises `orders.list_limit`."""
    _refuse_limit(limit)
    sql = _BEHIND.format(**_columns(wanted.by), **_OLDEST_FIRST)
    behind = after or Cursor(_BEGINNING, "")
    rows = await db.fetch(sql, merchant_id, shop_id, *_which(wanted), *behind, limit + 1)
    return _page([read_order(row) for row in rows], wanted.by, limit)


async def newest_orders_of(
    db: Reads, merchant_id: int, shop_id: str, wanted: Wanted, *, after: Cursor | None = None, limit: int = 50
) -> Page:
    """The same, newest first."""
    _refuse_limit(limit)
    sql = _BEHIND.format(**_columns(wanted.by), **_NEWEST_FIRST)
    behind = after or Cursor(_END, "")
    rows = await db.fetch(sql, merchant_id, shop_id, *_which(wanted), *behind, limit + 1)
    return _page([read_order(row) for row in rows], wanted.by, limit)


async def count_orders(db: Reads, merchant_id: int, shop_id: str, wanted: Wanted) -> int:
    """How many orders of the last KEPT_DAYS days there are."""
    sql = _COUNT.format(**_columns(wanted.by))
    return int(await db.fetchval(sql, merchant_id, shop_id, *_which(recent(wanted))))


async def count_received(db: Reads, shops: Collection[tuple[int, str]], since: datetime) -> int:
    """How many orders these shops, each with its merchant, have had since a moment, by the time they were made."""
    merchants, ids = [merchant_id for merchant_id, _ in shops], [shop_id for _, shop_id in shops]
    return int(await db.fetchval(_RECEIVED, merchants, ids, since))


async def numbered_page(
    db: Reads, merchant_id: int, shop_id: str, wanted: Wanted, *, page: int, size: int
) -> list[TradeOrder]:
    """Page `page` (from 0) of the last KEPT_DAYS days' orders, newest first. Raises `orders.list_limit`."""
    return await _numbered(db, merchant_id, shop_id, wanted, page, size, "DESC")


async def numbered_page_oldest_first(
    db: Reads, merchant_id: int, shop_id: str, wanted: Wanted, *, page: int, size: int
) -> list[TradeOrder]:
    """The same, oldest first."""
    return await _numbered(db, merchant_id, shop_id, wanted, page, size, "ASC")


async def _numbered(
    db: Reads, merchant_id: int, shop_id: str, wanted: Wanted, page: int, size: int, way: str
) -> list[TradeOrder]:
    _refuse_limit(size)
    if page < 0 or (page + 1) * size > DEEPEST:
        raise Refusal("orders.list_limit", most=MOST_ON_A_PAGE, deepest=DEEPEST)
    sql = _PAGE.format(**_columns(wanted.by), way=way)
    rows = await db.fetch(sql, merchant_id, shop_id, *_which(recent(wanted)), size, page * size)
    return [read_order(row) for row in rows]


def _columns(by: SortedBy) -> dict[str, str]:
    other = SortedBy.CHANGED if by is SortedBy.CREATED else SortedBy.CREATED
    return {"by": by.value, "other": other.value}


def _which(wanted: Wanted) -> tuple[datetime, datetime, list[str], datetime, datetime, str]:
    return (
        wanted.since or _BEGINNING,
        wanted.until or _END,
        [state.value for state in wanted.states],
        wanted.other_since or _BEGINNING,
        wanted.other_until or _END,
        wanted.parts.value,
    )


def recent(wanted: Wanted) -> Wanted:
    """The same of the last KEPT_DAYS days, by the time that it names."""
    oldest = now() - timedelta(days=KEPT_DAYS)
    return replace(wanted, since=max(wanted.since or oldest, oldest))


def _page(found: Sequence[TradeOrder], by: SortedBy, limit: int) -> Page:
    shown = found[:limit]
    if len(found) <= limit:
        return Page(shown, None)
    last = shown[-1]
    return Page(shown, Cursor(last.created_at if by is SortedBy.CREATED else last.changed_at, last.ref.order_id))


def _refuse_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_ON_A_PAGE:
        raise Refusal("orders.list_limit", most=MOST_ON_A_PAGE, deepest=DEEPEST)
