"""Commands for Bluetooth printers (蓝牙打印机指令): ready TSPL or CPCL of each number; a phone only passes them on.

What is given here becomes paper, so copies are counted in the transaction that draws the sheets, like in `print_pdf`;
a sheet that cannot be drawn is not counted.
"""

import asyncio
import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from miandan.carriers.catalogue import catalogue
from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels import standards
from miandan.labels.checking import read_template
from miandan.labels.model import LabelData
from miandan.labels.print_data import with_custom
from miandan.labels.printers import profiles
from miandan.labels.printers.documents import document
from miandan.labels.printers.paper import turned
from miandan.labels.printers.profile import Codec, Language, Profile
from miandan.labels.raster import rasterise
from miandan.labels.template import Template
from miandan.labels.template_addresses import check_template
from miandan.printing import queries
from miandan.printing.desk import PrintDesk
from miandan.printing.model import (
    MOST_OFFSET_MM,
    Asked,
    Command,
    CommandAsk,
    Direction,
    Encoding,
    OwnTemplate,
    PrinterWish,
    Reader,
    Sheet,
    TemplateCard,
    Withheld,
)
from miandan.printing.sheets import family, in_the_way, labels, of_shop, refuse_too_many, sheets_of, unknown, void
from miandan.printing.templates import at_address, by_code, own_templates, standard_templates, with_area
from miandan.waybills import lives_queries
from miandan.waybills import queries as waybill_queries
from miandan.waybills.obstacles import obstructed, orders_behind

_DEFAULTS = {Language.TSPL: "tspl-203", Language.CPCL: "cpcl-203"}
_MICROMETRES = 1_000


@dataclass(frozen=True, slots=True)
class _Job:
    """One sheet to be drawn."""

    ask: CommandAsk
    sheet: Sheet
    template: Template


class _SomeFailed(Exception):
    """Ends the transaction that has counted sheets which cannot be drawn."""

    def __init__(self, failed: Mapping[Asked, Refusal]) -> None:
        super().__init__()
        self.failed = failed


async def bluetooth_commands(
    desk: PrintDesk,
    reader: Reader,
    asks: Sequence[CommandAsk],
    wish: PrinterWish,
    *,
    merchant_id: int | None = None,
    at: datetime | None = None,
) -> list[Command | Withheld]:
    """The sheet of each number for one printer in the order asked, or why there is none; a copy of each is counted.

    Withheld: what `print_data_of` withholds, printing.template_code_unknown, printing.template_gone,
    printing.area_of_other_template, printing.named_twice, labels.template_not_ours, labels.template_of_other_carrier,
    labels.custom_data_wrong, labels.sheet_too_large. Raises printing.too_many, printing.setting_wrong.
    """
    refuse_too_many(asks)
    profile, at = profile_for(desk, wish), at or now()
    owner = reader.merchant_id if merchant_id is None else merchant_id
    jobs, given = await _jobs(desk, reader, owner, asks)
    by_asked = {job.sheet.asked: job for job in jobs.values()}
    while by_asked:
        try:
            drawn = await _counted(desk, list(by_asked.values()), profile, wish, reader.app, at)
        except _SomeFailed as some:
            for asked, refusal in some.failed.items():
                job = by_asked.pop(asked)
                place = next(place for place, one in jobs.items() if one is job)
                given[place] = Withheld(*asked, job.sheet.order_id, refusal)
            continue
        given |= {place: drawn[job.sheet.asked] for place, job in jobs.items() if job.sheet.asked in drawn}
        break
    return [given[place] for place in range(len(asks))]


