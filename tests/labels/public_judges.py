"""Programs of others that draw our output: for ZPL, for ESC/POS, a second one for PDF, and CUPS with its label driver.

None of them knows miandan. What they need is installed by `python -m tests.parts`; without it a test is skipped.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.labels.judges import Picture

NODE = Path(__file__).parent / "node"
CUPSD = Path("/usr/sbin/cupsd")
LPADMIN = Path("/usr/sbin/lpadmin")
_RASTER_TO_LABEL = Path("/usr/lib/cups/filter/rastertolabel")
_DRIVER = "drv:///sample.drv/zebra.ppd"
_PATIENCE_SECONDS = 60

_PGM = re.compile(rb"P5\s+(\d+)\s+(\d+)\s+255\s")


def needs(*programs: str | Path) -> None:
    """Skip the test where one of the programs or files is missing."""
    for program in programs:
        if shutil.which(program) is None and not Path(program).exists():
            pytest.skip(f"{program} is not installed (python -m tests.parts)")


def _pgms(data: bytes) -> list[Picture]:
    """The pictures of grey PGM files, one behind the other."""
    found, at = [], 0
    while header := _PGM.match(data, at):
        width, height = int(header[1]), int(header[2])
        at = header.end() + width * height
        found.append(Picture(width, height, data[header.end() : at]))
    assert at == len(data), "not only PGM pictures"
    return found


# Printer languages


def zpl_pictures(zpl: bytes, width_mm: float, height_mm: float, dpmm: int) -> list[Picture]:
    """Every label of the ZPL as zpl-renderer-js draws it, at 8, 12 or 24 dots to the mm; one process for all of them.

    It has no Chinese letters, and passes over commands that it does not know.
    """
    return zpl_pictures_of([(zpl, width_mm, height_mm)], dpmm)


def zpl_pictures_of(papers: Sequence[tuple[bytes, float, float]], dpmm: int) -> list[Picture]:
    """The same for ZPL of several papers, each with its width and height in mm; still one process."""
    sizes = [str(size) for _, *paper in papers for size in paper]
    data = b"".join(zpl + b"\0" for zpl, *_ in papers)
    return _drawn_by_node("zpl.cjs", data, str(dpmm), *sizes, patience=_PATIENCE_SECONDS * len(papers))


def escpos_picture(data: bytes) -> Picture:
    """The raster bands of one label, below one another, as npos reads them.

    It refuses ESC, FS and GS commands that it does not know. It draws neither feeds nor margins, takes bands of one
    width and of mode 0 only, and takes other bytes for text.
    """
    (picture,) = _drawn_by_node("escpos.cjs", data)
    return picture


def _drawn_by_node(script: str, data: bytes, *arguments: str, patience: float = _PATIENCE_SECONDS) -> list[Picture]:
    needs("node", NODE / "node_modules" / ".package-lock.json")
    command = ["node", "--no-deprecation", str(NODE / script), *arguments]
    drawn = subprocess.run(command, input=data, capture_output=True, timeout=patience, check=False)
    assert drawn.returncode == 0, drawn.stderr.decode(errors="replace")[:2000]
    return _pgms(drawn.stdout)


# PNG and SVG


def png_pictures(folder: Path, files: Iterable[bytes]) -> list[Picture]:
    """PNG files as pngjs unpacks them."""
    paths = []
    for index, data in enumerate(files):
        paths.append(folder / f"picture-{index}.png")
        paths[-1].write_bytes(data)
    return _drawn_by_node("png.cjs", "\n".join(map(str, paths)).encode())


def svg_pictures(folder: Path, files: Iterable[bytes], dpi: int) -> list[Picture]:
    """SVG files as librsvg draws them on white paper; it does not know fonts that a file brings along."""
    needs("rsvg-convert")
    options = ["rsvg-convert", f"--dpi-x={dpi}", f"--dpi-y={dpi}", "--background-color=white"]
    pictures = [
        subprocess.run(options, input=data, capture_output=True, timeout=_PATIENCE_SECONDS, check=True).stdout
        for data in files
    ]
    return png_pictures(folder, pictures)


# PDF


def mupdf_pictures(pdf: Path, dpi: int = 203) -> list[Picture]:
    """The pages as MuPDF draws them, a program without any line of poppler."""
    needs("mutool")
    command = ["mutool", "draw", "-q", "-r", str(dpi), "-c", "gray", "-F", "pgm", "-o", "-", str(pdf)]
    drawn = subprocess.run(command, capture_output=True, timeout=_PATIENCE_SECONDS, check=True)
    return _pgms(drawn.stdout)


# CUPS

_FILES_CONF = """
ServerRoot {folder}/root
CacheDir {folder}/cache
RequestRoot {folder}/spool
TempDir {folder}/spool/tmp
StateDir {folder}/state
AccessLog {folder}/access.log
PageLog {folder}/page.log
ErrorLog {folder}/error.log
Printcap {folder}/printcap
FileDevice Yes
"""
_CUPSD_CONF = """
Listen {folder}/socket
Browsing No
WebInterface No
DefaultAuthType None
ErrorPolicy abort-job
<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""


