"""The agent's data folder (打印端数据目录): where its keys, its pairing, its printers and its journal lie.

MIANDAN_AGENT names it. Everything in it is for this user alone (0600), and none of it holds a person.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec
from msgspec import Struct

from miandan.kernel.errors import Refusal
from miandan.kernel.settings import SettingRow
from miandan.labels.locked import held
from miandan.labels.whole_file import made_folder, reason_of, written_whole

PAGE_PORT: Final = 17_890
"""Where the local page is looked for."""

_PAGE: Final = "MIANDAN_AGENT_PAGE"
_LAST_PORT: Final = 65_535

_OURS_ALONE = 0o700
_FILE_OURS_ALONE = 0o600


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What the agent was told by its environment."""

    folder: Path = field(
        metadata={
            "row": SettingRow(
                "MIANDAN_AGENT",
                "打印端的数据目录：密钥、配对、打印机、打印日志，不含收件人",
                "data folder of the print agent: keys, pairing, printers, journal; nobody's name is in it",
                "$XDG_DATA_HOME/miandan-agent, ~/.local/share/miandan-agent",
            )
        }
    )
    page_port: int = field(
        default=PAGE_PORT,
        metadata={
            "row": SettingRow(
                _PAGE,
                "打印端本机页面的端口，只有这台电脑能打开（miandan agent page）；0 = 任选一个空闲的",
                "port of the print agent's local page, for this machine alone (miandan agent page); 0 takes a free one",
                str(PAGE_PORT),
            )
        },
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "AgentSettings":
        """Settings of this process. Raises settings.bad_value."""
        env = os.environ if environment is None else environment
        port = _port(env)
        if given := env.get("MIANDAN_AGENT"):
            return cls(Path(given).expanduser().absolute(), port)
        # The XDG specification says that a relative path is to be ignored.
        shared = env.get("XDG_DATA_HOME", "")
        home = Path(shared) if Path(shared).is_absolute() else Path.home() / ".local" / "share"
        return cls(home / "miandan-agent", port)

    @classmethod
    def rows(cls) -> list[SettingRow]:
        """The table, in the order of the fields."""
        return [entry.metadata["row"] for entry in fields(cls)]


def _port(env: Mapping[str, str]) -> int:
    """Raises settings.bad_value."""
    given = env.get(_PAGE, "").strip() or str(PAGE_PORT)
    if not (given.isascii() and given.isdigit() and len(given) < 6 and int(given) <= _LAST_PORT):
        raise Refusal("settings.bad_value", name=_PAGE, wanted=f"0 - {_LAST_PORT}")
    return int(given)


class Paired(Struct, frozen=True):
    """The server that the agent works for, by its address without a slash at the end, and the agent's id there.

    `public_url` is what addresses of label templates begin with; `platform_key` is hex of what the platform signs print
    data with.
    """

    server: str
    agent_id: str
    name: str = ""
    public_url: str = ""
    platform_key: str = ""
    paired_at: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one agent."""

    path: Path

    @classmethod
    def from_environment(cls) -> "Folder":
        """Where this process keeps them. Raises settings.bad_value."""
        return cls(AgentSettings.from_environment().folder)

    @property
    def keys(self) -> Path:
        return self.path / "keys.json"

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def printers(self) -> Path:
        """Which printers there are: printers.toml."""
        return self.path / "printers.toml"

    @property
    def profiles(self) -> Path:
        """Printer profiles of this machine, with what calibrations found."""
        return self.path / "profiles"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def spool(self) -> Path:
        """Files of drivers that need some, for as long as a sheet is under way."""
        return self.path / "spool"

    @property
    def printed(self) -> Path:
        """Where the folder printer puts its sheets unless it was told otherwise."""
        return self.path / "printed"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def asks(self) -> Path:
        """What commands ask of the running agent."""
        return self.path / "asks"

    @property
    def log(self) -> Path:
        return self.path / "logs" / "agent.log"

    @property
    def components(self) -> Path:
        """What the loopback components keep."""
        return self.path / "components"

    @property
    def lock(self) -> Path:
        return self.path / "agent.lock"

    def make(self) -> None:
        """The folder, readable by this user alone. Raises labels.folder_denied."""
        made_folder(self.path)
        try:
            self.path.chmod(_OURS_ALONE)
        except OSError as failed:
            raise Refusal("labels.folder_denied", folder=self.path.name, reason=reason_of(failed)) from failed

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For the length of a block no other agent runs on this folder. Raises agent.already_running."""
        try:
            with held(self.lock):
                yield
        except BlockingIOError:
            raise Refusal("agent.already_running", folder=str(self.path)) from None

    def is_running(self) -> bool:
        """Whether an agent runs on this folder now."""
        if not self.lock.exists():
            return False
        try:
            with held(self.lock):
                return False
        except BlockingIOError:
            return True

    def paired(self) -> Paired:
        """Raises agent.not_paired, agent.file_damaged."""
        found = read_kept(self.config, Paired)
        if found is None:
            raise Refusal("agent.not_paired")
        return found

    def keep(self, paired: Paired) -> None:
        """Raises labels.not_writable."""
        write_kept(self.config, paired)

    def forget(self) -> None:
        """The pairing is over; the keys go too, so that the next one begins with others."""
        for file in (self.config, self.keys):
            file.unlink(missing_ok=True)


def empty(folder: Path) -> None:
    """Remove every file of a folder, which need not be there."""
    with suppress(OSError):
        for file in folder.iterdir():
            file.unlink(missing_ok=True)


K = TypeVar("K", bound=Struct)


def read_kept(path: Path, kind: type[K]) -> K | None:
    """What a small file keeps; None where there is none. Raises agent.file_damaged."""
    try:
        text = path.read_bytes()
        return msgspec.json.decode(text, type=kind) if text else None  # empty: a kill came before its first content
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as failed:
        raise Refusal("agent.file_damaged", file=path.name, reason=reason_of(failed)) from failed
    except (msgspec.DecodeError, UnicodeError):
        raise Refusal("agent.file_damaged", file=path.name, reason="JSON") from None


def write_kept(path: Path, content: Struct) -> None:
    """A small file for this user alone, whole or not at all. Raises labels.disk_full, labels.not_writable."""
    with written_private(path) as out:
        out.write(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


@contextmanager
def written_private(path: Path) -> Iterator[BinaryIO]:
    """`written_whole` for this user alone. Raises labels.disk_full, labels.not_writable."""
    try:
        path.touch(_FILE_OURS_ALONE)  # a file that is replaced hands its permissions on
    except OSError as failed:
        raise Refusal("labels.not_writable", file=path.name, reason=reason_of(failed)) from failed
    with written_whole(path) as out:
        yield out
