"""The dated division table: provinces, cities, counties, towns and the names they once had. Read once, on first use.

The text tables in data/ say where they come from (data/NOTICE.toml); build_table.py makes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import NamedTuple

PROVINCE, CITY, COUNTY = 1, 2, 3

_TOWN_SUFFIXES = ("街道", "民族乡", "苏木", "镇", "乡")
_NORTHERN_DISTRICTS = {"232761", "232762", "232763", "232764"}
"""Districts of 大兴安岭 that are real but stand only in the statistics bureau's table."""


_TOO_COMMON = {
    "城北",
    "新城",
    "市郊",
    "市中",
    "北市",
    "南市",
    "东市",
    "西市",
    "中市",
    "新市",
    "北江",
    "红星",
    "太平",
    "东山",
    "南郊",
}
"""Short forms of retired names that nearly always mean something else."""


class Naming(IntEnum):
    """How a text names a division; the smaller, the surer."""

    FULL = 0
    SHORT = 1
    RETIRED = 2
    RETIRED_SHORT = 3


@dataclass(slots=True, eq=False)
class Division:
    """A province, city, county or development zone. `path` leads from the province to itself."""

    code: str
    name: str
    short: str
    level: int
    zone: bool
    path: tuple["Division", ...] = ()
    counties: list["Division"] = field(default_factory=list)

    @property
    def province(self) -> str:
        return self.path[0].name

    @property
    def city(self) -> str:
        """The city's name; a county directly under its province is its own city."""
        if self.level == PROVINCE:
            return ""
        return self.path[1].name

    @property
    def district(self) -> str:
        return self.name if self.level == COUNTY else ""

    @property
    def official_code(self) -> str:
        """A zone is no division: the code of the city around it is the surest."""
        return self.path[-2].code if self.zone else self.code


class Candidate(NamedTuple):
    """One division that a name can mean; a retired name has a `note`, and `main` is false for its lesser heirs."""

    division: Division
    naming: Naming
    note: str = ""
    main: bool = True


class Town(NamedTuple):
    """A town or street; `code` is empty for one that is no more, `moved_to` names the county it is in now."""

    name: str
    code: str
    county: Division
    naming: Naming
    moved_to: str


