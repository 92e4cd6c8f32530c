"""The components that are spoken: rows of profiles.toml, and what the agent's settings make of them."""

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from miandan.kernel.errors import Refusal

Family = Literal["0.x", "1.5", "both"]


class Component(Struct, frozen=True, forbid_unknown_fields=True):
    """How one print component is spoken; field names are those of the protocol."""

    name: str
    zh: str
    en: str
    ports: tuple[int, ...]
    secure_ports: tuple[int, ...]
    version: str
    most_documents: int  # of a task
    source: str
    confidence: str
    paths: tuple[str, ...] = ("/",)
    speech: Literal["envelope", "jd"] = "envelope"
    notices: Family = "0.x"
    notice_cmd: str = "notifyPrintResult"
    notice_has_request: bool = True
    old_version: str = ""  # of the 0.x family, where that is another one
    version_field: str = "version"
    failure_field: str = "notifyOnTaskFailure"
    top_logo: str = "needTopLogo"
    bottom_logo: str = "needBottomLogo"
    partly: str = "failed"  # what a task is called of which only some documents were printed


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may set for one component. An empty value is the component's own.

    `programs`: callers without an Origin, which are no browsers, need the token ("token") or nothing ("allow").
    `duplicates`: the same content again within ten minutes is asked about or printed as a copy. `plain`: print data of
    other platforms that is not encrypted is masked like our own labels, printed in full, or refused. `vendor_port`:
    where the platform's own component listens, which gets what only it can decrypt.
    """

    ports: tuple[int, ...] | None = None
    secure_ports: tuple[int, ...] | None = None
    notices: Literal["", "0.x", "1.5", "both"] = ""
    programs: Literal["token", "allow"] = "token"
    duplicates: Literal["ask", "copy"] = "ask"
    plain: Literal["masked", "full", "refuse"] = "masked"
    vendor_port: int = 0


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The file components.toml of the agent's folder. Without it nothing listens.

    Seconds: how long a request waits for the consent of the user to its page, and how long a task waits for the answer
    to the question whether to print again.
    """

    components: tuple[str, ...] = ()
    component: dict[str, Options] = {}
    consent_seconds: float = 8.0
    answer_seconds: float = 60.0

    def options(self, name: str) -> Options:
        return self.component.get(name) or Options()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    component: tuple[Component, ...]
    carriers: dict[str, str]


@cache
def _file() -> _File:
    text = resources.files(__package__).joinpath("profiles.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File)


def components() -> dict[str, Component]:
    """All that can be spoken, by name."""
    return {one.name: one for one in _file().component}


def carrier_of(code: str) -> str:
    """Our code for a carrier's code in plain print data; empty where it is not known."""
    return _file().carriers.get(code.strip().upper(), "")


def read_settings(path: Path) -> Settings:
    """The settings of a file; those of nothing where there is none. Raises agent.component_setting_wrong."""
    try:
        return settings_of(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise Refusal("agent.component_setting_wrong", setting=path.name, wanted="TOML") from None


def settings_of(plain: dict[str, Any]) -> Settings:
    """Raises agent.component_setting_wrong."""
    try:
        found = msgspec.convert(plain, Settings)
    except msgspec.ValidationError as wrong:
        setting = str(wrong).rpartition("`$")[2].strip("`.") or "components.toml"
        raise Refusal("agent.component_setting_wrong", setting=setting, wanted=str(wrong).partition(" - ")[0]) from None
    for name in (*found.components, *found.component):
        if name not in components():
            raise Refusal("agent.component_setting_wrong", setting=name[:40], wanted=", ".join(components()))
    return found
