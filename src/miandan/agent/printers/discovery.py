"""Printers that can be found without asking the network: queues of CUPS and Windows, USB devices, serial lines.

What is found is a proposal with the lines for printers.toml; nobody's printer is used because it was found.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from miandan.agent.printers.ipp.client import Declined
from miandan.agent.printers.ipp.queue import cups_queues
from miandan.agent.printers.ipp.transport import AnswerLost, NotReached, Server
from miandan.agent.printers.model import Condition, Driver, State
from miandan.agent.printers.opening import cups_server
from miandan.kernel.errors import Refusal
from miandan.labels.printers.profile import Language

_SERIAL: Final = ("serial/by-id/*", "rfcomm*", "ttyUSB*", "ttyACM*")
"""Under /dev; ttyS* exist on every machine and say nothing."""

_COMMANDS: Final = (
    (re.compile(r"ZPL"), Language.ZPL),
    (re.compile(r"TSPL|TSC"), Language.TSPL),
    (re.compile(r"CPCL"), Language.CPCL),
    (re.compile(r"ESC/?POS|ESCPOS|POS"), Language.ESCPOS),
)


_UNASKED: Final = Condition(State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Found:
    """One printer that could be used. `address` is its queue or device; `language` is None where it does not say."""

    driver: Driver
    address: str
    what: str  # maker and model, or the queue's description
    condition: Condition = _UNASKED
    language: Language | None = None

    @property
    def section(self) -> str:
        """What to write into printers.toml."""
        field = "queue" if self.driver in (Driver.CUPS, Driver.WINDOWS) else "device"
        profile = f"{self.language or Language.ZPL}-203"
        lines = ("[[printer]]", f"name = {_quoted(self.what or self.address)}", f'driver = "{self.driver}"')
        return "\n".join((*lines, f"{field} = {_quoted(self.address)}", f'profile = "{profile}"')) + "\n"


def _quoted(text: str) -> str:
    plain = "".join(one for one in text if one.isprintable())[:60]
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def discovered(server: Server | None = None, dev: Path = Path("/dev"), sys_: Path = Path("/sys")) -> list[Found]:
    """Everything that is there now, queues first. What cannot be asked is left out, for it may just not be here."""
    found = await _of_cups(server or cups_server())
    return [*found, *usb_devices(dev, sys_), *serial_lines(dev), *_of_windows()]


async def _of_cups(server: Server) -> list[Found]:
    try:
        queues = await cups_queues(server)
    except (NotReached, AnswerLost, Declined, Refusal):
        return []
    return [Found(Driver.CUPS, one.name, one.info or one.name, one.condition) for one in queues]


def usb_devices(dev: Path, sys_: Path) -> list[Found]:
    """Those of usblp, with what each says of itself (IEEE 1284 id)."""
    return [_usb(device, sys_) for device in sorted(dev.glob("usb/lp*"))]


def _usb(device: Path, sys_: Path) -> Found:
    try:
        said = (sys_ / "class" / "usbmisc" / device.name / "device" / "ieee1284_id").read_text(errors="replace")
    except OSError:
        said = ""
    fields = device_id(said)
    what = " ".join(part for part in (fields.get("MFG", ""), fields.get("MDL", "")) if part)
    commands = fields.get("CMD", "").upper()
    language = next((one for pattern, one in _COMMANDS if pattern.search(commands)), None)
    return Found(Driver.USBLP, str(device), what, language=language)


def device_id(said: str) -> dict[str, str]:
    """The fields of an IEEE 1284 device id under their short names."""
    short = {"MANUFACTURER": "MFG", "MODEL": "MDL", "COMMAND SET": "CMD"}
    pairs = (part.partition(":") for part in said.strip().split(";"))
    return {short.get(name.strip().upper(), name.strip().upper()): value.strip() for name, _, value in pairs if value}


def serial_lines(dev: Path) -> list[Found]:
    """Lines that a printer may be on, each once; a name that stays is preferred to a number."""
    seen: set[Path] = set()
    found = []
    for device in (one for pattern in _SERIAL for one in sorted(dev.glob(pattern))):
        if device.resolve() not in seen:
            seen.add(device.resolve())
            found.append(Found(Driver.SERIAL, str(device), device.name))
    return found


def _of_windows() -> Iterator[Found]:
    if sys.platform != "win32":
        return
    from miandan.agent.printers.windows.printer import condition_of
    from miandan.agent.printers.windows.spooler import Failed, Spooler
    from miandan.agent.printers.windows.winspool import loaded

    spooler = Spooler(loaded())
    try:
        for name in spooler.printers():
            printer = spooler.printer(name)
            yield Found(Driver.WINDOWS, name, name, condition_of(printer))
    except Failed:
        return
