"""Programs of the system that the tests judge our output with: `python -m tests.parts`, run by `make test`.

Whatever is missing is installed where root and apt allow it; otherwise one line per part says what is then not
tested. A build server (environment variable CI=true) has to have them all.
"""

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
    Part("qpdf", "qpdf", "that a label PDF is well-formed"),
    Part(
        "fonts-hanazono",
        "/usr/share/fonts/truetype/hanazono/HanaMinB.ttf",
        "that a rare character is printed from an installed font",
    ),
)


def install(parts: list[Part]) -> None:
    """Try to install by apt; a failure shows in what is still missing afterwards."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    wanted = [apt, "install", "--quiet", "--yes", "--no-install-recommends", *(part.package for part in parts)]
    for command in (wanted, [apt, "update", "--quiet"], wanted):  # the package lists may be stale or absent
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
    missing = [part for part in PARTS if part.is_missing]
    for part in missing:
        sys.stdout.write(f"NOT TESTED: {part.judges}, because {part.program} ({part.package}) is missing\n")
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
