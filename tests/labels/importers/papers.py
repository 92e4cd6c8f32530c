"""What the tests of importers share: the samples, a standard template with a custom area, a label to print."""

from dataclasses import replace
from pathlib import Path

from miandan.labels.importers import Imported, import_template
from miandan.labels.importers.imported import Unsupported
from miandan.labels.model import GoodsLine, LabelData
from miandan.labels.template import Box, CustomArea, Template, with_custom_area
from tests.labels.sheets import ORDINARY

SAMPLES = Path(__file__).parent / "samples"
AREA = "own-100x180"

_STANDARD = Template(AREA, 1, 100_000, 180_000, (), custom=Box(0, 140_000, 100_000, 40_000))

GOODS = (
    GoodsLine("纯棉四件套", "1.8m", "C-1", 1, index=1),
    GoodsLine("洗脸巾", "100抽", "C-2", 3, index=2),
)
LABEL: LabelData = replace(
    ORDINARY,
    shop="江南好物旗舰店",
    goods_lines=GOODS,
    goods_count=4,
    custom={"gift": "小扇子", "fn1": "7312", "fn2": "", "fn3": "Some street 5", "fn4": "73129999"},
)


def standards(name: str) -> Template | None:
    """One standard template, 100 x 180 mm with a custom area of 100 x 40 mm at its end."""
    return _STANDARD if name == AREA else None


def sample(name: str) -> Imported:
    """The import of a file in `samples`."""
    return import_template((SAMPLES / name).read_bytes(), None, "sample", base=AREA, standards=standards)


def whole(imported: Imported) -> Template:
    """What is printed: a custom area within its standard template."""
    found = imported.template
    return with_custom_area(_STANDARD, found) if isinstance(found, CustomArea) else found


def places(unsupported: tuple[Unsupported, ...]) -> list[tuple[str, str]]:
    """Where and what was not taken over."""
    return [(one.place, one.what) for one in unsupported]
