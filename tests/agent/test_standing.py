"""A printer that had a sheet in doubt stands still: what waits is safe, and it goes on when it is known to be well."""

import asyncio
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from miandan.agent import bench as benches
from miandan.agent import standing
from miandan.agent.printers.direct import Patience
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import BROKEN, Loaded, MediaType, Outcome, SheetRef
from miandan.agent.printers.tcp import TcpPrinter
from miandan.labels.printers.profiles import profile
from tests.agent.printers.devices_like import Closing, Device, Moody, Sink, listening
from tests.agent.printers.sheets import LOADED, own
from tests.agent.test_bench import Table, table, until

LABEL = b"^XA" + b"F" * 3_000_000 + b"^XZ\n"
"""More than the device's system holds, so that closing its line resets it."""

NEVER = (1_000.0,)
ANSWERS = Patience(connect=10.0, stalled=30.0, answer=3.0, fresh=0.0)
"""For printers that say something: a loaded machine gives them time."""

SILENT = Patience(connect=10.0, stalled=30.0, asks_after=float("inf"), fresh=0.0)


def tcp(port: int, patience: Patience = ANSWERS) -> TcpPrinter:
    return TcpPrinter("一号", own(), LOADED, "127.0.0.1", port, patience)


def words(one: Table, word: str) -> list[str]:
    return [sheet for sheet, said in one.told if said.startswith(word)]


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "FIRST_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(benches, "LONGEST_LOOK_SECONDS", 0.05)


async def test_one_broken_line_puts_one_sheet_in_doubt_and_the_others_can_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "PAUSES_SECONDS", NEVER)
    async with listening(Closing(8_000)) as port, table(tmp_path, tcp(port, SILENT)) as one:
        sheets = [one.put(place, lambda: LABEL) for place in range(1, 101)]
        await until(lambda: one.bench.condition.state == "stands_still", 60)
        assert words(one, "doubtful") == sheets[:1]
        assert all(one.bench.recall(sheet) for sheet in sheets[1:])
        assert words(one, "given_back") == sheets[1:]


async def test_pauses_before_a_trial_grow_with_each_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PAUSES_SECONDS", (0.2, 0.5, 0.9))

    class Timed(Closing):
        """Notes when it closed in a sheet."""

        at: ClassVar[list[float]] = []

        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.IncompleteReadError, ConnectionError):  # it was only looked at
                await reader.readexactly(self.takes)
                self.at.append(time.monotonic())
            writer.close()

    async with listening(Timed(8_000)) as port, table(tmp_path, tcp(port, SILENT)) as one:
        for place in range(1, 5):
            one.put(place, lambda: LABEL)
        await one.all_over(60)
    gaps = [later - earlier for earlier, later in pairwise(Timed.at)]
    assert all(gap >= pause for gap, pause in zip(gaps, (0.2, 0.5, 0.9), strict=True)), gaps


async def test_one_trial_that_comes_out_lets_the_others_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PAUSES_SECONDS", (0.2, 1_000.0))
    device = _Changing(Closing(8_000), Sink())
    async with listening(device) as port, table(tmp_path, tcp(port, SILENT)) as one:
        sheets = [one.put(place, lambda: LABEL) for place in range(1, 21)]
        await one.all_over(60)
        assert (words(one, "doubtful"), words(one, "printed")) == (sheets[:1], sheets[1:])


async def test_a_printer_that_answers_that_it_is_well_goes_on_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had been silent before the sheet that broke, so it is asked again, too."""
    monkeypatch.setattr(standing, "PAUSES_SECONDS", NEVER)
    device = Moody(breaks=1)
    async with listening(device) as port, table(tmp_path, tcp(port)) as one:
        sheets = [one.put(place, lambda: LABEL) for place in range(1, 6)]
        await one.all_over(60)
        assert (words(one, "doubtful"), words(one, "printed")) == (sheets[:1], sheets[1:])
        assert device.zebra.out == [LABEL] * 4


async def test_one_that_calls_itself_well_and_breaks_again_is_believed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "PAUSES_SECONDS", NEVER)
    async with listening(Moody(breaks=100, says_ready=True)) as port, table(tmp_path, tcp(port)) as one:
        sheets = [one.put(place, lambda: LABEL) for place in range(1, 11)]
        await until(lambda: len(words(one, "doubtful")) == 2 and one.bench.condition.state == "stands_still", 60)
        assert one.bench.stands_still
        assert words(one, "begun") == sheets[:2]


async def test_a_person_lets_it_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PAUSES_SECONDS", NEVER)
    device = _Changing(Closing(8_000), Sink())
    async with listening(device) as port, table(tmp_path, tcp(port, SILENT)) as one:
        sheets = [one.put(place, lambda: LABEL) for place in range(1, 6)]
        await until(lambda: one.bench.condition.state == "stands_still", 60)
        assert words(one, "begun") == sheets[:1]
        assert one.bench.go_on()
        await one.all_over(60)
        assert words(one, "printed") == sheets[1:]
        assert not one.bench.go_on()


async def test_a_folder_that_breaks_once_goes_on_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PAUSES_SECONDS", NEVER)

    class Torn(FolderPrinter):
        """Breaks its first sheet."""

        broken = False

        async def _print(self, sheet: SheetRef, document: bytes) -> Outcome:
            if not self.broken:
                self.broken = True
                raise self.broke(BROKEN, "for a test")
            return await super()._print(sheet, document)

    printer = Torn("一号", profile("zpl-203"), Loaded(76_000, 130_000), tmp_path / "paper", MediaType.PNG)
    async with table(tmp_path, printer) as one:
        sheets = [one.put(place) for place in range(1, 6)]
        await one.all_over(60)
        assert one.files() == sheets[1:]


class _Changing:
    """The first device for the first sheet, the second one for all others."""

    def __init__(self, first: Device, then: Device) -> None:
        self._devices = [first]
        self._then = then

    async def serve(self, reader, writer) -> None:  # type: ignore[no-untyped-def]
        with suppress(ConnectionError):
            data = await reader.read(1)
            await (self._devices.pop() if data and self._devices else self._then).serve(reader, writer)
