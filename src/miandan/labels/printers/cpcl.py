"""CPCL: one label session whose only field is the picture, as bytes (CG) or hexadecimal digits (EG).

Source, read in public copies: Zebra's CPCL Programming Manual ("GRAPHICS Commands", "TONE Command", GAP-SENSE and
BAR-SENSE). No text of a label stands in these bytes.
"""

from miandan.labels.pictures import Bits
from miandan.labels.printers.profile import MOST_DARKNESS, Codec, Media, Profile

_LIGHTEST_TONE, _DARKEST_TONE = -99, 200
_FASTEST = 5  # a level, not a speed; the manual names none in mm/s

_MEDIA = {Media.GAP: b"GAP-SENSE\r\n", Media.MARK: b"BAR-SENSE\r\n", Media.CONTINUOUS: b""}


def document(bits: Bits, profile: Profile, copies: int = 1) -> bytes:
    """One sheet, complete in itself: a job needs nothing before its first or behind its last one."""
    dpi = 200 if profile.dpi == 203 else profile.dpi  # the manual calls a head of 203 dpi 200
    command, data = (b"EG", bits.data.hex().upper().encode()) if profile.codec is Codec.HEX else (b"CG", bits.data)
    return b"".join(
        [
            b"! 0 %d %d %d %d\r\nPAGE-WIDTH %d\r\n" % (dpi, dpi, bits.height, copies, bits.width),
            b"" if profile.darkness is None else b"TONE %d\r\n" % tone(profile.darkness),
            b"SPEED %d\r\n" % min(_FASTEST, profile.inches_per_second) if profile.speed_mm_s else b"",
            _MEDIA[profile.media],
            b"%b %d %d 0 0 %b\r\n" % (command, bits.stride, bits.height, data),
            b"" if profile.media is Media.CONTINUOUS else b"FORM\r\n",
            b"PRINT\r\n",
        ]
    )


def tone(darkness: int) -> int:
    """Our scale of 0 to 15 on the printer's of -99 to 200; 5 is its own default, 0."""
    return _LIGHTEST_TONE + (_DARKEST_TONE - _LIGHTEST_TONE) * darkness // MOST_DARKNESS
