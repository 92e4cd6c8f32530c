"""Programs of others that the tests judge our output with: `python -m tests.parts`, run by `make test`.

Whatever is missing is installed, programs of the system where root and apt allow it, packages of Node where npm does;
otherwise one line per part says what is then not tested. A build server (environment variable CI=true) has to have
them all.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Part:
    """A Debian package, a program or file of it, and what cannot be tested without it."""

    package: str
    program: str
    judges: str

    @property
    def is_missing(self) -> bool:
        return shutil.which(self.program) is None and not Path(self.program).is_file()


PARTS = (
    Part(
        "poppler-utils",
        "pdftotext",
        "that the text of a label PDF can be extracted and its picture is the expected one",
    ),
    Part("zbar-tools", "zbarimg", "that an independent decoder reads every barcode back"),
    Part("librsvg2-bin", "rsvg-convert", "that the barcodes of an SVG preview can be read"),
    Part("qpdf", "qpdf", "that a label PDF is well-formed"),
    Part(
        "fonts-hanazono",
        "/usr/share/fonts/truetype/hanazono/HanaMinB.ttf",
        "that a rare character is printed from an installed font",
    ),
    Part("mupdf-tools", "mutool", "that a second PDF program draws a label as the first one does"),
    Part("nodejs", "node", "that foreign programs draw our ZPL and ESC/POS as they were meant"),
    Part("npm", "npm", "the same, unless their packages have been installed before"),
    Part("chromium", "chromium", "that the authorisation page works and fits in a real browser"),
    Part("cups-daemon", "/usr/sbin/cupsd", "that a label PDF scans after its way through a print queue"),
    Part("cups-client", "/usr/sbin/lpadmin", "that a label PDF scans after its way through a print queue"),
    Part(
        "cups",
        "/usr/lib/cups/filter/rastertolabel",
        "that a label PDF scans after the stock driver of label printers has made ZPL of it",
    ),
    Part(
        "cups-filters",
        "/usr/lib/cups/filter/gstoraster",
        "that a label PDF scans after the stock filters of a print queue",
    ),
    Part("cups-ipp-utils", "/usr/sbin/ippeveprinter", "that the agent prints on a printer that speaks IPP itself"),
    Part("dbus-daemon", "dbus-daemon", "the same: the IPP printer wants a bus to announce itself on"),
)


@dataclass(frozen=True, slots=True)
class NodePackages:
    """A folder with a package-lock.json, and what cannot be tested before npm has installed what it pins."""

    folder: Path
    judges: str

    @property
    def is_missing(self) -> bool:
        """npm leaves its own copy of the lock beside what it has installed; an older one is that of another lock."""
        lock, installed = self.folder / "package-lock.json", self.folder / "node_modules" / ".package-lock.json"
        return not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime

    def install(self) -> None:
        """Exactly what the lock says, hashes verified, no script of a package run; failure shows afterwards."""
        npm = shutil.which("npm")
        if npm is None:
            return
        command = [npm, "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, cwd=self.folder, capture_output=True, timeout=180, check=False)


NODE_PACKAGES = (
    NodePackages(
        Path(__file__).parent / "labels" / "node", "that foreign programs draw our ZPL and ESC/POS as they were meant"
    ),
    NodePackages(
        Path(__file__).parent / "agent" / "node", "that a public print client of web pages prints on our components"
    ),
)


def install(parts: list[Part]) -> None:
    """Try to install by apt; a failure shows in what is still missing afterwards."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    start = [apt, "install", "--quiet", "--yes", "--no-install-recommends"]
    wanted = [*start, *(part.package for part in parts)]
    alone = [[*start, part.package] for part in parts]  # one that this system does not know stops no other
    for command in (wanted, [apt, "update", "--quiet"], wanted, *alone):  # the package lists may be stale or absent
        try:
            ended = subprocess.run(command, env=quiet, capture_output=True, timeout=180, check=False)
        except subprocess.TimeoutExpired:
            return
        if command is wanted and ended.returncode == 0:
            return


def main() -> int:
    """1 when a build server lacks a part, else 0."""
    missing = [part for part in PARTS if part.is_missing]
    if missing:
        sys.stdout.write(f"installing {', '.join(part.package for part in missing)} for the tests ...\n")
        install(missing)
    for packages in NODE_PACKAGES:
        if packages.is_missing:
            sys.stdout.write(f"installing the packages of {packages.folder.parent.name}/node for the tests ...\n")
            packages.install()
    missing = [part for part in PARTS if part.is_missing]
    for part in missing:
        sys.stdout.write(f"NOT TESTED: {part.judges}, because {part.program} ({part.package}) is missing\n")
    without = [packages for packages in NODE_PACKAGES if packages.is_missing]
    for packages in without:
        sys.stdout.write(f"NOT TESTED: {packages.judges}, because npm has not installed their packages\n")
    lacks = bool(missing or without)
    return 1 if lacks and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
