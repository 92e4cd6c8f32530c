"""Stations of the packing table (工位): scan to print, scan to check before a parcel is closed, packed, weighed;
parcels that are stopped, and let go.

A scan is answered at once with a word to be said aloud and the code behind it. All copies of a label bear the same
number, so from the second copy on a plain number is not enough: the station asks for the small code, and takes the last
copy only. Nothing here says that a parcel was shipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from miandan.carriers.catalogue import catalogue
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.printing import queries, station_queries
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import JobAsk, JobMade, PrinterRef, PrintSheet, SheetState
from miandan.printing.jobs import create_job
from miandan.printing.leasing import reason_of
from miandan.printing.model import Asked
from miandan.printing.rules import scale_on, spoken
from miandan.printing.sheets import void
from miandan.printing.station_queries import PackStop, Weight
from miandan.waybills import queries as waybill_queries
from miandan.waybills.model import Waybill
from miandan.waybills.obstacles import obstructed, orders_behind

MOST_STOPPED: Final = 500
"""Parcels of one list."""

_LONGEST_SCAN: Final = 200
_COPY_MARK: Final = "#"
_DIGITS: Final = 6  # of a copy


class Light(StrEnum):
    """What the lamp of a station shows."""

    GO = "go"
    ASK = "ask"  # scan the small code too
    STOP = "stop"


class Source(StrEnum):
    """Where a weight comes from."""

    TYPED = "typed"
    WEDGE = "wedge"  # a scale that types like a keyboard


class Scanned(NamedTuple):
    """What a scanned text says. `copy` is None where it names none."""

    text: str
    copy: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a scan. `say` is said aloud, `refusal` has the whole words; `copy` is the one that counts now."""

    light: Light
    say: str
    asked: Asked | None = None
    copy: int = 0
    refusal: Refusal | None = None

    @property
    def code(self) -> str:
        return "ok" if self.refusal is None else self.refusal.code


def read_scan(text: str) -> Scanned:
    """What a scanner has typed: a number, the text of its bars, or `number#copy` of the small code.

    Raises printing.scan_unreadable.
    """
    text = text.strip()
    number, mark, copy = text.partition(_COPY_MARK)
    if not number or len(text) > _LONGEST_SCAN or not number.isprintable():
        raise Refusal("printing.scan_unreadable")
    if not mark:
        return Scanned(number)
    if not (copy.isascii() and copy.isdigit() and 0 < len(copy) <= _DIGITS and int(copy)):
        raise Refusal("printing.scan_unreadable")
    return Scanned(number, int(copy))


async def scan_to_print(
    desk: PrintDesk,
    merchant_id: int,
    text: str,
    printer: PrinterRef,
    by: str,
    at: datetime | None = None,
    shop_id: str | None = None,
) -> JobMade:
    """Queue the label of a scanned number, alone; the number by itself or as its bars say it. `shop_id` here and below:
    numbers of this shop only.

    Raises printing.scan_unreadable, printing.scan_not_ours, and what `create_job` raises; turned away as there.
    """
    waybill = await _found(desk, merchant_id, read_scan(text), shop_id)
    asked = Asked(waybill.ref.carrier, waybill.ref.number)
    return await create_job(desk, JobAsk(merchant_id, printer, (asked,), by, shop_id), at)


async def scan_to_check(desk: PrintDesk, merchant_id: int, text: str, shop_id: str | None = None) -> Verdict:
    """Whether the parcel with this label may be closed. A look: nothing is written.

    Codes: printing.scan_unreadable, scan_not_ours, scan_packed, scan_void, scan_stopped, scan_not_printed,
    scan_small_code (ask), scan_old_copy, scan_failed_copy, scan_outdated.
    """
    try:
        scanned = read_scan(text)
        waybill = await _found(desk, merchant_id, scanned, shop_id)
    except Refusal as refusal:
        return _refused(refusal)
    await _have_keys(desk, waybill)
    async with desk.db.transaction() as tx:
        return await _judged(desk, tx, waybill, scanned)


