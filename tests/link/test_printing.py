"""Sheets on their way from a job to paper, over a real server and real agents."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from miandan.agent.folder import Folder
from miandan.agent.pairing import pair
from miandan.agent.printers.direct import USUAL
from miandan.agent.printers.model import Printer
from miandan.agent.printers.tcp import TcpPrinter
from miandan.kernel.settings import Settings
from miandan.labels.printers.profiles import profile
from miandan.link.door import AgentDoor
from miandan.printing import jobs
from miandan.printing.job_model import JobAsk
from miandan.printing.model import AgentOwner, OwnerKind
from miandan.printing.pairing import make_pairing_code
from miandan.printing.printers import benches_for
from miandan.server.front import Front
from miandan.server.house import open_hall
from miandan.server.serving import listen, open_socket
from tests.link.depot import (
    BY,
    PAPER,
    PLANTED,
    Cable,
    Depots,
    connected,
    folder_printer,
    paper,
    reopened,
    until,
    working,
)
from tests.served import served
from tests.waybills.world import MERCHANT


def _everything(caller: socket.socket) -> bytes:
    try:
        with caller, caller.makefile("rb") as stream:
            return stream.read()
    except ConnectionResetError:  # somebody only looked whether we are there
        return b""


SILENT = replace(USUAL, asks_after=float("inf"))
"""A printer that is not asked how it is."""


def _is_beyond(path: Path, count: int) -> bool:
    return len(paper(path)) > count


@contextmanager
def sink() -> Iterator[tuple[int, list[bytes]]]:
    """A raw port that takes everything; a document for each connection."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                heard.append(_everything(caller))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        listener.join(60)  # it may be reading the last one still