def profile_for(desk: PrintDesk, wish: PrinterWish) -> Profile:
    """The printer that was named, where its language is the one asked for, else the language's usual one; with the
    offsets of the wish. Commands that travel as text are kept free of raw bytes where the language can.

    Raises printing.setting_wrong.
    """
    if wish.language not in _DEFAULTS:
        raise Refusal("printing.setting_wrong", setting="cmd_type", wanted="TSPL, CPCL")
    for setting, value in (("horizontal_offset", wish.right_mm), ("vertical_offset", wish.down_mm)):
        if abs(value) > MOST_OFFSET_MM:
            raise Refusal("printing.setting_wrong", setting=setting, wanted=f"-{MOST_OFFSET_MM} … {MOST_OFFSET_MM} mm")
    named = wish.printer_name if wish.printer_name in profiles.names(desk.printers) else ""
    found = profiles.profile(named, desk.printers) if named else None
    if found is None or found.language is not wish.language:
        found = profiles.profile(_DEFAULTS[wish.language], desk.printers)
    as_text = wish.language is Language.CPCL and wish.encoding.is_text
    return replace(
        found,
        codec=Codec.HEX if as_text else found.codec,
        offset_x_um=found.offset_x_um + wish.right_mm * _MICROMETRES,
        offset_y_um=found.offset_y_um + wish.down_mm * _MICROMETRES,
    )


# --- what is asked for ------------------------------------------------------------------------------------------------


async def _jobs(
    desk: PrintDesk, reader: Reader, owner: int, asks: Sequence[CommandAsk]
) -> tuple[dict[int, _Job], dict[int, Command | Withheld]]:
    """What can be drawn, and what is withheld, by place."""
    templates = await _Templates.read(desk, reader, asks)
    carriers = [carrier.code for carrier in catalogue()]
    waybills = await queries.waybills_by_number(desk.db, owner, carriers, [ask.number for ask in asks])
    found = await sheets_of(desk, owner, of_shop(reader, owner, waybills))
    jobs: dict[int, _Job] = {}
    withheld: dict[int, Command | Withheld] = {}
    seen: set[Asked] = set()
    for place, ask in enumerate(asks):
        fitting = [asked for asked in found if asked.number == ask.number]
        try:
            template = templates.of(ask, [asked.carrier for asked in fitting])
        except Refusal as refusal:
            withheld[place] = Withheld("", ask.number, "", refusal)
            continue
        named = [asked for asked in fitting if template.carrier in (asked.carrier, "", standards.NEUTRAL)]
        sheet = found[named[0]] if named else unknown(Asked(template.carrier, ask.number))
        if isinstance(sheet, Withheld):
            withheld[place] = sheet
        elif sheet.asked in seen:
            twice = Refusal("printing.named_twice", number=ask.number)
            withheld[place] = Withheld(*sheet.asked, sheet.order_id, twice)
        else:
            seen.add(sheet.asked)
            jobs[place] = _Job(ask, sheet, template)
    return jobs, withheld


class _Templates:
    """The templates of one call, each put together once."""

    def __init__(
        self,
        desk: PrintDesk,
        wholes: Sequence[TemplateCard],
        areas: Sequence[TemplateCard],
        own: dict[str, OwnTemplate],
    ) -> None:
        self._desk = desk
        self._wholes = wholes
        self._areas = areas
        self._own = own  # by address
        self._made: dict[tuple[str, str, str], Template] = {}

    @classmethod
    async def read(cls, desk: PrintDesk, reader: Reader, asks: Sequence[CommandAsk]) -> "_Templates":
        wholes, areas = standard_templates(desk, reader), list[TemplateCard]()
        own: dict[str, OwnTemplate] = {}
        if any(ask.area_code or by_code(wholes, ask.template_code) is None for ask in asks):
            for card, one in await own_templates(desk, reader):
                (areas if one.base else wholes).append(card)
                own[card.url] = one
        for url in {ask.area_url for ask in asks} - own.keys():
            if (found := await at_address(desk, url)) is not None:
                own[url] = found
        return cls(desk, wholes, areas, own)

    def of(self, ask: CommandAsk, carriers: Sequence[str]) -> Template:
        """The template of an ask for a number of one of these carriers."""
        key = ask.template_code, ask.area_code, ask.area_url
        if key not in self._made:
            self._made[key] = self._put_together(ask)
        template = self._made[key]
        if carriers and template.carrier not in (*carriers, "", standards.NEUTRAL):
            raise Refusal("labels.template_of_other_carrier", owner=template.carrier, carrier=carriers[0])
        return template

    def _put_together(self, ask: CommandAsk) -> Template:
        card = by_code(self._wholes, ask.template_code)
        if card is None:
            raise Refusal("printing.template_code_unknown", code=ask.template_code[:80])
        template = standards.standard(card.name) or read_template(self._own[card.url].content)
        if not ask.area_code and not ask.area_url:
            return template
        area = by_code(self._areas, ask.area_code)
        if ask.area_code and area is None:
            raise Refusal("printing.template_code_unknown", code=ask.area_code[:80])
        url = area.url if area is not None else ask.area_url
        check_template(url, template.carrier, self._desk.public_url)
        if url not in self._own:
            raise Refusal("printing.template_gone", name=url.rpartition("/")[2][:80])
        return with_area(template, self._own[url])


