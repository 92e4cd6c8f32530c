"""Agents that are killed at each point and at any moment: no sheet comes out twice unsaid, and none is lost."""

import asyncio
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from miandan.agent import link
from miandan.agent.folder import Folder, Paired
from miandan.agent.journal import Journal, Slip, open_journal
from miandan.agent.keys import agent_keys
from miandan.agent.printers.model import MediaType
from miandan.kernel.settings import Settings
from miandan.labels import agent_link as wire
from miandan.labels.agent_link import Evidence, Outcome
from tests.agent.ports import kept_port
from tests.agent.test_commands import MIANDAN, environment
from tests.link.depot import Cable, Depot, Depots, connected, folder_printer, paper, until, working
from tests.link.test_hello import calling

PRINTER = "一号"


async def given(depot: Depot, folder: Folder, paired: Paired, journal: Journal) -> list[Slip]:
    """Three sheets that an agent has got, and was killed then; what it said until then it may say in `journal`."""
    async with calling(depot.running.url) as caller:
        await caller.say(wire.say_hello(agent_keys(folder.keys).signing, paired.agent_id, await caller.nonce()))
        await caller.hear()
        await caller.say(wire.Holding(), wire.Printers((wire.PrinterSaid(PRINTER),)), wire.Room(PRINTER, 3))
        await depot.job(await depot.numbers(3), paired.agent_id)
        sheets = [await caller.hear() for _ in range(3)]
    slips = [Slip(one.sheet_id, one.printer, one.copy, one.job_id, one.place, one.number) for one in sheets]
    for slip in slips:
        journal.got(slip)
    return slips


async def reasons(depot: Depot) -> dict[str, tuple[str, int]]:
    """How each sheet stands, and which copy its label says."""
    rows = await depot.running.hall.db.fetch(
        "SELECT number, state, copy FROM print_sheet WHERE merchant_id = $1", depot.merchant_id
    )
    return {row["number"]: (row["state"], row["copy"]) for row in rows}


@pytest.mark.parametrize("told", [False, True], ids=["the server knows nothing", "the server knows that it began"])
@pytest.mark.parametrize("point", ["got", "begun", "on paper", "ended"])
async def test_what_a_killed_agent_had_done_is_told_by_the_next_one(
    depots: Depots, tmp_path: Path, point: str, told: bool
) -> None:
    async with depots() as depot:
        folder = Folder(tmp_path / "agent")
        paired = await depot.paired(folder.path)
        journal = open_journal(folder.journal)
        journal.start()
        first, *others = await given(depot, folder, paired, journal)
        (tmp_path / "paper").mkdir()  # as it lies where a printer has been at work
        printer = folder_printer(tmp_path / "paper", PRINTER)
        if point != "got":
            await journal.begun(first)
        if point in ("on paper", "ended"):
            await printer.print_sheet(first, b"the paper", MediaType.PNG)
        if point == "ended":
            journal.end(first, Outcome.PRINTED, Evidence.DEVICE)
        if told and point != "got":
            await say_begun(depot, folder, paired, first, [one.sheet_id for one in (first, *others)])
        await journal.close()

        async with working(folder.path, [printer], paired) as agent:
            await connected(agent, depot.db)
            await depot.all_in("printed")
            await until(lambda: not agent.journal.open_sheets)
        stands = await reasons(depot)
        counted = Counter(paper(tmp_path / "paper"))
        assert {state for state, _ in stands.values()} == {"printed"}
        assert {copy for _, copy in stands.values()} == {1}
        assert counted == dict.fromkeys(stands, 1)


async def say_begun(depot: Depot, folder: Folder, paired: Paired, slip: Slip, held: list[str]) -> None:
    async with calling(depot.running.url) as caller:
        await caller.say(wire.say_hello(agent_keys(folder.keys).signing, paired.agent_id, await caller.nonce()))
        await caller.hear()
        await caller.say(wire.Holding(tuple(held)), wire.Begun(slip.sheet_id))
        async with asyncio.timeout(60):
            while True:
                if (await depot.states())["sent"] == 1:
                    break
                await asyncio.sleep(0.01)


