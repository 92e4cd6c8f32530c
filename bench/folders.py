"""A folder of a benchmark's own, with a database in it that is down before the folder goes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from miandan.kernel.postgres import stop_server


@contextmanager
def bench_folder(data: str = ".") -> Iterator[Path]:
    """`data`: where in it the database lies."""
    with tempfile.TemporaryDirectory(prefix="miandan-bench-") as name:
        try:
            yield Path(name)
        finally:
            stop_server(Path(name) / data)
