"""The division table as a tree of four levels, as forms and other platforms ask for it: province, city, county, town.

Codes are those of the table: six digits, nine for a town. Counties directly under their province (仙桃) hang below the
official placeholder, 429000 省直辖县级行政区划, so that every county has a city; the towns of a city without counties
(东莞) hang below the city itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from miandan.addresses.divisions import CITY, COUNTY, PROVINCE, Division, divisions

TOWN = 4
TABLE_OF = "2024-12-31"
"""Date of the divisions; the towns are of 2023-06-30 (data/NOTICE.toml)."""
_PLACEHOLDER = "省直辖县级行政区划"
_PLACEHOLDER_OF_REGION = "自治区直辖县级行政区划"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Area:
    """A division with what lies directly below it. `parent` is a code, empty for a province."""

    code: str
    name: str
    level: int
    parent: str
    parts: tuple["Area", ...] = field(default=())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Province:
    tree: Area
    by_code: dict[str, Area]


@cache
def provinces() -> tuple[Area, ...]:
    """The 34 provinces by code, without what lies below them."""
    return tuple(Area(one.code, one.name, PROVINCE, "") for one in divisions() if one.level == PROVINCE)


def province_tree(code: str) -> Area | None:
    """A province with everything in it; its code may be written 33 or 330000. None where there is none.

    Built on the first call (some 10 ms), then kept.
    """
    area = find_area(code)
    return area if area is not None and area.level == PROVINCE else None


def find_area(code: str) -> Area | None:
    """The area with this code, of any level; provinces also by two digits, cities by four."""
    found = _province(code[:2]) if code.isascii() and code.isdigit() else None
    if found is None:
        return None
    return found.by_code.get(code.ljust(6, "0") if len(code) in (2, 4) else code)


def chain_of(code: str) -> tuple[Area, ...]:
    """From the province down to the area with this code; empty where there is none."""
    area = find_area(code)
    if area is None:
        return ()
    return (*chain_of(area.parent), area) if area.parent else (area,)


@dataclass(frozen=True, slots=True)
class AreaNames:
    """Names by level as addresses are written here; see `ParsedAddress` for where city and district are the same."""

    province: str
    city: str
    district: str
    town: str


def names_of(code: str) -> AreaNames | None:
    """The names of an area and of all above it, empty below it. None where there is no such code."""
    chain = {area.level: area for area in chain_of(code)}
    if not chain:
        return None
    city, county = chain.get(CITY), chain.get(COUNTY)
    if city is not None and _is_placeholder(city):
        city = county
    return AreaNames(*("" if area is None else area.name for area in (chain[PROVINCE], city, county, chain.get(TOWN))))


def _is_placeholder(area: Area) -> bool:
    return area.name in (_PLACEHOLDER, _PLACEHOLDER_OF_REGION)


@cache
def _province(prefix: str) -> _Province | None:
    top = divisions().by_code(f"{prefix}0000") if len(prefix) == 2 else None
    if top is None:
        return None
    members = [one for one in divisions() if one.path[0] is top]
    tree = Area(top.code, top.name, PROVINCE, "", tuple(_cities(top, members)))
    return _Province(tree, {area.code: area for area in _walk(tree)})


def _cities(top: Division, members: Iterable[Division]) -> Iterator[Area]:
    direct: dict[str, list[Division]] = {}
    for one in members:
        if one.level == CITY:
            counties = tuple(_county(county, one.code) for county in one.counties)
            yield Area(one.code, one.name, CITY, top.code, (*_towns(one), *counties))
        elif one.level == COUNTY and len(one.path) == 2:
            direct.setdefault(f"{one.code[:4]}00", []).append(one)
    name = _PLACEHOLDER_OF_REGION if top.name.endswith("自治区") else _PLACEHOLDER
    for code, counties_here in direct.items():
        yield Area(code, name, CITY, top.code, tuple(_county(county, code) for county in counties_here))


def _county(county: Division, parent: str) -> Area:
    return Area(county.code, county.name, COUNTY, parent, _towns(county))


def _towns(division: Division) -> tuple[Area, ...]:
    return tuple(Area(code, name, TOWN, division.code) for code, name in divisions().town_names(division.code))


def _walk(area: Area) -> Iterator[Area]:
    yield area
    for part in area.parts:
        yield from _walk(part)
