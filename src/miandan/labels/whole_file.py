"""A file of output that appears complete or not at all; what stood there before stays until then."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from miandan.kernel.errors import Refusal

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL})
"""What a file system says that has no hard links, such as the FAT of a memory stick."""

_OURS_ALONE = 0o600  # while it is written: nobody reads half a label, or a whole one before it is allowed
_numbers = count(1)  # tells the files of one process apart that are written at once
_unfinished: set[Path] = set()  # what this process is writing; anything else that bears its id is of an earlier one
_asking_umask = Lock()


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A binary file beside `path` that takes its place at the end; a device or a pipe is written as it comes.

    A file that is replaced hands its permissions on. Raises Refusal `labels.disk_full` or `labels.not_writable`.
    """
    with _in_words(path), complete(path) as out:
        yield out


@contextmanager
def complete(path: Path) -> Iterator[BinaryIO]:
    """`written_whole` with OSError as it comes, for those who have words of their own for it."""
    if is_device(path):
        with path.open("wb") as out:
            yield out
        return
    whole = path.resolve()
    remove_leftovers(whole)
    with _replaced(whole) as out:
        yield out


@contextmanager
def written_in_series(path: Path) -> Iterator[BinaryIO]:
    """`written_whole` without a look at what earlier runs left, which `remove_leftovers` does for the whole series."""
    with _in_words(path), path.open("wb") if is_device(path) else _replaced(path.resolve()) as out:
        yield out


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    with _part(path) as (part, out):
        yield out
        _finish(out, part, path)
        part.replace(path)


def created_whole(path: Path, content: bytes) -> bool:
    """Make a file that nobody has made before, complete from the moment it is seen; False where there is one already.

    Of several programs that try at once, one is told True. Raises Refusal `labels.disk_full` or `labels.not_writable`.
    """
    with _in_words(path):
        remove_leftovers(path)
        with _part(path) as (part, out):
            out.write(content)
            _finish(out, part, path)
            return _published(part, path)


def made_folder(folder: Path) -> None:
    """The folder, with those it lies in. Raises Refusal `labels.folder_denied`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failed:
        raise Refusal("labels.folder_denied", folder=folder.name, reason=reason_of(failed)) from failed


def is_device(path: Path) -> bool:
    """A device or a pipe, which has nothing to keep; ask before links are followed, since a pipe leads to no name.

    A folder counts as one, so that opening it fails before anything is made.
    """
    return path.exists() and not path.is_file()


def remove_leftovers(path: Path, series: str = "") -> None:
    """Remove what a process that is no more left unfinished of this file.

    `series` is a pattern of what may follow its stem, for files that are numbered. That a process is gone is asked on
    this machine: folders that two machines share are not meant for output.
    """
    name = re.escape(path.name) if not series else f"{re.escape(path.stem)}(?:{series})?{re.escape(path.suffix)}"
    part = re.compile(rf"\.{name}\.(?P<process>\d{{1,10}})(?:-\d+)?\.part")
    with suppress(OSError):
        for file in path.parent.iterdir():
            found = part.fullmatch(file.name)
            if found and file not in _unfinished and _is_gone(int(found["process"])):
                file.unlink(missing_ok=True)


def called(path: Path) -> str:
    """What a refusal calls a file: its name, or the whole of what was typed where that has none, such as `.`"""
    return path.name or str(path)


def reason_of(failed: OSError) -> str:
    """The system's words for it."""
    return failed.strerror or type(failed).__name__


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        if failed.errno in _FULL:
            raise Refusal("labels.disk_full", file=called(path)) from failed
        raise Refusal("labels.not_writable", file=called(path), reason=reason_of(failed)) from failed


@contextmanager
def _part(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """An empty file beside `path` under a name of its own, gone at the end unless it was renamed."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.part")
    _unfinished.add(part)
    try:
        part.unlink(missing_ok=True)  # of an earlier process with our id; one that follows a link must not write there
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, _OURS_ALONE), "wb") as out:
            yield part, out
    finally:
        part.unlink(missing_ok=True)
        _unfinished.discard(part)


_BINARY: int = getattr(os, "O_BINARY", 0)  # Windows only


def settle(out: BinaryIO) -> None:
    """Bring what was written to the disk: some file systems tell only now that they are full."""
    out.flush()
    if stat.S_ISREG(os.fstat(out.fileno()).st_mode):
        os.fsync(out.fileno())


def _finish(out: BinaryIO, part: Path, path: Path) -> None:
    """Everything on the disk, with the permissions of what it replaces, or of any new file."""
    settle(out)
    out.close()  # Windows renames no file that is open
    with suppress(OSError):  # a file system without permissions
        part.chmod(_permissions(path))


def _permissions(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        with _asking_umask:  # it can only be read by setting it
            mask = os.umask(0o077)
            os.umask(mask)
        return 0o666 & ~mask


def _published(part: Path, path: Path) -> bool:
    """The part under its name, unless that is taken."""
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError as failed:
        if failed.errno not in _NO_LINKS:
            raise
    else:
        return True
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OURS_ALONE))
    except FileExistsError:
        return False
    part.replace(path)
    return True


def _is_gone(process: int) -> bool:
    """Whether no process has this id; our own is that of an earlier process, since ours are known."""
    if process == os.getpid():
        return True
    if os.name == "nt":  # no way to ask there without ending it
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return False
