"""A file of output that appears complete or not at all; what stood there before stays until then."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from miandan.kernel.errors import Refusal

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A binary file beside `path` that takes its place at the end; a device or a pipe is written as it comes.

    Raises Refusal `labels.disk_full` or `labels.not_writable`.
    """
    try:
        if path.exists() and not path.is_file():  # a device or a pipe has nothing to keep
            with path.open("wb") as out:
                yield out
            return
        with _beside(path.resolve()) as out:
            yield out
    except OSError as failed:
        if failed.errno in _FULL:
            raise Refusal("labels.disk_full", file=path.name) from failed
        raise Refusal("labels.not_writable", file=path.name, reason=failed.strerror) from failed


@contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())  # some file systems tell only now that they are full
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
