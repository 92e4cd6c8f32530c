"""The shelf of templates: standard ones locked, the merchant's own kept version by version."""

from pathlib import Path

import msgspec
import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.shelf import Shelf, own_template
from miandan.labels.standards import standard, standard_names
from miandan.labels.template import Box, Literally, Template, Text, written

MINE = Template("shop-a", 1, 76_000, 130_000, (Text(Box(0, 0, 9_000, 9_000), (Literally("甲"),), 3_000),))


def newer(version: int, width: int = 76_000) -> Template:
    return msgspec.structs.replace(MINE, version=version, width=width)


def refusal_of(shelf: Shelf, wanted: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        shelf.find(wanted)
    return refused.value


def test_standard_templates_are_at_hand_without_a_folder(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "nowhere")
    assert [entry.name for entry in shelf.entries()] == list(standard_names())
    assert shelf.find("neutral-76x130") is standard("neutral-76x130")


def test_every_version_is_kept_and_the_newest_is_found(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for version in (1, 2, 10):
        shelf.put(newer(version, 70_000 + version))
    assert shelf.find("shop-a").version == 10
    assert shelf.find("shop-a@2").width == 70_002
    assert [entry.version for entry in shelf.entries() if not entry.standard] == [10]


def test_a_version_that_is_kept_is_never_changed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    path = shelf.put(MINE)
    assert shelf.put(MINE) == path
    before = path.read_bytes()
    with pytest.raises(Refusal) as refused:
        shelf.put(newer(1, 60_000))
    assert refused.value.code == "labels.template_version"
    assert path.read_bytes() == before


def test_what_comes_from_elsewhere_gets_the_next_version_when_it_has_changed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    widths = (76_000, 76_000, 75_000, 75_000, 76_000)
    assert [shelf.put_next(newer(1, width)).version for width in widths] == [1, 1, 2, 2, 3]


def test_a_standard_template_is_locked(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        Shelf(tmp_path).put(msgspec.structs.replace(MINE, name="neutral-76x130"))
    assert refused.value.code == "labels.template_locked"
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_read_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "label.json"
    file.write_bytes(written(MINE))
    assert Shelf(tmp_path / "shelf").find(str(file)) == MINE
    assert own_template(file.read_bytes()) == MINE


def test_what_is_not_there_is_answered_with_what_is_near(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(MINE)
    assert "shop-a" in str(refusal_of(shelf, "shop-b").fields["near"])
    assert refusal_of(shelf, "shop-a@7").code == "labels.template_unknown"
    assert refusal_of(shelf, str(tmp_path / "none.json")).code == "labels.file_unreadable"


def test_a_spoiled_file_is_told_of_when_it_is_asked_for(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(MINE)
    (tmp_path / "shop-b.v1.json").write_text("{")
    assert [entry.name for entry in shelf.entries() if not entry.standard] == ["shop-a"]
    assert refusal_of(shelf, "shop-b").code == "labels.template_wrong"


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.json"
    with file.open("wb") as out:
        out.truncate(50_000_000)
    assert refusal_of(Shelf(tmp_path), str(file)).code == "labels.file_unreadable"
