"""Leases: units, and for segment accounts serials, that one worker holds so that a take touches no shared row.

A worker is a session that holds an advisory lock of the database. Whoever can take that lock knows that the worker is
gone, whatever killed it, and may close its leases; a closed lease refuses every further draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from miandan.branches import service as branches
from miandan.carriers.numbers import NumberKind
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Record, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.ids import new_id

SEGMENT_KINDS = (NumberKind.STANDARD, NumberKind.SANDBOX)
"""Kinds of number that a take draws, in this order; a sandbox has segments of its own kind only."""

_RUN_OUT = ("units.exhausted", "numbers.exhausted")


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Which account, for a statement."""

    merchant_id: int
    account_id: UUID


class Lease(NamedTuple):
    """Serials `next` to `last` inclusive, held by `worker`; they only count where `kind` is empty."""

    merchant_id: int
    lease_id: UUID
    account_id: UUID
    carrier: str
    kind: str
    next: int
    last: int

    @property
    def left(self) -> int:
        return self.last - self.next + 1


@dataclass(frozen=True, slots=True)
class _Serials:
    """Where a lease's serials come from."""

    kind: str
    slice_first: int | None
    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


_ACCOUNT_FOR_UPDATE = """
    SELECT carrier, branch_code, billing, supply, state, available, unit_limit
      FROM account
     WHERE merchant_id = $1 AND account_id = $2
       FOR UPDATE
"""

_RESERVE = """
    WITH entry AS (
        INSERT INTO unit_entry (merchant_id, entry_id, account_id, kind, units, subject, at)
        VALUES ($1, $4, $2, $5, $3, $6, $7)
    )
    UPDATE account
       SET available = available + $3
     WHERE merchant_id = $1 AND account_id = $2
"""

_INSERT = """
    INSERT INTO lease (merchant_id, lease_id, account_id, worker, carrier, kind, slice_first,
                       first, next, last, opened_at, closed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

# The choice is made once, before anything is deleted: within IN (...) a planner may make it again for every row that it
# looks at, and each time another rest would be the first.
_TAKE_REST_FOR_UPDATE = """
    WITH rest AS MATERIALIZED (
        SELECT merchant_id, account_id, kind, first
          FROM slice_rest
         WHERE merchant_id = $1 AND account_id = $2
         ORDER BY kind, first
         LIMIT 1
           FOR UPDATE SKIP LOCKED
    )
    DELETE FROM slice_rest s
     USING rest r
     WHERE s.merchant_id = r.merchant_id AND s.account_id = r.account_id AND s.kind = r.kind AND s.first = r.first
 RETURNING s.kind, s.first, s.last, s.slice_first
"""

_PUT_REST = """
    INSERT INTO slice_rest (merchant_id, account_id, kind, first, last, slice_first)
    VALUES ($1, $2, $3, $4, $5, $6)
"""

_CLOSE = """
    UPDATE lease
       SET closed_at = $3
     WHERE merchant_id = $1 AND account_id = $2 AND closed_at IS NULL AND {which}
 RETURNING lease_id, kind, slice_first, next, last
"""
_CLOSE_ALL = _CLOSE.format(which="true")
_CLOSE_HELD = _CLOSE.format(which="worker = $4")
_CLOSE_FORGOTTEN = _CLOSE.format(which="worker = $4 AND lease_id <> ALL($5::uuid[])")
_CLOSE_OTHERS = _CLOSE.format(which="worker <> $4 AND next <= last")
_CLOSE_UNLOCKED = _CLOSE.format(
    which="""lease_id IN (
           SELECT lease_id
             FROM lease
            WHERE merchant_id = $1 AND account_id = $2 AND closed_at IS NULL AND next <= last
              FOR UPDATE SKIP LOCKED)"""
)

_OPEN_WORKERS = "SELECT DISTINCT worker FROM lease WHERE closed_at IS NULL"

_ACCOUNTS_OF_WORKER = """
    SELECT DISTINCT merchant_id, account_id FROM lease WHERE worker = $1 AND closed_at IS NULL
    ORDER BY merchant_id, account_id
"""

_HELD = """
    SELECT merchant_id, lease_id, account_id, carrier, kind, next, last
      FROM lease
     WHERE merchant_id = $1 AND account_id = $2 AND worker = $3 AND closed_at IS NULL AND next <= last
