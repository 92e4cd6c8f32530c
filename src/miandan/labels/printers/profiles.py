"""The printers that are at hand: those shipped with the program, and the files of a folder that add or change some.

A file of the folder is one printer, named for it (`warehouse.toml`), with the fields of a profile. What it leaves out
comes from the profile that it names as `base`, or from the shipped one of its own name. What a calibration found out
(`readings.py`) is added to either.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from miandan.kernel.errors import Refusal
from miandan.labels.printers import readings
from miandan.labels.printers.profile import Profile
from miandan.labels.printers.rules import Wrong, profile_of, shown, wrongs
from miandan.labels.whole_file import reason_of

_PRINTERS_OWN = ("darkness", "speed_mm_s")
"""Fields that a file may set to "printer": then the printer's own setting is left alone."""


@cache
def shipped() -> dict[str, Profile]:
    """The profiles of profiles.toml, by name. Raises ValueError when a row is wrong; a test reads all of them."""
    text = resources.files(__package__).joinpath("profiles.toml").read_text(encoding="utf-8")
    found: dict[str, Profile] = {}
    for row in tomllib.loads(text)["profile"]:
        for wrong in wrongs(row):
            raise ValueError(f"profiles.toml, {row.get('name')}: {wrong.field} {wrong.en}")
        found[row["name"]] = profile_of(row)
    return found


def names(folder: Path | None = None) -> tuple[str, ...]:
    """Names of all profiles, the shipped ones first; files of the folder are not opened."""
    own = sorted(path.stem for path in folder.glob("*.toml")) if folder is not None and folder.is_dir() else []
    return (*shipped(), *(name for name in own if name not in shipped()))


def profile(name: str, folder: Path | None = None) -> Profile:
    """The profile of that name as it is now: shipped or the folder's own, with what its calibration found.

    Raises Refusal `labels.profile_unknown` or, with the place and what was expected, `labels.profile_wrong`.
    """
    if name not in names(folder):
        near = get_close_matches(name, names(folder), 5, 0.4) or names(folder)
        raise Refusal("labels.profile_unknown", name=name, near="、".join(near))
    plain = _own(folder / f"{name}.toml") if folder is not None and _is_own(name, folder) else shipped()[name]
    return plain if folder is None else readings.applied(plain, folder)


def _is_own(name: str, folder: Path) -> bool:
    return (folder / f"{name}.toml").exists()


def _own(path: Path) -> Profile:
    row = _row(path)
    base = row.pop("base", path.stem if path.stem in shipped() else None)
    if base is not None and (not isinstance(base, str) or base not in shipped()):
        known = list(shipped())
        wanted_zh, wanted_en = f"应为 {' 或 '.join(known)}", f"expected one of {', '.join(known)}"
        raise _refusal(path, [Wrong("base", f"{wanted_zh}，实际是 {shown(base)}", f"{wanted_en}, got {shown(base)}")])
    before = {} if base is None else dict(_said(shipped()[base]))
    whole = before | {"source": path.name, "confidence": "own", "name": path.stem} | row
    for name in _PRINTERS_OWN:
        if whole.get(name) == "printer":
            del whole[name]
    found = [*wrongs(whole)]
    if whole["name"] != path.stem:
        found.append(Wrong("name", f"应与文件名一致：{path.stem}", f"has to be that of the file: {path.stem}"))
    if found:
        raise _refusal(path, found)
    return profile_of(whole)


def _said(known: Profile) -> Iterator[tuple[str, Any]]:
    """The fields of a profile as a file would say them."""
    for name, value in asdict(known).items():
        if value is not None:
            yield name, str(value) if isinstance(value, StrEnum) else value


def _row(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as wrong:
        raise _refusal(path, [Wrong("", f"不是有效的 TOML（{wrong}）", f"no valid TOML ({wrong})")]) from None
    except UnicodeDecodeError:
        raise _refusal(path, [Wrong("", "不是 UTF-8 编码", "not in UTF-8")]) from None
    except (ValueError, RecursionError):
        wrong_zh, wrong_en = "嵌套过深，或数字过大", "nested too deeply, or a number is too large"
        raise _refusal(path, [Wrong("", f"不是有效的 TOML（{wrong_zh}）", f"no valid TOML ({wrong_en})")]) from None
    except OSError as failed:
        raise Refusal("labels.file_unreadable", file=path.name, reason=reason_of(failed)) from failed


def _refusal(path: Path, found: list[Wrong]) -> Refusal:
    """All of it at once, so that a file is corrected once."""
    return Refusal(
        "labels.profile_wrong",
        file=path.name,
        wrong_zh="；".join(f"{one.field} {one.zh}".strip() for one in found),
        wrong_en="; ".join(f"{one.field} {one.en}".strip() for one in found),
    )


def calibrated(name: str, folder: Path, found: readings.Readings) -> Profile:
    """Store what somebody read off the calibration sheet of a profile; the profile as it is from now on.

    Raises the Refusals of `profile` and of `readings.store`.
    """
    before = profile(name, folder)
    readings.store(before, folder, found)
    return profile(name, folder)
