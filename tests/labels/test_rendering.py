"""One verb for every format: sheets are written as they are made, and what a printer cannot do well is told."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData, WarningKind
from miandan.labels.printers import profiles
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
