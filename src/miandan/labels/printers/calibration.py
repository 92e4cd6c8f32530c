"""The calibration sheet: rulers, a cross, codes of rising density and small text; then a page for each darkness.

What is read off them is typed back and kept (`readings.py`). The sheet is a label like any other: built as a template,
drawn by the engine, sent in the printer's own language with the offsets that are in force.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from miandan.kernel.errors import Refusal
from miandan.labels.model import LabelData
from miandan.labels.pictures import Bits
from miandan.labels.printers.documents import Document, document
from miandan.labels.printers.paper import refuse_too_large
from miandan.labels.printers.profile import MICROMETRES_PER_INCH, Profile
from miandan.labels.printers.readings import CROSS_UM, MODULES, darkness_steps
from miandan.labels.raster import rasterise
from miandan.labels.template import Barcode, Box, Line, Literally, Node, Rect, Template, Text

WIDTH_UM, HEIGHT_UM = 76_000, 130_000
"""The paper that most one-part labels have."""

_LEAST_WIDTH_UM, _LEAST_HEIGHT_UM = 70_000, 112_000
_MM = 1_000
_POINT = 353  # micrometres
_LEFT, _EDGE = 9_000, 3_000  # where the numbers of the left ruler end; kept free on the right and below
_POINTS = range(5, 13)


@dataclass(frozen=True, slots=True)
class CalibrationPage:
    """A page as dots, and the profile that it is printed with: a page of darkness has one of its own."""

    bits: Bits
    profile: Profile


def pages(profile: Profile, width_um: int = WIDTH_UM, height_um: int = HEIGHT_UM) -> Iterator[CalibrationPage]:
    """The sheet, then a page for each darkness that the printer can be set to.

    Raises Refusal `labels.paper_too_small`, or `labels.sheet_too_large` when the printer is narrower than the paper.
    """
    if width_um < _LEAST_WIDTH_UM or height_um < _LEAST_HEIGHT_UM:
        raise Refusal(
            "labels.paper_too_small",
            least=f"{_LEAST_WIDTH_UM / _MM:g} x {_LEAST_HEIGHT_UM / _MM:g}",
            paper=f"{width_um / _MM:g} x {height_um / _MM:g}",
        )
    paper = _Paper(profile, width_um, height_um)
    yield CalibrationPage(
        paper.drawn([*_rulers(paper), *_cross(), *_head(paper), *_questions(paper), *_samples(paper)]), profile
    )
    steps = darkness_steps(profile)
    for step in steps:
        yield CalibrationPage(paper.drawn(_of_darkness(paper, step, steps)), replace(profile, darkness=step))


def documents(profile: Profile, width_um: int = WIDTH_UM, height_um: int = HEIGHT_UM) -> Iterator[Document]:
    """The pages for a raw port, in order. Raises like `pages`."""
    for page in pages(profile, width_um, height_um):
        yield document(page.bits, page.profile)


class _Paper:
    """Paper of one size under the dots of one printer."""

    def __init__(self, profile: Profile, width_um: int, height_um: int) -> None:
        self.profile = profile
        self.width, self.height = width_um, height_um

    def dots(self, count: int) -> int:
        """So many dots in micrometres, rounded up so that they stay as many."""
        return -(-count * MICROMETRES_PER_INCH // self.profile.dpi)

    def drawn(self, nodes: Sequence[Node]) -> Bits:
        template = Template("calibration", 1, self.width, self.height, tuple(nodes))
        (sheet,) = rasterise([LabelData(number="calibration")], template, dpi=self.profile.dpi)
        refuse_too_large(sheet.bits.width, sheet.bits.height, self.profile)
        return sheet.bits


def _text(box: Box, text: str, size: int, *, bold: bool = False, align: str = "left", inverse: bool = False) -> Text:
    return Text(
        box,
        (Literally(text),),
        size,
        min_size=min(size, 1_700),
        bold=bold,
        inverse=inverse,
        align=align,  # type: ignore[arg-type]
    )


# The sheet


def _rulers(paper: _Paper) -> Iterator[Node]:
    """Millimetres along the upper and the left edge; every tenth has its number. In the corner there is no room."""
    thick = paper.dots(2)
    for mm in (0, *range(3, paper.width // _MM + 1)):
        at = max(0, min(mm * _MM - thick // 2, paper.width - thick))
        yield Line(Box(at, 0, thick, _tick(mm)))
        if mm and mm % 10 == 0 and mm * _MM + 3_000 <= paper.width:
            yield _text(Box(mm * _MM - 3_000, 3_300, 6_000, 2_500), str(mm), 2_200, align="centre")
    for mm in (0, *range(3, paper.height // _MM + 1)):
        at = max(0, min(mm * _MM - thick // 2, paper.height - thick))
        yield Line(Box(0, at, _tick(mm), thick))
        if mm and mm % 10 == 0 and mm * _MM + 1_500 <= paper.height:
            yield _text(Box(3_400, mm * _MM - 1_250, 4_600, 2_500), str(mm), 2_200)


def _tick(mm: int) -> int:
    return 3_000 if mm % 10 == 0 else 2_200 if mm % 5 == 0 else 1_500


def _cross() -> Iterator[Node]:
    arm, thick = 3_000, 250
    yield Line(Box(CROSS_UM - arm, CROSS_UM - thick // 2, 2 * arm, thick))
    yield Line(Box(CROSS_UM - thick // 2, CROSS_UM - arm, thick, 2 * arm))


def _head(paper: _Paper) -> Iterator[Node]:
    profile, left = paper.profile, 19_000
    width = paper.width - left - _EDGE
    yield _text(Box(left, 6_600, width, 5_000), "校准页 Calibration", 4_400, bold=True)
    size = f"{paper.width / _MM:g} × {paper.height / _MM:g} mm"
    yield _text(Box(left, 11_800, width, 2_600), f"{profile.name} · {profile.dpi} dpi · {size}", 2_300)
    x, y = profile.offset_x_um / _MM, profile.offset_y_um / _MM
    yield _text(Box(left, 14_600, width, 2_600), f"偏移 offset {x:+.2f}, {y:+.2f} mm", 2_300)


_QUESTIONS = (
    ("左边到十字竖线几毫米？应为 10", "left edge to the cross, mm; meant: 10", "left"),
    ("上边到十字横线几毫米？应为 10", "top edge to the cross, mm; meant: 10", "top"),
    ("浓度页里最清楚的号码？", "the clearest page of darkness", "darkness"),
    ("扫码枪读得出的最小号码？", "smallest number the scanner reads", "module"),
)
_ROW, _ANSWER = 7_200, 17_000


def _questions(paper: _Paper) -> Iterator[Node]:
    """What to read, with room for the answer under the name that it has on the command line."""
    right = paper.width - _EDGE - _ANSWER
    asked = [one for one in _QUESTIONS if one[2] != "darkness" or darkness_steps(paper.profile)]
    for row, (zh, en, name) in enumerate(asked):
        y, x = 19_000 + row * _ROW, _LEFT + 6_000
        yield _text(Box(_LEFT, y + 600, 4_800, 5_400), str(row + 1), 3_600, bold=True, align="centre", inverse=True)
        yield _text(Box(x, y + 300, right - x - 500, 3_200), zh, 2_800, bold=True)
        yield _text(Box(x, y + 3_500, right - x - 500, 2_700), en, 2_100)
        yield Rect(Box(right, y + 600, _ANSWER, 5_400), stroke=paper.dots(2))
        yield _text(Box(right + 600, y + 900, _ANSWER - 1_200, 2_400), name, 1_900)


def _samples(paper: _Paper) -> Iterator[Node]:
    """Codes that say their own module, from four dots to one, and text from 5 to 12 points."""
    y = 48_600
    yield Line(Box(_LEFT, y, paper.width - _LEFT - _EDGE, paper.dots(2)))
    y += 1_200
    for module in reversed(MODULES):
        yield from _code(paper, "code128", Box(_LEFT, y, paper.dots(99 * module + 2), 5_400), module)
        y += 6_000
    x, side = _LEFT, paper.dots(29 * MODULES[-1] + 2)
    for module in reversed(MODULES):
        yield from _code(paper, "qr", Box(x, y, paper.dots(29 * module + 2), side), module)
        x += _NUMBER + paper.dots(29 * module + 2) + 2_000
    y += side + 400
    yield Line(Box(_LEFT, y, paper.width - _LEFT - _EDGE, paper.dots(2)))
    yield from _texts(paper, y + 600)


_NUMBER = 2_500


def _code(paper: _Paper, symbology: str, box: Box, module: int) -> Iterator[Node]:
    """A symbol behind its number. What a scanner types tells which one it was: BAR3 has bars of three dots."""
    name = {"code128": "BAR", "qr": "QR"}[symbology]
    yield _text(Box(box.x, box.y, _NUMBER, box.h), str(module), 2_700, bold=True)
    beside = Box(box.x + _NUMBER, box.y, box.w, box.h)
    yield Barcode(beside, symbology, (Literally(f"{name}{module}"),), paper.dots(module))  # type: ignore[arg-type]


def _texts(paper: _Paper, y: int) -> Iterator[Node]:
    half = len(_POINTS) // 2
    column = (paper.width - _LEFT - _EDGE) // 2
    for small, large in zip(_POINTS[:half], _POINTS[half:], strict=True):
        height = round(large * _POINT * 1.3)
        for x, points in ((_LEFT, small), (_LEFT + column, large)):
            yield Text(Box(x, y, column, height), (Literally(f"{points} pt 收寄鑫 Ag"),), points * _POINT)
        y += height
    if y + _ENDING <= paper.height:
        yield from _ending(paper, paper.height - _ENDING)


_ENDING = 13_000


def _ending(paper: _Paper, y: int) -> Iterator[Node]:
    """How to type it all back."""
    width = paper.width - _LEFT - _EDGE
    steps = darkness_steps(paper.profile)
    darkness = f" --darkness {steps[len(steps) // 2]}" if steps else ""
    lines = (f"miandan calibrate --profile {paper.profile.name}", f"    --left 10 --top 10{darkness} --module 2")
    yield Line(Box(_LEFT, y, width, paper.dots(2)))
    yield _text(Box(_LEFT, y + 800, width, 3_000), "把读数填进这条命令  Type the readings back:", 2_300, bold=True)
    for row, line in enumerate(lines):
        yield _text(Box(_LEFT, y + 4_200 + 3_200 * row, width, 3_000), line, 2_300)


# A page of darkness


def _of_darkness(paper: _Paper, step: int, steps: Sequence[int]) -> list[Node]:
    left, width = 5_000, paper.width - 10_000
    nodes: list[Node] = [
        _text(Box(left, 4_000, width, 5_000), "浓度 Darkness", 4_400, bold=True),
        _text(Box(left, 9_500, width, 2_600), f"{paper.profile.name} · {steps.index(step) + 1}/{len(steps)}", 2_300),
        _text(Box(left, 12_000, width // 2, 24_000), str(step), 22_000, bold=True),
        Rect(Box(left + width // 2, 14_000, width // 2, 20_000)),
        _text(Box(left, 38_000, width, 3_400), "选字最清楚、细线不断、黑块均匀的一张，填回它的号码", 2_700, bold=True),
        _text(
            Box(left, 41_400, width, 2_600),
            "Type back the number of the page with clear text, unbroken lines, even black",
            2_000,
        ),
    ]
    y = 46_000
    for count in (1, 2, 3):
        nodes += _lines(paper, Box(left, y, width, 6_000), count)
        y += 8_000
    for points in (5, 6, 8):
        height = round(points * _POINT * 1.4)
        sample = "江苏省南京市鼓楼区鑫鑫路 138 号 0123456789 ABCDEFG"
        nodes.append(Text(Box(left, y, width, height), (Literally(sample),), points * _POINT, min_size=1_200))
        y += height
    nodes.append(
        _text(
            Box(left, y + 1_000, width, 6_000),
            "白字 White on black 6890",
            3_600,
            bold=True,
            inverse=True,
            align="centre",
        )
    )
    nodes += _code(paper, "code128", Box(left, y + 9_000, paper.dots(2 * 99 + 2), 9_000), 2)
    nodes += _code(paper, "qr", Box(left + width // 2, y + 9_000, paper.dots(3 * 29 + 2), paper.dots(3 * 29 + 2)), 3)
    return nodes


def _lines(paper: _Paper, box: Box, count: int) -> Iterator[Node]:
    """Upright lines of so many dots, as far from each other as they are wide."""
    yield _text(Box(box.x, box.y, 6_000, box.h), f"{count}", 2_700, bold=True)
    pitch = 2 * count
    first = round(6_000 * paper.profile.dpi / MICROMETRES_PER_INCH)
    last = round(box.w * paper.profile.dpi / MICROMETRES_PER_INCH) - count
    origin = round(box.x * paper.profile.dpi / MICROMETRES_PER_INCH)
    for at in range(first, last, pitch):
        yield Line(Box(paper.dots(origin + at), box.y, paper.dots(count), box.h))
