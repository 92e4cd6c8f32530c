"""An IPP printer that we did not write (ippeveprinter of CUPS), and a line that loses answers."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.agent.ports import kept_port
from tests.labels.public_judges import needs

_IPP_PRINTER = Path("/usr/sbin/ippeveprinter")
_PATIENCE_SECONDS = 60
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy></busconfig>
"""


@dataclass(frozen=True, slots=True)
class IppPrinter:
    """An IPP printer on this machine. Its print command waits while there is a file `paper-out`, and says so."""

    folder: Path
    port: int

    @property
    def uri(self) -> str:
        return f"ipp://localhost:{self.port}/ipp/print"

    def documents(self) -> list[bytes]:
        """What came out."""
        return [file.read_bytes() for file in sorted((self.folder / "out").iterdir())]

    @property
    def paper_out(self) -> Path:
        return self.folder / "paper-out"


_COMMAND = """#!/bin/sh
if test -e {folder}/paper-out; then
    echo "STATE: +media-empty" >&2
    while test -e {folder}/paper-out; do sleep 0.05; done
    echo "STATE: -media-empty" >&2
fi
cp "$1" {folder}/out/.part && mv {folder}/out/.part {folder}/out/`ls {folder}/out | wc -l`
"""


@contextmanager
def ipp_printer() -> Iterator[IppPrinter]:
    """The printer insists on announcing itself, so it gets a bus of its own on which nobody listens: nothing reaches
    any network."""
    needs(_IPP_PRINTER, "dbus-daemon")
    folder = Path(tempfile.mkdtemp(prefix="ipp-"))
    (folder / "out").mkdir()
    (folder / "command").write_text(_COMMAND.format(folder=folder))
    (folder / "command").chmod(0o755)
    (folder / "bus.conf").write_text(_BUS.format(socket=folder / "bus"))
    bus = _started("dbus-daemon", f"--config-file={folder / 'bus.conf'}", "--nofork", "--nopidfile")
    ports = ExitStack()
    try:
        _wait_for((folder / "bus").exists)
        port = ports.enter_context(kept_port())
        here = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder / 'bus'}", "HOME": str(folder)}
        options = ("-r", "off", "-n", "localhost", "-p", str(port), "-d", str(folder), "-c", str(folder / "command"))
        printer = _started(str(_IPP_PRINTER), *options, "-f", "application/pdf,application/octet-stream", "x", env=here)
        try:
            _wait_for(lambda: _listens(port))
            yield IppPrinter(folder, port)
        finally:
            _ended(printer)
    finally:
        ports.close()
        _ended(bus)
        shutil.rmtree(folder, ignore_errors=True)


def _started(*command: str, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ended(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < end, "the IPP printer does not start"
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("localhost", port), 1):
        return True
    return False


@asynccontextmanager
async def loses_the_answer(to: Path, of: bytes) -> AsyncIterator[int]:
    """A port that leads to the socket file; the connection breaks when the answer to a request with these bytes is
    due."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_unix_connection(to)
        seen = bytearray()

        async def back() -> None:
            while chunk := await there.read(65_536):
                if of in seen:
                    break
                writer.write(chunk)
            writer.transport.abort()

        answers = asyncio.get_running_loop().create_task(back())
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                seen += chunk
                here.write(chunk)
        await answers
        here.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