async def packed(
    desk: PrintDesk, merchant_id: int, text: str, by: str, at: datetime | None = None, shop_id: str | None = None
) -> Verdict:
    """Check a parcel and mark it as packed in one go: an order's event comes before it or after it.

    Whoever says it again is told that it was packed; the first mark stays.
    """
    try:
        scanned = read_scan(text)
        waybill = await _found(desk, merchant_id, scanned, shop_id)
    except Refusal as refusal:
        return _refused(refusal)
    await _have_keys(desk, waybill)
    async with desk.db.transaction() as tx:
        await orders_behind(tx, [waybill.ref])
        await waybill_queries.waybills_for_update(tx, [waybill.ref])
        verdict = await _judged(desk, tx, waybill, scanned)
        if verdict.light is Light.GO:
            await station_queries.pack(tx, waybill.ref, verdict.copy, by, at or now())
    return verdict


async def unpack(desk: PrintDesk, merchant_id: int, text: str, shop_id: str | None = None) -> bool:
    """Open a packed parcel again, by any copy of its label; whether it was packed.

    Raises printing.scan_unreadable, printing.scan_not_ours.
    """
    waybill = await _found(desk, merchant_id, read_scan(text), shop_id)
    async with desk.db.transaction() as tx:
        return await station_queries.unpack(tx, waybill.ref)


async def stopped(db: Reads, merchant_id: int, shop_id: str | None = None) -> list[PackStop]:
    """Parcels that must not go out now, the latest first; MOST_STOPPED at most."""
    return await station_queries.stops(db, merchant_id, shop_id, MOST_STOPPED)


async def let_go(
    desk: PrintDesk, merchant_id: int, text: str, by: str, at: datetime | None = None, shop_id: str | None = None
) -> None:
    """A person lets a stopped parcel go, by any copy of its label. What still stands in the way of its order refuses it
    at the next scan.

    Raises printing.scan_unreadable, printing.scan_not_ours, printing.not_stopped.
    """
    at = at or now()
    waybill = await _found(desk, merchant_id, read_scan(text), shop_id)
    async with desk.db.transaction() as tx:
        if not await station_queries.clear_stop(tx, waybill.ref, by, at):
            raise Refusal("printing.not_stopped", number=waybill.ref.number)


async def weigh(
    desk: PrintDesk,
    merchant_id: int,
    text: str,
    grams: int,
    by: str,
    source: Source = Source.TYPED,
    at: datetime | None = None,
    shop_id: str | None = None,
) -> Weight:
    """Write down what a parcel weighs; the last weight counts, the same one again is not written twice.

    Raises printing.scan_unreadable, printing.scan_not_ours, printing.weight_implausible.
    """
    at = at or now()
    scale = scale_on(trade_day(at))
    if isinstance(grams, bool) or not scale.least_g <= grams <= scale.most_g:
        raise Refusal("printing.weight_implausible", grams=grams, least=scale.least_g, most=scale.most_g)
    waybill = await _found(desk, merchant_id, read_scan(text), shop_id)
    while True:
        async with desk.db.transaction() as tx:
            last = await station_queries.last_weight(tx, waybill.ref)
            if last is not None and last.grams == grams:
                return last
            weight = Weight(1 if last is None else last.turn + 1, grams, source.value, at, by)
            if await station_queries.weigh(tx, waybill.ref, weight):
                return weight


# --- whose it is ------------------------------------------------------------------------------------------------------


async def _found(desk: PrintDesk, merchant_id: int, scanned: Scanned, shop_id: str | None) -> Waybill:
    """The merchant's waybill of a scanned text: its number, or what its bars say. Whether a number that is not this
    merchant's is somebody else's is not told. Raises printing.scan_not_ours."""
    text = scanned.text
    spellings = dict.fromkeys((text, text.upper(), text.partition("-")[0]))  # bars of a parcel may add its pieces
    carriers = [carrier.code for carrier in catalogue()]
    of_merchant = await queries.waybills_by_number(desk.db, merchant_id, carriers, list(spellings))
    known = [one for one in of_merchant if shop_id in (None, one.shop_id)]
    fitting = [one for one in known if text in (one.ref.number, one.barcode_text)] or [
        one for one in known if text.upper() == one.ref.number
    ]
    if not fitting:
        raise Refusal("printing.scan_not_ours")
    return max(fitting, key=lambda one: (void(one) is None, one.copies > 0, one.taken_at))


