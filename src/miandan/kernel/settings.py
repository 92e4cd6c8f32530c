"""Everything that can be set from outside, as environment variables whose names begin with MIANDAN_.

The table is the dataclass itself: each field carries its variable, its meaning in both languages and its default in
words. docs/settings.md lists the same rows, and a test fails when one is missing there.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from miandan.kernel.errors import Refusal

_YES = {"1", "true", "yes", "on"}
_NO = {"", "0", "false", "no", "off"}
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One row of the table, for documentation and for `--help`."""

    name: str
    zh: str
    en: str
    default: str


def _row(name: str, zh: str, en: str, default: str) -> dict[str, SettingRow]:
    return {"row": SettingRow(name, zh, en, default)}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the program was told by its environment. Values that are secret stay out of its repr."""

    data: Path = field(
        metadata=_row(
            "MIANDAN_DATA",
            "数据目录：内置数据库、密钥文件都在里面",
            "data folder: the embedded database and the key file live in it",
            "$XDG_DATA_HOME/miandan, ~/.local/share/miandan",
        )
    )
    database_url: str | None = field(
        default=None,
        repr=False,
        metadata=_row(
            "MIANDAN_DATABASE_URL",
            "改用外部 PostgreSQL（15 或更新），例如 postgresql://user:password@host/miandan；不设则用内置数据库",
            "use this PostgreSQL (15 or newer), such as postgresql://user:password@host/miandan, "
            "instead of the embedded one",
            "",
        ),
    )
    passphrase: str | None = field(
        default=None,
        repr=False,
        metadata=_row(
            "MIANDAN_PASSPHRASE",
            "保护收件人保险库根密钥文件的口令；沙箱之外没有默认值",
            "passphrase of the vault's root key file; outside the sandbox there is no default",
            "",
        ),
    )
    sandbox: bool = field(
        default=False,
        metadata=_row(
            "MIANDAN_SANDBOX",
            "1 = 沙箱：示例商家、示例快递公司，不需要口令",
            "1 = sandbox: invented merchants and fake carriers, no passphrase needed",
            "0",
        ),
    )
    pool: int = field(
        default=10,
        metadata=_row(
            "MIANDAN_POOL",
            "本进程最多同时使用的数据库连接数",
            "database connections that one process uses at most",
            "10",
        ),
    )
    linger_seconds: float = field(
        default=5.0,
        metadata=_row(
            "MIANDAN_LINGER",
            "最后一个程序退出后，内置数据库再保留多少秒，好让下一条命令立即可用",
            "seconds for which the embedded database outlives its last program, so that the next command finds it warm",
            "5",
        ),
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Settings of this process. Raises Refusal `settings.bad_value` for a value that cannot be read."""
        env = os.environ if environment is None else environment
        return cls(
            data=_data_folder(env),
            database_url=env.get("MIANDAN_DATABASE_URL") or None,
            passphrase=env.get("MIANDAN_PASSPHRASE") or None,
            sandbox=_flag("MIANDAN_SANDBOX", env),
            pool=_number("MIANDAN_POOL", env, 10, int, least=4),
            linger_seconds=_number("MIANDAN_LINGER", env, 5.0, float, least=0.0),
        )

    @classmethod
    def rows(cls) -> list[SettingRow]:
        """The table, in the order of the fields."""
        return [entry.metadata["row"] for entry in fields(cls)]


def _data_folder(env: Mapping[str, str]) -> Path:
    if given := env.get("MIANDAN_DATA"):
        return Path(given).expanduser().absolute()
    # The XDG specification says that a relative path is to be ignored.
    shared = env.get("XDG_DATA_HOME", "")
    home = Path(shared) if Path(shared).is_absolute() else Path.home() / ".local" / "share"
    return home / "miandan"


def _flag(name: str, env: Mapping[str, str]) -> bool:
    given = env.get(name, "").strip().lower()
    if given in _YES | _NO:
        return given in _YES
    raise Refusal("settings.bad_value", name=name, wanted="0 / 1")


def _number(name: str, env: Mapping[str, str], default: N, read: Callable[[str], N], least: N) -> N:
    given = env.get(name, "").strip()
    if not given:
        return default
    try:
        value = read(given)
    except ValueError:
        value = least - 1
    if not value >= least:  # also refuses nan
        raise Refusal("settings.bad_value", name=name, wanted=f">= {least}")
    return value
