"""Reads province, city and county from the text of an address, in whatever order and however often they are named.

A chain is a run of names that one path through the table explains. Every step keeps all divisions that are still
possible, so a homonym (鼓楼区) is decided by whichever level comes before or after it, or stays undecided.
"""

import re
from typing import NamedTuple

from miandan.addresses.divisions import CITY, COUNTY, PROVINCE, Candidate, Division, Divisions, Naming

_BETWEEN = re.compile(
    r"(?:[\s,:/_\-|>.*·#?]|null|NULL|undefined|市辖区|(?:省|自治区)直辖县级行政(?:区划|单位)|县级市(?=[^\u4e00-\u9fff]))+"
)
_COUNTRY = re.compile(r"中华人民共和国|中国(?=..[省市]|...?自治区)")
_ROAD = r"[东西南北中上下大老新一二三四五六七八九十\d]{0,3}(?:路(?!桥)|街(?!道)|大街|大道|巷|弄|胡同)"
_LANDMARK = (
    r"大学|学院|师范|理工|中学|小学|医院|银行|[东西南北]?(?:火车)?站|机场|大厦|大酒店|宾馆|饭店|国际|广场|剧院|体育"
)
_AFTER_FULL = re.compile(r"[路街](?=[\d东西南北与和,\s]|$)|大街(?![镇乡])|大道|村|街道")
_AFTER_SHORT_CITY = re.compile(rf"{_ROAD}|湾|街道|镇(?![江海雄远平原安康宁赉沅坪巴])")
_AFTER_SHORT_COUNTY = re.compile(
    rf"{_ROAD}|{_LANDMARK}|街道|镇(?![江海雄远平原安康宁赉沅坪巴])|乡|村|大桥|花园|花苑|小区|公寓|大楼|酒店|商城|商厦|新村|家园|名苑|"
    r"华庭|府邸|先生|女士|小姐|老师|收(?:$|\))"
)
_LANDMARKS = re.compile(_LANDMARK)
_STRAY_SUFFIX = re.compile(r"[省市区县州](?![内外里中])")
_FARTHEST_START = 80


class State(NamedTuple):
    """A division that explains the chain so far; `weak` counts its short and retired names."""

    division: Division
    weak: int
    note: str
    main: bool


class Chain(NamedTuple):
    """Names read in one run. `end` stands after the last that said something new, `after_repeats` after all of them."""

    start: int
    end: int
    after_repeats: int
    states: tuple[State, ...]
    steps: int
    sure: bool


class _Step(NamedTuple):
    end: int
    states: tuple[State, ...]
    naming: Naming
    new: bool
    last: bool


def skip_separators(text: str, start: int) -> int:
    """Where the next word begins, past separators and the fillers that exports write between the levels."""
    found = _BETWEEN.match(text, start)
    return found.end() if found else start


def read_chain(table: Divisions, text: str, start: int, states: tuple[State, ...] = ()) -> Chain | None:
    """The longest chain that begins at `start`, going on from `states`; None when no division is named there."""
    country = _COUNTRY.match(text, start)
    position = position_of_first = country.end() if country else start
    kept_end = after = position
    kept = states
    steps, sure = 0, False
    while True:
        position = skip_separators(text, position)
        step = _step(table, text, position, states)
        if step is None:
            break
        states, position, after = step.states, step.end, step.end
        if step.new or step.naming in (Naming.FULL, Naming.RETIRED):
            kept, kept_end = states, step.end
            steps += step.new
            sure = sure or step.naming in (Naming.FULL, Naming.RETIRED)
        if step.last:
            break
    if not steps and kept_end == position_of_first:
        return None
    return Chain(start, kept_end, after, kept, steps, sure)


def find_chain(table: Divisions, text: str, start: int, states: tuple[State, ...] = ()) -> Chain | None:
    """The chain from `start` on that says most: a full name, or several names."""
    best: Chain | None = None
    for begin in range(start, min(len(text) - 2, start + _FARTHEST_START)):
        if text[begin : begin + 2] not in table.lengths or (best and begin < best.end):
            continue
        chain = read_chain(table, text, begin, states)
        if chain is None or not chain.steps or chain.end - begin < 2:
            continue
        if not chain.sure and chain.steps < 2:
            # A short name at the very end may still decide between homonyms: 鼓楼区中山路1号 福建福州.
            if not states or chain.after_repeats < len(text) or len(chain.states) == len(states):
                continue
            chain = chain._replace(end=chain.after_repeats)
        if best is None or chain.steps > best.steps:
            best = chain
    return best


