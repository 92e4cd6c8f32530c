"""What was read off a calibration sheet, put in force: on the profile, which all printers of that kind share, or on one
printer alone where a page of an ERP has moved that one before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from miandan.agent.components.workshop import AgentWorkshop
from miandan.agent.printers.model import MediaType, Printer
from miandan.agent.program import Agent
from miandan.kernel.errors import Refusal
from miandan.labels.printers import profiles
from miandan.labels.printers.profile import Profile
from miandan.labels.printers.readings import CROSS_UM, FARTHEST_UM, Readings, darkness_steps

_UM_PER_MM: Final = 1_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """A printer as its calibration shows it. `steps` are the values of darkness that its sheets show, if any."""

    printer: str
    profile: str
    offset_x_um: int
    offset_y_um: int
    darkness: int | None
    finest_module: int
    steps: Sequence[int]


def calibration(agent: Agent, name: str) -> Calibration:
    """Raises agent.printer_unknown."""
    printer = agent.bench(name).printer
    profile = printer.profile
    return Calibration(
        name,
        profile.name,
        profile.offset_x_um,
        profile.offset_y_um,
        profile.darkness,
        profile.finest_module,
        darkness_steps(profile) if printer.takes is MediaType.RAW else (),
    )


async def calibrated(agent: Agent, name: str, read: Readings) -> None:
    """Keep what was read; it is in force from the next sheet on.

    Raises agent.printer_unknown and the Refusals of `profiles.calibrated`.
    """
    printer = agent.bench(name).printer
    before = profiles.profile(printer.profile.name, agent.folder.profiles)
    if _was_moved(printer, before):
        await _moved_on(agent, printer, read)
        read = replace(read, left_mm=None, top_mm=None)
    if read == Readings():
        return
    after = profiles.calibrated(before.name, agent.folder.profiles, read)
    for bench in agent.benches.values():
        if bench.printer.profile.name == after.name:
            _take(bench.printer, before, after)


def _was_moved(printer: Printer, own: Profile) -> bool:
    """Whether its prints lie elsewhere than its profile says."""
    now = printer.profile
    return (now.offset_x_um, now.offset_y_um) != (own.offset_x_um, own.offset_y_um)


def _take(printer: Printer, before: Profile, after: Profile) -> None:
    """The profile as it is now; a printer that was moved stays where it is."""
    now = printer.profile
    if _was_moved(printer, before):
        after = replace(after, offset_x_um=now.offset_x_um, offset_y_um=now.offset_y_um)
    printer.profile = after


async def _moved_on(agent: Agent, printer: Printer, read: Readings) -> None:
    """From where the printer prints now, by what the cross was off. Raises labels.readings_wrong."""
    now = printer.profile
    right, down = _farther(now.offset_x_um, read.left_mm), _farther(now.offset_y_um, read.top_mm)
    if (right, down) != (now.offset_x_um, now.offset_y_um):
        await AgentWorkshop(agent, agent.folder.components).move(printer.name, right, down)


def _farther(before_um: int, read_mm: float | None) -> int:
    if read_mm is None:
        return before_um
    offset = before_um + CROSS_UM - round(read_mm * _UM_PER_MM)
    if read_mm < 0 or abs(offset) > FARTHEST_UM:
        most = FARTHEST_UM // _UM_PER_MM
        raise Refusal(
            "labels.readings_wrong",
            value=f"{read_mm:g} mm",
            wanted_zh=f"使累计偏移不超过 {most} 毫米的数（请检查纸张是否装正）",
            wanted_en=f"one that keeps the offset within {most} mm in all (check how the paper lies)",
        )
    return offset
