"""`miandan print-jobs`: jobs and sheets as the operator sees them. Nobody's data."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from miandan.cli import known, typed
from miandan.cli.session import open_session, say
from miandan.cli.tables import Column, Row, write_list
from miandan.kernel.database import Reads
from miandan.kernel.errors import Refusal
from miandan.printing import job_views
from miandan.printing.job_model import JobState, PrintSheet, Proof, SheetState

JOB_STATES: Final = {
    JobState.WAITING.value: "等待 waiting",
    JobState.PRINTING.value: "打印中 printing",
    JobState.PAUSED.value: "已暂停 paused",
    JobState.TO_CHECK.value: "待处理 to_check",
    JobState.CANCELLED.value: "已取消 cancelled",
    JobState.DONE.value: "已完成 done",
}
SHEET_STATES: Final = {
    SheetState.QUEUED.value: "排队 queued",
    SheetState.LEASED.value: "已派给打印端 leased",
    SheetState.SENT.value: "发送中 sent",
    SheetState.PRINTED.value: "已打印 printed",
    SheetState.FAILED.value: "失败 failed",
    SheetState.DOUBTFUL.value: "存疑 doubtful",
    SheetState.STOPPED.value: "已拦下 stopped",
    SheetState.CANCELLED.value: "已取消 cancelled",
}
_PROOFS: Final = {
    Proof.DEVICE.value: "设备回报 device",
    Proof.SPOOLER.value: "队列回报 spooler",
    Proof.SENT_ONLY.value: "仅发送 sent_only",
    Proof.PERSON.value: "人工确认 person",
}
_JOBS = (
    Column("job", "任务 job"),
    Column("made_at", "时间 made"),
    Column("state", "状态 state", JOB_STATES.get),
    Column("kind", "类型 kind"),
    Column("printer", "打印机 printer"),
    Column("sheets", "张数 sheets"),
    Column("printed", "已打印 printed"),
    Column("failed", "失败 failed"),
    Column("doubtful", "存疑 doubtful"),
)
_SHEETS = (
    Column("sheet", "打印单 sheet"),
    Column("place", "位置 place"),
    Column("carrier", "快递公司 carrier"),
    Column("number", "单号 number"),
    Column("state", "状态 state", SHEET_STATES.get),
    Column("copy", "份 copy"),
    Column("evidence", "依据 evidence", _PROOFS.get),
    Column("reason", "原因 reason"),
    Column("ended_at", "结束 ended"),
)


async def list_jobs(merchant: str, limit: int, as_json: bool) -> int:
    """Raises merchant.unknown."""
    async with open_session() as session:
        merchant_id = await known.merchant(session.db, merchant)
        found = await job_views.job_cards(session.db, merchant_id, most=limit)
    write_list(_JOBS, [_job_row(one) for one in found], as_json=as_json)
    say(f"  任务 {len(found)} 个 jobs" if found else "✓ 还没有打印任务 no print job")
    return 0


async def show(job: str, merchant: str, as_json: bool) -> int:
    """Raises merchant.unknown, printing.job_unknown."""
    async with open_session() as session:
        merchant_id = await known.merchant(session.db, merchant)
        job_id = typed.own_id(job, Refusal("printing.job_unknown"))
        card = await job_views.job_card(session.db, merchant_id, job_id)
        sheets = await all_sheets(session.db, merchant_id, job_id)
    write_sheets(sheets, as_json)
    proofs = "，".join(f"{_PROOFS[proof.value]} {count}" for proof, count in card.counts.by_proof.items())
    say(f"  {JOB_STATES[card.state.value]}  共 {card.job.sheets} 张 sheets  {proofs}".rstrip())
    return 0


async def to_check(merchant: str, limit: int, as_json: bool) -> int:
    """Raises merchant.unknown."""
    async with open_session() as session:
        found = await job_views.sheets_to_check(session.db, await known.merchant(session.db, merchant), most=limit)
    write_sheets(found, as_json)
    say(f"! 待处理 {len(found)} 张 sheets want somebody" if found else "✓ 没有待处理的打印单 nothing to look at")
    return 0


async def all_sheets(db: Reads, merchant_id: int, job_id: UUID) -> list[PrintSheet]:
    """Every sheet of a job in its order."""
    sheets = list[PrintSheet]()
    while page := await job_views.sheets_of_job(db, merchant_id, job_id, after=sheets[-1].place if sheets else 0):
        sheets += page
    return sheets


def _job_row(card: job_views.JobCard) -> Row:
    job, counts = card.job, card.counts
    told = {"job": str(job.job_id), "made_at": job.made_at, "state": card.state.value, "kind": job.kind.value}
    states = {state.value: counts.of(state) for state in SheetState}
    proofs = {f"printed_{proof.value}": counts.by_proof.get(proof, 0) for proof in Proof}
    return told | {"printer": job.printer, "sheets": job.sheets, "made_by": job.made_by} | states | proofs


def write_sheets(sheets: Sequence[PrintSheet], as_json: bool) -> None:
    same = ("place", "carrier", "number", "copy", "evidence", "reason", "ended_at")
    rows = [
        {"sheet": str(one.sheet_id), "job": str(one.job_id), "state": one.state.value}
        | {name: getattr(one, name) for name in same}
        for one in sheets
    ]
    write_list(_SHEETS, rows, as_json=as_json)
