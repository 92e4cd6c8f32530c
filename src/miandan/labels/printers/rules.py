"""What each field of a printer profile may be, and what is wrong with one, in both languages."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Any

from miandan.labels.printers.profile import MOST_DARKNESS, Codec, Density, Language, Media, Profile, SheetEnd

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_FONT = re.compile(r"[REBA]:[A-Z0-9_]{1,16}\.(TTF|TTE)")
_TSPL_LONGEST_GAP_UM = 25_400
_TSPL_SHORTEST_MARK_UM = 2_540


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong: the field, and what was expected there."""

    field: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """Whether a value will do, and what would."""

    holds: Callable[[Any], bool]
    zh: str
    en: str


def _whole(low: int, high: int, unit_zh: str = "", unit_en: str = "") -> _Rule:
    return _Rule(
        lambda value: type(value) is int and low <= value <= high,
        f"{low} 到 {high} 的整数{unit_zh}",
        f"a whole number from {low} to {high}{unit_en}",
    )


def _micrometres(low: int, high: int) -> _Rule:
    return _whole(low, high, "（微米）", " (micrometres)")


def _one_of(kind: type[StrEnum]) -> _Rule:
    return _choice(*(one.value for one in kind))


def _choice(*allowed: str | int) -> _Rule:
    words = [str(one) for one in allowed]
    kinds = {type(one) for one in allowed}
    return _Rule(
        lambda value: type(value) in kinds and value in allowed, " 或 ".join(words), "one of " + ", ".join(words)
    )


def _text(pattern: re.Pattern[str], zh: str, en: str) -> _Rule:
    return _Rule(lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None, zh, en)


_SOME_TEXT = _text(re.compile(r"[^\x00-\x1f]{1,300}"), "一行文字", "a line of text")
_FONT_FILE = _text(
    re.compile(rf"({_FONT.pattern})?"),
    "打印机上的字体文件，如 E:NOTOSC.TTF",
    "a font file on the printer: E:NOTOSC.TTF",
)

_RULES: dict[str, _Rule] = {
    "name": _text(_NAME, "小写字母、数字、点、下划线和短横线", "small letters, digits, dots, _ and -"),
    "zh": _SOME_TEXT,
    "en": _SOME_TEXT,
    "language": _one_of(Language),
    "dpi": _choice(203, 300),
    "width_um": _micrometres(20_000, 300_000),
    "length_um": _micrometres(20_000, 2_000_000),
    "media": _one_of(Media),
    "source": _SOME_TEXT,
    "confidence": _choice("seen", "inferred", "memory", "own"),
    "gap_um": _micrometres(0, _TSPL_LONGEST_GAP_UM),
    "darkness": _whole(0, MOST_DARKNESS),
    "speed_mm_s": _whole(10, 400, "（毫米/秒）", " (mm/s)"),
    "codec": _one_of(Codec),
    "font_regular": _FONT_FILE,
    "font_bold": _FONT_FILE,
    "sheet_end": _one_of(SheetEnd),
    "density": _one_of(Density),
    "offset_x_um": _micrometres(-20_000, 20_000),
    "offset_y_um": _micrometres(-20_000, 20_000),
    "finest_module": _whole(1, 10, "（点）", " (dots)"),
}

_REQUIRED = tuple(one.name for one in fields(Profile) if one.default is MISSING)
_CODECS = {
    Language.ZPL: (Codec.Z64, Codec.HEX),
    Language.TSPL: (Codec.RAW,),
    Language.CPCL: (Codec.RAW, Codec.HEX),
    Language.ESCPOS: (Codec.RAW,),
}


def wrongs(row: Mapping[str, Any]) -> Iterator[Wrong]:
    """All that is wrong with a row of fields; nothing when it makes a profile."""
    found = [*_each(row)]
    yield from found
    if not found:
        yield from _together(_made(row))


def profile_of(row: Mapping[str, Any]) -> Profile:
    """The profile that a row without wrongs makes."""
    return _made(row)


def _each(row: Mapping[str, Any]) -> Iterator[Wrong]:
    for name in _REQUIRED:
        if name not in row:
            yield Wrong(name, f"缺少，应为 {_RULES[name].zh}", f"is missing; expected {_RULES[name].en}")
    for name, value in row.items():
        rule = _RULES.get(name)
        if rule is None:
            known = "、".join(_RULES)
            yield Wrong(name, f"没有这个字段，可用的有 {known}", f"is no field; there are {known.replace('、', ', ')}")
        elif not rule.holds(value):
            yield Wrong(name, f"应为 {rule.zh}，实际是 {shown(value)}", f"expected {rule.en}, got {shown(value)}")


def shown(value: object) -> str:
    """A value that somebody wrote, as far as a refusal repeats it."""
    try:
        return repr(value)[:60]
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists in lists
        return "…"


def _made(row: Mapping[str, Any]) -> Profile:
    kinds: dict[str, type[StrEnum]] = {
        "language": Language,
        "media": Media,
        "codec": Codec,
        "sheet_end": SheetEnd,
        "density": Density,
    }
    told: dict[str, Any] = {name: kinds[name](value) if name in kinds else value for name, value in row.items()}
    return Profile(**told)


def _together(profile: Profile) -> Iterator[Wrong]:
    """What no field says alone."""
    codecs = _CODECS[profile.language]
    if profile.codec not in codecs:
        words = [one.value for one in codecs]
        yield Wrong(
            "codec",
            f"{profile.language} 只能用 {' 或 '.join(words)}",
            f"{profile.language} takes {' or '.join(words)} only",
        )
    if bool(profile.font_regular) != bool(profile.font_bold):
        yield Wrong("font_bold", "两个字体要么都写，要么都不写", "both fonts are given, or neither")
    if profile.has_fonts and profile.language is not Language.ZPL:
        yield Wrong("font_regular", "只有 zpl 能用打印机上的字体", "only zpl can use fonts of the printer")
    if profile.language is Language.TSPL and profile.media is Media.MARK and profile.gap_um < _TSPL_SHORTEST_MARK_UM:
        yield Wrong(
            "gap_um", "TSPL 的黑标高度不小于 2540（微米）", "a black mark of TSPL is 2540 micrometres high or more"
        )
