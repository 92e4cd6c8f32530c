"""TSPL: the picture as one BITMAP. Lines end in CR LF, lengths of paper are millimetres, all else is dots.

Source: TSC's TSPL/TSPL2 manual as public drivers and copies quote it. That a 0 of BITMAP is a black dot was seen in
public drivers (LPrint sends white as 1; several others invert), not on a printer. No text of a label stands in here.
"""

from miandan.labels.pictures import Bits
from miandan.labels.printers.profile import MICROMETRES_PER_INCH, Media, Profile

_INVERTED = bytes(byte ^ 0xFF for byte in range(256))
_FASTEST = 18  # inches a second


def document(bits: Bits, profile: Profile, copies: int = 1) -> bytes:
    """One sheet, complete in itself: a job needs nothing before its first or behind its last one."""
    lines = [
        f"SIZE {_mm(bits.width, profile)} mm,{_mm(bits.height, profile)} mm",
        _media(profile),
        *([] if profile.darkness is None else [f"DENSITY {profile.darkness}"]),
        *([f"SPEED {min(_FASTEST, profile.inches_per_second)}"] if profile.speed_mm_s else []),
        "DIRECTION 0",
        "REFERENCE 0,0",
        "CLS",
        f"BITMAP 0,0,{bits.stride},{bits.height},0,",
    ]
    return b"%b%b\r\nPRINT 1,%d\r\n" % ("\r\n".join(lines).encode(), bits.data.translate(_INVERTED), copies)


def _mm(dots: int, profile: Profile) -> str:
    """The true length of so many dots, which is what the printer's sensor measures the paper against."""
    return f"{dots * MICROMETRES_PER_INCH / profile.dpi / 1000:.2f}".rstrip("0").rstrip(".")


def _media(profile: Profile) -> str:
    gap = f"{profile.gap_um / 1000:g} mm,0 mm"
    return {
        Media.GAP: f"GAP {gap}",
        Media.MARK: f"BLINE {gap}",
        Media.CONTINUOUS: "GAP 0 mm,0 mm",
    }[profile.media]
