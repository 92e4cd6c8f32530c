"""What scans do to waybills, by outbox: first scan, signature and return are noted, a void number raises its alarm.

The other way round, the waybill says who its recipient is, who is then hidden in the scans (`cleaning.py`).

A number may be scanned before it is bound to a waybill here: entered by hand later, or issued by a carrier whose answer
did not arrive. Its scans wait in the inbox; `apply_waiting` is a job that finds such numbers, once they are taken.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby

from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Database, Transaction
from miandan.tracking import queries
from miandan.tracking.cleaning import clean
from miandan.tracking.service import SCANNED
from miandan.vault.service import Vault
from miandan.waybills import lives
from miandan.waybills import queries as waybill_queries
from miandan.waybills.model import Carriage, OnPaper

WAITS = timedelta(days=60)
"""A number that was not taken so long after its last scan is not looked for any more."""
PAGE = 1_000
"""Numbers that the job looks up in one statement."""


async def apply_waiting(db: Database, vault: Vault, at: datetime | None = None) -> int:
    """The job: apply the scans of numbers that have been taken since they were scanned; how many numbers."""
    since, applied, after = (at or now()) - WAITS, 0, ("", "")
    while page := await queries.waiting(db, after, since, PAGE):
        for carrier, pairs in groupby(page, key=lambda pair: pair[0]):
            applied += await _apply_taken(db, vault, carrier, [number for _, number in pairs])
        after = page[-1]
    return applied


async def _apply_taken(db: Database, vault: Vault, carrier: str, numbers: list[str]) -> int:
    async with db.transaction() as tx:
        found = await lives.on_paper(tx, carrier, numbers)
    applied = 0
    for number, paper in found.items():
        async with db.transaction() as tx:  # one number at a time: they belong to different merchants
            applied += await _apply(tx, vault, carrier, number, paper, moved=True)
    return applied


def handlers(vault: Vault) -> Mapping[str, outbox.Handler]:
    """Topics of this room for `outbox.deliver`."""

    async def on_scanned(tx: Transaction, message: outbox.Message) -> None:
        carrier, number = message.body["carrier"], message.body["number"]
        found = await lives.on_paper(tx, carrier, [number])
        await _apply(tx, vault, carrier, number, found.get(number), moved=message.body["moved"])

    return {SCANNED: on_scanned}


async def _apply(
    tx: Transaction, vault: Vault, carrier: str, number: str, paper: OnPaper | None, *, moved: bool
) -> bool:
    """Note whose the number is, hide its recipient in the scans, tell its waybill what they say; whether it has one.

    Nothing that has `moved` since the waybill was told last: then it must not be told again, since a void number that
    a carrier gave back would look scanned anew.
    """
    scanned = await queries.scanned_for_update(tx, carrier, number)
    if scanned is None:
        return False
    ref = scanned.ref or (None if paper is None else paper.ref)
    if scanned.ref is None:
        await queries.bind(tx, carrier, number, None if paper is None else paper.merchant_id, ref, now())
    if ref is None:
        return False
    stand = scanned.stand
    if moved or scanned.ref is None:
        await lives.keep_carriage(tx, ref, Carriage(stand.first_scan_at, stand.signed_at, stand.returned_at))
    [waybill] = await waybill_queries.waybills(tx, [ref])
    await clean(tx, vault, stand, waybill, now())
    return True
