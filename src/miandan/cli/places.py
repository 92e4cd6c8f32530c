"""Where a run writes: looked at before the first number is taken, so that a wrong folder costs nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from miandan.kernel.errors import Refusal


def refuse_unusable(orders: Path, out: Path, report: Path) -> None:
    """Raises ship.place_unusable, and ship.places_same where one of the three files would overwrite another."""
    seen = {orders.resolve()}
    for path in (out, report):
        if reason := _obstacle(path.resolve()):
            raise Refusal("ship.place_unusable", file=path, reason_zh=reason[0], reason_en=reason[1])
        if path.resolve() in seen:
            raise Refusal("ship.places_same", file=path)
        if not _is_device(path):
            seen.add(path.resolve())


def _obstacle(path: Path) -> tuple[str, str] | None:
    if path.is_dir():
        return "这是一个文件夹", "it is a folder"
    if not path.parent.is_dir():
        return "没有这个文件夹", "there is no such folder"
    target = path if _is_device(path) else path.parent  # a file is written beside and then put in its place
    if not os.access(target, os.W_OK):
        return "没有写入权限", "no permission to write there"
    return None


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears complete or not at all; a device or a pipe is written as it comes."""
    if _is_device(path):
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    path = path.resolve()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
