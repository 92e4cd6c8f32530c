"""The journal (打印日志): what became of each sheet, on disk before it is true, so that a kill at any moment is told.

An append-only file, a JSON object a line: `got` when a sheet arrives, `begun` before its first byte (`unsent` if after
all none left), `end` when it is known how it ended, `settled` when all who have to know do. Only `begun` waits for
the disk: a lost `got` was never printed, a lost `end` is told as doubtful, and the server keeps what it was told
before. Whatever waits shares an fsync.

A line holds ids, the printer, the place and the waybill number, never a person. A torn last line counts as not written;
a damaged line further up turns what was open there into doubt.
"""

import asyncio
import os
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from miandan.kernel.clock import now
from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import DataOf, Evidence, Outcome
from miandan.labels.whole_file import reason_of, written_whole

COMPACT_BYTES: Final = 1_000_000
"""A journal that has grown by so much, and by as much as it kept before, is written anew with what is still open."""

IDLE_BYTES: Final = 100_000
"""The same where nothing is open."""

RETRY_SECONDS: Final = 1.0
"""How long the journal rests after the disk refused a line."""

LAST_ENDED: Final = 200
"""Sheets that ended in this run and are remembered for whoever looks."""

JOURNAL_FULL = "agent.journal_full"

RECALLED = "agent.recalled"
"""Reason of a sheet that was taken back before it began."""

STOPPED_BEFORE = "agent.stopped_before_printing"
"""Reason of a sheet that the agent did not begin before it ended."""

STOPPED_PRINTING = "agent.stopped_while_printing"
"""Reason of a doubt: the agent ended between the first and the last byte."""

SERVER: Final = ""
"""The source of sheets that the server gave."""

_MODE: Final = 0o600
_to_disk: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)


class Step(StrEnum):
    """How far a sheet has come."""

    GOT = "got"
    BEGUN = "begun"
    UNSENT = "unsent"  # it had begun, and certainly no byte of it left
    END = "end"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Slip:
    """What is known of a sheet without its content. `source` says who gave it, SERVER or the name of a component;
    `data` stands with a component's sheet of the platform's print data: the server is told of those too."""

    sheet_id: str
    printer: str
    copy: int = 1
    job_id: str = ""
    place: int = 0
    number: str = ""
    source: str = SERVER
    data: DataOf | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sheet ended; `reason` is a code."""

    outcome: Outcome
    evidence: Evidence = Evidence.NONE
    reason: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An open sheet: `step` is never SETTLED, `ended` is there with END only."""

    slip: Slip
    step: Step
    ended: Ended | None = None


class _Line(Struct, frozen=True, omit_defaults=True):
    step: Step
    at: str
    sheet: str
    printer: str
    copy: int = 1
    job: str = ""
    place: int = 0
    number: str = ""
    source: str = SERVER
    outcome: Outcome | None = None
    evidence: Evidence = Evidence.NONE
    reason: str = ""
    data: DataOf | None = None

    @property
    def slip(self) -> Slip:
        return Slip(self.sheet, self.printer, self.copy, self.job, self.place, self.number, self.source, self.data)


_decoder = msgspec.json.Decoder(_Line)
_encoder = msgspec.json.Encoder()


