"""Labels that share a sheet of office paper: together on paper, each with its own end."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from miandan.agent import bench as benches
from miandan.agent import office
from miandan.agent.bench import Task
from miandan.agent.journal import Ended, Slip, open_journal
from miandan.agent.log import Log
from miandan.agent.office import OfficeBench
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import Loaded, MediaType
from miandan.agent.rendering import Content, imposed
from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData
from miandan.labels.printers.profiles import profile
from tests.agent.test_bench import until

TWO_ON_A5 = Loaded(148_000, 210_000, 2, "A5")


class Desk:
    """An office printer and what its sheets' givers heard."""

    def __init__(self, bench: OfficeBench, paper: Path) -> None:
        self.bench = bench
        self.paper = paper
        self.told: dict[str, str] = {}

    def put(self, number: str, content: Content | Refusal | None = None) -> None:
        slip = Slip(f"s-{number}", "办公打印机", number=number)

        def read() -> Content:
            if isinstance(content, Refusal):
                raise content
            return content or Content(LabelData(number, number, carrier="zto", sort_code="300-A1"))

        def ended(_slip: Slip, how: Ended) -> None:
            self.told[number] = f"{how.outcome} {how.reason}".strip()

        self.bench.put(Task(slip, partial(bytes, 1), on_end=ended, content=read))

    def pages(self) -> list[str]:
        """The numbers on each sheet of paper."""
        shown = []
        for file in sorted(self.paper.glob("[!.]*.pdf"), key=lambda one: (one.stat().st_mtime_ns, one.name)):
            text = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True).stdout
            shown.append(" ".join(sorted({word for word in text.split() if word.startswith("N")})))
        return shown


@asynccontextmanager
async def desk(path: Path) -> AsyncIterator[Desk]:
    journal = open_journal(path / "journal.jsonl")
    journal.start()
    printer = FolderPrinter("办公打印机", profile("zpl-203"), TWO_ON_A5, path / "paper", MediaType.PDF)
    with ThreadPoolExecutor(2) as drawers:
        bench = OfficeBench(printer, journal, drawers, Log(None))
        bench.start()
        yield Desk(bench, path / "paper")
        await bench.stop(2)
    await journal.close()


@pytest.fixture(autouse=True)
def _is_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "GATHER_SECONDS", 0.2)
    monkeypatch.setattr(benches, "FIRST_LOOK_SECONDS", 0.02)


async def test_two_labels_share_a_sheet_in_their_order_and_the_last_one_is_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        numbers = [f"N{place}" for place in range(1, 6)]
        for number in numbers:
            one.put(number)
        await until(lambda: not one.bench.waiting)
        assert one.pages() == ["N1 N2", "N3 N4", "N5"]
        assert one.told == dict.fromkeys(numbers, "printed")


async def test_a_label_that_is_taken_back_is_on_no_paper(tmp_path: Path) -> None:
    (tmp_path / "paper").write_text("a file where the printer wants a folder")
    async with desk(tmp_path) as one:
        for number in ("N1", "N2", "N3"):
            one.put(number)
        await until(lambda: one.bench.condition.state == "offline")
        await asyncio.sleep(0.3)  # the first two are on their way
        assert one.bench.recall("s-N2")
        (tmp_path / "paper").unlink()
        await until(lambda: not one.bench.waiting)
        assert sorted(one.pages()) == ["N1", "N3"]
        assert one.told == {"N1": "printed", "N2": "given_back agent.recalled", "N3": "printed"}


async def test_what_nobody_foresaw_costs_one_sheet_of_paper_and_the_next_one_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = imposed

    def breaks(contents: Sequence[Content], loaded: Loaded) -> bytes:
        if len(contents) > 1:
            raise KeyError("钱孙李")
        return together(contents, loaded)

    monkeypatch.setattr(office, "imposed", breaks)
    async with desk(tmp_path) as one:
        one.put("N1")
        one.put("N2")
        await until(lambda: not one.bench.waiting)
        one.put("N3")
        await until(lambda: not one.bench.waiting)
        assert one.pages() == ["N3"]
        assert one.told == {"N1": "failed failure.unforeseen", "N2": "failed failure.unforeseen", "N3": "printed"}


async def test_a_label_that_cannot_be_drawn_costs_the_others_of_its_sheet_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        one.put("N1", Refusal("labels.sealed_sheet_damaged"))
        one.put("N2")
        await until(lambda: not one.bench.waiting)
        assert one.pages() == ["N2"]
        assert one.told == {"N1": "failed labels.sealed_sheet_damaged", "N2": "printed"}
