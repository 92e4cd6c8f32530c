"""Two and four labels on a sheet of office paper, as poppler draws it and scanners read it."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData
from miandan.labels.pdf.imposing import OFFICE_DPI, Office, impose
from tests.labels.judges import is_well_formed, pictures, texts, zxing
from tests.labels.standard_labels import label_for, named

NAMES = ("zto-76x130", "sf-100x150")


def numbered(name: str, count: int) -> list[LabelData]:
    """Labels of a standard template that tell themselves apart."""
    first = label_for(name)
    numbers = [f"{first.number[:-2]}{n:02d}" for n in range(1, count + 1)]
    return [replace(first, number=one, barcode_text=one, qr_text=f"Q{one}") for one in numbers]


def written(labels: list[LabelData], sheet: Office, per_sheet: int, name: str, path: Path) -> int:
    out = BytesIO()
    report = impose(labels, out, sheet, per_sheet, named(name))
    path.write_bytes(out.getvalue())
    assert is_well_formed(path)
    return report.pages


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("per_sheet", [2, 4])
@pytest.mark.parametrize("sheet", list(Office))
def test_every_label_on_the_sheet_scans(sheet: Office, per_sheet: int, name: str, tmp_path: Path) -> None:
    labels = numbered(name, per_sheet)
    assert written(labels, sheet, per_sheet, name, tmp_path / "a.pdf") == 1
    (page,) = pictures(tmp_path / "a.pdf", OFFICE_DPI)
    assert page.width == pytest.approx(sheet.size_um[0] * OFFICE_DPI / 25_400, abs=1.5)
    assert page.height == pytest.approx(sheet.size_um[1] * OFFICE_DPI / 25_400, abs=1.5)
    read = {text for _, text in zxing(page)}
    assert {label.barcode_text for label in labels} <= read
    assert {label.qr_text for label in labels} <= read


def test_bars_lie_on_whole_dots_though_the_label_shrank(tmp_path: Path) -> None:
    """76 x 130 mm does not fit four times on A5: every bar is 3 or more of the same whole dots, without grey."""
    written(numbered("zto-76x130", 4), Office.A5, 4, "zto-76x130", tmp_path / "a.pdf")
    (page,) = pictures(tmp_path / "a.pdf", OFFICE_DPI)
    runs = set()
    for y in range(0, page.height, 7):
        row = page.row(y).replace(b"\xff", b" ").split()
        dark = [len(one) for one in row if set(one) == {0}]
        if len(dark) > 40:  # this row goes through a barcode
            runs |= set(dark)
    module = min(runs)
    assert module >= 3
    bars = {one for one in runs if one <= 4 * module}
    assert bars == {module * n for n in range(1, 5)} & bars


def test_the_order_is_row_by_row_and_a_sheet_may_stay_half_empty(tmp_path: Path) -> None:
    labels = numbered("zto-76x130", 5)
    assert written(labels, Office.A4, 4, "zto-76x130", tmp_path / "a.pdf") == 2
    first, second = texts(tmp_path / "a.pdf")
    places = [first.index(label.number) for label in labels[:4]]
    assert places == sorted(places)
    assert labels[4].number in second
    page = pictures(tmp_path / "a.pdf", 203)[0]
    quarters = [
        page.part(left, top, left + page.width // 2, top + page.height // 2)
        for top in (0, page.height // 2)
        for left in (0, page.width // 2)
    ]
    read = [{text for _, text in zxing(quarter)} & {label.barcode_text for label in labels} for quarter in quarters]
    assert read == [{label.barcode_text} for label in labels[:4]]


def test_a_label_that_would_become_too_small_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        impose([label_for("sf-100x210")], BytesIO(), Office.A5, 4, named("sf-100x210"))
    assert refusal.value.code == "labels.sheet_too_large"
    assert "A5 / 4" in refusal.value.zh


def test_nothing_to_print_and_other_numbers_are_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        impose([], BytesIO(), Office.A4, 2)
    assert refusal.value.code == "labels.nothing_to_print"
    with pytest.raises(ValueError, match="2 or 4"):
        impose([], BytesIO(), Office.A4, 3)


def test_the_same_labels_give_the_same_bytes() -> None:
    one, other = BytesIO(), BytesIO()
    for out in (one, other):
        impose(numbered("zto-76x130", 3), out, Office.A4, 2, named("zto-76x130"))
    assert one.getvalue() == other.getvalue()
