"""Every statement about scans and scanned numbers; `..._for_update` holds its row until the transaction ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from miandan.kernel.database import Reads, Record, Transaction
from miandan.tracking.model import BEFORE_COLLECTION, NO_CODE, Action, Scan, Stand, UnreadCode, Untaken
from miandan.waybills.model import NumberRef

# One statement for a whole push: new rows into the inbox, and what they change of their numbers. Both parts lock in the
# order of their keys, and no push holds a number while it waits for a scan, so two pushes cannot block each other.
_KEEP = """
    WITH kept AS (
        INSERT INTO scan (carrier, number, happened_at, action, site, unread, site_name, city, division_code, next_site,
                          content, signer, courier, courier_phone, new_carrier, new_number, namespace, raw_code,
                          raw_sub_code, heard_at)
        SELECT pushed.*, $20
          FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                      $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                      $15::text[], $16::text[], $17::text[], $18::text[], $19::text[])
            AS pushed (carrier, number, happened_at, action, site, unread)
         ORDER BY carrier, number, happened_at, action, site, unread
            ON CONFLICT DO NOTHING
     RETURNING carrier, number, happened_at, action, unread, site_name, city
    ), summed AS (
        SELECT carrier, number, count(*)::integer AS scans,
               count(*) FILTER (WHERE unread <> '')::integer AS unread,
               min(happened_at) FILTER (WHERE action <> ALL($22)) AS first_scan_at,
               max(happened_at) AS last_scan_at,
               (array_agg(ARRAY[action, site_name, city]
                          ORDER BY happened_at DESC, array_position($21, action) DESC)
               )[1:1] AS latest,
               min(happened_at) FILTER (WHERE action = 'signed') AS signed_at,
               min(happened_at) FILTER (WHERE action = 'returned') AS returned_at
          FROM kept
         GROUP BY carrier, number
    ), noted AS (
        INSERT INTO scanned_number AS known
               (carrier, number, first_scan_at, last_scan_at, last_action, last_site, last_city,
                signed_at, returned_at, scans, heard_at)
        SELECT carrier, number, first_scan_at, last_scan_at, latest[1][1], latest[1][2], latest[1][3],
               signed_at, returned_at, scans, $20
          FROM summed
         ORDER BY carrier, number
            ON CONFLICT (carrier, number) DO UPDATE
           SET first_scan_at = least(known.first_scan_at, EXCLUDED.first_scan_at),
               cleaned_at = NULL,
               signed_at = least(known.signed_at, EXCLUDED.signed_at),
               returned_at = least(known.returned_at, EXCLUDED.returned_at),
               scans = known.scans + EXCLUDED.scans,
               (last_scan_at, last_action, last_site, last_city) = (
                   SELECT last_scan_at, last_action, last_site, last_city
                     FROM (VALUES (known.last_scan_at, known.last_action, known.last_site, known.last_city),
                                  (EXCLUDED.last_scan_at, EXCLUDED.last_action, EXCLUDED.last_site,
                                   EXCLUDED.last_city)
                          ) AS said (last_scan_at, last_action, last_site, last_city)
                    ORDER BY last_scan_at DESC, array_position($21, last_action) DESC
                    LIMIT 1)
    )
    SELECT carrier, number, scans, unread, first_scan_at IS NOT NULL AS moved FROM summed
"""

# Texts on paper that mean this number (JD's packages) have scans of their own.
_ROUTE = """
    SELECT *
      FROM scan
     WHERE carrier = $1
       AND number = ANY (ARRAY(SELECT number FROM scanned_number
                                WHERE carrier = $1 AND waybill_number = $2 AND waybill_number <> number) || $2)
     ORDER BY happened_at
"""

_STANDS = """
    SELECT s.*
      FROM unnest($1::text[], $2::text[]) AS asked (carrier, number)
      JOIN scanned_number s ON s.carrier = asked.carrier AND s.number = asked.number
"""

_SCANNED_FOR_UPDATE = "SELECT * FROM scanned_number WHERE carrier = $1 AND number = $2 FOR UPDATE"

_UNCLEANED_FOR_UPDATE = """
    SELECT * FROM scan
     WHERE carrier = $1 AND number = $2 AND cleaned_at IS NULL
     ORDER BY happened_at, action, site, unread
       FOR UPDATE