"""


async def open_lease(tx: Transaction, account: AccountRef, worker: int, needed: int, wanted: int) -> Lease:
    """A lease of up to `wanted` units, at least one, aiming at `needed`.

    When the account runs low the lease shrinks towards what is needed, so that one worker does not strand the rest.
    Raises account.not_active and units.exhausted.
    """
    row = await _account_for_update(tx, account)
    spare = _spare(row, needed)
    units = wanted if spare is None else min(wanted, max(needed, spare // 4), spare)
    serials = await _serials(tx, account, row, units)
    return await _insert(tx, account, worker, row["carrier"], serials, spent=False)


async def open_lease_or_call_in(tx: Transaction, account: AccountRef, worker: int, needed: int, wanted: int) -> Lease:
    """The same for a take that waits: before it is refused, what other workers hold and have not used comes back.

    So whoever is told units.exhausted hears the truth. A worker that lives notices at its next draw.
    """
    try:
        return await open_lease(tx, account, worker, needed, wanted)
    except Refusal as refusal:
        if refusal.code not in _RUN_OUT or not await _close(tx, account, _CLOSE_OTHERS, worker):
            raise
    return await open_lease(tx, account, worker, needed, wanted)


async def draw_exactly(tx: Transaction, account: AccountRef, units: int) -> list[Lease]:
    """Leases of `units` together, spent and closed at once, for takes that go one by one.

    Raises account.not_active, units.exhausted and numbers.exhausted; then nothing is drawn if `tx` rolls back.
    """
    try:
        row = await _enough_for_update(tx, account, units)
    except Refusal as refusal:  # leases in use are left alone: `tx` may hold the key that their statement waits for
        if refusal.code not in _RUN_OUT or not await _close(tx, account, _CLOSE_UNLOCKED):
            raise
        row = await _enough_for_update(tx, account, units)
    drawn: list[Lease] = []
    while (missing := units - sum(lease.left for lease in drawn)) > 0:
        serials = await _serials(tx, account, row, missing)
        drawn.append(await _insert(tx, account, 0, row["carrier"], serials, spent=True))
    return drawn


async def hold_account(tx: Transaction, account: AccountRef) -> None:
    """Lock the account until `tx` ends, for whoever has to lock something else before drawing. Raises account.*."""
    await _account_for_update(tx, account)


async def give_back(tx: Transaction, account: AccountRef, units: int, kind: str, subject: str) -> None:
    """Return `units` to the account with a ledger entry of `kind` (refused, recycle); re_debit passes a negative."""
    await tx.execute(_RESERVE, account.merchant_id, account.account_id, units, new_id(), kind, subject, now())


async def close_open(tx: Transaction, merchant_id: int, account_id: UUID) -> int:
    """Close every open lease of the account, whoever holds it; the units that come back."""
    return await _close(tx, AccountRef(merchant_id, account_id), _CLOSE_ALL)


async def close_held(tx: Transaction, account: AccountRef, worker: int) -> int:
    """Close what this worker holds of the account; the units that come back."""
    return await _close(tx, account, _CLOSE_HELD, worker)


async def close_forgotten(tx: Transaction, account: AccountRef, worker: int, known: Sequence[UUID]) -> int:
    """Close what this worker holds of the account without knowing it, after a broken connection; the units."""
    return await _close(tx, account, _CLOSE_FORGOTTEN, worker, known)


async def open_leases(db: Database, account: AccountRef, worker: int) -> list[Lease]:
    """What this worker holds of the account, as the database knows it."""
    rows = await db.fetch(_HELD, account.merchant_id, account.account_id, worker)
    return [Lease(**dict(row)) for row in rows]


async def is_alive(db: Database, worker: int) -> bool:
    """Whether the worker still holds its advisory lock."""
    async with db.transaction() as tx:
        return not await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", worker)


async def close_leases_of_the_dead(db: Database) -> int:
    """Close the leases of workers that are gone; the units that came back."""
    returned = 0
    for row in await db.fetch(_OPEN_WORKERS):
        async with db.transaction() as tx:
            if await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", row["worker"]):
                for account in await tx.fetch(_ACCOUNTS_OF_WORKER, row["worker"]):
                    returned += await _close(tx, AccountRef(**dict(account)), _CLOSE_HELD, row["worker"])
    return returned


async def close_leases_of(db: Database, worker: int) -> int:
    """Close every lease of a worker that the caller knows to be over, account by account; the units."""
    returned = 0
    for row in await db.fetch(_ACCOUNTS_OF_WORKER, worker):
        async with db.transaction() as tx:
            returned += await _close(tx, AccountRef(**dict(row)), _CLOSE_HELD, worker)
    return returned


async def _account_for_update(tx: Transaction, account: AccountRef) -> Record:
    row = await tx.fetchrow(_ACCOUNT_FOR_UPDATE, account.merchant_id, account.account_id)
    if row is None:
        raise Refusal("account.unknown", account=str(account.account_id))
    if row["state"] != "active":
        raise Refusal("account.not_active", account=str(account.account_id), state=row["state"])
    return row


async def _enough_for_update(tx: Transaction, account: AccountRef, units: int) -> Record:
    """The account, locked. Raises account.* and, when it has less than `units`, units.exhausted."""
    row = await _account_for_update(tx, account)
    spare = _spare(row, units)
    if spare is not None and spare < units:
        raise _exhausted(row, spare, units)
    return row


def _spare(row: Record, needed: int) -> int | None:
    """Units that a lease may take, at least one; None where nothing limits them."""
    if row["billing"] == "prepaid":
        spare = row["available"]
    elif row["unit_limit"] is None:
        return None
    else:
        spare = row["unit_limit"] + row["available"]
    if spare <= 0:
        raise _exhausted(row, spare, needed)
    return int(spare)


def _exhausted(row: Record, left: int, wanted: int) -> Refusal:
    branch = row["branch_code"] or row["carrier"]
    return Refusal("units.exhausted", branch=branch, left=max(left, 0), wanted=wanted)


async def _serials(tx: Transaction, account: AccountRef, row: Record, units: int) -> _Serials:
    """Serials for `units`, fewer where a slice ends; mere counting where the numbers come from elsewhere."""
    if row["supply"] != "segment":
        return _Serials("", None, 1, units)
    carrier, branch_code = row["carrier"], row["branch_code"]
    rest = await tx.fetchrow(_TAKE_REST_FOR_UPDATE, account.merchant_id, account.account_id)
    if rest is not None:
        last = min(rest["last"], rest["first"] + units - 1)
        await _keep_rest(tx, account, rest["kind"], rest["slice_first"], last + 1, rest["last"])
        return _Serials(rest["kind"], rest["slice_first"], rest["first"], last)
    for kind in SEGMENT_KINDS:
        claimed = await branches.claim_slice(
            tx, carrier, branch_code, kind, account.merchant_id, account.account_id, units
        )
        if claimed is not None:
            return _Serials(kind, claimed.first, claimed.first, claimed.last)
    raise Refusal("numbers.exhausted", carrier=carrier, branch=branch_code or carrier, wanted=units)


async def _insert(
    tx: Transaction, account: AccountRef, worker: int, carrier: str, serials: _Serials, *, spent: bool
) -> Lease:
    lease_id, at = new_id(), now()
    await tx.execute(
        _RESERVE, account.merchant_id, account.account_id, -serials.count, new_id(), "lease", str(lease_id), at
    )
    await tx.execute(
        _INSERT,
        account.merchant_id,
        lease_id,
        account.account_id,
        worker,
        carrier,
        serials.kind,
        serials.slice_first,
        serials.first,
        serials.last + 1 if spent else serials.first,
        serials.last,
        at,
        at if spent else None,
    )
    return Lease(account.merchant_id, lease_id, account.account_id, carrier, serials.kind, serials.first, serials.last)


async def _close(tx: Transaction, account: AccountRef, which: str, *of: object) -> int:
    # The account row is locked before any lease, here as in open_lease, so that the two cannot deadlock.
    await tx.fetchrow(_ACCOUNT_FOR_UPDATE, account.merchant_id, account.account_id)
    returned = 0
    for row in await tx.fetch(which, account.merchant_id, account.account_id, now(), *of):
        left = row["last"] - row["next"] + 1
        if left:
            await give_back(tx, account, left, "lease_return", str(row["lease_id"]))
            await _keep_rest(tx, account, row["kind"], row["slice_first"], row["next"], row["last"])
        returned += left
    return returned


async def _keep_rest(
    tx: Transaction, account: AccountRef, kind: str, slice_first: int | None, first: int, last: int
) -> None:
    if slice_first is not None and first <= last:
        await tx.execute(_PUT_REST, account.merchant_id, account.account_id, kind, first, last, slice_first)
