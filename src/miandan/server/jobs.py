"""What falls due by itself: `miandan jobs` does it once, a running server does it all the time. Twice does no harm."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from miandan.accounts import leases, shares
from miandan.dialects.doudian import push
from miandan.hall import Hall
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Transaction
from miandan.orders.intake import ORDER_EVENT
from miandan.printing import service as printing
from miandan.printing import stopping
from miandan.printing.reprints import MANY_REPRINTS
from miandan.tracking import applying
from miandan.tracking import months as scan_months
from miandan.vault.retention import apply_retention, index_pending
from miandan.waybills import giving_back, live, lives, months

AGAIN_SECONDS: Final = 5.0
"""How long a loop that failed as a whole rests."""

DUE_SECONDS: Final = 600.0
"""How often a running server looks for what is due."""


VOID_SCANNED: Final = "已取消或已回收，却被揽收扫描；单量已重新扣除 void, yet scanned; its unit is spent"
PRINTED_OFTEN: Final = "今天重打次数很多，请核实 reprinted many times today: ask why"


@dataclass(slots=True)
class Due:
    """What was done, as counts; `alarms` name void numbers that were scanned and numbers printed suspiciously often."""

    counts: dict[str, int] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)


async def do_due(hall: Hall) -> Due:
    """Do what is due once."""
    due, db = Due(), hall.db
    await months.prepare(db)
    await scan_months.prepare(db)
    await scan_months.drop_past(db)
    due.counts["leases"] = await leases.close_leases_of_the_dead(db)
    due.counts["live calls"] = await live.settle_all(hall.counter)
    due.counts["cancellations"] = await lives.finish_all_cancelling(hall.counter) + await giving_back.give_up_unused(
        hall.counter
    )
    due.counts["recycled"] = await lives.recycle_due(db)
    await shares.return_rests(db)
    await shares.tell_owners(db)
    due.counts["messages"] = await outbox.deliver(db, handlers(hall, due.alarms))
    due.counts["scans"] = await applying.apply_waiting(db, hall.vault)
    due.counts["indexed"] = await index_pending(db)
    due.counts["print keys"] = await printing.destroy_old_keys(db)
    due.counts["forgotten"] = sum(one.rows for one in await apply_retention(db, now()))
    return due


def handlers(hall: Hall, alarms: list[str]) -> Mapping[str, outbox.Handler]:
    """Every topic with whoever hears it; alarms end in the list."""

    async def void_was_scanned(_tx: Transaction, message: outbox.Message) -> None:
        alarms.append(f"{_named(message)} {VOID_SCANNED}")

    async def printed_often(_tx: Transaction, message: outbox.Message) -> None:
        alarms.append(f"{_named(message)} {PRINTED_OFTEN}")

    async def order_changed(tx: Transaction, message: outbox.Message) -> None:
        await push.HANDLERS[ORDER_EVENT](tx, message)
        await stopping.stop_sheets(tx, message)

    return {
        **shares.HANDLERS,
        **applying.handlers(hall.vault),
        **push.HANDLERS,
        ORDER_EVENT: order_changed,
        lives.VOID_WAS_SCANNED: void_was_scanned,
        MANY_REPRINTS: printed_often,
    }


def _named(message: outbox.Message) -> str:
    return f"{message.body['carrier']} {message.body['number']}"


async def deliver_and_push_always(hall: Hall, stop: asyncio.Event) -> None:
    """Hand messages between rooms on and push to subscribers until `stop`."""
    while not stop.is_set():
        with suppress(Exception):  # whatever ended it, messages wait in the database
            await push.run_pushes(hall.db, hall.root, stop, handlers(hall, []))
        await _stopped(stop, AGAIN_SECONDS)


async def do_due_always(hall: Hall, stop: asyncio.Event) -> None:
    """Do what is due until `stop`, first at once."""
    while True:
        with suppress(Exception):  # tried again the next time; each part is safe to repeat
            await do_due(hall)
        if await _stopped(stop, DUE_SECONDS):
            return


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
