"""Files that appear whole: their permissions, what earlier runs left, devices, and who is first to make one."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.whole_file import complete, created_whole, made_folder, written_whole


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def gone() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def put(path: Path, content: bytes = b"new") -> None:
    with written_whole(path) as out:
        out.write(content)


@pytest.mark.parametrize("before", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_hands_its_permissions_on(tmp_path: Path, before: int) -> None:
    path = tmp_path / "labels.pdf"
    path.write_bytes(b"old")
    path.chmod(before)
    put(path)
    assert (path.read_bytes(), mode(path)) == (b"new", before)


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    put(tmp_path / "labels.pdf")
    assert created_whole(tmp_path / "first", b"1")
    assert {mode(path) for path in tmp_path.iterdir()} == {mode(tmp_path / "any")}


def test_nobody_else_reads_a_file_while_it_is_written(tmp_path: Path) -> None:
    with written_whole(tmp_path / "labels.pdf") as out:
        out.write(b"half a label")
        assert [mode(path) for path in tmp_path.iterdir()] == [0o600]


def test_what_a_dead_process_left_is_removed_by_the_next_write_of_that_file(tmp_path: Path) -> None:
    dead = gone()
    for name in (f".labels.pdf.{dead}.part", f".labels.pdf.{dead}-3.part", f".labels.pdf.{os.getpid()}-999.part"):
        (tmp_path / name).write_bytes(b"half")
    others = {f".labels.pdf.{os.getppid()}.part", f".other.pdf.{dead}.part", ".labels.pdf.part", "labels.pdf.1.part"}
    for name in others:
        (tmp_path / name).write_bytes(b"half")
    put(tmp_path / "labels.pdf")
    assert {path.name for path in tmp_path.iterdir()} == others | {"labels.pdf"}


def test_two_that_write_one_file_at_once_leave_one_of_them_whole(tmp_path: Path) -> None:
    path = tmp_path / "labels.pdf"
    with written_whole(path) as one:
        one.write(b"one")
        with written_whole(path) as other:
            other.write(b"other")
        assert path.read_bytes() == b"other"
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "labels.pdf"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as out:
        out.write(b"%d" % (1 // 0))
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"old", [path])


def test_a_device_that_is_full_is_named() -> None:
    with pytest.raises(Refusal) as refused:
        put(Path("/dev/full"), b"x" * 100_000)
    assert (refused.value.code, refused.value.fields["file"]) == ("labels.disk_full", "full")


def test_a_folder_is_no_place_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"labels\.not_writable"):
        put(tmp_path)
    with pytest.raises(IsADirectoryError), complete(tmp_path):
        pass


def test_only_the_first_makes_a_file(tmp_path: Path) -> None:
    assert created_whole(tmp_path / "a", b"first")
    assert not created_whole(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_system_without_links_does_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(_: object, __: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("miandan.labels.whole_file.os.link", no_links)
    test_only_the_first_makes_a_file(tmp_path)


def test_a_folder_that_cannot_be_made_is_called_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "inner"):
        with pytest.raises(Refusal, match=r"labels\.folder_denied"):
            made_folder(folder)
