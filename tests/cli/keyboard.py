"""An operator at the keyboard: the commands run inside the test's own process, which is quick, and answer as `Done`.

desk = Keyboard(folder, {"MIANDAN_DATABASE_URL": ...})
merchant = desk.ok("merchants", "add", "示例百货", "--applicant", "enterprise")     # what it printed
assert desk.run("merchants", "show", "1").error_code == "merchant.unknown"
"""

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from miandan import cli
from tests.cli.clerk import Done


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Types commands in `folder` with the settings that `environment` names."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str | Path) -> Done:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with self._seated(["miandan", *map(str, arguments)], out, err):
            try:
                cli._run()
                code: object = 0
            except SystemExit as end:
                code = end.code or 0
        assert isinstance(code, int), code
        done = Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
        assert "Traceback" not in done.err + done.out, done.err
        return done

    def ok(self, *arguments: str | Path) -> str:
        """What a command printed that had to succeed, without the last line's end."""
        done = self.run(*arguments)
        assert done.code == 0, done.err
        return done.out.rstrip("\n")

    def rows(self, *arguments: str | Path) -> Any:
        """What a command prints with --json."""
        return json.loads(self.ok(*arguments, "--json"))

    @contextmanager
    def _seated(self, words: list[str], out: io.TextIOWrapper, err: io.TextIOWrapper) -> Iterator[None]:
        before = sys.argv, sys.stdout, sys.stderr, dict(os.environ), Path.cwd()
        for name in [name for name in os.environ if name.startswith("MIANDAN_")]:
            del os.environ[name]
        os.environ.update(self.environment)
        os.chdir(self.folder)
        sys.argv, sys.stdout, sys.stderr = words, out, err
        try:
            yield
        finally:
            sys.argv, sys.stdout, sys.stderr = before[0], before[1], before[2]
            os.environ.clear()
            os.environ.update(before[3])
            os.chdir(before[4])


PASSPHRASE = "a passphrase of a real installation"


def keyboard_of(database_url: str, home: Path) -> Keyboard:
    """An operator of a real installation on an empty database, with a desk and a data folder in `home`."""
    (home / "desk").mkdir()
    environment = {"MIANDAN_DATABASE_URL": database_url, "MIANDAN_DATA": str(home / "data")}
    return Keyboard(home / "desk", environment | {"MIANDAN_PASSPHRASE": PASSPHRASE})