"""

_CLEAN = """
    UPDATE scan s
       SET content = said.content, site_name = said.site_name, city = said.city, next_site = said.next_site,
           signer = said.signer, courier = said.courier, courier_phone = said.courier_phone,
           new_carrier = said.new_carrier, cleaned_at = $3
      FROM unnest($4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                  $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
        AS said (happened_at, action, site, unread, content, site_name, city, next_site, signer, courier,
                 courier_phone, new_carrier)
     WHERE s.carrier = $1 AND s.number = $2 AND s.happened_at = said.happened_at AND s.action = said.action
       AND s.site = said.site AND s.unread = said.unread
"""

_CLEAN_STAND = """
    UPDATE scanned_number SET last_site = $3, last_city = $4, cleaned_at = $5 WHERE carrier = $1 AND number = $2
"""

_BIND = """
    UPDATE scanned_number
       SET merchant_id = $3, waybill_number = $4, waybill_month = $5, asked_at = $6
     WHERE carrier = $1 AND number = $2
"""

_WAITING = """
    SELECT carrier, number
      FROM scanned_number
     WHERE waybill_month IS NULL AND (carrier, number) > ($1, $2) AND last_scan_at > $3
     ORDER BY carrier, number
     LIMIT $4
"""

_UNTAKEN = """
    SELECT *
      FROM scanned_number
     WHERE waybill_month IS NULL AND asked_at IS NOT NULL AND first_scan_at IS NOT NULL
       AND ($1::text IS NULL OR carrier = $1) AND last_scan_at >= $2
     ORDER BY last_scan_at DESC, carrier, number
     LIMIT $3
"""

_UNREAD = """
    SELECT carrier, namespace, unread AS code, count(*)::integer AS times, max(happened_at) AS last_at
      FROM scan
     WHERE unread <> '' AND happened_at >= $1
     GROUP BY carrier, namespace, unread
     ORDER BY times DESC, carrier, namespace, unread
     LIMIT $2
"""


CLEANED = ("text", "site_name", "city", "next_site", "signer", "courier", "courier_phone", "new_carrier")
"""Fields of a scan in which a carrier may have named the recipient, in the order in which `clean` writes them."""


class Key(NamedTuple):
    """What tells the row of a scan from others of its number, as it stands in the database."""

    happened_at: datetime
    action: str
    site: str
    unread: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A number with rows that a push has added. `moved`: some of them show the parcel in the carrier's hands."""

    carrier: str
    number: str
    scans: int
    unread: int
    moved: bool


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scans of a number come to, and the waybill they were applied to."""

    stand: Stand
    ref: NumberRef | None


async def keep(tx: Transaction, scans: Sequence[Scan], at: datetime) -> list[Kept]:
    """Add what is not there yet. The rows that are new, summed up by number; repeats are in no row."""
    columns = zip(*map(_columns, scans), strict=True)
    before = [action.value for action in BEFORE_COLLECTION]
    rows = await tx.fetch(_KEEP, *map(list, columns), at, [action.value for action in Action], before)
    return [Kept(**dict(row)) for row in rows]


def _columns(scan: Scan) -> tuple[object, ...]:
    return (
        *scan.key,
        scan.site_name,
        scan.city,
        scan.division_code,
        scan.next_site,
        scan.text,
        scan.signer,
        scan.courier,
        scan.courier_phone,
        scan.new_carrier,
        scan.new_number,
        scan.namespace,
        scan.raw_code,
        scan.raw_sub_code,
    )


async def route(db: Reads, carrier: str, number: str) -> list[Scan]:
    """Every scan of a number, whatever its month."""
    return [_scan(row) for row in await db.fetch(_ROUTE, carrier, number)]


async def stands(db: Reads, numbers: Sequence[tuple[str, str]]) -> list[Stand]:
    """Where (carrier, number) pairs are; those never scanned are left out."""
    columns = [carrier for carrier, _ in numbers], [number for _, number in numbers]
    return [_stand(row) for row in await db.fetch(_STANDS, *columns)]


async def scanned_for_update(tx: Transaction, carrier: str, number: str) -> Scanned | None:
    """None for a number that was never scanned, or so long ago that it was forgotten."""
    row = await tx.fetchrow(_SCANNED_FOR_UPDATE, carrier, number)
    if row is None:
        return None
    bound = row["waybill_month"] is not None
    where = row["merchant_id"], carrier, row["waybill_number"], row["waybill_month"]
    return Scanned(_stand(row), NumberRef(*where) if bound else None)


async def bind(
    tx: Transaction, carrier: str, number: str, merchant_id: int | None, ref: NumberRef | None, at: datetime
) -> None:
    """Write down what the directory says of a scanned number: whose it is, and which waybill, as far as known."""
    found = (None, None) if ref is None else (ref.number, ref.month)
    await tx.execute(_BIND, carrier, number, merchant_id, *found, at)


async def uncleaned_for_update(tx: Transaction, carrier: str, number: str) -> list[tuple[Scan, Key]]:
    """Scans of a number in which its recipient was not hidden yet, each with the rest of its row's key."""
    rows = await tx.fetch(_UNCLEANED_FOR_UPDATE, carrier, number)
    return [(_scan(row), Key(row["happened_at"], row["action"], row["site"], row["unread"])) for row in rows]


async def clean(
    tx: Transaction, carrier: str, number: str, said: Sequence[tuple[Key, Sequence[str]]], at: datetime
) -> None:
    """Write what is left of the words of scans, in the order of CLEANED."""
    columns = zip(*((*key, *words) for key, words in said), strict=True)
    await tx.execute(_CLEAN, carrier, number, at, *map(list, columns))


async def clean_stand(tx: Transaction, carrier: str, number: str, last_site: str, last_city: str, at: datetime) -> None:
    """The same for the site and city that stand with the number."""
    await tx.execute(_CLEAN_STAND, carrier, number, last_site, last_city, at)


async def waiting(db: Reads, after: tuple[str, str], since: datetime, limit: int) -> list[tuple[str, str]]:
    """Scanned (carrier, number) without a waybill, in order, from behind `after` on."""
    return [(row["carrier"], row["number"]) for row in await db.fetch(_WAITING, *after, since, limit)]


async def untaken(db: Reads, carrier: str | None, since: datetime, limit: int) -> list[Untaken]:
    """Numbers in the carrier's hands that nobody took, the latest first."""
    rows = await db.fetch(_UNTAKEN, carrier, since, limit)
    return [Untaken(_stand(row), row["merchant_id"], row["heard_at"]) for row in rows]


async def unread(db: Reads, since: datetime, limit: int) -> list[UnreadCode]:
    """Codes that no table knows, the most frequent first."""
    return [UnreadCode(**dict(row)) for row in await db.fetch(_UNREAD, since, limit)]


def _scan(row: Record) -> Scan:
    """A row of the inbox; `site` is the code where it is not the mark of a name."""
    return Scan(
        carrier=row["carrier"],
        number=row["number"],
        action=Action(row["action"]),
        happened_at=row["happened_at"],
        text=row["content"],
        site_code="" if row["site"].startswith(NO_CODE) or row["site"] == row["site_name"] else row["site"],
        site_name=row["site_name"],
        city=row["city"],
        division_code=row["division_code"],
        next_site=row["next_site"],
        signer=row["signer"],
        courier=row["courier"],
        courier_phone=row["courier_phone"],
        new_carrier=row["new_carrier"],
        new_number=row["new_number"],
        namespace=row["namespace"],
        raw_code=row["raw_code"],
        raw_sub_code=row["raw_sub_code"],
        cleaned=row["cleaned_at"] is not None,
    )


def _stand(row: Record) -> Stand:
    return Stand(
        carrier=row["carrier"],
        number=row["number"],
        last_action=Action(row["last_action"]),
        last_scan_at=row["last_scan_at"],
        last_site=row["last_site"],
        last_city=row["last_city"],
        first_scan_at=row["first_scan_at"],
        signed_at=row["signed_at"],
        returned_at=row["returned_at"],
        scans=row["scans"],
    )
