"""The part of winspool.drv and gdi32.dll that printing needs, with its structures (Microsoft's Win32 reference).

Types have the sizes of Windows, not those of ctypes.wintypes, whose DWORD is 8 bytes on a 64-bit Linux: so the sizes
can be checked anywhere.
"""

import ctypes
import sys
from collections.abc import Callable
from ctypes import POINTER, Structure, c_char, c_int32, c_uint16, c_uint32, c_void_p, c_wchar_p
from dataclasses import dataclass
from typing import Any, Final

DWORD, WORD, LONG, BOOL, HANDLE = c_uint32, c_uint16, c_int32, c_int32, c_void_p

ERROR_INVALID_PARAMETER: Final = 87
"""GetJob for a job that is in the queue no more."""

GDI_ERROR: Final = -1
JOB_CONTROL_DELETE: Final = 5
PRINTER_ENUM_LOCAL, PRINTER_ENUM_CONNECTIONS = 0x2, 0x4
LOGPIXELSX, LOGPIXELSY = 88, 90
DIB_RGB_COLORS, SRCCOPY, BLACKONWHITE = 0, 0x00CC0020, 1


class DocInfo1(Structure):
    """DOC_INFO_1W"""

    _fields_ = [("pDocName", c_wchar_p), ("pOutputFile", c_wchar_p), ("pDatatype", c_wchar_p)]


class DocInfo(Structure):
    """DOCINFOW of GDI"""

    _fields_ = [
        ("cbSize", c_int32),
        ("lpszDocName", c_wchar_p),
        ("lpszOutput", c_wchar_p),
        ("lpszDatatype", c_wchar_p),
        ("fwType", DWORD),
    ]


class SystemTime(Structure):
    """SYSTEMTIME"""

    _fields_ = [(f"part{index}", WORD) for index in range(8)]


class JobInfo1(Structure):
    """JOB_INFO_1W"""

    _fields_ = [
        ("JobId", DWORD),
        ("pPrinterName", c_wchar_p),
        ("pMachineName", c_wchar_p),
        ("pUserName", c_wchar_p),
        ("pDocument", c_wchar_p),
        ("pDatatype", c_wchar_p),
        ("pStatus", c_wchar_p),
        ("Status", DWORD),
        ("Priority", DWORD),
        ("Position", DWORD),
        ("TotalPages", DWORD),
        ("PagesPrinted", DWORD),
        ("Submitted", SystemTime),
    ]


class PrinterInfo2(Structure):
    """PRINTER_INFO_2W"""

    _fields_ = [
        ("pServerName", c_wchar_p),
        ("pPrinterName", c_wchar_p),
        ("pShareName", c_wchar_p),
        ("pPortName", c_wchar_p),
        ("pDriverName", c_wchar_p),
        ("pComment", c_wchar_p),
        ("pLocation", c_wchar_p),
        ("pDevMode", c_void_p),
        ("pSepFile", c_wchar_p),
        ("pPrintProcessor", c_wchar_p),
        ("pDatatype", c_wchar_p),
        ("pParameters", c_wchar_p),
        ("pSecurityDescriptor", c_void_p),
        ("Attributes", DWORD),
        ("Priority", DWORD),
        ("DefaultPriority", DWORD),
        ("StartTime", DWORD),
        ("UntilTime", DWORD),
        ("Status", DWORD),
        ("cJobs", DWORD),
        ("AveragePPM", DWORD),
    ]


class PrinterInfo4(Structure):
    """PRINTER_INFO_4W"""

    _fields_ = [("pPrinterName", c_wchar_p), ("pServerName", c_wchar_p), ("Attributes", DWORD)]


