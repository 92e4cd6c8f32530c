"""The division table in the platform's two shapes: areas of a province (address.*), regions (getDistrict).

Codes are those of the national table, six digits and nine for a town, as numbers in the one and as texts in the other.
"""

from functools import lru_cache
from typing import Any, Final

from miandan.addresses.areas import TABLE_OF, Area, chain_of, find_area, province_tree, provinces
from miandan.kernel.errors import Refusal

COUNTRY: Final = "100000"
"""The code that map services use for the country (GB/T 2260 has none for it)."""

_DEEPEST: Final = 4
"""Level of a town, below which there is nothing."""
_DEEPEST_OF_COUNTRY: Final = 3
"""The country is shown down to its counties: its 41,000 towns would be megabytes."""


@lru_cache(maxsize=40)
def areas_below(province_id: int) -> list[dict[str, Any]]:
    """Cities of a province with all below them. Raises doudian.area_unknown."""
    province = province_tree(str(province_id))
    if province is None:
        raise Refusal("doudian.area_unknown", code=str(province_id))
    return [_area(city) for city in province.parts]


def _area(area: Area) -> dict[str, Any]:
    return {
        "code": int(area.code),
        "father_code": int(area.parent),
        "name": area.name,
        "level": str(area.level),
        "sub_districts": [_area(part) for part in area.parts],
    }


def district(code: str, levels: int) -> dict[str, Any]:
    """The answer of getDistrict: an area with so many levels below it. Raises doudian.area_unknown."""
    if code in ("", "0", COUNTRY):
        return _country(min(levels, _DEEPEST_OF_COUNTRY))
    area = find_area(code)
    if area is None:
        raise Refusal("doudian.area_unknown", code=code[:20] if code.isdigit() else "?")  # may be anybody's words
    return _district(area.code, min(levels, _DEEPEST - area.level))


@lru_cache(maxsize=_DEEPEST_OF_COUNTRY + 1)
def _country(levels: int) -> dict[str, Any]:
    parts = [_region(_whole(one), levels - 1) for one in provinces()] if levels > 0 else []
    return _answer(_head(COUNTRY, "中华人民共和国", 0) | {"sub_region": parts}, [])


@lru_cache(maxsize=256)
def _district(code: str, levels: int) -> dict[str, Any]:
    *above, area = chain_of(code)
    country = _head(COUNTRY, "中华人民共和国", 0)
    return _answer(_region(area, levels), [country, *(_head(one.code, one.name, one.level) for one in above)])


def _answer(found: dict[str, Any], above: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "district": found | {"par_regions": above, "pre_region": _head("", "", 0)},
        "version": TABLE_OF,
        "update_time": f"{TABLE_OF} 00:00:00",
    }


def _whole(province: Area) -> Area:
    found = province_tree(province.code)
    assert found is not None, "the table has every province that it lists"
    return found


def _region(area: Area, levels: int) -> dict[str, Any]:
    parts = [_region(part, levels - 1) for part in area.parts] if levels > 0 else []
    return _head(area.code, area.name, area.level) | {"sub_region": parts}


def _head(code: str, name: str, level: int) -> dict[str, Any]:
    """Centres are not in the table."""
    return {"code": code, "name": name, "level": level, "description": "", "centroid": []}
