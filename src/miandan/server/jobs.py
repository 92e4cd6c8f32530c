"""What falls due by itself: `miandan jobs` does it once, a running server does it all the time. Twice does no harm."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from miandan.accounts import leases, shares
from miandan.dialects.doudian import push
from miandan.hall import Hall
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Transaction
from miandan.kernel.failures import explained
from miandan.orders.intake import ORDER_EVENT
from miandan.printing import service as printing
from miandan.printing import stopping
from miandan.printing.forgetting import forget_old_jobs
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

_log = logging.getLogger("miandan")


@dataclass(slots=True)
class Due:
    """What was done, as counts; `alarms` name void numbers that were scanned and numbers printed suspiciously often."""

    counts: dict[str, int] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)


async def do_due(hall: Hall) -> Due:
    """Do what is due once. Where a part fails, the alarms until then go to the log: their messages are done."""
    due = Due()
    try:
        await _do_all(hall, due)
    except BaseException:
        for alarm in due.alarms:
            _sound(alarm)
        raise
    return due


async def _do_all(hall: Hall, due: Due) -> None:
    db = hall.db
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
    due.counts["messages"] = await outbox.deliver(db, handlers(hall, due.alarms.append))
    due.counts["scans"] = await applying.apply_waiting(db, hall.vault)
    due.counts["indexed"] = await index_pending(db)
    due.counts["print keys"] = await printing.destroy_old_keys(db)
    due.counts["forgotten"] = sum(one.rows for one in await apply_retention(db, now()))
    due.counts["forgotten"] += await forget_old_jobs(db)


def handlers(hall: Hall, alarm: Callable[[str], None]) -> Mapping[str, outbox.Handler]:
    """Every topic with whoever hears it; alarms name carrier and number, nobody's data."""

    async def void_was_scanned(_tx: Transaction, message: outbox.Message) -> None:
        alarm(f"{_named(message)} {VOID_SCANNED}")

    async def printed_often(_tx: Transaction, message: outbox.Message) -> None:
        alarm(f"{_named(message)} {PRINTED_OFTEN}")

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
    """Hand messages between rooms on and push to subscribers until `stop`; alarms go to the log."""
    while not stop.is_set():
        try:
            await push.run_pushes(hall.db, hall.root, stop, handlers(hall, _sound))
        except Exception as error:  # whatever ended it, messages wait in the database
            _log_failure("pushes", error)
        await _stopped(stop, AGAIN_SECONDS)


async def do_due_always(hall: Hall, stop: asyncio.Event) -> None:
    """Do what is due until `stop`, first at once; alarms go to the log."""
    while True:
        try:
            for alarm in (await do_due(hall)).alarms:
                _sound(alarm)
        except Exception as error:  # tried again the next time; each part is safe to repeat
            _log_failure("jobs", error)
        if await _stopped(stop, DUE_SECONDS):
            return


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


def _sound(alarm: str) -> None:
    _log.warning("alarm %s", alarm)


def _log_failure(what: str, error: Exception) -> None:
    """By kind and place: the error's own words may hold a row with a person in it."""
    refusal = explained(error)
    _log.error("%s failed [%s] %s", what, refusal.code, refusal.en)
