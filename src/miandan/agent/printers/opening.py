"""From what printers.toml says to printers. Drivers of one system only are loaded where that system is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from miandan.agent.folder import Folder
from miandan.agent.printers.configured import Configured, configured
from miandan.agent.printers.direct import USUAL, Patience
from miandan.agent.printers.folder import FolderPrinter
from miandan.agent.printers.ipp.queue import QueuePrinter
from miandan.agent.printers.ipp.transport import SOCKETS, Server, server_of
from miandan.agent.printers.model import QUEUE_SECONDS, Driver, Loaded, Printer
from miandan.agent.printers.tcp import PORT, TcpPrinter
from miandan.kernel.errors import Refusal
from miandan.labels.printers.profile import Profile
from miandan.labels.printers.profiles import profile

_NEVER: Final = float("inf")


def open_printers(folder: Folder) -> list[Printer]:
    """The printers of the agent's folder, in the order of its file. Nothing is connected yet.

    Raises Refusal agent.printers_unreadable, agent.printers_wrong, agent.driver_not_here, labels.profile_unknown,
    labels.profile_wrong.
    """
    return [_opened(one, folder) for one in configured(folder.printers)]


def _opened(one: Configured, folder: Folder) -> Printer:
    own = profile(one.profile, folder.profiles)
    office = one.office
    if office is None:
        loaded = Loaded(one.width_um, one.height_um)
    else:
        loaded = Loaded(*office.size_um, one.own["per_sheet"], office.value)
    return _DRIVERS[one.driver](one, own, loaded, folder)


def _folder(one: Configured, own: Profile, loaded: Loaded, folder: Folder) -> Printer:
    told = one.own.get("folder")
    where = folder.path / Path(told).expanduser() if told else folder.printed
    return FolderPrinter(one.name, own, loaded, where, one.form)


def _tcp(one: Configured, own: Profile, loaded: Loaded, _folder: Folder) -> Printer:
    return TcpPrinter(one.name, own, loaded, one.own["address"], int(one.own.get("port", PORT)), _patience(one))


def _cups(one: Configured, own: Profile, loaded: Loaded, _folder: Folder) -> Printer:
    path = f"/printers/{one.own['queue']}"
    return _queue(one, own, loaded, cups_server(one.own.get("server", ""), one.own.get("socket", "")), path)


def _ipp(one: Configured, own: Profile, loaded: Loaded, _folder: Folder) -> Printer:
    server, path = server_of(one.own["address"])
    if "certificate" in one.own:
        server = replace(server, certificate=Path(one.own["certificate"]).expanduser())
    return _queue(one, own, loaded, server, path)


def _queue(one: Configured, own: Profile, loaded: Loaded, server: Server, path: str) -> Printer:
    patience = one.patience_s or QUEUE_SECONDS
    return QueuePrinter(one.name, one.driver, one.form, own, loaded, server, path, patience)


def cups_server(address: str = "", socket: str = "") -> Server:
    """The CUPS at this address or socket file; with neither, that of this machine."""
    if address:
        return Server(address if ":" in address else f"{address}:631")
    if socket:
        return Server(socket=Path(socket).expanduser())
    found = next((one for one in SOCKETS if one.exists()), None)
    return Server("localhost:631") if found is None else Server(socket=found)


def _usblp(one: Configured, own: Profile, loaded: Loaded, _folder: Folder) -> Printer:
    try:
        from miandan.agent.printers.devices import UsblpPrinter  # Unix only
    except ImportError:
        raise _not_here(one) from None
    return UsblpPrinter(one.name, own, loaded, Path(one.own["device"]), _patience(one))


def _serial(one: Configured, own: Profile, loaded: Loaded, _folder: Folder) -> Printer:
    try:
        from miandan.agent.printers.devices import Flow, Line, SerialPrinter  # Unix only
    except ImportError:
        raise _not_here(one) from None
    line = Line(one.own.get("baud", Line().baud), Flow(one.own.get("flow", Line().flow)))
    return SerialPrinter(one.name, own, loaded, Path(one.own["device"]), line, _patience(one))


def _windows(one: Configured, own: Profile, loaded: Loaded, _folder: Folder) -> Printer:
    from miandan.agent.printers.windows.printer import WindowsPrinter  # two libraries that only Windows has
    from miandan.agent.printers.windows.spooler import Spooler
    from miandan.agent.printers.windows.winspool import loaded as libraries

    try:
        spooler = Spooler(libraries())
    except OSError:
        raise _not_here(one) from None
    patience = one.patience_s or QUEUE_SECONDS
    return WindowsPrinter(one.name, one.form, own, loaded, spooler, one.own["queue"], patience)


def _patience(one: Configured) -> Patience:
    patience = USUAL if one.patience_s is None else replace(USUAL, stalled=one.patience_s)
    return patience if one.own.get("asks", True) else replace(patience, asks_after=_NEVER)


def _not_here(one: Configured) -> Refusal:
    return Refusal("agent.driver_not_here", printer=one.name, driver=one.driver.value)


_DRIVERS: Final[Mapping[Driver, Callable[[Configured, Profile, Loaded, Folder], Printer]]] = {
    Driver.FOLDER: _folder,
    Driver.TCP: _tcp,
    Driver.CUPS: _cups,
    Driver.IPP: _ipp,
    Driver.USBLP: _usblp,
    Driver.SERIAL: _serial,
    Driver.WINDOWS: _windows,
}
