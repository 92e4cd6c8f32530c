"""Programs of others judge what needs no printer language of ours: hand-written ZPL, and the label PDF."""

from pathlib import Path

import pytest

from miandan.labels.pdf import write_pdf
from tests.labels import judges
from tests.labels.interpreters import escpos
from tests.labels.judges import Picture
from tests.labels.public_judges import escpos_picture, mupdf_pictures, through_cups, zpl_pictures
from tests.labels.sheets import CROWDED, ORDINARY

SYMBOLS = sorted(
    [
        ("Code128", ORDINARY.barcode_text),
        ("Code128", ORDINARY.barcode_text),
        ("QRCode", ORDINARY.qr_text),
    ]
)


def black(picture: Picture) -> tuple[int, int, int, int]:
    """The box around everything black: left, top, right, bottom."""
    rows = [y for y in range(picture.height) if 0 in picture.row(y)]
    columns = [x for x in range(picture.width) if 0 in picture.column(x)]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


@pytest.fixture
def label(tmp_path: Path) -> Path:
    file = tmp_path / "label.pdf"
    write_pdf([ORDINARY], file)
    return file


def test_the_zpl_renderer_draws_every_label_of_a_call_on_its_dots() -> None:
    zpl = b"^XA^FO10,20^GB100,50,50^FS^XZ\n^XA^FO0,0^GFA,4,4,1,FF818181^FS^XZ"
    first, second = zpl_pictures(zpl, 76, 130, 8)
    assert (first.width, first.height) == (608, 1040)
    assert black(first) == (10, 20, 110, 70)
    assert second.row(0)[:9] == b"\0" * 8 + b"\xff"
    assert second.row(1)[:9] == b"\0" + b"\xff" * 6 + b"\0\xff"


def test_the_zpl_renderer_knows_a_printer_of_300_dpi() -> None:
    (picture,) = zpl_pictures(b"^XA^FO0,0^GB912,1560,1^FS^XZ", 76, 130, 12)
    assert black(picture) == (0, 0, 912, 1560)


def test_the_escpos_reader_puts_the_bands_of_a_label_below_one_another() -> None:
    head, width = b"\x1b@\x1ba\x00", b"\x02\x00"
    bands = b"\x1dv0\x00" + width + b"\x02\x00\x80\x01\xff\x00" + b"\x1dv0\x00" + width + b"\x01\x00\x00\xff"
    picture = escpos_picture(head + bands + b"\x0c")
    assert picture.width == 16
    assert [bytes(level and 1 for level in picture.row(y)) for y in range(picture.height)] == [
        b"\0" + b"\1" * 14 + b"\0",
        b"\0" * 8 + b"\1" * 8,
        b"\1" * 8 + b"\0" * 8,
    ]
    assert picture == escpos.interpret(head + bands + b"\x0c")[0].picture


def test_mupdf_reads_what_poppler_reads(tmp_path: Path) -> None:
    file = tmp_path / "labels.pdf"
    write_pdf([ORDINARY, CROWDED], file)
    drawn, expected = mupdf_pictures(file), judges.pictures(file)
    assert [(page.width, page.height) for page in drawn] == [(page.width, page.height) for page in expected]
    assert judges.zxing(drawn[0]) == SYMBOLS
    assert [judges.zxing(page) for page in drawn] == [judges.zxing(page) for page in expected]


def test_a_label_printed_through_cups_on_its_stock_zebra_driver_scans(label: Path, tmp_path: Path) -> None:
    zpl = through_cups(label, tmp_path)
    (picture,) = zpl_pictures(zpl, 76, 130, 8)
    assert (picture.width, picture.height) == (608, 1040)
    assert set(picture.pixels) == {0, 255}
    assert judges.zxing(picture) == SYMBOLS
