"""The Windows spooler, as far as it can be tried without Windows: sizes of structures by hand, the marshalling of every
call by real ctypes against a stand-in (spooler_like.py), and what statuses mean."""

import ctypes
import sys

import pytest

from miandan.agent.printers.model import (
    BROKEN,
    NOT_READY,
    NOT_TAKEN,
    UNREACHABLE,
    WITHDRAWN,
    Broke,
    DeviceRefused,
    MediaType,
    NothingSent,
    Outcome,
    State,
)
from miandan.agent.printers.windows.printer import WindowsPrinter, condition_of, dots_of
from miandan.agent.printers.windows.spooler import Failed, Spooler, SpoolPrinter, device_bitmap
from miandan.agent.printers.windows.winspool import (
    BitmapInfo,
    DocInfo,
    DocInfo1,
    JobInfo1,
    PrinterInfo2,
    PrinterInfo4,
    SystemTime,
    loaded,
)
from miandan.labels.agent_link import Evidence
from miandan.labels.pictures import Bits
from tests.agent.printers.sheets import LOADED, own, sheet
from tests.agent.printers.spooler_like import FakeWindows

PBM = b"P4\n10 2\n" + bytes([0b1010_0000, 0b0100_0000, 0b1111_1111, 0b1100_0000])


def printer(
    windows: FakeWindows, takes: MediaType = MediaType.RAW, queue: str = "label", patience: float = 60
) -> WindowsPrinter:
    return WindowsPrinter("bench", takes, own(), LOADED, Spooler(windows.libraries()), queue, patience)


async def printed(
    windows: FakeWindows, takes: MediaType = MediaType.RAW, document: bytes = b"^XA^XZ", patience: float = 60
) -> Outcome:
    return await printer(windows, takes, patience=patience).print_sheet(sheet(), document, takes)


@pytest.mark.skipif(
    ctypes.sizeof(ctypes.c_void_p) != 8, reason="pointers are of 32 bits here: sizes of 64-bit Windows are not compared"
)
@pytest.mark.parametrize(
    ("structure", "size", "offsets"),
    [
        (DocInfo1, 24, {"pDatatype": 16}),
        (DocInfo, 40, {"lpszDocName": 8, "fwType": 32}),
        (SystemTime, 16, {}),
        (JobInfo1, 96, {"pPrinterName": 8, "pDocument": 32, "Status": 56, "Submitted": 76}),
        (
            PrinterInfo2,
            136,
            {"pDevMode": 56, "pSecurityDescriptor": 96, "Attributes": 104, "Status": 124, "cJobs": 128},
        ),
        (PrinterInfo4, 24, {"Attributes": 16}),
        (BitmapInfo, 48, {"biBitCount": 14, "biSizeImage": 20, "white": 40}),
    ],
)
def test_structures_have_the_sizes_of_windows(structure: type, size: int, offsets: dict[str, int]) -> None:
    assert ctypes.sizeof(structure) == size
    assert {name: getattr(structure, name).offset for name in offsets} == offsets


async def test_raw_bytes_go_through_as_they_are_and_the_job_leaving_the_queue_is_its_word() -> None:
    windows = FakeWindows(statuses=[0x8, 0x10, 0x10], takes=7)
    document = bytes(range(256)) * 300
    outcome = await printed(windows, document=document)
    assert windows.raw == [document]
    assert windows.documents == [("miandan 0199-sheet-1", "RAW")]
    assert outcome == Outcome(Evidence.SPOOLER, "job 77")
    assert windows.calls.count("OpenPrinterW") == windows.calls.count("ClosePrinter")


async def test_a_picture_goes_through_the_driver_in_its_true_size() -> None:
    windows = FakeWindows(statuses=[0x1000])
    assert (await printed(windows, MediaType.DOTS, PBM)).evidence is Evidence.SPOOLER
    ((sizes, header, data, usage, operation),) = windows.drawn
    # 10 x 2 dots of 203 dpi, on a device of 600 x 300 dpi
    assert sizes == (0, 0, round(10 * 600 / 203), round(2 * 300 / 203), 0, 0, 10, 2)
    assert header == (10, -2, 1)
    assert data == bytes([0b1010_0000, 0b0100_0000, 0, 0, 0b1111_1111, 0b1100_0000, 0, 0])
    assert (usage, operation) == (0, 0x00CC0020)
    assert windows.calls.count("DeleteDC") == 1


@pytest.mark.parametrize("call", ["OpenPrinterW", "StartDocPrinterW", "StartPagePrinter"])
async def test_a_call_that_fails_before_the_first_byte_sends_nothing(call: str) -> None:
    windows = FakeWindows(refuses=call)
    with pytest.raises(NothingSent):
        await printed(windows)
    assert not b"".join(windows.raw)
    assert windows.calls.count("OpenPrinterW") - (call == "OpenPrinterW") <= windows.calls.count("ClosePrinter")


async def test_a_call_that_fails_after_the_first_byte_leaves_the_sheet_in_doubt() -> None:
    windows = FakeWindows(refuses="EndDocPrinter")
    with pytest.raises(Broke) as broke:
        await printed(windows)
    assert broke.value.code == BROKEN
    assert "AbortPrinter" in windows.calls


