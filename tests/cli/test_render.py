"""`miandan render` as a designer or an ERP uses it: any format from data, wrong records told of, nobody shown."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.clerk import Clerk, Done, finish, nobody_reads
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
    assert done.error_code == "labels.no_records"
    assert "取号" not in done.zh
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
        (("--to", "png", "--profile", "zpl-203", "--dpi", "300"), "labels.profile_differs"),
        (("--to", "pdf", "--profile", "zpl-2O3"), "labels.profile_unknown"),
        (("--to", "svg", "--profile", "zpl-2O3"), "labels.profile_unknown"),
        (("--out", "/dev/full"), "labels.disk_full"),
        (("--to", "svg", "--out", "/dev/full"), "labels.stream_needs_one"),
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
    folder = render(designer, data=Path())
    assert folder.error_code == "labels.file_unreadable"
    assert "文件 . " in folder.zh


def test_a_preview_shows_where_the_printer_prints(designer: Clerk) -> None:
    data = records(designer, SOMEBODY)
    render(designer, "--to", "png", "--profile", "zpl-300", "--out", "before.png", data=data)
    designer.run("calibrate", "--profile", "zpl-300", "--top", "9")  # too high by a millimetre
    render(designer, "--to", "png", "--profile", "zpl-300", "--out", "after.png", data=data)
    before, after = (read_png((designer.folder / name).read_bytes()) for name in ("before.png", "after.png"))
    assert len(before) == 1536
    assert after[12:] == before[:-12]
    assert after != before


def test_what_is_repeated_of_the_data_cannot_steer_the_terminal(designer: Clerk) -> None:
    data = records(designer, SOMEBODY | {"number": f"73\x1b[31m\u202e\r\n✓ {'9' * 500}", "goods": "\U0001f600"})
    done = render(designer, data=data)
    assert "emoji" in done.err
    assert not {"\x1b", "\u202e", "\r"} & set(done.err)
    assert "73␛[31m\ufffd␍␊✓ 999" in done.err
    assert max(map(len, done.err.splitlines())) < 200


def test_the_summary_counts_sheets_and_says_how_many_kinds_it_leaves_out(designer: Clerk) -> None:
    box = {"x": 1_000, "w": 60_000, "h": 4_000}
    fields = ["goods", *(f"custom.c{n}" for n in range(24))]
    nodes = [
        {"type": "text", "box": box | {"y": 4_500 * n}, "size": 3_000, "value": [{"of": "field", "path": path}]}
        for n, path in enumerate(fields)
    ]
    (designer.folder / "many.json").write_text(
        json.dumps({"name": "many", "version": 1, "width": 76_000, "height": 130_000, "nodes": nodes})
    )
    odd = records(designer, SOMEBODY | {"goods": "\U0001f600 \U0001f601", "custom": {f"c{n}": "😀" for n in range(24)}})
    done = render(designer, "--template", "many.json", data=odd)
    assert "emoji  goods  1 张 sheets" in done.err
    assert "另有 5 种提示" in done.err


def closed(number: int) -> Callable[[], object]:
    return lambda: os.close(number)


def test_a_closed_stream_is_told_of_and_nothing_is_said_to_be_done(designer: Clerk) -> None:
    done = designer.run("render", "--data", str(EXAMPLE), "--out", "-", preexec=closed(1))
    assert (done.code, done.error_code) == (1, "labels.not_writable")
    assert "✓" not in done.err
    done = designer.run("render", "--data", "-", preexec=closed(0))
    assert (done.code, done.error_code) == (1, "labels.file_unreadable")
    for command in ("list", "schema"):
        assert designer.run("templates", command, preexec=closed(1)).code == 1


def test_a_reader_that_has_gone_is_no_success(designer: Clerk) -> None:
    done = designer.run("render", "--data", EXAMPLE, "--out", "-", preexec=nobody_reads)
    assert (done.code, done.error_code) == (1, "labels.not_writable")
    assert "✓" not in done.err
    assert "Exception ignored" not in done.err


@pytest.mark.parametrize(("asked", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_program_that_is_asked_to_end_leaves_nothing_half_done(
    designer: Clerk, asked: signal.Signals, code: int
) -> None:
    (designer.folder / "labels.pdf").write_bytes(b"old")
    process = designer.start("render", "--data", "-")
    assert process.stdin
    process.stdin.write(json.dumps(SOMEBODY).encode() + b"\n")
    process.stdin.flush()
    while not list(designer.folder.glob(".labels.pdf.*.part")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(asked)
    assert finish(process).code == code
    assert designer.files() == ["labels.pdf"]
    assert (designer.folder / "labels.pdf").read_bytes() == b"old"
