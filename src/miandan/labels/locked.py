"""One program at a time: a lock file that the system releases however its holder ends, so that none is ever stale."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until nobody else holds the lock of this file, and hold it for the length of a block.

    The file stays: whoever removed it could lock one that others no longer see. Raises OSError.
    """
    with path.open("ab") as file:
        _lock(file.fileno())
        yield
