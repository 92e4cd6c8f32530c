"""Documents lead where they say, say the same in both languages, and nothing names the machine it was written on."""

import ast
import re
from pathlib import Path

import pytest

from miandan.kernel.settings import Settings
from miandan.waybills.model import NumberState
from tests.docs.pages import READMES, anchor, documents, fenced, headings, links, prose, read, rows, tracked
from tests.docs.raised import ROOT, SOURCE

INDEXES = [
    f"{name}.{end}" for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
HOMES = re.compile(r"(?<![\w./$-])/(?:root|home/(?!somebody)\w+|Users/\w+|work|farm|tmp/\w[\w.-]*)/[\w.-]+")
ABSENT = ("governance",)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in links(read(document)):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (fragment and fragment not in map(anchor, headings(read(target)))):
            broken.append(link)
    assert broken == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    for readme in READMES:
        reached, waiting = set[Path](), [readme]
        while waiting:
            page = waiting.pop()
            if page in reached or not page.is_file() or page.suffix != ".md":
                continue
            reached.add(page)
            waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(read(page))]
        assert [str(one.relative_to(ROOT)) for one in documents() if one not in reached] == []


def test_both_readmes_are_built_alike() -> None:
    english, chinese = (read(path) for path in READMES)
    assert [line.split(" ")[0] for line in headings(english)] == [line.split(" ")[0] for line in headings(chinese)]
    assert [len(row) for row in rows(english)] == [len(row) for row in rows(chinese)]
    assert prose(english).count("\n- ") == prose(chinese).count("\n- ")
    assert [line.split("#")[0] for line in fenced(english) if line.startswith("$")] == [
        line.split("#")[0] for line in fenced(chinese) if line.startswith("$")
    ]


def test_both_readmes_name_the_same_things() -> None:
    def named(text: str) -> set[str]:
        return set(re.findall(r"`([^`]+)`", prose(text)))

    english, chinese = (read(path) for path in READMES)
    assert named(english) == named(chinese)
    own = {READMES[0].name, READMES[1].name}
    assert {link for link in links(english) if link[0] != "#"} - own == {
        link for link in links(chinese) if link[0] != "#"
    } - own


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_readme_names_every_setting(readme: Path) -> None:
    assert [row.name for row in Settings.rows() if f"`{row.name}`" not in read(readme)] == []


def test_every_room_stands_in_the_house() -> None:
    house = read(ROOT / "docs" / "house.md")
    rooms = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert [room for room in sorted(rooms) if f"`{room}`" not in house] == []
    assert rooms.isdisjoint(ABSENT), "a room was built that the README still calls missing"


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = links(read(folder / "README.md"))
    assert sorted(listed) == sorted(path.name for path in folder.glob("0*.md"))
    assert [path.name for path in folder.glob("0*.md") if not read(path).startswith(f"# {path.name[:4]} ")] == []


def test_numbers_are_explained_with_their_states_and_entries() -> None:
    page = read(ROOT / "docs" / "numbers.md")
    schema = read(SOURCE / "kernel" / "migrations" / "0006_accounts.sql")
    schema += read(SOURCE / "kernel" / "migrations" / "0007_waybills.sql")
    intents = re.search(r"state\s+text NOT NULL CHECK \(state IN \(('open'[^)]*)\)", schema)
    kinds = re.search(r"kind\s+text NOT NULL CHECK \(kind IN \(('recharge'[^)]*)\)", schema)
    assert intents
    assert kinds
    words = [*NumberState, *re.findall(r"'(\w+)'", intents[1]), *re.findall(r"'(\w+)'", kinds[1])]
    assert len(words) > 15
    assert [word for word in words if f"`{word}`" not in page] == []


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    page = read(ROOT / "docs" / "numbers.md")
    assert all(f"{constant('holdings.py', name):,}" in page for name in ("FIRST_UNITS", "MOST_UNITS"))
    assert f"up to {constant('desk.py', 'MOST_PARCELS')} parcels" in page
    assert f"({constant('service.py', 'PATIENCE_SECONDS'):.0f} s)" in page
    assert constant("service.py", "ATTEMPTS") == 8
    assert "After eight rounds" in page


def constant(file: str, name: str) -> float:
    """A number that a module of the heart gives a name."""
    for node in ast.parse(read(SOURCE / "waybills" / file)).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            value = ast.literal_eval(node.value)
            assert isinstance(value, int | float)
            return value
    raise AssertionError(f"{file} has no {name}")


def test_no_tracked_file_names_a_package_index_or_a_path_of_somebodys_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = str(path.relative_to(ROOT))
        found += [(name, host) for host in INDEXES if host in text]
        found += [(name, place) for place in HOMES.findall(text)]
    assert found == []


def test_no_tracked_file_is_larger_than_a_font() -> None:
    assert [str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > 12_000_000] == []
    pictures = [path for path in (ROOT / "docs").rglob("*") if path.suffix in {".png", ".jpg"}]
    assert [path.name for path in pictures if path.stat().st_size > 60_000] == []
