"""Reads the town or street (镇, 乡, 街道) that follows the county, from the table or by its form."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from miandan.addresses.divisions import Division, Divisions, Naming, Town

_LONGEST_NAME = 12
_SUFFIX = re.compile(r"(?:街道办事处|街道办|街道|办事处|镇|乡)(?![路桥])(?!街(?!道))")
_OFFICE = re.compile(r"街道办事处|街道办|办事处")
_ROAD = r"[东西南北中上下老新一二三四五六七八九十\d]{0,2}(?:路|街(?!道)|大街|大道|巷|弄|胡同)"
_AFTER_FULL = re.compile(rf"{_ROAD}|村|桥")
_AFTER_SHORT = re.compile(
    rf"{_ROAD}|村|桥|苑|花园|广场|大厦|小区|公寓|新村|大学|学院|中学|小学|医院|大酒店|宾馆|先生|女士|小姐|老师|[市区县门]|科技园|"
    r"创业园|工业园(?!区)|家园|监狱"
)
_BY_FORM = re.compile(
    r"([\u4e00-\u9fff]{1,8}?|[A-Za-z][\u4e00-\u9fff]|[\u4e00-\u9fff][A-Za-z])(街道办事处|街道办|街道|街办事处|镇|乡|苏木)(?![路桥])(?!街(?!道))"
)
_NOT_IN_A_TOWN_NAME = re.compile(r"[路号弄栋幢室省县]|大道|[村区市巷](?!$)|^[东西南北]?[镇乡城]$")
_NO_SHORT_NAME = re.compile(r"[路道巷村]$|车站$|新区$|开发区$")
_STREET_NUMBER = re.compile(r"街\d")
_ZONE = re.compile(
    r"[\u4e00-\u9fff]{0,6}?(?:经济技术开发区|高新技术(?:产业)?(?:开发)?区|经济开发区|开发区|高新区|保税区|新区|度假区|示范区|园区)"
)
_NOT_IN_A_ZONE = re.compile(r"[路街号弄栋幢楼室村镇乡省县市区]")
_COUNTY = re.compile(r"([\u4e00-\u9fff]{2,4}?)[区县市](?![场内外里域长委政])")
_NOT_A_COUNTY = re.compile(
    r"[小园社校片新厂库地牧灾景老东西南北中前后上下左右一二三四五六七八九十住生宿院业别商城郊超门夜菜集都]$|[路街号村镇乡道]"
)
_SUFFIX_INSIDE = re.compile(r"街道|镇|乡")


class FoundTown(NamedTuple):
    """A town as named in the text from `start` to `end`; `towns` are the ones it can be, none when read by its form."""

    name: str
    start: int
    end: int
    towns: tuple[Town, ...]
    sure: bool
    reach: int
    """Where the name ends; beyond `end` for a short name that the detail keeps."""


def town_at(table: Divisions, text: str, start: int, among: Sequence[Division]) -> FoundTown | None:
    """The town named at `start`, looked for in these divisions or, when there are none, everywhere."""
    books = [table.towns_of(division) for division in among] or [table.towns_everywhere()]
    for length in range(min(_LONGEST_NAME, len(text) - start), 1, -1):
        name = text[start : start + length]
        towns = tuple(town for book in books for town in book.get(name, ()))
        if towns:
            found = _accept(text, start, start + length, towns)
            if found:
                return found
    return None


def leading_town(table: Divisions, text: str, start: int) -> FoundTown | None:
    """A town with nothing above it: a sure name from the table, then one by its form, then a short name."""
    known = town_at(table, text, start, ())
    if known is not None and known.sure:
        return known
    return town_by_form(table, text, start, ()) or known


def _accept(text: str, start: int, end: int, towns: tuple[Town, ...]) -> FoundTown | None:
    full = tuple(town for town in towns if text.endswith(town.name, 0, end))
    if full:
        if _refuted_by_what_follows(text, end):
            return None
        office = _OFFICE.match(text, end)
        return FoundTown(full[0].name, start, (last := office.end() if office else end), _living(full), True, last)
    suffix = _SUFFIX.match(text, end)
    if suffix:
        return FoundTown(_name(towns), start, suffix.end(), _living(towns), True, suffix.end())
    if text.startswith("街道", end - 1):  # 中南路街 with 道 behind it: the cut runs through 中南路街道
        return None
    if _AFTER_SHORT.match(text, end) or _STREET_NUMBER.match(text, end - 1):
        return None
    if _NO_SHORT_NAME.search(text[max(0, end - 3) : end]):
        return None
    # A short name may be part of what follows (转塘家园), so the detail keeps it.
    return FoundTown(_name(towns), start, start, _living(towns), False, end)


def _refuted_by_what_follows(text: str, end: int) -> bool:
    """Whether the name runs on into a road, village or bridge (新乡村); behind 街道 a road may begin (街道中南路)."""
    return text.startswith("路", end) if text.endswith("街道", 0, end) else _AFTER_FULL.match(text, end) is not None


def _living(towns: tuple[Town, ...]) -> tuple[Town, ...]:
    """Towns that still exist, or the retired ones when none does."""
    return tuple(town for town in towns if town.naming is not Naming.RETIRED) or towns


def _name(towns: tuple[Town, ...]) -> str:
    return _living(towns)[0].name


def town_by_form(table: Divisions, text: str, start: int, among: Sequence[Division]) -> FoundTown | None:
    """A name that ends like a town's and stands where a town stands; for towns that no table has."""
    found = _BY_FORM.match(text, start)
    if found is None:
        return None
    known = _known_ending(table, text, start, found.end(), among)
    if known:
        return known
    if len(found[1]) > 5 or _NOT_IN_A_TOWN_NAME.search(found[1]):
        return None
    suffix = "街道" if found[2].startswith("街道") else found[2]
    return FoundTown(found[1] + suffix, start, found.end(), (), True, found.end())


