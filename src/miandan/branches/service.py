"""Verbs of carrier offices: open one, load its number pool, hand out slices, say whose a number is, keep its stock.

Verbs that take a `Transaction` are steps of somebody else's; all others are one transaction of their own.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from miandan.branches import owner_queries, queries
from miandan.branches.model import (
    HEAD_OFFICE,
    Branch,
    DirectoryRow,
    PoolLevel,
    Sale,
    Segment,
    Slice,
    Source,
    Stock,
    Whose,
)
from miandan.carriers.catalogue import catalogue
from miandan.carriers.model import Carrier
from miandan.carriers.numbers import NumberKind, NumberRule
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Database, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id

_SHOWN = 3
"""How many bad numbers a refusal quotes."""


async def open_branch(db: Database, branch: Branch) -> Branch:
    """Open an office; the head office has the code ''. Raises carrier.unknown, branch.exists."""
    catalogue().get(branch.carrier)
    async with db.transaction() as tx:
        if not await queries.insert_branch(tx, branch):
            raise Refusal("branch.exists", carrier=branch.carrier, branch=_named(branch.carrier, branch.branch_code))
    return branch


async def find_branch(db: Database, carrier: str, branch_code: str) -> Branch:
    """An open office. Raises branch.unknown, branch.closed."""
    async with db.transaction() as tx:
        return await open_office(tx, carrier, branch_code)


async def branches_of(db: Database, carrier: str) -> tuple[Branch, ...]:
    """The carrier's open offices, the head office first."""
    async with db.transaction() as tx:
        return await queries.open_branches(tx, carrier)


async def close_branch(db: Database, carrier: str, branch_code: str, at: datetime | None = None) -> None:
    """Close an office: it gets nothing more and opens no account. Accounts and numbers go on. Raises branch.unknown."""
    async with db.transaction() as tx:
        if not await queries.close_branch(tx, carrier, branch_code, at or now()):
            raise Refusal("branch.unknown", carrier=carrier, branch=_named(carrier, branch_code))


async def open_office(tx: Transaction, carrier: str, branch_code: str) -> Branch:
    """Raises branch.unknown, branch.closed."""
    branch = await queries.branch(tx, carrier, branch_code)
    if branch is None:
        raise Refusal("branch.unknown", carrier=carrier, branch=_named(carrier, branch_code))
    if branch.closed_at is not None:
        raise Refusal("branch.closed", carrier=carrier, branch=_named(carrier, branch_code))
    return branch


async def load_segment(
    db: Database,
    carrier: str,
    branch_code: str,
    first: int,
    last: int,
    kind: NumberKind = NumberKind.STANDARD,
    at: datetime | None = None,
) -> Segment:
    """Add serials `first` to `last` to an office's pool.

    A kind without a rule of its own shares the standard pool. Raises carrier.no_rule, segment.outside_rule,
    segment.overlaps (naming the office and the range in the way), segment.number_known, branch.unknown.
    """
    loaded_at = at or now()
    rule = catalogue().get(carrier).rule(kind, trade_day(loaded_at))
    _check_range(rule, first, last)
    segment = Segment(carrier, new_id(), branch_code, rule.kind.value, first, last, first, loaded_at)
    async with db.transaction() as tx:
        await open_office(tx, carrier, branch_code)
        await queries.lock_pools_for_update(tx, carrier)
        await _check_nobody_has_them(tx, rule, segment)
        await queries.insert_segment(tx, segment)
    return segment


def _check_range(rule: NumberRule, first: int, last: int) -> None:
    if not rule.holds(first, last):
        raise Refusal(
            "segment.outside_rule",
            carrier=rule.carrier,
            first=first,
            last=last,
            lowest=rule.first,
            highest=rule.capacity - 1,
        )


async def _check_nobody_has_them(tx: Transaction, rule: NumberRule, wanted: Segment) -> None:
    other = await queries.overlapping_segment(tx, wanted.carrier, wanted.kind, wanted.first, wanted.last)
    if other is not None:
        raise Refusal(
            "segment.overlaps",
            first=rule.format(wanted.first),
            last=rule.format(wanted.last),
            branch=_named(other.carrier, other.branch_code),
            other_first=rule.format(other.first),
            other_last=rule.format(other.last),
        )
    known = await queries.number_between(tx, wanted.carrier, rule.format(wanted.first), rule.format(wanted.last))
    if known is not None:
        raise Refusal("segment.number_known", carrier=wanted.carrier, number=known)


