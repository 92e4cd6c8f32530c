"""A clerk at the keyboard: runs the real program in a folder of the test and reads what it says and writes.

    clerk.orders(order_row(1), order_row(2))      # an order file
    done = clerk.ship("--carrier", "sf")          # the program, to its end
    assert done.code == 0
    assert clerk.numbers() == {...}               # what the report says

No answer may hold a traceback: `run` asserts it for every test.
"""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.labels import judges
from tests.orders.tables import csv_text

PROGRAM = Path(sys.executable).with_name("miandan")
PATIENCE_SECONDS = 300
ORDERS = "orders.csv"


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended: exit code, what stood on standard output, what on standard error."""

    code: int
    out: str
    err: str

    @property
    def error_code(self) -> str:
        """The stable code of the complaint, in brackets at the end of its English line."""
        lines = self.err.splitlines()
        complaints = [place for place, line in enumerate(lines) if line.startswith("✗") and place + 1 < len(lines)]
        return lines[complaints[-1] + 1].rpartition("[")[2].rstrip("]") if complaints else ""

    @property
    def zh(self) -> str:
        return next((line for line in reversed(self.err.splitlines()) if line.startswith("✗")), "")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the report."""

    order: str
    rows: str
    shop: str
    parcel: str
    carrier: str
    number: str
    state: str
    reason: str
    remedy: str


@dataclass(slots=True)
class Clerk:
    """Works in `folder` with the database and data folder that `environment` names."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def orders(self, *rows: Mapping[str, str], name: str = ORDERS) -> Path:
        path = self.folder / name
        path.write_text(csv_text(rows), encoding="utf-8-sig")
        return path

    def but(self, **environment: str) -> "Clerk":
        """The same clerk in another environment; an empty value unsets."""
        return Clerk(self.folder, self.environment | environment)

    def start(
        self,
        *arguments: str | Path,
        preexec: Callable[[], object] | None = None,
        screen: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start the program; `screen` is where standard error goes."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("MIANDAN_")}
        return subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            env=others | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=screen,
            preexec_fn=preexec,
        )

    def run(self, *arguments: str | Path, stdin: bytes = b"", preexec: Callable[[], object] | None = None) -> Done:
        return finish(self.start(*arguments, preexec=preexec), stdin)

    def ship(self, *arguments: str | Path, orders: str | Path = ORDERS) -> Done:
        return self.run("ship", orders, *arguments)

    def report(self, name: str = "report.csv") -> list[Row]:
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as file:
            return [Row(*cells) for cells in list(csv.reader(file))[1:]]

    def numbers(self, name: str = "report.csv") -> dict[str, str]:
        """Number of each order that this run gave one or found with one, and printed."""
        return {row.order: row.number for row in self.report(name) if row.state.endswith(("taken", "kept"))}

    def sheets(self, name: str = "labels.pdf") -> list[str]:
        """The text of each label."""
        return judges.texts(self.folder / name)

    def files(self) -> list[str]:
        """Everything that lies in the folder, hidden files too."""
        return sorted(path.name for path in self.folder.iterdir())

    def pages(self, name: str = "labels.pdf") -> int:
        """How many labels there are, without reading them."""
        return (self.folder / name).read_bytes().count(b"/Type/Page/")


def nobody_reads() -> None:
    """Before the program starts (`preexec`): its standard output is a pipe whose reader has gone already."""
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)


def clerk_of(sandbox_url: str, home: Path) -> Clerk:
    """A clerk of the sandbox at this address, with a desk and a data folder in `home`."""
    (home / "desk").mkdir()
    environment = {"MIANDAN_DATABASE_URL": sandbox_url, "MIANDAN_DATA": str(home / "data"), "MIANDAN_SANDBOX": "1"}
    return Clerk(home / "desk", environment)


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Done:
    """Wait for the end. A clerk must never see a traceback."""
    out, err = process.communicate(stdin, timeout=PATIENCE_SECONDS)
    done = Done(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in done.err + done.out, done.err
    assert "never retrieved" not in done.err, done.err
    return done


def states(rows: Sequence[Row]) -> list[str]:
    return [row.state.split()[-1] for row in rows]
