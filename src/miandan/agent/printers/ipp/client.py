"""What is asked of an IPP server: which queues it has, how one is, a job in, how a job stands, a job out again."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from miandan.agent.printers.ipp.message import Attribute, Attributes, Group, Message, Tag, attribute
from miandan.agent.printers.ipp.transport import Post
from miandan.agent.printers.model import Condition, State

_OK: Final = 0x0100
"""Every status below is a success (RFC 8011, section 4.1.8)."""

_NOT_FOUND: Final = 0x0406

USER: Final = "miandan"


class Operation(IntEnum):
    """The operations used here; the last one is CUPS's own."""

    PRINT_JOB = 0x0002
    CANCEL_JOB = 0x0008
    GET_JOB_ATTRIBUTES = 0x0009
    GET_JOBS = 0x000A
    GET_PRINTER_ATTRIBUTES = 0x000B
    CUPS_GET_PRINTERS = 0x4002


class JobState(IntEnum):
    """RFC 8011, section 5.3.7."""

    PENDING = 3
    HELD = 4
    PROCESSING = 5
    STOPPED = 6
    CANCELED = 7
    ABORTED = 8
    COMPLETED = 9

    @property
    def has_ended(self) -> bool:
        return self >= JobState.CANCELED


class Declined(Exception):
    """The server has the request and says no: then it has done nothing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message or f"IPP {status:#06x}"


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a queue. `was_processed`: the device, or a filter in front of it, may have had some of it."""

    job_id: int
    name: str
    state: JobState | None  # None: a state that RFC 8011 does not know
    reasons: tuple[str, ...]
    was_processed: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """A printer as its server describes it."""

    name: str
    info: str
    device_uri: str
    accepts_jobs: bool
    condition: Condition
    formats: tuple[str, ...]


_REASONS: Final = (
    ("media-empty", State.PAPER_OUT),
    ("media-needed", State.PAPER_OUT),
    ("media-jam", State.PAPER_JAM),
    ("cover-open", State.LID_OPEN),
    ("door-open", State.LID_OPEN),
    ("interlock-open", State.LID_OPEN),
    ("marker-supply-empty", State.RIBBON_OUT),
    ("toner-empty", State.RIBBON_OUT),
    ("fuser-over-temp", State.HEAD_HOT),
    ("offline", State.OFFLINE),
    ("shutdown", State.OFFLINE),
    ("timed-out", State.OFFLINE),
    ("connecting-to-device", State.BUSY),  # for a moment in every job; how long it takes CUPS does not say
    ("paused", State.PAUSED),
    ("moving-to-paused", State.PAUSED),
)
_IDLE, _PROCESSING, _STOPPED = 3, 4, 5
_SEVERITIES: Final = ("-error", "-warning", "-report")


def condition_of(state: int | None, reasons: tuple[str, ...], message: str = "") -> Condition:
    """From printer-state, printer-state-reasons and printer-state-message; a mere report changes nothing."""
    said = ", ".join(reasons) if reasons and reasons != ("none",) else message
    bare = [_without_severity(one) for one in reasons if not one.endswith("-report")]
    for reason, meaning in _REASONS:
        if reason in bare:
            return Condition(meaning, said)
    if state == _STOPPED:
        return Condition(State.PAUSED, said or "stopped")
    if any(one.endswith("-error") for one in reasons):
        return Condition(State.ERROR, said)
    known = {_IDLE: State.READY, _PROCESSING: State.BUSY}
    return Condition(known.get(state or 0, State.UNKNOWN), said)


def _without_severity(reason: str) -> str:
    for severity in _SEVERITIES:
        reason = reason.removesuffix(severity)
    return reason


