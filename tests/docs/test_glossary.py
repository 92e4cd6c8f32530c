"""The glossary holds every word of the design once, in both languages."""

import re
from pathlib import Path

import pytest

from tests.docs.raised import ROOT

DESIGN = ROOT / ".." / "shared" / "DESIGN.md"
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| English")
]


def test_every_row_has_both_words_and_both_meanings() -> None:
    assert len(ROWS) > 60
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []


def test_no_word_stands_twice() -> None:
    for column in (0, 1):
        words = [row[column] for row in ROWS]
        assert [word for word in words if words.count(word) > 1] == []


def test_meanings_are_one_line_in_the_language_of_their_column() -> None:
    for _, chinese, zh, en in ROWS:
        assert re.search("[一-鿿]", chinese)
        assert re.search("[一-鿿]", zh)
        assert not re.search("[一-鿿]", en)


def test_the_words_of_the_design_stand_in_the_glossary() -> None:
    if not DESIGN.exists():
        pytest.skip(f"the design does not lie beside the project ({DESIGN.parent.name}/{DESIGN.name})")
    words = set(re.findall("[一-鿿]+", section(DESIGN, "## 3. Words")))
    known = {row[1] for row in ROWS}
    assert sorted(word for word in words if word not in known) == []


def section(file: Path, title: str) -> str:
    """The text below a title, up to the next one of its rank."""
    return file.read_text(encoding="utf-8").split(title, 1)[1].split("\n## ", 1)[0]