class Journal:
    """The open sheets of one agent, and the file behind them. Opened by `open_journal`, used from one event loop."""

    def __init__(self, path: Path, file: int, size: int, entries: dict[str, Entry]) -> None:
        self._path = path
        self._file = file
        self._size = size  # bytes that are known to be whole lines
        self._kept = 0  # bytes of what was open when it was written anew
        self._entries = entries
        self._waiting: list[bytes] = []
        self._durable: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._disk = ThreadPoolExecutor(1, "journal")
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self.trouble: Refusal | None = None
        """Why nothing can be written now; None while it can."""
        self.ended: deque[Entry] = deque(maxlen=LAST_ENDED)
        """The latest ends of this run, oldest first."""
        self.printed: Counter[tuple[str, Evidence]] = Counter()
        """Sheets that came out in this run, by printer and by what their word rests on."""

    @property
    def open_sheets(self) -> list[Entry]:
        """Every sheet that is not settled, oldest first."""
        return list(self._entries.values())

    def entry(self, sheet_id: str) -> Entry | None:
        return self._entries.get(sheet_id)

    def start(self) -> None:
        """Begin to write what is said."""
        self._writer = asyncio.get_running_loop().create_task(self._write_always())

    async def close(self) -> None:
        """Write what waits, as far as the disk takes it, and close the file."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
        self._disk.shutdown()
        os.close(self._file)

    # what is said

    def got(self, slip: Slip) -> None:
        """A sheet has arrived; one that was here before and ended begins anew."""
        self._entries.pop(slip.sheet_id, None)
        self._say(Entry(slip, Step.GOT))

    async def begun(self, slip: Slip) -> None:
        """The first byte is about to leave: returns when a kill of the machine would be told too. While the disk
        takes nothing it waits, and nothing is printed."""
        durable = asyncio.get_running_loop().create_future()
        self._say(Entry(slip, Step.BEGUN), durable)
        await durable

    def unsent(self, slip: Slip) -> None:
        """It had begun, and certainly no byte left; it may begin again."""
        self._say(Entry(slip, Step.UNSENT))

    def end(self, slip: Slip, outcome: Outcome, evidence: Evidence = Evidence.NONE, reason: str = "") -> Ended:
        """How a sheet ended. The first word counts: a sheet that has ended is not ended again."""
        known = self._entries.get(slip.sheet_id)
        if known is not None and known.ended is not None:
            return known.ended
        ended = Ended(outcome, evidence, reason, now().isoformat())
        entry = Entry(slip, Step.END, ended)
        self._say(entry)
        self.ended.append(entry)
        self.printed[slip.printer, evidence] += outcome is Outcome.PRINTED
        return ended

    def settled(self, sheet_id: str, outcome: Outcome) -> bool:
        """Forget a sheet that ended so; False for one that is not here, goes on, or ended otherwise."""
        known = self._entries.get(sheet_id)
        if known is None or known.ended is None or known.ended.outcome is not outcome:
            return False
        self._say(replace(known, step=Step.SETTLED))
        del self._entries[sheet_id]
        return True

    def _say(self, entry: Entry, durable: "asyncio.Future[None] | None" = None) -> None:
        self._entries[entry.slip.sheet_id] = entry
        self._waiting.append(_written(entry))
        if durable is not None:
            self._durable.append(durable)
        self._wake.set()

    # the disk

    async def _write_always(self) -> None:
        while self._waiting or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            if self._waiting and not await self._write():
                if self._closing:
                    return
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

    async def _write(self) -> bool:
        """Everything that waits, in one go; False when the disk refused it, then all of it still waits."""
        lines, durable = self._waiting, self._durable
        self._waiting, self._durable = [], []
        try:
            await self._in_thread(self._append, b"".join(lines), bool(durable))
        except OSError as failed:
            self._waiting, self._durable = lines + self._waiting, durable + self._durable
            self.trouble = Refusal("agent.journal_full", file=self._path.name, reason=reason_of(failed))
            return False
        self.trouble = None
        for one in durable:
            if not one.done():
                one.set_result(None)
        most = COMPACT_BYTES + 2 * self._kept if self._entries else IDLE_BYTES
        if self._size > most and not self._waiting:
            await self._compact()
        return True

    async def _in_thread(self, work: Callable[..., None], *given: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work, *given)

    def _append(self, lines: bytes, sync: bool) -> None:
        append(self._file, self._size, lines, sync=sync)
        self._size += len(lines)

    async def _compact(self) -> None:
        """Only what is open, in a file that takes the old one's place whole."""
        open_now = b"".join(map(_written, self.open_sheets))
        with suppress(OSError, Refusal):  # the old one goes on being good
            await self._in_thread(self._replace, open_now)

    def _replace(self, content: bytes) -> None:
        if os.name == "nt":  # renames nothing that is open
            if content:
                return
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.fsync(self._file)
        else:
            with written_whole(self._path) as out:
                out.write(content)
            os.close(self._file)
            self._file = _opened(self._path)
            os.lseek(self._file, 0, os.SEEK_END)
        self._size = self._kept = len(content)


