"""printers.toml: which printers the agent has, and what each is told.

    [[printer]]
    name = "打包台 1"
    driver = "tcp"
    profile = "zpl-203"
    address = "192.168.1.50"

Without the file there is one folder printer, for trying out. Everything that is wrong is said at once, with the printer
and the field, and then there is no printer at all.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from miandan.agent.printers.model import Driver, MediaType
from miandan.kernel.errors import Refusal
from miandan.labels.pdf.imposing import Office
from miandan.labels.whole_file import reason_of

USUAL: Final[Mapping[str, Any]] = {"name": "文件夹", "driver": "folder", "profile": "zpl-203"}
"""The printer of an agent that was told of none."""

_MOST: Final = 200  # printers
_FORMS: Final[Mapping[Driver, Mapping[str, MediaType]]] = {
    Driver.FOLDER: {"pdf": MediaType.PDF, "png": MediaType.PNG},
    Driver.TCP: {"raw": MediaType.RAW},
    Driver.USBLP: {"raw": MediaType.RAW},
    Driver.SERIAL: {"raw": MediaType.RAW},
    Driver.CUPS: {"raw": MediaType.RAW, "pdf": MediaType.PDF},
    Driver.IPP: {"pdf": MediaType.PDF, "raw": MediaType.RAW},
    Driver.WINDOWS: {"raw": MediaType.RAW, "gdi": MediaType.DOTS},
}
"""What may be handed over, the usual form first."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong with a printer."""

    where: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """Whether a value will do, and what would."""

    holds: Callable[[Any], bool]
    zh: str
    en: str


def _text(most: int) -> _Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, str) and 0 < len(value) <= most and value.isprintable()

    return _Rule(holds, f"一行文字，最多 {most} 字", f"a line of text, {most} characters at most")


