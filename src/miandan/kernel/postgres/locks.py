"""Advisory file locks (flock): the kernel releases them however their holder ends, so none is ever stale."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FileLock:
    """One open lock file. Children made by exec do not inherit it."""

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def release(self) -> None:
        fcntl.flock(self.handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release and close."""
        os.close(self.handle)

    def write(self, text: str) -> None:
        """Replace the file's content, a note for whoever looks at it."""
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, text.encode(), 0)

    def read(self) -> str:
        return os.pread(self.handle, 100, 0).decode()

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def opened(path: Path) -> Iterator[FileLock]:
    """The lock file for the length of a block; nothing is locked yet."""
    lock = FileLock(path)
    try:
        yield lock
    finally:
        lock.close()


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock exclusively at this moment."""
    with opened(path) as lock:
        return not lock.try_shared()
