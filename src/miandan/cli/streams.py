"""Standard output and standard input for bytes: where they are closed, full or gone, that is said like of any file."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from miandan.kernel.errors import Refusal

OUTPUT = "标准输出 standard output"
INPUT = "标准输入 standard input"
READER_GONE = 1
"""Exit code where nobody reads on: no success, and nothing to complain of."""


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output, delivered to the last byte when the block ends.

    An OSError of the block is taken for one of writing. Raises Refusal labels.not_writable and labels.disk_full.
    """
    if sys.__stdout__ is None:  # closed when the program began; `main` has put something harmless in its place
        raise Refusal("labels.not_writable", file=OUTPUT, reason="已关闭 closed")
    out = sys.stdout.buffer
    try:
        yield out
        out.flush()
    except OSError as failed:
        _let_go(out)
        if failed.errno == errno.ENOSPC:
            raise Refusal("labels.disk_full", file=OUTPUT) from failed
        raise Refusal("labels.not_writable", file=OUTPUT, reason=failed.strerror or type(failed).__name__) from failed


@contextmanager
def standard_listing() -> Iterator[BinaryIO]:
    """Standard output for what is read from its beginning: a reader that has seen enough (`| head`) ends the program
    quietly. Raises what `standard_output` raises for anything else."""
    try:
        with standard_output() as out:
            yield out
    except Refusal as refusal:
        if isinstance(refusal.__cause__, BrokenPipeError):
            raise SystemExit(READER_GONE) from None
        raise


def put(text: str) -> None:
    """A text on standard output, delivered when this returns; ended quietly as by `standard_listing`. Raises OSError
    where it cannot be written."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go(sys.stdout.buffer)
        raise SystemExit(READER_GONE) from None


def standard_input() -> BinaryIO:
    """Standard input. Raises Refusal labels.file_unreadable where it was closed."""
    if sys.stdin is None:
        raise Refusal("labels.file_unreadable", file=INPUT, reason="已关闭 closed")
    return sys.stdin.buffer


def _let_go(out: BinaryIO) -> None:
    """What is still waiting goes nowhere: Python would try to write it once more at its end and complain."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
