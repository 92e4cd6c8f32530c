"""Stations of the packing table (工位): scan to print, scan to check before a parcel is closed, packed, weighed;
parcels that are stopped, and let go.

A scan is answered at once with a word to be said aloud and the code behind it. All copies of a label bear the same
number, so where a marked copy counts a plain number is not enough: the station asks for the small code, and takes the
last copy only (`papers`). Nothing here says that a parcel was shipped.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from miandan.carriers.catalogue import catalogue
from miandan.kernel.clock import now, trade_day
from miandan.kernel.database import Reads, Transaction
from miandan.kernel.errors import Refusal
from miandan.kernel.errors import catalogue as error_catalogue
from miandan.printing import queries, station_queries
from miandan.printing.desk import PrintDesk
from miandan.printing.job_model import JobAsk, JobMade, PrinterRef
from miandan.printing.jobs import create_job
from miandan.printing.leasing import reason_of
from miandan.printing.model import Asked
from miandan.printing.papers import last_copy, passing_words, wrong_paper
from miandan.printing.rules import scale_on, spoken
from miandan.printing.sheets import void
from miandan.printing.station_queries import Packed, PackStop, Weight
from miandan.waybills import queries as waybill_queries
from miandan.waybills.model import Waybill
from miandan.waybills.obstacles import obstructed, orders_behind

MOST_STOPPED: Final = 500
"""Parcels of one list."""

SAID_AGAIN: Final = timedelta(minutes=2)
"""How long the same station may say that a parcel is packed and is not alarmed: its answer was lost."""

_ASKING: Final = ("printing.scan_small_code", "printing.scan_small_code_open")
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
    """What a scanner has typed: a number, the text of its bars, or `number#copy` of the small code. Full-width signs
    (全角), as an input method makes them of keys, are what they stand for.

    Raises printing.scan_unreadable.
    """
    if len(text) > _LONGEST_SCAN:
        raise Refusal("printing.scan_unreadable")
    text = unicodedata.normalize("NFKC", text).strip()
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
    waybill = await found(desk.db, merchant_id, read_scan(text), shop_id)
    asked = Asked(waybill.ref.carrier, waybill.ref.number)
    return await create_job(desk, JobAsk(merchant_id, printer, (asked,), by, shop_id), at)


async def scan_to_check(desk: PrintDesk, merchant_id: int, text: str, shop_id: str | None = None) -> Verdict:
    """Whether the parcel with this label may be closed. A look: nothing is written.

    Codes: printing.scan_unreadable, scan_not_ours, scan_packed, scan_void, scan_stopped, and those of
    `papers.wrong_paper`; the light of scan_small_code and scan_small_code_open is ask.
    """
    try:
        scanned = read_scan(text)
        waybill = await found(desk.db, merchant_id, scanned, shop_id)
    except Refusal as refusal:
        return _refused(refusal)
    await _have_keys(desk, waybill)
    async with desk.db.transaction() as tx:
        return await _judged(desk, tx, waybill, scanned)


async def packed(
    desk: PrintDesk, merchant_id: int, text: str, by: str, at: datetime | None = None, shop_id: str | None = None
) -> Verdict:
    """Check a parcel and mark it as packed in one go: an order's event comes before it or after it.

    Whoever says it again within SAID_AGAIN is told `go` once more; anybody else, or later, that it was packed
    (printing.scan_packed). The first mark stays.
    """
    at = at or now()
    try:
        scanned = read_scan(text)
        waybill = await found(desk.db, merchant_id, scanned, shop_id)
    except Refusal as refusal:
        return _refused(refusal)
    await _have_keys(desk, waybill)
    async with desk.db.transaction() as tx:
        await orders_behind(tx, [waybill.ref])
        await waybill_queries.waybills_for_update(tx, [waybill.ref])
        verdict = await _judged(desk, tx, waybill, scanned, again=(by, at))
        if verdict.light is Light.GO:
            await station_queries.pack(tx, waybill.ref, verdict.copy, by, at)
    return verdict


async def unpack(desk: PrintDesk, merchant_id: int, text: str, shop_id: str | None = None) -> bool:
    """Open a packed parcel again, by any copy of its label; whether it was packed.

    Raises printing.scan_unreadable, printing.scan_not_ours.
    """
    waybill = await found(desk.db, merchant_id, read_scan(text), shop_id)
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
    waybill = await found(desk.db, merchant_id, read_scan(text), shop_id)
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
    waybill = await found(desk.db, merchant_id, read_scan(text), shop_id)
    while True:
        async with desk.db.transaction() as tx:
            last = await station_queries.last_weight(tx, waybill.ref)
            if last is not None and last.grams == grams:
                return last
            weight = Weight(1 if last is None else last.turn + 1, grams, source.value, at, by)
            if await station_queries.weigh(tx, waybill.ref, weight):
                return weight


# --- whose it is ------------------------------------------------------------------------------------------------------


async def found(db: Reads, merchant_id: int, scanned: Scanned, shop_id: str | None) -> Waybill:
    """The merchant's waybill of a scanned text: its number, or what its bars say. Whether a number that is not this
    merchant's is somebody else's is not told. Raises printing.scan_not_ours."""
    text = scanned.text
    spellings = dict.fromkeys((text, text.upper(), text.partition("-")[0]))  # bars of a parcel may add its pieces
    carriers = [carrier.code for carrier in catalogue()]
    of_merchant = await queries.waybills_by_number(db, merchant_id, carriers, list(spellings))
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


async def _judged(
    desk: PrintDesk, tx: Transaction, waybill: Waybill, scanned: Scanned, again: tuple[str, datetime] | None = None
) -> Verdict:
    """`again`: who packs and when, so that saying it once more is no alarm."""
    asked = Asked(waybill.ref.carrier, waybill.ref.number)
    sheets = await station_queries.sheets_of(tx, waybill.ref)
    last, wrong = last_copy(waybill, sheets), wrong_paper(waybill, sheets, scanned.copy)
    in_the_way, mark = await _in_the_way(desk, tx, waybill), await station_queries.packed(tx, waybill.ref)
    is_right = in_the_way is None and wrong is None and mark is not None and mark.copy == last
    if is_right and _said_again(mark, again):
        return Verdict(Light.GO, spoken("packed_again"), asked, last)
    refusal = in_the_way or _packed_before(waybill, mark) or wrong
    if refusal is not None:
        return _refused(refusal, asked, last)
    return Verdict(Light.GO, spoken(passing_words(waybill, sheets, scanned.copy)), asked, last)


def _said_again(mark: Packed | None, again: tuple[str, datetime] | None) -> bool:
    """Whether it is said once more because the answer was lost, and is no second parcel."""
    if mark is None or again is None:
        return False
    by, at = again
    return mark.packed_by == by and abs(at - mark.packed_at) <= SAID_AGAIN


def _packed_before(waybill: Waybill, mark: Packed | None) -> Refusal | None:
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
        return _stopped(number, reason_of(stopped), str(stopped.fields.get("order_id", "")))
    stop = await station_queries.stop_of(tx, waybill.ref)
    return None if stop is None else _stopped(number, stop.reason, stop.order_id)


def _stopped(number: str, reason: str, order_id: str) -> Refusal:
    words = _words(reason, number, order_id)
    return Refusal("printing.scan_stopped", number=number, reason=reason, zh=words["zh"], en=words["en"])


def _words(reason: str, number: str, order_id: str) -> dict[str, str]:
    """What a code says in both languages."""
    entry = error_catalogue().get(reason)
    if entry is None:
        return {"zh": reason, "en": reason}
    fields = {"number": number, "order_id": order_id or "-"}
    return {"zh": entry.zh.format_map(fields), "en": entry.en.format_map(fields)}


def _refused(refusal: Refusal, asked: Asked | None = None, copy: int = 0) -> Verdict:
    light = Light.ASK if refusal.code in _ASKING else Light.STOP
    return Verdict(light, spoken(refusal.code, str(refusal.fields.get("reason", ""))), asked, copy, refusal)