def _number(low: float, high: float) -> _Rule:
    def holds(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high

    return _Rule(holds, f"{low:g} 到 {high:g} 的数", f"a number from {low:g} to {high:g}")


def _one_of(*allowed: Any) -> _Rule:
    words = ", ".join(map(str, allowed))
    return _Rule(lambda value: type(value) is type(allowed[0]) and value in allowed, f"{words} 之一", f"one of {words}")


def _is_paper(value: Any) -> bool:
    parts = value.split("x") if isinstance(value, str) else []
    return len(parts) == 2 and all(part.isascii() and part.isdigit() and 20 <= int(part) <= 2_000 for part in parts)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_ipp(value: Any) -> bool:
    return (
        isinstance(value, str) and value.startswith(("ipp://", "ipps://")) and value.isprintable() and " " not in value
    )


_SWITCH: Final = _Rule(_is_switch, "true 或 false", "true or false")
_PATH: Final = _text(500)
_COMMON: Final[Mapping[str, _Rule]] = {
    "name": _text(60),
    "driver": _one_of(*(one.value for one in Driver)),
    "profile": _text(80),
    "paper": _Rule(_is_paper, "宽x高，毫米，如 76x130", "width x height in millimetres, such as 76x130"),
    "patience_s": _number(1, 3_600),
}
_OFFICE: Final[Mapping[str, _Rule]] = {"sheet": _one_of(*(one.value for one in Office)), "per_sheet": _one_of(2, 4)}
_DIRECT: Final[Mapping[str, _Rule]] = {"asks": _SWITCH}
_OWN: Final[Mapping[Driver, Mapping[str, _Rule]]] = {
    Driver.FOLDER: {"folder": _PATH, **_OFFICE},
    Driver.TCP: {"address": _text(255), "port": _number(1, 65_535), **_DIRECT},
    Driver.CUPS: {"queue": _text(127), "server": _text(255), "socket": _PATH, **_OFFICE},
    Driver.IPP: {
        "address": _Rule(_is_ipp, "ipp:// 或 ipps:// 地址", "an ipp:// or ipps:// address"),
        "certificate": _PATH,
        **_OFFICE,
    },
    Driver.USBLP: {"device": _PATH, **_DIRECT},
    Driver.SERIAL: {
        "device": _PATH,
        "baud": _one_of(1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400),
        "flow": _one_of("none", "rtscts", "xonxoff"),
        **_DIRECT,
    },
    Driver.WINDOWS: {"queue": _text(220)},
}
_NEEDED: Final[Mapping[Driver, tuple[str, ...]]] = {
    Driver.FOLDER: (),
    Driver.TCP: ("address",),
    Driver.CUPS: ("queue",),
    Driver.IPP: ("address",),
    Driver.USBLP: ("device",),
    Driver.SERIAL: ("device",),
    Driver.WINDOWS: ("queue",),
}


@dataclass(frozen=True, slots=True)
class Configured:
    """One printer as the file says it, checked; `own` are the fields of its driver."""

    name: str
    driver: Driver
    profile: str
    form: MediaType
    width_um: int  # 0: whatever the label needs
    height_um: int
    patience_s: float | None
    own: Mapping[str, Any]

    @property
    def office(self) -> Office | None:
        """Plain paper that several labels share; None for labels on their own."""
        return Office(self.own["sheet"]) if "sheet" in self.own else None


def configured(path: Path) -> list[Configured]:
    """The printers of the file in its order; the usual one where there is no file or an empty one.

    Raises Refusal agent.printers_unreadable, agent.printers_wrong.
    """
    rows = _rows(path)
    found = [wrong for number, row in enumerate(rows, 1) for wrong in _wrongs(number, row)]
    names = [row.get("name") for row in rows]
    twice = {name for name in names if isinstance(name, str) and names.count(name) > 1}
    found += [Wrong(f"name = {name}", "出现了两次", "stands twice") for name in sorted(twice)]
    if found:
        raise Refusal(
            "agent.printers_wrong",
            file=path.name,
            wrong_zh="；".join(f"{one.where} {one.zh}" for one in found),
            wrong_en="; ".join(f"{one.where} {one.en}" for one in found),
        )
    return [_of(row) for row in rows] or [_of(USUAL)]


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return []
    except OSError as failed:
        raise Refusal("agent.printers_unreadable", file=path.name, reason=reason_of(failed)) from failed
    except (ValueError, RecursionError) as wrong:  # no TOML, no UTF-8, a number or a nesting too large
        raise Refusal("agent.printers_unreadable", file=path.name, reason=str(wrong)[:200]) from None
    rows = told.get("printer", [])
    odd = sorted(told.keys() - {"printer"})
    if odd or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or len(rows) > _MOST:
        what = ", ".join(odd) or "printer"
        raise Refusal(
            "agent.printers_wrong",
            file=path.name,
            wrong_zh=f"{what} 应写成 [[printer]] 段，最多 {_MOST} 段",
            wrong_en=f"{what}: expected at most {_MOST} sections [[printer]]",
        )
    return rows


def _wrongs(number: int, row: Mapping[str, Any]) -> Iterator[Wrong]:
    called = row["name"] if _COMMON["name"].holds(row.get("name")) else f"{number}"
    if not _COMMON["driver"].holds(row.get("driver")):
        yield _expected(called, "driver", _COMMON["driver"])
        return
    kind = Driver(row["driver"])
    forms = _one_of(*_FORMS[kind])
    rules = {**_COMMON, **_OWN[kind], "form": forms}
    for name in ("name", "profile", *_NEEDED[kind]):
        if name not in row:
            yield Wrong(f"{called}: {name}", "没有写", "is missing")
    for name, value in row.items():
        rule = rules.get(name)
        if rule is None:
            yield Wrong(f"{called}: {name}", f"不是 {kind} 打印机的字段", f"is no field of a {kind} printer")
        elif not rule.holds(value):
            yield _expected(called, name, rule)
    yield from _of_office(called, kind, row)


def _of_office(called: str, driver: Driver, row: Mapping[str, Any]) -> Iterator[Wrong]:
    """Sheet and number go together, and only a PDF holds several labels."""
    if ("sheet" in row) != ("per_sheet" in row):
        yield Wrong(f"{called}: sheet, per_sheet", "要一起写", "belong together")
    form = row.get("form", next(iter(_FORMS[driver])))
    if "sheet" in row and form != "pdf":
        yield Wrong(f"{called}: sheet", '需要 form = "pdf"', 'needs form = "pdf"')


def _expected(called: str, name: str, rule: _Rule) -> Wrong:
    return Wrong(f"{called}: {name}", f"应为{rule.zh}", f"has to be {rule.en}")


def _of(row: Mapping[str, Any]) -> Configured:
    driver = Driver(row["driver"])
    forms = _FORMS[driver]
    width, height = (1000 * int(part) for part in row.get("paper", "0x0").split("x"))
    return Configured(
        row["name"],
        driver,
        row["profile"],
        forms[row.get("form", next(iter(forms)))],
        width,
        height,
        float(row["patience_s"]) if "patience_s" in row else None,
        {name: value for name, value in row.items() if name in _OWN[driver]},
    )
