"""Takes an address apart: levels from the chain, then the town, then whatever is left as the detail."""

from typing import NamedTuple

from miandan.addresses import towns
from miandan.addresses.divisions import CITY, COUNTY, PROVINCE, Division, Divisions, Naming
from miandan.addresses.levels import Chain, State, common_ground, find_chain, read_chain, settle, skip_separators
from miandan.addresses.model import ParsedAddress
from miandan.addresses.towns import FoundTown

EDGES = " \n,:/_-|>.*·#?"
_WITHIN = 24
"""Characters behind the levels within which a town may stand out of its place."""
_MUNICIPALITIES = {"北京市", "天津市", "上海市", "重庆市"}


class Parts(NamedTuple):
    """An address on the way: levels, town, and the pieces of text that belong to neither."""

    states: tuple[State, ...]
    town: FoundTown | None
    before: str
    end: int
    doubts: tuple[str, ...] = ()


def read_address(table: Divisions, text: str) -> ParsedAddress:
    """Levels, town and detail of a cleaned text; never raises, whatever the text."""
    start = skip_separators(text, 0)
    chain = read_chain(table, text, start)
    if chain is not None and _is_a_guess(chain):
        town = towns.leading_town(table, text, start)
        longer = town is not None and town.start == start and town.reach > chain.end
        if (longer and not _town_confirms(table, text, chain)) or not _is_one(chain):
            chain = None
    if chain is not None:
        return _finish(table, text, _below(table, text, chain))
    return _without_levels_in_front(table, text, start)


def _is_a_guess(chain: Chain) -> bool:
    """Only one short name of a county, which may as well be a town, a road or a company."""
    return not chain.sure and chain.steps == 1 and all(state.division.level == COUNTY for state in chain.states)


def _is_one(chain: Chain) -> bool:
    return len({state.division.code for state in chain.states}) == 1


def _town_confirms(table: Divisions, text: str, chain: Chain) -> bool:
    """余姚低塘镇: the town behind the short name lies in that county."""
    found = towns.town_at(table, text, chain.end, [state.division for state in chain.states])
    return found is not None and found.sure


def _without_levels_in_front(table: Divisions, text: str, start: int) -> ParsedAddress:
    """The levels may come behind the town or behind the detail; or there are none."""
    town = towns.leading_town(table, text, start)
    chain = find_chain(table, text, start)
    if chain is None or chain.start - start > _WITHIN * 2:
        return _town_alone(table, text, start, town)
    before = text[start : chain.start]
    parts = _below(table, text, chain)
    leading = _leading_town(table, before, parts) if parts.town is None or not parts.town.sure else None
    if leading is not None:
        parts = parts._replace(states=by_town(parts.states, leading), town=leading, end=chain.end)
        before = before[: leading.start] + before[leading.end :]
    elif parts.town is not None and parts.town.sure:  # 壶山街道浙江省武义县壶山街道...
        before = before[towns.naming_at(parts.town, before, 0) :]
    return _finish(table, text, parts._replace(before=before))


def _leading_town(table: Divisions, before: str, parts: Parts) -> FoundTown | None:
    among = [state.division for state in parts.states]
    town = towns.town_at(table, before, 0, among) or towns.town_by_form(table, before, 0, among)
    return town if town is not None and town.sure else None


def _below(table: Divisions, text: str, chain: Chain) -> Parts:
    """The town behind the chain, and a second naming of the levels, which corrects the first when it differs."""
    second = _second_chain(table, text, chain)
    if second is not None:
        parts = _below(table, text, second)
        return parts._replace(doubts=("district: 原文有两处不同的省市区，取了后一处", *parts.doubts))
    states, end = chain.states, chain.end
    town = _town(table, text, chain)
    if town is None or (not town.sure and _is_a_zone(text, chain, town)):
        return Parts(states, None, "", end)
    states = by_town(states, town)
    if town.end < end:
        return Parts(states, town, "", end)
    end, states = past_repetition(table, text, town, states)
    return Parts(states, town, text[skip_separators(text, chain.end) : town.start], end)


