"""Printing a label again (补打): with a reason, counted, limited, and heard of when it happens too often.

The copy number is drawn when the sheet is given to its agent, as for every sheet; from copy 2 on the label carries it
in a small second code, and the packing station takes the last copy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from miandan.kernel import outbox
from miandan.kernel.clock import BEIJING, now, trade_day
from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.masks import mask_remark
from miandan.printing import jobs, sheet_queries
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import LONGEST_WORDS, JobAsk, JobKind, JobMade, PrintJob, Turned
from miandan.printing.model import Asked, Sheet
from miandan.printing.rules import limits_on, reasons_on
from miandan.waybills.model import NumberRef

MANY_REPRINTS: Final = "printing.many_reprints"
"""Outbox topic: a number was printed again so often today that somebody should look. Body: merchant, carrier, number,
reprints, most, job. Once a number and day."""


@dataclass(frozen=True, slots=True)
class ReprintAsk:
    """Why labels are printed again: a code of rules.toml, and a person's own words; phones in them are not kept."""

    reason: str
    words: str = ""


async def reprint(desk: PrintDesk, ask: JobAsk, why: ReprintAsk, at: datetime | None = None) -> JobMade:
    """Queue labels once more, each as the next copy; children only where they are asked for.

    Numbers are turned away one by one as by `create_job`, and by printing.reprint_limit. Raises what `create_job`
    raises, printing.reason_unknown, printing.reason_without_words.
    """
    at = at or now()
    known = reasons_on(trade_day(at)).get(why.reason)
    words = mask_remark(why.words.strip())[:LONGEST_WORDS]
    if known is None:
        raise Refusal("printing.reason_unknown", reason=why.reason[:40])
    if known.words and not words:
        raise Refusal("printing.reason_without_words", reason=known.code)

    async def rule(db: Reads, merchant_id: int, sheets: Sequence[Sheet]) -> list[Turned]:
        return await _refuse_too_often(db, merchant_id, sheets, at)

    async def told(tx: Transaction, job: PrintJob) -> None:
        await _sound(tx, job, at)

    job = jobs.new_job(ask, JobKind.REPRINT, known.code, words, at)
    return await jobs.make(desk, ask, job, rule, told)


async def reprints_today(
    db: Reads, merchant_id: int, refs: Sequence[NumberRef], at: datetime | None = None
) -> dict[Asked, int]:
    """How often each number was printed again on this Beijing day."""
    counted = await sheet_queries.reprints(db, merchant_id, refs, *_day(at or now()))
    return {Asked(*name): count for name, count in counted.items()}


async def _refuse_too_often(db: Reads, merchant_id: int, sheets: Sequence[Sheet], at: datetime) -> list[Turned]:
    turned = await jobs.already_waiting(db, merchant_id, sheets)
    names = {one.asked for one in turned}
    rest = [sheet for sheet in sheets if sheet.asked not in names]
    counted = await reprints_today(db, merchant_id, [sheet.waybill.ref for sheet in rest], at)
    most = limits_on(trade_day(at)).most
    return turned + [
        Turned(sheet.asked, Refusal("printing.reprint_limit", number=sheet.asked.number, most=most))
        for sheet in rest
        if counted.get(sheet.asked, 0) >= most
    ]


async def _sound(tx: Transaction, job: PrintJob, at: datetime) -> None:
    """Tell whoever listens of numbers that have reached the alert with this job."""
    limits = limits_on(trade_day(at))
    counted = await reprints_today(tx, job.merchant_id, await sheet_queries.refs_of_job(tx, job), at)
    messages = [
        (
            f"merchant:{job.merchant_id}",
            {
                "merchant": job.merchant_id,
                "carrier": asked.carrier,
                "number": asked.number,
                "reprints": count,
                "most": limits.most,
                "job": str(job.job_id),
            },
        )
        for asked, count in counted.items()
        if count == limits.alert
    ]
    await outbox.put_many(tx, MANY_REPRINTS, messages)


def _day(at: datetime) -> tuple[datetime, datetime]:
    start = datetime.combine(trade_day(at), time(), BEIJING)
    return start, start + timedelta(days=1)
