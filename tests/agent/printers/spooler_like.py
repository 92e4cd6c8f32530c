"""A stand-in for winspool.drv and gdi32.dll, for machines that are no Windows: C functions by ctypes, so that every
call goes through the real marshalling, with prototypes written by hand from Microsoft's reference.

What it shows: that arguments and structures arrive as Windows wants them. What it cannot show: how Windows behaves.
"""

import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_int32, c_uint32, c_void_p, c_wchar_p
from dataclasses import dataclass, field
from typing import Any

from miandan.agent.printers.windows.winspool import (
    BitmapInfo,
    DocInfo,
    DocInfo1,
    JobInfo1,
    Libraries,
    PrinterInfo2,
    PrinterInfo4,
    typed,
)

_D, _B, _H, _I = c_uint32, c_int32, c_void_p, c_int32
_NUMBER = POINTER(c_uint32)
HANDLE_OF_PRINTER, CONTEXT = 0x7FFF_1234_5678, 0x7FFF_8765_4321  # more than 32 bits, as on a 64-bit Windows


@dataclass
class FakeWindows:
    """One printer "label". Jobs show `statuses` one after the other and are gone afterwards."""

    statuses: list[int] = field(default_factory=list)
    printer_status: int = 0
    attributes: int = 0
    once_deleted: int | None = None  # the status of a job that begins while it is deleted
    refuses: str = ""  # the call that fails
    takes: int = 10**9  # bytes that WritePrinter takes at a time
    raw: list[bytes] = field(default_factory=list)
    documents: list[tuple[str, str | None]] = field(default_factory=list)
    drawn: list[tuple[Any, ...]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    error: int = 0
    _kept: list[Any] = field(default_factory=list)

    def libraries(self) -> Libraries:
        return typed(self._library(self._spool()), self._library(self._gdi()), lambda: self.error)

    def _library(self, functions: dict[str, tuple[Any, Callable[..., int]]]) -> Any:
        library = type("Library", (), {})()
        for name, (prototype, function) in functions.items():
            setattr(library, name, prototype(self._noted(name, function)))
        return library

    def _noted(self, name: str, function: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            self.calls.append(name)
            if name == self.refuses:
                self.error = 5
                return 0
            return function(*arguments)

        return call

    def _spool(self) -> dict[str, tuple[Any, Callable[..., int]]]:
        enum = (_D, _D, _D, c_void_p, _D, _NUMBER, _NUMBER)
        return {
            "OpenPrinterW": (CFUNCTYPE(_B, c_wchar_p, POINTER(_H), c_void_p), self._open),
            "ClosePrinter": (CFUNCTYPE(_B, _H), lambda handle: handle == HANDLE_OF_PRINTER),
            "StartDocPrinterW": (CFUNCTYPE(_D, _H, _D, POINTER(DocInfo1)), self._start_raw),
            "StartPagePrinter": (CFUNCTYPE(_B, _H), lambda handle: 1),
            "WritePrinter": (CFUNCTYPE(_B, _H, c_void_p, _D, _NUMBER), self._write),
            "EndPagePrinter": (CFUNCTYPE(_B, _H), lambda handle: 1),
            "EndDocPrinter": (CFUNCTYPE(_B, _H), lambda handle: 1),
            "AbortPrinter": (CFUNCTYPE(_B, _H), lambda handle: 1),
            "GetJobW": (CFUNCTYPE(_B, _H, _D, _D, c_void_p, _D, _NUMBER), self._job),
            "SetJobW": (CFUNCTYPE(_B, _H, _D, _D, c_void_p, _D), self._delete),
            "EnumJobsW": (CFUNCTYPE(_B, _H, *enum), self._jobs),
            "GetPrinterW": (CFUNCTYPE(_B, _H, _D, c_void_p, _D, _NUMBER), self._printer),
            "EnumPrintersW": (CFUNCTYPE(_B, _D, c_wchar_p, _D, c_void_p, _D, _NUMBER, _NUMBER), self._printers),
        }

    def _gdi(self) -> dict[str, tuple[Any, Callable[..., int]]]:
        stretch: tuple[Any, ...] = (*[_I] * 8, c_void_p, POINTER(BitmapInfo), _D, _D)
        return {
            "CreateDCW": (CFUNCTYPE(_H, c_wchar_p, c_wchar_p, c_wchar_p, c_void_p), lambda *a: CONTEXT),
            "DeleteDC": (CFUNCTYPE(_B, _H), lambda context: context == CONTEXT),
            "GetDeviceCaps": (CFUNCTYPE(_I, _H, _I), lambda context, which: {88: 600, 90: 300}[which]),
            "StartDocW": (CFUNCTYPE(_I, _H, POINTER(DocInfo)), self._start_page),
            "EndDoc": (CFUNCTYPE(_I, _H), lambda context: 1),
            "AbortDoc": (CFUNCTYPE(_I, _H), lambda context: 1),
            "StartPage": (CFUNCTYPE(_I, _H), lambda context: 1),
            "EndPage": (CFUNCTYPE(_I, _H), lambda context: 1),
            "SetStretchBltMode": (CFUNCTYPE(_I, _H, _I), lambda context, mode: 1),
            "StretchDIBits": (CFUNCTYPE(_I, _H, *stretch), self._draw),
        }

    def _open(self, name: str, handle: Any, _defaults: Any) -> int:
        if name != "label":
            self.error = 1801
            return 0
        handle[0] = HANDLE_OF_PRINTER
        return 1

    def _start_raw(self, handle: int, level: int, about: Any) -> int:
        assert (handle, level) == (HANDLE_OF_PRINTER, 1)
        self.documents.append((about[0].pDocName, about[0].pDatatype))
        self.raw.append(b"")
        return 77

    def _write(self, _handle: int, data: int, size: int, taken: Any) -> int:
        taken[0] = min(size, self.takes)
        self.raw[-1] += ctypes.string_at(data, taken[0])
        return 1

    def _start_page(self, _context: int, about: Any) -> int:
        assert about[0].cbSize == 40
        self.documents.append((about[0].lpszDocName, about[0].lpszDatatype))
        return 77

    def _draw(self, _context: int, *arguments: Any) -> int:
        *sizes, rows, about, usage, operation = arguments
        header = about[0]
        data = ctypes.string_at(rows, header.biSizeImage)
        self.drawn.append((tuple(sizes), (header.biWidth, header.biHeight, header.biBitCount), data, usage, operation))
        return int(abs(header.biHeight))

    def _job(self, _handle: int, job_id: int, level: int, answer: int | None, size: int, needed: Any) -> int:
        assert (job_id, level) == (77, 1)
        if not self.statuses:
            self.error = 87
            return 0
        one = JobInfo1(JobId=77, pDocument="miandan 0199-sheet-1", Status=self.statuses[0])
        given = self._given([one], answer, size, needed)
        if given:
            self.statuses.pop(0)
        return given

    def _delete(self, _handle: int, *given: Any) -> int:
        if self.once_deleted is not None:
            self.statuses = [self.once_deleted]
        return given == (77, 0, None, 5)

    def _jobs(self, _h: int, first: int, _most: int, level: int, *rest: Any) -> int:
        assert (first, level) == (0, 1)
        answer, size, needed, returned = rest
        found = [JobInfo1(JobId=77, pDocument="miandan 0199-sheet-1", Status=status) for status in self.statuses]
        returned[0] = len(found)
        return self._given(found, answer, size, needed)

    def _printer(self, _handle: int, level: int, answer: int | None, size: int, needed: Any) -> int:
        assert level == 2
        one = PrinterInfo2(pPortName="USB001", pDriverName="ZDesigner", Status=self.printer_status)
        one.Attributes = self.attributes
        return self._given([one], answer, size, needed)

    def _printers(self, flags: int, _name: Any, level: int, answer: int | None, size: int, *rest: Any) -> int:
        assert (flags, level) == (6, 4)
        needed, returned = rest
        returned[0] = 2
        found = [PrinterInfo4(pPrinterName=name) for name in ("label", "面单 2")]
        return self._given(found, answer, size, needed)

    def _given(self, structures: list[Any], answer: int | None, size: int, needed: Any) -> int:
        """As Windows does it: first how much memory is needed, then the structures in it."""
        self._kept.append(structures)  # their texts lie in them
        data = b"".join(map(bytes, structures))
        needed[0] = len(data)
        if answer is None or size < len(data):
            self.error = 122
            return 0
        ctypes.memmove(answer, data, len(data))
        return 1
