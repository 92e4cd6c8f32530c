"""The documents as the tests read them: headings, links, commands, rows of tables."""

import re
import subprocess
from functools import cache
from pathlib import Path

from tests.docs.raised import ROOT

READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")


def documents() -> list[Path]:
    """Every document a person reads."""
    return [*READMES, *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def fenced(text: str) -> list[str]:
    """The lines of all fenced blocks."""
    return [
        line
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.split("\n")
    ]


def headings(text: str) -> list[str]:
    """Title lines, with their marks."""
    return [line for line in prose(text).splitlines() if re.match(r"#+ ", line)]


def anchor(heading: str) -> str:
    """The fragment under which a heading is found."""
    words = re.sub(r"[`*]", "", heading.lstrip("# ").strip().lower())
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def links(text: str) -> list[str]:
    """Targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def rows(text: str) -> list[list[str]]:
    """Cells of every row of every table, heads and rules left out."""
    lines = [line.strip() for line in text.splitlines()]
    rules = {place for place, line in enumerate(lines) if re.fullmatch(r"\|[-:| ]+\|", line)}
    heads = {place - 1 for place in rules}
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for place, line in enumerate(lines)
        if line.startswith("|") and place not in rules | heads
    ]


@cache
def targets() -> dict[str, str]:
    """The targets of the Makefile that `make` lists, with what it says of them."""
    found = re.findall(r"^([a-z-]+):[^#\n]*## (.+)$", read(ROOT / "Makefile"), re.MULTILINE)
    return dict(found)


def tracked() -> list[Path]:
    """What is, or is about to be, committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]