def _step(table: Divisions, text: str, start: int, states: tuple[State, ...]) -> _Step | None:
    for length in table.lengths.get(text[start : start + 2], ()):
        name = text[start : start + length]
        candidates = table.names.get(name)
        if candidates is None or len(name) < length:
            continue
        found, naming, new = _narrow(states, candidates)
        if not found:
            continue
        step = _accept(text, start, start + length, found, naming, new)
        if step is not None:
            return step
    return None


def _accept(text: str, start: int, end: int, found: tuple[State, ...], naming: Naming, new: bool) -> _Step | None:
    """The step if what follows the name lets it be a division: 江北大道 is a road, 浙江大学 stays in the detail."""
    if naming in (Naming.FULL, Naming.RETIRED):
        return None if _AFTER_FULL.match(text, end) else _Step(end, found, naming, new, False)
    upper = tuple(state for state in found if _gives_its_name(state.division))
    if (
        _AFTER_SHORT_CITY.match(text, end)
        if upper and len(upper) == len(found)
        else _AFTER_SHORT_COUNTY.match(text, end)
    ):
        return None
    if upper and _LANDMARKS.match(text, end):
        return _Step(start, upper, naming, new, True)
    stray = _STRAY_SUFFIX.match(text, end)
    if stray:
        end = stray.end()
    return _Step(end, found, naming, new, False)


def _gives_its_name(division: Division) -> bool:
    """Landmarks are named after provinces, cities and county-level cities: 杭州东站, 义乌国际商贸城."""
    return division.level <= CITY or division.name.endswith("市")


def _narrow(states: tuple[State, ...], candidates: tuple[Candidate, ...]) -> tuple[tuple[State, ...], Naming, bool]:
    """The states that the name allows, how surely it is named, and whether it says something new."""
    if not states:
        begun = [c for c in candidates if c.naming <= (Naming.FULL if c.division.zone else Naming.RETIRED)]
        if not begun:
            return (), Naming.SHORT, False
        naming = min(candidate.naming for candidate in begun)
        return tuple(State(c.division, int(c.naming), c.note, c.main) for c in begun), naming, True
    found: dict[str, State] = {}
    naming, new = Naming.RETIRED_SHORT, False
    for candidate in candidates:
        division = candidate.division
        for state in states:
            if division is state.division or division in state.division.path:
                now, deeper = state.division, False
            elif state.division in division.path:
                now, deeper = division, True
            else:
                continue
            weak = state.weak + candidate.naming
            known = found.get(now.code)
            if known is None or weak < known.weak:
                note = state.note if state.note or not candidate.note else candidate.note
                found[now.code] = State(now, weak, note, state.main and candidate.main)
            naming = candidate.naming if len(found) == 1 else min(naming, candidate.naming)
            new = new or deeper
    if len(found) < len(states):
        new = True
    return tuple(found.values()), naming, new


def settle(states: tuple[State, ...]) -> tuple[Division | None, tuple[State, ...]]:
    """The one division meant, and all that were possible; None when it stays undecided among several."""
    surest = min(state.weak for state in states)
    likely = tuple(state for state in states if state.weak == surest)
    if any(state.main for state in likely):
        likely = tuple(state for state in likely if state.main)
    tops = [s for s in likely if not any(o.division in s.division.path for o in likely if o is not s)]
    if len(tops) == 1:
        return tops[0].division, states
    upper = [state for state in tops if state.division.level < COUNTY]
    if len(upper) == 1:
        return upper[0].division, states
    return None, likely


def common_ground(states: tuple[State, ...]) -> Division | None:
    """The lowest division that all states lie in, when there is one."""
    ground: Division | None = None
    for level in zip(*(state.division.path for state in states), strict=False):
        if any(division is not level[0] for division in level):
            break
        ground = level[0]
    return ground


__all__ = ["PROVINCE", "Chain", "State", "common_ground", "find_chain", "read_chain", "settle", "skip_separators"]
