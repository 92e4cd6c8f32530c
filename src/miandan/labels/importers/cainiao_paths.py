"""Which field of `LabelData` a path of Cainiao's, Pinduoduo's or Douyin's print data means, and the other way round."""

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from miandan.labels.model import GoodsLine, LabelData

Use = Literal["text", "barcode"]
CUSTOM = "custom."
_COUNTED = {"custom"}  # of LabelData, but no path


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of ours and the paths that mean it; see the head of cainiao_paths.toml."""

    ours: str
    theirs: list[str]
    of: str
    confidence: Literal["seen", "inferred", "memory"]
    source: str
    use: Literal["", "barcode"] = ""
    part: bool = False
    money: bool = False


class _Goods(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lists: list[str]
    confidence: str
    source: str
    fields: dict[str, list[str]]


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table."""

    path: list[Row]
    goods: _Goods


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a foreign path stands for. `part` is set for a piece of an address, `whole` for the piece that no
    address lacks (the detail); `source` is the foreign path."""

    path: str
    source: str
    part: bool = False
    whole: bool = False
    money: bool = False

    @property
    def known(self) -> bool:
        """Whether a field of ours is meant, and not the merchant's own data."""
        return not self.path.startswith(CUSTOM)


@cache
def table() -> Paths:
    """The rows of cainiao_paths.toml."""
    text = resources.files(__package__).joinpath("cainiao_paths.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Paths)


def _plain(path: str) -> str:
    return path.replace("_", "").lower()


@cache
def _meanings() -> dict[tuple[str, str], Meaning]:
    """By use and plain path; rows for barcodes only come before the others, our own names behind all."""
    found: dict[tuple[str, str], Meaning] = {}
    for row in sorted(table().path, key=lambda row: row.use == ""):
        for theirs in row.theirs:
            whole = row.part and _plain(theirs).endswith(("detail", "detailaddress"))
            meaning = Meaning(row.ours, theirs, row.part, whole, row.money)
            for use in ("barcode",) if row.use else ("text", "barcode"):
                found.setdefault((use, _plain(theirs)), meaning)
    for name in [field.name for field in fields(LabelData) if field.name not in _COUNTED] + ["copy_code"]:
        for use in ("text", "barcode"):
            found.setdefault((use, _plain(name)), Meaning(name, name))
    return found


def ours_of(theirs: str, use: Use = "text") -> Meaning:
    """What `theirs` (without _data) means; custom.<path> where nobody knows it."""
    if theirs.startswith(CUSTOM) and len(theirs) > len(CUSTOM):
        return Meaning(theirs, theirs)
    found = _meanings().get((use, _plain(theirs)))
    if found is None or found.path == "goods_lines":
        return Meaning(CUSTOM + theirs, theirs)
    return Meaning(found.path, theirs, found.part, found.whole, found.money)


def theirs_of(ours: str, use: Use = "text") -> tuple[str, ...]:
    """The paths that an export writes for one of ours: one, or the pieces of an address in their order."""
    if ours.startswith(CUSTOM):
        key = ours.removeprefix(CUSTOM)
        clash = ours_of(key).path != ours or key.startswith(CUSTOM) or is_goods(key)
        return (ours if clash else key,)
    for row in sorted(table().path, key=lambda row: row.use != use):
        if row.ours == ours and row.use in ("", use) and ours_of(row.theirs[0], use).path == ours and not row.money:
            return _pieces(row) if row.part else (row.theirs[0],)
    return (ours,)


def _pieces(row: Row) -> tuple[str, ...]:
    """Province, city, district, town and detail: the row names the detail first."""
    detail, *others = row.theirs[:5]
    return (*others, detail)


def is_goods(theirs: str) -> bool:
    """Whether a list of theirs is that of the goods."""
    return _plain(theirs) in {_plain(name) for name in table().goods.lists}


def goods_list() -> str:
    """The list that an export goes through."""
    return table().goods.lists[0]


@cache
def _goods_fields() -> dict[str, str]:
    own = {_plain(field.name): field.name for field in fields(GoodsLine)}
    return {_plain(theirs): ours for ours, names in table().goods.fields.items() for theirs in names} | own


def goods_field(theirs: str) -> str | None:
    """The field of a goods line that a name of theirs means; None where there is none."""
    return _goods_fields().get(_plain(theirs))


def theirs_of_goods(ours: str) -> str:
    """What an export writes for a field of a goods line."""
    return table().goods.fields[ours][0]
