"""ESC/POS: the picture in bands that small buffers hold, then on to the next sheet. No text of a label stands in here.

Sources, read in public copies: Epson's command reference (GS v 0: 1 is printed), SNBC's BT-UR056 manual (GS FF feeds
marked paper to the next print position). From memory: FF does the same on gap labels of Chinese printers, and both
commands of density. Nothing here is tried on a printer.
"""

from collections.abc import Iterator

from miandan.labels.pictures import Bits
from miandan.labels.printers.profile import MOST_DARKNESS, Density, Profile, SheetEnd

BAND = 260  # rows that cheap printers take in one picture

_RESET = b"\x1b@"
_ENDS = {SheetEnd.FF: b"\x0c", SheetEnd.GS_FF: b"\x1d\x0c", SheetEnd.CUT: b"\x1dVB\0"}
_GS_K_LIGHTEST, _GS_K_DARKEST = -6, 8
_DC2_PAUSE = 2 << 5  # 500 µs between two heatings, the default


def document(bits: Bits, profile: Profile, copies: int = 1) -> bytes:
    """One sheet, complete in itself; the language has no copies, so more of them are the sheet again."""
    sheet = b"".join([_RESET, _density(profile), *_bands(bits), _ENDS[profile.sheet_end]])
    return sheet * copies


def _bands(bits: Bits) -> Iterator[bytes]:
    stride = bits.stride
    for top in range(0, bits.height, BAND):
        rows = min(BAND, bits.height - top)
        size = stride.to_bytes(2, "little") + rows.to_bytes(2, "little")
        yield b"\x1dv0\0%b%b" % (size, bits.data[top * stride : (top + rows) * stride])


def _density(profile: Profile) -> bytes:
    """Our scale of 0 to 15 on -6 to 8 (GS ( K, function 49) or on 50 % and 5 % for each step (DC2 #)."""
    if profile.darkness is None or profile.density is Density.NONE:
        return b""
    if profile.density is Density.DC2:
        return b"\x12#%c" % (_DC2_PAUSE | profile.darkness)
    step = _GS_K_LIGHTEST + round((_GS_K_DARKEST - _GS_K_LIGHTEST) * profile.darkness / MOST_DARKNESS)
    return b"\x1d(K\x02\0\x31%c" % (step & 0xFF)
