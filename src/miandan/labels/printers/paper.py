"""A picture on the paper of a printer: refused when it does not fit, moved by the printer's offset in whole dots."""

from dataclasses import dataclass
from functools import lru_cache

from miandan.kernel.errors import Refusal
from miandan.labels.pictures import Bits
from miandan.labels.printers.profile import MICROMETRES_PER_INCH, Profile


@dataclass(frozen=True, slots=True)
class Moved:
    """A picture of the same size whose dots have moved; `lost` black dots fell off its edges."""

    bits: Bits
    lost: int


def refuse_too_large(width: int, height: int, profile: Profile) -> None:
    """Raises Refusal `labels.sheet_too_large` when so many dots are wider or longer than the printer prints.

    What is too long by less than a dot still fits: sizes in mm are seldom whole dots.
    """
    for dots, most_um in ((width, profile.width_um), (height, profile.length_um)):
        if (dots - 1) * MICROMETRES_PER_INCH >= most_um * profile.dpi:
            raise Refusal(
                "labels.sheet_too_large",
                profile=profile.name,
                sheet=f"{_mm(width, profile)} x {_mm(height, profile)}",
                most=f"{profile.width_um / 1000:g} x {profile.length_um / 1000:g}",
            )


def moved(bits: Bits, right: int, down: int) -> Moved:
    """The picture moved by so many dots, negative ones to the left and up; white comes in from the other side."""
    if not right and not down:
        return Moved(bits, 0)
    before = int.from_bytes(bits.data)
    by = right + 8 * bits.stride * down
    after = (before >> by if by >= 0 else before << -by) & _kept(bits.width, bits.height, right)
    data = after.to_bytes(bits.stride * bits.height)
    return Moved(Bits(bits.width, bits.height, data), before.bit_count() - after.bit_count())


def turned(bits: Bits) -> Bits:
    """The picture upside down, so that its other edge comes out first."""
    whole = int.from_bytes(bits.data[::-1].translate(_MIRRORED)) << (8 * bits.stride - bits.width)
    return Bits(bits.width, bits.height, (whole & (1 << 8 * len(bits.data)) - 1).to_bytes(len(bits.data)))


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@lru_cache(maxsize=16)
def _kept(width: int, height: int, right: int) -> int:
    """The dots of a page that may be black after such a move.

    Rows stand one behind the other in one number, so that a shift carries dots into the next row, where they are none.
    """
    stride = (width + 7) // 8
    kept = max(0, width - abs(right))
    row = ((1 << kept) - 1) << (8 * stride - width + max(0, -right))
    return int.from_bytes(row.to_bytes(stride) * height) if kept else 0


def _mm(dots: int, profile: Profile) -> str:
    return f"{dots * MICROMETRES_PER_INCH / profile.dpi / 1000:.1f}"
