"""Verbs of tracking: carriers push scans, anybody with a right to it asks where a parcel is.

A push is acknowledged when it is committed. What it means for waybills is done by outbox (`applying.py`). Which carrier
may push for whom, and who may ask about a number, is for the door to know; `route_of_merchant` asks for the merchant.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from asyncpg import CheckViolationError

from miandan.carriers.catalogue import catalogue
from miandan.carriers.numbers import LOOSE_SHAPE
from miandan.kernel import outbox
from miandan.kernel.clock import now
from miandan.kernel.database import Database
from miandan.kernel.errors import Refusal
from miandan.tracking import months, queries
from miandan.tracking.masking import courier_phone_given, has_phone, masked_courier, masked_signer, without_persons
from miandan.tracking.model import (
    CLOCKS_DIFFER,
    MOST_AGE,
    Action,
    NotKept,
    Pushed,
    Scan,
    Stand,
    UnreadCode,
    Untaken,
    as_shown,
    in_order,
    mark,
)
from miandan.waybills import lives
from miandan.waybills import queries as waybill_queries
from miandan.waybills.model import NumberRef

SCANNED = "tracking.scanned"
"""Outbox topic: a number has new scans. Body: carrier, number, and whether the carrier had the parcel in hand."""
LONGEST_TEXT = 1_000
"""Characters kept of a scan's text."""
LONGEST_FIELD = 100
"""Characters kept of every other field."""
_CODE = re.compile(r"[0-9A-Za-z_.:/+#-]{1,50}")
_READ_AGAIN = timedelta(days=30)


async def push(db: Database, scans: Sequence[Scan], at: datetime | None = None) -> Pushed:
    """Commit scans to the inbox, of one carrier or several; what became of them.

    A repeat (same action, second and site) changes nothing. Numbers that nobody knows are kept too. Refused one by one
    are carrier.unknown, scan.no_number, scan.too_old and scan.in_future; the rest is kept all the same.
    """
    at = at or now()
    fresh: dict[tuple[object, ...], Scan] = {}
    refused: list[NotKept] = []
    for place, scan in enumerate(scans):
        try:
            kept = _as_kept(scan, at)
        except Refusal as refusal:
            refused.append(NotKept(place, refusal))
        else:
            fresh.setdefault(kept.key, kept)
    numbers = await _keep(db, list(fresh.values()), at) if fresh else []
    accepted = sum(number.scans for number in numbers)
    repeated = len(scans) - len(refused) - accepted
    return Pushed(accepted, repeated, sum(number.unread for number in numbers), tuple(refused))


async def accept_collection(
    db: Database,
    carrier: str,
    number: str,
    at: datetime,
    *,
    site_code: str = "",
    site_name: str = "",
    courier: str = "",
    courier_phone: str = "",
) -> Pushed:
    """A courier or an office has agreed to collect a parcel. It is no scan yet: the number can still be cancelled."""
    said = Scan(
        carrier,
        number,
        Action.ACCEPTED,
        at,
        site_code=site_code,
        site_name=site_name,
        courier=courier,
        courier_phone=courier_phone,
    )
    return await push(db, [said])


async def cancelled_by_carrier(db: Database, carrier: str, number: str, reason: str) -> bool:
    """The carrier has cancelled a number; its reason stands in the route. False where it was cancelled before.

    Raises what `waybills.lives.cancelled_by_carrier` raises.
    """
    ended = await lives.cancelled_by_carrier(db, carrier, spelled(carrier, number))
    if ended:
        await push(db, [Scan(carrier, number, Action.CANCELLED, now(), text=reason)])
    return ended


async def route_of(db: Database, carrier: str, number: str) -> list[Scan]:
    """Every scan of a number as it is kept, oldest first; not for merchants. Raises carrier.unknown."""
    return in_order(await queries.route(db, carrier, spelled(carrier, number)))


async def route_of_merchant(db: Database, merchant_id: int, carrier: str, number: str) -> list[Scan]:
    """The route of a merchant's own number that was stated as shipped, as the platforms show it.

    A scan says what the carrier said once the number's recipient was hidden in it, else only what happened.

    Raises waybill.unknown, also for another merchant's number, and scan.not_shipped.
    """
    ref = await lives.find(db, merchant_id, carrier, spelled(carrier, number))
    [waybill] = await waybill_queries.waybills(db, [ref])
    if waybill.shipped_at is None:
        raise Refusal("scan.not_shipped", number=ref.number)
    return [as_shown(scan) for scan in in_order(await queries.route(db, carrier, ref.number))]


async def stands(db: Database, refs: Sequence[NumberRef]) -> dict[NumberRef, Stand]:
    """Where the parcels of many waybills are, for lists; those never scanned are left out."""
    found = {(one.carrier, one.number): one for one in await queries.stands(db, [(r.carrier, r.number) for r in refs])}
    return {ref: found[ref.carrier, ref.number] for ref in refs if (ref.carrier, ref.number) in found}


