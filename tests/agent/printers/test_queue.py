"""Queues of a real CUPS and a real IPP printer: what reaches the device, and what is said of it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from miandan.agent.printers.ipp import queue as queues
from miandan.agent.printers.ipp.client import Client, Job, condition_of
from miandan.agent.printers.ipp.queue import QueuePrinter, cups_queues
from miandan.agent.printers.ipp.transport import NotReached, Post, Server, server_of
from miandan.agent.printers.model import (
    NOT_READY,
    NOT_TAKEN,
    UNREACHABLE,
    WITHDRAWN,
    DeviceRefused,
    Driver,
    MediaType,
    NothingSent,
    Outcome,
    State,
)
from miandan.labels.agent_link import Evidence
from miandan.labels.pdf import render_pdf
from tests.agent.ports import kept_port
from tests.agent.printers.devices_like import Hanging, Sink, listening
from tests.agent.printers.print_servers import IppPrinter, ipp_printer, loses_the_answer
from tests.agent.printers.sheets import LOADED, own, sheet
from tests.labels.public_judges import CUPSD, LPADMIN, Cups, needs, running_cups
from tests.labels.sheets import sheet as label

ZPL = b"^XA^FO0,0^GFA,8,8,1,FFFF\x00\x01\xff^FS^PQ1^XZ\n"
_FILTER = """#!/bin/sh
if test -e {folder}/paper-out; then
    echo "STATE: +media-empty-error" >&2
    while test -e {folder}/paper-out; do sleep 0.05; done
    echo "STATE: -media-empty-error" >&2
