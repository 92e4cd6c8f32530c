"""Completes an address in columns (浙江 | 温州 | 龙湾) to full names and code, and says where the columns disagree."""

from collections.abc import Sequence

from miandan.addresses.cleaning import clean
from miandan.addresses.divisions import CITY, Division, Divisions, divisions
from miandan.addresses.levels import State, read_chain, skip_separators
from miandan.addresses.model import ParsedAddress
from miandan.addresses.reading import EDGES, Parts, answer, by_town, past_repetition, read_address
from miandan.addresses.towns import FoundTown, town_at, town_by_form, zone_at

_FILLERS = frozenset(
    [
        "",
        "市辖区",
        "县",
        "省直辖县级行政区划",
        "省直辖县级行政单位",
        "自治区直辖县级行政区划",
        "其它区",
        "其他区",
        "null",
        "-",
        "/",
    ]
)


def complete_columns(province: str, city: str, district: str, town: str, detail: str) -> ParsedAddress:
    """See `addresses.complete`."""
    table = divisions()
    columns = {"province": province, "city": city, "district": district}
    written = {level: clean(column).strip(EDGES) for level, column in columns.items()}
    town, detail = clean(town).strip(EDGES), clean(detail).strip(EDGES)
    states: tuple[State, ...] = ()
    unknown: dict[str, str] = {}
    for level, name in written.items():
        if name in _FILLERS:
            continue
        chain = read_chain(table, name, 0, states)
        if chain is not None and chain.after_repeats == len(name):
            states = chain.states
        elif _repeats(table, name, states):
            continue
        elif (
            level == "district"
            and states
            and all(state.division.level == CITY for state in states)
            and zone_at(name, 0)
        ):
            unknown[level] = name
        elif states and read_chain(table, name, 0) is not None:
            return _as_written(written, town, detail, f"{level}: {name}与前面的省市不符")
        else:
            unknown[level] = name
    if not states:
        return _without_levels(table, written, town, detail, unknown)
    return _with_levels(table, states, unknown, town, detail)


def _repeats(table: Divisions, name: str, states: tuple[State, ...]) -> bool:
    """The column says again what a column before it said."""
    again = {candidate.division for candidate in table.names.get(name, ())}
    return any(division in again for state in states for division in state.division.path)


def _as_written(written: dict[str, str], town: str, detail: str, doubt: str) -> ParsedAddress:
    """Columns that contradict each other are handed on unchanged and without a code: nothing is guessed."""
    return ParsedAddress(written["province"], written["city"], written["district"], town, detail, "", (doubt,))


def _without_levels(
    table: Divisions, written: dict[str, str], town: str, detail: str, unknown: dict[str, str]
) -> ParsedAddress:
    if unknown:
        level, name = next(iter(unknown.items()))
        return _as_written(written, town, detail, f"{level}: {name}不在区划表中")
    return read_address(table, f"{town} {detail}".strip())


def _with_levels(
    table: Divisions, states: tuple[State, ...], unknown: dict[str, str], town: str, detail: str
) -> ParsedAddress:
    """The detail may name the levels again, and it may name what the columns leave out."""
    start = 0
    chain = read_chain(table, detail, 0, states)
    if chain is not None and chain.sure and not unknown:
        states, start = chain.states, skip_separators(detail, chain.end)
    among = [state.division for state in states]
    found = _town_column(table, town, among) if town else town_at(table, detail, start, among)
    if not town and (found is None or not found.sure):
        found = town_by_form(table, detail, start, among)
    if found is not None and not unknown:
        states = by_town(states, found)
    if found is not None and not town:
        start, states = past_repetition(table, detail, found, states)
    elif found is not None and detail.startswith(found.name, start):
        start += len(found.name)
    return answer(Parts(states, found, "", 0), detail[start:].strip(EDGES), unknown.get("district", ""))


def _town_column(table: Divisions, town: str, among: Sequence[Division]) -> FoundTown:
    found = town_at(table, town, 0, among)
    if found is not None and found.reach == len(town):
        return found._replace(sure=True)
    return FoundTown(town, 0, len(town), (), True, len(town))
