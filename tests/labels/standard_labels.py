"""A carrier's label on each standard template, and its pictures, for the tests of the standard templates."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from miandan.labels import symbols
from miandan.labels.model import LabelData
from miandan.labels.pdf import write_pdf
from miandan.labels.standards import standard, standard_names
from miandan.labels.template import Barcode, Box, Template
from tests.labels import judges, leaves
from tests.labels.judges import Picture
from tests.labels.sheets import EVERYDAY

NAMES = standard_names()

Make = Callable[[LabelData], LabelData]
"""Makes another label of an everyday one."""


def everyday(label: LabelData) -> LabelData:
    return label


@cache
def named(name: str) -> Template:
    found = standard(name)
    assert found is not None
    return found


def label_for(name: str, make: Make = everyday) -> LabelData:
    """The carrier's parcel; it remembers the template that it is to be printed on."""
    return replace(make(EVERYDAY[named(name).carrier]), custom={"template": name})


def template_of(label: LabelData) -> Template:
    return named(label.custom["template"])


def barcodes(name: str, label: LabelData) -> list[Barcode]:
    return [node for node in leaves.shown(named(name), label) if isinstance(node, Barcode)]


_BITS = bytes(ord("1") if level < 128 else ord("0") for level in range(256))


def ink(picture: Picture) -> int:
    """The dark dots as the bits of one number, the first one the highest."""
    return int(picture.pixels.translate(_BITS), 2)


def drawn(
    folder: Path, labels: list[LabelData], choice: Callable[[LabelData], Template], dpi: int = 203
) -> list[Picture]:
    path = folder / "labels.pdf"
    write_pdf(labels, path, choice, dpi=dpi)
    found = judges.pictures(path, dpi)
    for file in folder.glob("labels-*.pgm"):
        file.unlink()
    return found


def cut(picture: Picture, box: Box, dpi: int = 203) -> Picture:
    """The part of a picture that lies in a box."""
    edges = (box.x, box.y, box.x + box.w, box.y + box.h)
    left, top, right, bottom = (round(edge * dpi / symbols.MICROMETRES) for edge in edges)
    return picture.part(left, top, min(right, picture.width), min(bottom, picture.height))
