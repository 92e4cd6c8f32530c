"""A finished picture into the bytes of one sheet, by the printer's profile: the one way in for all languages."""

from collections.abc import Callable
from dataclasses import dataclass

from miandan.labels.pictures import Bits
from miandan.labels.printers import cpcl, escpos, tspl, zpl
from miandan.labels.printers.paper import moved, refuse_too_large
from miandan.labels.printers.profile import Language, Profile

_LANGUAGES: dict[Language, Callable[[Bits, Profile, int], bytes]] = {
    Language.ZPL: zpl.document,
    Language.TSPL: tspl.document,
    Language.CPCL: cpcl.document,
    Language.ESCPOS: escpos.document,
}


@dataclass(frozen=True, slots=True)
class Document:
    """One sheet for a raw port. `lost` is what the profile's offset pushed over the edge of the paper: black dots of
    a picture, fields of a label that the printer sets itself. 0 is as it should be."""

    data: bytes
    lost: int


def document(bits: Bits, profile: Profile, copies: int = 1) -> Document:
    """The sheet as its printer takes it, `copies` times; the picture's dots are those of the profile's dpi.

    The offset moves the picture itself, in whole dots, so it works alike in every language and leaves no setting on
    the printer. Raises Refusal `labels.sheet_too_large` before anything is made.
    """
    refuse_too_large(bits.width, bits.height, profile)
    placed = moved(bits, *profile.offset)
    return Document(_LANGUAGES[profile.language](placed.bits, profile, copies), placed.lost)
