"""Forgetting: the retention job, shredding by token, erasing one person on request; and the index job they rely on.

Shredding destroys the wrapped data key, so the ciphertext that stays behind says nothing, and deletes the search
indexes. All jobs work in small transactions: stopped anywhere and run again they go on where they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from miandan.kernel import audit
from miandan.kernel.clock import trade_day
from miandan.kernel.database import Database, Transaction
from miandan.vault import queries
from miandan.vault.keys import unpack_index
from miandan.vault.queries import IndexRow
from miandan.vault.shelves import (
    Holder,
    RetentionAction,
    RetentionRule,
    Shelf,
    delete_older,
    existing,
    mark_indexed,
    pending_for_update,
    retention_rules,
    shelves,
    shred_older,
    shred_tokens,
    still_kept,
    table_exists,
)

BATCH: Final = 1_000  # rows of one transaction


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one retention rule did: rows shredded or deleted, and search indexes that went with them."""

    table: str
    action: RetentionAction
    before: datetime
    rows: int
    index_rows: int


async def apply_retention(
    db: Database,
    at: datetime,
    *,
    rules: Sequence[RetentionRule] | None = None,
    all_shelves: Sequence[Shelf] | None = None,
    batch: int = BATCH,
) -> list[Forgotten]:
    """Shred and delete what is older than its rule allows at the moment `at`; one report per rule that applies.

    Tables that this database does not have are passed over. Safe to run twice at once and to stop at any point.
    """
    there = await existing(db, shelves() if all_shelves is None else all_shelves)
    done = []
    for rule in retention_rules() if rules is None else rules:
        if not rule.holds_on(trade_day(at)) or not await table_exists(db, rule.table):
            continue
        before = at.astimezone(UTC) - timedelta(days=rule.days)
        if rule.action is RetentionAction.SHRED:
            (shelf,) = (shelf for shelf in there if shelf.table == rule.table)
            rows, index_rows = await _shred_all_older(db, there, shelf, rule, before, batch)
            done.append(Forgotten(rule.table, rule.action, before, rows, index_rows))
        elif rule.action is RetentionAction.DELETE:
            done.append(Forgotten(rule.table, rule.action, before, await _delete_all_older(db, rule, before, batch), 0))
    return done


async def shred(
    tx: Transaction, merchant_id: int, tokens: Sequence[UUID], *, all_shelves: Sequence[Shelf] | None = None
) -> int:
    """Destroy the data keys of these recipients wherever they lie, and their search indexes; the number of rows.

    For ever, except in backups made before. The caller writes down why.
    """
    there = await existing(tx, shelves() if all_shelves is None else all_shelves)
    rows = [await shred_tokens(tx, shelf, merchant_id, tokens) for shelf in there]
    await queries.delete_index(tx, merchant_id, tokens)
    return sum(rows)


async def index_pending(db: Database, *, all_shelves: Sequence[Shelf] | None = None, batch: int = BATCH) -> int:
    """Move packed indexes that wait in their rows into `vault_index`; the number of rows. Run it after takes."""
    total = 0
    for shelf in await existing(db, shelves() if all_shelves is None else all_shelves):
        while shelf.index:
            async with db.transaction() as tx:
                rows = await pending_for_update(tx, shelf, batch)
                if rows:
                    await queries.insert_index(
                        tx,
                        (
                            IndexRow(row.merchant_id, entry, row.token, row.bound_to)
                            for row in rows
                            for entry in unpack_index(row.packed)
                        ),
                    )
                    await mark_indexed(tx, shelf, rows)
            total += len(rows)
            if len(rows) < batch:
                break
    return total


async def _shred_all_older(
    db: Database, there: Sequence[Shelf], shelf: Shelf, rule: RetentionRule, before: datetime, batch: int
) -> tuple[int, int]:
    total = index_total = 0
    while True:
        async with db.transaction() as tx:
            gone = await shred_older(tx, shelf, rule.clock, before, batch)
            if not gone:
                return total, index_total
            index_rows = await _forget_indexes(tx, there, gone)
            subject = {"table": rule.table, "rows": len(gone), "index_rows": index_rows, "before": before.isoformat()}
            await audit.append(
                tx, audit.PLATFORM, actor="retention", action="recipient.shredded", purpose="retention", subject=subject
            )
        total += len(gone)
        index_total += index_rows


async def _forget_indexes(tx: Transaction, there: Sequence[Shelf], gone: Sequence[Holder]) -> int:
    """Delete the search indexes of recipients that no row of any shelf can open any more."""
    lost = set(gone)
    for shelf in there:
        lost -= await still_kept(tx, shelf, list(lost))
    by_merchant: dict[int, list[UUID]] = {}
    for holder in lost:
        by_merchant.setdefault(holder.merchant_id, []).append(holder.token)
    return sum([await queries.delete_index(tx, merchant, tokens) for merchant, tokens in by_merchant.items()])


async def _delete_all_older(db: Database, rule: RetentionRule, before: datetime, batch: int) -> int:
    total = 0
    while True:
        async with db.transaction() as tx:
            rows = await delete_older(tx, rule.table, rule.clock, before, batch)
        total += rows
        if rows < batch:
            return total