async def load_list(
    db: Database, carrier: str, branch_code: str, numbers: Sequence[str], at: datetime | None = None
) -> int:
    """Add numbers that the carrier sent as a list; how many. Either all are loaded or none.

    Raises list.empty, list.number_breaks_rule, list.number_twice (counting the repeats, also those against what was
    loaded, noted or lies in a segment before), branch.unknown.
    """
    loaded_at = at or now()
    _check_list(catalogue().get(carrier), numbers, loaded_at)
    async with db.transaction() as tx:
        await open_office(tx, carrier, branch_code)
        await queries.lock_pools_for_update(tx, carrier)
        taken = await queries.known_numbers(tx, carrier, numbers) | await _in_segments(tx, carrier, numbers)
        fresh = [number for number in numbers if number not in taken]
        loaded = await queries.load_listed(tx, carrier, branch_code, fresh, loaded_at)
        if loaded != len(numbers):
            raise Refusal("list.number_twice", carrier=carrier, count=len(numbers) - loaded, total=len(numbers))
    return loaded


def _check_list(carrier: Carrier, numbers: Sequence[str], at: datetime) -> None:
    if not numbers:
        raise Refusal("list.empty")
    bad = [number for number in numbers if not carrier.accepts(number, trade_day(at))]
    if bad:
        shown = ", ".join(number[:30] for number in bad[:_SHOWN])
        raise Refusal("list.number_breaks_rule", carrier=carrier.code, count=len(bad), numbers=shown)
    repeats = len(numbers) - len(Counter(numbers))
    if repeats:
        raise Refusal("list.number_twice", carrier=carrier.code, count=repeats, total=len(numbers))


async def _in_segments(tx: Transaction, carrier: str, numbers: Sequence[str]) -> set[str]:
    """Those of the numbers that a segment of the carrier has or will have, under rules of any day."""
    found: set[str] = set()
    for rule in catalogue().get(carrier).rules:
        serials = {number: serial for number in numbers if (serial := rule.serial_of(number)) is not None}
        if serials:
            found |= await queries.in_segments(tx, carrier, rule.kind.value, serials)
    return found


async def pool_levels(db: Database, carrier: str, branch_code: str) -> tuple[PoolLevel, ...]:
    """What the office's own segments, by kind, and its list (kind "list") still hold."""
    async with db.transaction() as tx:
        return await queries.pool_levels(tx, carrier, branch_code)


async def claim_slice(
    tx: Transaction, carrier: str, branch_code: str, kind: str, merchant_id: int, account_id: UUID, wanted: int
) -> Slice | None:
    """Claim up to `wanted` serials for an account, for good: fewer at a segment's end, None when none are left.

    The office's own segments come before the head office's. Segments that others are claiming from are passed over
    while there is another; only when all that is left is held by others does this wait for them.
    """
    asked = (carrier, branch_code, kind, merchant_id, account_id, wanted, now())
    claimed = await queries.claim_slice_of_a_free_segment(tx, *asked)
    while claimed is None and await queries.serials_left(tx, carrier, branch_code, kind):
        claimed = await queries.claim_slice_waiting(tx, *asked)
    return claimed


async def claim_listed(tx: Transaction, carrier: str, branch_code: str, count: int) -> list[str]:
    """Take up to `count` numbers out of the office's list, then the head office's. The caller notes whose they are."""
    at = now()
    claimed = await queries.claim_listed(tx, carrier, branch_code, count, at)
    if len(claimed) < count and branch_code != HEAD_OFFICE:
        claimed += await queries.claim_listed(tx, carrier, HEAD_OFFICE, count - len(claimed), at)
    return claimed


async def note_numbers(tx: Transaction, rows: Sequence[DirectoryRow]) -> tuple[DirectoryRow, ...]:
    """Write down whose numbers these are, before anybody is told them. Returns the rows that cannot be: conflicts.

    A conflict is a number that is noted already, stands twice among the rows or, when it comes from outside (live,
    hand), lies in a segment or a list of ours. The other rows are noted; a caller who wants all or nothing rolls back.
    """
    ours = await _ours(tx, [row for row in rows if row.source in (Source.LIVE, Source.HAND)])
    wanted = {(row.carrier, row.number): row for row in reversed(rows) if (row.carrier, row.number) not in ours}
    noted = await queries.note_numbers(tx, list(wanted.values()))
    return tuple(row for row in rows if wanted.get(key := (row.carrier, row.number)) is not row or key not in noted)


async def _ours(tx: Transaction, rows: Sequence[DirectoryRow]) -> set[tuple[str, str]]:
    """Those of the numbers that a pool of ours gives out, so that nobody else can have issued them."""
    found: set[tuple[str, str]] = set()
    ordered = sorted(rows, key=lambda row: row.carrier)
    for carrier, group in groupby(ordered, key=lambda row: row.carrier):
        numbers = [row.number for row in group]
        await queries.lock_pools_against_loads(tx, carrier)
        pooled = await _in_segments(tx, carrier, numbers) | await queries.listed_numbers(tx, carrier, numbers)
        found |= {(carrier, number) for number in pooled}
    return found


async def whose(db: Database, carrier: str, number: str) -> Whose | None:
    """The merchant of a number, with its month where the directory says so; None for a number nobody has here."""
    async with db.transaction() as tx:
        return await _in_slices(tx, carrier, number, await queries.in_directory(tx, carrier, number))