class BitmapInfo(Structure):
    """BITMAPINFO of a picture of two colours: BITMAPINFOHEADER and two RGBQUADs."""

    _fields_ = [
        ("biSize", DWORD),
        ("biWidth", LONG),
        ("biHeight", LONG),
        ("biPlanes", WORD),
        ("biBitCount", WORD),
        ("biCompression", DWORD),
        ("biSizeImage", DWORD),
        ("biXPelsPerMeter", LONG),
        ("biYPelsPerMeter", LONG),
        ("biClrUsed", DWORD),
        ("biClrImportant", DWORD),
        ("white", DWORD),
        ("black", DWORD),
    ]


HEADER_BYTES: Final = 40  # BITMAPINFOHEADER alone
WHITE: Final = 0x00FFFFFF

_SPOOL: Final[dict[str, tuple[Any, ...]]] = {
    "OpenPrinterW": (BOOL, c_wchar_p, POINTER(HANDLE), c_void_p),
    "ClosePrinter": (BOOL, HANDLE),
    "StartDocPrinterW": (DWORD, HANDLE, DWORD, POINTER(DocInfo1)),
    "StartPagePrinter": (BOOL, HANDLE),
    "WritePrinter": (BOOL, HANDLE, c_void_p, DWORD, POINTER(DWORD)),
    "EndPagePrinter": (BOOL, HANDLE),
    "EndDocPrinter": (BOOL, HANDLE),
    "AbortPrinter": (BOOL, HANDLE),
    "GetJobW": (BOOL, HANDLE, DWORD, DWORD, c_void_p, DWORD, POINTER(DWORD)),
    "SetJobW": (BOOL, HANDLE, DWORD, DWORD, c_void_p, DWORD),
    "EnumJobsW": (BOOL, HANDLE, DWORD, DWORD, DWORD, c_void_p, DWORD, POINTER(DWORD), POINTER(DWORD)),
    "GetPrinterW": (BOOL, HANDLE, DWORD, c_void_p, DWORD, POINTER(DWORD)),
    "EnumPrintersW": (BOOL, DWORD, c_wchar_p, DWORD, c_void_p, DWORD, POINTER(DWORD), POINTER(DWORD)),
}
_GDI: Final[dict[str, tuple[Any, ...]]] = {
    "CreateDCW": (HANDLE, c_wchar_p, c_wchar_p, c_wchar_p, c_void_p),
    "DeleteDC": (BOOL, HANDLE),
    "GetDeviceCaps": (c_int32, HANDLE, c_int32),
    "StartDocW": (c_int32, HANDLE, POINTER(DocInfo)),
    "EndDoc": (c_int32, HANDLE),
    "AbortDoc": (c_int32, HANDLE),
    "StartPage": (c_int32, HANDLE),
    "EndPage": (c_int32, HANDLE),
    "SetStretchBltMode": (c_int32, HANDLE, c_int32),
    "StretchDIBits": (c_int32, HANDLE, *[c_int32] * 8, c_void_p, POINTER(BitmapInfo), DWORD, DWORD),
}


@dataclass(frozen=True, slots=True)
class Libraries:
    """The two libraries, their functions typed, and how the last error of this thread is asked for."""

    spool: Any
    gdi: Any
    last_error: Callable[[], int]


def typed(spool: Any, gdi: Any, last_error: Callable[[], int]) -> Libraries:
    """The libraries with every function told what it takes and gives."""
    for library, functions in ((spool, _SPOOL), (gdi, _GDI)):
        for name, (answer, *arguments) in functions.items():
            function = getattr(library, name)
            function.restype, function.argtypes = answer, arguments
    return Libraries(spool, gdi, last_error)


def loaded() -> Libraries:
    """Those of this Windows. Raises OSError anywhere else."""
    if sys.platform != "win32":
        raise OSError("not a Windows machine")
    spool, gdi = (ctypes.WinDLL(name, use_last_error=True) for name in ("winspool.drv", "gdi32.dll"))
    return typed(spool, gdi, ctypes.get_last_error)


def buffer_of(size: int) -> "ctypes.Array[c_char]":
    """Memory for an answer whose structure stands at its beginning."""
    return ctypes.create_string_buffer(size)
