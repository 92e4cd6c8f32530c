"""After labels are made nobody on them is left in memory: caches hold glyphs and templates, nothing that was said."""

import gc
import io
import random
import sys
from collections.abc import Callable
from functools import lru_cache

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
    digits = [text.encode("utf-16-be").hex() for text in texts]
    forms = [*texts, *digits]
    raw = [form.encode() for form in forms] + [text.encode("utf-16-be") for text in texts]
    seen = {id(one) for one in [texts, digits, forms, raw, *texts, *digits, *raw]}
    shortest, shortest_raw = min(map(len, digits)), min(map(len, raw))
    waiting: list[tuple[str, object]] = [(type(one).__name__, one) for one in gc.get_objects()]
    seen |= {id(waiting)} | {id(one) for one in sys._getframe().f_locals.values()}
    found = set()
    while waiting:
        holder, one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, str):
            if one.isascii():  # of what is there, nearly all, and short
                holds = len(one) >= shortest and any(form in one for form in digits)
            else:
                holds = any(form in one for form in forms)
            if holds:
                found.add(f"{holder} {one[:80]!r}")
        elif isinstance(one, bytes | bytearray):
            if len(one) >= shortest_raw and any(form in one for form in raw):
                found.add(f"{holder} {bytes(one[:80])!r}")
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


def test_a_cache_that_remembers_is_found() -> None:
    texts = {kind: invented(kind) for kind in PLANTED}
    for kind, plant in PLANTED.items():
        _cache[kind] = plant(texts[kind])
    found = " ".join(left_in_memory([*texts.values()]))
    _cache.clear()
    _remembered.cache_clear()
    forms = {kind: (text, repr(text.encode())[2:-1], text.encode("utf-16-be").hex()) for kind, text in texts.items()}
    assert [kind for kind, said in forms.items() if not any(form in found for form in said)] == []


def by_pdf(label: LabelData) -> None:
    render_pdf([label], io.BytesIO(), purpose=Purpose.PRINT_FULL)


def by(to: Format, profile: str = "") -> Callable[[LabelData], None]:
    def made(label: LabelData) -> None:
        printer = profiles.profile(profile) if profile else None
        job = Job(to, profile=printer, purpose=Purpose.PRINT_FULL)
        assert render([label], job, io.BytesIO()).pages == 1

    return made


MAKERS: dict[str, Callable[[LabelData], None]] = {
    "pdf": by_pdf,
    "png": by(Format.PNG),
    "svg": by(Format.SVG),
    "raster": by(Format.RASTER),
    "zpl": by(Format.ZPL, "zpl-203"),
    "zpl-native": by(Format.ZPL, "zpl-native-203"),
    "tspl": by(Format.TSPL, "tspl-203"),
}


def test_no_cache_holds_a_recipient() -> None:
    texts = [invented(f"{format}-{place}") for format in MAKERS for place in range(3)]
    for index, make in enumerate(MAKERS.values()):
        name, address, remark = texts[3 * index : 3 * index + 3]
        make(sheet(recipient_name=name + "君", recipient_address=address * 3, remark=remark + "。"))
    del name, address, remark
    assert left_in_memory(texts) == set()
