"""Print jobs: made, watched, paused, moved, cancelled; what became of every sheet and number; labels once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query

from miandan.access.model import Scope
from miandan.api.cursors import cursor_to, read_cursor
from miandan.api.models.printing import (
    MoveIn,
    NumberHistory,
    PrinterList,
    PrinterOut,
    PrintJobIn,
    PrintJobMade,
    PrintJobOut,
    PrintJobPage,
    ReprintIn,
    SettledList,
    SettleIn,
    SettleManyIn,
    SheetList,
    SheetOut,
    SheetsMoved,
)
from miandan.api.routes.given import (
    PREFIX,
    CarrierPath,
    CursorText,
    IdempotencyKey,
    LetIn,
    NeededKey,
    NumberPath,
    kept_key,
    number_of,
)
from miandan.api.security import Call, Guarded, needs
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Outcome
from miandan.printing import job_views, jobs, sheets_life
from miandan.printing.job_model import JobAsk, JobMade, PrintSheet
from miandan.printing.model import Asked
from miandan.printing.printers import benches_for
from miandan.printing.reprints import ReprintAsk, reprint
from miandan.tracking.service import spelled
from miandan.waybills import queries

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["打印 printing"])

_JOB: Final = "/print-jobs/{job_id}"
_SHEET: Final = "/sheets/{sheet_id}"
MOST_JOBS: Final = 100


class _LastSeen(msgspec.Struct):
    """Where a page of jobs ended."""

    made_at: datetime
    job_id: UUID


@router.post("/print-jobs", summary="新建打印任务 Make a print job", **needs(Scope.PRINT))
async def make(call: LetIn, asked: PrintJobIn, idempotency_key: IdempotencyKey = None) -> PrintJobMade:
    """Queue the first labels of these numbers for one printer. What cannot be printed stands beside the job and stops
    no other; the same key again brings the same job."""
    with kept_key(call, idempotency_key, "print") as kept:
        made = await jobs.create_job(call.hall.printing, _ask(call, asked, kept))
    return await made_of(call, made)


@router.post("/reprints", summary="补打 Print again", **needs(Scope.PRINT))
async def print_again(call: LetIn, asked: ReprintIn, key: NeededKey) -> PrintJobMade:
    """Queue labels once more with a reason, each as its next copy: the packing table takes the last one only."""
    with kept_key(call, key, "reprint") as kept:
        made = await reprint(call.hall.printing, _ask(call, asked, kept), ReprintAsk(asked.reason, asked.words))
    return await made_of(call, made)


@router.get("/print-jobs", summary="打印任务列表 List print jobs", **needs(Scope.PRINT))
async def list_jobs(
    call: LetIn,
    limit: Annotated[int, Query(ge=1, le=MOST_JOBS)] = 50,
    cursor: CursorText = "",
) -> PrintJobPage:
    """The jobs that were made for this shop, newest first."""
    about = ["print jobs", call.app, str(call.merchant_id), call.shop_id]
    before = job_views.NEWEST
    if cursor:
        last = read_cursor(call.hall.root, about, cursor, _LastSeen)
        before = last.made_at, last.job_id
    found = await job_views.job_cards(call.hall.db, call.merchant_id, shop_id=call.shop_id, before=before, most=limit)
    end = _LastSeen(found[-1].job.made_at, found[-1].job.job_id) if len(found) == limit else None
    behind = None if end is None else cursor_to(call.hall.root, about, end)
    return PrintJobPage(jobs=[PrintJobOut.of(one) for one in found], next=behind)


@router.get(_JOB, summary="查询打印任务 Read a print job", **needs(Scope.PRINT))
async def read_job(call: LetIn, job_id: UUID) -> PrintJobOut:
    """How the job stands: its sheets by state, the printed ones by what their word rests on."""
    return PrintJobOut.of(await _own_job(call, job_id))


@router.get(f"{_JOB}/sheets", summary="任务的每一张 Sheets of a job", **needs(Scope.PRINT))
async def sheets(
    call: LetIn,
    job_id: UUID,
    after: Annotated[int, Query(ge=0, le=10**9, description="从这个位置之后 / from behind this place on")] = 0,
    limit: Annotated[int, Query(ge=1, le=job_views.MOST_SHOWN)] = job_views.MOST_SHOWN,
) -> SheetList:
    """The sheets of the job in the order in which they are printed."""
    await _own_job(call, job_id)
    found = await job_views.sheets_of_job(call.hall.db, call.merchant_id, job_id, after=after, most=limit)
    return SheetList.of(found, limit)


@router.post(f"{_JOB}/pause", summary="暂停 Pause", **needs(Scope.PRINT))
async def pause(call: LetIn, job_id: UUID) -> PrintJobOut:
    """Give out no more of the job; what no printer has begun comes back. Again it is paused still."""
    await _own_job(call, job_id)
    await jobs.pause(call.hall.printing, call.merchant_id, job_id, call.actor)
    return PrintJobOut.of(await _own_job(call, job_id))


@router.post(f"{_JOB}/resume", summary="继续 Resume", **needs(Scope.PRINT))
async def resume(call: LetIn, job_id: UUID) -> PrintJobOut:
    """Go on with a paused job."""
    await _own_job(call, job_id)
    await jobs.resume(call.hall.printing, call.merchant_id, job_id, call.actor)
    return PrintJobOut.of(await _own_job(call, job_id))


@router.post(f"{_JOB}/cancel-rest", summary="取消其余 Cancel the rest", **needs(Scope.PRINT))
async def cancel_rest(call: LetIn, job_id: UUID) -> SheetsMoved:
    """Cancel what has not begun; what a printer has begun comes out."""
    await _own_job(call, job_id)
    count = await jobs.cancel_rest(call.hall.printing, call.merchant_id, job_id, call.actor)
    return await _moved(call, job_id, count)


@router.post(f"{_JOB}/move", summary="换打印机 Move to another printer", **needs(Scope.PRINT))
async def move(call: LetIn, job_id: UUID, to: MoveIn) -> SheetsMoved:
    """Print the rest of the job on another printer; what has begun comes out where it is."""
    await _own_job(call, job_id)
    count = await jobs.move(call.hall.printing, call.merchant_id, job_id, to.target, call.actor)
    return await _moved(call, job_id, count)


@router.post(f"{_JOB}/settle", summary="确认任务的存疑 Settle the doubts of a job", **needs(Scope.PRINT))
async def settle_job(call: LetIn, job_id: UUID, said: SettleIn) -> SettledList:
    """A person has looked at the paper of every doubtful sheet of the job; the others stay as they are. Again there is
    nothing left to settle."""
    await _own_job(call, job_id)
    outcome = Outcome(said.outcome.value)
    desk = call.hall.printing
    return SettledList.of(
        await sheets_life.settle_job(desk, call.merchant_id, job_id, outcome, call.actor, said.reason)
    )


@router.post("/sheets/settle", summary="确认多张存疑 Settle many doubts", **needs(Scope.PRINT))
async def settle_many(call: LetIn, said: SettleManyIn) -> SettledList:
    """A person has looked at the paper of these doubtful sheets. Each is answered by itself, and one that cannot be
    settled stops no other; the same again changes nothing."""
    asked = list(dict.fromkeys(said.sheet_ids))
    own = await _own_among(call, asked)
    outcome = Outcome(said.outcome.value)
    settled = await sheets_life.settle_doubts(
        call.hall.printing, call.merchant_id, [one for one in asked if one in own], outcome, call.actor, said.reason
    )
    return SettledList.of({one: settled.get(one, Refusal("printing.sheet_unknown")) for one in asked})


@router.post(f"{_SHEET}/settle", summary="确认存疑 Settle a doubt", **needs(Scope.PRINT))
async def settle(call: LetIn, sheet_id: UUID, said: SettleIn) -> SheetOut:
    """A person has looked at the paper of a doubtful sheet. The same again changes nothing."""
    await _own_sheet(call, sheet_id)
    outcome = Outcome(said.outcome.value)
    await sheets_life.settle_doubt(call.hall.printing, call.merchant_id, sheet_id, outcome, call.actor, said.reason)
    return SheetOut.of(await _own_sheet(call, sheet_id))


@router.post(f"{_SHEET}/doubt", summary="标为存疑 Declare doubtful", **needs(Scope.PRINT))
async def doubt(call: LetIn, sheet_id: UUID) -> SheetOut:
    """Say of a sheet whose agent is silent that nobody knows what became of it; then it can be settled. A sheet that is
    with no agent stays as it is."""
    await _own_sheet(call, sheet_id)
    await sheets_life.declare_doubtful(call.hall.printing, call.merchant_id, [sheet_id], call.actor)
    return SheetOut.of(await _own_sheet(call, sheet_id))


@router.post(f"{_SHEET}/take-back", summary="收回重排 Take back", **needs(Scope.PRINT))
async def take_back(call: LetIn, sheet_id: UUID) -> SheetOut:
    """Queue a sheet again whose agent is silent and has not begun; it comes out as the next copy, since the agent may
    print what it has. Any other sheet stays as it is."""
    await _own_sheet(call, sheet_id)
    await sheets_life.take_back(call.hall.printing, call.merchant_id, [sheet_id], call.actor)
    return SheetOut.of(await _own_sheet(call, sheet_id))


@router.get("/printers", summary="打印机 Printers", **needs(Scope.PRINT))
async def printers(call: LetIn) -> PrinterList:
    """Where the merchant may print, as the agents said last."""
    benches = await benches_for(call.hall.db, call.merchant_id)
    return PrinterList(printers=[PrinterOut.of(bench, card) for bench in benches for card in bench.printers])


@router.get("/waybills/{carrier}/{number}/sheets", summary="打出来了吗 Did it come out", **needs(Scope.PRINT))
async def history(call: LetIn, carrier: CarrierPath, number: NumberPath) -> NumberHistory:
    """Every label of the number, step by step, first prints and reprints."""
    ref = await number_of(call, carrier, number)
    return NumberHistory.of(await job_views.story_of(call.hall.db, call.merchant_id, Asked(ref.carrier, ref.number)))


async def made_of(call: Call, made: JobMade) -> PrintJobMade:
    """What became of an ask, with the job as it stands by now. A request id never leads to another shop's job."""
    card = None if made.job is None else await _own_job(call, made.job.job_id)
    return PrintJobMade.of(made, card)


