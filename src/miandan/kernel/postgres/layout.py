"""What lies where in the data folder. Only this file knows the names.

<data>/postgres/          0700, ours; never opened to anybody else
    cluster/              PostgreSQL's own folder (as root it belongs to uid 65534)
    run/                  the socket, unless its path would be too long
    password              0600, generated, needed for every connection
    server.conf, hba.conf written anew at each start; operator.conf, if present, is read last
    server.log            what PostgreSQL and the supervisor say
    users.lock            every program holds it shared; the supervisor stops when it gets it alone
    supervisor.lock       held by the supervisor; its pid inside
"""

import os
import stat
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PORT = 5432
"""Only names the socket file: there is no TCP."""
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""Longest path a Unix socket can have (unix(7))."""
ROLE = DATABASE = "miandan"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one data folder."""

    root: Path

    @classmethod
    def of(cls, data: Path) -> "Layout":
        return cls(data.absolute() / "postgres")

    @property
    def cluster(self) -> Path:
        return self.root / "cluster"

    @property
    def password(self) -> Path:
        return self.root / "password"

    @property
    def config(self) -> Path:
        return self.root / "server.conf"

    @property
    def access_rules(self) -> Path:
        return self.root / "hba.conf"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def users_lock(self) -> Path:
        return self.root / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def failure(self) -> Path:
        """Why the supervisor gave up, in one line; absent while all is well."""
        return self.root / "failure"

    @property
    def socket_note(self) -> Path:
        """Where the socket folder is when it is not `run/`."""
        return self.root / "socket_folder"

    def make(self) -> None:
        """Create the folder. Raises PermissionError when somebody else owns it."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.root.stat().st_uid != os.geteuid():
            raise PermissionError(f"{self.root} belongs to uid {self.root.stat().st_uid}")

    def socket_folder(self) -> Path | None:
        """Where clients find the socket; None while the supervisor has not chosen a short folder yet."""
        if _fits(self.root / "run"):
            return self.root / "run"
        try:
            return Path(self.socket_note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def make_socket_folder(self) -> Path:
        """A folder of ours, short enough for a socket: `run/`, else a new private one under the temp folder."""
        folder = self.socket_folder()
        if folder is not None and folder == self.root / "run":
            folder.mkdir(mode=0o700, exist_ok=True)
        elif folder is None or not _is_private(folder):
            folder = _short_folder()
            write_privately(self.socket_note, str(folder))
        return folder

    def leave_socket_folder(self) -> None:
        """Remove a short folder after the server has stopped; the next start makes a new one."""
        folder = self.socket_folder()
        if folder is not None and folder != self.root / "run":
            self.socket_note.unlink(missing_ok=True)
            with suppress(OSError):  # gone, or not empty since somebody put something there
                folder.rmdir()


def write_privately(path: Path, text: str) -> None:
    """Write a 0600 file so that a reader sees the old text or the whole new one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES


def _is_private(folder: Path) -> bool:
    """Ours alone: in a shared temp folder somebody else may have made one of that name."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _short_folder() -> Path:
    for parent in (tempfile.gettempdir(), "/tmp"):
        if _fits(Path(parent, "miandan-12345678")):
            return Path(tempfile.mkdtemp(prefix="miandan-", dir=parent))
    raise OSError("no temp folder with a path short enough for a Unix socket")
