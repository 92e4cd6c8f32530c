"""After labels are made nobody on them is left in memory: caches hold glyphs and templates, nothing that was said."""

import gc
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from miandan.labels.model import LabelData, Purpose
from miandan.labels.pdf import render_pdf
from miandan.labels.printers import profiles
from miandan.labels.rendering import Format, Job, render
from tests.labels.sheets import sheet


def invented(seed: str) -> str:
    """A name that stands nowhere in the program."""
    return "".join(random.Random(seed).choices([chr(code) for code in range(0x4E00, 0x9F00)], k=6))


def left_in_memory(texts: list[str]) -> Iterator[str]:
    """Kinds of objects that hold one of the texts, in any form that an output writes it in."""
    gc.collect()
    forms = [form for text in texts for form in (text, text.encode("utf-16-be").hex())]
    raw = [form.encode() for form in forms] + [text.encode("utf-16-be") for text in texts]
    known = {id(one) for one in [*texts, *forms, *raw]}
    for holder in gc.get_objects():
        if any(holder is one for one in (texts, forms, raw)):
            continue
        for held in gc.get_referents(holder):
            if id(held) in known:
                continue
            if isinstance(held, str) and any(form in held for form in forms):
                yield f"{type(holder).__name__} {held[:40]!r}"
            if isinstance(held, (bytes, bytearray)) and any(form in held for form in raw):
                yield f"{type(holder).__name__} {bytes(held[:40])!r}"


def by_pdf(label: LabelData) -> None:
    render_pdf([label], io.BytesIO(), purpose=Purpose.PRINT_FULL)


def by(to: Format, profile: str = "") -> Callable[[LabelData], None]:
    def made(label: LabelData) -> None:
        printer = profiles.profile(profile) if profile else None
        job = Job(to, profile=printer, purpose=Purpose.PRINT_FULL)
        assert render([label], job, io.BytesIO()).pages == 1

    return made


@pytest.mark.parametrize(
    "make",
    [
        by_pdf,
        by(Format.PNG),
        by(Format.SVG),
        by(Format.RASTER),
        by(Format.ZPL, "zpl-203"),
        by(Format.ZPL, "zpl-native-203"),
        by(Format.TSPL, "tspl-203"),
    ],
    ids=["pdf", "png", "svg", "raster", "zpl", "zpl-native", "tspl"],
)
def test_no_cache_holds_a_recipient(
    make: Callable[[LabelData], None], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    texts = [invented(f"{request.node.name}-{place}") for place in range(3)]
    name, address, remark = texts
    label = sheet(recipient_name=name, recipient_address=address * 3, remark=remark)
    assert list(left_in_memory(texts)) != []  # the label itself is found
    make(label)
    del label, name, address, remark
    assert list(left_in_memory(texts)) == []
