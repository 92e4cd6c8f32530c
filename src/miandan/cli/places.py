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
        if reason := _obstacle(path):
            raise Refusal("ship.place_unusable", file=path, reason_zh=reason[0], reason_en=reason[1])
        if path.resolve() in seen:
            raise Refusal("ship.places_same", file=path)
        if not _is_device(path):
            seen.add(path.resolve())


def _obstacle(path: Path) -> tuple[str, str] | None:
    if path.is_dir():
        return "这是一个文件夹", "it is a folder"
    if _is_device(path):
        return None if os.access(path, os.W_OK) else ("没有写入权限", "no permission to write there")
    path = path.resolve()
    if not path.parent.is_dir():
        return "没有这个文件夹", "there is no such folder"
    try:  # asking for permission is not enough: a read-only or foreign file system refuses root too
        part_of(path).touch()
        part_of(path).unlink()
    except OSError as error:
        return "不能在这里新建文件", f"no file can be made there ({error.strerror})"
    return None


def part_of(path: Path) -> Path:
    """What a file is called until it is complete."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _is_device(path: Path) -> bool:
    """A device or a pipe; ask before links are followed, since a pipe leads to no name."""
    return path.exists() and not path.is_file()


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears complete or not at all; a device or a pipe is written as it comes."""
    if _is_device(path):
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    path = path.resolve()
    part = part_of(path)
    try:
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
