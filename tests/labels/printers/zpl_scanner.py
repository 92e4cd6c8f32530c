"""A strict reader of the ZPL that we may write, from Zebra's guide: anything else is an error, wherever it stands.

It draws nothing (zpl-renderer-js does); it says which commands a printer would see and which texts it would print.
"""

import re
import zlib
from base64 import b64decode
from dataclasses import dataclass, field

from miandan.labels.pictures import Bits

_COMMAND = re.compile(rb"([\^~])([A-Z][A-Z0-9@])([^\^~]*)")
_TURN, _COUNT = rb"[NRIB]", rb"[1-9][0-9]{0,4}"
_PLACE = rb"(?:0|[1-9][0-9]{0,4})"
_SIZE = rb"[1-9][0-9]*"
_DATA = rb"(?:[0-9A-Za-z \-./:()+]|_[0-9A-F]{2})*"
_PARAMETERS = {
    b"XA": b"",
    b"MN": b"[YNM]",
    b"PR": rb"[1-9]|1[0-4]",
    b"PO": b"N",
    b"PW": _COUNT,
    b"LL": _COUNT,
    b"LH": b"0,0",
    b"CI": b"28",
    b"FO": _PLACE + b"," + _PLACE,
    b"FT": _PLACE + b"," + _PLACE,
    b"GB": _COUNT + b"," + _COUNT + b"," + _COUNT,
    b"GF": b"A," + _SIZE + b"," + _SIZE + b"," + _SIZE + rb",(?::Z64:[A-Za-z0-9+/]+=*:[0-9A-F]{4}|(?:[0-9A-F]{2})+)",
    b"A@": _TURN + b"," + _COUNT + b"," + _COUNT + rb",[REBA]:[A-Z0-9_]{1,16}\.TTF",
    b"FR": b"",
    b"FH": b"_",
    b"FD": rb"(?:MM,B[0-9]{4})?" + _DATA,
    b"BY": rb"[1-9]|10",
    b"BC": _TURN + b"," + _COUNT + b",N,N,N,A",
    b"BQ": rb"N,2,(?:[1-9]|10),M,2",
    b"FS": b"",
    b"PQ": _COUNT,
    b"XZ": rb"\n",
}


class WrongZpl(Exception):
    """Bytes that none of our sheets may hold."""


@dataclass(slots=True)
class ZplSheet:
    """One label format: its settings, what its fields say, and its pictures with their places."""

    settings: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    graphics: list[Bits] = field(default_factory=list)


def scan(data: bytes) -> list[ZplSheet]:
    """The sheets of a stream of documents."""
    sheets: list[ZplSheet] = []
    at, darkness, is_open, is_code = 0, "", False, False
    while at < len(data):
        found = _COMMAND.match(data, at)
        if found is None:
            raise WrongZpl(f"at {at}: {data[at : at + 20]!r}")
        sign, name, parameters = found.groups()
        at = found.end()
        if sign == b"~":
            if name != b"SD" or is_open or not re.fullmatch(rb"[0-3][0-9]", parameters):
                raise WrongZpl(f"~{name.decode()}{parameters!r}")
            darkness = parameters.decode()
            continue
        pattern = _PARAMETERS.get(name)
        if pattern is None or not re.fullmatch(pattern, parameters):
            raise WrongZpl(f"^{name.decode()}{parameters[:60]!r}")
        if is_open == (name == b"XA"):
            raise WrongZpl(f"^{name.decode()} {'inside' if is_open else 'outside'} a label")
        if name == b"XA":
            sheets.append(ZplSheet({"SD": darkness} if darkness else {}))
            is_open, darkness = True, ""
            continue
        sheet = sheets[-1]
        sheet.commands.append(name.decode())
        if name == b"XZ":
            is_open = False
        elif name in (b"MN", b"PR", b"PO", b"PW", b"LL", b"LH", b"PQ", b"CI"):
            sheet.settings[name.decode()] = parameters.decode()
        elif name in (b"BC", b"BQ"):
            is_code = True
        elif name == b"FD":
            (sheet.codes if is_code else sheet.texts).append(_plain(parameters))
            is_code = False
        elif name == b"GF":
            sheet.graphics.append(_graphic(parameters))
    if is_open or darkness:
        raise WrongZpl("a label without its end")
    return sheets


def _plain(data: bytes) -> str:
    return re.sub(rb"_([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), data).decode()


def _graphic(parameters: bytes) -> Bits:
    """Checks the sizes and, where the dots are packed, their check."""
    _, sent, total, stride, packed = parameters.split(b",", 4)
    if not packed.startswith(b":Z64:"):
        dots = bytes.fromhex(packed.decode())
    else:
        _, _, code, check = packed.split(b":")
        if int(check, 16) != xmodem(code):
            raise WrongZpl(f"check {check!r}, should be {xmodem(code):04X}")
        dots = zlib.decompress(b64decode(code, validate=True))
    if not len(dots) == int(sent) == int(total) or len(dots) % int(stride):
        raise WrongZpl(f"{len(dots)} bytes of dots, {sent!r} and {total!r} announced")
    return Bits(8 * int(stride), len(dots) // int(stride), dots)


def xmodem(data: bytes) -> int:
    """CRC-16/XMODEM bit by bit: 0x1021, from zero, nothing reflected (RevEng catalogue: 0x31C3 for 123456789)."""
    check = 0
    for byte in data:
        check ^= byte << 8
        for _ in range(8):
            check = (check << 1 ^ (0x1021 if check & 0x8000 else 0)) & 0xFFFF
    return check