def open_journal(path: Path) -> Journal:
    """The journal as the last run left it, cut back to its last whole line.

    Sheets that had begun are open as they were: what has to be said of them is `after_a_kill`. Raises Refusal
    agent.journal_unusable when the file cannot be opened.
    """
    try:
        file = _opened(path)
        text = _read_all(file)
        entries, whole = read_lines(text)
        os.ftruncate(file, whole)
        os.lseek(file, whole, os.SEEK_SET)
    except OSError as failed:
        raise Refusal("agent.journal_unusable", file=path.name, reason=reason_of(failed)) from failed
    return Journal(path, file, whole, entries)


def read_lines(text: bytes) -> tuple[dict[str, Entry], int]:
    """The open sheets that a journal tells of, and how many bytes of it are whole lines."""
    entries: dict[str, Entry] = {}
    place = whole = 0
    damaged = False
    for piece in text.splitlines(keepends=True):
        place += len(piece)
        line = _read(piece)
        if line is None:
            damaged = True  # the end of a torn write, unless a good line follows
            continue
        if damaged:
            entries = {key: _in_doubt(entry) for key, entry in entries.items()}
            damaged = False
        whole = place
        _apply(entries, line)
    return entries, whole


def append(file: int, size: int, lines: bytes, *, sync: bool) -> None:
    """Whole lines at the end of a file of this size. Raises OSError; then the file ends where it did before."""
    left = memoryview(lines)
    try:
        while left:
            left = left[os.write(file, left) :]
        if sync:
            _to_disk(file)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, size)
            os.lseek(file, size, os.SEEK_SET)
        raise


def after_a_kill(entry: Entry) -> Ended:
    """What is true of a sheet that an earlier run left: ended as it says, doubtful if begun, else given back; failed if
    it had begun in vain."""
    if entry.ended is not None:
        return entry.ended
    if entry.step is Step.BEGUN:
        return Ended(Outcome.DOUBTFUL, Evidence.NONE, STOPPED_PRINTING)
    if entry.step is Step.UNSENT:  # whoever was told that it had begun must not take it for given back
        return Ended(Outcome.FAILED, Evidence.NONE, STOPPED_BEFORE)
    return Ended(Outcome.GIVEN_BACK, Evidence.NONE, STOPPED_BEFORE)


def _in_doubt(entry: Entry) -> Entry:
    """A line that cannot be read may have said that this sheet has begun."""
    return entry if entry.ended is not None else replace(entry, step=Step.BEGUN)


def _apply(entries: dict[str, Entry], line: _Line) -> None:
    if line.step is Step.SETTLED:
        entries.pop(line.sheet, None)
        return
    ended = None
    if line.step is Step.END:
        ended = Ended(line.outcome or Outcome.DOUBTFUL, line.evidence, line.reason, line.at)
    if line.step is Step.GOT:
        entries.pop(line.sheet, None)
    entries[line.sheet] = Entry(line.slip, line.step, ended)


def _read(piece: bytes) -> _Line | None:
    if not piece.endswith(b"\n"):
        return None
    try:
        return _decoder.decode(piece)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _written(entry: Entry) -> bytes:
    slip, ended = entry.slip, entry.ended or Ended(Outcome.DOUBTFUL)
    line = _Line(
        entry.step,
        entry.ended.at if entry.ended is not None else now().isoformat(),
        slip.sheet_id,
        slip.printer,
        slip.copy,
        slip.job_id,
        slip.place,
        slip.number,
        slip.source,
        None if entry.ended is None else ended.outcome,
        ended.evidence,
        ended.reason,
        slip.data,
    )
    return _encoder.encode(line) + b"\n"


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), _MODE)


def _read_all(file: int) -> bytes:
    pieces = []
    while piece := os.read(file, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)
