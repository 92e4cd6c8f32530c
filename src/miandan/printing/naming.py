"""What a person types for a sheet, a number or a printer, and which one is meant. Nothing is guessed: what may be two
is refused with what to add."""

from collections.abc import Collection, Sequence
from uuid import UUID

from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.printing import printers, sheet_queries, station_queries, stations
from miandan.printing.job_model import PrinterRef, PrintSheet, SheetState
from miandan.printing.model import Asked


async def number_meant(db: Reads, merchant_id: int, text: str) -> Asked:
    """A number as it is typed or scanned. Raises printing.scan_unreadable, printing.scan_not_ours."""
    waybill = await stations.found(db, merchant_id, stations.read_scan(text), None)
    return Asked(waybill.ref.carrier, waybill.ref.number)


async def sheet_meant(db: Reads, merchant_id: int, text: str, wanted: Collection[SheetState]) -> UUID:
    """A sheet by its id, by number and copy (`7312...#2`), or by its number alone: the one in a wanted state, else the
    latest. Raises printing.sheet_unknown, printing.several_sheets."""
    sheet_id = _id(text)
    if sheet_id is not None:
        if not await sheet_queries.named(db, merchant_id, [sheet_id]):
            raise Refusal("printing.sheet_unknown")
        return sheet_id
    try:
        scanned = stations.read_scan(text)
        waybill = await stations.found(db, merchant_id, scanned, None)
    except Refusal:
        raise Refusal("printing.sheet_unknown") from None
    sheets = await station_queries.sheets_of(db, waybill.ref)
    if scanned.copy is not None:
        sheets = [one for one in sheets if one.copy == scanned.copy]
    return _only(sheets, wanted).sheet_id


def _id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _only(sheets: Sequence[PrintSheet], wanted: Collection[SheetState]) -> PrintSheet:
    if not sheets:
        raise Refusal("printing.sheet_unknown")
    meant = [one for one in sheets if one.state in wanted]
    if len(meant) > 1:
        copies = "、".join(f"{one.number}#{one.copy}" for one in meant)
        raise Refusal("printing.several_sheets", number=sheets[0].number, copies=copies)
    return meant[0] if meant else sheets[-1]


async def printer_meant(db: Reads, merchant_id: int, printer: str, agent: UUID | None) -> PrinterRef:
    """A printer by its name, and by its agent where several have one of that name. Raises printing.printer_unknown,
    printing.several_printers."""
    refs = [
        PrinterRef(bench.agent.agent_id, card.name)
        for bench in await printers.benches_for(db, merchant_id)
        for card in bench.printers
        if card.name == printer and agent in (None, bench.agent.agent_id)
    ]
    if not refs:
        raise Refusal("printing.printer_unknown", printer=printer[:100])
    if len(refs) > 1:
        agents = "、".join(str(ref.agent_id) for ref in refs)
        raise Refusal("printing.several_printers", printer=printer[:100], agents=agents)
    return refs[0]
