"""The shelf of templates: standard ones locked, the merchant's own kept version by version."""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import msgspec
import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.model import Purpose
from miandan.labels.shelf import Shelf, own_template
from miandan.labels.standards import standard, standard_names
from miandan.labels.template import Box, CustomArea, Field, Literally, Template, Text, written

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
    path = shelf.put(MINE).path
    assert shelf.put(MINE) == (MINE, path, False)
    before = path.read_bytes()
    with pytest.raises(Refusal) as refused:
        shelf.put(newer(1, 60_000))
    assert refused.value.code == "labels.template_version"
    assert path.read_bytes() == before


def test_what_comes_from_elsewhere_gets_the_next_version_when_it_has_changed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    widths = (76_000, 76_000, 75_000, 75_000, 76_000)
    kept = [shelf.put_next(newer(1, width)) for width in widths]
    assert [(one.template.version, one.new) for one in kept] == [
        (1, True),
        (1, False),
        (2, True),
        (2, False),
        (3, True),
    ]


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
    shelf.put(newer(3))
    assert refusal_of(shelf, "shop-a@7").fields["near"] == "shop-a@3、shop-a@1"
    assert refusal_of(shelf, "shop-a@7").code == "labels.template_unknown"
    assert refusal_of(shelf, f"shop-a@{'9' * 5_000}").code == "labels.template_unknown"
    assert refusal_of(shelf, "shop.a@7").code == "labels.template_unknown"
    assert refusal_of(shelf, str(tmp_path / "none.json")).code == "labels.file_unreadable"


def test_a_spoiled_file_is_told_of_when_it_is_asked_for(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(MINE)
    (tmp_path / "shop-b.v1.json").write_text("{")
    assert [entry.name for entry in shelf.entries() if not entry.standard] == ["shop-a"]
    assert list(shelf.damaged()) == ["shop-b"]
    assert refusal_of(shelf, "shop-b").code == "labels.template_wrong"


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.json"
    with file.open("wb") as out:
        out.truncate(50_000_000)
    assert refusal_of(Shelf(tmp_path), str(file)).code == "labels.file_unreadable"


def test_a_device_without_end_is_not_read_to_its_end() -> None:
    assert refusal_of(Shelf(Path("nowhere")), "/dev/zero").code == "labels.file_unreadable"


PROCESSES, ROUNDS = 3, 20


def put_versions(folder: Path, mark: int) -> list[int]:
    """The versions that this process was the first to keep."""
    won = []
    for version in range(1, ROUNDS + 1):
        with suppress(Refusal):
            won += [version] if Shelf(folder).put(newer(version, 70_000 + mark)).new else []
    return won


def put_next_versions(folder: Path, mark: int) -> list[int]:
    return [Shelf(folder).put_next(newer(1, 70_000 + mark + 10 * n)).template.version for n in range(ROUNDS)]


def at_once(work: Callable[[Path, int], list[int]], folder: Path) -> list[list[int]]:
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        return list(pool.map(work, [folder] * PROCESSES, range(PROCESSES)))


def kept_widths(folder: Path) -> dict[int, int]:
    kept = [json.loads(path.read_bytes()) for path in folder.iterdir()]
    return {one["version"]: one["width"] for one in kept}


def test_of_programs_that_keep_a_version_at_once_one_does(tmp_path: Path) -> None:
    won = at_once(put_versions, tmp_path)
    assert sorted(chain(*won)) == list(range(1, ROUNDS + 1))
    assert kept_widths(tmp_path) == {version: 70_000 + mark for mark, mine in enumerate(won) for version in mine}


def test_programs_that_keep_templates_at_once_each_get_a_version_of_their_own(tmp_path: Path) -> None:
    given = at_once(put_next_versions, tmp_path)
    assert sorted(chain(*given)) == list(range(1, PROCESSES * ROUNDS + 1))
    assert kept_widths(tmp_path) == {
        version: 70_000 + mark + 10 * n for mark, mine in enumerate(given) for n, version in enumerate(mine)
    }


def test_a_kept_version_that_was_damaged_is_not_replaced(tmp_path: Path) -> None:
    path = Shelf(tmp_path).put(MINE).path
    path.write_bytes(b"{")
    with pytest.raises(Refusal, match=r"labels\.template_version"):
        Shelf(tmp_path).put(MINE)
    assert path.read_bytes() == b"{"


def test_the_largest_version_is_found_again(tmp_path: Path) -> None:
    Shelf(tmp_path).put(newer(999_999_999))
    assert Shelf(tmp_path).find("shop-a").version == 999_999_999
    with pytest.raises(Refusal, match=r"labels\.template_wrong"):
        Shelf(tmp_path).put(newer(1_000_000_000))


def test_a_standard_template_is_found_by_its_version_too(tmp_path: Path) -> None:
    assert Shelf(tmp_path).find("zto-76x130@1") is standard("zto-76x130")
    refused = refusal_of(Shelf(tmp_path), "zto-76x130@2")
    assert (refused.code, refused.fields["near"]) == ("labels.template_unknown", "zto-76x130")


def test_a_template_that_shows_more_than_a_label_may_is_kept_for_printing_in_full(tmp_path: Path) -> None:
    full = Text(Box(0, 0, 40_000, 9_000), (Field("recipient_name", mask="none"),), 3_000)
    shelf = Shelf(tmp_path)
    shelf.put(msgspec.structs.replace(MINE, nodes=(full,)))
    assert shelf.find("shop-a", Purpose.PRINT_FULL).nodes == (full,)
    assert refusal_of(shelf, "shop-a").code == "labels.template_wrong"
    assert [entry.full_only for entry in shelf.entries() if not entry.standard] == [True]
    assert list(shelf.damaged()) == []


def test_a_custom_area_is_given_back_as_it_was_written(tmp_path: Path) -> None:
    area = CustomArea("my-area", 1, "zto-76x130", MINE.nodes)
    shelf = Shelf(tmp_path)
    shelf.put(area)
    assert shelf.as_written("my-area") == area
    assert shelf.as_written("zto-76x130") is standard("zto-76x130")
    assert len(shelf.find("my-area").nodes) > len(area.nodes)
