"""What scans do to waybills, by outbox: first scan, signature and return are noted, a void number raises its alarm.

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
from miandan.tracking.service import SCANNED
from miandan.waybills import lives
from miandan.waybills.model import Carriage, OnPaper

WAITS = timedelta(days=60)
"""A number that was not taken so long after its last scan is not looked for any more."""
PAGE = 1_000
"""Numbers that the job looks up in one statement."""


async def apply_waiting(db: Database, at: datetime | None = None) -> int:
    """The job: apply the scans of numbers that have been taken since they were scanned; how many numbers."""
    since, applied, after = (at or now()) - WAITS, 0, ("", "")
    while page := await queries.waiting(db, after, since, PAGE):
        for carrier, pairs in groupby(page, key=lambda pair: pair[0]):
            applied += await _apply_taken(db, carrier, [number for _, number in pairs])
        after = page[-1]
    return applied


async def _apply_taken(db: Database, carrier: str, numbers: list[str]) -> int:
    async with db.transaction() as tx:
        found = await lives.on_paper(tx, carrier, numbers)
    applied = 0
    for number, paper in found.items():
        async with db.transaction() as tx:  # one number at a time: they belong to different merchants
            applied += await _apply(tx, carrier, number, paper, moved=True)
    return applied


async def _on_scanned(tx: Transaction, message: outbox.Message) -> None:
    carrier, number = message.body["carrier"], message.body["number"]
    found = await lives.on_paper(tx, carrier, [number])
    await _apply(tx, carrier, number, found.get(number), moved=message.body["moved"])


async def _apply(tx: Transaction, carrier: str, number: str, paper: OnPaper | None, *, moved: bool) -> bool:
    """Note whose the number is, and tell its waybill what the scans say; whether it has one.

    Nothing that has `moved` since the waybill was told last: then it must not be told again, since a void number that
    a carrier gave back would look scanned anew.
    """
    scanned = await queries.scanned_for_update(tx, carrier, number)
    if scanned is None or (scanned.ref is not None and not moved):
        return False
    ref = scanned.ref or (None if paper is None else paper.ref)
    if scanned.ref is None:
        await queries.bind(tx, carrier, number, None if paper is None else paper.merchant_id, ref, now())
    if ref is not None:
        stand = scanned.stand
        await lives.keep_carriage(tx, ref, Carriage(stand.first_scan_at, stand.signed_at, stand.returned_at))
    return ref is not None


HANDLERS: Mapping[str, outbox.Handler] = {SCANNED: _on_scanned}
"""Topics of this room for `outbox.deliver`."""
