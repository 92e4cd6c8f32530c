"""The folder printer: its files are the paper."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.model import NOT_OUT, NOT_TAKEN, UNREACHABLE, MediaType, NothingSent, Outcome, State
from miandan.labels.agent_link import Evidence
from tests.agent.printers.sheets import LOADED, own, sheet


def printer(folder: Path) -> FolderPrinter:
    return FolderPrinter("out", own(), LOADED, folder, MediaType.PDF)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_sheet_is_a_file_named_by_job_place_number_and_sheet(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    outcome = await printer(folder).print_sheet(sheet(417), b"%PDF", MediaType.PDF)
    (file,) = files(folder)
    assert file.name == "job-7-00417-73123456780417-0199-sheet-417.pdf"
    assert file.read_bytes() == b"%PDF"
    assert outcome == Outcome(Evidence.DEVICE, file.name)


async def test_files_sort_as_the_sheets_came(tmp_path: Path) -> None:
    out = printer(tmp_path)
    await asyncio.gather(*(out.print_sheet(sheet(n), b"%d" % n, MediaType.PDF) for n in (1, 2, 10, 9)))
    assert [file.read_bytes() for file in files(tmp_path)] == [b"1", b"2", b"9", b"10"]


async def test_a_sheet_that_came_out_is_not_written_again(tmp_path: Path) -> None:
    await printer(tmp_path).print_sheet(sheet(), b"first", MediaType.PDF)
    again = await printer(tmp_path).print_sheet(sheet(), b"second", MediaType.PDF)
    (file,) = files(tmp_path)
    assert file.read_bytes() == b"first"
    assert again.evidence is Evidence.DEVICE
    assert "already" in again.detail


async def test_after_a_kill_the_folder_knows_whether_a_sheet_came_out(tmp_path: Path) -> None:
    await printer(tmp_path).print_sheet(sheet(1), b"%PDF", MediaType.PDF)
    left = tmp_path / f".{printer(tmp_path).path(sheet(2)).name}.part"
    left.write_bytes(b"%P")  # a kill in the middle of writing
    again = printer(tmp_path)
    assert await again.recalled(sheet(1)) == Outcome(Evidence.DEVICE, again.path(sheet(1)).name)
    nothing = await again.recalled(sheet(2))
    assert isinstance(nothing, NothingSent)
    assert nothing.code == NOT_OUT
    await again.print_sheet(sheet(2), b"%PDF", MediaType.PDF)
    assert not left.exists()
    assert len(files(tmp_path)) == 2


async def test_a_folder_that_cannot_be_read_after_a_kill_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a network drive which has gone: the sheet may lie on it."""

    def stale(*_given: object, **_more: object) -> list[str]:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    await printer(tmp_path).print_sheet(sheet(), b"%PDF", MediaType.PDF)
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stale)
        patched.setattr(os, "listdir", stale)
        assert await printer(tmp_path).recalled(sheet()) is None
    assert isinstance(await printer(tmp_path).recalled(sheet()), Outcome)


async def test_a_folder_that_is_not_there_after_a_kill_tells_nothing(tmp_path: Path) -> None:
    """As a drive that is not plugged in yet when the machine starts."""
    await printer(tmp_path / "drive").print_sheet(sheet(), b"%PDF", MediaType.PDF)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    assert await printer(tmp_path / "drive").recalled(sheet()) is None
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    assert isinstance(await printer(tmp_path / "drive").recalled(sheet()), Outcome)


async def test_a_folder_that_vanishes_while_it_is_looked_at_is_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(_folder: Path) -> os.statvfs_result:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(os, "statvfs", stale)
    assert (await printer(tmp_path).condition()).state is State.OFFLINE


async def test_names_from_outside_lead_out_of_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    await printer(folder).print_sheet(sheet(1, "../../etc/../x\n面单"), b"%PDF", MediaType.PDF)
    assert [file.parent for file in files(folder)] == [folder]
    assert files(tmp_path) == [folder]


async def test_a_folder_that_cannot_be_written_sends_nothing_and_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    out = printer(tmp_path / "file" / "out")
    with pytest.raises(NothingSent) as nothing:
        await out.print_sheet(sheet(), b"%PDF", MediaType.PDF)
    assert nothing.value.code == UNREACHABLE
    assert (await out.condition()).state is State.OFFLINE
    assert (await printer(tmp_path).condition()).state is State.READY


async def test_a_document_of_another_kind_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(NothingSent) as nothing:
        await printer(tmp_path).print_sheet(sheet(), b"^XA", MediaType.RAW)
    assert nothing.value.code == NOT_TAKEN
    assert files(tmp_path) == []
