"""Every reason that a note names has its words in both languages, and no words are kept that nobody says."""

import ast
import re
import tomllib
from pathlib import Path
from string import Formatter

import pytest

from miandan.labels import importers
from miandan.labels.importers.imported import Notes

FOLDER = Path(importers.__file__).parent
REASONS = tomllib.loads((FOLDER / "reasons.toml").read_text(encoding="utf-8"))
CALLS = {"add": 2, "first": 2, "note": None, "_note": 1}
"""Functions that note something, and which argument the reason is; `note` has it first or second."""


def said() -> set[str]:
    """Words of the package that can be a reason: constants, wherever they stand."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.py")]
    constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str)}


def named() -> list[tuple[str, str]]:
    """Reasons that are written down in a call, with their place."""
    found = []
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
                at = CALLS[node.func.attr]
                words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                if at is None and len(words) == len(node.args) and not REASONS.keys() & set(words):
                    found.append((f"{file.name}:{node.lineno}", words[-1]))
                if at is not None and len(node.args) > at and isinstance(node.args[at], ast.Constant):
                    found.append((f"{file.name}:{node.lineno}", str(ast.literal_eval(node.args[at]))))
    return found


def test_every_reason_that_is_named_has_its_words() -> None:
    assert len(named()) > 60
    assert [one for one in named() if one[1] not in REASONS] == []


def test_no_words_are_kept_that_nobody_says() -> None:
    assert sorted(REASONS.keys() - said()) == []


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_says_the_same_in_both_languages(reason: str) -> None:
    row = REASONS[reason]
    assert set(row) == {"zh", "en"}
    assert re.search("[一-鿿]", row["zh"])
    assert not re.search("[一-鿿]", row["en"])
    if reason != "export_sheets":  # what happens instead is said in words of each language
        assert _fields(row["zh"]) == _fields(row["en"])


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_a_thing_is_noted_once_at_its_place_and_notes_come_in_its_order() -> None:
    notes = Notes()
    for place in ("10:1", "9:12", "9:2", "9:2"):
        notes.add(place, "<x>", "element")
    notes.first("font", "3:1", "font", family="A")
    notes.first("font", "4:1", "font", family="A")
    assert [one.place for one in notes.all()] == ["3:1", "9:2", "9:12", "10:1"]


def test_a_thousand_notes_are_kept_and_the_others_counted() -> None:
    notes = Notes()
    for line in range(1_500):
        notes.add(f"{line}:1", "<x>", "element")
    assert len(notes.all()) == 1_001
    assert "500" in notes.all()[-1].en


def test_a_long_script_is_named_by_its_beginning() -> None:
    notes = Notes()
    notes.add("1:1", "f(\n  " + "x" * 500, "script")
    (note,) = notes.all()
    assert note.what.startswith("f( xxx")
    assert len(note.what) == 81