def _is_a_zone(text: str, chain: Chain, town: FoundTown) -> bool:
    """舟山临城新区: what looks like a short town name is the beginning of a zone's."""
    cities = all(state.division.level == CITY for state in chain.states)
    return cities and town.start + len(towns.zone_at(text, town.start)) > town.reach


def _second_chain(table: Divisions, text: str, chain: Chain) -> Chain | None:
    """A chain right behind the first that contradicts it: a default of the form stands before what was written."""
    start = skip_separators(text, chain.end)
    second = read_chain(table, text, start)
    if second is None or not second.sure or second.end <= chain.after_repeats:
        return None
    if all(state.division.level == PROVINCE for state in second.states):
        return second
    if all(state.division.level == CITY for state in second.states):
        return second if any(state.division.level == PROVINCE for state in chain.states) else None
    if second.steps > 1 or (_town(table, text, second) is not None and _town(table, text, chain) is None):
        return second
    return None


def _town(table: Divisions, text: str, chain: Chain) -> FoundTown | None:
    """The town behind the chain, behind its repetitions, or a little further in the text."""
    among = [state.division for state in chain.states]
    start = skip_separators(text, chain.end)
    found = towns.town_at(table, text, start, among)
    if found is None and chain.after_repeats > chain.end:
        found = towns.town_at(table, text, skip_separators(text, chain.after_repeats), among)
    if found is not None and not found.sure:
        surer = towns.town_at(table, text, skip_separators(text, found.reach), among)
        found = surer if surer is not None and surer.sure else found
    if found is not None and (found.sure or among[0].level > PROVINCE):
        return found
    found = towns.town_by_form(table, text, start, among)
    if found is None or not found.towns:
        found = _town_next_door(table, text, start, among) or found
    if found is None and among[0].level > PROVINCE:
        inside = towns.town_inside(table, text[: start + _WITHIN], start, among)
        # It stands in the midst of the detail, which keeps it.
        found = inside._replace(start=chain.end, end=chain.end) if inside else None
    return found


def _town_next_door(table: Divisions, text: str, start: int, among: list[Division]) -> FoundTown | None:
    """People name the wrong county: 余杭区留下 lies in 西湖区. The county stays as written, the town gets a doubt."""
    cities = {division.path[-2] for division in among if division.level == COUNTY and len(division.path) > 2}
    return towns.town_at(table, text, start, list(cities)) if cities else None


def past_repetition(
    table: Divisions, text: str, town: FoundTown, states: tuple[State, ...]
) -> tuple[int, tuple[State, ...]]:
    """Where the detail begins when the levels and the town are written twice."""
    end = town.end
    start = skip_separators(text, end)
    again = read_chain(table, text, start, states)
    if again is not None and again.sure:
        end, states = again.end, again.states
        start = skip_separators(text, end)
    again_until = towns.naming_at(town, text, start)
    return again_until if again_until > start else end, states


def by_town(states: tuple[State, ...], town: FoundTown) -> tuple[State, ...]:
    """The states that the town allows; a town that lies in one county below them names that county."""
    homes = {found.county.code: found.county for found in town.towns if found.naming is not Naming.RETIRED}
    found: dict[str, State] = {}
    for state in states:
        for home in homes.values():
            if state.division in home.path:
                note = "" if home is state.division else "由乡镇推定"
                found.setdefault(home.code, State(home, state.weak, state.note or note, True))
    if len(found) == 1 or (len(states) > 1 and found):
        return tuple(found.values())
    return states


def _finish(table: Divisions, text: str, parts: Parts) -> ParsedAddress:
    """Looks for a county or zone that is still missing, and puts the answer together."""
    states, end, written = parts.states, parts.end, ""
    if settle(states)[0] is None:
        later = find_chain(table, text, skip_separators(text, end), states)
        if later is not None:
            states = later.states
            text = text[: later.start] + text[later.end :]
    if parts.town is None and all(state.division.level < COUNTY for state in states):
        start = skip_separators(text, end)
        later = find_chain(table, text, start, states)
        if later is not None:
            states = later.states
        else:
            written = _county_as_written(text, start, states)
        if written:
            end = start + len(written)
            town = towns.town_by_form(table, text, end, [state.division for state in states])
            parts, end = parts._replace(town=town), town.end if town else end
    detail = parts.before + text[skip_separators(text, end) :]
    return answer(parts._replace(states=states), detail.strip(EDGES), written)


