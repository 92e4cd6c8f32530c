"""Everything that can be set from outside, as environment variables whose names begin with MIANDAN_.

The table is the dataclass itself: each field carries its variable, its meaning in both languages and its default in
words. docs/settings.md lists the same rows, and a test fails when one is missing there.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from miandan.kernel.errors import Refusal

_YES = {"1", "true", "yes", "on"}
_NO = {"", "0", "false", "no", "off"}
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8080"
"""Where nothing is said; `miandan serve` puts its own port in its place."""

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

    host: str = field(
        default="127.0.0.1",
        metadata=_row(
            "MIANDAN_HOST",
            "服务监听的地址；所有网卡填 0.0.0.0，前面须有 HTTPS 反向代理",
            "address that the server listens on; 0.0.0.0 for every interface, behind a proxy that speaks HTTPS",
            "127.0.0.1",
        ),
    )
    port: int = field(
        default=8080,
        metadata=_row("MIANDAN_PORT", "服务监听的端口", "port that the server listens on", "8080"),
    )
    doudian_port: int | None = field(
        default=None,
        metadata=_row(
            "MIANDAN_DOUDIAN_PORT",
            "抖店接口另外独占的端口，供只能改主机名的客户端使用；不设则只在 /doudian",
            "one more port for the Doudian interface alone, for clients that can only change the host; "
            "without it the interface is at /doudian",
            "",
        ),
    )
    public_url: str = field(
        default=DEFAULT_PUBLIC_URL,
        metadata=_row(
            "MIANDAN_PUBLIC_URL",
            "对外的网址，面单模板等链接以它开头，例如 https://miandan.example.com",
            "address by which the outside reaches this server, such as https://miandan.example.com; "
            "links to label templates begin with it",
            "http://127.0.0.1:8080",
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
            host=env.get("MIANDAN_HOST", "").strip() or "127.0.0.1",
            port=_number("MIANDAN_PORT", env, 8080, int, least=0),
            doudian_port=_number("MIANDAN_DOUDIAN_PORT", env, 0, int, least=0) or None,
            public_url=_address("MIANDAN_PUBLIC_URL", env, DEFAULT_PUBLIC_URL),
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


def _address(name: str, env: Mapping[str, str], default: str) -> str:
    """An http or https address without a slash at its end."""
    given = env.get(name, "").strip().rstrip("/") or default
    try:
        parts = urlsplit(given)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        fits = False
    if not fits:
        raise Refusal("settings.bad_value", name=name, wanted="https://host[:port]")
    return given


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