async def whose_for_update(tx: Transaction, carrier: str, number: str) -> Whose | None:
    """`whose` as a step of somebody else's transaction, which holds the number's row of the directory if it has one."""
    return await _in_slices(tx, carrier, number, await queries.in_directory_for_update(tx, carrier, number))


async def _in_slices(tx: Transaction, carrier: str, number: str, noted: Whose | None) -> Whose | None:
    """What the directory says, else the slice that holds the number."""
    found = noted
    for rule in catalogue().get(carrier).rules:
        serial = rule.serial_of(number) if found is None else None
        if serial is not None:
            found = await queries.in_slice(tx, carrier, rule.kind.value, serial)
    return found


async def owners(tx: Transaction, carrier: str, numbers: Sequence[str]) -> dict[str, Whose]:
    """`whose` for many numbers; those that nobody has here are left out."""
    found = await owner_queries.in_directory(tx, carrier, numbers)
    for rule in catalogue().get(carrier).rules:
        serials = {one: serial for one in numbers if one not in found and (serial := rule.serial_of(one)) is not None}
        if serials:
            found |= await owner_queries.in_slices(tx, carrier, rule.kind.value, serials)
    return found


async def receive_stock(
    db: Database, carrier: str, branch_code: str, units: int, entry_id: UUID | None = None, at: datetime | None = None
) -> Stock:
    """Book units that the carrier gave an office. With an `entry_id` a repeat changes nothing.

    Raises units.not_positive, branch.unknown, stock.entry_reused.
    """
    _check_positive(units)
    async with db.transaction() as tx:
        await open_office(tx, carrier, branch_code)
        if await _is_new(tx, "receive", Sale(carrier, branch_code, units, entry_id or new_id(), at or now())):
            return await queries.receive(tx, carrier, branch_code, units)
        return await queries.stock(tx, carrier, branch_code)


async def give_back_stock(
    db: Database, carrier: str, branch_code: str, units: int, entry_id: UUID | None = None, at: datetime | None = None
) -> Stock:
    """Book units that an office gave back to the carrier. With an `entry_id` a repeat changes nothing.

    Raises units.not_positive, stock.short, stock.entry_reused.
    """
    _check_positive(units)
    async with db.transaction() as tx:
        if not await _is_new(tx, "give_back", Sale(carrier, branch_code, units, entry_id or new_id(), at or now())):
            return await queries.stock(tx, carrier, branch_code)
        left = await queries.give_back(tx, carrier, branch_code, units)
        return left if left is not None else await _short(tx, carrier, branch_code, units)


async def stock_of(db: Database, carrier: str, branch_code: str) -> Stock:
    """All zero where nothing was ever received."""
    async with db.transaction() as tx:
        return await queries.stock(tx, carrier, branch_code)


async def sell(tx: Transaction, sale: Sale) -> bool:
    """Take units out of an office's stock for an account, which books the same entry in the same transaction.

    False when this entry was booked before. Raises stock.short, naming what is left, and stock.entry_reused.
    """
    if not await _is_new(tx, "recharge", sale):
        return False
    if await queries.sell(tx, sale.carrier, sale.branch_code, sale.units) is None:
        await _short(tx, sale.carrier, sale.branch_code, sale.units)
    return True


async def buy_back(tx: Transaction, sale: Sale) -> bool:
    """Put units of an account back into stock; the mirror of `sell`."""
    if not await _is_new(tx, "reclaim", sale):
        return False
    await queries.sell(tx, sale.carrier, sale.branch_code, -sale.units)
    return True


async def _is_new(tx: Transaction, kind: str, sale: Sale) -> bool:
    """Write the entry; False for a repeat of the same. Raises stock.entry_reused for a different one of that id."""
    if await queries.insert_stock_entry(
        tx, sale.carrier, sale.entry_id, sale.branch_code, kind, sale.units, sale.at, sale.merchant_id, sale.account_id
    ):
        return True
    before = await queries.stock_entry(tx, sale.carrier, sale.entry_id)
    if before != (sale.branch_code, kind, sale.units, sale.merchant_id, sale.account_id):
        raise Refusal("stock.entry_reused", entry=str(sale.entry_id))
    return False


async def _short(tx: Transaction, carrier: str, branch_code: str, wanted: int) -> Stock:
    """Always raises stock.short."""
    stock = await queries.stock(tx, carrier, branch_code)
    raise Refusal("stock.short", branch=_named(carrier, branch_code), left=stock.left, wanted=wanted)


def _check_positive(units: int) -> None:
    if units <= 0:
        raise Refusal("units.not_positive", units=units)


def _named(carrier: str, branch_code: str) -> str:
    """How a refusal calls an office; the head office goes by its carrier."""
    return branch_code or carrier
