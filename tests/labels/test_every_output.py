"""Every template in every output: decoders and interpreters that we did not write see the same label each time.

The raster is the measure: each printer language must give its dots back, and whatever draws vectors must show bars that
read the same. `make test` prints one label of every template, `make prove` every kind of record at both resolutions.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import pytest

from miandan.labels.compiled import BarcodeSlot
from miandan.labels.model import LabelData
from miandan.labels.pdf import write_pdf
from miandan.labels.pictures import write_png
from miandan.labels.printers import profiles
from miandan.labels.printers.documents import document
from miandan.labels.raster import RasterSheet, rasterise
from miandan.labels.standards import standard, standard_names
from miandan.labels.svg import render_svg
from miandan.labels.symbols import Encoder, place
from miandan.labels.template import Template
from tests.labels import judges, public_judges
from tests.labels.interpreters import cpcl, escpos, tspl
from tests.labels.judges import Picture
from tests.labels.printers.sheets import on_white, shown
from tests.labels.sheets import EVERYDAY, hostile, laden, overlong

NAMES = standard_names()
PER_MM = {203: 8, 300: 12}
FORMATS = {"code128": "Code128", "qr": "QRCode", "datamatrix": "DataMatrix"}


def ordinary(label: LabelData) -> LabelData:
    return label


KINDS = (ordinary, laden, overlong, hostile)
ALL = [(make, dpi) for make in KINDS for dpi in (203, 300)]
ONE_OF_EACH = [(ordinary, 203)]
EVERY = [pytest.param(make, dpi, marks=[] if (make, dpi) in ONE_OF_EACH else [pytest.mark.prove]) for make, dpi in ALL]


def named(name: str) -> Template:
    found = standard(name)
    assert found is not None
    return found


def template_of(label: LabelData) -> Template:
    return named(label.custom["template"])


def labels(make: Callable[[LabelData], LabelData]) -> list[LabelData]:
    """One label for every template."""
    return [replace(make(EVERYDAY[named(name).carrier]), custom={"template": name}) for name in NAMES]


@lru_cache(maxsize=1)
def sheets(make: Callable[[LabelData], LabelData], dpi: int) -> list[RasterSheet]:
    """Drawn once for the tests that follow each other with the same labels."""
    return list(rasterise(labels(make), template_of, dpi=dpi))


def printed(sheet: RasterSheet, dpi: int) -> Iterator[tuple[BarcodeSlot, str]]:
    """The barcodes that a sheet shows: those that can be encoded and find room."""
    layer = sheet.compiled.layer(sheet.label)
    for slot in (*layer.static, *layer.slots):
        if isinstance(slot, BarcodeSlot) and (slot.shown is None or slot.shown(sheet.label)):
            text = slot.read(sheet.label)
            try:
                symbol = Encoder().encode(slot.symbology, text)
            except ValueError:
                continue
            if place(slot, symbol.columns, symbol.rows, dpi) is not None:
                yield slot, text


def expected(sheet: RasterSheet, dpi: int) -> list[tuple[str, str]]:
    return sorted((FORMATS[slot.symbology], text) for slot, text in printed(sheet, dpi))


def assert_read(found: list[RasterSheet], pages: list[Picture], dpi: int) -> None:
    """zxing-cpp reads every barcode of every page, and no other."""
    assert len(found) == len(pages)
    for sheet, page in zip(found, pages, strict=True):
        assert judges.zxing(page) == expected(sheet, dpi), (sheet.label.custom["template"], sheet.label.sheet)


@pytest.mark.parametrize(("make", "dpi"), EVERY)
def test_both_decoders_read_every_barcode_of_the_raster(
    make: Callable[[LabelData], LabelData], dpi: int, tmp_path: Path
) -> None:
    found = sheets(make, dpi)
    assert_read(found, [shown(sheet.bits) for sheet in found], dpi)
    parts, texts = [], []
    for sheet in found:
        picture = shown(sheet.bits)
        for slot, text in printed(sheet, dpi):
            if slot.symbology in ("code128", "qr"):  # zbar reads no Data Matrix
                edges = (slot.box.x, slot.box.y, slot.box.x + slot.box.w, slot.box.y + slot.box.h)
                parts.append(picture.part(*(round(edge * dpi / 25_400) for edge in edges)))
                texts.append(text)
    assert judges.zbar(tmp_path, *parts) == texts


@pytest.mark.parametrize(("make", "dpi"), EVERY)
@pytest.mark.parametrize("judge", [judges.pictures, public_judges.mupdf_pictures], ids=["poppler", "mupdf"])
def test_the_pdf_shows_every_barcode_to_whoever_draws_it(
    make: Callable[[LabelData], LabelData],
    dpi: int,
    judge: Callable[[Path, int], list[Picture]],
    tmp_path: Path,
) -> None:
    path = tmp_path / "labels.pdf"
    write_pdf(labels(make), path, template_of, dpi=dpi)
    assert judges.is_well_formed(path)
    assert_read(sheets(make, dpi), judge(path, dpi), dpi)


@pytest.mark.parametrize(("make", "dpi"), EVERY)
def test_the_svg_shows_every_barcode(make: Callable[[LabelData], LabelData], dpi: int, tmp_path: Path) -> None:
    files = [drawn for drawn, _ in render_svg(labels(make), template_of, dpi=dpi)]
    assert_read(sheets(make, dpi), public_judges.svg_pictures(tmp_path, files, dpi), dpi)


@pytest.mark.parametrize(("make", "dpi"), EVERY)
def test_the_preview_is_the_raster(make: Callable[[LabelData], LabelData], dpi: int, tmp_path: Path) -> None:
    found = sheets(make, dpi)
    pages = public_judges.png_pictures(tmp_path, (write_png(sheet.bits) for sheet in found))
    assert pages == [shown(sheet.bits) for sheet in found]


@pytest.mark.parametrize(("make", "dpi"), EVERY)
def test_a_renderer_of_zpl_gives_the_dots_of_every_template(make: Callable[[LabelData], LabelData], dpi: int) -> None:
    assert_drawn_again(sheets(make, dpi), f"zpl-{dpi}", dpi)


@pytest.mark.prove
@pytest.mark.parametrize("make", KINDS)
def test_it_gives_them_from_plain_hexadecimals_too(make: Callable[[LabelData], LabelData]) -> None:
    assert_drawn_again(sheets(make, 203), "zpl-clone-203", 203)


def assert_drawn_again(found: list[RasterSheet], printer: str, dpi: int) -> None:
    """Sheets of one paper together: the renderer is told the paper."""
    ordered, papers = sorted(found, key=_size), []
    for (width, height), group in groupby(ordered, key=_size):
        data = b"".join(document(sheet.bits, profiles.profile(printer)).data for sheet in group)
        papers.append((data, width / PER_MM[dpi], height / PER_MM[dpi]))
    pages = public_judges.zpl_pictures_of(papers, PER_MM[dpi])
    assert pages == [shown(sheet.bits) for sheet in ordered]


def _size(sheet: RasterSheet) -> tuple[int, int]:
    return sheet.bits.width, sheet.bits.height


@pytest.mark.parametrize(("make", "dpi"), EVERY)
def test_a_strict_reader_of_tspl_gives_the_dots_of_every_template(
    make: Callable[[LabelData], LabelData], dpi: int
) -> None:
    profile = profiles.profile(f"tspl-{dpi}")
    for sheet in sheets(make, dpi):
        [page] = tspl.interpret(document(sheet.bits, profile).data, PER_MM[dpi])
        assert page.picture == on_white(sheet.bits, page.picture.width, page.picture.height)
        assert page.texts == []


@pytest.mark.parametrize(("make", "dpi"), EVERY)
def test_strict_readers_of_cpcl_and_escpos_give_the_dots_of_every_template(
    make: Callable[[LabelData], LabelData], dpi: int
) -> None:
    mobile, receipt = (profiles.profile(f"{language}-{dpi}") for language in ("cpcl", "escpos"))
    for sheet in sheets(make, dpi):
        [page] = cpcl.interpret(document(sheet.bits, mobile).data)
        assert page.picture == on_white(sheet.bits, page.picture.width, page.picture.height)
        [strip] = escpos.interpret(document(sheet.bits, receipt).data, head_dots=104 * PER_MM[dpi])
        assert strip.picture == on_white(sheet.bits, strip.picture.width, strip.picture.height)
