"""docs/printers.md names every profile that is shipped, every field, and every value that a field may have."""

from dataclasses import fields
from enum import StrEnum
from pathlib import Path

import pytest

from miandan.labels.printers import profiles
from miandan.labels.printers.profile import Codec, Density, Language, Media, Profile, SheetEnd

PAGE = (Path(__file__).parents[3] / "docs" / "printers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", profiles.shipped())
def test_the_page_names_the_profile(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", [one.name for one in fields(Profile)])
def test_the_page_explains_the_field(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("kind", [Language, Media, Codec, SheetEnd, Density])
def test_the_page_lists_the_values(kind: type[StrEnum]) -> None:
    assert [value.value for value in kind if f"`{value.value}`" not in PAGE] == []
