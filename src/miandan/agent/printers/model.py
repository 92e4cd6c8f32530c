"""What every driver answers: a `Printer` takes one document at a time, in order, and never says more than it knows.

A sheet that did not come out ends in one of three ways. `NothingSent`: certainly no byte of it left, so it may be tried
again. `Broke`: between the first and the last byte, so it is in doubt. `DeviceRefused`: the device, or the queue in
front of it, reported an error, so it is in doubt too.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import Evidence
from miandan.labels.printers.profile import Profile

UNREACHABLE = "agent.device_unreachable"
NOT_READY = "agent.device_not_ready"
NOT_TAKEN = "agent.device_not_taken"
WITHDRAWN = "agent.device_withdrawn"
BROKEN = "agent.device_broken"
STALLED = "agent.device_stalled"
IN_TROUBLE = "agent.device_in_trouble"
NOT_OUT = "agent.device_not_out"

QUEUE_SECONDS: Final = 300.0
"""Until a job that does not leave its queue is taken back: long enough to put paper in."""


class Driver(StrEnum):
    """How a printer is reached."""

    FOLDER = "folder"
    TCP = "tcp"
    CUPS = "cups"
    IPP = "ipp"
    USBLP = "usblp"
    SERIAL = "serial"
    WINDOWS = "windows"


class MediaType(StrEnum):
    """What a document is; a printer takes one kind."""

    RAW = "application/octet-stream"  # the printer's own language, by its profile
    PDF = "application/pdf"
    PNG = "image/png"
    DOTS = "image/x-portable-bitmap"  # PBM: the dots themselves, for GDI


class State(StrEnum):
    """How a printer is, in the finest words that any of them has."""

    READY = "ready"
    BUSY = "busy"
    PAPER_OUT = "paper_out"
    PAPER_JAM = "paper_jam"
    LID_OPEN = "lid_open"
    HEAD_HOT = "head_hot"
    RIBBON_OUT = "ribbon_out"
    OFFLINE = "offline"
    PAUSED = "paused"
    STANDS_STILL = "stands_still"  # the agent's word, not the printer's
    ERROR = "error"
    UNKNOWN = "unknown"

    @property
    def can_print(self) -> bool:
        """Whether a sheet may be sent now; a printer that tells nothing gets it too."""
        return self in (State.READY, State.BUSY, State.UNKNOWN)

    @property
    def zh(self) -> str:
        return _WORDS[self]

    @property
    def en(self) -> str:
        return self.value.replace("_", " ")


_WORDS = {
    State.READY: "就绪",
    State.BUSY: "打印中",
    State.PAPER_OUT: "缺纸",
    State.PAPER_JAM: "卡纸",
    State.LID_OPEN: "开盖",
    State.HEAD_HOT: "打印头过热",
    State.RIBBON_OUT: "碳带用尽",
    State.OFFLINE: "离线",
    State.PAUSED: "已暂停",
    State.STANDS_STILL: "有存疑，已停下",
    State.ERROR: "故障",
    State.UNKNOWN: "状态未知",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """How a printer is now; `detail` is what it said itself, in its own words."""

    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sheet that came out, as far as `evidence` says. `detail` is a job's id in a queue, or why there is no more
    evidence than that."""

    evidence: Evidence
    detail: str = ""


class NothingSent(Refusal):
    """Certainly no byte of the sheet left; it may be tried again, unless somebody withdrew it (code WITHDRAWN)."""


class Broke(Refusal):
    """It broke between the first and the last byte, or nobody knows where."""


class DeviceRefused(Refusal):
    """The device reported an error while the sheet, or part of it, was with it."""


class SheetRef(Protocol):
    """Which sheet it is; a slip of the journal is one."""

    @property
    def sheet_id(self) -> str: ...

    @property
    def job_id(self) -> str: ...

    @property
    def place(self) -> int: ...

    @property
    def number(self) -> str: ...


def job_name(sheet: SheetRef) -> str:
    """What a queue calls the sheet. It stays in lists and logs that others see: no person's data."""
    return f"miandan {sheet.sheet_id}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What lies in a printer: the paper in micrometres, and how many labels share one sheet of it."""

    width_um: int
    height_um: int
    per_sheet: int = 1
    office: str = ""  # A4 or A5, where labels are imposed


class Printer(ABC):
    """One device or queue.

    `takes` is the kind of document to hand over, `room` how many sheets may wait for it. Calls of `print_sheet` queue
    up in the order in which they came; one document is with the device at a time.
    """

    def __init__(
        self, name: str, driver: Driver, takes: MediaType, profile: Profile, loaded: Loaded, room: int = 2
    ) -> None:
        self.name = name
        self.driver = driver
        self.takes = takes
        self.profile = profile
        self.loaded = loaded
        self.room = room
        self._turn = asyncio.Lock()  # first come, first served

    async def print_sheet(self, sheet: SheetRef, document: bytes, media_type: MediaType) -> Outcome:
        """Send one document and wait for what the device says. Raises NothingSent, Broke, DeviceRefused."""
        if media_type is not self.takes:
            raise self.nothing_sent(NOT_TAKEN, f"{media_type} ≠ {self.takes}")
        async with self._turn:
            return await self._print(sheet, document)

    @property
    def is_printing(self) -> bool:
        return self._turn.locked()

    @abstractmethod
    async def _print(self, sheet: SheetRef, document: bytes) -> Outcome:
        """`print_sheet`, alone with the device."""

    @abstractmethod
    async def condition(self) -> Condition:
        """How it is now, as far as it can be asked. Raises nothing for what a device does."""

    async def recalled(self, sheet: SheetRef) -> Outcome | NothingSent | None:
        """After a kill: what the device itself knows of a sheet that was begun, NothingSent (returned) where it is
        certain that nothing came out; None where it cannot tell."""
        return None

    async def close(self) -> None:  # noqa: B027  most drivers hold nothing open between sheets
        """Give back what is held open."""

    # one place for the words

    def nothing_sent(self, code: str, reason: str | State) -> NothingSent:
        return NothingSent(code, **self._said(reason))

    def broke(self, code: str, reason: str | State) -> Broke:
        return Broke(code, **self._said(reason))

    def refused(self, reason: str | State) -> DeviceRefused:
        return DeviceRefused(IN_TROUBLE, **self._said(reason))

    def _said(self, reason: str | State) -> dict[str, str]:
        zh, en = (reason.zh, reason.en) if isinstance(reason, State) else (reason, reason)
        return {"printer": self.name, "reason_zh": zh, "reason_en": en}