def through_cups(pdf: Path, tmp_path: Path, width_mm: float = 76, height_mm: float = 130, dpi: int = 203) -> bytes:
    """What a Zebra on a CUPS queue gets when the PDF is printed: ZPL, made by CUPS's filters and its stock driver.

    The queue is that of a CUPS of its own, which listens on a socket file and is gone afterwards; the queue's device is
    a file. So neither the network nor the system's CUPS is touched, and tests beside each other are not in the way.
    """
    needs(CUPSD, LPADMIN, _RASTER_TO_LABEL, "lp", "lpstat")
    printed = tmp_path / f"{pdf.stem}.zpl"
    with running_cups() as cups:
        cups.run(LPADMIN, "-p", "label", "-E", "-m", _DRIVER, "-v", f"file://{printed}", "-o", f"Resolution={dpi}dpi")
        cups.run("lp", "-d", "label", "-o", f"PageSize=Custom.{width_mm:g}x{height_mm:g}mm", pdf)
        cups.wait_until("the job is done", lambda: not cups.run("lpstat", "-o"))
        zpl = printed.read_bytes() if printed.exists() else b""
        assert zpl, f"CUPS printed nothing: {cups.last_words()}"
    return zpl


@dataclass(frozen=True, slots=True)
class Cups:
    """A print server in a folder; its clients find it by the environment."""

    folder: Path

    def run(self, *command: str | Path) -> bytes:
        here = os.environ | {"CUPS_SERVER": str(self.folder / "socket"), "HOME": str(self.folder), "LC_ALL": "C"}
        ended = subprocess.run(command, env=here, capture_output=True, timeout=_PATIENCE_SECONDS, check=False)
        assert ended.returncode == 0, f"{command}: {ended.stderr.decode()}{self.last_words()}"
        return ended.stdout

    def wait_until(self, what: str, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < end, f"CUPS does not get so far that {what}: {self.last_words()}"
            time.sleep(0.05)

    def last_words(self) -> str:
        log = self.folder / "error.log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else "it wrote no log"


@contextmanager
def running_cups() -> Iterator[Cups]:
    """A CUPS with no queue yet. Its policy lets anybody do everything; what it needs has to be there (`needs`)."""
    # Not below tmp_path: only its owner may enter that, while CUPS runs filters as another user; and the name of a
    # socket file has to be short.
    folder = Path(tempfile.mkdtemp(prefix="cups-"))
    folder.chmod(0o711)
    for name in ("root", "cache", "spool/tmp", "state"):
        (folder / name).mkdir(parents=True)
    (folder / "files.conf").write_text(_FILES_CONF.format(folder=folder))
    (folder / "cupsd.conf").write_text(_CUPSD_CONF.format(folder=folder))
    cups = Cups(folder)
    command: list[str | Path] = [CUPSD, "-f", "-c", folder / "cupsd.conf", "-s", folder / "files.conf"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        cups.wait_until("it listens", (folder / "socket").exists)
        yield cups
    finally:
        server.terminate()  # it ends its filters first
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)
