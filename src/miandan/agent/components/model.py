"""What the components want of the agent: its printers, a way to print sheets and hear how each ended, its pairing."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from miandan.kernel.errors import Refusal
from miandan.labels.agent_link import DataOf, Evidence
from miandan.labels.model import LabelData
from miandan.labels.template import Template


@dataclass(frozen=True, slots=True)
class PrinterCard:
    """A printer as a page may see and set it. Lengths are micrometres, 0 where they are not known."""

    name: str
    is_default: bool = False
    is_ready: bool = True
    dpi: int = 203
    width_um: int = 0  # of the paper
    height_um: int = 0
    offset_x_um: int = 0  # by which its prints are moved right and down
    offset_y_um: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One piece of paper to be printed. `key` is ours; its repr names nobody. `data` stands with the platform's print
    data: the server is told what becomes of it."""

    key: str
    printer: str
    label: LabelData = field(repr=False)
    template: Template = field(repr=False)
    data: DataOf | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """The sheet is ready for its printer."""

    key: str


@dataclass(frozen=True, slots=True)
class Printed:
    """The sheet is out, and what that rests on."""

    key: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing of the sheet reached the paper."""

    key: str
    why: Refusal


@dataclass(frozen=True, slots=True)
class Doubtful:
    """It broke between the first and the last byte: whether there is paper only a person can see."""

    key: str
    reason: str  # a code


@dataclass(frozen=True, slots=True)
class Canceled:
    """Somebody at the agent took the sheet back before it began."""

    key: str


Notice = Rendered | Printed | Failed | Doubtful | Canceled


@dataclass(frozen=True, slots=True)
class Pairing:
    """What the agent knows of its server. No page can change any of it.

    `server` is its address without a slash at the end; `public_url` is what template addresses begin with.
    """

    server: str
    public_url: str
    agent_id: str
    platform_key: bytes = field(repr=False)
    opening_key: bytes = field(repr=False)  # X25519, private


class Workshop(Protocol):
    """The agent's core."""

    def printers(self) -> Sequence[PrinterCard]:
        """Those that pages may use, in a fixed order."""

    def pairing(self) -> Pairing | None:
        """None while the agent belongs to no server."""

    def submit(self, sheets: Sequence[Sheet]) -> AsyncIterator[Notice]:
        """Print in this order. Each sheet is Rendered once at most, and then has one end; nothing is raised for a
        sheet. Whoever stops listening stops no sheet."""

    def note(self, event: str, **fields: object) -> None:
        """Write into the agent's log that something went wrong; fields are codes, counts and names of components."""

    async def move(self, printer: str, right_um: int, down_um: int) -> None:
        """From now on this printer's prints lie so far to the right and below, as a calibration would say it. Raises
        the Refusals of storing it."""
