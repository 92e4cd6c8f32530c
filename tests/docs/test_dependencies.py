"""docs/dependencies.md names every package that is installed, under the licence that the package itself states."""

import re
import tomllib
from importlib import metadata

import pytest

from tests.docs.pages import read, rows
from tests.docs.raised import ROOT

PAGE = read(ROOT / "docs" / "dependencies.md")
ROWS = {row[0].strip("`"): row for row in rows(PAGE)}
SPELLED_OUT = {"Apache License 2.0": "Apache-2.0", "BSD 2-Clause License": "BSD-2-Clause"}


def declared() -> list[str]:
    """What pyproject.toml asks for, extras included."""
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return [re.split(r"[^\w-]", one)[0] for one in wanted]


def locked(name: str) -> list[str]:
    return re.findall(r"^([\w.-]+)==", read(ROOT / "requirements" / name), re.MULTILINE)


def test_every_declared_package_has_its_row_and_no_other_has() -> None:
    assert sorted(ROWS) == sorted(declared())


def test_every_row_says_what_for_and_what_without() -> None:
    assert [name for name, row in ROWS.items() if len(row) != 5 or not all(row)] == []


@pytest.mark.parametrize("name", declared())
def test_the_licence_is_the_one_that_the_package_states(name: str) -> None:
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is installed by `make bench` only")
    stated = next((said[field] for field in ("License-Expression", "License") if field in said), "") or _by_text(name)
    stated = SPELLED_OUT.get(stated, stated)
    assert stated.startswith(ROWS[name][1]), stated


def _by_text(name: str) -> str:
    """What the licence file of a package that states nothing else is."""
    files = [file for file in metadata.files(name) or [] if file.name.startswith("LICENSE")]
    text = " ".join(files[0].read_text().split())
    if "Redistribution and use in source and binary forms" not in text:
        return text
    return "BSD-3-Clause" if "endorse or promote products" in text else "BSD-2-Clause"


def test_everything_that_is_installed_to_run_is_named() -> None:
    assert [name for name in locked("run.lock") if f"`{name}`" not in PAGE] == []


def test_the_locks_carry_hashes_and_name_no_index() -> None:
    for name in ("run.lock", "test.lock", "bench.lock"):
        text = read(ROOT / "requirements" / name)
        assert text.count("--hash=sha256:") >= len(locked(name)) > 0
        assert "://" not in text


def test_every_font_and_table_of_others_stands_in_the_notice() -> None:
    notice = read(ROOT / "NOTICE")
    sources = tomllib.loads(read(ROOT / "src/miandan/addresses/data/NOTICE.toml"))["source"]
    assert [row["table"] for row in sources if row["package"] != "miandan" and row["table"] not in notice] == []
    assert [font.name for font in (ROOT / "src").rglob("*.ttf") if font.name not in notice] == []
