"""Runs bench/pango_labels.py on the system's Python, where Debian's pycairo and Pango are, and asks it for its rate."""

import json
import os
import platform
import subprocess
import sysconfig
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any

import zxingcpp
from tests.parts import Part, install

from bench.labels import Command

PYTHON = "/usr/bin/python3"  # Debian's, whose packages these are
PARTS = [
    Part(package, PYTHON, "that a label PDF is quicker than pycairo's with Pango")
    for package in ("python3-cairo", "python3-gi-cairo", "gir1.2-pango-1.0")
]
_PROBE = """
import sysconfig, cairo, gi
gi.require_version("PangoCairo", "1.0")
from gi.repository import PangoCairo
print(sysconfig.get_config_var("EXT_SUFFIX"))
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


def missing() -> str:
    """Why this baseline cannot be run here; empty when it can. Debian's packages are installed where root may."""
    if not Path(PYTHON).is_file():
        return f"there is no {PYTHON}"
    if not _loads():
        install(PARTS)
    extensions = _loads()
    if not extensions:
        return f"{PYTHON} lacks {', '.join(part.package for part in PARTS)}"
    if extensions != sysconfig.get_config_var("EXT_SUFFIX"):
        return f"{PYTHON} cannot load the zxing-cpp of this Python {platform.python_version()}"
    return ""


def _loads() -> str:
    """The suffix of that Python's extension modules when it can load pycairo and Pango, else nothing."""
    return subprocess.run([PYTHON, "-c", _PROBE], capture_output=True, text=True, check=False).stdout.strip()


class Pango:
    """The baseline's process: given its drawings once, asked for its rate round by round."""

    def __init__(
        self,
        folder: Path,
        page: tuple[float, float],
        static: tuple[Command, ...],
        drawings: tuple[tuple[Command, ...], ...],
    ) -> None:
        # Nothing of this Python but the one package that both sides encode barcodes with.
        (folder / "zxingcpp").symlink_to(Path(zxingcpp.__file__).parent)
        fonts = resources.files("miandan.labels").joinpath("font_files")
        (folder / "fonts.conf").write_text(_FONTS.format(fonts=fonts, cache=folder / "cache"), encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": str(folder), "FONTCONFIG_FILE": str(folder / "fonts.conf")}
        program = Path(__file__).with_name("pango_labels.py")
        self._process = subprocess.Popen(
            [PYTHON, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.versions = self._ask({"page": page, "static": _plain(static)})
        for drawing in drawings:
            self._ask({"label": _plain(drawing)})

    def rate(self) -> float:
        """Labels per second of processor time, all of them in one file in memory."""
        return float(self._ask({"run": ""}))

    def write(self, path: Path) -> None:
        """The file itself, to be looked at."""
        self._ask({"run": str(path)})

    def _ask(self, question: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("bench/pango_labels.py ended early")
        return answer.strip()

    def __enter__(self) -> "Pango":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _plain(commands: tuple[Command, ...]) -> list[dict[str, Any]]:
    return [{"kind": type(command).__name__, **asdict(command)} for command in commands]
