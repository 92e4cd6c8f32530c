"""A small file that the running agent and its commands both change, one at a time, and read as it is now."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

from miandan.agent.folder import read_kept, write_kept
from miandan.kernel.errors import Refusal
from miandan.labels.locked import locked
from miandan.labels.whole_file import made_folder, reason_of

K = TypeVar("K", bound=Struct)


class SharedFile(Generic[K]):
    """One such file; without it `kind` stands as it is made from nothing."""

    def __init__(self, path: Path, kind: type[K]) -> None:
        self._path = path
        self._lock = path.with_suffix(".lock")
        self._kind = kind
        self._seen: tuple[int, int, int] | None = None
        self._kept = kind()

    def now(self) -> K:
        """What it holds; read only where it has changed. Raises agent.file_damaged."""
        try:
            stat = self._path.stat()
        except OSError:
            self._seen, self._kept = None, self._kind()
            return self._kept
        seen = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if seen != self._seen:
            self._kept, self._seen = read_kept(self._path, self._kind) or self._kind(), seen
        return self._kept

    def change(self, change: Callable[[K], K]) -> None:
        """Write what `change` makes of it; nobody else changes it meanwhile. Raises what `change` raises,
        agent.file_damaged, labels.folder_denied, labels.not_writable, labels.disk_full."""
        made_folder(self._path.parent)
        try:
            with locked(self._lock):
                write_kept(self._path, change(self.now()))
                self.now()
        except OSError as failed:
            raise Refusal("labels.not_writable", file=self._lock.name, reason=reason_of(failed)) from failed