class Divisions:
    """Look-ups over the table. Instances are made by `divisions()`; nothing in them changes afterwards."""

    def __init__(self, division_rows: Iterator[list[str]], history: Iterator[list[str]], towns: Iterator[list[str]]):
        self._by_code: dict[str, Division] = {}
        self.names: dict[str, tuple[Candidate, ...]] = {}
        self.lengths: dict[str, tuple[int, ...]] = {}
        """Lengths of the names that begin with these two characters, longest first."""
        self._towns_of: dict[str, dict[str, tuple[Town, ...]]] = {}
        self._everywhere: dict[str, tuple[Town, ...]] = {}
        gathered: dict[str, list[Candidate]] = {}
        for code, name, short in division_rows:
            self._add(code, name, short, gathered)
        self.retired = self._retire(history, gathered)
        self._town_rows = {row[0]: (row[1], row[2]) for row in towns}
        self._index(gathered)

    def _add(self, code: str, name: str, short: str, gathered: dict[str, list[Candidate]]) -> None:
        level = PROVINCE if code.endswith("0000") else CITY if code.endswith("00") else COUNTY
        zone = level == COUNTY and code[4] == "7" and code not in _NORTHERN_DISTRICTS
        division = Division(code, name, short, level, zone)
        above = self._above(code, level)
        division.path = (*above.path, division) if above else (division,)
        if above and level == COUNTY:
            above.counties.append(division)
        self._by_code[code] = division
        gathered.setdefault(name, []).append(Candidate(division, Naming.FULL))
        if short:
            gathered.setdefault(short, []).append(Candidate(division, Naming.SHORT))

    def _above(self, code: str, level: int) -> Division | None:
        if level == PROVINCE:
            return None
        province = self._by_code[code[:2] + "0000"]
        if level == CITY:
            return province
        # The counties of 重庆 have codes below a placeholder; they belong to the same city as its districts.
        city = "500100" if code.startswith("5002") else code[:4] + "00"
        return self._by_code.get(city, province)

    def _retire(self, history: Iterator[list[str]], gathered: dict[str, list[Candidate]]) -> dict[str, tuple[str, ...]]:
        retired: dict[str, tuple[str, ...]] = {}
        for code, name, until, successors, _ in history:
            codes = tuple(successors.split("|"))
            retired.setdefault(code + name, codes)
            for successor in codes:
                now = self._by_code[successor]
                note = f"{name}({until})现为{now.name}"
                main = successor == codes[0]
                gathered.setdefault(name, []).append(Candidate(now, Naming.RETIRED, note, main))
                if len(name) == 3 and name[2] in "区县市" and not _says_little(name[:2], now):
                    gathered.setdefault(name[:2], []).append(Candidate(now, Naming.RETIRED_SHORT, note, main))
        return retired

    def _index(self, gathered: dict[str, list[Candidate]]) -> None:
        lengths: dict[str, set[int]] = {}
        for name, candidates in gathered.items():
            self.names[name] = tuple(candidates)
            lengths.setdefault(name[:2], set()).add(len(name))
        self.lengths = {start: tuple(sorted(found, reverse=True)) for start, found in lengths.items()}

    def __iter__(self) -> Iterator[Division]:
        return iter(self._by_code.values())

    def by_code(self, code: str) -> Division | None:
        """The division with this current six-digit code, None when there is none."""
        return self._by_code.get(code)

    def name_of(self, code: str) -> str:
        """The full name of a current code; empty when there is none."""
        division = self._by_code.get(code)
        return division.name if division else ""

    def successors(self, old_code: str, old_name: str) -> tuple[str, ...]:
        """Codes that a retired division went to, the main one first; empty when it is not known as retired."""
        return self.retired.get(old_code + old_name, ())

    def division_of(self, province: str, city: str, district: str) -> str:
        """The code of full or short names as route tables write them; empty when they contradict or say nothing.

        A city without districts and a county directly under its province are found with or without the last column.
        """
        found: tuple[Division, ...] = ()
        for name in (province, city, district):
            if not name or name in ("市辖区", "县"):
                continue
            candidates = sorted(self.names.get(name, ()), key=lambda candidate: candidate.naming)
            if not found:
                best = [c.division for c in candidates if c.naming == candidates[0].naming and c.main]
            else:
                best = [c.division for c in candidates if c.main and _related(c.division, found)]
            found = tuple(_lower(division, found) for division in best)
            if not found:
                return ""
        return _highest(found)

    def town_names(self, code: str) -> list[tuple[str, str]]:
        """Nine-digit code and name of the towns that now lie directly below a county, or a city without counties."""
        return [(code + entry[:3], entry[3:]) for entry in self._town_rows.get(code, ("", ""))[0].split()]

    def towns_of(self, division: Division) -> dict[str, tuple[Town, ...]]:
        """Names, full and short, of the towns in a county, in all counties of a city, or in a whole province."""
        known = self._towns_of.get(division.code)
        if known is None:
            if division.level == PROVINCE:
                members = [other for other in self._by_code.values() if other.path[0] is division]
            else:
                members = [division, *division.counties]
            known = self._towns_of[division.code] = self._read_towns(members)
        return known

    def towns_everywhere(self) -> dict[str, tuple[Town, ...]]:
        """All 41,000 towns by name; built when a text names a town and nothing above it."""
        if not self._everywhere:
            self._everywhere = self._read_towns(list(self._by_code.values()))
        return self._everywhere

    def _read_towns(self, members: list[Division]) -> dict[str, tuple[Town, ...]]:
        gathered: dict[str, list[Town]] = {}
        for county in members:
            now, once = self._town_rows.get(county.code, ("", ""))
            for entry in now.split():
                _gather(gathered, entry[3:], county.code + entry[:3], county, "")
            for entry in once.split():
                name, _, moved_to = entry.partition(">")
                _gather(gathered, name, "", county, moved_to and f"{self.name_of(moved_to)}({moved_to})")
        return {name: tuple(towns) for name, towns in gathered.items()}


def _gather(gathered: dict[str, list[Town]], name: str, code: str, county: Division, moved_to: str) -> None:
    """Files a town under its full name and, where at least two characters are left, under its short one."""
    town = Town(name, code, county, Naming.FULL if code else Naming.RETIRED, moved_to)
    gathered.setdefault(name, []).append(town)
    for suffix in _TOWN_SUFFIXES:
        if name.endswith(suffix):
            short = name[: -len(suffix)]
            if len(short) > 1:
                gathered.setdefault(short, []).append(town)
            return


def _says_little(short: str, now: Division) -> bool:
    return short in _TOO_COMMON or any(above.short == short for above in now.path)


def _related(division: Division, found: tuple[Division, ...]) -> bool:
    return any(above in division.path or division in above.path for above in found)


def _lower(division: Division, found: tuple[Division, ...]) -> Division:
    for above in found:
        if division in above.path:
            return above
    return division


def _highest(found: tuple[Division, ...]) -> str:
    """The one division all others lie in; empty when there is none, so that a homonym is never guessed."""
    tops = [one for one in found if not any(other is not one and other in one.path for other in found)]
    return tops[0].official_code if len(set(tops)) == 1 else ""


def _rows(name: str, columns: int) -> Iterator[list[str]]:
    text = (resources.files("miandan.addresses") / "data" / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            row = line.split("\t")
            if len(row) != columns:
                raise ValueError(f"{name}: a row with {len(row)} columns instead of {columns}")
            yield row


@cache
def divisions() -> Divisions:
    """The table, read on the first call (some 30 ms)."""
    return Divisions(_rows("divisions.tsv", 3), _rows("history.tsv", 5), _rows("towns.tsv", 3))


def division_of(province: str, city: str, district: str) -> str:
    """`Divisions.division_of` of the shipped table."""
    return divisions().division_of(province, city, district)