# --- counting and drawing ---------------------------------------------------------------------------------------------


async def _counted(
    desk: PrintDesk, jobs: Sequence[_Job], profile: Profile, wish: PrinterWish, actor: str, at: datetime
) -> dict[Asked, Command | Withheld]:
    """The sheets drawn and counted, all or none. Raises _SomeFailed."""
    refs = [job.sheet.waybill.ref for job in jobs]
    async with desk.counter.printing, desk.db.transaction() as tx:
        # Orders before waybills, as everywhere: an event that comes meanwhile is answered after these sheets.
        behind = await orders_behind(tx, family(job.sheet.waybill for job in jobs))
        await lives_queries.count_copies(tx, refs)
        held = {Asked(one.ref.carrier, one.ref.number): one for one in await waybill_queries.waybills(tx, refs)}
        parents = await waybill_queries.waybills(tx, [ref for ref in family(held.values()) if ref not in refs])
        stopped = await obstructed(desk.counter, [*held.values(), *parents], behind)
        why = {asked: void(one) or in_the_way(one, stopped) for asked, one in held.items()}
        failed = {asked: refusal for asked, refusal in why.items() if refusal is not None}
        now_held = [replace(job.sheet, waybill=held[job.sheet.asked]) for job in jobs]
        said, refused = await labels(desk, [one for one in now_held if one.asked not in failed], at, actor)
        failed |= refused
        drawn = await asyncio.to_thread(_drawn, jobs, said, profile, wish, failed)
        if failed:
            raise _SomeFailed(failed)
    return {
        job.sheet.asked: Command(
            *job.sheet.asked,
            job.sheet.order_id,
            encoded(drawn[job.sheet.asked][0], wish.encoding),
            held[job.sheet.asked].copies,
            drawn[job.sheet.asked][1],
        )
        for job in jobs
    }


def _drawn(
    jobs: Sequence[_Job],
    said: Mapping[Asked, LabelData],
    profile: Profile,
    wish: PrinterWish,
    failed: dict[Asked, Refusal],
) -> dict[Asked, tuple[bytes, int]]:
    """Each sheet in the printer's language, and the dots that were lost; what cannot be drawn goes to `failed`."""
    templates = {job.sheet.asked: job.template for job in jobs}
    whole = list[LabelData]()
    for job in jobs:
        label = said.get(job.sheet.asked)
        try:
            if label is not None:
                whole.append(with_custom(label, job.ask.custom) if job.ask.custom else label)
        except Refusal as refusal:
            failed[job.sheet.asked] = refusal
    found: dict[Asked, tuple[bytes, int]] = {}

    def chosen(label: LabelData) -> Template:
        return templates[Asked(label.carrier, label.number)]

    for sheet in rasterise(whole, chosen, dpi=profile.dpi):
        asked = Asked(sheet.label.carrier, sheet.label.number)
        bits = turned(sheet.bits) if wish.direction is Direction.REVERSE else sheet.bits
        try:
            made = document(bits, profile)
        except Refusal as refusal:
            failed[asked] = refusal
            continue
        data, lost = found.get(asked, (b"", 0))
        found[asked] = data + made.data, lost + made.lost
    return found


def encoded(commands: bytes, encoding: Encoding) -> str:
    """Commands as they travel. They hold no text of a label, so GBK and UTF-8 are the same bytes."""
    return base64.b64encode(gzip.compress(commands, mtime=0) if encoding is Encoding.GZIP else commands).decode()
