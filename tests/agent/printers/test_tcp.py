"""Printers on a TCP port, as they answer and as they fail."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from miandan.agent.printers import tcp
from miandan.agent.printers.direct import Patience
from miandan.agent.printers.model import (
    BROKEN,
    IN_TROUBLE,
    NOT_READY,
    STALLED,
    UNREACHABLE,
    Broke,
    DeviceRefused,
    MediaType,
    NothingSent,
    Outcome,
    State,
)
from miandan.agent.printers.tcp import TcpPrinter
from miandan.labels.agent_link import Evidence
from tests.agent.ports import kept_port
from tests.agent.printers.devices_like import (
    ByteStatus,
    Clinging,
    Closing,
    Hanging,
    Moody,
    Receipt,
    Sink,
    Zebra,
    listening,
)
from tests.agent.printers.sheets import LOADED, PATIENT, SILENT, own, sheet

ZPL = b"^XA^FO0,0^GFA,8,8,1,FFFF^FS^PQ1^XZ\n"
LARGE = b"^XA" + b"F" * 20_000_000 + b"^XZ\n"
"""More than two systems hold for each other."""


@pytest.fixture(autouse=True)
def _waits_for_the_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices here close their side when they have read everything, but for one."""
    monkeypatch.setattr(tcp, "_FAREWELL", 60.0)


def printer(port: int, profile: str = "zpl-203", patience: Patience = PATIENT) -> TcpPrinter:
    return TcpPrinter("bench", own(profile), LOADED, "127.0.0.1", port, patience)


async def printed(one: TcpPrinter, document: bytes = ZPL, number: int = 1) -> Outcome:
    return await one.print_sheet(sheet(number), document, MediaType.RAW)


# what it says


async def test_a_zebra_that_is_ready_with_nothing_queued_has_printed() -> None:
    zebra = Zebra()
    async with listening(zebra) as port:
        outcome = await printed(printer(port))
        assert outcome.evidence is Evidence.DEVICE
        assert zebra.out == [ZPL]  # it was on paper when the driver said so


async def test_sheets_reach_the_printer_one_by_one_in_their_order() -> None:
    zebra = Zebra(seconds=0.02)
    async with listening(zebra) as port:
        one = printer(port)
        documents = [b"^XA^FDn%d^FS^XZ\n" % n for n in range(5)]
        await asyncio.gather(*(printed(one, document, n) for n, document in enumerate(documents)))
        assert zebra.out == documents
        assert zebra.connections == 5


@pytest.mark.parametrize(
    ("profile", "device", "document"),
    [
        ("tspl-203", ByteStatus(b"\x1b!?", b"PRINT 1,1\r\n"), b"SIZE 76 mm,130 mm\r\nCLS\r\nPRINT 1,1\r\n"),
        ("cpcl-203", ByteStatus(b"\x1bh", b"PRINT\r\n", busy=1), b"! 0 200 200 8 1\r\nPRINT\r\n"),
        ("escpos-203", Receipt(), b"\x1b@\x1dv0\0\x01\0\x01\0\xff\x0c"),
    ],
)
async def test_the_other_languages_tell_it_too(profile: str, device: ByteStatus | Receipt, document: bytes) -> None:
    async with listening(device) as port:
        outcome = await printed(printer(port, profile), document)
        assert outcome.evidence is Evidence.DEVICE
        assert [one.strip(b"\0") for one in device.out] == [document]


async def test_a_tspl_printer_that_was_never_seen_printing_proves_nothing() -> None:
    device = ByteStatus(b"\x1b!?", b"PRINT 1,1\r\n", says_busy=False)
    async with listening(device) as port:
        outcome = await printed(printer(port, "tspl-203", replace(PATIENT, unseen=0.2)), b"CLS\r\nPRINT 1,1\r\n")
    assert outcome.evidence is Evidence.SENT_ONLY


async def test_a_receipt_printer_that_never_answers_behind_the_sheet_proves_nothing() -> None:
    async with listening(Receipt(answers_in_turn=False)) as port:
        outcome = await printed(printer(port, "escpos-203", replace(PATIENT, printing=1.0)), b"\x1b@\x0c")
    assert outcome == Outcome(Evidence.SENT_ONLY, "still printing")


