"""The platform's standard templates: a row for each carrier and paper, drawn from layouts that many of them share.

`templates/standards.toml` holds the rows with source and confidence, and what distinguishes the families of carriers;
layouts are template files in `templates/`, written with the blocks of `templates/blocks.json` (see `blocks.py`). They
are locked: a merchant's nodes stand in the custom area only.
"""

import json
import tomllib
from functools import cache
from importlib import resources

import msgspec

from miandan.kernel.errors import Refusal
from miandan.labels.blocks import Blocks
from miandan.labels.checking import read_template
from miandan.labels.template import Template

NEUTRAL = "neutral"
"""The carrier of templates for carriers that have none of their own on a paper."""

_MICROMETRES = 1_000  # in a millimetre


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    carrier: str
    paper: str  # width x height in millimetres
    layout: str
    family: str
    source: str
    confidence: str
    variant: str = ""  # another template of the same paper, to be asked for by its name
    note: str = ""

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.carrier, self.paper, self.variant)))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in micrometres."""
        width, _, height = self.paper.partition("x")
        return int(width) * _MICROMETRES, int(height) * _MICROMETRES


class _Standards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    family: dict[str, dict[str, str]]
    template: list[_Row]


def standard_names() -> tuple[str, ...]:
    """Names of all standard templates: carrier and paper, such as zto-76x130."""
    return tuple(_rows())


@cache
def standard(name: str) -> Template | None:
    """The standard template of that name; None when there is none."""
    row = _rows().get(name)
    if row is None:
        return None
    blocks = Blocks(json.loads(_file("blocks.json")), _standards().family[row.family])
    plain = blocks.expanded(json.loads(_file(f"{row.layout}.json")), *row.size)
    paper = {"source": row.source, "confidence": row.confidence}
    return read_template(json.dumps(plain | {"name": name, "carrier": row.carrier, "paper": paper}))


@cache
def standard_for(carrier: str, paper: str = "") -> Template:
    """The carrier's usual standard template, or the one on `paper` (such as 100x180); the neutral one for carriers
    without. Raises Refusal labels.template_unknown for a paper that nobody has."""
    for owner in (carrier, NEUTRAL):
        for name, row in _rows().items():
            if row.carrier == owner and not row.variant and paper in ("", row.paper):
                found = standard(name)
                assert found is not None
                return found
    raise Refusal("labels.template_unknown", name=f"{carrier}-{paper}", near="、".join(standard_names()))


@cache
def _rows() -> dict[str, _Row]:
    """Rows by the name of the template; of a carrier's papers the usual one comes first."""
    return {row.name: row for row in _standards().template}


@cache
def _standards() -> _Standards:
    return msgspec.convert(tomllib.loads(_file("standards.toml")), _Standards)


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(f"templates/{name}").read_text(encoding="utf-8")
