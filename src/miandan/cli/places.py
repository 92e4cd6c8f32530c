"""Where a run writes: looked at before the first number is taken, so that a wrong folder costs nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from miandan.kernel.errors import Refusal
from miandan.labels.whole_file import complete, is_device


def refuse_unusable(orders: Path, out: Path, report: Path) -> None:
    """Raises ship.place_unusable, and ship.places_same where one of the three files would overwrite another."""
    seen = {orders.resolve()}
    for path in (out, report):
        if reason := _obstacle(path):
            raise Refusal("ship.place_unusable", file=path, reason_zh=reason[0], reason_en=reason[1])
        if path.resolve() in seen:
            raise Refusal("ship.places_same", file=path)
        if not is_device(path):
            seen.add(path.resolve())


def _obstacle(path: Path) -> tuple[str, str] | None:
    if path.is_dir():
        return "这是一个文件夹", "it is a folder"
    if is_device(path):
        return None if os.access(path, os.W_OK) else ("没有写入权限", "no permission to write there")
    path = path.resolve()
    if not path.parent.is_dir():
        return "没有这个文件夹", "there is no such folder"
    try:  # asking for permission is not enough: a read-only or foreign file system refuses root too
        attempt = path.with_name(f".{path.name}.{os.getpid()}.part")
        attempt.touch()
        attempt.unlink()
    except OSError as error:
        return "不能在这里新建文件", f"no file can be made there ({error.strerror})"
    return None


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears complete or not at all; a device or a pipe is written as it comes. Raises OSError."""
    encoding = "utf-8" if is_device(path) else "utf-8-sig"
    with complete(path) as out:
        text = TextIOWrapper(out, encoding=encoding, newline="")
        yield text
        text.detach()