# --- whether it may go ------------------------------------------------------------------------------------------------


async def _have_keys(desk: PrintDesk, waybill: Waybill) -> None:
    """Have the vault read its keys before a transaction: it wants a connection of its own, and scans that hold all of
    them would wait for ever."""
    await desk.counter.vault.keys_for(waybill.ref.merchant_id, [waybill.sealed])


async def _judged(desk: PrintDesk, tx: Transaction, waybill: Waybill, scanned: Scanned) -> Verdict:
    asked = Asked(waybill.ref.carrier, waybill.ref.number)
    sheets = await station_queries.sheets_of(tx, waybill.ref)
    last = last_copy(waybill, sheets)
    refusal = (
        await _in_the_way(desk, tx, waybill)
        or await _packed_before(tx, waybill)
        or _wrong_paper(waybill, sheets, scanned, last)
    )
    if refusal is not None:
        return _refused(refusal, asked, last)
    doubtful = any(sheet.copy == last and sheet.state is SheetState.DOUBTFUL for sheet in sheets)
    return Verdict(Light.GO, spoken("doubtful" if doubtful else "ok"), asked, last)


async def _packed_before(tx: Transaction, waybill: Waybill) -> Refusal | None:
    mark = await station_queries.packed(tx, waybill.ref)
    if mark is None:
        return None
    return Refusal(
        "printing.scan_packed",
        number=waybill.ref.number,
        at=mark.packed_at.isoformat("T", "seconds"),
        by=mark.packed_by,
    )


async def _in_the_way(desk: PrintDesk, tx: Transaction, waybill: Waybill) -> Refusal | None:
    """What is said against the parcel now, and what was said and not taken back."""
    number = waybill.ref.number
    if (gone := void(waybill)) is not None:
        return Refusal("printing.scan_void", number=number, reason=gone.code)
    behind = await orders_behind(tx, [waybill.ref])
    stopped = (await obstructed(desk.counter, [waybill], behind)).get(waybill.ref)
    if stopped is not None:
        return Refusal("printing.scan_stopped", number=number, reason=reason_of(stopped))
    stop = await station_queries.stop_of(tx, waybill.ref)
    return None if stop is None else Refusal("printing.scan_stopped", number=number, reason=stop.reason)


def last_copy(waybill: Waybill, sheets: Sequence[PrintSheet]) -> int:
    """The copy that counts: the highest that may be paper; 0 where none may."""
    unprinted = {
        sheet.copy
        for sheet in sheets
        if sheet.state is SheetState.FAILED or (sheet.state is SheetState.QUEUED and sheet.copy_free)
    }
    return next((copy for copy in range(waybill.copies, 0, -1) if copy not in unprinted), 0)


def _wrong_paper(waybill: Waybill, sheets: Sequence[PrintSheet], scanned: Scanned, last: int) -> Refusal | None:
    number = waybill.ref.number
    if not last:
        return Refusal("printing.scan_not_printed", number=number)
    if scanned.copy is None and waybill.copies > 1:
        return Refusal("printing.scan_small_code", number=number, last=last)
    copy = scanned.copy or 1
    if copy != last:
        failed = any(sheet.copy == copy and sheet.state is SheetState.FAILED for sheet in sheets)
        if failed or copy > last:
            return Refusal("printing.scan_failed_copy", number=number, copy=copy, last=last)
        return Refusal("printing.scan_old_copy", number=number, copy=copy, last=last)
    paper = next((sheet for sheet in sheets if sheet.copy == copy), None)
    if paper is not None and paper.printed_version not in (None, waybill.version):
        return Refusal("printing.scan_outdated", number=number, copy=copy)
    return None


def _refused(refusal: Refusal, asked: Asked | None = None, copy: int = 0) -> Verdict:
    light = Light.ASK if refusal.code == "printing.scan_small_code" else Light.STOP
    return Verdict(light, spoken(refusal.code, str(refusal.fields.get("reason", ""))), asked, copy, refusal)