fi
shift 5
cat "$@"
"""
_PPD = """*PPD-Adobe: "4.3"
*FormatVersion: "4.3"
*FileVersion: "1"
*LanguageVersion: English
*LanguageEncoding: ISOLatin1
*PCFileName: "X.PPD"
*Product: "(x)"
*Manufacturer: "x"
*ModelName: "x"
*ShortNickName: "x"
*NickName: "x"
*PSVersion: "(3010.000) 0"
*cupsFilter: "application/octet-stream 0 {folder}/filter"
*cupsFilter: "application/vnd.cups-raw 0 {folder}/filter"
"""


@contextmanager
def cups_with_raw_queue(port: int) -> Iterator[Cups]:
    needs(CUPSD, LPADMIN)
    with running_cups() as cups:
        cups.run(LPADMIN, "-p", "label", "-E", "-v", f"socket://127.0.0.1:{port}/?snmp=false")
        yield cups


def server(cups: Cups) -> Server:
    return Server(socket=cups.folder / "socket")


def queue(cups: Cups, takes: MediaType = MediaType.RAW, patience: float = 60) -> QueuePrinter:
    path = "/printers/label"
    return QueuePrinter("bench", Driver.CUPS, takes, own(), LOADED, server(cups), path, patience)


async def printed(one: QueuePrinter, document: bytes = ZPL, number: int = 1) -> Outcome:
    return await one.print_sheet(sheet(number), document, one.takes)


async def jobs(cups: Cups) -> list[Job]:
    client = Client(Post(server(cups)))
    try:
        return [job for which in ("not-completed", "completed") for job in await client.jobs("/printers/label", which)]
    finally:
        await client.close()


def documents_kept(cups: Cups) -> list[Path]:
    return list((cups.folder / "spool").glob("d*"))


async def until(cups: Cups, one: QueuePrinter, says: State | str) -> None:
    """Wait for the queue to be in this state, or to say these words."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        condition = await one.condition()
        if says in (condition.state, *condition.detail.split()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never {says}: {cups.last_words()}")


async def two_jobs(cups: Cups) -> tuple[int, int]:
    """Wait for them; their ids in the order in which they came."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = sorted(job.job_id for job in await jobs(cups))
        if len(found) == 2:
            return found[0], found[1]
        await asyncio.sleep(0.02)
    raise AssertionError(f"never two jobs: {cups.last_words()}")


# a raw queue


async def test_a_raw_queue_hands_on_the_very_bytes_in_their_order() -> None:
    sink = Sink()
    async with listening(sink) as port:
        with cups_with_raw_queue(port) as cups:
            one = queue(cups)
            assert (await one.condition()).state is State.READY
            documents = [ZPL, ZPL * 2000, b"^XA^FDthird^FS^XZ\n"]
            outcomes = await asyncio.gather(*(printed(one, text, n) for n, text in enumerate(documents)))
            await one.close()
    assert bytes(sink.heard) == b"".join(documents)
    assert [(outcome.evidence, outcome.detail[:4]) for outcome in outcomes] == [(Evidence.SPOOLER, "job ")] * 3


async def test_cups_keeps_neither_the_document_nor_the_job() -> None:
    """Else a label would lie in its spool for a day."""
    sink = Sink()
    async with listening(sink) as port:
        with cups_with_raw_queue(port) as cups:
            one = queue(cups)
            await printed(one)
            assert await jobs(cups) == []
            assert documents_kept(cups) == []
            await one.close()


async def test_the_queues_of_a_server_are_listed() -> None:
    needs(CUPSD, LPADMIN)
    with running_cups() as cups:
        assert await cups_queues(server(cups)) == []
        cups.run(LPADMIN, "-p", "label", "-E", "-v", "socket://127.0.0.1:9/", "-D", "打包台")
        cups.run(LPADMIN, "-p", "other", "-v", "socket://127.0.0.1:9/")
        one, other = await cups_queues(server(cups))
    assert (one.name, one.info, one.accepts_jobs, one.condition.state) == ("label", "打包台", True, State.READY)
    assert one.device_uri == "socket://127.0.0.1:9/"
    assert (other.name, other.condition.state) == ("other", State.PAUSED)


async def test_a_printer_that_is_away_gets_its_sheet_when_it_is_back() -> None:
    """Takes five seconds: so long CUPS waits before it tries again. That it waits it says in words only."""
    sink = Sink()
    with kept_port() as port, cups_with_raw_queue(port) as cups:
        one = queue(cups)
        printing = asyncio.create_task(printed(one))
        await until(cups, one, "unavailable")
        assert not printing.done()
        async with listening(sink, port):
            assert (await printing).evidence is Evidence.SPOOLER
        await one.close()
    assert bytes(sink.heard) == ZPL


async def test_a_queue_that_is_stopped_gets_nothing() -> None:
    async with listening(Sink()) as port:
        with cups_with_raw_queue(port) as cups:
            one = queue(cups)
            cups.run("/usr/sbin/cupsdisable", "-r", "break", "label")
            assert (await one.condition()).state is State.PAUSED
            with pytest.raises(NothingSent) as nothing:
                await printed(one)
            assert nothing.value.code == NOT_READY
            assert "已暂停" in nothing.value.zh
            assert await jobs(cups) == []
            cups.run("/usr/sbin/cupsenable", "label")
            assert (await printed(one)).evidence is Evidence.SPOOLER
            await one.close()


async def test_a_queue_that_stops_in_the_sheet_leaves_it_in_doubt_and_nothing_comes_later() -> None:
    device = Hanging(takes=1)
    async with listening(device) as port:
        with cups_with_raw_queue(port) as cups:
            one = queue(cups, patience=5.0)  # the queue is stopped in that time
            printing = asyncio.create_task(printed(one, ZPL * 400_000))
            await until(cups, one, State.BUSY)
            cups.run("/usr/sbin/cupsdisable", "label")
            with pytest.raises(DeviceRefused) as refused:
                await printing
            assert "已暂停" in refused.value.zh
            assert [job.state for job in await jobs(cups) if job.state and not job.state.has_ended] == []
            assert documents_kept(cups) == []
            await one.close()
        device.goes_on.set()


async def test_a_queue_that_stops_and_goes_on_prints_the_sheet() -> None:
    device = Hanging(takes=1)
    async with listening(device) as port:
        with cups_with_raw_queue(port) as cups:
            one = queue(cups)
            printing = asyncio.create_task(printed(one, ZPL * 1000))
            await until(cups, one, State.BUSY)
            cups.run("/usr/sbin/cupsdisable", "label")
            await until(cups, one, State.PAUSED)
            assert not printing.done()
            device.goes_on.set()
            cups.run("/usr/sbin/cupsenable", "label")
            assert (await printing).evidence is Evidence.SPOOLER
            await one.close()
    assert bytes(device.heard).endswith(ZPL * 1000)  # CUPS began anew


async def test_a_job_that_somebody_cancels_before_it_is_printed_is_told_so() -> None:
    device = Hanging(takes=1)
    async with listening(device) as port:
        with cups_with_raw_queue(port) as cups:
            first, second = queue(cups), queue(cups)
            printing = asyncio.create_task(printed(first, ZPL * 400_000))
            await until(cups, first, State.BUSY)
            waiting = asyncio.create_task(printed(second, number=2))
            earlier, later = await two_jobs(cups)
            cups.run("cancel", f"label-{later}")
            with pytest.raises(NothingSent) as nothing:
                await waiting
            assert nothing.value.code == WITHDRAWN
            cups.run("cancel", f"label-{earlier}")
            with pytest.raises(DeviceRefused):
                await printing
            assert documents_kept(cups) == []
            await first.close()
            await second.close()
        device.goes_on.set()


async def test_a_printer_out_of_paper_is_shown_and_prints_after_a_refill(tmp_path: Path) -> None:
    sink = Sink()
    needs(CUPSD, LPADMIN)
    async with listening(sink) as port:
        with running_cups() as cups:
            (cups.folder / "filter").write_text(_FILTER.format(folder=cups.folder))
            (cups.folder / "filter").chmod(0o755)
            (cups.folder / "x.ppd").write_text(_PPD.format(folder=cups.folder))
            paper_out = cups.folder / "paper-out"
            paper_out.touch()
            address = f"socket://127.0.0.1:{port}/?snmp=false"
            cups.run(LPADMIN, "-p", "label", "-E", "-v", address, "-P", cups.folder / "x.ppd")
            one = QueuePrinter(
                "bench", Driver.IPP, MediaType.RAW, own(), LOADED, server(cups), "/printers/label", patience=60
            )
            printing = asyncio.create_task(printed(one))
            await until(cups, one, State.PAPER_OUT)
            assert not printing.done()
            paper_out.unlink()
            assert (await printing).evidence is Evidence.SPOOLER
            await one.close()
    assert bytes(sink.heard) == ZPL


async def test_the_answer_to_a_job_that_got_lost_prints_no_second_sheet() -> None:
    sink = Sink()
    async with listening(sink) as port:
        with cups_with_raw_queue(port) as cups:
            async with loses_the_answer(cups.folder / "socket", b"miandan 0199") as loses:
                one = QueuePrinter(
                    "bench", Driver.CUPS, MediaType.RAW, own(), LOADED, Server(f"localhost:{loses}"), "/printers/label"
                )
                outcome = await printed(one)
                await one.close()
    assert outcome.evidence is Evidence.SPOOLER
    assert bytes(sink.heard) == ZPL


async def test_after_a_kill_the_queue_tells_what_became_of_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent was killed while it watched; the sheet of another job is not known there."""
    monkeypatch.setattr(queues, "RECALL_SECONDS", 60.0)
    device = Hanging(takes=1)
    async with listening(device) as port:
        with cups_with_raw_queue(port) as cups:
            one, again = queue(cups), queue(cups)
            printing = asyncio.create_task(printed(one, ZPL * 1000))
            await until(cups, one, State.BUSY)
            printing.cancel()
            assert await again.recalled(sheet(2)) is None
            device.goes_on.set()
            outcome = await again.recalled(sheet(1))
            assert isinstance(outcome, Outcome)
            assert outcome.evidence is Evidence.SPOOLER
            await one.close()
            await again.close()
    assert bytes(device.heard) == ZPL * 1000


# a queue with a driver


async def test_a_pdf_goes_through_the_driver_of_a_queue() -> None:
    needs(CUPSD, LPADMIN, "/usr/lib/cups/filter/rastertolabel", "/usr/lib/cups/filter/gstoraster")
    pdf = BytesIO()
    render_pdf([label()], pdf)
    sink = Sink()
    async with listening(sink) as port:
        with running_cups() as cups:
            address = f"socket://127.0.0.1:{port}/?snmp=false"
            cups.run(LPADMIN, "-p", "label", "-E", "-m", "drv:///sample.drv/zebra.ppd", "-v", address)
            one = queue(cups, MediaType.PDF)
            outcome = await printed(one, pdf.getvalue())
            await one.close()
    assert outcome.evidence is Evidence.SPOOLER
    assert b"^XA" in sink.heard
    assert sink.heard.rstrip().endswith(b"^XZ")


# a printer that speaks IPP


async def ready(printer: IppPrinter, patience: float = 60) -> QueuePrinter:
    to, path = server_of(printer.uri)
    return QueuePrinter("bench", Driver.IPP, MediaType.PDF, own(), LOADED, to, path, patience)


async def test_an_ipp_printer_gets_the_very_pdf() -> None:
    pdf = BytesIO()
    render_pdf([label()], pdf)
    with ipp_printer() as printer:
        one = await ready(printer)
        assert (await one.condition()).state is State.READY
        outcome = await printed(one, pdf.getvalue())
        assert printer.documents() == [pdf.getvalue()]
        assert outcome.evidence is Evidence.SPOOLER
        recalled = await one.recalled(sheet())
        assert isinstance(recalled, Outcome)
        await one.close()


async def test_an_ipp_printer_out_of_paper_prints_after_a_refill() -> None:
    with ipp_printer() as printer:
        printer.paper_out.touch()
        one = await ready(printer)
        printing = asyncio.create_task(printed(one, b"%PDF-1.7\n"))
        async with asyncio.timeout(60):
            while (await one.condition()).state is not State.PAPER_OUT:  # noqa: ASYNC110  it has to be asked
                await asyncio.sleep(0.02)
        assert not printing.done()
        printer.paper_out.unlink()
        assert (await printing).evidence is Evidence.SPOOLER
        assert printer.documents() == [b"%PDF-1.7\n"]
        await one.close()


async def test_a_document_that_the_printer_does_not_know_is_not_sent() -> None:
    with ipp_printer() as printer:
        to, path = server_of(printer.uri)
        one = QueuePrinter("bench", Driver.IPP, MediaType.PNG, own(), LOADED, to, path)
        with pytest.raises(NothingSent) as nothing:
            await printed(one, b"\x89PNG")
        assert nothing.value.code == NOT_TAKEN
        assert printer.documents() == []
        await one.close()


# servers that are none


async def test_a_server_that_is_not_there_gets_nothing(tmp_path: Path) -> None:
    one = QueuePrinter(
        "bench", Driver.CUPS, MediaType.RAW, own(), LOADED, Server(socket=tmp_path / "none"), "/printers/label"
    )
    with pytest.raises(NothingSent) as nothing:
        await printed(one)
    assert nothing.value.code == UNREACHABLE
    assert (await one.condition()).state is State.OFFLINE
    assert await one.recalled(sheet()) is None
    with pytest.raises(NotReached):
        await cups_queues(Server(socket=tmp_path / "none"))
    await one.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_none_is_told_as_such(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    one = QueuePrinter("bench", Driver.IPP, MediaType.PDF, own(), LOADED, Server(f"localhost:{port}"), "/ipp/print")
    with pytest.raises(NothingSent):
        await printed(one, b"%PDF")
    assert (await one.condition()).state in (State.ERROR, State.OFFLINE)
    assert await one.recalled(sheet()) is None
    await one.close()
    listener.close()


@pytest.mark.parametrize(
    ("state", "reasons", "meaning"),
    [
        (3, ("none",), State.READY),
        (4, ("none",), State.BUSY),
        (3, ("marker-supply-low-report",), State.READY),
        (3, ("media-empty-report",), State.READY),
        (4, ("media-empty-error",), State.PAPER_OUT),
        (5, ("media-jam",), State.PAPER_JAM),
        (5, ("cover-open-warning", "paused"), State.LID_OPEN),
        (5, ("paused",), State.PAUSED),
        (5, (), State.PAUSED),
        (4, ("connecting-to-device",), State.BUSY),
        (3, ("offline-error",), State.OFFLINE),
        (3, ("cups-missing-filter-error",), State.ERROR),
        (None, (), State.UNKNOWN),
    ],
)
def test_the_words_of_a_queue(state: int | None, reasons: tuple[str, ...], meaning: State) -> None:
    assert condition_of(state, reasons).state is meaning


@pytest.mark.parametrize("uri", ["http://x/", "ipp:///x", "file:///etc/passwd", ""])
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="address"):
        server_of(uri)


def test_addresses() -> None:
    assert server_of("ipp://10.0.0.9/ipp/print") == (Server("10.0.0.9:631"), "/ipp/print")
    assert server_of("ipps://[::1]:8631/ipp/print") == (Server("[::1]:8631", secure=True), "/ipp/print")
