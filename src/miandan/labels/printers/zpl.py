"""ZPL II: the picture as one graphic field, deflated (:Z64:) or, for printers that lack that, in hexadecimal digits.

Sources, read in public copies: Zebra's ZPL II Programming Guide (^GF, ^LL, ^PW, ^PR, ^MN, ~SD, "ZB64 Encoding and
Compression"). No text of a label stands in these bytes.
"""

from binascii import b2a_base64

from miandan.labels.deflate import packed_dots
from miandan.labels.pictures import Bits
from miandan.labels.printers.crc16 import crc16
from miandan.labels.printers.profile import Codec, Media, Profile

_MOST_DARKNESS = 30  # ~SD goes from 00 to 30, two steps for one of ours
_FASTEST = 14  # inches a second, the last step of ^PR

_MEDIA = {Media.GAP: b"Y", Media.MARK: b"M", Media.CONTINUOUS: b"N"}


def document(bits: Bits, profile: Profile, copies: int = 1) -> bytes:
    """One sheet, complete in itself: a job needs nothing before its first or behind its last one."""
    return b"%b%b^FS%b" % (begin(bits.width, bits.height, profile), graphic(0, 0, bits, profile), end(copies))


def begin(width: int, height: int, profile: Profile) -> bytes:
    """The head of a sheet of so many dots; says anew whatever another program's job may have left behind."""
    darkness = b"" if profile.darkness is None else b"~SD%02d" % (2 * profile.darkness)
    speed = b"^PR%d" % min(_FASTEST, profile.inches_per_second) if profile.speed_mm_s else b""
    return b"%b^XA^MN%b%b^PON^PW%d^LL%d^LH0,0" % (darkness, _MEDIA[profile.media], speed, width, height)


def end(copies: int) -> bytes:
    return b"^PQ%d^XZ\n" % copies


def graphic(x: int, y: int, bits: Bits, profile: Profile) -> bytes:
    """A picture with its top left corner at the place, in dots, without the ^FS that ends it."""
    size = len(bits.data)
    return b"^FO%d,%d^GFA,%d,%d,%d,%b" % (x, y, size, size, bits.stride, _coded(bits.data, profile.codec))


def _coded(data: bytes, codec: Codec) -> bytes:
    """The sizes in ^GF stay those of the dots, however short the coded form is.

    The check is CRC-16/XMODEM (0x1021, from zero, not reflected), the one that `binascii.crc_hqx` computes: Zebra's
    guide names none; a user of a ZD420 found that the printer takes this one and no other (GitHub
    miikanissi/zebrafy, issue 17).
    """
    if codec is Codec.HEX:
        return data.hex().upper().encode()
    packed = b2a_base64(packed_dots(data), newline=False)
    return b":Z64:%b:%04X" % (packed, crc16(packed))
