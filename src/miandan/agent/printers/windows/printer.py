"""Printers of the Windows spooler: raw bytes for label printers, pictures through the driver (GDI) for the others.

A queue's word is evidence of its own: the job left it. Windows forgets a job when it has left, so one that is there
no more has been printed, unless it was seen being deleted.
"""

import asyncio
import re
from typing import Final

from miandan.agent.printers.model import (
    BROKEN,
    NOT_READY,
    NOT_TAKEN,
    QUEUE_SECONDS,
    STALLED,
    UNREACHABLE,
    WITHDRAWN,
    Condition,
    Driver,
    Loaded,
    MediaType,
    NothingSent,
    Outcome,
    Printer,
    SheetRef,
    State,
    job_name,
)
from miandan.agent.printers.windows.spooler import Failed, Spooler, SpoolJob, SpoolPrinter
from miandan.labels.agent_link import Evidence
from miandan.labels.pictures import Bits
from miandan.labels.printers.profile import Profile

_PBM = re.compile(rb"P4\s+(\d{1,6})\s+(\d{1,6})\s")
_SHORTEST_LOOK, _LONGEST_LOOK = 0.05, 0.5

_PRINTING, _DELETING, _DELETED = 0x10, 0x4, 0x100
_PRINTED = 0x80 | 0x1000
_BEGUN = _PRINTING | _PRINTED
_GONE_BY_HAND = _DELETING | _DELETED
_JOB_TROUBLE: Final = (
    (0x40, State.PAPER_OUT),
    (0x20, State.OFFLINE),
    (0x2 | 0x200 | 0x400, State.ERROR),  # error, blocked queue, user intervention
    (0x1, State.PAUSED),
)
_PRINTER_TROUBLE: Final = (
    (0x10, State.PAPER_OUT),
    (0x8, State.PAPER_JAM),
    (0x400000, State.LID_OPEN),
    (0x40000, State.RIBBON_OUT),
    (0x80 | 0x1000 | 0x800000, State.OFFLINE),
    (0x1 | 0x4, State.PAUSED),
    (0x2 | 0x40 | 0x800 | 0x100000 | 0x200000, State.ERROR),
    (0x200 | 0x400 | 0x4000, State.BUSY),
)
_WORK_OFFLINE: Final = 0x400  # among the attributes


def condition_of(found: SpoolPrinter) -> Condition:
    """From PRINTER_STATUS and PRINTER_ATTRIBUTE bits."""
    said = f"status {found.status:#x}"
    for bits, state in _PRINTER_TROUBLE:
        if found.status & bits:
            return Condition(state, said)
    return Condition(State.OFFLINE if found.attributes & _WORK_OFFLINE else State.READY, said)


def trouble_of(job: SpoolJob) -> State | None:
    """What holds a job up; None while nothing does."""
    return next((state for bits, state in _JOB_TROUBLE if job.status & bits), None)


def dots_of(pbm: bytes) -> Bits:
    """A PBM picture (P4), as `labels.rendering` writes it. Raises ValueError for anything else."""
    head = _PBM.match(pbm)
    if head is None:
        raise ValueError("no PBM picture")
    width, height = int(head[1]), int(head[2])
    data = pbm[head.end() :]
    if not width or len(data) != (width + 7) // 8 * height:
        raise ValueError("no PBM picture")
    return Bits(width, height, data)


class WindowsPrinter(Printer):
    """One queue; `takes` RAW or DOTS."""

    def __init__(
        self,
        name: str,
        takes: MediaType,
        profile: Profile,
        loaded: Loaded,
        spooler: Spooler,
        queue: str,
        patience: float = QUEUE_SECONDS,
    ) -> None:
        super().__init__(name, Driver.WINDOWS, takes, profile, loaded)
        self._spooler = spooler
        self._queue = queue
        self._patience = patience

    async def _print(self, sheet: SheetRef, document: bytes) -> Outcome:
        condition = await self.condition()
        if not condition.state.can_print:
            raise self.nothing_sent(NOT_READY, condition.state)
        try:
            job_id = await asyncio.to_thread(self._send, job_name(sheet), document)
        except ValueError as wrong:
            raise self.nothing_sent(NOT_TAKEN, str(wrong)) from wrong
        except Failed as failed:
            if failed.sent:
                raise self.broke(BROKEN, str(failed)) from failed
            raise self.nothing_sent(UNREACHABLE, str(failed)) from failed
        return await self._watched(job_id)

    def _send(self, name: str, document: bytes) -> int:
        if self.takes is MediaType.RAW:
            return self._spooler.send_raw(self._queue, name, document)
        return self._spooler.send_dots(self._queue, name, dots_of(document), self.profile.dpi)

    async def _watched(self, job_id: int) -> Outcome:
        """Until the job has left the queue. Raises NothingSent, Broke, DeviceRefused."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._patience, _SHORTEST_LOOK
        seen, last = 0, None
        try:
            while loop.time() < until:
                job = await asyncio.to_thread(self._spooler.job, self._queue, job_id)
                if job is None or job.status & _PRINTED:
                    return self._left(job_id, seen)
                seen, last = seen | job.status, job
                await asyncio.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_LOOK)
            after = await self._deleted(job_id)
        except Failed as failed:
            raise self.broke(BROKEN, str(failed)) from failed
        trouble = None if last is None else trouble_of(last)
        if not (seen | after) & _BEGUN:
            raise self.nothing_sent(NOT_READY, trouble or State.OFFLINE)
        raise self.broke(STALLED, f"job {job_id}") if trouble is None else self.refused(trouble)

    async def _deleted(self, job_id: int) -> int:
        """Take a job out; its status afterwards, for it may have begun in this moment. Raises Failed."""
        await asyncio.to_thread(self._spooler.delete, self._queue, job_id)
        job = await asyncio.to_thread(self._spooler.job, self._queue, job_id)
        return 0 if job is None else job.status

    def _left(self, job_id: int, seen: int) -> Outcome:
        """The job is in the queue no more, or printed."""
        if not seen & _GONE_BY_HAND:
            return Outcome(Evidence.SPOOLER, f"job {job_id}")
        if seen & _PRINTING:
            raise self.refused(f"job {job_id}: deleted")
        raise self.nothing_sent(WITHDRAWN, f"job {job_id}")

    async def condition(self) -> Condition:
        try:
            return condition_of(await asyncio.to_thread(self._spooler.printer, self._queue))
        except Failed as failed:
            return Condition(State.OFFLINE, str(failed))

    async def recalled(self, sheet: SheetRef) -> Outcome | NothingSent | None:
        """A job that still waits is taken out; one that is there no more may have been printed."""
        name = job_name(sheet)
        try:
            for job in await asyncio.to_thread(self._spooler.jobs, self._queue):
                if job.document == name and not job.status & _BEGUN:
                    after = await self._deleted(job.job_id)
                    return None if after & _BEGUN else self.nothing_sent(WITHDRAWN, f"job {job.job_id}")
        except Failed:
            pass
        return None