def _county_as_written(text: str, start: int, states: tuple[State, ...]) -> str:
    zone = towns.zone_at(text, start) if all(state.division.level == CITY for state in states) else ""
    return zone or towns.county_by_form(text, start)


def answer(parts: Parts, detail: str, written: str) -> ParsedAddress:
    division, possible = settle(parts.states)
    doubts = list(parts.doubts)
    district = written
    if division is None:
        names = {state.division.name for state in possible}
        if len(names) == 1 and possible[0].division.level == COUNTY:
            district = names.pop()
        places = "、".join(sorted({"".join(d.name for d in state.division.path[-2:]) for state in possible}))
        doubts.append(f"district: 有多个同名，未能判定：{places}")
        division = common_ground(possible)
    else:
        doubts.extend(_doubts(division, possible))
    if written:
        doubts.append(f"district: {written}不在区划表中，按原文保留")
    if parts.town is not None:
        doubts.extend(_town_doubts(parts.town, division))
    return assemble(division, district, parts.town.name if parts.town else "", detail, tuple(doubts))


def assemble(
    division: Division | None, district: str, town: str, detail: str, doubts: tuple[str, ...]
) -> ParsedAddress:
    """The answer for the lowest sure division; `district` stands in where none is sure."""
    if division is None:
        return ParsedAddress("", "", district, town, detail, "", doubts)
    city = division.city or (division.name if division.name in _MUNICIPALITIES else "")
    return ParsedAddress(
        division.province, city, division.district or district, town, detail, division.official_code, doubts
    )


def _doubts(division: Division, possible: tuple[State, ...]) -> list[str]:
    renamed_city = f"现为{division.city}" if division.city != division.district else "-"
    notes = [state.note for state in possible if state.division is division and state.note]
    doubts = [f"{'city' if note.endswith(renamed_city) else 'district'}: {note}" for note in notes]
    others = [state.division.name for state in possible if not state.main and state.division is not division]
    if others:
        doubts.append(f"district: 也可能属于{'、'.join(others)}")
    if division.zone:
        doubts.append(f"district: {division.name}不是行政区，按原文保留")
    if any(s.main and s.division not in division.path and division not in s.division.path for s in possible):
        doubts.append("district: 有多个同名，取了较高一级")
    return doubts


def _town_doubts(town: FoundTown, division: Division | None) -> list[str]:
    if not town.towns:
        return [f"town: {town.name}不在区划表中，按原文保留"]
    moved = {found.moved_to for found in town.towns if found.county is division}
    doubts = [f"town: {town.name}现属{county}" for county in moved if county]
    homes = {found.county for found in town.towns}
    if division is not None and division.level == COUNTY and division not in homes:
        doubts.append(f"town: {town.name}属{'、'.join(sorted(home.name for home in homes))}，不属{division.name}")
    return doubts if town.sure else [*doubts, "town: 由简称推定"]


def _town_alone(table: Divisions, text: str, start: int, town: FoundTown | None) -> ParsedAddress:
    """No level above the town is named: it is given with its county only when the whole country has one such town."""
    if town is None or not town.sure:
        inside = towns.town_inside(table, text[: start + _WITHIN], start, ())
        town = inside._replace(start=start, end=start) if inside else town
    if town is None:
        written = towns.county_by_form(text, start)
        doubts = (f"district: {written}不在区划表中，按原文保留",) if written else ()
        return ParsedAddress(district=written, detail=text[start + len(written) :].strip(EDGES), uncertain=doubts)
    detail = (text[start : town.start] + text[town.end :]).strip(EDGES)
    counties = {found.county.code: found.county for found in town.towns if found.naming is not Naming.RETIRED}
    if len(counties) == 1 and town.sure:
        county = next(iter(counties.values()))
        return assemble(county, "", town.name, detail, ("district: 由乡镇推定",))
    return ParsedAddress(town=town.name, detail=detail, uncertain=("province: 原文没有写省、市、区",))
