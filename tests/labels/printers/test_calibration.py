"""The calibration sheet: rulers and cross where they should be, codes that say their own density, pages of darkness."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zxingcpp

from miandan.kernel.errors import Refusal
from miandan.labels.printers import profiles
from miandan.labels.printers.calibration import documents, pages
from miandan.labels.printers.profile import Density, Language, Profile
from miandan.labels.printers.readings import Readings, darkness_steps
from tests.labels.interpreters import cpcl, escpos, tspl
from tests.labels.interpreters.sheet import Sheet
from tests.labels.judges import Picture
from tests.labels.pictures import astray, read_png
from tests.labels.printers.sheets import on_white, shown
from tests.labels.printers.zpl_scanner import scan

ZPL = profiles.shipped()["zpl-203"]
BOTH = ["zpl-203", "zpl-300"]


def first(profile: Profile, *size: int) -> Picture:
    return shown(next(pages(profile, *size)).bits)


def dots(mm: float, profile: Profile) -> float:
    return mm * profile.dpi / 25.4


def runs(line: bytes) -> list[tuple[int, int]]:
    """Where each black run of a row or column begins and ends."""
    return [found.span() for found in re.finditer(rb"\0+", line)]


def read(picture: Picture) -> dict[str, Any]:
    """What a scanner types, with where it found it."""
    wide = [bytes(level for level in picture.row(y) for _ in range(2)) for y in range(picture.height)]
    large: Any = memoryview(b"".join([row for row in wide for _ in range(2)]))
    found = zxingcpp.read_barcodes(large.cast("B", (2 * picture.height, 2 * picture.width)))
    return {one.text: one.position for one in found}


@pytest.mark.parametrize("name", BOTH)
def test_the_cross_stands_ten_millimetres_from_both_edges(name: str) -> None:
    profile = profiles.shipped()[name]
    picture = first(profile)
    at = round(dots(10, profile))
    beside = round(dots(11, profile))
    for line in (picture.row(beside), picture.column(beside)):
        (arm,) = [run for run in runs(line) if abs(run[0] - at) < 5]
        assert abs((arm[0] + arm[1]) / 2 - dots(10, profile)) <= 0.5


@pytest.mark.parametrize("name", BOTH)
def test_the_rulers_have_a_line_at_every_millimetre_of_both_edges(name: str) -> None:
    profile = profiles.shipped()[name]
    picture = first(profile)
    for line, length in ((picture.row(round(dots(1, profile))), 76), (picture.column(round(dots(1, profile))), 130)):
        ticks = [(start + end) / 2 for start, end in runs(line)]
        wanted = [0, *range(3, length + 1)]
        assert len(ticks) == len(wanted)
        # Those at the edges lie inside the paper, all others around their place.
        assert all(abs(tick - dots(mm, profile)) <= 1.5 for mm, tick in zip(wanted, ticks, strict=True))


@pytest.mark.parametrize("name", BOTH)
def test_every_code_says_how_many_dots_its_module_has(name: str) -> None:
    picture = first(profiles.shipped()[name])
    found = read(picture)
    assert set(found) == {f"{kind}{module}" for kind in ("BAR", "QR") for module in (1, 2, 3, 4)}
    for module in (1, 2, 3, 4):
        for kind in ("BAR", "QR"):
            place = found[f"{kind}{module}"]
            row = picture.row((place.top_left.y + place.bottom_left.y) // 4)
            code = row[place.top_left.x // 2 - 2 : place.top_right.x // 2 + 3]
            widths = {end - start for start, end in runs(code)}
            assert min(widths) == module
            assert all(width % module == 0 for width in widths)


def test_the_rulers_go_to_the_edges_of_larger_paper() -> None:
    picture = first(ZPL, 100_000, 150_000)
    assert len(runs(picture.row(8))) == 1 + 98
    assert len(runs(picture.column(8))) == 1 + 148


def test_nothing_is_printed_over_anything_else_on_the_smallest_paper() -> None:
    small, large = first(ZPL, 70_000, 112_000), first(ZPL, 100_000, 150_000)
    assert set(read(small)) == set(read(large))


@pytest.mark.parametrize(("width", "height"), [(69_000, 130_000), (76_000, 100_000)])
def test_paper_that_is_too_small_is_refused(width: int, height: int) -> None:
    with pytest.raises(Refusal, match="paper_too_small") as refused:
        next(pages(ZPL, width, height))
    assert f"{width // 1000} x {height // 1000}" in refused.value.zh


def test_paper_that_is_wider_than_the_printer_is_refused() -> None:
    with pytest.raises(Refusal, match="sheet_too_large"):
        next(pages(replace(ZPL, width_um=72_000)))


@pytest.mark.parametrize("name", ["zpl-203", "tspl-203", "tspl-300", "cpcl-203"])
def test_pages_of_darkness_are_printed_ever_darker_and_say_how_dark(name: str) -> None:
    profile = profiles.shipped()[name]
    steps = darkness_steps(profile)
    found = list(pages(profile))
    assert [page.profile.darkness for page in found[1:]] == list(steps) == sorted(steps)
    assert len({page.bits for page in found}) == 6
    said = [_darkness(document.data, profile) for document in documents(profile)]
    assert said[1:] == sorted(set(said[1:]))


def _darkness(data: bytes, profile: Profile) -> int:
    if profile.language is Language.ZPL:
        return int(scan(data)[0].settings["SD"])
    if profile.language is Language.TSPL:
        return int(tspl.interpret(data, 8 if profile.dpi == 203 else 12)[0].settings["DENSITY"])
    return int(cpcl.interpret(data)[0].settings.get("TONE", "0"))


def test_a_printer_whose_darkness_cannot_be_set_gets_one_sheet_that_does_not_ask_for_it() -> None:
    fixed = profiles.shipped()["escpos-203"]
    settable = replace(fixed, density=Density.DC2, darkness=8)
    (only,) = pages(fixed)
    asking, *of_darkness = pages(settable)
    assert only.bits != asking.bits
    assert len(of_darkness) == 5


@pytest.mark.parametrize("profile", profiles.shipped().values(), ids=lambda profile: profile.name)
def test_the_sheet_comes_out_of_every_printer_as_it_was_drawn(profile: Profile) -> None:
    page, document = next(pages(profile)), next(documents(profile))
    if profile.language is Language.ZPL:
        assert scan(document.data)[0].graphics[0].data == page.bits.data
        return
    per_mm = 8 if profile.dpi == 203 else 12
    interpret: dict[Language, Callable[[bytes], list[Sheet]]] = {
        Language.TSPL: lambda data: tspl.interpret(data, per_mm),
        Language.CPCL: cpcl.interpret,
        Language.ESCPOS: lambda data: escpos.interpret(data, 104 * per_mm),
    }
    (sheet,) = interpret[profile.language](document.data)
    assert sheet.picture == on_white(page.bits, sheet.picture.width, sheet.picture.height)


def test_a_sheet_printed_after_a_calibration_has_its_cross_moved_by_what_was_found(tmp_path: Path) -> None:
    def cross(profile: Profile) -> tuple[int, int]:
        (sheet,) = tspl.interpret(next(documents(profile)).data)
        found = read(sheet.picture)["BAR4"].top_left
        return found.x // 2, found.y // 2

    before = cross(profiles.profile("tspl-203", tmp_path))
    after = cross(profiles.calibrated("tspl-203", tmp_path, Readings(left_mm=9, top_mm=12)))
    assert (after[0] - before[0], after[1] - before[1]) == (8, -16)


def test_the_sheet_looks_as_it_did_when_somebody_looked_at_it() -> None:
    golden = (Path(__file__).parent / "golden" / "calibration-zpl-203.png").read_bytes()
    # Another FreeType may set a dot of a letter elsewhere; a line or a letter that is gone is more than that.
    assert astray(first(ZPL), read_png(golden)) <= 40