async def untaken_numbers(
    db: Database, carrier: str | None = None, since: datetime | None = None, limit: int = 100
) -> list[Untaken]:
    """Numbers in a carrier's hands that nobody took here: a risk signal, the latest first.

    Nobody's number may be a slip of the carrier; a merchant's unused one was put on a parcel past the platform.
    """
    return await queries.untaken(db, carrier, since or now() - MOST_AGE, limit)


async def unread_codes(db: Database, since: datetime | None = None, limit: int = 100) -> list[UnreadCode]:
    """Codes that carriers sent and no table knows, the most frequent first."""
    return await queries.unread(db, since or now() - _READ_AGAIN, limit)


def spelled(carrier: str, text: str) -> str:
    """The number that bars mean: capitals, and for JD's first package the number itself. Raises carrier.unknown."""
    number = text.strip().upper()
    whole = catalogue().get(carrier).whole_number(number)
    return whole if number.startswith(f"{whole}-1-") else number


async def _keep(db: Database, scans: Sequence[Scan], at: datetime) -> list[queries.Kept]:
    try:
        return await _commit(db, scans, at)
    except CheckViolationError:  # a month without a partition: the program was not started with one, nor the job run
        await months.prepare(db, at)
        return await _commit(db, scans, at)


async def _commit(db: Database, scans: Sequence[Scan], at: datetime) -> list[queries.Kept]:
    async with db.transaction() as tx:
        numbers = await queries.keep(tx, scans, at)
        await outbox.put_many(tx, SCANNED, [_message(number) for number in numbers])
    return numbers


def _message(number: queries.Kept) -> tuple[str, object]:
    body = {"carrier": number.carrier, "number": number.number, "moved": number.moved}
    return f"carrier:{number.carrier}", body


def _as_kept(scan: Scan, at: datetime) -> Scan:
    """The scan as it enters the inbox, without persons. Raises carrier.unknown and scan.*."""
    number = spelled(scan.carrier, scan.number)
    if not LOOSE_SHAPE.fullmatch(number):
        raise Refusal("scan.no_number", carrier=scan.carrier)
    happened_at = _whole_second(scan.happened_at)
    if happened_at > at + CLOCKS_DIFFER:
        raise Refusal("scan.in_future", number=number, minutes=CLOCKS_DIFFER.seconds // 60)
    if happened_at < at - MOST_AGE:
        raise Refusal("scan.too_old", number=number, days=MOST_AGE.days)
    text = _clean(scan.text, LONGEST_TEXT)
    signer = _clean(scan.signer, LONGEST_FIELD)
    new_number = _clean(scan.new_number, LONGEST_FIELD).upper() if scan.new_number else ""
    site_code = _code(scan.site_code)
    return replace(
        scan,
        number=number,
        happened_at=happened_at,
        text=without_persons(text, signer),
        signer=masked_signer(signer),
        courier=masked_courier(_clean(scan.courier, LONGEST_FIELD)) if scan.courier else "",
        courier_phone=courier_phone_given(_clean(scan.courier_phone, LONGEST_FIELD), text),
        site_code=site_code,
        site_name=_field(scan.site_name) or ("" if site_code else _field(scan.site_code)),
        city=_field(scan.city),
        division_code=_code(scan.division_code),
        next_site=_field(scan.next_site),
        new_carrier=_field(scan.new_carrier),
        new_number=new_number if LOOSE_SHAPE.fullmatch(new_number) and not has_phone(new_number) else "",
        namespace=_code(scan.namespace),
        raw_code=_code(scan.raw_code) or mark("", _clean(scan.raw_code, LONGEST_FIELD)),
        raw_sub_code=_code(scan.raw_sub_code) or mark("", _clean(scan.raw_sub_code, LONGEST_FIELD)),
        cleaned=False,
    )


def _field(text: str) -> str:
    """A short field as it is kept: sites sometimes have a phone behind them, or somebody's door."""
    return without_persons(_clean(text, LONGEST_FIELD)) if text else ""


def _code(text: str) -> str:
    """A code as it is kept: "" for what is none, since it may be somebody, and for a phone."""
    return text if _CODE.fullmatch(text) and not has_phone(text) else ""


def _whole_second(moment: datetime) -> datetime:
    """Carriers count seconds; what one of their doors says in milliseconds is still the same scan."""
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:  # the first or last day that a datetime can hold
        return moment.replace(microsecond=0, tzinfo=UTC)


def _clean(text: str, longest: int) -> str:
    """What PostgreSQL can store: no NUL, no half of a character, not endless."""
    return text[: longest * 2].replace("\0", "").encode("utf-8", "replace").decode().strip()[:longest]
