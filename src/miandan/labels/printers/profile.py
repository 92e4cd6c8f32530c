"""One printer as its sheets are made for it: language, dots, paper, darkness, and where its print really lands."""

from dataclasses import dataclass
from enum import StrEnum

from miandan.labels.symbols import dots

MOST_DARKNESS = 15
"""Our scale of darkness goes from 0 to 15, that of TSPL; each language says how it takes it to its own."""

MICROMETRES_PER_INCH = 25_400


class Language(StrEnum):
    """What a printer understands."""

    ZPL = "zpl"
    TSPL = "tspl"
    CPCL = "cpcl"
    ESCPOS = "escpos"


class Media(StrEnum):
    """How the printer finds the beginning of the next sheet."""

    GAP = "gap"
    MARK = "mark"
    CONTINUOUS = "continuous"


class Codec(StrEnum):
    """How the dots travel: deflated (ZPL), as hexadecimal digits (ZPL, CPCL) or as bytes (all but ZPL)."""

    Z64 = "z64"
    HEX = "hex"
    RAW = "raw"


class SheetEnd(StrEnum):
    """What brings an ESC/POS printer to the next sheet; firmware differs."""

    FF = "ff"
    GS_FF = "gs-ff"
    CUT = "cut"


class Density(StrEnum):
    """The command by which an ESC/POS printer takes its darkness; most take none."""

    NONE = "none"
    GS_K = "gs-k"
    DC2 = "dc2"


@dataclass(frozen=True, slots=True)
class Profile:
    """A printer, or a kind of printers. Lengths are micrometres; offsets move the picture right and down."""

    name: str
    zh: str
    en: str
    language: Language
    dpi: int
    width_um: int  # the widest print
    length_um: int  # the longest sheet
    media: Media
    source: str
    confidence: str
    gap_um: int = 0  # height of the gap or of the black mark
    darkness: int | None = None  # 0 to 15; None leaves the printer's own setting alone
    speed_mm_s: int | None = None  # None leaves the printer's own setting alone
    codec: Codec = Codec.RAW
    font_regular: str = ""  # ZPL: the file on the printer that is our regular face, such as E:NOTOSC.TTF
    font_bold: str = ""
    sheet_end: SheetEnd = SheetEnd.FF
    density: Density = Density.NONE
    offset_x_um: int = 0
    offset_y_um: int = 0
    finest_module: int = 1  # dots of the narrowest bar that a scanner read on the calibration sheet

    @property
    def has_fonts(self) -> bool:
        """Whether texts can be set by the printer itself."""
        return bool(self.font_regular and self.font_bold)

    @property
    def offset(self) -> tuple[int, int]:
        """Whole dots by which the picture moves right and down."""
        return round(dots(self.offset_x_um, self.dpi)), round(dots(self.offset_y_um, self.dpi))

    @property
    def inches_per_second(self) -> int:
        """Speed in the steps that ZPL and TSPL count in; 0 when the printer keeps its own."""
        return 0 if self.speed_mm_s is None else max(1, round(self.speed_mm_s * 1000 / MICROMETRES_PER_INCH))
