"""docs/commands.md shows every command with every option, and no document shows one that does not exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from miandan.cli.app import app
from tests.docs.pages import READMES, documents, fenced, read, rows, targets
from tests.docs.raised import ROOT

PAGE = read(ROOT / "docs" / "commands.md")
GROUP = get_command(app)
COMMANDS = {
    f"{name} {inner}".strip(): one
    for name, command in GROUP.commands.items()  # type: ignore[attr-defined]  # the app has several commands
    for inner, one in getattr(command, "commands", {"": command}).items()
}
"""Every command by what is typed, such as "ship" and "templates list"."""
GROUPS = [[name.split()[0]] for name in COMMANDS if " " in name]
HELP = "--help"


def section(command: str) -> str:
    """What the page says of a command."""
    return re.split(r"^## ", PAGE.split(f"\n## {command}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def options(command: str) -> set[str]:
    """Options of a command, as they are typed."""
    return {name for parameter in COMMANDS[command].params for name in parameter.opts if name.startswith("--")} | {HELP}


def typed() -> Iterator[tuple[str, list[str]]]:
    """Every `miandan ...` that a document tells its reader to type, split into words."""
    for document in documents():
        text = read(document)
        spans = re.findall(r"`(miandan [^`\n]+)`", text)
        for line in [*fenced(text), *spans]:
            found = re.search(r"(?:^|(?<!from)[/\s|$])miandan ((?!\()[a-z].*|--help.*)", line.split("  #")[0])
            if found:
                command = re.split(r" [>|] ", found[1])[0]
                yield document.name, [word.strip("[]") for word in shlex.split(command)]


def named(words: list[str]) -> str:
    """The command that is typed: the first word, or the first two where the first is a group."""
    two = " ".join(words[:2])
    return two if two in COMMANDS else words[0]


def test_every_command_has_a_row_a_section_and_an_example() -> None:
    assert len(COMMANDS) >= 5
    listed = {named(row[0].strip("`").split()[1:]) for row in rows(PAGE) if row[0].startswith("`miandan ")}
    assert listed == set(COMMANDS)
    for command in COMMANDS:
        assert any(f"miandan {command}" in line for line in fenced(section(command)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_row_with_both_meanings(command: str) -> None:
    documented = {row[0].strip("`"): row[1:] for row in rows(section(command)) if row[0].startswith("`--")}
    assert set(documented) == options(command) - {HELP}
    assert all(len(meanings) == 2 and all(meanings) for meanings in documented.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_is_named(command: str) -> None:
    arguments = [parameter.name for parameter in COMMANDS[command].params if parameter.param_type_name == "argument"]
    assert [name for name in arguments if f"`{name.upper()}`" not in section(command)] == []


def test_no_document_types_a_command_or_an_option_that_does_not_exist() -> None:
    shown = list(typed())
    assert len(shown) > 15
    wrong = [
        (document, words)
        for document, words in shown
        if words[0] != HELP
        and words not in GROUPS
        and (
            named(words) not in COMMANDS
            or not {word for word in words if word.startswith("--")} <= options(named(words))
        )
    ]
    assert wrong == []


def test_every_file_that_an_example_ships_exists() -> None:
    files = {word for _, words in typed() for word in words if word.startswith("examples/")}
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_every_target_of_the_makefile_is_explained_and_no_other() -> None:
    house = read(ROOT / "docs" / "house.md")
    explained = {name for row in rows(house) for name in re.findall(r"^`make ([a-z]+)`$", row[0])}
    assert explained == set(targets())


def test_every_make_that_a_document_mentions_exists() -> None:
    mentioned = {
        (document.name, name)
        for document in documents()
        for name in re.findall(r"(?:`|^\$? ?)make ([a-z]+)", read(document), re.MULTILINE)
    }
    assert {name for _, name in mentioned} >= {"ship", "test"}
    assert [one for one in sorted(mentioned) if one[1] not in targets()] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_both_commands_stand_on_the_first_screen(readme: Path) -> None:
    first = read(readme).splitlines()[:45]
    assert [name for name in ("ship", "test") if not any(line.startswith(f"$ make {name}") for line in first)] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_summary_in_the_readme_is_worded_as_the_program_words_it(readme: Path) -> None:
    report = read(ROOT / "src/miandan/cli/report.py")
    shown = [found[1] for line in fenced(read(readme)) if (found := re.match(r"  (\S+ [a-z]+(?: [a-z]+)*) +\S", line))]
    assert len(shown) >= 6
    assert [words for words in shown if words not in report] == []
