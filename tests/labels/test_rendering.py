"""One verb for every format: sheets are written as they are made, and what a printer cannot do well is told."""

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.pictures import write_png
from miandan.labels.printers import profiles
from miandan.labels.printers.paper import moved
from miandan.labels.raster import rasterise
from miandan.labels.rendering import Format, Job, render
from tests.labels.sheets import EVERYDAY, ORDINARY, laden

ZPL = profiles.shipped()["zpl-203"]


def made(job: Job, *labels: LabelData) -> tuple[bytes, list[WarningKind]]:
    out = io.BytesIO()
    report = render(labels, job, out)
    assert report.pages == len(labels)
    return out.getvalue(), [warning.kind for warning in report.warnings]


def test_sheets_are_written_before_the_next_label_is_asked_for() -> None:
    out = io.BytesIO()
    sizes = []

    def labels() -> Iterator[LabelData]:
        for _ in range(4):
            sizes.append(out.tell())
            yield ORDINARY

    render(labels(), Job(Format.ZPL, profile=ZPL), out)
    assert sizes[0] == 0
    assert sizes[1] > 0
    assert sizes == sorted(set(sizes))


def test_every_sheet_of_a_label_is_a_document_of_its_own() -> None:
    out = io.BytesIO()
    one, other = made(Job(Format.ZPL, profile=ZPL), ORDINARY)[0], made(Job(Format.ZPL, profile=ZPL), laden(ORDINARY))[0]
    render([ORDINARY, laden(ORDINARY)], Job(Format.ZPL, profile=ZPL), out)
    assert out.getvalue() == one + other


def test_an_offset_that_pushes_black_off_the_paper_is_told() -> None:
    assert made(Job(Format.ZPL, profile=ZPL), ORDINARY)[1] == []
    askew = replace(ZPL, offset_x_um=-8_000)
    assert made(Job(Format.ZPL, profile=askew), ORDINARY)[1] == [WarningKind.OFF_THE_PAPER]


def test_a_barcode_finer_than_the_calibration_found_is_told() -> None:
    worn = replace(ZPL, finest_module=4)
    kinds = made(Job(Format.ZPL, profile=worn), ORDINARY)[1]
    assert set(kinds) == {WarningKind.BARCODE_TOO_FINE}
    assert made(Job(Format.ZPL, profile=replace(ZPL, finest_module=2)), EVERYDAY["sf"])[1] == []


def test_nothing_to_print_leaves_no_file(tmp_path: Path) -> None:
    for to in Format:
        with pytest.raises(Refusal) as refused:
            render([], Job(to, profile=ZPL if to is Format.ZPL else None), tmp_path / "labels")
        assert refused.value.code == "labels.nothing_to_print"
    assert list(tmp_path.iterdir()) == []


def test_a_stream_holds_one_picture_or_none() -> None:
    out = io.BytesIO()
    with pytest.raises(Refusal) as refused:
        render([ORDINARY, ORDINARY], Job(Format.PNG), out)
    assert refused.value.code == "labels.stream_needs_one"
    assert out.getvalue() == b""


def test_a_raster_file_is_a_picture_after_the_other() -> None:
    data, _ = made(Job(Format.RASTER), ORDINARY, laden(ORDINARY))
    size = len(b"P4\n608 1039\n") + 76 * 1039
    assert [data[start : start + 12] for start in (0, size)] == [b"P4\n608 1039\n"] * 2
    assert len(data) == 2 * size


@pytest.mark.parametrize("to", [Format.PNG, Format.SVG])
def test_a_device_takes_one_picture_and_gets_no_files_beside_it(tmp_path: Path, to: Format) -> None:
    assert render([ORDINARY], Job(to), Path(os.devnull)).pages == 1
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(Refusal, match=r"labels\.stream_needs_one"):
        render([ORDINARY, ORDINARY], Job(to), pipe)
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_picture_for_a_printer_shows_the_dots_that_it_burns() -> None:
    askew = replace(profiles.shipped()["zpl-300"], offset_x_um=-8_000, offset_y_um=1_000)
    [sheet] = rasterise([ORDINARY], None, dpi=300)
    on_paper = moved(sheet.bits, *askew.offset)
    png, kinds = made(Job(Format.PNG, profile=askew), ORDINARY)
    assert png == write_png(on_paper.bits)
    assert on_paper.bits != sheet.bits
    assert kinds == [WarningKind.OFF_THE_PAPER]
    raster, kinds = made(Job(Format.RASTER, profile=askew), ORDINARY)
    assert raster == b"P4\n%d %d\n%b" % (on_paper.bits.width, on_paper.bits.height, on_paper.bits.data)
    assert kinds == [WarningKind.OFF_THE_PAPER]


def test_a_picture_for_a_printer_warns_of_bars_that_are_too_fine_for_it() -> None:
    assert set(made(Job(Format.PNG, profile=replace(ZPL, finest_module=4)), ORDINARY)[1]) == {
        WarningKind.BARCODE_TOO_FINE
    }


def test_a_picture_of_a_sheet_that_the_printer_cannot_hold_is_refused() -> None:
    with pytest.raises(Refusal, match=r"labels\.sheet_too_large"):
        made(Job(Format.PNG, profile=replace(ZPL, width_um=50_000)), ORDINARY)


@pytest.mark.parametrize("to", [Format.PDF, Format.SVG])
def test_vectors_take_the_dots_of_the_profile(to: Format) -> None:
    of_300 = made(Job(to, profile=profiles.shipped()["zpl-300"]), ORDINARY)[0]
    assert of_300 == made(Job(to, dpi=300), ORDINARY)[0] != made(Job(to), ORDINARY)[0]
