"""One program at a time: a lock file that the system releases however its holder ends, so that none is ever stale."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)

    def _lock_now(handle: int) -> None:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as taken:
            raise BlockingIOError(*taken.args) from None

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

    def _lock_now(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until nobody else holds the lock of this file, and hold it for the length of a block.

    The file stays: whoever removed it could lock one that others no longer see. Raises OSError.
    """
    with path.open("ab") as file:
        _lock(file.fileno())
        yield


@contextmanager
def held(path: Path) -> Iterator[None]:
    """`locked` without waiting: raises BlockingIOError when somebody else holds the lock of this file now."""
    with path.open("ab") as file:
        _lock_now(file.fileno())
        yield