class Client:
    """Speaks with one server. Every call raises transport.NotReached, transport.AnswerLost, Declined, or Refusal
    agent.ipp_unreadable."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def queues(self) -> list[Queue]:
        """All queues of a CUPS server."""
        asked = ("printer-name", *_QUEUE)
        wanted = attribute("requested-attributes", Tag.KEYWORD, *asked)
        try:
            answer = await self._ask("/", Operation.CUPS_GET_PRINTERS, wanted)
        except Declined as no:
            if no.status == _NOT_FOUND:  # CUPS's way to say that there are none
                return []
            raise
        return [_queue(group) for group in answer.of(Group.PRINTER)]

    async def queue(self, path: str) -> Queue:
        """One printer."""
        wanted = attribute("requested-attributes", Tag.KEYWORD, "printer-name", *_QUEUE)
        answer = await self._ask(path, Operation.GET_PRINTER_ATTRIBUTES, self._printer(path), wanted)
        return _queue(answer.first(Group.PRINTER))

    async def print_job(self, path: str, name: str, document: bytes, document_format: str) -> int:
        """The job's id. The job's name stays in the server's lists and logs: no person's data."""
        answer = await self._ask(
            path,
            Operation.PRINT_JOB,
            self._printer(path),
            attribute("job-name", Tag.NAME, name),
            attribute("document-format", Tag.MIME_TYPE, document_format),
            document=document,
        )
        return answer.first(Group.JOB).number("job-id") or 0

    async def job(self, path: str, job_id: int) -> Job:
        answer = await self._ask(path, Operation.GET_JOB_ATTRIBUTES, *self._job(path, job_id), _JOB_WANTED)
        return _job(answer.first(Group.JOB), job_id)

    async def jobs(self, path: str, which: str) -> list[Job]:
        """Those of a queue that are `completed` (ended in any way) or `not-completed`."""
        asked = attribute("which-jobs", Tag.KEYWORD, which)
        answer = await self._ask(path, Operation.GET_JOBS, self._printer(path), asked, _JOB_WANTED)
        return [_job(group, 0) for group in answer.of(Group.JOB)]

    async def cancel(self, path: str, job_id: int) -> None:
        """Take a job out of the queue."""
        await self._ask(path, Operation.CANCEL_JOB, *self._job(path, job_id))

    async def purge(self, path: str, job_id: int) -> None:
        """Let CUPS forget a job with its document, which it would keep on its disk for a day."""
        purged = attribute("purge-job", Tag.BOOLEAN, True)
        await self._ask(path, Operation.CANCEL_JOB, *self._job(path, job_id), purged)

    async def close(self) -> None:
        await self._post.close()

    def _printer(self, path: str) -> Attribute:
        return attribute("printer-uri", Tag.URI, f"{self._post.server.uri}{path}")

    def _job(self, path: str, job_id: int) -> tuple[Attribute, Attribute]:
        return self._printer(path), attribute("job-id", Tag.INTEGER, job_id)

    async def _ask(self, path: str, operation: Operation, *attributes: Attribute, document: bytes = b"") -> Message:
        begin = (
            attribute("attributes-charset", Tag.CHARSET, "utf-8"),
            attribute("attributes-natural-language", Tag.LANGUAGE, "en"),
        )
        # Behind the target, which the RFCs want third. A server shows the names of jobs to their user only.
        user = attribute("requesting-user-name", Tag.NAME, USER)
        group = Attributes(Group.OPERATION, (*begin, *attributes[:1], user, *attributes[1:]))
        answer = await self._post.ask(path, Message(operation, self._post.number(), (group,)), document)
        if answer.code >= _OK:
            raise Declined(answer.code, answer.first(Group.OPERATION).text("status-message"))
        return answer


_QUEUE: Final = (
    "printer-info",
    "device-uri",
    "printer-is-accepting-jobs",
    "printer-state",
    "printer-state-reasons",
    "printer-state-message",
    "document-format-supported",
)
_JOB_WANTED: Final = attribute(
    "requested-attributes",
    Tag.KEYWORD,
    "job-id",
    "job-name",
    "job-state",
    "job-state-reasons",
    "time-at-processing",
)


def _queue(said: Attributes) -> Queue:
    reasons, message = said.texts("printer-state-reasons"), said.text("printer-state-message")
    accepts = said.all("printer-is-accepting-jobs")
    return Queue(
        said.text("printer-name"),
        said.text("printer-info"),
        said.text("device-uri"),
        not accepts or bool(accepts[0]),
        condition_of(said.number("printer-state"), reasons, message),
        said.texts("document-format-supported"),
    )


def _job(said: Attributes, job_id: int) -> Job:
    state = said.number("job-state")
    known = JobState(state) if state in set(JobState) else None
    processed = said.number("time-at-processing") is not None or known in (JobState.PROCESSING, JobState.COMPLETED)
    return Job(
        said.number("job-id") or job_id,
        said.text("job-name"),
        known,
        said.texts("job-state-reasons"),
        processed,
    )
