"""Prints into a folder: one PDF or PNG file a sheet, there whole or not at all.

The file is the paper. As its name holds the sheet's id, the folder itself can tell after a kill whether a sheet came
out: in doubt is only what a folder that is gone may have held. Files have to lie there until their sheets are settled.
"""

import asyncio
import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from miandan.agent.printers.model import (
    NOT_OUT,
    UNREACHABLE,
    Condition,
    Driver,
    Loaded,
    MediaType,
    NothingSent,
    Outcome,
    Printer,
    SheetRef,
    State,
)
from miandan.labels.agent_link import Evidence
from miandan.labels.printers.profile import Profile
from miandan.labels.whole_file import reason_of

_ENDINGS = {MediaType.PDF: "pdf", MediaType.PNG: "png"}
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_OF_A_NAME = 60  # characters of job or number; file systems allow 255 bytes for all of it
_LEFT = re.compile(r"\..+\.part")
_BINARY: int = getattr(os, "O_BINARY", 0)  # Windows only
_LEAST_FREE = 5_000_000  # bytes: what a hundred labels need


class FolderPrinter(Printer):
    """Files named by job, place, number and sheet: `JOB-00417-NUMBER-SHEET.pdf`, so that they sort as they came."""

    def __init__(self, name: str, profile: Profile, loaded: Loaded, folder: Path, form: MediaType) -> None:
        super().__init__(name, Driver.FOLDER, form, profile, loaded)
        self._folder = folder
        self._ending = _ENDINGS[form]
        self._tidy = False

    def path(self, sheet: SheetRef) -> Path:
        """Where this sheet lies once it has come out."""
        parts = (_part(sheet.job_id), f"{sheet.place:05d}", _part(sheet.number), _part(sheet.sheet_id))
        return self._folder / f"{'-'.join(part for part in parts if part)}.{self._ending}"

    async def _print(self, sheet: SheetRef, document: bytes) -> Outcome:
        path = self.path(sheet)
        try:
            fresh = await asyncio.to_thread(self._put, path, document)
        except OSError as failed:
            raise self.nothing_sent(UNREACHABLE, reason_of(failed)) from failed
        return Outcome(Evidence.DEVICE, path.name if fresh else f"{path.name}: there already")

    def _put(self, path: Path, document: bytes) -> bool:
        """False where the sheet had come out before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._tidy:
            self._remove_leftovers()
        if path.exists():
            return False
        with _part_file(path) as part:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o600), "wb") as out:
                out.write(document)
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
        _settle(self._folder)
        return True

    def _remove_leftovers(self) -> None:
        """What a killed agent left half-written; only one agent uses a folder."""
        for file in self._folder.iterdir():
            if _LEFT.fullmatch(file.name):
                file.unlink(missing_ok=True)
        self._tidy = True

    async def condition(self) -> Condition:
        return await asyncio.to_thread(self._condition)

    def _condition(self) -> Condition:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.W_OK | os.X_OK):
                return Condition(State.ERROR, os.strerror(errno.EACCES))
            if hasattr(os, "statvfs"):
                room = os.statvfs(self._folder)
                if room.f_bavail * room.f_frsize < _LEAST_FREE:
                    return Condition(State.PAPER_OUT, os.strerror(errno.ENOSPC))
        except OSError as failed:
            return Condition(State.OFFLINE, reason_of(failed))
        return Condition(State.READY)

    async def recalled(self, sheet: SheetRef) -> Outcome | NothingSent | None:
        """A file appears whole or not at all, so its absence says that nothing came out; a folder that is gone (it was
        made before the first sheet began) or cannot be read says nothing."""
        path = self.path(sheet)
        try:
            came_out = path.name in await asyncio.to_thread(os.listdir, self._folder)
        except OSError:
            return None
        if came_out:
            return Outcome(Evidence.DEVICE, path.name)
        return self.nothing_sent(NOT_OUT, path.name)


def _part(text: str) -> str:
    return _ODD.sub("_", text)[:_MOST_OF_A_NAME]


@contextmanager
def _part_file(path: Path) -> Iterator[Path]:
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """The new name survives a loss of power too, where that can be asked for; the sheet has come out already."""
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
