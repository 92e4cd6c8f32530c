"""Serial and USB printers. A pseudo-terminal stands in for the device: bytes, waits and hang-ups are real, its status
ioctl does not exist, so that one is checked by values from linux/lp.h."""

import asyncio
import fcntl
import os
import sys
import termios
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from miandan.agent.printers.devices import (
    LPGETSTATUS,
    Flow,
    Line,
    SerialPrinter,
    UsblpPrinter,
    read_port_status,
    set_line,
)
from miandan.agent.printers.direct import Patience
from miandan.agent.printers.model import (
    BROKEN,
    STALLED,
    UNREACHABLE,
    Broke,
    DeviceRefused,
    MediaType,
    NothingSent,
    Outcome,
    State,
)
from miandan.labels.agent_link import Evidence
from tests.agent.printers.devices_like import ByteStatus, Device, Sink, Zebra
from tests.agent.printers.sheets import LOADED, PATIENT, SILENT, own, sheet
from tests.agent.test_bench import until

ZPL = b"^XA^FO0,0^GFA,8,8,1,FFFF\x00\x03\x04\x11\x13\x1a\xff\r\n^FS^PQ1^XZ\n"
"""With the bytes that a terminal would take for orders."""


class _Writer:
    """The device's side of a line, as much of a StreamWriter as devices use."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def write(self, data: bytes) -> None:
        os.write(self._handle, data)

    def close(self) -> None:
        pass


@asynccontextmanager
async def line(device: Device | None) -> AsyncIterator[tuple[Path, int]]:
    """A serial line with a device at its far end, or nobody who reads; its name here, and the far end."""
    far, near = os.openpty()
    tty.setraw(near)
    name = Path(os.ttyname(near))
    served = None
    transport = None
    if device is not None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(far), "rb", 0)
        )
        served = loop.create_task(device.serve(reader, cast(asyncio.StreamWriter, _Writer(far))))
    try:
        yield name, far
    finally:
        if served is not None and transport is not None:
            served.cancel()
            transport.close()
        os.close(near)
        os.close(far)


def serial(
    device: Path, profile: str = "zpl-203", patience: Patience = PATIENT, flow: Flow = Flow.NONE
) -> SerialPrinter:
    return SerialPrinter("bench", own(profile), LOADED, device, Line(115_200, flow), patience)


async def printed(one: SerialPrinter | UsblpPrinter, document: bytes = ZPL) -> Outcome:
    return await one.print_sheet(sheet(), document, MediaType.RAW)


async def test_a_serial_printer_gets_every_byte_and_tells_that_it_is_out() -> None:
    zebra = Zebra()
    async with line(zebra) as (name, _):
        outcome = await printed(serial(name))
    assert outcome.evidence is Evidence.DEVICE
    assert zebra.out == [ZPL]


async def test_a_serial_printer_of_another_language_too() -> None:
    device = ByteStatus(b"\x1b!?", b"PRINT 1,1\r\n")
    async with line(device) as (name, _):
        one = serial(name, "tspl-203")
        assert (await one.condition()).state is State.READY
        assert (await printed(one, b"CLS\r\nPRINT 1,1\r\n")).evidence is Evidence.DEVICE
    assert device.out == [b"CLS\r\nPRINT 1,1\r\n"]


@pytest.mark.parametrize("size", [10, 300_000])
async def test_one_that_is_silent_gets_the_bytes(size: int) -> None:
    """300,000 are more than a line holds, so that it has to wait."""
    sink, document = Sink(), b"^XA" + b"F" * size + b"^XZ\n"
    async with line(sink) as (name, _):
        outcome = await printed(UsblpPrinter("bench", own(), LOADED, name, SILENT), document)
        await until(lambda: len(sink.heard) >= len(document))
    assert outcome.evidence is Evidence.SENT_ONLY
    assert bytes(sink.heard) == document


async def test_a_port_that_says_paper_out_behind_the_sheet_leaves_it_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's answer is imitated: 0x18 is ready, 0x38 paper out."""
    ioctl, before_the_sheet = fcntl.ioctl, iter([0x18])

    def asked(handle: int, request: int, given: bytes) -> bytes:
        if request != LPGETSTATUS:
            return bytes(ioctl(handle, request, given))
        return next(before_the_sheet, 0x38).to_bytes(4, sys.byteorder)

    async with line(Sink()) as (name, _):
        monkeypatch.setattr(fcntl, "ioctl", asked)
        with pytest.raises(DeviceRefused):
            await printed(UsblpPrinter("bench", own(), LOADED, name, SILENT))


async def test_a_device_that_takes_no_more_bytes_is_stuck() -> None:
    async with line(None) as (name, _):
        with pytest.raises(Broke) as broke:
            await printed(serial(name, patience=replace(SILENT, stalled=0.3)), b"F" * 300_000)
    assert broke.value.code == STALLED


async def test_a_device_that_is_unplugged_in_the_sheet_leaves_it_in_doubt() -> None:
    far, near = os.openpty()
    tty.setraw(near)
    name = Path(os.ttyname(near))
    printing = asyncio.create_task(printed(serial(name, patience=SILENT), b"F" * 300_000))
    await asyncio.to_thread(os.read, far, 1)
    os.close(near)
    os.close(far)
    with pytest.raises(Broke) as broke:
        await printing
    assert broke.value.code == BROKEN


async def test_a_device_that_is_not_there_gets_nothing(tmp_path: Path) -> None:
    one = serial(tmp_path / "ttyUSB9")
    with pytest.raises(NothingSent) as nothing:
        await printed(one)
    assert nothing.value.code == UNREACHABLE
    assert (await one.condition()).state is State.OFFLINE


async def test_a_file_that_is_no_serial_line_gets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("kept")
    with pytest.raises(NothingSent):
        await printed(serial(file))
    assert file.read_text() == "kept"


@pytest.mark.parametrize("flow", list(Flow))
def test_a_line_is_set_to_pass_every_byte(flow: Flow) -> None:
    far, near = os.openpty()
    try:
        set_line(near, Line(19_200, flow))
        iflag, oflag, cflag, lflag, speed, _, _ = termios.tcgetattr(near)
        assert (oflag, lflag) == (0, 0)
        assert bool(iflag & termios.IXON) is (flow is Flow.XONXOFF)
        assert not iflag & (termios.ICRNL | termios.INLCR | termios.ISTRIP)
        assert bool(cflag & termios.CRTSCTS) is (flow is Flow.RTSCTS)
        assert cflag & termios.CSIZE == termios.CS8
        assert speed == termios.B19200
    finally:
        os.close(near)
        os.close(far)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0x18, State.READY),
        (0x90, State.ERROR),
        (0x38, State.PAPER_OUT),
        (0x30, State.PAPER_OUT),
        (0x08, State.OFFLINE),
        (0x10, State.ERROR),
    ],
)
def test_the_status_of_the_port(status: int, state: State) -> None:
    assert read_port_status(status).state is state
