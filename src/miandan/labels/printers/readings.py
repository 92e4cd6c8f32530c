"""What somebody reads off a calibration sheet, and what is kept of it: offsets, darkness, the finest bar that scans.

A profile's findings lie in a file of their own beside the profiles (`zpl-203.calibration.json`), written whole or not
at all.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from miandan.kernel.errors import Refusal
from miandan.labels.locked import locked
from miandan.labels.printers.profile import MOST_DARKNESS, Density, Language, Profile
from miandan.labels.whole_file import called, made_folder, reason_of, written_whole

CROSS_UM = 10_000
"""Where the cross of the sheet is meant to stand, from the left and from the upper edge of the paper."""

MODULES = (1, 2, 3, 4)
"""Dots of a module of the codes on the sheet."""

FARTHEST_UM = 20_000  # offset that a calibration may find; what is more is paper put in wrong

_STEPS, _STEP = 5, 2
_FARTHEST_READ_MM = 40
_OFFSETS = ("offset_x_um", "offset_y_um")
_LOCK = ".calibration.lock"


@dataclass(frozen=True, slots=True)
class Readings:
    """What is typed back; None is what was not read and stays as it is."""

    left_mm: float | None = None  # from the paper's left edge to the cross
    top_mm: float | None = None
    darkness: int | None = None  # the number on the sheet that reads best
    module: int | None = None  # the smallest number that the scanner read


_RANGES = {
    "offset_x_um": (-FARTHEST_UM, FARTHEST_UM),
    "offset_y_um": (-FARTHEST_UM, FARTHEST_UM),
    "darkness": (0, MOST_DARKNESS),
    "finest_module": (MODULES[0], MODULES[-1]),
    "last_left_um": (0, _FARTHEST_READ_MM * 1000),
    "last_top_um": (0, _FARTHEST_READ_MM * 1000),
}
"""What a calibration can have found."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What all calibrations of a profile together found; offsets come on top of the profile's own."""

    offset_x_um: int = 0
    offset_y_um: int = 0
    darkness: int | None = None
    finest_module: int | None = None
    last_left_um: int | None = None  # as it was read, to know the same readings when they come again
    last_top_um: int | None = None


