"""Verbs on the Windows spooler, each one call that blocks; the driver runs them in a thread."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import byref
from dataclasses import dataclass
from typing import Any, Final

from miandan.agent.printers.windows import winspool
from miandan.agent.printers.windows.winspool import DWORD, HANDLE, Libraries
from miandan.labels.pictures import Bits

_MOST_JOBS: Final = 10_000
_CHUNK: Final = 65_536


class Failed(Exception):
    """A call that Windows refused; `sent` bytes at least had been taken before."""

    def __init__(self, call: str, error: int, sent: int = 0) -> None:
        super().__init__(f"{call}: Windows error {error}")
        self.sent = sent


@dataclass(frozen=True, slots=True)
class SpoolJob:
    """One job in a queue; `status` are JOB_STATUS bits."""

    job_id: int
    document: str
    status: int


@dataclass(frozen=True, slots=True)
class SpoolPrinter:
    """A printer as the spooler shows it: PRINTER_STATUS and PRINTER_ATTRIBUTE bits."""

    status: int
    attributes: int


class Spooler:
    """The spooler of this machine."""

    def __init__(self, libraries: Libraries) -> None:
        self._spool, self._gdi, self._last_error = libraries.spool, libraries.gdi, libraries.last_error

    # documents in

    def send_raw(self, printer: str, name: str, data: bytes) -> int:
        """Bytes for the device as they are; the job's id. Raises Failed."""
        with self._opened(printer) as handle:
            about = winspool.DocInfo1(name, None, "RAW")
            job_id = int(self._done("StartDocPrinter", self._spool.StartDocPrinterW(handle, 1, byref(about))))
            sent = 0
            try:
                self._done("StartPagePrinter", self._spool.StartPagePrinter(handle))
                for chunk in (data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)):
                    sent = self._written(handle, chunk, sent)
                self._done("EndPagePrinter", self._spool.EndPagePrinter(handle), sent)
                self._done("EndDocPrinter", self._spool.EndDocPrinter(handle), sent)
            except Failed:
                self._spool.AbortPrinter(handle)
                raise
            return job_id

    def _written(self, handle: Any, chunk: bytes, sent: int) -> int:
        """How many bytes have been taken, this chunk included."""
        left = chunk
        while left:
            taken = DWORD(0)
            self._done("WritePrinter", self._spool.WritePrinter(handle, left, len(left), byref(taken)), sent)
            if not taken.value:
                raise Failed("WritePrinter", 0, sent)
            sent, left = sent + taken.value, left[taken.value :]
        return sent

    def send_dots(self, printer: str, name: str, dots: Bits, dpi: int) -> int:
        """One page of a driver, with a picture in its true size at the upper left corner; the job's id. Raises
        Failed."""
        context = self._gdi.CreateDCW("WINSPOOL", printer, None, None)
        self._done("CreateDC", context)
        try:
            about = winspool.DocInfo(ctypes.sizeof(winspool.DocInfo), name, None, None, 0)
            job_id = int(self._gdi.StartDocW(context, byref(about)))
            if job_id <= 0:
                raise Failed("StartDoc", self._last_error())
            try:
                self._page(context, dots, dpi)
            except Failed:
                self._gdi.AbortDoc(context)
                raise
            if self._gdi.EndDoc(context) <= 0:
                raise Failed("EndDoc", self._last_error(), 1)
            return job_id
        finally:
            self._gdi.DeleteDC(context)

    def _page(self, context: Any, dots: Bits, dpi: int) -> None:
        if self._gdi.StartPage(context) <= 0:
            raise Failed("StartPage", self._last_error())
        across = self._gdi.GetDeviceCaps(context, winspool.LOGPIXELSX)
        along = self._gdi.GetDeviceCaps(context, winspool.LOGPIXELSY)
        size = round(dots.width * across / dpi), round(dots.height * along / dpi)
        self._gdi.SetStretchBltMode(context, winspool.BLACKONWHITE)
        about, rows = device_bitmap(dots)
        arguments = (0, 0, *size, 0, 0, dots.width, dots.height, rows, byref(about))
        drawn = self._gdi.StretchDIBits(context, *arguments, winspool.DIB_RGB_COLORS, winspool.SRCCOPY)
        if drawn in (0, winspool.GDI_ERROR):
            raise Failed("StretchDIBits", self._last_error())
        if self._gdi.EndPage(context) <= 0:
            raise Failed("EndPage", self._last_error(), 1)

    # jobs and printers

    def job(self, printer: str, job_id: int) -> SpoolJob | None:
        """None when it is in the queue no more. Raises Failed."""
        with self._opened(printer) as handle:
            needed = DWORD(0)
            self._spool.GetJobW(handle, job_id, 1, None, 0, byref(needed))
            if not needed.value:
                self._refuse_unless_gone()
                return None
            answer = winspool.buffer_of(needed.value)
            if not self._spool.GetJobW(handle, job_id, 1, answer, needed.value, byref(needed)):
                self._refuse_unless_gone()
                return None
            return _job(winspool.JobInfo1.from_buffer(answer))

    def _refuse_unless_gone(self) -> None:
        error = self._last_error()
        if error != winspool.ERROR_INVALID_PARAMETER:
            raise Failed("GetJob", error)

    def jobs(self, printer: str) -> list[SpoolJob]:
        """Everything in the queue. Raises Failed."""
        with self._opened(printer) as handle:
            needed, returned = DWORD(0), DWORD(0)
            ask = (handle, 0, _MOST_JOBS, 1)
            self._spool.EnumJobsW(*ask, None, 0, byref(needed), byref(returned))
            if not needed.value:
                return []
            answer = winspool.buffer_of(needed.value)
            done = self._spool.EnumJobsW(*ask, answer, needed.value, byref(needed), byref(returned))
            self._done("EnumJobs", done)
            return [_job(one) for one in (winspool.JobInfo1 * returned.value).from_buffer(answer)]

    def delete(self, printer: str, job_id: int) -> None:
        """Take a job out of the queue. Raises Failed."""
        with self._opened(printer) as handle:
            self._done("SetJob", self._spool.SetJobW(handle, job_id, 0, None, winspool.JOB_CONTROL_DELETE))

    def printer(self, printer: str) -> SpoolPrinter:
        """How a printer is. Raises Failed."""
        with self._opened(printer) as handle:
            needed = DWORD(0)
            self._spool.GetPrinterW(handle, 2, None, 0, byref(needed))
            if not needed.value:
                raise Failed("GetPrinter", self._last_error())
            answer = winspool.buffer_of(needed.value)
            self._done("GetPrinter", self._spool.GetPrinterW(handle, 2, answer, needed.value, byref(needed)))
            found = winspool.PrinterInfo2.from_buffer(answer)
            return SpoolPrinter(found.Status, found.Attributes)

    def printers(self) -> list[str]:
        """The names of all printers of this machine and this user. Raises Failed."""
        needed, returned = DWORD(0), DWORD(0)
        ask = (winspool.PRINTER_ENUM_LOCAL | winspool.PRINTER_ENUM_CONNECTIONS, None, 4)
        self._spool.EnumPrintersW(*ask, None, 0, byref(needed), byref(returned))
        if not needed.value:
            return []
        answer = winspool.buffer_of(needed.value)
        done = self._spool.EnumPrintersW(*ask, answer, needed.value, byref(needed), byref(returned))
        self._done("EnumPrinters", done)
        found = (winspool.PrinterInfo4 * returned.value).from_buffer(answer)
        return [one.pPrinterName or "" for one in found]

    # calls

    @contextmanager
    def _opened(self, printer: str) -> Iterator[Any]:
        handle = HANDLE()
        self._done("OpenPrinter", self._spool.OpenPrinterW(printer, byref(handle), None))
        try:
            yield handle
        finally:
            with suppress(OSError):
                self._spool.ClosePrinter(handle)

    def _done(self, call: str, answer: Any, sent: int = 0) -> Any:
        if not answer:
            raise Failed(call, self._last_error(), sent)
        return answer


def _job(found: Any) -> SpoolJob:
    return SpoolJob(found.JobId, found.pDocument or "", found.Status)


def device_bitmap(dots: Bits) -> tuple[winspool.BitmapInfo, bytes]:
    """The picture as GDI takes it: rows of whole 4 bytes, the upper one first (a negative height), 1 is black."""
    stride = (dots.width + 31) // 32 * 4
    pad = bytes(stride - dots.stride)
    rows = b"".join(dots.data[at : at + dots.stride] + pad for at in range(0, len(dots.data), dots.stride))
    about = winspool.BitmapInfo(
        winspool.HEADER_BYTES, dots.width, -dots.height, 1, 1, 0, len(rows), 0, 0, 2, 2, winspool.WHITE, 0
    )
    return about, rows
