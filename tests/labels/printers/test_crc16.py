"""The check of ZPL's graphics against the standard library's, and the two remainders that make it quick."""

from binascii import crc_hqx

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miandan.labels.printers.crc16 import crc16

DIVISOR = 1 << 16 | 1 << 12 | 1 << 5 | 1


def remainder(power: int) -> int:
    """Of x to that power, by long division."""
    left = 1
    for _ in range(power):
        left <<= 1
        if left >> 16:
            left ^= DIVISOR
    return left


def test_the_powers_leave_the_remainders_that_are_said() -> None:
    assert remainder(32_768) == 0b10
    assert remainder(16_672) == 0b1011


@given(st.binary(max_size=64), st.integers(0, 20_000), st.integers(0, 255))
def test_it_is_the_check_of_the_standard_library(some: bytes, more: int, byte: int) -> None:
    data = some + bytes([byte]) * more
    assert crc16(data) == crc_hqx(data, 0)


@pytest.mark.parametrize("size", [0, 1, 2_083, 2_084, 2_085, 4_095, 4_096, 4_097, 8_192, 79_000])
def test_it_holds_at_both_ends_of_every_piece(size: int) -> None:
    data = bytes(place * 7 % 251 for place in range(size))
    assert crc16(data) == crc_hqx(data, 0)
