"""Every refusal of the program has its words, and every word of the catalogue is said somewhere."""

import ast
import re
from fnmatch import fnmatchcase

import pytest

from miandan.kernel.errors import ErrorEntry, Refusal, catalogue
from miandan.orders.model import OrderState
from tests.docs.errors_page import PAGE, ROOMS, page, rooms_with_errors
from tests.docs.raised import SOURCE, Raised, placeholders, raised

CHINESE = re.compile(r"[一-鿿]")

LINE_IS_ADDED = "orders"
"""Rows learn their line in `orders.records.at`, after the cell was refused."""

STATES_THAT_DO_NOT_SHIP = {f"orders.{state.value}" for state in OrderState if not state.has_recipient}


def codes_of(one: Raised) -> set[str]:
    """The codes that a call may name; a hole in it stands for a state that does not ship."""
    if "*" not in one.code:
        return {one.code}
    return {code for code in STATES_THAT_DO_NOT_SHIP if fnmatchcase(code, one.code)}


def test_the_program_is_read() -> None:
    assert len(raised()) > 200
    assert {one.room for one in raised()} >= rooms_with_errors() - {"connectors"}


def test_every_call_names_its_code() -> None:
    assert [one.place for one in raised() if not one.code] == []


def test_every_code_stands_in_the_catalogue() -> None:
    assert [(one.place, code) for one in raised() for code in codes_of(one) if code not in catalogue()] == []


def test_every_call_gives_what_the_texts_name() -> None:
    lacking = []
    for one in raised():
        given = (one.fields or frozenset()) | ({"line"} if one.room == LINE_IS_ADDED else set())
        for code in codes_of(one) & catalogue().keys():
            missing = placeholders(catalogue()[code]) - given
            if missing and one.fields is not None:
                lacking.append((one.place, code, sorted(missing)))
    assert lacking == []


def test_every_code_of_the_catalogue_is_said_somewhere() -> None:
    said = {code for one in raised() for code in codes_of(one)}
    assert sorted(catalogue().keys() - said - constants()) == []


def constants() -> set[str]:
    """Texts that a module gives a name, such as the code kept with an order that a person holds."""
    return {
        node.value.value
        for file in SOURCE.rglob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def test_an_orders_state_that_does_not_ship_has_its_words() -> None:
    assert catalogue().keys() >= STATES_THAT_DO_NOT_SHIP


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.code)
def test_the_four_texts_can_be_said_in_both_languages(entry: ErrorEntry) -> None:
    refusal = Refusal(entry.code, **dict.fromkeys(placeholders(entry), "§"))
    chinese, english = (refusal.zh, refusal.next_zh), (refusal.en, refusal.next_en)
    assert all(text.endswith(("。", "§")) and CHINESE.search(text) for text in chinese)  # § quotes somebody else
    assert all(text.endswith((".", "§")) and len(CHINESE.findall(text)) < len(text) / 4 for text in english)


def test_the_page_is_made_from_the_catalogue() -> None:
    """When this fails: python -m tests.docs.errors_page --write."""
    assert set(ROOMS) >= rooms_with_errors()
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_code_stands_once_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [code for code in catalogue() if text.count(f"| `{code}` |") != 1] == []


def test_docstrings_name_codes_that_exist() -> None:
    """What a docstring says is raised stands in the catalogue; `ship.*` means codes that begin so."""
    named = [(place, code) for place, text in docstrings() for code in promised(text)]
    assert len(named) > 100
    assert [one for one in named if not any(fnmatchcase(code, one[1]) for code in catalogue())] == []


def docstrings() -> list[tuple[str, str]]:
    """Every docstring of the program with its file."""
    return [
        (file.name, ast.get_docstring(node) or "")
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def promised(docstring: str) -> list[str]:
    """The codes behind `Raises`, up to the end of the paragraph."""
    first = {code.split(".")[0] for code in catalogue()}
    behind = [text.split("\n\n")[0] for text in re.split(r"\bRaises\b", docstring)[1:]]
    words = [word for text in behind for word in re.findall(r"\b[a-z_]+\.(?:[a-z_]+|\*)", text)]
    return [word for word in words if word.split(".")[0] in first]