def darkness_steps(profile: Profile) -> tuple[int, ...]:
    """The values of darkness that a calibration prints, around the profile's own.

    None where it cannot be set, or where the profile leaves it to the printer: pages that set it would change it.
    """
    if profile.darkness is None or (profile.language is Language.ESCPOS and profile.density is Density.NONE):
        return ()
    span = (_STEPS - 1) * _STEP
    first = min(max(0, profile.darkness - span // 2), MOST_DARKNESS - span)
    return tuple(range(first, first + span + 1, _STEP))


def applied(profile: Profile, folder: Path) -> Profile:
    """The profile with what was found so far. Raises Refusal `labels.profile_wrong` for a file that is damaged."""
    found = _kept(profile.name, folder)
    return replace(
        profile,
        offset_x_um=profile.offset_x_um + found.offset_x_um,
        offset_y_um=profile.offset_y_um + found.offset_y_um,
        darkness=profile.darkness if found.darkness is None else found.darkness,
        finest_module=profile.finest_module if found.finest_module is None else found.finest_module,
    )


def store(profile: Profile, folder: Path, read: Readings) -> Findings:
    """Keep what was read off a sheet that was printed with `profile`, which has the earlier findings applied.

    A cross too far to the right moves the print to the left, by as much, on top of what earlier sheets found. Raises
    Refusal `labels.readings_wrong`, `labels.readings_repeated` for those of a sheet that are in force already, and
    those of `written_whole` and `made_folder`. Several may calibrate at once: each adds to what the others found.
    """
    left, top = _read_um(read.left_mm), _read_um(read.top_mm)
    _refuse_wrong(profile, read)
    made_folder(folder)
    lock = folder / _LOCK
    try:
        with locked(lock):
            return _added(profile, folder, read, left, top)
    except OSError as failed:
        raise Refusal("labels.not_writable", file=lock.name, reason=reason_of(failed)) from failed


def _added(profile: Profile, folder: Path, read: Readings, left: int | None, top: int | None) -> Findings:
    """What was read, kept on top of what is kept already."""
    before = _kept(profile.name, folder)
    for now, last in ((left, before.last_left_um), (top, before.last_top_um)):
        if now is not None and now == last != CROSS_UM:
            raise Refusal("labels.readings_repeated", profile=profile.name, value=f"{now / 1000:g}")
    found = Findings(
        offset_x_um=_farther(before.offset_x_um, left),
        offset_y_um=_farther(before.offset_y_um, top),
        darkness=before.darkness if read.darkness is None else read.darkness,
        finest_module=before.finest_module if read.module is None else read.module,
        last_left_um=before.last_left_um if left is None else left,
        last_top_um=before.last_top_um if top is None else top,
    )
    _write(_file(profile.name, folder), found)
    return found


def _read_um(read_mm: float | None) -> int | None:
    if read_mm is None:
        return None
    if not 0 <= read_mm <= _FARTHEST_READ_MM:
        raise _wrong(
            f"{read_mm:g} mm", f"0 到 {_FARTHEST_READ_MM} 之间的毫米数", f"millimetres from 0 to {_FARTHEST_READ_MM}"
        )
    return round(read_mm * 1000)


def _farther(before_um: int, read_um: int | None) -> int:
    if read_um is None:
        return before_um
    offset = before_um + CROSS_UM - read_um
    if abs(offset) > FARTHEST_UM:
        raise _wrong(
            f"{read_um / 1000:g} mm",
            f"使累计偏移不超过 {FARTHEST_UM // 1000} 毫米的数（请检查纸张是否装正）",
            f"one that keeps the offset within {FARTHEST_UM // 1000} mm in all (check how the paper lies)",
        )
    return offset


def _refuse_wrong(profile: Profile, read: Readings) -> None:
    if read.darkness is not None and not darkness_steps(profile):
        raise _wrong(str(read.darkness), "空：它的浓度由打印机自己决定", "none: its darkness is the printer's own")
    if read.darkness is not None and not 0 <= read.darkness <= MOST_DARKNESS:
        raise _wrong(str(read.darkness), f"浓度 0 到 {MOST_DARKNESS}", f"a darkness from 0 to {MOST_DARKNESS}")
    if read.module is not None and read.module not in MODULES:
        raise _wrong(str(read.module), f"条码号 1 到 {MODULES[-1]}", f"the number of a code from 1 to {MODULES[-1]}")


def _wrong(value: str, zh: str, en: str) -> Refusal:
    return Refusal("labels.readings_wrong", value=value, wanted_zh=zh, wanted_en=en)


def _file(name: str, folder: Path) -> Path:
    return folder / f"{name}.calibration.json"


def _kept(name: str, folder: Path) -> Findings:
    path = _file(name, folder)
    try:
        row = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Findings()
    except OSError as failed:
        raise Refusal("labels.file_unreadable", file=called(path), reason=reason_of(failed)) from failed
    except (ValueError, RecursionError):
        row = None
    if not _is_record(row):
        raise Refusal(
            "labels.profile_wrong",
            file=path.name,
            wrong_zh="不是完整的校准记录，删除它就回到未校准的状态",
            wrong_en="no complete record of a calibration; without the file the profile is as before any",
        )
    return Findings(**row)


def _is_record(row: Any) -> bool:
    """Whether it is what calibrations write: every finding, each within what one can find."""
    if not isinstance(row, dict) or set(row) != set(_RANGES):
        return False
    return all(_can_be(value, name) for name, value in row.items())


def _can_be(value: Any, name: str) -> bool:
    low, high = _RANGES[name]
    return name not in _OFFSETS if value is None else type(value) is int and low <= value <= high


def _write(path: Path, found: Findings) -> None:
    with written_whole(path) as out:
        out.write(json.dumps(asdict(found), indent=1).encode() + b"\n")
