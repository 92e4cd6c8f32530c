"""Layouts are written with blocks; what comes out is a plain template that says where everything stands."""

import json
from pathlib import Path
from typing import Any

import pytest

import miandan.labels
from miandan.labels.blocks import Blocks, placed
from miandan.labels.standards import standard, standard_names
from miandan.labels.template import Group, Node
from tests.labels import gallery

TEMPLATES = Path(miandan.labels.__file__).parent / "templates"

TEXT: dict[str, Any] = {"type": "text", "box": {"x": 0, "y": 0, "w": 0, "h": "50%"}, "value": "$value"}
BLOCKS: dict[str, Any] = {
    "line": {"with": {"value": [{"of": "text", "text": "寄"}]}, "nodes": [TEXT | {"size": "80%", "min_size": 3_000}]},
    "both": {"nodes": [{"type": "block", "block": "$which", "box": {"x": 0, "y": 0, "w": 0, "h": 0}}]},
}


def put(block: str, **also: Any) -> dict[str, Any]:
    """A page of 50 x 20 mm with one block, 5 mm from either side and 10 mm high."""
    node = {"type": "block", "block": block, "box": {"x": 5_000, "y": 2_000, "w": -5_000, "h": 10_000}} | also
    return Blocks(BLOCKS, {"which": "line"}).expanded({"nodes": [node]}, 50_000, 20_000)


@pytest.mark.parametrize(
    ("box", "found"),
    [
        ((1_000, 2_000, 3_000, 4_000), (1_000, 2_000, 3_000, 4_000)),
        ((1_000, 2_000, 0, -500), (1_000, 2_000, 49_000, 17_500)),
        ((-20_000, -6_000, 5_000, 0), (30_000, 14_000, 5_000, 6_000)),
        (("10%", "50%", "25%", -1_000), (5_000, 10_000, 12_500, 9_000)),
        (("52.5%", 0, 250, "100%"), (26_250, 0, 250, 20_000)),
    ],
)
def test_a_length_counts_from_the_near_side_the_far_side_or_is_a_part(box: Any, found: tuple[int, ...]) -> None:
    place = placed(dict(zip("xywh", box, strict=True)), 50_000, 20_000)
    assert tuple(place.values()) == found


def test_a_block_becomes_a_group_whose_nodes_fit_its_box() -> None:
    (group,) = put("line")["nodes"]
    assert (group["type"], group["name"]) == ("group", "line")
    assert group["box"] == {"x": 5_000, "y": 2_000, "w": 40_000, "h": 10_000}
    (text,) = group["nodes"]
    assert text["box"] == {"x": 0, "y": 0, "w": 40_000, "h": 5_000}
    assert (text["size"], text["min_size"]) == (4_000, 3_000)


def test_the_smallest_size_is_never_above_the_size() -> None:
    (group,) = put("line", box={"x": 0, "y": 0, "w": 0, "h": 5_000})["nodes"]
    assert (group["nodes"][0]["size"], group["nodes"][0]["min_size"]) == (2_000, 2_000)


def test_what_the_place_says_goes_before_what_the_block_says() -> None:
    said = [{"of": "text", "text": "收"}]
    assert put("line")["nodes"][0]["nodes"][0]["value"] == BLOCKS["line"]["with"]["value"]
    assert put("line", **{"with": {"value": said}})["nodes"][0]["nodes"][0]["value"] == said


def test_the_family_chooses_a_block_within_a_block() -> None:
    (outer,) = put("both")["nodes"]
    assert [inner["name"] for inner in outer["nodes"]] == ["line"]


def test_conditions_and_sheets_go_with_the_block() -> None:
    (group,) = put("line", when={"path": "copy", "at_least": 2}, sheets="further")["nodes"]
    assert group["when"] == {"path": "copy", "at_least": 2}
    assert group["sheets"] == "further"


@pytest.mark.parametrize("block", ["nobody", "$nothing"])
def test_a_name_that_nobody_gives_is_an_error(block: str) -> None:
    with pytest.raises(KeyError):
        put(block)


def test_every_block_and_every_layout_is_used() -> None:
    used = {name for one in standard_names() for name in _groups((standard(one) or pytest.fail(one)).nodes)}
    assert set(json.loads((TEMPLATES / "blocks.json").read_text("utf-8"))) == used
    layouts = {path.stem for path in TEMPLATES.glob("*.json")} - {"blocks"}
    assert layouts == {row["layout"] for row in gallery.rows()}


def _groups(nodes: tuple[Node, ...]) -> set[str]:
    found = set()
    for node in nodes:
        if isinstance(node, Group):
            found |= {node.name} | _groups(node.nodes)
    return found