async def test_a_sheet_that_never_arrived_is_given_out_again(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        folder = Folder(tmp_path / "agent")
        paired = await depot.paired(folder.path)
        journal = open_journal(tmp_path / "another.jsonl")  # what the killed agent had got is on no disk
        journal.start()
        await given(depot, folder, paired, journal)
        await journal.close()
        assert await depot.states() == {"leased": 3}
        async with working(folder.path, [folder_printer(tmp_path / "paper", PRINTER)], paired) as agent:
            await connected(agent, depot.db)
            assert await depot.all_in("printed") == {"printed": 3}
        assert len(paper(tmp_path / "paper")) == 3


async def test_an_agent_that_lost_its_journal_leaves_what_it_had_begun_in_doubt(depots: Depots, tmp_path: Path) -> None:
    async with depots() as depot:
        folder = Folder(tmp_path / "agent")
        paired = await depot.paired(folder.path)
        journal = open_journal(tmp_path / "another.jsonl")
        journal.start()
        first, *_ = await given(depot, folder, paired, journal)
        await say_begun(depot, folder, paired, first, [entry.slip.sheet_id for entry in journal.open_sheets])
        await journal.close()
        async with working(folder.path, [folder_printer(tmp_path / "paper", PRINTER)], paired) as agent:
            await connected(agent, depot.db)
            assert await depot.all_in("printed", "doubtful") == {"printed": 2, "doubtful": 1}
        assert first.number not in paper(tmp_path / "paper")


@contextmanager
def agent_program(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    program = subprocess.Popen([*MIANDAN, "agent", "run"], env=environment(path), stderr=subprocess.DEVNULL)
    try:
        yield program
    finally:
        program.kill()
        program.wait(30)


PER_KILL = 40  # sheets to a kill, so that some are always under way


@pytest.mark.parametrize(
    ("seed", "kills"),
    [(1, 20), pytest.param(3, 240, marks=pytest.mark.prove)],
    ids=["20 kills", "240 kills"],
)
async def test_an_agent_that_is_killed_at_any_moment_prints_no_sheet_twice_and_loses_none(
    depots: Depots, tmp_path: Path, seed: int, kills: int
) -> None:
    """The files of three folder printers are the witness; each kill comes while sheets are under way."""
    chance, names = random.Random(seed), ["一号", "二号", "三号"]
    sheets = kills * PER_KILL // len(names)
    async with depots() as depot:
        path = tmp_path / "agent"
        paired = await depot.paired(path)
        told = "".join(
            f'[[printer]]\nname = "{one}"\ndriver = "folder"\nprofile = "zpl-203"\nfolder = "{tmp_path / one}"\n'
            'form = "png"\n'
            for one in names
        )
        Folder(path).printers.write_text(told, encoding="utf-8")
        numbers = {name: await depot.numbers(sheets) for name in names}
        for kill in range(kills + 1):
            before = sum(len(paper(tmp_path / name)) for name in names)
            with agent_program(path):
                if not kill:
                    for name in names:
                        await depot.job(numbers[name], paired.agent_id, name)
                if kill < kills:
                    await until(lambda: sum(len(paper(tmp_path / name)) for name in names) > before)  # noqa: B023
                    await asyncio.sleep(chance.random() * 0.15)
                else:
                    stands = await depot.all_in("printed", "doubtful", seconds=60 + sheets / 10)
        assert sum(stands.values()) == len(names) * sheets
        assert stands["doubtful"] <= len(names) * kills
        came_out = Counter(number for name in names for number in paper(tmp_path / name))
        assert [number for number, count in came_out.items() if count > 1] == []
        printed = {number for number, (state, _) in (await reasons(depot)).items() if state == "printed"}
        assert printed <= came_out.keys()
        for name in names:  # in their order, whatever came between; two may have come in one tick of the file system
            came = [file.stat().st_mtime_ns for file in sorted((tmp_path / name).glob("[!.]*"))]
            assert came == sorted(came)


@contextmanager
def server_program(settings: Settings, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    assert settings.database_url is not None
    told = {
        "MIANDAN_DATA": str(settings.data),
        "MIANDAN_DATABASE_URL": settings.database_url,
        "MIANDAN_SANDBOX": "1",
    }
    program = subprocess.Popen(
        [*MIANDAN, "serve", "--port", str(port)], env=os.environ | told, stderr=subprocess.DEVNULL
    )
    try:
        yield program
    finally:
        program.kill()
        program.wait(30)


@pytest.fixture
def port() -> Iterator[int]:
    with kept_port() as kept:
        yield kept


@pytest.mark.parametrize(
    ("seed", "kills"), [(2, 10), pytest.param(4, 60, marks=pytest.mark.prove)], ids=["10 kills", "60 kills"]
)
async def test_a_server_that_is_killed_at_any_moment_gives_no_sheet_out_twice_and_forgets_none(
    depots: Depots,
    sandbox_of_links: Settings,
    tmp_path: Path,
    seed: int,
    kills: int,
    monkeypatch: pytest.MonkeyPatch,
    port: int,
) -> None:
    """The agent works for a server that is killed again and again; another process of the same house looks on."""
    monkeypatch.setattr(link, "LONGEST_WAIT_SECONDS", 0.5)
    chance, sheets = random.Random(seed), kills * PER_KILL
    async with depots() as depot, Cable(depot.running.url) as cable:
        paired = await depot.paired(tmp_path / "agent", cable.url)
        numbers = await depot.numbers(sheets)
        async with working(tmp_path / "agent", [folder_printer(tmp_path / "paper", PRINTER)], paired) as agent:
            await connected(agent, depot.db)
            cable.target = port
            cable.cut()
            await depot.job(numbers, paired.agent_id, PRINTER)
            for _ in range(kills):
                before = len(paper(tmp_path / "paper"))
                with server_program(sandbox_of_links, cable.target):
                    await until(lambda: len(paper(tmp_path / "paper")) > before)  # noqa: B023
                    await asyncio.sleep(chance.random() * 0.1)
            assert len(paper(tmp_path / "paper")) < sheets
            cable.target = int(depot.running.url.rpartition(":")[2])
            stands = await depot.all_in("printed", seconds=60 + sheets / 10)
        assert stands == {"printed": sheets}
        assert paper(tmp_path / "paper") == [one.number for one in numbers]
        assert {copy for _, copy in (await reasons(depot)).values()} == {1}
