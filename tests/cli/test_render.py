"""`miandan render` as a designer or an ERP uses it: any format from data, wrong records told of, nobody shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.clerk import Clerk, Done
from tests.docs.raised import ROOT
from tests.labels import judges
from tests.labels.pictures import read_png

EXAMPLE = ROOT / "examples" / "labels.jsonl"
PLAIN = ("李示例", "13900001111", "501室", "0571-88001234", "王示例", "13900002222", "1801室", "赵示例", "13900003333")
SOMEBODY = {"number": "73100000000017", "carrier": "zto", "recipient_name": "李示例", "recipient_phone": "13900001111"}


@pytest.fixture
def designer(tmp_path: Path) -> Clerk:
    """Somebody with data and no database."""
    return Clerk(tmp_path, {"MIANDAN_DATA": str(tmp_path / "data"), "MIANDAN_DATABASE_URL": ""})


def render(clerk: Clerk, *options: str, data: Path = EXAMPLE) -> Done:
    return clerk.run("render", "--data", str(data), *options)


def records(clerk: Clerk, *rows: Any) -> Path:
    path = clerk.folder / "data.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("to", "name", "begins"),
    [
        ("pdf", "labels.pdf", b"%PDF-1.7"),
        ("png", "labels.png", b"\x89PNG"),
        ("svg", "labels.svg", b"<"),
        ("raster", "labels.pbm", b"P4\n"),
        ("zpl", "labels.zpl", b"~SD16^XA"),
        ("tspl", "labels.tspl", b"SIZE 76"),
        ("cpcl", "labels.cpcl", b"! 0 200 200 "),
        ("escpos", "labels.escpos", b"\x1b@"),
    ],
)
def test_every_format_is_made_of_the_example(designer: Clerk, to: str, name: str, begins: bytes) -> None:
    done = render(designer, "--to", to)
    assert done.code == 0, done.err
    assert "✓ 3 张面单 labels" in done.err
    written = (designer.folder / name).read_bytes()
    assert written.startswith(begins)
    assert [text for text in PLAIN if text.encode() in written or text in done.err + done.out] == []


def test_several_pictures_are_numbered(designer: Clerk) -> None:
    assert render(designer, "--to", "png", "--out", "p.png", "--dpi", "300").code == 0
    pictures = sorted(path.name for path in designer.folder.glob("p*.png"))
    assert pictures == ["p-0002.png", "p-0003.png", "p.png"]
    assert len(read_png((designer.folder / "p.png").read_bytes())) == 1536


def test_each_carrier_gets_its_own_standard_template(designer: Clerk) -> None:
    assert render(designer, "--out", "labels.pdf").code == 0
    zto, sf, jd = judges.texts(designer.folder / "labels.pdf")
    assert "集包" in zto
    assert "020W-F0-CK" in sf
    assert "SF7000000000024#2" not in sf  # the copy code is for scanners
    assert "K8" in jd
    read = judges.zxing(judges.pictures(designer.folder / "labels.pdf")[1])
    assert "SF7000000000024#2" in [text for _, text in read]


def test_wrong_records_are_told_of_and_the_others_are_made(designer: Clerk) -> None:
    data = records(designer, SOMEBODY, {"numbr": "2"}, "{broken\n", SOMEBODY | {"number": "73100000000018"})
    done = render(designer, data=data)
    assert done.code == 2
    assert "2 张面单 labels，2 条有误" in done.err
    assert "第 2 条打印数据有误" in done.err
    assert "Record 3 is wrong" in done.err
    assert len(judges.texts(designer.folder / "labels.pdf")) == 2


def test_nothing_usable_leaves_no_file(designer: Clerk) -> None:
    done = render(designer, data=records(designer, {"numbr": "2"}))
    assert done.code == 1
    assert done.error_code == "labels.nothing_to_print"
    assert not (designer.folder / "labels.pdf").exists()


def test_full_labels_are_printed_only_on_request(designer: Clerk) -> None:
    data = records(designer, SOMEBODY)
    assert render(designer, "--template", "neutral-76x130", data=data).code == 0
    assert "1******1111" in judges.texts(designer.folder / "labels.pdf")[0]
    assert render(designer, "--template", "neutral-76x130", "--purpose", "print_full", data=data).code == 0
    assert "13900001111" in judges.texts(designer.folder / "labels.pdf")[0]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--to", "docx"), "labels.format_unknown"),
        (("--dpi", "600"), "labels.dpi_unknown"),
        (("--purpose", "curiosity"), "labels.purpose_unknown"),
        (("--template", "zto-76x13"), "labels.template_unknown"),
        (("--to", "zpl", "--profile", "zpl-2O3"), "labels.profile_unknown"),
        (("--to", "zpl", "--profile", "tspl-203"), "labels.profile_differs"),
        (("--to", "zpl", "--profile", "zpl-203", "--dpi", "300"), "labels.profile_differs"),
        (("--to", "png", "--out", "-"), "labels.stream_needs_one"),
        (("--out", "missing/labels.pdf"), "labels.not_writable"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_what_can(
    designer: Clerk, options: tuple[str, ...], code: str
) -> None:
    done = render(designer, *options)
    assert done.code == 1
    assert done.error_code == code


def test_missing_data_is_refused(designer: Clerk) -> None:
    assert render(designer, data=designer.folder / "none.json").error_code == "labels.file_unreadable"


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