def town_inside(table: Divisions, text: str, start: int, among: Sequence[Division]) -> FoundTown | None:
    """A full town name of these divisions anywhere after `start`."""
    for suffix in _SUFFIX_INSIDE.finditer(text, start):
        if not _refuted_by_what_follows(text, suffix.end()):
            known = _known_ending(table, text, max(start, suffix.end() - 8), suffix.end(), among)
            if known:
                return known
    return None


def _known_ending(table: Divisions, text: str, start: int, end: int, among: Sequence[Division]) -> FoundTown | None:
    """The longest known town name that ends at `end` and begins at `start` or later."""
    books = [table.towns_of(division) for division in among] or [table.towns_everywhere()]
    for begin in range(start, end - 2):
        name = text[begin:end]
        towns = tuple(town for book in books for town in book.get(name, ()))
        if towns:
            return FoundTown(name, begin, end, _living(towns), True, end)
    return None


def naming_at(town: FoundTown, text: str, start: int) -> int:
    """Where another naming of this town at `start` ends, as written in full or as its office; `start` when none is."""
    if text.startswith(town.name, start):
        end = start + len(town.name)
        office = _OFFICE.match(text, end)
        return office.end() if office else end
    stem = town.name.removesuffix("街道")
    office = _OFFICE.match(text, start + len(stem)) if stem != town.name and text.startswith(stem, start) else None
    return office.end() if office else start


def zone_at(text: str, start: int) -> str:
    """A development zone as written, when one stands where the county should; empty otherwise."""
    found = _ZONE.match(text, start)
    return "" if found is None or _NOT_IN_A_ZONE.search(found[0][:-1]) else found[0]


def county_by_form(text: str, start: int) -> str:
    """A name that ends like a county's, as written: misspelt, or of another city than the one named before it."""
    found = _COUNTY.match(text, start)
    return "" if found is None or _NOT_A_COUNTY.search(found[1]) else found[0]
