"""A picture on a printer's paper: refused when it is too large, moved without a dot that was not told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.kernel.errors import Refusal
from miandan.labels.printers import profiles
from miandan.labels.printers.paper import moved, refuse_too_large
from tests.labels.judges import Picture
from tests.labels.printers.sheets import noise, shown

PRINTER = replace(profiles.shipped()["zpl-203"], width_um=76_000, length_um=130_000)


def by_dots(picture: Picture, right: int, down: int) -> Picture:
    """The picture moved dot by dot."""

    def level(x: int, y: int) -> int:
        inside = 0 <= x < picture.width and 0 <= y < picture.height
        return picture.pixels[y * picture.width + x] if inside else 255

    dots = (level(x - right, y - down) for y in range(picture.height) for x in range(picture.width))
    return Picture(picture.width, picture.height, bytes(dots))


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 12),
    right=st.integers(-45, 45),
    down=st.integers(-15, 15),
    seed=st.integers(0, 99),
)
def test_every_dot_moves_by_as_much_or_is_counted_as_lost(
    width: int, height: int, right: int, down: int, seed: int
) -> None:
    bits = noise(width, height, seed)
    after = moved(bits, right, down)
    wanted = by_dots(shown(bits), right, down)
    assert shown(after.bits) == wanted
    assert after.lost == shown(bits).pixels.count(0) - wanted.pixels.count(0)
    # What pads a row to whole bytes stays white, or a printer would burn it.
    assert sum(row.bit_count() for row in after.bits.rows()) == wanted.pixels.count(0)


def test_a_picture_that_stays_is_the_same_picture() -> None:
    bits = noise(40, 10)
    assert moved(bits, 0, 0).bits is bits


@pytest.mark.parametrize(("width", "height"), [(607, 1039), (608, 1039), (100, 20)])
def test_a_sheet_of_the_printers_size_is_taken_however_its_millimetres_were_rounded(width: int, height: int) -> None:
    refuse_too_large(width, height, PRINTER)


@pytest.mark.parametrize(("width", "height"), [(609, 1039), (607, 1041), (4_000, 4_000)])
def test_a_sheet_that_is_wider_or_longer_is_refused_with_both_sizes(width: int, height: int) -> None:
    with pytest.raises(Refusal) as refused:
        refuse_too_large(width, height, PRINTER)
    assert refused.value.code == "labels.sheet_too_large"
    assert "76 x 130" in refused.value.zh
    assert "76 x 130" in refused.value.en
    assert "zpl-203" in refused.value.en