async def test_a_printer_that_says_nothing_gets_the_bytes_and_is_asked_once() -> None:
    sink = Sink()
    async with listening(sink) as port:
        one = printer(port, patience=replace(PATIENT, answer=0.3))
        assert (await printed(one)).evidence is Evidence.SENT_ONLY
        assert (await printed(one, number=2)).evidence is Evidence.SENT_ONLY
        assert (await one.condition()).state is State.UNKNOWN
        assert bytes(sink.heard) == b"~HS" + ZPL + ZPL
        assert sink.ended == 2  # each sheet was ended in peace, not by a reset


async def test_a_printer_that_never_closes_its_side_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "_FAREWELL", 0.3)
    sink = Clinging()
    async with listening(sink) as port, asyncio.timeout(60):
        assert (await printed(printer(port, patience=SILENT))).evidence is Evidence.SENT_ONLY
        assert bytes(sink.heard) == ZPL


async def test_one_that_was_silent_is_asked_again_once_it_was_away_or_broke_a_sheet() -> None:
    with kept_port() as port:
        one = printer(port, patience=replace(PATIENT, answer=3.0))
        async with listening(Sink(), port):
            assert (await one.condition()).state is State.UNKNOWN
        assert (await one.condition()).state is State.OFFLINE
        async with listening(Zebra(), port):
            assert (await one.condition()).state is State.READY
        async with listening(Moody(breaks=1), port):
            with pytest.raises(Broke):
                await printed(one, LARGE)
            assert (await one.condition()).state is State.READY


async def test_one_that_is_not_to_be_asked_is_not() -> None:
    sink = Sink()
    async with listening(sink) as port:
        assert (await printed(printer(port, patience=SILENT))).evidence is Evidence.SENT_ONLY
        assert bytes(sink.heard) == ZPL


async def test_a_slow_answer_is_waited_for_and_a_very_slow_one_is_no_answer() -> None:
    async with listening(Zebra(slow=0.1)) as port:
        assert (await printed(printer(port))).evidence is Evidence.DEVICE
    zebra = Zebra(slow=0.5)
    async with listening(zebra) as port:
        assert (await printed(printer(port, patience=replace(PATIENT, answer=0.3)))).evidence is Evidence.SENT_ONLY
        async with asyncio.timeout(60):
            while not zebra.out:  # noqa: ASYNC110  the device knows nobody
                await asyncio.sleep(0.01)
        assert zebra.out == [ZPL]


# what is wrong


async def test_a_printer_that_is_not_there_gets_nothing_and_is_offline() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        one = printer(taken.getsockname()[1])
        with pytest.raises(NothingSent) as nothing:
            await printed(one)
        assert nothing.value.code == UNREACHABLE
        assert (await one.condition()).state is State.OFFLINE


async def test_one_that_goes_away_and_comes_back_prints_again() -> None:
    zebra = Zebra()
    with kept_port() as port:
        one = printer(port)
        async with listening(zebra, port):
            await printed(one)
        with pytest.raises(NothingSent):
            await printed(one, number=2)
        async with listening(zebra, port):
            assert (await one.condition()).state is State.READY
            assert (await printed(one, number=2)).evidence is Evidence.DEVICE
    assert zebra.out == [ZPL, ZPL]


@pytest.mark.parametrize(
    ("zebra", "state"),
    [
        (Zebra(paper_out=True), State.PAPER_OUT),
        (Zebra(head_up=True), State.LID_OPEN),
        (Zebra(paused=True), State.PAUSED),
    ],
)
async def test_a_printer_that_cannot_print_gets_nothing(zebra: Zebra, state: State) -> None:
    async with listening(zebra) as port:
        with pytest.raises(NothingSent) as nothing:
            await printed(printer(port))
        assert nothing.value.code == NOT_READY
        assert state.zh in nothing.value.zh
    assert zebra.out == []
    assert zebra.buffer == b""


async def test_why_a_printer_is_paused_is_asked_too() -> None:
    async with listening(Zebra(paused=True)) as port:
        condition = await printer(port).condition()
    assert condition.state is State.ERROR  # the cutter, as ~HQES says
    assert "00000008" in condition.detail


async def test_paper_that_ends_in_the_sheet_is_shown_and_a_refill_prints_it() -> None:
    """A Zebra prints the label again by itself when the paper is back, and counts it until then."""
    zebra = Zebra(out_of_paper_after=10)
    async with listening(zebra) as port:
        one = printer(port)
        printing = asyncio.create_task(printed(one))
        async with asyncio.timeout(60):
            while (await one.condition()).state is not State.PAPER_OUT:  # noqa: ASYNC110  it has to be asked
                await asyncio.sleep(0.01)
        assert not printing.done()
        zebra.out_of_paper_after, zebra.paper_out = 10**9, False
        assert (await printing).evidence is Evidence.DEVICE
    assert zebra.out == [ZPL]


