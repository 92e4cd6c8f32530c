"""Number rules: how a serial becomes a waybill number and back. Pools are ranges of serials under one rule."""

import re
from dataclasses import dataclass
from enum import StrEnum

from miandan.carriers.dated import Dated

# What anything must look like to be a number at all, where a carrier's own shape is unknown.
LOOSE_SHAPE = re.compile(r"[0-9A-Z][0-9A-Z-]{5,33}")

_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_DIGITS = re.compile("[0-9]+")


class NumberKind(StrEnum):
    """What a number is for. Kinds of one carrier never overlap: each has its own prefix or its own serials."""

    STANDARD = "standard"
    INTERNATIONAL = "international"
    CHILD = "child"
    RETURN = "return"
    SANDBOX = "sandbox"


class CheckDigit(StrEnum):
    """How the digit after the serial is computed; none where the carrier has not published one."""

    NONE = "none"
    S10 = "s10"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule(Dated):
    """prefix + zero-padded serial [+ check digit] [+ suffix].

    Serials run from `first` to `capacity` - 1; those below `first` are left to another kind. `strict` is the shape
    seen today, `lenient` adds older ones; both are patterns for the whole number.
    """

    carrier: str
    kind: NumberKind
    prefix: str
    width: int
    strict: str
    lenient: str
    check: CheckDigit = CheckDigit.NONE
    suffix: str = ""
    first: int = 0

    @property
    def capacity(self) -> int:
        """One more than the largest serial."""
        return int(10**self.width)

    def holds(self, first: int, last: int) -> bool:
        """Whether all serials from `first` to `last` may be issued under this rule."""
        return self.first <= first <= last < self.capacity

    def format(self, serial: int) -> str:
        """The number of a serial; larger serials give larger numbers. Raises ValueError outside the rule."""
        if not self.first <= serial < self.capacity:
            raise ValueError(f"serial {serial} is outside {self._range} of {self.carrier}")
        return self._formed(serial)

    def consecutive(self, first: int, count: int) -> list[str]:
        """The numbers of `count` serials from `first` on. Raises ValueError outside the rule."""
        if count and not self.holds(first, first + count - 1):
            raise ValueError(f"{count} serials from {first} are outside {self._range} of {self.carrier}")
        return [self._formed(serial) for serial in range(first, first + count)]

    def _formed(self, serial: int) -> str:
        digits = f"{serial:0{self.width}d}"
        if self.check is CheckDigit.S10:
            digits += s10_check_digit(digits)
        return self.prefix + digits + self.suffix

    @property
    def _range(self) -> str:
        return f"{self.first}..{self.capacity - 1}"

    def serial_of(self, number: str) -> int | None:
        """The serial that gives exactly this number, or None when no serial of this rule does."""
        digits = number[len(self.prefix) : len(self.prefix) + self.width]
        if len(digits) != self.width or not _DIGITS.fullmatch(digits):
            return None
        serial = int(digits)
        return serial if serial >= self.first and self.format(serial) == number else None

    def accepts(self, number: str) -> bool:
        """Whether a number has the strict shape, check digit included."""
        return re.fullmatch(self.strict, number) is not None and self._check_fits(number)

    def tolerates(self, number: str) -> bool:
        """Whether a number has this or an older shape; good enough to read a parcel, not to issue one."""
        return self.accepts(number) or (re.fullmatch(self.lenient, number) is not None and self._check_fits(number))

    def _check_fits(self, number: str) -> bool:
        if self.check is CheckDigit.NONE:
            return True
        digits = "".join(_DIGITS.findall(number))
        return len(digits) == 9 and s10_check_digit(digits[:8]) == digits[8]


def s10_check_digit(serial: str) -> str:
    """Check digit of an eight-digit serial by the S10 standard of the Universal Postal Union: 47312482 gives 9."""
    total = sum(weight * int(digit) for weight, digit in zip(_S10_WEIGHTS, serial, strict=True))
    return str({10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11))