async def test_what_gdi_cannot_draw_is_aborted() -> None:
    windows = FakeWindows(refuses="StretchDIBits")
    with pytest.raises(NothingSent) as nothing:
        await printed(windows, MediaType.DOTS, PBM)
    assert nothing.value.code == UNREACHABLE
    assert windows.calls[-2:] == ["AbortDoc", "DeleteDC"]
    with pytest.raises(NothingSent) as odd:
        await printed(FakeWindows(), MediaType.DOTS, b"P4 9999 9999 x")
    assert odd.value.code == NOT_TAKEN


@pytest.mark.parametrize(
    ("statuses", "raised", "code"),
    [
        ([0x8, 0x4], NothingSent, WITHDRAWN),  # deleted before it was printed
        ([0x10, 0x100], DeviceRefused, "agent.device_in_trouble"),
        ([0x40 | 0x10] * 1000, DeviceRefused, "agent.device_in_trouble"),  # paper out, for ever
        ([0x20] * 1000, NothingSent, NOT_READY),  # offline, never printing: it was taken out again
        ([0x10] * 1000, Broke, "agent.device_stalled"),
    ],
)
async def test_what_the_status_of_a_job_means(statuses: list[int], raised: type[Exception], code: str) -> None:
    windows = FakeWindows(statuses=list(statuses))
    with pytest.raises(raised) as failed:
        await printed(windows, patience=0.3 if len(statuses) == 1000 else 60)
    assert getattr(failed.value, "code", "") == code
    assert ("SetJobW" in windows.calls) is (len(statuses) == 1000)


@pytest.mark.parametrize(
    ("status", "attributes", "state"),
    [
        (0, 0, State.READY),
        (0x400, 0, State.BUSY),
        (0x10, 0, State.PAPER_OUT),
        (0x8, 0, State.PAPER_JAM),
        (0x400000, 0, State.LID_OPEN),
        (0x80, 0, State.OFFLINE),
        (0x1, 0, State.PAUSED),
        (0x2, 0, State.ERROR),
        (0, 0x400, State.OFFLINE),
    ],
)
async def test_the_status_of_a_printer(status: int, attributes: int, state: State) -> None:
    windows = FakeWindows(printer_status=status, attributes=attributes)
    assert (await printer(windows).condition()).state is state
    assert condition_of(SpoolPrinter(status, attributes)).state is state
    if not state.can_print:
        with pytest.raises(NothingSent):
            await printed(windows)
        assert windows.raw == []


async def test_a_printer_that_windows_does_not_know_is_offline() -> None:
    one = printer(FakeWindows(), queue="nobody")
    assert (await one.condition()).state is State.OFFLINE
    with pytest.raises(NothingSent):
        await one.print_sheet(sheet(), b"^XA^XZ", MediaType.RAW)


async def test_after_a_kill_a_job_that_waits_is_taken_out() -> None:
    waiting = FakeWindows(statuses=[0x8])
    nothing = await printer(waiting).recalled(sheet())
    assert isinstance(nothing, NothingSent)
    assert "SetJobW" in waiting.calls
    assert await printer(FakeWindows(statuses=[0x10])).recalled(sheet()) is None  # on its way
    assert await printer(FakeWindows()).recalled(sheet()) is None  # gone: printed, or not


async def test_a_job_that_begins_while_it_is_taken_out_is_in_doubt() -> None:
    """Between the last look and the deletion; it must not be printed a second time."""
    windows = FakeWindows(statuses=[0x20] * 1000, once_deleted=0x10 | 0x4)
    with pytest.raises(DeviceRefused):
        await printed(windows, patience=0.3)
    assert "SetJobW" in windows.calls
    assert await printer(FakeWindows(statuses=[0x8], once_deleted=0x10 | 0x4)).recalled(sheet()) is None


def test_printers_are_listed() -> None:
    assert Spooler(FakeWindows().libraries()).printers() == ["label", "面单 2"]
    with pytest.raises(Failed):
        Spooler(FakeWindows(refuses="GetPrinterW").libraries()).printer("label")


def test_pictures_are_read_as_they_were_written() -> None:
    assert dots_of(PBM) == Bits(10, 2, PBM[-4:])
    assert dots_of(b"P4\n8 1\n\n") == Bits(8, 1, b"\n")  # a dot row that looks like a blank
    for wrong in (b"", b"P4", b"P5\n8 1\n\0", b"P4\n8 9\n\0", b"P4\n-8 1\n\0", b"P4\nx y\n\0"):
        with pytest.raises(ValueError, match="no PBM"):
            dots_of(wrong)
    about, rows = device_bitmap(Bits(33, 1, bytes(5)))
    assert (about.biSizeImage, len(rows)) == (8, 8)


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows its libraries are here: their absence is not tested")
def test_elsewhere_the_libraries_are_said_to_be_missing() -> None:
    with pytest.raises(OSError, match="not a Windows machine"):
        loaded()
