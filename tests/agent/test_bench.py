"""The sheets of one printer: their order, what is taken back, what waits while the printer or the disk cannot."""

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from miandan.agent import bench as benches
from miandan.agent import journal as journals
from miandan.agent.bench import Bench, Task
from miandan.agent.journal import Ended, Journal, Slip, open_journal
from miandan.agent.log import Log
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import Loaded, MediaType, Printer
from miandan.kernel.errors import Refusal
from miandan.labels.printers.profiles import profile

NO_FOLDER = "a file where the printer wants a folder"


@dataclass(slots=True)
class Table:
    """A bench with a folder printer, and everything that its sheets' givers heard."""

    bench: Bench
    journal: Journal
    paper: Path
    told: list[tuple[str, str]] = field(default_factory=list)
    log: Log = field(default_factory=lambda: Log(None))

    def put(self, place: int, draw: Callable[[], bytes] = lambda: b"paper") -> str:
        slip = Slip(f"s{place:03}", "一号", 1, "job", place, f"N{place:03}")

        def ended(_slip: Slip, how: Ended) -> None:
            self.told.append((slip.sheet_id, how.outcome if not how.reason else f"{how.outcome} {how.reason}"))

        self.bench.put(Task(slip, draw, on_begun=self._begun, on_end=ended))
        return slip.sheet_id

    def _begun(self, slip: Slip) -> None:
        self.told.append((slip.sheet_id, "begun"))

    def files(self) -> list[str]:
        if not self.paper.is_dir():
            return []
        return [file.stem.rpartition("-")[2] for file in sorted(self.paper.glob("[!.]*"))]

    async def printer_goes_away(self) -> None:
        """Behind a first sheet, unseen."""
        self.put(1)
        await self.all_over()
        self.paper.rename(self.paper.with_name("elsewhere"))
        self.paper.write_text(NO_FOLDER)

    async def all_over(self, seconds: float = 60) -> None:
        await until(lambda: not self.bench.waiting, seconds)


async def until(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def slowly(seconds: float) -> bytes:
    time.sleep(seconds)
    return b"paper"


@asynccontextmanager
async def table(path: Path, printer: Printer | None = None) -> AsyncIterator[Table]:
    journal = open_journal(path / "journal.jsonl")
    journal.start()
    paper, log = path / "paper", Log(None)
    if printer is None:
        printer = FolderPrinter("一号", profile("zpl-203"), Loaded(76_000, 130_000), paper, MediaType.PNG)
    with ThreadPoolExecutor(2) as drawers:
        bench = Bench(printer, journal, drawers, log)
        bench.start()
        found = Table(bench, journal, paper, log=log)
        yield found
        await bench.stop(2)
    await journal.close()


async def test_sheets_come_out_in_the_order_in_which_they_came_however_long_each_is_drawn(tmp_path: Path) -> None:
    async with table(tmp_path) as one:
        sheets = [one.put(place, partial(slowly, 0.02 / place)) for place in range(1, 21)]
        await one.all_over()
        assert one.told == [(sheet, word) for sheet in sheets for word in ("begun", "printed")]
        assert one.files() == sheets


async def test_a_sheet_that_cannot_be_drawn_ends_with_its_code_before_it_begins(tmp_path: Path) -> None:
    def broken() -> bytes:
        raise Refusal("labels.template_wrong", problems=1, where="$", wrong_zh="", wrong_en="")

    def unforeseen() -> bytes:
        raise KeyError("钱孙李")

    async with table(tmp_path) as one:
        one.put(1, broken)
        one.put(2, unforeseen)
        one.put(3)
        await one.all_over()
        assert ("s001", "failed labels.template_wrong") in one.told
        assert ("s002", "failed failure.unforeseen") in one.told
        assert one.files() == ["s003"]
        assert ("s001", "begun") not in one.told
        assert not any("钱孙李" in line for line in one.log.errors)


async def test_sheets_wait_for_a_printer_that_went_away_and_can_be_taken_back_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benches, "FIRST_LOOK_SECONDS", 0.02)
    (tmp_path / "paper").write_text(NO_FOLDER)
    async with table(tmp_path) as one:
        sheets = [one.put(place) for place in range(1, 6)]
        await until(lambda: one.bench.condition.state == "offline")
        assert one.told == []
        assert one.bench.recall(sheets[0])  # the next one to be printed
        assert one.bench.recall(sheets[3])
        assert not one.bench.recall("another")
        (tmp_path / "paper").unlink()
        await one.all_over()
        assert one.files() == [sheets[1], sheets[2], sheets[4]]
        recalled = [sheet for sheet, word in one.told if word == "given_back agent.recalled"]
        assert recalled == [sheets[0], sheets[3]]


async def test_what_had_begun_in_vain_comes_out_when_the_printer_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The printer goes away between two sheets, unseen: the second one begins, and not a byte of it leaves."""
    monkeypatch.setattr(benches, "FIRST_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(benches, "FINE_SECONDS", 60.0)
    async with table(tmp_path) as one:
        await one.printer_goes_away()
        one.put(2)
        one.put(3)
        await until(lambda: one.bench.condition.state == "offline")
        await asyncio.sleep(0.1)
        assert one.told[2:] == [("s002", "begun")]
        one.paper.unlink()
        await one.all_over()
        assert one.files() == ["s002", "s003"]
        assert [sheet for sheet, word in one.told if word == "begun"] == ["s001", "s002", "s003"]  # said once each


async def test_what_had_begun_in_vain_is_failed_when_it_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told that it had begun could take a sheet that is given back for one that is on paper."""
    monkeypatch.setattr(benches, "FIRST_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(benches, "FINE_SECONDS", 60.0)
    async with table(tmp_path) as one:
        await one.printer_goes_away()
        one.put(2)
        await until(lambda: one.bench.condition.state == "offline")
        assert one.bench.recall("s002")
        assert one.told[-1] == ("s002", "failed agent.recalled")


async def test_a_bench_that_stops_gives_back_what_it_has_not_begun(tmp_path: Path) -> None:
    (tmp_path / "paper").write_text(NO_FOLDER)
    async with table(tmp_path) as one:
        sheets = [one.put(place) for place in range(1, 6)]
        await until(lambda: one.bench.condition.state == "offline")
    assert one.told == [(sheet, "given_back agent.stopped_before_printing") for sheet in sheets]


async def test_nothing_is_printed_while_the_journal_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "RETRY_SECONDS", 0.02)
    async with table(tmp_path) as one:
        one.put(1)
        await one.all_over()
        write, full, journal = os.write, True, (tmp_path / "journal.jsonl").stat().st_ino

        def refusing(file: int, data: memoryview) -> int:
            if full and os.fstat(file).st_ino == journal:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(file, data)

        monkeypatch.setattr(os, "write", refusing)
        one.put(2)
        one.put(3)
        await until(lambda: one.journal.trouble is not None)
        await asyncio.sleep(0.1)
        assert one.files() == ["s001"]
        assert one.bench.recall("s003")
        full = False
        await one.all_over()
        assert one.files() == ["s001", "s002"]


async def test_plain_data_is_not_kept_once_a_sheet_is_over(tmp_path: Path) -> None:
    """Nothing that the bench still holds leads to what the sheet showed."""
    import gc

    class Shown(bytes):
        """Bytes that can be looked for."""

    async with table(tmp_path) as one:
        one.put(1, lambda: Shown(b"paper"))
        await one.all_over()

        def nothing_is_left() -> bool:  # the thread that drew it may hold it a moment longer
            gc.collect()
            return not any(isinstance(found, Shown) for found in gc.get_objects())

        await until(nothing_is_left)