async def test_paper_that_is_not_refilled_leaves_the_sheet_in_doubt() -> None:
    async with listening(Zebra(out_of_paper_after=10)) as port:
        with pytest.raises(DeviceRefused) as refused:
            await printed(printer(port, patience=replace(PATIENT, stalled=0.4)))
    assert refused.value.code == IN_TROUBLE
    assert "缺纸" in refused.value.zh


async def test_a_printer_that_does_not_count_leaves_the_sheet_in_doubt_at_once() -> None:
    device = ByteStatus(b"\x1b!?", b"PRINT 1,1\r\n", trouble_after_sheet=0x01)
    async with listening(device) as port:
        with pytest.raises(DeviceRefused) as refused:
            await printed(printer(port, "tspl-203"), b"CLS\r\nPRINT 1,1\r\n")
    assert "开盖" in refused.value.zh


async def test_a_cover_that_opens_while_the_fence_is_waited_for_is_told() -> None:
    async with listening(Receipt(opens_in_the_sheet=True)) as port:
        with pytest.raises(DeviceRefused) as refused:
            await printed(printer(port, "escpos-203"), b"\x1b@\x0c")
    assert "开盖" in refused.value.zh


async def test_a_printer_that_takes_no_more_bytes_is_stuck_and_the_rest_never_comes_out() -> None:
    device = Hanging()
    async with listening(device) as port:
        with pytest.raises(Broke) as broke:
            await printed(printer(port, patience=replace(SILENT, stalled=0.3)), LARGE)
        assert broke.value.code == STALLED
        device.goes_on.set()
        await asyncio.sleep(0.1)
        assert len(device.heard) < len(LARGE)


async def test_a_printer_that_rests_and_goes_on_gets_everything() -> None:
    device = Hanging(takes=1000)
    async with listening(device) as port:
        printing = asyncio.create_task(printed(printer(port, patience=SILENT), LARGE))
        await asyncio.sleep(0.2)
        assert not printing.done()
        device.goes_on.set()
        assert (await printing).evidence is Evidence.SENT_ONLY
    assert bytes(device.heard) == LARGE


@pytest.mark.parametrize("takes", [1, 100_000])
async def test_a_printer_that_closes_in_the_sheet_leaves_it_in_doubt(takes: int) -> None:
    async with listening(Closing(takes)) as port:
        with pytest.raises(Broke) as broke:
            await printed(printer(port, patience=SILENT), LARGE)
    assert broke.value.code == BROKEN


async def test_a_small_sheet_that_the_printer_throws_away_unread_is_in_doubt() -> None:
    """Its system had confirmed every byte, and resets the connection because nobody read them."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as device:
        device.setblocking(False)
        printing = asyncio.create_task(printed(printer(device.getsockname()[1], patience=SILENT)))
        line, _ = await loop.sock_accept(device)
        assert await loop.sock_recv(line, 3) == b"^XA"
        line.close()
        with pytest.raises(Broke) as broke:
            await printing
    assert broke.value.code == BROKEN


async def test_a_printer_that_closes_at_once_gets_nothing() -> None:
    """It is asked first, so the close is seen before the sheet."""
    async with listening(Closing(0)) as port:
        with pytest.raises(NothingSent):
            await printed(printer(port))


async def test_a_connection_that_is_reset_as_soon_as_it_stands_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket is closed already when it is to be set up."""
    made = asyncio.BaseEventLoop.create_connection

    async def reset(*given: Any, **more: Any) -> Any:
        transport, wire = await made(*given, **more)
        transport.abort()
        await asyncio.sleep(0.05)
        return transport, wire

    async with listening(Sink()) as port:
        monkeypatch.setattr(type(asyncio.get_running_loop()), "create_connection", reset, raising=False)
        one = printer(port)
        with pytest.raises(NothingSent) as nothing:
            await printed(one)
        assert nothing.value.code == UNREACHABLE
        assert (await one.condition()).state is State.OFFLINE


async def test_whoever_stops_waiting_leaves_no_half_sheet_to_come_later() -> None:
    device = Hanging()
    async with listening(device) as port:
        one = printer(port, patience=SILENT)
        printing = asyncio.create_task(printed(one, LARGE))
        await asyncio.sleep(0.1)
        printing.cancel()
        with suppress(asyncio.CancelledError):
            await printing
        assert not one.is_printing
