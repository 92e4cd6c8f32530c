"""After labels are made nobody on them is left in memory: caches hold glyphs and templates, nothing that was said."""

import gc
import io
import random
import sys
from collections.abc import Callable
from functools import lru_cache
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


def left_in_memory(texts: list[str]) -> set[str]:
    """Kinds of objects that hold one of the texts, in any form that an output writes it in.

    The collector does not know containers of texts only, and does not lead to the keys of a dictionary, so whatever it
    knows is opened here down to the last text.
    """
    gc.collect()
    forms = [form for text in texts for form in (text, text.encode("utf-16-be").hex())]
    raw = [form.encode() for form in forms] + [text.encode("utf-16-be") for text in texts]
    seen = {id(one) for one in [texts, forms, raw, *texts, *forms, *raw]}
    waiting: list[tuple[str, object]] = [(type(one).__name__, one) for one in gc.get_objects()]
    seen |= {id(waiting)} | {id(one) for one in sys._getframe().f_locals.values()}
    found = set()
    while waiting:
        holder, one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, str):
            if any(form in one for form in forms):
                found.add(f"{holder} {one[:40]!r}")
        elif isinstance(one, bytes | bytearray):
            if any(form in one for form in raw):
                found.add(f"{holder} {bytes(one[:40])!r}")
        else:
            inner = [*one, *one.values()] if isinstance(one, dict) else gc.get_referents(one)
            waiting += [(type(one).__name__, each) for each in inner]
    return found


@lru_cache
def _remembered(one: str, other: str) -> int:
    return len(one + other)


_cache: dict[object, object] = {}
PLANTED: dict[str, Callable[[str], object]] = {
    "keys": lambda text: {text + "!": b""},
    "values": lambda text: {1: text + "!"},
    "lists": lambda text: [text + "!"],
    "tuples": lambda text: (1, (2, text + "!")),
    "lru_cache": lambda text: _remembered(text + "!", "!"),
    "bytes": lambda text: text.encode() + b"!",
    "hexadecimal": lambda text: f"<{text.encode('utf-16-be').hex()}>",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_cache_that_remembers_is_found(kind: str) -> None:
    texts = [invented(kind)]
    assert left_in_memory(texts) == set()
    _cache[kind] = PLANTED[kind](texts[0])
    assert left_in_memory(texts) != set()
    _cache.clear()
    _remembered.cache_clear()
    assert left_in_memory(texts) == set()


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
    label = sheet(recipient_name=name + "君", recipient_address=address * 3, remark=remark + "。")  # no text itself
    assert left_in_memory(texts) != set()  # the label itself is found
    make(label)
    del label, name, address, remark
    assert left_in_memory(texts) == set()
