"""`miandan calibrate`: a test sheet for a printer, and the way back for what was read off it."""

from pathlib import Path
from typing import TYPE_CHECKING

from miandan.cli.render import profile_folder
from miandan.cli.session import say

if TYPE_CHECKING:
    from miandan.labels.printers.readings import Readings


def calibrate(name: str, out: Path | None, read: "Readings") -> int:
    """Write the sheet, or keep what was read off one.

    Raises labels.profile_unknown, labels.profile_wrong, labels.readings_wrong, labels.readings_repeated, and those of
    writing a file.
    """
    from miandan.labels.printers.readings import Readings

    return _write(name, out) if read == Readings() else _keep(name, read)


def _write(name: str, out: Path | None) -> int:
    from miandan.labels.printers import profiles
    from miandan.labels.printers.calibration import documents
    from miandan.labels.whole_file import written_whole

    profile = profiles.profile(name, profile_folder())
    out = out or Path(f"calibrate.{profile.language}")
    sheets = [sheet.data for sheet in documents(profile)]
    with written_whole(out) as file:
        file.writelines(sheets)
    say(f"✓ 校准页 calibration sheet → {out}  {len(sheets)} 张 sheets  {profile.zh} {profile.en}")
    say("  接下来 next: 原样送到打印机，例如 send it raw to the printer, such as")
    say(f"    nc PRINTER 9100 < {out}        lp -d QUEUE -o raw {out}")
    say("  再把读数输回来 then type back what you read:")
    say(f"    miandan calibrate --profile {name} --left MM --top MM --darkness N --module N")
    return 0


def _keep(name: str, read: "Readings") -> int:
    from miandan.labels.printers import profiles

    now = profiles.calibrated(name, profile_folder(), read)
    darkness = "打印机自定 the printer's own" if now.darkness is None else str(now.darkness)
    say(f"✓ {name} 已校准 calibrated")
    say(f"  偏移 offset             {now.offset_x_um / 1000:+.2f} mm, {now.offset_y_um / 1000:+.2f} mm")
    say(f"  浓度 darkness           {darkness}")
    say(f"  最细条码 finest module  {now.finest_module} 点 dots")
    say(f"  再打一张核对 print another sheet to make sure: miandan calibrate --profile {name}")
    return 0
