"""Code 128 and QR symbols, read back by decoders that we did not write."""

import random
import string
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from miandan.labels import code128, qr
from tests.labels import judges
from tests.labels.judges import Picture

ASCII = st.text(st.characters(max_codepoint=127), min_size=1, max_size=40)
NUMBERS = st.from_regex(r"[A-Z]{0,4}[0-9]{1,18}[A-Z]{0,2}", fullmatch=True)


def bars(text: str) -> Picture:
    symbol = code128.encode(text)
    return judges.of_modules([f"{symbol.bits:0{symbol.width}b}"] * 20, quiet=10, scale=2)


def square(text: str) -> Picture:
    symbol = qr.encode(text)
    line = 8 * symbol.stride
    modules = f"{symbol.bits:0{line * symbol.size}b}"
    return judges.of_modules([modules[y * line :][: symbol.size] for y in range(symbol.size)], quiet=4)


@given(ASCII | NUMBERS)
@settings(deadline=None, max_examples=150)
def test_zxing_reads_every_code_128(text: str) -> None:
    assert judges.zxing(bars(text)) == [("Code128", text)]


@given(NUMBERS)
@settings(deadline=None, max_examples=150)
def test_waybill_numbers_are_as_short_as_the_best_encoder_makes_them(text: str) -> None:
    theirs = zxingcpp.write_barcode_to_image(
        zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128), scale=1, add_quiet_zones=False
    )
    assert code128.encode(text).width <= theirs.shape[1]


@pytest.mark.parametrize("text", ["", "面单", "é"])
def test_code_128_refuses_what_it_cannot_hold(text: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        code128.encode(text)


@given(st.text(st.characters(max_codepoint=0x9FFF, exclude_categories=["C"]), min_size=1, max_size=60))
@settings(deadline=None, max_examples=100)
def test_zxing_reads_every_qr_code(text: str) -> None:
    symbol = square(text)
    found = zxingcpp.read_barcode(memoryview(symbol.pixels).cast("B", (symbol.height, symbol.width)))
    assert found is not None
    assert found.bytes == text.encode()


@pytest.mark.parametrize("length", [1, *qr.CAPACITY, *[fits + 1 for fits in qr.CAPACITY[:-1]]])
def test_a_qr_code_is_the_symbol_that_an_encoder_draws(length: int) -> None:
    """Module for module, at both ends of every version; lower case keeps the encoder in byte mode."""
    text = "".join(random.Random(length).choices(string.ascii_lowercase, k=length))
    symbol = qr.encode(text)
    theirs = zxingcpp.create_barcode(
        text, zxingcpp.BarcodeFormat.QRCode, ec_level="M", version=qr.version_for(length), data_mask=2
    )
    image: Any = zxingcpp.write_barcode_to_image(theirs, scale=1, add_quiet_zones=False)
    line = 8 * symbol.stride
    modules = f"{symbol.bits:0{line * symbol.size}b}"
    ours = "".join(modules[y * line :][: symbol.size] for y in range(symbol.size))
    assert ours == "".join("1" if level == 0 else "0" for level in bytes(image))


def test_a_qr_code_is_the_same_after_thousands_of_others() -> None:
    """What is learnt about bytes is kept up to a limit."""
    rng = random.Random(5)
    texts = ["".join(rng.choices(string.printable, k=40)) for _ in range(1_500)]
    before = [qr.encode(text) for text in texts[:20]]
    for text in texts:
        qr.encode(text)
    assert [qr.encode(text) for text in texts[:20]] == before


def test_a_code_128_wider_than_any_label_is_refused() -> None:
    assert code128.encode("1" * 190).width == 11 * 97 + 13
    with pytest.raises(ValueError, match="100"):
        code128.encode("1" * 202)


def test_a_qr_code_refuses_what_no_label_can_print() -> None:
    with pytest.raises(ValueError, match="213"):
        qr.encode("x" * 214)
    with pytest.raises(ValueError, match="one or more"):
        qr.encode("")


def test_zbar_reads_them_too(tmp_path: Path) -> None:
    rng = random.Random(7)
    printable = string.ascii_letters + string.digits + "-./:?=&"
    linear = ["".join(rng.choices(string.digits, k=length)) for length in range(8, 20)]
    linear += ["SF" + number for number in linear]
    squares = ["".join(rng.choices(printable, k=length)) for length in range(10, 100, 9)]
    pictures = [bars(text) for text in linear] + [square(text) for text in squares]
    assert judges.zbar(tmp_path, *pictures) == linear + squares
