"""A queue of CUPS, or a printer that speaks IPP itself: a job in, and watched until it ends.

The word of a queue is evidence of its own: it knows that the job left it, not that paper came out. A job that was given
up is taken out of the queue, so that it does not come out later without anybody saying so.
"""

import asyncio
from contextlib import suppress
from typing import Final

from miandan.agent.printers.ipp.client import Client, Declined, Job, JobState, Queue
from miandan.agent.printers.ipp.transport import AnswerLost, NotReached, Post, Server
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
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence
from miandan.labels.printers.profile import Profile

CUPS_RAW: Final = "application/vnd.cups-raw"
RECALL_SECONDS: Final = 10.0
"""Until a job of an earlier run is taken back: a start has to wait for it."""

_OCTETS: Final = "application/octet-stream"
_SHORTEST_LOOK, _LONGEST_LOOK = 0.02, 0.5
_LOST_LOOKS: Final = 10
"""How often a server that stopped answering is asked for a job again, with the longest look between."""

_FAILURES: Final = (NotReached, AnswerLost, Declined, Refusal)


class QueuePrinter(Printer):
    """One queue at `path` of a server, such as /printers/label or /ipp/print."""

    def __init__(
        self,
        name: str,
        driver: Driver,
        takes: MediaType,
        profile: Profile,
        loaded: Loaded,
        server: Server,
        path: str,
        patience: float = QUEUE_SECONDS,
    ) -> None:
        super().__init__(name, driver, takes, profile, loaded)
        self._client = Client(Post(server))
        self._path = path
        self._patience = patience

    async def close(self) -> None:
        await self._client.close()

    # a sheet

    async def _print(self, sheet: SheetRef, document: bytes) -> Outcome:
        document_format = await self._format()
        name = job_name(sheet)
        try:
            job_id = await self._client.print_job(self._path, name, document, document_format)
        except NotReached as failed:
            raise self.nothing_sent(UNREACHABLE, str(failed)) from failed
        except Declined as no:
            raise self.nothing_sent(NOT_TAKEN, no.message) from no
        except (AnswerLost, Refusal) as lost:
            job_id = await self._found_again(name, lost)
        return await self._ended(await self._watched(job_id, self._patience), job_id)

    async def _format(self) -> str:
        """What the document is called there. Raises NothingSent where it would not be taken."""
        try:
            queue = await self._client.queue(self._path)
        except _FAILURES as failed:
            raise self.nothing_sent(UNREACHABLE, _words(failed)) from failed
        if not queue.accepts_jobs:
            raise self.nothing_sent(NOT_READY, queue.condition.detail or State.PAUSED)
        if not queue.condition.state.can_print:
            raise self.nothing_sent(NOT_READY, queue.condition.state)
        wanted = _wanted_formats(self.takes, self.driver)
        found = next((one for one in wanted if not queue.formats or one in queue.formats), None)
        if found is None:
            raise self.nothing_sent(NOT_TAKEN, wanted[0])
        return found

    async def _found_again(self, name: str, lost: Exception) -> int:
        """The job whose answer was lost. Raises Broke where the server shows none: it may have thrown it away, or
        printed and forgotten it."""
        for _ in range(_LOST_LOOKS):
            with suppress(*_FAILURES):
                job = await self._job_called(name)
                if job is not None:
                    return job.job_id
                break
            await asyncio.sleep(_LONGEST_LOOK)
        raise self.broke(BROKEN, _words(lost)) from lost

    async def _job_called(self, name: str) -> Job | None:
        for which in ("not-completed", "completed"):
            for job in await self._client.jobs(self._path, which):
                if job.name == name:
                    return job
        return None

    async def _watched(self, job_id: int, patience: float) -> Job:
        """The job when it has ended, or as it stands when patience has. Raises Broke."""
        loop = asyncio.get_running_loop()
        until, pause, lost = loop.time() + patience, _SHORTEST_LOOK, 0
        while True:
            try:
                job = await self._client.job(self._path, job_id)
                lost = 0
            except _FAILURES as failed:
                lost += 1
                if lost > _LOST_LOOKS:
                    raise self.broke(BROKEN, _words(failed)) from failed
                pause = _LONGEST_LOOK
            else:
                if (job.state is not None and job.state.has_ended) or loop.time() > until:
                    return job
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK)

    async def _ended(self, job: Job, job_id: int) -> Outcome:
        """What the job's state means. Raises NothingSent, DeviceRefused, Broke."""
        said = ", ".join(one for one in job.reasons if one != "none")
        match job.state:
            case JobState.COMPLETED if "job-completed-with-errors" not in job.reasons:
                await self._forgotten(job_id)
                return Outcome(Evidence.SPOOLER, f"job {job_id}")
            case JobState.CANCELED if not job.was_processed:
                await self._forgotten(job_id)
                raise self.nothing_sent(WITHDRAWN, f"job {job_id}")
            case JobState.COMPLETED | JobState.CANCELED | JobState.ABORTED:
                await self._forgotten(job_id)
                raise self.refused(f"job {job_id}: {said or job.state.name.lower()}")
        return await self._taken_back(job_id)

    async def _taken_back(self, job_id: int) -> Outcome:
        """The queue was too slow, so its job is cancelled. Raises NothingSent, DeviceRefused, Broke."""
        condition = await self.condition()
        try:
            with suppress(Declined):  # it has ended in this moment
                await self._client.cancel(self._path, job_id)
            after = await self._client.job(self._path, job_id)
        except _FAILURES as failed:
            raise self.broke(STALLED, f"job {job_id}: {_words(failed)}") from failed
        if after.state is JobState.COMPLETED:
            return await self._ended(after, job_id)
        await self._forgotten(job_id)
        if after.state is JobState.CANCELED and not after.was_processed:
            raise self.nothing_sent(NOT_READY, condition.state)
        if not condition.state.can_print:
            raise self.refused(condition.state)
        raise self.broke(STALLED, f"job {job_id}")

    async def _forgotten(self, job_id: int) -> None:
        """CUPS keeps documents, and a document shows a person. Where it may not be purged its own limits hold."""
        if self.driver is Driver.CUPS:
            with suppress(*_FAILURES):
                await self._client.purge(self._path, job_id)

    # how it is

    async def condition(self) -> Condition:
        try:
            queue = await self._client.queue(self._path)
        except (NotReached, AnswerLost) as failed:
            return Condition(State.OFFLINE, _words(failed))
        except (Declined, Refusal) as failed:
            return Condition(State.ERROR, _words(failed))
        if not queue.accepts_jobs and queue.condition.state.can_print:
            return Condition(State.PAUSED, "not accepting jobs")
        return queue.condition

    async def recalled(self, sheet: SheetRef) -> Outcome | NothingSent | None:
        """A job that the queue still shows says how it ended; one that it does not show may have been forgotten."""
        try:
            job = await self._job_called(job_name(sheet))
            if job is None:
                return None
            return await self._ended(await self._watched(job.job_id, RECALL_SECONDS), job.job_id)
        except NothingSent as nothing:
            return nothing
        except _FAILURES:  # Broke and DeviceRefused are refusals too: in doubt
            return None


def _wanted_formats(takes: MediaType, driver: Driver) -> tuple[str, ...]:
    """CUPS passes its own raw type to any device as it is; other servers know octets only."""
    if takes is not MediaType.RAW:
        return (takes.value,)
    return (CUPS_RAW, _OCTETS) if driver is Driver.CUPS else (_OCTETS, CUPS_RAW)


def _words(failed: Exception) -> str:
    return failed.code if isinstance(failed, Refusal) else str(failed)


async def cups_queues(server: Server) -> list[Queue]:
    """The queues of a CUPS server. Raises transport.NotReached, transport.AnswerLost, Declined, Refusal."""
    client = Client(Post(server))
    try:
        return await client.queues()
    finally:
        await client.close()
