"""Sheets to print, and the profiles and patience of tests."""

from dataclasses import replace

from miandan.agent.journal import Slip
from miandan.agent.printers.direct import Patience
from miandan.agent.printers.model import Loaded
from miandan.labels.printers.profile import Profile
from miandan.labels.printers.profiles import profile

LOADED = Loaded(76_000, 130_000)

QUICK = Patience(connect=0.5, stalled=0.4, answer=0.3, printing=1.0, unseen=0.2, fresh=0.0, peace=60.0, rest=0.01)
"""As usual, in tenths of seconds."""


def sheet(number: int = 1, sheet_id: str = "") -> Slip:
    """A sheet of a job, at this place."""
    return Slip(sheet_id or f"0199-sheet-{number}", "bench", 1, "job-7", number, f"7312345678{number:04d}")


def own(name: str = "zpl-203") -> Profile:
    return replace(profile(name), name=name)
