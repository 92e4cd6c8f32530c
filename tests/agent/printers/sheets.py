"""Sheets to print, and the profiles and patience of tests."""

from dataclasses import replace

from miandan.agent.journal import Slip
from miandan.agent.printers.direct import Patience
from miandan.agent.printers.model import Loaded
from miandan.labels.printers.profile import Profile
from miandan.labels.printers.profiles import profile

LOADED = Loaded(76_000, 130_000)

PATIENT = Patience(
    connect=60.0, stalled=60.0, answer=60.0, printing=60.0, unseen=60.0, fresh=0.0, peace=600.0, rest=0.01
)
"""For devices that do answer, however slow the machine is; what a test waits out it makes short (`replace`)."""

SILENT = replace(PATIENT, asks_after=float("inf"))
"""For devices that are not asked."""


def sheet(number: int = 1, sheet_id: str = "") -> Slip:
    """A sheet of a job, at this place."""
    return Slip(sheet_id or f"0199-sheet-{number}", "bench", 1, "job-7", number, f"7312345678{number:04d}")


def own(name: str = "zpl-203") -> Profile:
    return replace(profile(name), name=name)