async def test_fifty_sheets_come_out_once_each_and_in_their_order(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
            await connected(agent, depot.db)
            numbers = await depot.numbers(50)
            await depot.job(numbers, paired.agent_id)
            assert await depot.all_in("printed") == {"printed": 50}
            await until(lambda: not agent.journal.open_sheets)
        assert paper(tmp_path / "paper") == [one.number for one in numbers]


async def test_printers_work_side_by_side_each_in_its_own_order(depots: Depots, tmp_path: Path) -> None:
    names = ["一号", "二号", "三号"]
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        printers = [folder_printer(tmp_path / name, name) for name in names]
        async with working(tmp_path / "agent", printers, paired) as agent:
            await connected(agent, depot.db)
            given = {name: await depot.numbers(20) for name in names}
            for name in names:
                await depot.job(given[name], paired.agent_id, name)
            await depot.all_in("printed")
        for name in names:
            assert paper(tmp_path / name) == [one.number for one in given[name]]


async def test_the_merchant_sees_the_printers_as_they_are(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        (tmp_path / "away").write_text("a file where the printer wants a folder")
        printers = [folder_printer(tmp_path / "paper"), folder_printer(tmp_path / "away", "二号")]
        async with working(tmp_path / "agent", printers, paired) as agent:
            await connected(agent, depot.db)
            await until(lambda: agent.benches["二号"].condition.state == "offline")
            async with asyncio.timeout(60):
                while True:
                    [bench] = await benches_for(depot.db, depot.merchant_id)
                    shown = {
                        one.name: (one.driver, one.profile, one.dpi, one.width_um, one.state) for one in bench.printers
                    }
                    if shown["二号"][-1] == "offline":
                        break
                    await asyncio.sleep(0.01)
            assert bench.is_online
            assert shown["一号"] == ("folder", "zpl-203", 203, 76_000, "ready")


@pytest.mark.parametrize("cuts", [1, 4])
async def test_a_link_that_is_cut_in_the_middle_of_a_job_costs_no_sheet_and_doubles_none(
    depots: Depots, tmp_path: Path, cuts: int
) -> None:
    async with depots() as depot, Cable(depot.running.url) as cable:
        paired = await depot.paired(tmp_path / "agent", cable.url)
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
            await connected(agent, depot.db)
            numbers = await depot.numbers(60)
            await depot.job(numbers, paired.agent_id)
            for cut in range(1, cuts + 1):
                await until(partial(_is_beyond, tmp_path / "paper", 8 * cut))
                cable.cut()
            assert await depot.all_in("printed") == {"printed": 60}
            assert agent.link.connects > 1
        assert paper(tmp_path / "paper") == [one.number for one in numbers]


async def test_a_server_that_is_started_again_goes_on_where_it_was(
    depots: Depots, sandbox_of_links: Settings, tmp_path: Path
) -> None:
    async with depots() as depot:
        async with Cable(depot.running.url) as cable:
            paired = await depot.paired(tmp_path / "agent", cable.url)
            async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
                await connected(agent, depot.db)
                numbers = await depot.numbers(60)
                await depot.job(numbers, paired.agent_id)
                await until(lambda: len(paper(tmp_path / "paper")) > 10)
                depot.running.stop.set()
                await until(lambda: agent.link.state != "connected")
                async with served(sandbox_of_links) as again:
                    cable.target = int(again.url.rpartition(":")[2])
                    assert await reopened(depot, again).all_in("printed") == {"printed": 60}
        assert paper(tmp_path / "paper") == [one.number for one in numbers]


async def test_what_was_not_printed_when_the_agent_was_stopped_is_printed_by_the_next_one(
    depots: Depots, tmp_path: Path
) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        numbers = await depot.numbers(40)
        first: list[str] = []
        for run in range(2):
            async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
                await connected(agent, depot.db)
                if not run:
                    await depot.job(numbers, paired.agent_id)
                    await until(lambda: len(paper(tmp_path / "paper")) > 5)
                else:
                    await depot.all_in("printed")
            first = first or paper(tmp_path / "paper")
        assert 5 < len(first) < 40
        assert paper(tmp_path / "paper") == [one.number for one in numbers]


async def test_sheets_that_wait_for_a_printer_can_be_taken_back(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        away = tmp_path / "paper"
        away.write_text("a file where the printer wants a folder")
        async with working(tmp_path / "agent", [folder_printer(away)], paired) as agent:
            await connected(agent, depot.db)
            job = await depot.job(await depot.numbers(20), paired.agent_id)
            await until(lambda: agent.benches["一号"].waiting)
            await jobs.cancel_rest(depot.running.hall.printing, depot.merchant_id, job.job_id, BY)
            assert await depot.all_in("cancelled") == {"cancelled": 20}
            assert not agent.benches["一号"].waiting
            away.unlink()
            numbers = await depot.numbers(3)
            await depot.job(numbers, paired.agent_id)
            await depot.all_in("cancelled", "printed")
            assert paper(away) == [one.number for one in numbers]


async def test_a_sheet_that_cannot_be_drawn_is_failed_with_its_code_and_the_printer_goes_on(
    depots: Depots, tmp_path: Path
) -> None:
    with sink() as (port, heard):
        async with depots() as depot:
            paired = await depot.paired(tmp_path / "agent")
            narrow: Printer = TcpPrinter("一号", replace(profile("zpl-203"), width_um=90_000), PAPER, "127.0.0.1", port)
            async with working(tmp_path / "agent", [narrow], paired) as agent:
                await connected(agent, depot.db)
                wide, fitting = await depot.numbers(1), await depot.numbers(1)
                desk = depot.running.hall.printing
                target = (await depot.job(fitting, paired.agent_id)).target
                ask = JobAsk(depot.merchant_id, target, wide, BY, template="zto-100x180")
                assert (await jobs.create_job(desk, ask)).job is not None
                await depot.all_in("printed", "failed")
                rows = await depot.running.hall.db.fetch(
                    "SELECT number, state, reason, evidence FROM print_sheet WHERE merchant_id = $1", depot.merchant_id
                )
                by_number = {row["number"]: (row["state"], row["reason"]) for row in rows}
                assert by_number[wide[0].number] == ("failed", "labels.sheet_too_large")
                assert by_number[fitting[0].number][0] == "printed"
                assert any("labels.sheet_too_large" in line for line in agent.log.errors)
    [document] = filter(None, heard)
    assert b"^XA" in document


async def test_another_process_queues_a_job_and_it_is_found(
    depots: Depots, sandbox_of_links: Settings, tmp_path: Path
) -> None:
    async with depots() as depot, served(sandbox_of_links) as other:
        paired = await depot.paired(tmp_path / "agent")
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
            await connected(agent, depot.db)
            numbers = await depot.numbers(1)
            await reopened(depot, other).job(numbers, paired.agent_id)
            await until(lambda: paper(tmp_path / "paper"))  # no bell rings here: it is found by looking, or never


async def test_nobody_is_found_on_the_agents_disk_after_a_run(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        paired = await depot.paired(tmp_path / "agent")
        printer = folder_printer(tmp_path / "paper")
        spool = Folder(tmp_path / "agent").spool
        spool.mkdir()
        (spool / "left-by-a-kill.prn").write_text(PLANTED.name)
        async with working(tmp_path / "agent", [printer], paired) as agent:
            await connected(agent, depot.db)
            assert list(spool.iterdir()) == []
            await depot.job(await depot.numbers(10), paired.agent_id)
            await depot.all_in("printed")
        files = [file for file in (tmp_path / "agent").rglob("*") if file.is_file()]
        assert {file.name for file in files} >= {"journal.jsonl", "agent.log", "status.json", "config.json"}
        content = b"".join(file.read_bytes() for file in files)
        assert str(depot.merchant_id).encode() in content  # the search finds what is there
        shown = (PLANTED.name, PLANTED.phone, "赵周路", "909 室", "19087654321", "****", "钱")
        assert [text for text in shown if text.encode() in content] == []
        # the last digits by themselves: times, numbers and keys hold any four digits now and then
        assert re.findall(rb"(?<![\w.-])" + PLANTED.phone[-4:].encode() + rb"(?![\w-])", content) == []


async def test_a_page_that_the_server_asks_for_comes_out(sandbox_of_links: Settings, tmp_path: Path) -> None:
    async with open_hall(sandbox_of_links) as hall:
        door, stop, listening = AgentDoor(hall.printing), asyncio.Event(), open_socket("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = asyncio.create_task(listen(Front({"agent": door}, {}), [listening], [], stop))
        code = (await make_pairing_code(hall.db, AgentOwner(OwnerKind.MERCHANT, MERCHANT), BY)).text
        paired = await asyncio.to_thread(pair, Folder(tmp_path / "agent"), url, code)
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper")], paired) as agent:
            await connected(agent, hall.db)
            assert await door.test(UUID(paired.agent_id), "一号", "calibration")
            assert await door.test(UUID(paired.agent_id), "没有")
            assert not await door.test(UUID(int=1), "一号")
            await until(lambda: list((tmp_path / "paper").glob("[!.]*.png")))
            await until(lambda: any("agent.printer_unknown" in line for line in agent.log.errors))
        stop.set()
        await server