def _ask(call: Call, asked: PrintJobIn, request_id: str) -> JobAsk:
    return JobAsk(
        call.merchant_id,
        asked.target,
        [Asked(one.carrier, spelled(one.carrier, one.number)) for one in asked.numbers],
        call.actor,
        call.shop_id,
        asked.template,
        request_id,
    )


async def _own_job(call: Call, job_id: UUID) -> job_views.JobCard:
    """Raises printing.job_unknown for anybody else's too."""
    card = await job_views.job_card(call.hall.db, call.merchant_id, job_id)
    if card.job.shop_id != call.shop_id:
        raise Refusal("printing.job_unknown")
    return card


async def _own_sheet(call: Call, sheet_id: UUID) -> PrintSheet:
    """A sheet of a number of the caller's shop, whoever made the job. Raises printing.sheet_unknown."""
    sheet = await job_views.sheet_by_id(call.hall.db, call.merchant_id, sheet_id)
    [waybill] = await queries.waybills(call.hall.db, [sheet.ref])
    if waybill.shop_id != call.shop_id:
        raise Refusal("printing.sheet_unknown")
    return sheet


async def _own_among(call: Call, sheets: Sequence[UUID]) -> set[UUID]:
    """Those of the sheets whose numbers are of the caller's shop."""
    found = await job_views.sheets_by_id(call.hall.db, call.merchant_id, sheets)
    refs = list({one.ref for one in found})
    mine = {one.ref for one in await queries.waybills(call.hall.db, refs) if one.shop_id == call.shop_id}
    return {one.sheet_id for one in found if one.ref in mine}


async def _moved(call: Call, job_id: UUID, count: int) -> SheetsMoved:
    return SheetsMoved(sheets=count, job=PrintJobOut.of(await _own_job(call, job_id)))
