"""`miandan templates` as a designer uses it: own templates and custom areas, those of others, what is said of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.clerk import Clerk
from tests.cli.test_render import SOMEBODY, designer, records, render
from tests.docs.raised import ROOT
from tests.labels import judges

__all__ = ["designer"]

WHOLE: dict[str, Any] = {"name": "bin", "version": 1, "width": 76_000, "height": 50_000, "nodes": []}
TEXT = {"type": "text", "box": {"x": 0, "y": 0, "w": 8_000, "h": 4_000}, "size": 3_000}
AREA = {
    "name": "my-area",
    "version": 1,
    "base": "zto-76x130",
    "nodes": [TEXT | {"value": [{"of": "text", "text": "甲"}]}],
}
FULL = WHOLE | {"nodes": [TEXT | {"value": [{"of": "field", "path": "recipient_phone", "mask": "none"}]}]}


def file(clerk: Clerk, plain: Any, name: str = "t.json") -> Path:
    path = clerk.folder / name
    path.write_text(json.dumps(plain), encoding="utf-8")
    return path


def test_a_template_of_ones_own_is_checked_kept_and_used(designer: Clerk) -> None:
    blocks = (ROOT / "docs" / "labels.md").read_text(encoding="utf-8").split("```json\n")[1:]
    for name, block in zip(("area", "whole"), blocks, strict=True):
        (designer.folder / f"{name}.json").write_text(block.split("```")[0], encoding="utf-8")
    assert designer.run("templates", "check", "area.json", "whole.json").code == 0
    for file in ("area.json", "whole.json"):
        assert designer.run("templates", "import", file).code == 0
    assert "my-shop@1" in designer.run("templates", "list").out
    data = records(designer, SOMEBODY | {"shop": "江南好物", "custom": {"batch": 7}})
    assert render(designer, "--template", "my-shop", data=data).code == 0
    assert "感谢惠顾江南好物" in judges.texts(designer.folder / "labels.pdf")[0]
    assert render(designer, "--template", "bin-label@1", data=data).code == 0


def test_a_wrong_template_is_told_with_every_place(designer: Clerk) -> None:
    (designer.folder / "t.json").write_text('{"name": "t", "version": 1, "width": 1, "height": 20000, "nodes": [{}]}')
    done = designer.run("templates", "check", "t.json")
    assert done.code == 2
    assert "$.width" in done.err
    assert "$.nodes[0]" in done.err
    assert designer.run("templates", "import", "t.json").error_code == "labels.template_wrong"


def test_a_standard_template_cannot_be_replaced(designer: Clerk) -> None:
    shown = designer.run("templates", "show", "zto-76x130")
    (designer.folder / "mine.json").write_text(shown.out, encoding="utf-8")
    assert designer.run("templates", "import", "mine.json").error_code == "labels.template_locked"
    (designer.folder / "mine.json").write_text(shown.out.replace("zto-76x130", "zto-mine", 1), encoding="utf-8")
    assert designer.run("templates", "import", "mine.json").code == 0


def test_a_template_goes_to_cainiao_and_comes_back(designer: Clerk) -> None:
    designer.run("templates", "export", "zto-76x130", "--to", "cainiao", "--out", "t.xml")
    text = (designer.folder / "t.xml").read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    back = designer.run("templates", "import", "t.xml", "--name", "from-cainiao")
    assert back.code in (0, 2)
    assert "from-cainiao@1" in back.err
    assert render(designer, "--template", "from-cainiao").code == 0
    assert designer.run("templates", "export", "zto-76x130", "--to", "word").error_code == "labels.language_unknown"


def test_the_schema_is_printed(designer: Clerk) -> None:
    assert json.loads(designer.run("templates", "schema").out)["$defs"]["Template"]["type"] == "object"


def test_a_second_import_says_that_the_template_was_there(designer: Clerk) -> None:
    file(designer, WHOLE)
    assert "was there" not in designer.run("templates", "import", "t.json").err
    again = designer.run("templates", "import", "t.json")
    assert again.code == 0
    assert "早已在架上" in again.err


def test_a_custom_area_comes_back_as_an_area(designer: Clerk) -> None:
    designer.run("templates", "import", file(designer, AREA))
    assert json.loads(designer.run("templates", "export", "my-area").out)["base"] == "zto-76x130"
    assert json.loads(designer.run("templates", "show", "my-area@1").out) == AREA
    designer.run("templates", "export", "my-area", "--to", "cainiao", "--out", "area.xml")
    back = designer.run("templates", "import", "area.xml", "--base", "zto-76x130", "--name", "my-area")
    assert "my-area@" in back.err
    assert json.loads(designer.run("templates", "show", "my-area").out)["base"] == "zto-76x130"


def test_ones_own_form_takes_a_name_and_an_area_a_base(designer: Clerk) -> None:
    assert "bin-2@1" in designer.run("templates", "import", file(designer, WHOLE), "--name", "bin-2").err
    done = designer.run("templates", "import", "t.json", "--base", "zto-76x130")
    assert done.error_code == "labels.base_needs_area"
    area = file(designer, AREA, "area.json")
    designer.run("templates", "import", area, "--name", "other", "--base", "sto-76x130")
    shown = json.loads(designer.run("templates", "show", "other").out)
    assert (shown["name"], shown["base"]) == ("other", "sto-76x130")
    assert designer.run("templates", "import", area, "--name", "A B").error_code == "labels.template_wrong"


@pytest.mark.parametrize("text", ['"panels"', "printElements"])
def test_ones_own_template_may_speak_of_panels(designer: Clerk, text: str) -> None:
    plain = WHOLE | {"title": text, "nodes": [TEXT | {"value": [{"of": "text", "text": text}]}]}
    path = designer.folder / "t.json"
    path.write_text(json.dumps(plain), encoding="utf-8-sig")
    assert "bin@1" in designer.run("templates", "import", path).err


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        ('{"panels": 1}', (), "labels.template_wrong"),
        ('{"panels": [{"printElements": []}]}', ("--from", "miandan"), "labels.template_wrong"),
        ("{", (), "labels.template_wrong"),
        ("<page>", ("--from", "miandan"), "labels.template_wrong"),
        ("[]", (), "labels.import_language"),
        ("{}", ("--from", "word"), "labels.language_unknown"),
    ],
)
def test_what_is_not_a_template_is_refused_as_what_it_was_meant_to_be(
    designer: Clerk, content: str, options: tuple[str, ...], code: str
) -> None:
    (designer.folder / "t.json").write_text(content)
    assert designer.run("templates", "import", "t.json", *options).error_code == code


def test_a_template_of_hiprints_is_known_by_its_panels(designer: Clerk) -> None:
    panel = {"width": 76, "height": 130, "printElements": []}
    assert "t@1" in designer.run("templates", "import", file(designer, {"panels": [panel]})).err


def test_a_template_for_full_labels_is_kept_and_prints_full_labels_only(designer: Clerk) -> None:
    checked = designer.run("templates", "check", file(designer, FULL))
    assert checked.code == 0
    kept = designer.run("templates", "import", "t.json")
    assert kept.code == 0
    for done in (checked, kept):
        assert "--purpose print_full" in done.err
    assert "only for print_full" in designer.run("templates", "list").out
    data = records(designer, SOMEBODY)
    assert render(designer, "--template", "bin", data=data).error_code == "labels.template_wrong"
    assert render(designer, "--template", "t.json", "--purpose", "print_full", data=data).code == 0
    assert render(designer, "--template", "bin", "--purpose", "print_full", data=data).code == 0


def test_damaged_templates_are_named_beside_the_list(designer: Clerk) -> None:
    designer.run("templates", "import", file(designer, WHOLE))
    (designer.folder / "data" / "templates" / "spoiled.v1.json").write_text("{")
    done = designer.run("templates", "list")
    assert "spoiled" not in done.out
    assert "bin@1" in done.out
    assert "spoiled" in done.err


def test_checking_a_template_of_others_points_to_the_import(designer: Clerk) -> None:
    (designer.folder / "label.xml").write_text("<page/>")
    done = designer.run("templates", "check", "label.xml")
    assert done.code == 2
    assert "miandan templates import label.xml" in done.err


def test_lists_and_schemas_are_utf_8_whatever_the_terminal(designer: Clerk) -> None:
    plain = designer.but(PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert "标准 standard" in plain.run("templates", "list").out
    assert json.loads(plain.run("templates", "schema").out)["title"] == "miandan label template 面单模板"
